"""Means with bootstrap confidence intervals."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

RESAMPLES = 2000


def mean_and_interval(
    values: Float64[NDArray[np.float64], " n"], seed: int = 0, level: float = 0.95
) -> tuple[float, float, float]:
    """Mean of the values that are not NaN, and the percentile bootstrap interval of it (Efron 1979); NaN for none."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return float("nan"), float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = np.array([known[rng.integers(len(known), size=len(known))].mean() for _ in range(RESAMPLES)])
    low, high = np.quantile(means, [0.5 - 0.5 * level, 0.5 + 0.5 * level])
    return float(known.mean()), float(low), float(high)
