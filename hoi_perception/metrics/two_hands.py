"""Errors of two hands against truth. Metres in, millimetres out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Array = NDArray[np.floating]
MM = 1000.0


def mrrpe_mm(
    predicted_left: Float[Array, "t 3"],
    predicted_right: Float[Array, "t 3"],
    truth_left: Float[Array, "t 3"],
    truth_right: Float[Array, "t 3"],
) -> float:
    """Mean error of the left wrist's place relative to the right one, over the frames with both hands.

    A hand that is missing in a frame has NaN there, in prediction or truth. NaN where no frame has all. InterHand2.6M's
    mean relative-root position error (Moon et al., ECCV 2020, section 6).
    """
    shapes = {a.shape for a in (predicted_left, predicted_right, truth_left, truth_right)}
    if len(shapes) > 1:
        raise ValueError(f"the four wrists need one place per frame each: shapes {sorted(shapes)}")
    error = np.linalg.norm((predicted_left - predicted_right) - (truth_left - truth_right), axis=-1)
    both = error[np.isfinite(error)]
    return float(both.mean() * MM) if both.size else float("nan")
