"""Cameras that stay what they are: what computes with one knows it again by identity, and keeps what it made for it."""

from __future__ import annotations

import numpy as np

from hoi_perception.types import Camera, PlacedCamera


class Steady:
    """The latest camera of one source of images, and where it stood."""

    def __init__(self) -> None:
        self._camera: Camera | None = None
        self._placed: PlacedCamera | None = None

    def camera(self, camera: Camera) -> Camera:
        """The one before where this one is the same."""
        if self._camera is None or not same_camera(self._camera, camera):
            self._camera = camera
        return self._camera

    def placed(self, placed: PlacedCamera) -> PlacedCamera:
        """The one before where this one is the same and stands in the same place."""
        if self._placed is None or not _same_placed(self._placed, placed):
            self._placed = placed
        return self._placed


def same_camera(a: Camera, b: Camera) -> bool:
    """Whether two cameras are the same in every number."""
    if a is b:
        return True
    plain = (a.width, a.height, a.distortion, a.assumed) == (b.width, b.height, b.distortion, b.assumed)
    return plain and np.array_equal(a.K, b.K) and np.array_equal(a.D, b.D)


def _same_placed(a: PlacedCamera, b: PlacedCamera) -> bool:
    """Poses through a chain of frames that move together differ in their last digits."""
    turned = np.allclose(a.R_own_first, b.R_own_first, rtol=0.0, atol=1e-9)
    moved = np.allclose(a.t_own_first, b.t_own_first, rtol=0.0, atol=1e-9)
    return a is b or (a.name == b.name and turned and moved and same_camera(a.camera, b.camera))
