"""Landmarks of an image as the fit takes them: rays with weights, left hands mirrored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hoi_perception.camera import project, undistort
from hoi_perception.config import FittingConfig
from hoi_perception.hands.lifting_terms import Observation
from hoi_perception.types import Camera, HandLandmarks, Side

_LENS_TOLERANCE_PX = 1.0  # a landmark that the lens model does not bring back to its place lies outside the lens


def observe(
    landmarks: Sequence[HandLandmarks], sides: Sequence[Side], camera: Camera, config: FittingConfig
) -> Observation:
    """Landmarks as rays, with the noise that their presence suggests; left hands mirrored.

    Points beyond what the lens model covers have no weight.
    """
    return Observation.stack(
        [_observe(mark, side, camera, config) for mark, side in zip(landmarks, sides, strict=True)]
    )


def _observe(mark: HandLandmarks, side: Side, camera: Camera, config: FittingConfig) -> Observation:
    focal = camera.focal_px
    points: NDArray[np.float64] = np.asarray(undistort(mark.points_px, camera), dtype=np.float64)
    again = project(np.column_stack([points, np.ones(21)]), camera)
    inside = np.linalg.norm(again - mark.points_px, axis=1) < _LENS_TOLERANCE_PX
    confidence = np.where(inside, mark.confidence, 0.0)
    if side is Side.LEFT:
        points[:, 0] *= -1.0
    size = mark.size_px / focal
    sigma = size * config.landmark_sigma / max(mark.presence, 0.1)
    sigma_depth = size * config.depth_sigma / max(mark.presence, 0.1)
    known = np.isfinite(mark.depth_relative)
    depth = np.where(known, mark.depth_relative, 0.0) / focal
    point_weight = confidence / sigma
    depth_weight = np.where(known, confidence, 0.0) / sigma_depth
    return Observation(points[None], depth[None], point_weight[None], depth_weight[None])
