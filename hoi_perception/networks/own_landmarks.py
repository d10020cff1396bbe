"""Landmarks of a gloved hand in a region of an image, by our own head on the landmark network. No torch is needed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import INPUT_SIZE, Colours, crop_to_image, landmarks_of, network_input
from hoi_perception.networks.landmark_features import LandmarkFeatures, LandmarkMaps
from hoi_perception.networks.landmark_maps import CropHand, read_hand
from hoi_perception.networks.litert_network import LitertNetwork
from hoi_perception.types import HandLandmarks, HandRegion

Image = UInt8[NDArray[np.uint8], "h w 3"]
SURE = 0.10
"""Spread of a landmark's map, over the crop, up to which it counts in full."""
TRUSTED, DOUBTED = 0.15, 0.20
"""Mean spread up to which landmarks are those of a hand, and from which on they are not: on rendered hands the median
error is 0.08 of the crop at the first and 0.13 or more beyond, where places without a hand begin."""
SIDE_SHARE = 0.1
"""Share of the head's log-odds of the side that counts: four of five are right, and errors last from image to image."""
SURE_OF_HAND, OWN_PRESENCE = 0.9, 0.8
"""Presence from which on the landmark network's own landmarks are taken, and below that the head's: of 111 rendered
places without a hand it sees none as sure as that (`bench/gloved_landmarks.py`)."""
_FINE = 2.0
"""Pixels of the image to one of the crop from which on the image is made smaller first."""


class OwnLandmarks:
    """The head with its weights, and the network that it sits on. Not for use by several threads at once.

    Raises ModelFileError where there are none, or not its own.
    """

    def __init__(self, path: Path | None = None, threads: int = 1) -> None:
        self._features = LandmarkFeatures(threads=threads)
        self._head = LitertNetwork("landmarks", path, threads)

    def run(self, image_bgr: Image, region: HandRegion) -> HandLandmarks:
        """Landmarks of the hand in the region; presence says whether there is one, confidence how sure each point is.

        A hand whose landmarks are nowhere in particular is not present, whatever else it looks like. A point whose
        place is not known counts little: twice as unsure is a quarter as much.
        """
        return in_image(self.look(image_bgr, region), region)

    def look(self, image_bgr: Image, region: HandRegion) -> CropHand:
        """The hand in the crop of a region."""
        return self.read(self.maps(image_bgr, region))

    def maps(
        self, image_bgr: Image, region: HandRegion, colours: Colours = Colours.PLAIN, smooth: bool = False
    ) -> LandmarkMaps:
        """What the landmark network makes of a region."""
        return self._features.run(network_input(fine_crop(image_bgr, region, INPUT_SIZE), colours, smooth))

    def read(self, maps: LandmarkMaps) -> CropHand:
        """The hand that the head sees in it."""
        return read_hand(self._head.run(maps.fine[None], maps.wide[None]))


class GlovedLandmarks:
    """The landmark network where it is sure of a hand, else our head on it: a `hands.proposals.LandmarkLook`."""

    def __init__(self, path: Path | None = None, threads: int = 1) -> None:
        self._own = OwnLandmarks(path, threads)

    def run(
        self, image_bgr: Image, region: HandRegion, colours: Colours = Colours.PLAIN, smooth: bool = False
    ) -> HandLandmarks:
        """Landmarks of the hand in the region, from one evaluation of the landmark network.

        Smoothed looks are made for the network alone.
        """
        maps = self._own.maps(image_bgr, region, colours, smooth)
        usual = landmarks_of(maps.outputs, region)
        if usual.presence >= SURE_OF_HAND or smooth:
            return usual
        own = in_image(self._own.read(maps), region)
        return own if own.presence >= OWN_PRESENCE else usual


def in_image(hand: CropHand, region: HandRegion) -> HandLandmarks:
    """A hand of a region's crop as landmarks of the image."""
    T = crop_to_image(region, 1)
    points = hand.places @ T[:, :2].T + T[:, 2]
    confidence = np.minimum(1.0, (SURE / np.maximum(hand.spread, 1e-9)) ** 2)
    trust = float(np.clip((DOUBTED - hand.spread.mean()) / (DOUBTED - TRUSTED), 0.0, 1.0))
    presence = trust * hand.present
    p = min(max(hand.right, 1e-9), 1.0 - 1e-9)
    right = float(1.0 / (1.0 + ((1.0 - p) / p) ** SIDE_SHARE))
    return HandLandmarks(points, hand.depth * region.size_px, presence, right, confidence=confidence)


def fine_crop(image_bgr: Image, region: HandRegion, size: int) -> UInt8[NDArray[np.uint8], "size size 3"]:
    """The region as an upright square; where it is far larger than that, pixels are averaged, not left out."""
    T = crop_to_image(region, size)
    part, corner = image_bgr, np.zeros(2)
    times = int(region.size_px / size / (_FINE / 2.0))
    if times >= _FINE:
        height, width = image_bgr.shape[:2]
        half = 0.75 * region.size_px
        low = np.clip(np.array(region.center_px) - half, 0, (width - times, height - times)).astype(int)
        high = np.clip(np.array(region.center_px) + half, low + times, (width, height)).astype(int)
        wide, high_px = (max(int(n) // times, 1) for n in high - low)
        cut = image_bgr[low[1] : low[1] + high_px * times, low[0] : low[0] + wide * times]
        part = np.asarray(cv2.resize(cut, (wide, high_px), interpolation=cv2.INTER_AREA), np.uint8)
        corner = low + 0.5 * (times - 1)
    scale = times if times >= _FINE else 1
    T = _scaled(T, corner, scale)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, T, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _scaled(T: Float64[NDArray[np.float64], "2 3"], corner: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """The map into a part of the image, whose first pixel's middle is at `corner`, that is `scale` times as small."""
    out = T / scale
    out[:, 2] = (T[:, 2] - corner) / scale
    return out
