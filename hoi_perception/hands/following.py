"""Landmarks of tracked hands in the next image, found where each hand is expected."""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import UInt8
from numpy import uint8
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import LandmarkNetwork
from hoi_perception.hands.plausibility import is_plausible
from hoi_perception.types import HandLandmarks, HandRegion

Image = UInt8[NDArray[uint8], "h w 3"]

KEEP_PRESENCE = 0.5
"""Presence from which on a tracked hand counts as seen."""
_ENLARGED = 1.3


def follow_hand(
    network: LandmarkNetwork, image_bgr: Image, expected: HandRegion, swap_red_blue: bool, retry: bool
) -> tuple[HandLandmarks | None, int]:
    """The hand's landmarks, None where it is not seen, and the evaluations spent (a second, wider look on `retry`)."""
    height, width = image_bgr.shape[:2]
    looks = [expected, replace(expected, size_px=_ENLARGED * expected.size_px)]
    for spent, region in enumerate(looks[: 2 if retry else 1], start=1):
        landmarks = network.run(image_bgr, region, swap_red_blue)
        if landmarks.presence >= KEEP_PRESENCE and is_plausible(landmarks, width, height):
            return landmarks, spent
    return None, spent
