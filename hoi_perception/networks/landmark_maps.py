"""Maps of the head on the landmark network: their channels, and how a hand is read from them. No torch is needed.

Each landmark has a map of where it may be in the crop; its place is the mean of that, and its spread is how
unsure it is. Depths are means over the same maps; presence, side and glove are means over the crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from numpy.typing import NDArray

Single = NDArray[np.float32]
Array = NDArray[np.float64]
GRID = 14
"""Side of the maps."""
WHERE, DEPTH, PRESENT, RIGHT, GLOVE = slice(0, 21), slice(21, 42), 42, 43, 44
CHANNELS = 45


@dataclass(frozen=True)
class CropHand:
    """A hand in units of the crop, 0 to 1 from its left upper corner; `spread` is the standard deviation of each place.

    `depth` is the distance behind the wrist in the same units; the other numbers are probabilities.
    """

    places: Float64[Array, "21 2"]
    spread: Float64[Array, "21"]
    depth: Float64[Array, "21"]
    present: float
    right: float
    glove: float


def read_hand(maps: Float32[Single, "14 14 45"]) -> CropHand:
    """The hand that maps tell of."""
    flat = maps.reshape(GRID * GRID, CHANNELS).astype(np.float64)
    where = np.exp(flat[:, WHERE] - flat[:, WHERE].max(axis=0))
    where /= where.sum(axis=0)
    cells = cell_centers()
    places = where.T @ cells
    spread = np.sqrt(np.maximum((where.T @ (cells**2).sum(axis=1)) - (places**2).sum(axis=1), 0.0))
    depth = (where * flat[:, DEPTH]).sum(axis=0)
    present, right, glove = 1.0 / (1.0 + np.exp(-np.clip(flat[:, PRESENT:].mean(axis=0), -30.0, 30.0)))
    return CropHand(places, spread, depth - depth[0], float(present), float(right), float(glove))


def cell_centers() -> Float64[Array, "196 2"]:
    """Middles x, y of the maps' cells, row after row, in units of the crop."""
    middles = (np.arange(GRID) + 0.5) / GRID
    x, y = np.meshgrid(middles, middles)
    return np.column_stack([x.ravel(), y.ravel()])
