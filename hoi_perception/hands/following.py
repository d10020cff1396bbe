"""Landmarks of tracked hands in the next image, found where each hand is expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import LandmarkNetwork
from hoi_perception.hands.plausibility import is_plausible
from hoi_perception.hands.sides import side_log_odds
from hoi_perception.types import HandLandmarks, HandRegion, Side

Image = UInt8[NDArray[np.uint8], "h w 3"]

KEEP_PRESENCE = 0.5
"""Presence from which on a tracked hand counts as seen."""
SWAPPED_CONFIDENCE = 0.3
"""Weight of fingers that were seen as those of the other hand."""
_LOOKS_FOR_SIDE = 2

# The fingers of the other hand in their place: index and pinky, middle and ring change names.
_OTHER_HAND = np.array([0, 1, 2, 3, 4, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8])
_THUMB = slice(1, 5)


@dataclass(frozen=True)
class FollowedHand:
    """A hand seen again: landmarks named for the track's side, and whether the network named them so itself.

    `evidence` are the log-odds for a right hand of the first look that saw a hand, `looks` the evaluations spent.
    """

    landmarks: HandLandmarks | None
    agrees: bool
    evidence: float
    looks: int


def follow_hand(
    network: LandmarkNetwork, image_bgr: Image, regions: Sequence[HandRegion], side: Side, *, swap_red_blue: bool, smooth: bool
) -> FollowedHand:
    """The hand of a known side in the first region that shows it; the regions are tried in turn.

    A hand half hidden by what it holds is often taken for the other hand, its fingers counted from the wrong end and
    the thumb made up. Where no look gives the right side, the fingers of the best one are renamed and the thumb left out.
    """
    height, width = image_bgr.shape[:2]
    best: HandLandmarks | None = None
    evidence = 0.0
    for looks, region in enumerate(regions, start=1):
        if best is not None and looks > _LOOKS_FOR_SIDE:
            return FollowedHand(rename_fingers(best), False, evidence, looks - 1)
        landmarks = network.run(image_bgr, region, swap_red_blue, smooth)
        if landmarks.presence < KEEP_PRESENCE or not is_plausible(landmarks, width, height):
            continue
        evidence = evidence or side_log_odds(landmarks)
        if side_of(landmarks) is side:
            return FollowedHand(landmarks, True, evidence, looks)
        if best is None or landmarks.presence > best.presence:
            best = landmarks
    return FollowedHand(None if best is None else rename_fingers(best), False, evidence, len(regions))


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
