"""Does the lifting network beat the solver's own starts? `python bench/lifting.py [--weights FILE]`.

Two sets of hands whose truth is known: sampled ones with the errors that the training draws, of a seed that it does not
use, and hands of rendered surgical scenes with the landmarks that the landmark network sees in them (side as it is, so
that poses alone are judged). Errors are of the 21 landmarks about the wrist with the true shape; every method is given
the mean shape, as the pipeline is at first. A hand is in the right basin where it is turned less than 30 degrees wrong
and its landmarks are less than 25 mm off.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import tyro
from numpy.typing import NDArray

from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.refinement import Trial, truth_grasps
from hoi_perception.hands.anatomy import angles_from_pose
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.landmarks import LandmarkNetwork, region_from_landmarks
from hoi_perception.hands.lifting_terms import Observation
from hoi_perception.hands.mirroring import mirror_axis_angle, mirror_points
from hoi_perception.hands.observation import observe
from hoi_perception.interaction.hand_descent import HandProblem
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.io.native_noise import start_warp
from hoi_perception.networks.lifted_start import LiftedStart
from hoi_perception.networks.lifter import Lifter
from hoi_perception.networks.lifting_samples import HandSampler
from hoi_perception.networks.lifting_training import held_angles
from hoi_perception.synthesis.scene import SceneHand
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.scene_sampler import sample_scene
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import HandLandmarks, Side

Array = NDArray[np.float64]
CONFIG = FittingConfig()
MODEL = LandmarkModel.of(HandModel.load(None, Side.RIGHT))
SEED = 987_654_321
Method = Callable[[HandProblem], HandState]


@dataclass(frozen=True)
class Arguments:
    """How many hands."""

    weights: Path | None = None
    """Of the network; those of the package by default."""
    sampled: int = 600
    pictures: int = 200
    grasps: int = 48


@dataclass(frozen=True)
class Hands:
    """Right-form hands: what is seen, truth, shape."""

    seen: Observation
    state: HandState
    shape: Array


def sampled(arguments: Arguments, held: Array) -> Hands:
    """Hands as in training, with the weights that the pipeline gives landmarks."""
    samples = HandSampler(MODEL, held).draw(np.random.default_rng(SEED), arguments.sampled)
    size = np.ptp(samples.seen.points, axis=1).max(axis=1)[:, None]
    seen = Observation(
        samples.seen.points,
        samples.seen.depth,
        samples.seen.point_weight / (size * CONFIG.landmark_sigma),
        samples.seen.depth_weight / (size * CONFIG.depth_sigma),
    )
    return Hands(seen, samples.state, samples.shape)


def rendered(arguments: Arguments, grasps: list) -> Hands:  # type: ignore[type-arg]
    """Hands of scenes that the landmark network accepts with the right side."""
    network, renderer = LandmarkNetwork(), SceneRenderer()
    seen, states, shapes = [], [], []
    for number in range(arguments.pictures):
        sample = sample_scene(number, grasps, SEED)
        shown = renderer.render(sample.scene, sample.earlier)
        for hand, px, visible in zip(sample.scene.hands, shown.joints_px, shown.visible, strict=True):
            marks = HandLandmarks(px, np.zeros(21), 1.0, 0.5)
            for _ in range(3):
                marks = network.run(shown.image_bgr, region_from_landmarks(marks))
            right_side = (marks.right_score > 0.5) == (hand.side is Side.RIGHT)
            if visible.mean() < 0.15 or marks.presence < 0.5 or not right_side:
                continue
            seen.append(observe([marks], [hand.side], sample.scene.camera, CONFIG))
            states.append(right_form(hand))
            shapes.append(hand.parameters.shape)
    return Hands(Observation.stack(seen), HandState.stack(states), np.stack(shapes))


def right_form(hand: SceneHand) -> HandState:
    """The state of a hand, mirrored where it is a left one."""
    pose, wrist = hand.parameters.pose, hand.parameters.wrist_camera
    if hand.side is Side.LEFT:
        pose, wrist = np.asarray(mirror_axis_angle(pose)), np.asarray(mirror_points(wrist))
    angles = angles_from_pose(pose[1:].reshape(45), MODEL.frames).reshape(1, 45)
    return HandState(wrist[None], np.asarray(rotation_from_axis_angle(pose[:1])), angles)


def judge(method: Method, hands: Hands) -> str:
    """One row of the table."""
    errors, turns, times = [], [], []
    for i in range(len(hands.shape)):
        index = np.array([i])
        problem = HandProblem(MODEL.skeleton(np.zeros((1, 10))), hands.seen.take(index))
        begin = perf_counter()
        found = method(problem)
        times.append(1e3 * (perf_counter() - begin))
        skeleton, truth = MODEL.skeleton(hands.shape[i : i + 1]), hands.state.take(index)
        x, y = (
            pose_skeleton(skeleton, HandState(np.zeros((1, 3)), s.rotation, s.angles)).landmarks[0]
            for s in (found, truth)
        )
        errors.append(1e3 * np.linalg.norm(x - x[0] - y + y[0], axis=1).mean())
        turns.append(np.degrees(np.linalg.norm(axis_angle_from_rotation(found.rotation[0] @ truth.rotation[0].T))))
    error, turn = np.array(errors), np.array(turns)
    right = 100.0 * np.mean((error < 25.0) & (turn < 30.0))
    figures = f"{right:.1f} % | {np.median(error):.1f} | {error.mean():.1f} | {100.0 * np.mean(error < 15.0):.1f} %"
    return f"{figures} | {np.median(turn):.1f}° | {np.median(times):.2f}"


def main(arguments: Arguments) -> int:
    """Prints both tables."""
    start_warp()
    grasps, _ = truth_grasps(Trial(grasps=arguments.grasps, seed=0))
    lifter = Lifter(arguments.weights)
    right = HandModel.load(None, Side.RIGHT)
    fitter = HandFitter(dict.fromkeys(Side, right), CONFIG)
    lifted = LiftedStart(lifter, MODEL, CONFIG)
    methods: dict[str, Method] = {
        "solver's own starts": lambda p: fitter.start(p).state,
        "network alone": lambda p: lifter.lift(p.seen, p.skeleton).state,
        "network, then the solver": lambda p: lifted.start(p).state,
    }
    for name, hands in (
        ("sampled", sampled(arguments, held_angles(grasps))),
        ("rendered", rendered(arguments, grasps)),
    ):
        print(f"\n| {name}, {len(hands.shape)} hands | right basin | median mm | mean mm | < 15 mm | turn | ms |")
        print("|" + "---|" * 7)
        for label, method in methods.items():
            method(HandProblem(MODEL.skeleton(np.zeros((1, 10))), hands.seen.take(np.array([0]))))
            print(f"| {label} | {judge(method, hands)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
