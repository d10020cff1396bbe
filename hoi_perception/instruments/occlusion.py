"""What hides an instrument in an image, or may be taken for it: pixels that say nothing in tracking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from jaxtyping import Float64, Int
from numpy.typing import NDArray

from hoi_perception.instruments.colour import Cover
from hoi_perception.kernels import region as kernels
from hoi_perception.rendering import NEAR_M, project_to_screen
from hoi_perception.types import Camera

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Occluder:
    """A mesh in the camera frame (m): a hand, another instrument. It covers `margin_px` more than it shows.

    It hides what is behind it; with `always`, what is before it too: one of the same colour would be taken for the
    instrument.
    """

    vertices: Float64[Array, "n 3"]
    faces: Int[NDArray[np.integer], "m 3"]
    margin_px: float = 3.0
    always: bool = False


def hide(cover: Cover, occluder: Occluder, camera: Camera) -> None:
    """Adds an occluder to what hides the scene; where it is not in front of the camera it hides nothing."""
    screen = wp.array(project_to_screen(occluder.vertices, camera), dtype=wp.vec3, device="cpu", copy=False)
    faces = wp.array(np.ascontiguousarray(occluder.faces, dtype=np.int32), dtype=wp.vec3i, device="cpu")
    pixels = wp.array(cover, dtype=wp.float32, device="cpu", copy=False)
    inputs = [screen, faces, NEAR_M, occluder.margin_px, int(occluder.always), pixels]
    wp.launch(kernels.hide, dim=len(occluder.faces), inputs=inputs, device="cpu")
