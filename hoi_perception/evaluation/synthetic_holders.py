"""Which hand holds which instrument, by what is seen of both."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.evaluation.synthetic_sight import SeenHand, Sight

Array = NDArray[np.float64]
NEAR = 0.25
"""Distance of an instrument's mask beyond which a hand does not hold it, over the size of the hand's landmarks."""
_NEAREST = 4
"""Landmarks of a hand, the nearest ones to an instrument, that tell how near it is."""
_LOYALTY = 0.5
"""How much nearer another hand has to be to take an instrument over."""


def holders_of(sight: Sight, before: dict[int, int]) -> dict[int, int]:
    """For each instrument that is held the track of its hand: nearest in the picture first, one instrument a hand.

    A hand that held it in the frame before keeps it until another one is much nearer.
    """
    pairs = []
    for tool, seen in enumerate(sight.tools):
        for hand in sight.hands:
            gap = gap_of(hand, seen.contour.points)
            loyal = _LOYALTY if before.get(tool) == hand.track else 1.0
            if gap * loyal < NEAR:
                pairs.append((gap * loyal, tool, hand.track))
    holders: dict[int, int] = {}
    for _, tool, track in sorted(pairs):
        if tool not in holders and track not in holders.values():
            holders[tool] = track
    return holders


def gap_of(hand: SeenHand, contour: Float64[Array, "n 2"]) -> float:
    """Mean distance of the landmarks nearest to a contour, over the size of the hand; infinite for none seen."""
    points = hand.landmarks.points[hand.landmarks.weight > 0.0]
    if len(contour) == 0 or len(points) < _NEAREST:
        return float("inf")
    distance = np.linalg.norm(points[:, None] - contour[None], axis=-1).min(axis=1)
    size = float(np.ptp(points, axis=0).max())
    return float(np.sort(distance)[:_NEAREST].mean()) / max(size, 1e-9)
