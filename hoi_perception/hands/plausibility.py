"""When landmarks are those of a hand, and when two sets are those of the same hand."""

from __future__ import annotations

import math

import numpy as np

from hoi_perception.hands.landmarks import region_from_landmarks
from hoi_perception.types import HandLandmarks, HandRegion
from hoi_perception.visible_area import VisibleArea

_ACCEPT_PRESENCE = 0.5
_AGREEMENT = 0.12  # mean distance of two looks at one hand over the side of its region
_INSIDE = 0.5  # share of the landmarks that must lie in the image
_SAME_DISTANCE = 0.25  # mean distance of the landmarks of one hand found twice, over the side of its region
_SAME_OVERLAP = 0.5  # intersection of their boxes over the smaller one, where the fingers are counted differently
_SAME_CENTER = 0.2  # distance of their middles over the side of the larger region, likewise
_SAME_PLACE = 0.3  # distance of the centres of two regions for one hand, over the larger side
_SAME_SIZE = 1.7  # ratio of their sides


def agree(first: HandLandmarks, again: HandLandmarks) -> bool:
    """Whether a look and the second one from its own landmarks both see a hand, in the same place."""
    present = min(first.presence, again.presence) >= _ACCEPT_PRESENCE
    return present and mean_distance(first, again) < _AGREEMENT * region_from_landmarks(again).size_px


def is_plausible(landmarks: HandLandmarks, width: int, height: int, visible: VisibleArea | None = None) -> bool:
    """Whether the landmarks are numbers and enough of them lie in the image, in its visible part if known."""
    if not np.isfinite(landmarks.points_px).all():
        return False
    if visible is not None:
        return float(visible.contains(landmarks.points_px).mean()) >= _INSIDE
    x, y = landmarks.points_px.T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return float(inside.mean()) >= _INSIDE


def same_hand(a: HandLandmarks, b: HandLandmarks) -> bool:
    """Whether two sets of landmarks lie on one hand, whichever side each thinks it is."""
    size = max(region_from_landmarks(a).size_px, region_from_landmarks(b).size_px)
    if mean_distance(a, b) < _SAME_DISTANCE * size:
        return True
    return _center_distance(a, b) < _SAME_CENTER * size and _overlap(a, b) > _SAME_OVERLAP


def same_neighbourhood(a: HandLandmarks, b: HandLandmarks) -> bool:
    """Whether two hands of different frames are near enough to be one hand that moved unseen."""
    size = max(region_from_landmarks(a).size_px, region_from_landmarks(b).size_px)
    return _center_distance(a, b) < size


def same_place(a: HandRegion, b: HandRegion) -> bool:
    """Whether two regions propose one hand, whatever their angles."""
    large, small = max(a.size_px, b.size_px), min(a.size_px, b.size_px)
    return large < _SAME_SIZE * small and math.dist(a.center_px, b.center_px) < _SAME_PLACE * large


def mean_distance(a: HandLandmarks, b: HandLandmarks) -> float:
    """Mean distance of corresponding landmarks, in pixels."""
    return float(np.linalg.norm(a.points_px - b.points_px, axis=1).mean())


def _center_distance(a: HandLandmarks, b: HandLandmarks) -> float:
    return float(np.linalg.norm(a.points_px.mean(axis=0) - b.points_px.mean(axis=0)))


def _overlap(a: HandLandmarks, b: HandLandmarks) -> float:
    """Intersection of the tight boxes over the smaller of them."""
    ax0, ay0, ax1, ay1 = a.box_px
    bx0, by0, bx1, by1 = b.box_px
    common = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    smaller = min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0))
    return common / smaller if smaller > 0.0 else 0.0
