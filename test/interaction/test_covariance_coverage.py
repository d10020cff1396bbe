"""With errors just as the solver takes them to be, 95 % regions hold the truth 95 times in a hundred, uncalibrated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import plain_bodies
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.description import NamedFrame, Pose
from hoi_perception.instruments.kinematics import InstrumentState, named_frames
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.calibration import Calibration
from hoi_perception.interaction.covariance import (
    hand_covariance,
    instrument_covariance,
    joint_points,
    tangent_covariance,
)
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.solver import Solution, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
CHI2_95 = {3: 7.815, 6: 12.592}
CASES = 200
SIGMA = 0.004
CORNERS = np.array([[x, y, z] for x in (-0.05, 0.05) for y in (-0.03, 0.03) for z in (-0.01, 0.01)])
TIP = NamedFrame("tip", "base", Pose((0.08, 0.0, 0.0), (0.0, 0.0, 0.0)))


@dataclass(frozen=True)
class Corners:
    """Corners of the box where a camera saw them."""

    points: Array

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        p = Points.of_instrument(1, np.zeros(8, dtype=int), CORNERS)
        target = np.column_stack([self.points, np.zeros(8)])
        axes = [np.broadcast_to(axis, (8, 3)) for axis in np.eye(3)[:2]]
        return [RowBlock("corners", Kind.LANDMARK, p, np.full(8, 1.0 / SIGMA), axis, target) for axis in axes]


def gaussian_posture(posture: AnglePrior) -> AnglePrior:
    """The posture of grasps, less wide, without limits: Gaussian throughout."""
    far = np.full(45, 10.0)
    return replace(posture, sqrt_information=2.0 * posture.sqrt_information, lower=-far, upper=far)


def drawn_truth(posture: AnglePrior, rng: np.random.Generator) -> tuple[HandState, InstrumentState]:
    angles = posture.mean + np.linalg.solve(posture.sqrt_information, rng.normal(size=(45, CASES))).T
    turns = [np.asarray(rotation_from_axis_angle(rng.normal(size=(CASES, 3)))) for _ in range(2)]
    places = [np.array([x, 0.0, 0.45]) + rng.normal(size=(CASES, 3)) * 0.03 for x in (0.05, -0.1)]
    return HandState(places[0], turns[0], angles), InstrumentState(turns[1], places[1], np.zeros((CASES, 0)))


def seen(x: Array, rng: np.random.Generator) -> Array:
    """Points on the plane z = 1 with noise."""
    return np.asarray(x[..., :2] / x[..., 2:] + SIGMA * rng.normal(size=(*x.shape[:-1], 2)))


def squared(error: Array, covariance: Array) -> Array:
    """Squared lengths of errors (n, d) in standard deviations."""
    return np.einsum("nd,nd->n", error, np.linalg.solve(covariance, error[..., None])[..., 0])


@pytest.mark.parametrize("side", list(Side))
def test_regions_hold_the_truth_as_often_as_they_say(
    hand_model: HandModel, hands: dict[Side, HandBody], posture: AnglePrior, side: Side
) -> None:
    rng = np.random.default_rng(int(side))
    prior = gaussian_posture(posture)
    bodies = Bodies((hands[side],), (plain_bodies.body("box"),))
    hand, held = drawn_truth(prior, rng)
    truth = SceneState.of([hand], [held])
    skeleton = LandmarkModel.of(hand_model).skeleton(np.zeros((CASES, 10)))
    marks = seen(pose_skeleton(skeleton, hand).landmarks, rng)
    if side is Side.LEFT:
        marks[..., 0] *= -1.0
    corners = seen(CORNERS @ np.swapaxes(held.R, 1, 2) + held.t[:, None], rng)
    terms = [[LandmarkTerm(0, m, np.full(21, 1.0 / SIGMA)), Corners(c)] for m, c in zip(marks, corners, strict=True)]
    sigmas = np.r_[np.full(3, 0.02), np.full(3, 0.2), np.full(45, np.inf), np.full(3, 0.02), np.full(3, 0.2)]
    off = np.where(np.isinf(sigmas), 0.0, sigmas) * rng.normal(size=(CASES, 57))
    expected = bodies.moved(truth, off)
    engine = Engine(bodies, [np.zeros(10)], CASES, capacity=64)
    found = solve(engine, terms, Priors(prior, expected, np.tile(1.0 / sigmas, (CASES, 1))), truth, (15,))
    for name, share in coverage(bodies, found, truth, hand_model).items():
        assert 0.92 <= share <= 0.98, f"{name}: {share:.3f}"


def coverage(bodies: Bodies, found: Solution, truth: SceneState, hand_model: HandModel) -> dict[str, float]:
    """Shares of the truth within the 95 % regions of wrist, joints, instrument and tip."""
    points, tips = joint_points(hand_model), named_frames(plain_bodies.model("box"), (TIP,))
    mirror = np.array([bodies.hands[0].sign, 1.0, 1.0])
    skeleton = points.skeleton(np.zeros((len(found.cost), 10)))
    joints = [pose_skeleton(skeleton, state.hand(0)) for state in (truth, found.state)]
    moved = (joints[0].landmarks - joints[1].landmarks) * mirror
    turn = axis_angle_from_rotation(truth.turn[:, 0] @ np.swapaxes(found.state.turn[:, 0], 1, 2)) * mirror[0] * mirror
    errors = {
        "wrist": np.concatenate([(truth.wrist - found.state.wrist)[:, 0] * mirror, turn], axis=1),
        "instrument": np.concatenate(
            [
                (truth.base - found.state.base)[:, 0],
                axis_angle_from_rotation(truth.base_turn[:, 0] @ np.swapaxes(found.state.base_turn[:, 0], 1, 2)),
            ],
            axis=1,
        ),
        "tip": (truth.base - found.state.base)[:, 0]
        + (truth.base_turn - found.state.base_turn)[:, 0] @ np.array(TIP.pose.t),
        "joints": moved.reshape(-1, 3),
    }
    covariances: dict[str, list[Array]] = {name: [] for name in errors}
    for b in range(len(found.cost)):
        state, raw = found.state.take(np.array([b])), Calibration()
        tangent = tangent_covariance(bodies, found.matrix[b])
        hand = hand_covariance(tangent, bodies, 0, state, points, np.zeros(10), raw)
        held = instrument_covariance(tangent, bodies, 0, state, tips, raw)
        own = {"wrist": hand.wrist[None], "joints": hand.joints, "instrument": held.pose[None], "tip": held.tips}
        for name, value in own.items():
            covariances[name].append(value)
    return {
        name: float((squared(error, np.concatenate(covariances[name])) < CHI2_95[error.shape[1]]).mean())
        for name, error in errors.items()
    }
