"""Axes, joint orders and the left hand of published data sets, brought to this package's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.mirroring import LeftSign
from hoi_perception.types import Camera, Distortion, Side

Array = NDArray[np.float64]

OPENCV_FROM_OPENGL: Float64[Array, "3 3"] = np.diag([1.0, -1.0, -1.0])
"""OpenGL's camera looks along -z with y up. Half a turn about x: it is its own inverse."""

OPENPOSE_FROM_INTERHAND: Int[NDArray[np.int64], "21"] = np.array(
    [20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16]
)
"""InterHand2.6M counts each finger from its tip, thumb to pinky, then the wrist (`skeleton.txt`; root 20 and 41)."""


def pinhole(
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    size: tuple[int, int],
    D: Float64[Array, " n"] | None = None,
    distortion: Distortion = Distortion.NONE,
) -> Camera:
    """A camera from its four numbers and (width, height)."""
    K = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]], dtype=np.float64)
    return Camera(K, size[0], size[1], distortion, np.zeros(0) if D is None else D)


def camera_of(K: Float[NDArray[np.floating], "3 3"], size: tuple[int, int]) -> Camera:
    """A camera without distortion from its matrix and (width, height)."""
    return Camera(np.asarray(K, dtype=np.float64), size[0], size[1])


def annotation_models(right: Path | None, left: Path | None, *, left_uncorrected: bool) -> dict[Side, HandModel]:
    """The hands that a data set's MANO parameters are for; without files the open hand.

    With `left_uncorrected` the left hand has the sign error of the official file (`shapedirs[:, 0, :]`), since
    parameters that were fitted with it give the annotated hand only with it. It is made from the corrected hand, so
    that it does not matter which of the user's files is which.
    """
    models = {
        Side.RIGHT: HandModel.load(right, Side.RIGHT),
        Side.LEFT: HandModel.load(left or right, Side.LEFT, right_file=right, left_sign=LeftSign.AUTO),
    }
    if left_uncorrected:
        model = models[Side.LEFT]
        directions = model.shape_directions * np.array([-1.0, 1.0, 1.0])[:, None]
        note = "left hand with the sign error that the data set was annotated with"
        models[Side.LEFT] = replace(model, shape_directions=directions, notes=(*model.notes, note))
    return models
