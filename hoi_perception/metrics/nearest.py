"""Nearest points of a point set, exact."""

from __future__ import annotations

import numpy as np
import warp as wp
from jaxtyping import Float, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.kernels import mesh_queries as kernels

Points = Float[NDArray[np.floating], "_ 3"]


class NearestPoints:
    """A set of points that is asked for the nearest to others. ValueError for a set that is empty or not finite."""

    def __init__(self, points: Points) -> None:
        if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0:
            raise ValueError(f"a point set has the shape (n, 3) with n > 0, this one {points.shape}")
        if not np.isfinite(points).all():
            raise ValueError("the point set has points that are not finite")
        self._points = points.astype(np.float64)
        self._centre = self._points.mean(axis=0)
        local = (self._points - self._centre).astype(np.float32)
        corners = np.repeat(np.arange(len(points), dtype=np.int32), 3)  # triangles without extent
        with wp.ScopedDevice("cpu"):
            self._mesh = wp.Mesh(wp.array(local, dtype=wp.vec3), wp.array(corners, dtype=wp.int32))

    def __call__(self, points: Points) -> tuple[Float64[NDArray[np.float64], " _"], Int64[NDArray[np.int64], " _"]]:
        """Distance to the nearest point of the set (NaN for a point that is not finite), and its index."""
        local = points.astype(np.float64) - self._centre
        finite = np.isfinite(local).all(axis=1)
        places = wp.array(np.where(finite[:, None], local, 0.0).astype(np.float32), dtype=wp.vec3, device="cpu")
        result = wp.zeros(len(points), dtype=wp.int32, device="cpu")
        inputs = [self._mesh.id, places]
        wp.launch(kernels.nearest_points, dim=len(points), inputs=inputs, outputs=[result], device="cpu")
        index = result.numpy().astype(np.int64)
        return np.asarray(np.linalg.norm(points - self._points[index], axis=1)), index


def nearest_both_ways(
    predicted: Points, truth: Points
) -> tuple[Float64[NDArray[np.float64], " _"], Float64[NDArray[np.float64], " _"]]:
    """Distances of each predicted point to the nearest true one, and the other way round."""
    return NearestPoints(truth)(predicted)[0], NearestPoints(predicted)(truth)[0]


def f_score(predicted: Points, truth: Points, threshold: float) -> float:
    """2 P R / (P + R), 0 where both are 0.

    P and R are the shares of predicted and of true points nearer than `threshold` (strictly, same unit) to the other
    set, as in the evaluation scripts of FreiHAND and HO-3D.
    """
    return f_of_distances(*nearest_both_ways(predicted, truth), threshold)


def f_of_distances(
    to_truth: Float64[NDArray[np.float64], " p"], to_predicted: Float64[NDArray[np.float64], " t"], threshold: float
) -> float:
    """The same of the distances of each point to the other set."""
    precision, recall = float((to_truth < threshold).mean()), float((to_predicted < threshold).mean())
    return 2.0 * precision * recall / (precision + recall) if precision + recall > 0.0 else 0.0
