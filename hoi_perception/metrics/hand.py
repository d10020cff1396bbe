"""Errors of hands against truth. Metres in, millimetres out; the variant's key is the function's name.

Arrays of unequal shape and empty ones raise ValueError; a coordinate that is not finite makes the figure NaN (F-scores
raise ValueError).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import JointOrder
from hoi_perception.metrics.nearest import f_score
from hoi_perception.transforms import align_similarity

Array = NDArray[np.floating]
MM = 1000.0
AUC_LIMIT = 0.05
AUC_STEPS = 100
SCRIPT_EPSILON = 1e-8
"""What HO-3D's and FreiHAND's scripts add to the norms they divide by."""


def mpjpe_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Mean joint error after each set is moved to its own wrist (row 0)."""
    _check(predicted, truth)
    return mpjpe_xyz_mm(predicted - predicted[0], truth - truth[0])


def mpjpe_xyz_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Mean joint error in camera space, without any alignment."""
    _check(predicted, truth)
    return float(np.linalg.norm(predicted - truth, axis=-1).mean() * MM)


pve_xyz_mm = mpjpe_xyz_mm


def pve_mm(
    predicted: Float[Array, "n 3"],
    truth: Float[Array, "n 3"],
    predicted_wrist: Float[Array, "3"],
    truth_wrist: Float[Array, "3"],
) -> float:
    """Mean vertex error after each set is moved to its own wrist joint."""
    return mpjpe_xyz_mm(predicted - predicted_wrist, truth - truth_wrist)


def mpjpe_xy_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Root-aligned joint error in the image plane (camera x, y)."""
    _check(predicted, truth)
    return _xy_mm(predicted - predicted[0], truth - truth[0])


def mpjpe_z_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Root-aligned joint error along the optical axis (camera z)."""
    _check(predicted, truth)
    return _z_mm(predicted - predicted[0], truth - truth[0])


def pve_xy_mm(
    predicted: Float[Array, "n 3"],
    truth: Float[Array, "n 3"],
    predicted_wrist: Float[Array, "3"],
    truth_wrist: Float[Array, "3"],
) -> float:
    """Vertex error in the image plane after each set is moved to its own wrist joint."""
    return _xy_mm(predicted - predicted_wrist, truth - truth_wrist)


def pve_z_mm(
    predicted: Float[Array, "n 3"],
    truth: Float[Array, "n 3"],
    predicted_wrist: Float[Array, "3"],
    truth_wrist: Float[Array, "3"],
) -> float:
    """Vertex error along the optical axis after each set is moved to its own wrist joint."""
    return _z_mm(predicted - predicted_wrist, truth - truth_wrist)


def pa_mpjpe_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Mean error after the best similarity (scale, rotation with det > 0, translation); joints or vertices alike."""
    return mpjpe_xyz_mm(aligned(predicted, truth), truth)


pa_pve_mm = pa_mpjpe_mm


def pa_mpjpe_reflect_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Mean error aligned as in HO-3D's and FreiHAND's scripts (`align_w_scale`): a reflection passes as a rotation."""
    return mpjpe_xyz_mm(aligned_reflecting(predicted, truth), truth)


pa_pve_reflect_mm = pa_mpjpe_reflect_mm


def scale_trans_mpjpe_mm(
    predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"], order: JointOrder = JointOrder.MANO
) -> float:
    """Mean error after scaling by the true over the predicted length wrist to middle knuckle, then moving the wrist.

    HO-3D's script (`align_sc_tr`), J4 of MANO's joint order. A predicted length of 0 is not scaled, as there.
    """
    _check(predicted, truth)
    knuckle = 4 if order is JointOrder.MANO else 9
    length = float(np.linalg.norm(predicted[knuckle] - predicted[0]))
    scale = float(np.linalg.norm(truth[knuckle] - truth[0])) * (1.0 / length if length > 0.0 else 1.0)
    return mpjpe_xyz_mm(scale * (predicted - predicted[0]) + truth[0], truth)


def f5(predicted: Float[Array, "n 3"], truth: Float[Array, "m 3"]) -> float:
    """F-score over vertices at 5 mm, without alignment."""
    return f_score(predicted, truth, 0.005)


def f15(predicted: Float[Array, "n 3"], truth: Float[Array, "m 3"]) -> float:
    """F-score over vertices at 15 mm, without alignment."""
    return f_score(predicted, truth, 0.015)


def pa_f5(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """F-score over vertices at 5 mm after the best similarity."""
    return f_score(aligned(predicted, truth), truth, 0.005)


def pa_f15(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """F-score over vertices at 15 mm after the best similarity."""
    return f_score(aligned(predicted, truth), truth, 0.015)


def auc_j(predicted: Float[Array, "t n 3"], truth: Float[Array, "t n 3"]) -> float:
    """Area under the share of frames with an error d <= t, over t from 0 to 50 mm; mean over keypoints, 0 to 1.

    Trapezoids over linspace(0, 50 mm, 100), as FreiHAND's and HO-3D's scripts have it.
    """
    _check(predicted, truth)
    errors = np.linalg.norm(predicted - truth, axis=-1)
    if not np.isfinite(errors).all():
        return float("nan")
    thresholds = np.linspace(0.0, AUC_LIMIT, AUC_STEPS)
    # Over keypoints with equally many frames the mean of the areas is the area of the mean.
    share = np.searchsorted(np.sort(errors, axis=None), thresholds, side="right") / errors.size
    return float((0.5 * (share[1:] + share[:-1]) * np.diff(thresholds)).sum() / AUC_LIMIT)


auc_v = auc_j


def pa_auc_j(predicted: Float[Array, "t n 3"], truth: Float[Array, "t n 3"]) -> float:
    """`auc_j` with each frame aligned by its best similarity."""
    _check(predicted, truth)
    return auc_j(np.stack([aligned(p, t) for p, t in zip(predicted, truth, strict=True)]), truth)


pa_auc_v = pa_auc_j


def p2d_px(predicted_px: Float[Array, "n 2"], truth_px: Float[Array, "n 2"]) -> float:
    """Mean distance of projected joints, pixels of the original image."""
    _check(predicted_px, truth_px)
    return float(np.linalg.norm(predicted_px - truth_px, axis=-1).mean())


def aligned(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> Float64[NDArray[np.float64], "n 3"]:
    """The prediction after the similarity (det > 0) that brings it nearest to the truth; NaN if undefined."""
    _check(predicted, truth)
    spread = float(np.ptp(predicted, axis=0).max())
    if not (np.isfinite(spread) and np.isfinite(truth).all() and spread > 0.0):
        return np.full(truth.shape, np.nan)
    scale, R, t = align_similarity(predicted, truth)
    return np.asarray(scale * predicted @ R.T + t, dtype=np.float64)


def aligned_reflecting(
    predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]
) -> Float64[NDArray[np.float64], "n 3"]:
    """The prediction after the alignment of HO-3D's script, det not checked; NaN if undefined."""
    _check(predicted, truth)
    if not (np.isfinite(predicted).all() and np.isfinite(truth).all()):
        return np.full(truth.shape, np.nan)
    middle = truth.mean(axis=0)
    a, b = truth - middle, predicted - predicted.mean(axis=0)
    size = np.linalg.norm(a) + SCRIPT_EPSILON
    a, b = a / size, b / (np.linalg.norm(b) + SCRIPT_EPSILON)
    U, S, Vt = np.linalg.svd(a.T @ b)  # Schönemann 1966
    return np.asarray(b @ (U @ Vt).T * S.sum() * size + middle, dtype=np.float64)


def _xy_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    _check(predicted, truth)
    return float(np.linalg.norm((predicted - truth)[:, :2], axis=-1).mean() * MM)


def _z_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    _check(predicted, truth)
    return float(np.abs((predicted - truth)[:, 2]).mean() * MM)


def _check(predicted: Array, truth: Array) -> None:
    if predicted.shape != truth.shape or predicted.size == 0:
        raise ValueError(f"prediction and truth need equal shapes with points: {predicted.shape}, {truth.shape}")
