"""Which hand holds which instrument, by what is seen of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.hand_view import HandView

Array = NDArray[np.float64]
NEAR = 0.25
"""Distance of an instrument in the image beyond which a hand does not hold it, over the size of the hand."""
_NEAREST = 4
"""Landmarks of a hand, the nearest ones to an instrument, that tell how near it is."""
_LOYALTY, _CLINGING = 0.5, 0.2
"""Share of the distance at which another hand takes over a broad instrument, and any other."""


def holders_of(
    hands: Sequence[HandView],
    places: Mapping[int, Float64[Array, "n 2"]],
    before: Mapping[int, int],
    broad: Set[int] = frozenset(),
) -> dict[int, int]:
    """For each instrument that is held the track of its hand: nearest in the picture first, one instrument a hand.

    `places` are pixels of each instrument's surface, by its track; `before` its hand in the frame before, which keeps
    it until another one is much nearer; those that are not `broad`, which images hardly show, wherever they seem to be.
    """
    pairs = []
    for tool, pixels in places.items():
        for hand in hands:
            gap, loyal = gap_of(hand, pixels), before.get(tool) == hand.track_id
            if loyal:
                gap *= _LOYALTY if tool in broad else _CLINGING
            if gap < NEAR or (loyal and tool not in broad):
                pairs.append((gap, tool, hand.track_id))
    holders: dict[int, int] = {}
    for _, tool, track in sorted(pairs):
        if tool not in holders and track not in holders.values():
            holders[tool] = track
    return holders


def gap_of(hand: HandView, pixels: Float64[Array, "n 2"]) -> float:
    """Mean distance of the landmarks nearest to an instrument, over the size of the hand; infinite for none seen."""
    points = hand.points_px[hand.landmarks.weight > 0.0]
    if len(pixels) == 0 or len(points) < _NEAREST:
        return float("inf")
    distance = np.linalg.norm(points[:, None] - pixels[None], axis=-1).min(axis=1)
    size = float(np.ptp(points, axis=0).max())
    return float(np.sort(distance)[:_NEAREST].mean()) / max(size, 1e-9)
