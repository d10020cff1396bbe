"""Maps of the picture networks: their channels, what the truth of them is, how hands are read from them.

A hand stands at the middle of what is seen of it; there the map of its side peaks, and from there its region is told:
the offset of the region's middle and its size, both over the map's unit, its direction, and whether it wears a glove.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import cv2
import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.types import HandRegion, Side

Single = NDArray[np.float32]
_OVERLAP = 0.35  # of regions' sizes: centres closer than this are one hand
_NEAREST_PX = 1e-6
_PEAKS = ("hand", "point")


@dataclass(frozen=True)
class MapLayout:
    """Names of maps with the numbers of their channels, in order."""

    parts: tuple[tuple[str, int], ...]

    @property
    def channels(self) -> int:
        """Channels of all."""
        return sum(count for _, count in self.parts)

    @property
    def rare(self) -> list[int]:
        """Channels of peaks, of which a picture has few."""
        names = [name for name, _ in self.parts if name in _PEAKS]
        return [channel for name in names for channel in range(*self.of(name).indices(self.channels))]

    def of(self, name: str) -> slice:
        """The channels of a map."""
        ends = list(accumulate(count for _, count in self.parts))
        index = [part for part, _ in self.parts].index(name)
        return slice(ends[index] - self.parts[index][1], ends[index])


HAND_PARTS = (("hand", 2), ("offset", 2), ("size", 1), ("direction", 2), ("glove", 1))
"""Logits of a left and a right hand's middle; offset x and y over the size; logarithm of the size over the picture's
longer side; sine and cosine of the region's angle; logit of a glove."""
HEAD_MAPS = MapLayout(HAND_PARTS)
PARSER_MAPS = MapLayout((*HAND_PARTS, ("pixel", 6), ("point", 3), ("family", 5)))
"""Those of hands; logits of `PixelClass`, of `PointKind` and of `FAMILIES`."""


@dataclass(frozen=True)
class HandProposal:
    """A region that may hold a hand: score (0 to 1), probability of a right hand and of a glove."""

    region: HandRegion
    score: float
    right: float
    glove: float

    @property
    def side(self) -> Side:
        """The likelier side."""
        return Side.RIGHT if self.right >= 0.5 else Side.LEFT


def read_hands(
    maps: Float32[Single, "h w c"], layout: MapLayout, stride: float, span: float, threshold: float, most: int = 8
) -> list[HandProposal]:
    """Hands at the peaks of the maps, best first, in pixels of the network's picture of longer side `span`.

    Where both sides peak at a place, it is one hand.
    """
    logits = maps[..., layout.of("hand")].astype(np.float64)
    sides = 1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))
    score = sides.max(axis=-1)
    highest = cv2.dilate(score, np.ones((3, 3), np.uint8))
    peaks = np.argwhere((score >= highest) & (score >= threshold))
    peaks = peaks[np.argsort(-score[tuple(peaks.T)], kind="stable")]
    found: list[HandProposal] = []
    for y, x in peaks[: 4 * most]:
        cell = maps[y, x].astype(np.float64)
        size = float(np.exp(np.clip(cell[layout.of("size")][0], -5.0, 1.5))) * span
        dx, dy = np.clip(cell[layout.of("offset")], -2.0, 2.0) * size
        sine, cosine = cell[layout.of("direction")]
        region = HandRegion(
            (float((x + 0.5) * stride + dx), float((y + 0.5) * stride + dy)), size, float(np.arctan2(sine, cosine))
        )
        left, right = sides[y, x]
        glove = 1.0 / (1.0 + np.exp(-cell[layout.of("glove")][0]))
        proposal = HandProposal(region, float(score[y, x]), float(right / (left + right + 1e-9)), float(glove))
        if not any(_same(region, other.region) for other in found):
            found.append(proposal)
        if len(found) == most:
            break
    return found


def _same(one: HandRegion, other: HandRegion) -> bool:
    distance = float(np.hypot(one.center_px[0] - other.center_px[0], one.center_px[1] - other.center_px[1]))
    return distance < _OVERLAP * min(one.size_px, other.size_px)


@dataclass(frozen=True)
class HandTarget:
    """A hand for `draw_hands`: the middle of what is seen of it and its extent (px), region, side, glove."""

    middle_px: tuple[float, float]
    extent_px: float
    region: HandRegion
    side: Side
    gloved: bool


def draw_hands(
    hands: Sequence[HandTarget], shape: tuple[int, int], stride: float, span: float
) -> tuple[Float32[Single, "2 h w"], Float32[Single, "7 h w"]]:
    """The true peaks of both sides (Gaussians); offset, size, direction, glove, and their weight where they count."""
    height, width = shape
    y, x = (np.mgrid[:height, :width] + 0.5) * stride
    heat = np.zeros((2, height, width), dtype=np.float32)
    values = np.zeros((7, height, width), dtype=np.float32)
    for hand in hands:
        u, v = hand.middle_px
        sigma = max(0.09 * hand.extent_px, 0.9 * stride)
        bell = np.exp(-0.5 * ((x - u) ** 2 + (y - v) ** 2) / sigma**2).astype(np.float32)
        row, column = (int(np.clip(p / stride, 0, n - 1)) for p, n in ((v, height), (u, width)))
        bell[row, column] = 1.0
        side = int(hand.side is Side.RIGHT)
        heat[side] = np.maximum(heat[side], bell)
        near = bell > np.maximum(values[6], 0.2)
        size = max(hand.region.size_px, _NEAREST_PX)
        cx, cy = hand.region.center_px
        parts = (
            (cx - x) / size,
            (cy - y) / size,
            np.full_like(x, np.log(size / span)),
            np.full_like(x, np.sin(hand.region.angle_rad)),
            np.full_like(x, np.cos(hand.region.angle_rad)),
            np.full_like(x, float(hand.gloved)),
            bell,
        )
        for k, part in enumerate(parts):
            values[k][near] = part[near]
    return heat, values
