"""How sure the pose of a followed instrument is, all in all: what was solved, calibrated, and what sources told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.anchoring import together, without
from hoi_perception.interaction.calibration import FOLLOWED
from hoi_perception.types import ToldPose

Array = NDArray[np.float64]
DISTANCE_SIGMA = 0.03
"""Standard deviation of the distance of hand and instrument, which one camera tells worst, over that distance."""


def along(place: Float64[Array, "3"]) -> Float64[Array, "3 3"]:
    """Covariance of the distance of a place, m²."""
    off = DISTANCE_SIGMA * place
    return np.outer(off, off)


def pose_covariance(
    solved: Float64[Array, "6 6"], place: Float64[Array, "3"], several: bool, heard: Sequence[ToldPose] = ()
) -> Float64[Array, "6 6"]:
    """That of a solved pose: base link, translation then rotation.

    What images and hands say is widened, and one camera (not `several`, nor measured depth) tells distance no better
    than `along`. What sources tell counts as they state it.
    """
    image = FOLLOWED.instrument.widened(without(solved, heard) if heard else solved, 3)
    if not several:
        image[:3, :3] += along(place)
    return together(image, heard) if heard else image
