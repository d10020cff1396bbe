"""The file that the challenges of HO-3D and FreiHAND take for splits whose truth is hidden.

`[[21 joints, ...], [778 vertices, ...]]` for every image in the data set's order, metres: FreiHAND in OpenCV's axes and
OpenPose's order (`pred.py` of lmb-freiburg/freihand), HO-3D in OpenGL's axes and MANO's order (README and `pred.py` of
shreyashampali/ho3d). An image without a hand found gets the flat mean hand at the stated wrist, else 0.6 m ahead.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.datasets.conventions import OPENCV_FROM_OPENGL
from hoi_perception.datasets.errors import FileProblem
from hoi_perception.datasets.sample import joints21
from hoi_perception.evaluation.hand_errors import Points, match_hands
from hoi_perception.evaluation.published import each_once, problem_of
from hoi_perception.evaluation.published_task import Task, look
from hoi_perception.evaluation.sequence_results import result_path
from hoi_perception.hands.joints import OPENPOSE_FROM_21
from hoi_perception.types import Side

Array = NDArray[np.float64]
TAKES = ("ho3d-v2", "ho3d-v3", "freihand")
"""Data sets whose challenge takes such a file."""
MANO_FROM_OPENPOSE = np.argsort(OPENPOSE_FROM_21)


Frames = dict[tuple[str, int], Points]
"""Hands by sequence and frame."""


@dataclass
class Predicted:
    """Hands of a split so far, with how many of them were found, and the files that could not be read."""

    hands: Frames = field(default_factory=dict)
    found: int = 0
    problems: list[FileProblem] = field(default_factory=list)


def predict(task: Task, on_sequence: Callable[[str, int], None] | None = None) -> Predicted:
    """A right hand for each image that can be read; sequences that were done before are taken from their files.

    `on_sequence` hears of each sequence with its count of images.
    """
    everything = Predicted()
    for sequence in task.reader.sequences():
        path = result_path(task.folder, sequence).with_suffix(".npz")
        done = _load(path, sequence, task.identity)
        if done is None:
            done = predict_sequence(task, sequence)
            _save(path, done, task.identity)
        everything.hands |= done.hands
        everything.found += done.found
        everything.problems += done.problems
        if on_sequence is not None:
            on_sequence(sequence, len(done.hands))
    return everything


def predict_sequence(task: Task, sequence: str) -> Predicted:
    """The images of one sequence."""
    predicted = Predicted()
    task.pipeline.reset()
    for item in each_once(task.reader.read(sequence)):
        if isinstance(item, FileProblem):
            predicted.problems.append(item)
            continue
        try:
            scene = look(task.pipeline, item, still=task.reader.info.stills).scene
        except ValueError as error:
            predicted.problems.append(problem_of(item, error))
            continue
        matched, nobodys = match_hands(scene.hands, item.hands, item.camera)
        right = [hand for hand in [*matched, *nobodys] if hand is not None and hand.side is Side.RIGHT]
        wrist = next((hand.wrist_camera for hand in item.hands if hand.wrist_camera is not None), None)
        points = task.points(right[0]) if right else stand_in(task, wrist)
        predicted.hands[sequence, item.frame] = points
        predicted.found += bool(right)
    return predicted


def write_submission(path: Path, task: Task, predicted: Predicted, order: Sequence[tuple[str, int]]) -> int:
    """The challenge's file, whole or not at all; returns how many images got a stand-in because they were not read."""
    missing = stand_in(task, None)
    hands = [predicted.hands.get(place, missing) for place in order]
    freihand = task.reader.info.name == "freihand"
    axes = np.eye(3) if freihand else OPENCV_FROM_OPENGL
    rows = np.arange(21) if freihand else MANO_FROM_OPENPOSE
    content = [
        [np.round(hand.joints[rows] @ axes, 6).tolist() for hand in hands],
        [np.round(hand.vertices @ axes, 6).tolist() for hand in hands],
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return sum(place not in predicted.hands for place in order)


def stand_in(task: Task, wrist: Float64[Array, "3"] | None) -> Points:
    """The flat mean hand at a wrist, or 0.6 m ahead."""
    info = task.reader.info
    place = np.array([0.0, 0.0, 0.6]) if wrist is None else wrist
    posed = task.models[Side.RIGHT].with_shape().with_pose_at_wrist(np.zeros((16, 3)), place)
    return Points(joints21(posed, info.tips_of(Side.RIGHT), regressed=info.regressed), posed.vertices)


def _save(path: Path, predicted: Predicted, identity: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial.npz")
    problems = [[p.path, p.reason, str(p.frames)] for p in predicted.problems]
    try:
        np.savez_compressed(
            partial,
            identity=np.array(json.dumps(identity)),
            frames=np.array([frame for _, frame in predicted.hands], dtype=np.int64),
            joints=np.array([hand.joints for hand in predicted.hands.values()]).reshape(-1, 21, 3),
            vertices=np.array([hand.vertices for hand in predicted.hands.values()]).reshape(-1, 778, 3),
            found=np.array(predicted.found),
            problems=np.array(json.dumps(problems)),
        )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _load(path: Path, sequence: str, identity: dict[str, str]) -> Predicted | None:
    """What was kept of a sequence; None where there is nothing, or nothing that fits."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            if json.loads(str(kept["identity"])) != identity:
                return None
            frames, joints, vertices = kept["frames"], kept["joints"], kept["vertices"]
            problems = [FileProblem(p, reason, int(n)) for p, reason, n in json.loads(str(kept["problems"]))]
            hands = {(sequence, int(f)): Points(j, v) for f, j, v in zip(frames, joints, vertices, strict=True)}
            return Predicted(hands, int(kept["found"]), problems)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
