"""Landmarks of one hand in a region of an image, and the region to look at next.

Input 224 x 224 RGB in [0, 1]; outputs 21 points in pixels of the crop, presence, handedness, 21 points in metres.
Constants are those of the published hand landmark graph (Zhang et al. 2020, MediaPipe Hands, and its graph files).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.models import LANDMARK
from hoi_perception.hands.network import Network
from hoi_perception.types import HandLandmarks, HandRegion

INPUT_SIZE = 224
OUTPUTS = ("Identity", "Identity_1", "Identity_2", "Identity_3")
"""Names of the network's outputs: points, presence, handedness, points in metres."""
_SMOOTHING = 3.0  # standard deviation in pixels of the crop; 2.5 to 4.5 do about equally well on gloves
_SKIN_RGB = np.array([1.0, 0.75, 0.62], dtype=np.float32)  # of what white skin would be
_ONE = np.float32(1.0)
_DEPTH_SCALE = 1.0 / 0.4  # the network's z times this is in the units of its x and y
_REGION_POINTS = np.array([0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18])  # wrist, thumb, two lowest joints of the fingers
_REGION_SCALE = 2.0  # side of the region over the longer side of those points' turned box
_REGION_SHIFT = 0.1  # of the box height, toward the fingers

Image = UInt8[NDArray[np.uint8], "h w 3"]


class Colours(Enum):
    """In which colours the network is shown a hand: as it is, with red and blue swapped, or tinted like skin.

    The network knows skin. Swapped, blue gloves look like it; tinted, white, cream and grey ones do.
    """

    PLAIN = "plain"
    SWAPPED = "swapped"
    TINTED = "tinted"


class LandmarkNetwork:
    """The landmark network (the original's model complexity 1)."""

    def __init__(self, path: Path | None = None, threads: int = 1) -> None:
        self._network = Network(LANDMARK, path, threads)

    def run(
        self, image_bgr: Image, region: HandRegion, colours: Colours = Colours.PLAIN, smooth: bool = False
    ) -> HandLandmarks:
        """Landmarks of the hand in the region; presence says whether there is one.

        Smoothing takes folds, prints and coding artefacts off gloves.
        """
        return landmarks_of(self._network.run(network_input(crop(image_bgr, region), colours, smooth), OUTPUTS), region)


def network_input(
    patch: UInt8[NDArray[np.uint8], "224 224 3"], colours: Colours = Colours.PLAIN, smooth: bool = False
) -> Float32[NDArray[np.float32], "1 224 224 3"]:
    """A crop as the network takes it."""
    if smooth:
        patch = np.asarray(cv2.GaussianBlur(patch, (0, 0), _SMOOTHING), dtype=np.uint8)
    rgb = patch if colours is Colours.SWAPPED else patch[:, :, ::-1]
    gain = _SKIN_RGB if colours is Colours.TINTED else _ONE
    return np.multiply(rgb, gain / np.float32(255), dtype=np.float32)[None]


def landmarks_of(outputs: Sequence[NDArray[np.float32]], region: HandRegion) -> HandLandmarks:
    """What the network's `OUTPUTS` tell of a region, in the image."""
    points, presence, right, world = outputs
    return _place(points.reshape(21, 3), float(presence[0, 0]), float(right[0, 0]), world.reshape(21, 3), region)


def crop_to_image(region: HandRegion, size: int = INPUT_SIZE) -> Float64[NDArray[np.float64], "2 3"]:
    """Affine map from pixels of the crop, `size` wide, to pixels of the image."""
    c, s = np.cos(region.angle_rad), np.sin(region.angle_rad)
    linear = region.size_px / size * np.array([[c, -s], [s, c]])
    shift = np.array(region.center_px) - linear @ np.full(2, size / 2.0)
    return np.column_stack([linear, shift])


def crop(image_bgr: Image, region: HandRegion, size: int = INPUT_SIZE) -> UInt8[NDArray[np.uint8], "size size 3"]:
    """The region as an upright square; beyond the image the border pixels repeat."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(
        image_bgr, crop_to_image(region, size), (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(patch, dtype=np.uint8)


def region_from_landmarks(landmarks: HandLandmarks) -> HandRegion:
    """Where to look for the same hand next: its palm turned upright, twice as wide as palm and knuckles."""
    points = landmarks.points_px
    knuckles = 0.25 * (points[5] + points[13]) + 0.5 * points[9]
    dx, dy = knuckles - points[0]
    angle = float(np.arctan2(dx, -dy))
    c, s = np.cos(angle), np.sin(angle)
    axes = np.array([[c, s], [-s, c]])  # rows: the region's x and y in the image
    turned = points[_REGION_POINTS] @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    width, height = high - low
    x, y = axes.T @ (0.5 * (low + high) - np.array([0.0, _REGION_SHIFT * height]))
    return HandRegion((float(x), float(y)), _REGION_SCALE * float(max(width, height)), angle)


def _place(
    points: NDArray[np.float32], presence: float, right: float, world: NDArray[np.float32], region: HandRegion
) -> HandLandmarks:
    """From the crop to the image."""
    T = crop_to_image(region)
    px = points[:, :2].astype(np.float64) @ T[:, :2].T + T[:, 2]
    depth = points[:, 2].astype(np.float64) * (_DEPTH_SCALE * region.size_px / INPUT_SIZE)
    metric = world.astype(np.float64)
    metric[:, :2] = metric[:, :2] @ T[:, :2].T * (INPUT_SIZE / region.size_px)
    return HandLandmarks(px, depth - depth[0], presence, right, metric)
