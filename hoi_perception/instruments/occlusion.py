"""Pixels of an image in which something hides an instrument, or may be taken for it: they say nothing in tracking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from jaxtyping import Float64, Int
from numpy.typing import NDArray

from hoi_perception.instruments.colour import Hidden
from hoi_perception.kernels import region as kernels
from hoi_perception.rendering import NEAR_M, project_to_screen
from hoi_perception.types import Camera

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Occluder:
    """A mesh in the camera frame (m) that hides what it covers, and `margin_px` more, where it is nearer than `far_m`.

    A hand that holds the instrument hides it whole: which finger is in front is not known well enough. Another
    instrument hides as far as this one reaches; one of the same colour wherever it is, since it would be taken for it.
    """

    vertices: Float64[Array, "n 3"]
    faces: Int[NDArray[np.integer], "m 3"]
    margin_px: float = 3.0
    far_m: float = float("inf")


def hide(hidden: Hidden, occluder: Occluder, camera: Camera) -> None:
    """Sets to 1 the pixels that an occluder covers; where it is not in front of the camera it covers none."""
    screen = project_to_screen(occluder.vertices, camera)
    places = wp.array(screen, dtype=wp.vec3, device="cpu", copy=False)
    faces = wp.array(np.ascontiguousarray(occluder.faces, dtype=np.int32), dtype=wp.vec3i, device="cpu")
    pixels = wp.array(hidden, dtype=wp.uint8, device="cpu", copy=False)
    inputs = [places, faces, NEAR_M, min(occluder.far_m, 1e9), occluder.margin_px, pixels]
    wp.launch(kernels.hide, dim=len(occluder.faces), inputs=inputs, device="cpu")
