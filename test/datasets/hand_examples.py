"""Hands, pictures and files for fixtures in the formats of published data sets.

The open hand stands for MANO: it has the same arrays, a mean pose and principal components included.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hoi_perception.datasets.errors import FileProblem
from hoi_perception.datasets.sample import Reader, Sample
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import OPENPOSE_FROM_21
from hoi_perception.types import Frame, Hand, HandParameters, ScaleSource, Scene, Side, TrackState

Array = NDArray[np.float64]
HALF_TURN_X = np.diag([1.0, -1.0, -1.0])


@cache
def hand(side: Side = Side.RIGHT) -> HandModel:
    return HandModel.load(None, side)


def example_pose(seed: int = 0) -> Array:
    """A bent hand, turned by about 40 degrees (flat hand is zero)."""
    pose = 0.25 * np.random.default_rng(seed).normal(size=(16, 3))
    pose[0] = [0.5, -0.4, 0.3]
    return pose


def example_shape(seed: int = 0) -> Array:
    return np.random.default_rng(100 + seed).normal(size=10)


def joints21_of(vertices: Array, joints16: Array, tips: tuple[int, ...]) -> Array:
    """16 joints in MANO's order, then the tips."""
    return np.concatenate([joints16, vertices[list(tips)]])


def openpose(joints21: Array) -> Array:
    return joints21[OPENPOSE_FROM_21]


def write_picture(path: Path, size: tuple[int, int], shade: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((size[1], size[0], 3), shade, dtype=np.uint8)
    image[:, : size[0] // 2] = 30
    assert cv2.imwrite(str(path), image)


def write_pickle(path: Path, content: Any, protocol: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        pickle.dump(content, stream, protocol=protocol)


def samples(reader: Reader, sequence: str | None = None) -> list[Sample]:
    return [item for item in read(reader, sequence) if isinstance(item, Sample)]


def problems(reader: Reader, sequence: str | None = None) -> list[FileProblem]:
    return [item for item in read(reader, sequence) if isinstance(item, FileProblem)]


def read(reader: Reader, sequence: str | None = None) -> list[Sample | FileProblem]:
    names = reader.sequences() if sequence is None else [sequence]
    return [item for name in names for item in reader.read(name)]


def found_hand(side: Side, joints: Array, vertices: Array, **changes: Any) -> Hand:
    """A tracked hand with the given points (joints in OpenPose order)."""
    values: dict[str, Any] = {
        "side": side,
        "track_id": int(side),
        "state": TrackState.TRACKED,
        "score": 0.9,
        "parameters": HandParameters(np.zeros((16, 3)), np.zeros(10), joints[0]),
        "translation_mano": np.zeros(3),
        "joints_camera": np.asarray(joints, dtype=np.float64),
        "joint_confidence": np.ones(21),
        "vertices_camera": np.asarray(vertices, dtype=np.float32),
        "covariance_wrist": np.eye(6),
        "scale_source": ScaleSource.HAND_PRIOR,
        "landmarks": None,
        "residual_px": 0.0,
        "heldout_residual_px": 0.0,
        "limit_violation_deg": 0.0,
    }
    return Hand(**{**values, **changes})


class Oracle:
    """A pipeline that answers each frame with what it is told to; keeps count of frames and resets."""

    def __init__(self, answer: Callable[[Frame], Sequence[Hand]]) -> None:
        self.answer = answer
        self.frames: list[Frame] = []
        self.resets = 0

    def process(self, frame: Frame) -> Scene:
        self.frames.append(frame)
        return Scene(frame.stamp_ns, frame.frame_id, frame.camera, tuple(self.answer(frame)), 0, {})

    def reset(self) -> None:
        self.resets += 1
