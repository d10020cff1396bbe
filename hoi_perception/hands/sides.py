"""Which hand is the left one: the network's evidence over time, that a person has one of each, and how they lie.

The network alone often mistakes the side of a hand of which only the fingers show. What helps is that two hands of a
person differ, and that the order in which they lie in the image rarely changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hoi_perception.types import HandLandmarks, Side

MAX_LOG_ODDS = 4.0
"""Bound on what one image says of a side, so that no single one decides."""
_RELIABLE_PRESENCE = (
    0.97,
    0.995,
)  # presence up to which sides are mostly guessed, and from which on they are right
_LEAST_RELIABILITY = 0.1  # of the log-odds, so that faint hands get a side too
_LOOKS_AT_MOST = 25.0  # a clear hand reaches the tracker's bound with so many, a faint one a tenth of it
_LAYOUT_MEMORY = 0.99  # share of the evidence on the layout kept from image to image
_LAYOUT_CERTAIN = 3.0  # evidence on the layout at which it counts almost fully
_LAYOUT_WEIGHT = 10.0  # log-odds that a certain layout adds, for hands at least a hand apart
_ARMS_WEIGHT = (
    0.1  # of an image's evidence on the layout: what arms that do not cross tell, in nine of ten renders truly
)
_LEAST_MEAN = 0.3  # length of the mean of two directions from which on it tells where the person is


@dataclass(frozen=True)
class SideEvidence:
    """What is known of one hand: log-odds for a right hand over its past and in this image; its place in the image.

    `forward` is its direction from the wrist to the knuckles in the image, of length one; (0, 0) where it is not known.
    """

    past: float
    present: float
    x_px: float
    size_px: float
    forward: tuple[float, float] = (0.0, 0.0)


def side_log_odds(landmarks: HandLandmarks) -> float:
    """Log-odds that the hand is a right one, from one image, within +-MAX_LOG_ODDS.

    They count as much as the network is sure that there is a hand: of a hand half hidden by what it holds it is not,
    and names sides and fingers at random.
    """
    odds = min(max(_logit(landmarks.right_score), -MAX_LOG_ODDS), MAX_LOG_ODDS)
    doubtful, sure = (_logit(p) for p in _RELIABLE_PRESENCE)
    return odds * min(max((_logit(landmarks.presence) - doubtful) / (sure - doubtful), _LEAST_RELIABILITY), 1.0)


def with_look(past: float, look: float, bound: float) -> float:
    """Log-odds of a hand's past with those of another look at it, within `bound`.

    Looks in a row err together, so however many there are they count for no more than `_LOOKS_AT_MOST` of the latest.
    """
    most = min(max(abs(past), _LOOKS_AT_MOST * abs(look)), bound)
    return min(max(past + look, -most), most)


def _logit(p: float) -> float:
    p = min(max(p, 1e-6), 1.0 - 1e-6)
    return math.log(p / (1.0 - p))


def assign_sides(hands: Sequence[SideEvidence], layout: float) -> tuple[list[Side], float]:
    """Sides of the hands of one image, and the evidence on the layout to hand in with the next image (0 at first).

    `layout` is positive where the hand further left in the image is the right one (a person who faces the camera).
    Exactly two hands are taken to be one person's, and so of different sides; any other number are judged singly.
    Where the network is not sure of the hands, arms are taken not to cross: hands that point down in the image come
    from a person above, whose right hand is the one further left.
    """
    if len(hands) != 2:
        return [_side(hand.past) for hand in hands], layout
    first, second = sorted(range(2), key=lambda i: hands[i].x_px)
    left, right = hands[first], hands[second]
    apart = min(1.0, (right.x_px - left.x_px) / max(left.size_px, right.size_px, 1e-9))
    x, y = (0.5 * (a + b) for a, b in zip(left.forward, right.forward, strict=True))
    arms = _ARMS_WEIGHT * y / max(math.hypot(x, y), _LEAST_MEAN)
    layout = _LAYOUT_MEMORY * layout + apart * ((left.present - right.present) / (2.0 * MAX_LOG_ODDS) + arms)
    support = left.past - right.past + 2.0 * _LAYOUT_WEIGHT * apart * math.tanh(layout / _LAYOUT_CERTAIN)
    sides = [Side.LEFT, Side.LEFT]
    sides[first if support > 0 else second] = Side.RIGHT
    return sides, layout


def _side(log_odds: float) -> Side:
    return Side.RIGHT if log_odds > 0 else Side.LEFT
