"""Alignment of an unknown object's surface by size and place alone, as EasyHOI's evaluation has it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from hoi_perception.metrics.nearest import NearestPoints

Points = Float[NDArray[np.floating], "_ 3"]
ROUNDS = 100
LEAST_GAIN = 1e-5
"""m by which the RMS distance has to fall for another round."""


def align_scaled(source: Points, target: Points) -> Float64[NDArray[np.float64], "_ 3"]:
    """The source scaled and moved, not turned, towards the target.

    First by centroid and RMS radius, then by iterative closest points in both directions (Besl and McKay 1992), each
    round the least-squares scale and translation of all pairs.
    """
    middle = target.mean(axis=0)
    source = (source - source.mean(axis=0)) * (_rms_radius(target) / _rms_radius(source)) + middle
    to_source, to_target = NearestPoints(source), NearestPoints(target)
    scale, shift, before = 1.0, np.zeros(3), np.inf
    for _ in range(ROUNDS):
        placed = scale * source + shift
        ahead, i = to_target(placed)
        back, j = to_source((target - shift) / scale)
        error = float(np.sqrt(((ahead**2).sum() + ((scale * back) ** 2).sum()) / (len(ahead) + len(back))))
        if before - error < LEAST_GAIN:
            break
        before = error
        scale, shift = _scale_and_shift(np.concatenate([source, source[j]]), np.concatenate([target[i], target]))
    return scale * source + shift


def _rms_radius(points: Points) -> float:
    radius = float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum() / len(points)))
    if not radius > 0.0:
        raise ValueError("points all in one place have no size to align")
    return radius


def _scale_and_shift(x: Points, y: Points) -> tuple[float, Float64[NDArray[np.float64], "3"]]:
    """s, t that minimise the sum of |s x + t − y|²."""
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    scale = float(((x - mean_x) * (y - mean_y)).sum() / ((x - mean_x) ** 2).sum())
    return scale, mean_y - scale * mean_x
