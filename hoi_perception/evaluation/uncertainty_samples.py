"""Errors of the joint solve on simulated grasps, beside the covariances it tells before calibration."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from multiprocessing import get_context

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.evaluation.ours import Ours, sight
from hoi_perception.evaluation.refinement import one_thread_each
from hoi_perception.hands.anatomy import angles_from_pose
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.mirroring import mirror_axis_angle, mirror_points
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, named_frames, pose_frames, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.calibration import Calibration
from hoi_perception.interaction.covariance import (
    hand_covariance,
    instrument_covariance,
    joint_points,
    tangent_covariance,
)
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.grasp import GraspFit, GraspSettings, GraspSolver, PoseSigmas
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.solver import Solution, Term, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker
from hoi_perception.synthesis.grasp_truth import Evidence, GraspEstimate, GraspTruth
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
QUANTITIES = ("wrist", "joint", "instrument", "angle", "tip")
NOISE_STEPS = (10, 10, 10)
"""Steps of each round from the truth, so that the solve ends where its cost is least."""
_UNCHANGED = Calibration()


class Regime(Enum):
    """Where a solve begins and what is wrong with what it sees.

    NOISE: the solve begins at the truth, so that no search can fail; landmarks and the rough pose have Gaussian errors
    of the sizes that the solver takes for granted, masks those of the other evaluations. COLD: a single frame without a
    past, as in the other evaluations. FOLLOWED: the last frame of a sequence that began so.
    """

    NOISE = "noise"
    COLD = "cold"
    FOLLOWED = "followed"


@dataclass(frozen=True)
class Samples:
    """Errors (truth minus estimate, m and rad) of one quantity with their covariances, and which grasp each is of."""

    errors: Float64[Array, "n d"]
    covariances: Float64[Array, "n d d"]
    grasps: Int64[NDArray[np.int64], " n"]

    @staticmethod
    def joined(parts: Sequence[Samples]) -> Samples:
        """All of them."""
        return Samples(
            np.concatenate([part.errors for part in parts]),
            np.concatenate([part.covariances for part in parts]),
            np.concatenate([part.grasps for part in parts]),
        )


def collect(groups: Sequence[Sequence[GraspTruth]], regime: Regime, seed: int, jobs: int = 1) -> dict[str, Samples]:
    """Errors and covariances of each quantity in the last frame of each group of frames, one of a grasp by itself.

    Quantities that no grasp has are left out.
    """
    numbered = list(enumerate(groups))
    if jobs == 1:
        parts = [_collect(regime, seed, numbered)]
    else:
        with one_thread_each(jobs), ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(partial(_collect, regime, seed), [numbered[k::jobs] for k in range(jobs)]))
    found = [one for part in parts for one in part]
    return {
        name: Samples.joined([one[name] for one in found if name in one])
        for name in QUANTITIES
        if any(name in one for one in found)
    }


def as_expected(
    seen: Evidence, truth: GraspTruth, sigmas: PoseSigmas, middle: Float64[Array, "3"], rng: np.random.Generator
) -> Evidence:
    """The evidence with a rough pose that errs just as `sigmas` say: about the body's `middle`, each axis by itself."""
    turn = np.asarray(rotation_from_axis_angle(sigmas.rotation * rng.standard_normal(3)))
    lever = truth.R_camera_instrument @ middle
    return replace(
        seen,
        R_camera_instrument=turn @ truth.R_camera_instrument,
        t_camera_instrument=truth.t_camera_instrument + lever - turn @ lever + sigmas.place * rng.standard_normal(3),
        joint_positions=truth.joint_positions + sigmas.angles * rng.standard_normal(len(truth.joint_positions)),
    )


def _collect(
    regime: Regime, seed: int, numbered: Sequence[tuple[int, Sequence[GraspTruth]]]
) -> list[dict[str, Samples]]:
    bench, maker, library = _Bench(regime), EvidenceMaker(), Library.find()
    found = []
    for number, truths in numbered:
        seen = maker.evidence(truths, library.get(truths[0].instrument), (seed, number))
        found.append(bench.measure(truths, seen, number, np.random.default_rng([seed, number, 1])))
    return found


@dataclass
class _FromTruth:
    """A descent that begins at the truth, wherever it is told to begin."""

    truth: SceneState | None = None

    def __call__(
        self,
        engine: Engine,
        terms: Sequence[Sequence[Term]],
        priors: Priors,
        start: SceneState,
        rounds: Sequence[int],
    ) -> Solution:
        return solve(engine, terms, priors, start if self.truth is None else self.truth, rounds)


class _Bench:
    """Solves one grasp after the other."""

    def __init__(self, regime: Regime) -> None:
        settings = GraspSettings()
        if regime is Regime.NOISE:
            joint = replace(settings.joint, steps=NOISE_STEPS)
            settings = replace(settings, align=None, joint=joint, depth_offsets=(0.0,), finalists=1)
        self._descent = _FromTruth()
        self._method = Ours(settings=settings, descend=self._descent)
        self._settings, self._regime = settings, regime
        self._hands = {side: HandModel.load(None, side) for side in Side}
        self._library = Library.find()
        right = self._hands[Side.RIGHT]
        self._landmarks, self._points = LandmarkModel.of(right), joint_points(right)

    def measure(
        self, truths: Sequence[GraspTruth], seen: Sequence[Evidence], number: int, rng: np.random.Generator
    ) -> dict[str, Samples]:
        """Errors and covariances of the last frame."""
        truth, solver = truths[-1], self._method.solver(seen[0])
        if self._regime is Regime.NOISE:
            rough = as_expected(
                seen[-1], truth, self._settings.instrument_start, solver.bodies.instruments[0].middle, rng
            )
            hand = hand_state(truth, self._landmarks.frames)
            self._descent.truth = SceneState.of([hand], [_state(truth)])
            fit = solver.start(sight(rough), hand)
        else:
            fit = self._method.first(solver, seen[0])
            for frame in seen[1:]:
                fit = solver.follow(sight(frame), fit)
        errors = self._errors(truth, self._method.estimate(seen[-1], fit))
        covariances = self._covariances(solver, fit, truth)
        return {
            name: Samples(errors[name], covariances[name], np.full(len(errors[name]), number))
            for name in QUANTITIES
            if len(errors[name])
        }

    def _errors(self, truth: GraspTruth, found: GraspEstimate) -> dict[str, Array]:
        hand = self._hands[truth.side]
        turn = rotation_from_axis_angle(truth.hand.pose[0]) @ rotation_from_axis_angle(found.hand.pose[0]).T
        wrist = np.concatenate([truth.hand.wrist_camera - found.hand.wrist_camera, axis_angle_from_rotation(turn)])
        turn = truth.R_camera_instrument @ found.R_camera_instrument.T
        moved = truth.t_camera_instrument - found.t_camera_instrument
        model = self._library.get(truth.instrument)
        tree, tips = joint_tree(model), named_frames(model)
        places = [pose_frames(pose_links(tree, _state(pose)), tips)[1][0] for pose in (truth, found)]
        return {
            "wrist": wrist[None],
            "joint": hand.posed(truth.hand).joints21() - hand.posed(found.hand).joints21(),
            "instrument": np.concatenate([moved, axis_angle_from_rotation(turn)])[None],
            "angle": (truth.joint_positions - found.joint_positions)[:, None],
            "tip": places[0] - places[1],
        }

    def _covariances(self, solver: GraspSolver, fit: GraspFit, truth: GraspTruth) -> dict[str, Array]:
        bodies = solver.bodies
        tangent = tangent_covariance(bodies, fit.solution.matrix[0])
        hand = hand_covariance(tangent, bodies, 0, fit.state, self._points, truth.shape, _UNCHANGED)
        tips = named_frames(self._library.get(truth.instrument))
        held = instrument_covariance(tangent, bodies, 0, fit.state, tips, _UNCHANGED)
        return {
            "wrist": hand.wrist[None],
            "joint": hand.joints,
            "instrument": held.pose[None],
            "angle": np.diag(held.joints)[:, None, None],
            "tip": held.tips,
        }


def hand_state(truth: GraspTruth, frames: Float64[Array, "15 3 3"]) -> HandState:
    """The truth's hand as a right hand."""
    pose, wrist = truth.hand.pose, truth.hand.wrist_camera
    if truth.side is Side.LEFT:
        pose, wrist = np.asarray(mirror_axis_angle(pose)), np.asarray(mirror_points(wrist))
    angles = angles_from_pose(pose[1:].reshape(45), frames).reshape(1, 45)
    return HandState(wrist[None], np.asarray(rotation_from_axis_angle(pose[:1]), dtype=np.float64), angles)


def _state(pose: GraspEstimate | GraspTruth) -> InstrumentState:
    return InstrumentState(pose.R_camera_instrument[None], pose.t_camera_instrument[None], pose.joint_positions[None])
