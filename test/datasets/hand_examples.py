"""Hands, pictures and files for fixtures in the formats of published data sets.

The open hand stands for MANO: it has the same arrays, a mean pose and principal components included.
"""

from __future__ import annotations

import pickle
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
from hoi_perception.types import Side

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
