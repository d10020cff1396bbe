"""Smoothness of sequences of hands. Metres in, millimetres out; NaN for fewer than three frames."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Array = NDArray[np.floating]
MM = 1000.0


def accel_mm_s2(predicted: Float[Array, "t n 3"], truth: Float[Array, "t n 3"], fps: float) -> float:
    """Mean error of the joints' accelerations (second difference times fps²)."""
    if predicted.shape != truth.shape:
        raise ValueError(f"prediction and truth need equal shapes: {predicted.shape}, {truth.shape}")
    second = _second_differences(predicted) - _second_differences(truth)
    return float(np.linalg.norm(second, axis=-1).mean() * fps**2 * MM) if second.size else float("nan")


def jitter_mm(joints: Float[Array, "t n 3"]) -> float:
    """RMS length of the second differences of a sequence of joints, without a truth."""
    second = _second_differences(joints)
    return float(np.sqrt((second * second).sum(axis=-1).mean()) * MM) if second.size else float("nan")


def _second_differences(joints: Float[Array, "t n 3"]) -> Float[Array, "_ n 3"]:
    return np.asarray(joints[2:] - 2.0 * joints[1:-1] + joints[:-2])
