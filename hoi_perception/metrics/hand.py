"""Errors of hands against truth. Metres in, millimetres out; the variant's key is the function's name."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.transforms import align_similarity

Array = NDArray[np.floating]
MM = 1000.0


def mpjpe_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Mean joint error after each set is moved to its own wrist (row 0)."""
    return mpjpe_xyz_mm(predicted - predicted[0], truth - truth[0])


def mpjpe_xyz_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Mean joint error in camera space, without any alignment."""
    return float(np.linalg.norm(predicted - truth, axis=-1).mean() * MM)


def pve_mm(
    predicted: Float[Array, "n 3"],
    truth: Float[Array, "n 3"],
    predicted_wrist: Float[Array, "3"],
    truth_wrist: Float[Array, "3"],
) -> float:
    """Mean vertex error after each set is moved to its own wrist joint."""
    return mpjpe_xyz_mm(predicted - predicted_wrist, truth - truth_wrist)


def pa_mpjpe_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Mean error after the best similarity (scale, rotation with det > 0, translation); joints or vertices alike."""
    scale, R, t = align_similarity(predicted, truth)
    return mpjpe_xyz_mm(scale * predicted @ R.T + t, truth)


pa_pve_mm = pa_mpjpe_mm


def p2d_px(predicted_px: Float[Array, "n 2"], truth_px: Float[Array, "n 2"]) -> float:
    """Mean distance of projected joints, pixels of the original image."""
    return float(np.linalg.norm(predicted_px - truth_px, axis=-1).mean())


def jitter_mm(joints: Float[Array, "t n 3"]) -> float:
    """RMS length of the second differences of a sequence of joints; NaN for fewer than three frames."""
    if len(joints) < 3:
        return float("nan")
    second = joints[2:] - 2.0 * joints[1:-1] + joints[:-2]
    return float(np.sqrt((second * second).sum(axis=-1).mean()) * MM)
