"""Landmarks of tracked hands in the next image, found where each hand is expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import Colours
from hoi_perception.hands.plausibility import is_plausible
from hoi_perception.hands.proposals import LandmarkLook
from hoi_perception.hands.sides import side_log_odds
from hoi_perception.types import HandLandmarks, HandRegion, Side

Image = UInt8[NDArray[np.uint8], "h w 3"]

KEEP_PRESENCE = 0.5
"""Presence from which on a tracked hand counts as seen."""
SWAPPED_CONFIDENCE = 0.3
"""Weight of fingers that were seen as those of the other hand."""
SURPRISE = 0.05
"""Mean distance of landmarks from where they are expected, over the region's side, up to which one look is enough."""
OTHER_SIDE_SURPRISE = 0.1
"""What being taken for the other hand counts as."""

# The fingers of the other hand in their place: index and pinky, middle and ring change names.
_OTHER_HAND = np.array([0, 1, 2, 3, 4, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8])
_THUMB = slice(1, 5)


@dataclass(frozen=True)
class FollowedHand:
    """A hand seen again: landmarks named for the track's side, and whether the network named them so itself.

    `evidence` is the mean of the looks' log-odds for a right hand, `looks` counts the evaluations spent.
    """

    landmarks: HandLandmarks | None
    agrees: bool
    evidence: float
    looks: int


def follow_hand(
    network: LandmarkLook,
    image_bgr: Image,
    regions: Sequence[HandRegion],
    expected_px: Float64[NDArray[np.float64], "21 2"],
    side: Side,
    *,
    colours: Colours,
    smooth: bool,
) -> FollowedHand:
    """The hand of a known side near its expected landmarks; the regions are tried in turn until a look is as expected.

    A hand half hidden by what it holds is often taken for the other hand, its fingers counted from the wrong end and
    the thumb made up. Where no look gives the right side, the fingers of the best one are renamed and the thumb left
    out.
    """
    height, width = image_bgr.shape[:2]
    sights: list[tuple[float, bool, HandLandmarks]] = []
    odds: list[float] = []
    for region in regions:
        landmarks = network.run(image_bgr, region, colours, smooth)
        if landmarks.presence < KEEP_PRESENCE or not is_plausible(landmarks, width, height):
            sights.append((np.inf, False, landmarks))
            continue
        odds.append(side_log_odds(landmarks))
        agrees = side_of(landmarks) is side
        named = landmarks if agrees else rename_fingers(landmarks)
        surprise = _distance(named, expected_px) / region.size_px + (0.0 if agrees else OTHER_SIDE_SURPRISE)
        sights.append((surprise, agrees, named))
        if surprise < SURPRISE:
            break
    surprise, agrees, best = min(sights, key=lambda sight: sight[0])
    seen = best if np.isfinite(surprise) else None
    return FollowedHand(seen, agrees, float(np.mean(odds)) if odds else 0.0, len(sights))


def _distance(landmarks: HandLandmarks, expected_px: Float64[NDArray[np.float64], "21 2"]) -> float:
    """Mean distance of the landmarks that count from where they are expected, px."""
    counts = landmarks.confidence > 0.0
    return float(np.linalg.norm(landmarks.points_px - expected_px, axis=1)[counts].mean())


def side_of(landmarks: HandLandmarks) -> Side:
    """The side that the network takes the hand for."""
    return Side.RIGHT if landmarks.right_score > 0.5 else Side.LEFT


def named_for(landmarks: HandLandmarks, side: Side) -> HandLandmarks:
    """Landmarks as those of a hand of the given side."""
    return landmarks if side_of(landmarks) is side else rename_fingers(landmarks)


def rename_fingers(landmarks: HandLandmarks) -> HandLandmarks:
    """Landmarks of a hand that was taken for the other one: fingers counted from the other end, no thumb, no depth.

    The palm of one hand looks like the back of the other, so what is near for the one is far for the other.
    """
    confidence = np.full(21, SWAPPED_CONFIDENCE)
    confidence[_THUMB] = 0.0
    return replace(
        landmarks,
        points_px=landmarks.points_px[_OTHER_HAND],
        depth_relative=np.full(21, np.nan),
        points_metric=None,
        confidence=confidence,
        right_score=1.0 - landmarks.right_score,
    )


def enlarged(region: HandRegion) -> HandRegion:
    """A wider region at the same place, for a hand that moved more than expected."""
    return replace(region, size_px=1.3 * region.size_px)
