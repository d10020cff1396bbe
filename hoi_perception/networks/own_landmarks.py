"""Landmarks of a gloved hand in a region of an image, by our own head on the landmark network. No torch is needed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import INPUT_SIZE, Colours, LandmarkNetwork, crop_to_image
from hoi_perception.networks.landmark_features import LandmarkFeatures
from hoi_perception.networks.landmark_maps import CropHand, read_hand
from hoi_perception.networks.litert_network import LitertNetwork
from hoi_perception.types import HandLandmarks, HandRegion

Image = UInt8[NDArray[np.uint8], "h w 3"]
SURE = 0.10
"""Spread of a landmark's map, over the crop, up to which it counts in full."""
TRUSTED, DOUBTED = 0.15, 0.20
"""Mean spread up to which landmarks are those of a hand, and from which on they are not: on rendered hands the median
error is 0.08 of the crop at the first and 0.13 or more beyond, where places without a hand begin."""
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
        maps = self._features.run(fine_crop(image_bgr, region, INPUT_SIZE))
        return read_hand(self._head.run(maps.fine[None], maps.wide[None]))


class GlovedLandmarks:
    """The landmark network, and our own where a hand is to be seen as a gloved one: a `proposals.LandmarkLook`."""

    def __init__(self, path: Path | None = None, threads: int = 1) -> None:
        self._usual, self._own = LandmarkNetwork(threads=threads), OwnLandmarks(path, threads)

    def run(
        self, image_bgr: Image, region: HandRegion, colours: Colours = Colours.PLAIN, smooth: bool = False
    ) -> HandLandmarks:
        """Landmarks of the hand in the region; only the usual network's looks are smoothed."""
        if colours is Colours.GLOVED:
            return self._own.run(image_bgr, region)
        return self._usual.run(image_bgr, region, colours, smooth)


def in_image(hand: CropHand, region: HandRegion) -> HandLandmarks:
    """A hand of a region's crop as landmarks of the image."""
    T = crop_to_image(region, 1)
    points = hand.places @ T[:, :2].T + T[:, 2]
    confidence = np.minimum(1.0, (SURE / np.maximum(hand.spread, 1e-9)) ** 2)
    trust = float(np.clip((DOUBTED - hand.spread.mean()) / (DOUBTED - TRUSTED), 0.0, 1.0))
    presence = trust * hand.present
    return HandLandmarks(points, hand.depth * region.size_px, presence, hand.right, confidence=confidence)


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
