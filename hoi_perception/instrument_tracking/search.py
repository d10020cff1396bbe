"""Where in an image an instrument of known colours may be again: its silhouette is tried everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32
from numpy.typing import NDArray

from hoi_perception.instruments.colour import AMPLITUDE, BINS, Colours, Cover, Image

LONGEST_PX = 320
"""Longer side of the picture that is searched."""
RING = 0.25
"""Width of the surroundings that have to be of other colours, over the shorter side of the silhouette's box."""
LEAST_TOLD = 0.5
"""Share of a silhouette, or of its surroundings, that has to be in the picture and not hidden to count in full."""
LEAST_SIDE = 3
"""Pixels of the searched picture that a silhouette must be wide and high."""
_MOST = float(np.log((0.5 + AMPLITUDE) / (0.5 - AMPLITUDE)))


@dataclass(frozen=True)
class Spot:
    """A place of the same silhouette: its shift in the image (px), and how well inside and surroundings agree (-1 to 1,
    the lesser of both)."""

    shift_px: tuple[float, float]
    score: float


def best_spot(image: Image, cover: Cover, colours: Colours, silhouette: Bool[NDArray[np.bool_], "h w"]) -> Spot | None:
    """The shift at which the colours within a silhouette are the instrument's, and those round it are not.

    None where the silhouette shows too little of it to be told from anything else.
    """
    height, width = silhouette.shape
    scale = min(LONGEST_PX / max(width, height), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.int64) * BINS // 256
    says = colours.table[(small[..., 0] * BINS + small[..., 1]) * BINS + small[..., 2]] / _MOST
    told = cv2.resize((~np.isfinite(cover)).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    says = np.where(told, says, 0.0).astype(np.float32)
    shape = cv2.resize(silhouette.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    if len(rows) < LEAST_SIDE or len(columns) < LEAST_SIDE:
        return None
    inside, ring = _template(shape, rows, columns)
    y, x = inside.shape[0] // 2, inside.shape[1] // 2
    own, around = (_mean_under(weights, says, told) for weights in (inside, ring))
    _, score, _, (u, v) = cv2.minMaxLoc(np.minimum(own, -around))
    here = columns[0] + (x - _margin(rows, columns)), rows[0] + (y - _margin(rows, columns))
    return Spot(((u - here[0]) / scale, (v - here[1]) / scale), float(score))


def _mean_under(
    weights: Float32[NDArray[np.float32], "th tw"],
    says: Float32[NDArray[np.float32], "h w"],
    told: Bool[NDArray[np.bool_], "h w"],
) -> Float32[NDArray[np.float32], "h w"]:
    """Mean of what pixels say under weights that sum to one, over those that say anything, at least `LEAST_TOLD`."""
    anchor = weights.shape[1] // 2, weights.shape[0] // 2
    total, share = (
        cv2.filter2D(values, cv2.CV_32F, weights, anchor=anchor, borderType=cv2.BORDER_CONSTANT)
        for values in (says, told.astype(np.float32))
    )
    return np.asarray(total / np.maximum(share, LEAST_TOLD), dtype=np.float32)


def _margin(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> int:
    return max(round(RING * min(np.ptp(rows) + 1, np.ptp(columns) + 1)), 2)


def _template(
    shape: Bool[NDArray[np.bool_], "h w"], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[Float32[NDArray[np.float32], "th tw"], Float32[NDArray[np.float32], "th tw"]]:
    """Weights of a silhouette and of its surroundings; each sums to one."""
    own = shape[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    by = _margin(rows, columns)
    inside = np.pad(own, by)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    ring = (cv2.dilate(inside.astype(np.uint8), kernel) > 0) & ~inside
    return (inside / inside.sum()).astype(np.float32), (ring / max(ring.sum(), 1)).astype(np.float32)
