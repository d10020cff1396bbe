"""Numbers as message fields take them and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64
from numpy.typing import NDArray

NOT_MEASURED = -1.0


def number(value: float, otherwise: float) -> float:
    """The value, or `otherwise` where it is not finite."""
    return float(value) if np.isfinite(value) else otherwise


def measured(value: float) -> float:
    """NaN for what was NOT_MEASURED."""
    return float(value) if value >= 0 else float("nan")


def float32(values: Float[NDArray[Any], "..."]) -> Float32[NDArray[np.float32], " n"]:
    """Flat."""
    return np.ascontiguousarray(values, dtype=np.float32).reshape(-1)


def float64(values: Any) -> Float64[NDArray[np.float64], " n"]:
    """Flat copy of a field."""
    return np.array(values, dtype=np.float64).reshape(-1)
