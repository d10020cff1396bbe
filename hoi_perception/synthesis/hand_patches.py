"""Hands cut out of rendered pictures, each with its landmarks, and places beside them where none is.

A patch is an upright square of a picture, `MARGIN` times as wide as the hand's region, so that a training can look at
it turned, moved and scaled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import crop, crop_to_image, region_from_landmarks
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.picture_classes import HANDS
from hoi_perception.synthesis.scene import Rendered
from hoi_perception.synthesis.scene_landmarks import SceneLandmarks
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.training_clutter import cluttered
from hoi_perception.synthesis.training_labels import MIN_VISIBLE, TrainingPicture, labelled
from hoi_perception.synthesis.training_stream import StreamSettings, looks_of_scene
from hoi_perception.types import HandLandmarks, HandRegion, Side

Array = NDArray[np.float64]
SIZE = 192
"""Side of a patch, px."""
MARGIN = 1.7
_LEAST_PX = 28.0
"""Side of the smallest region that teaches anything, px of the rendered picture."""
_EMPTY_TRIES, _EMPTY_HAND = 6, 0.02
"""Tries at a place without a hand, and the share of it that hands may cover."""


@dataclass(frozen=True, eq=False)
class HandPatch:
    """A patch; all in its pixels. `region` is that of the hand; without a hand it is a place that has none.

    `points_px` are the landmark network's 21 points in the order of `HandLandmarks`, `depth` their distances behind the
    wrist times the scale of the picture there, `visible` says which are seen; all zero without a hand.
    """

    image_bgr: UInt8[NDArray[np.uint8], "s s 3"]
    region: HandRegion
    points_px: Float64[Array, "21 2"]
    depth: Float64[Array, "21"]
    visible: Bool[NDArray[np.bool_], "21"]
    side: Side | None
    gloved: bool

    @property
    def present(self) -> bool:
        """Whether there is a hand."""
        return self.side is not None


class PatchMaker:
    """Renders scenes by number and cuts their patches; the same seed and number give the same ones."""

    def __init__(self, grasps: Sequence[GraspTruth], seed: int, settings: StreamSettings | None = None) -> None:
        self._grasps, self._seed, self._settings = grasps, seed, settings or StreamSettings()
        self._renderer, self._landmarks = SceneRenderer(), SceneLandmarks()

    def of_scene(self, number: int) -> list[HandPatch]:
        """The patches of a scene; none where its place cannot be rendered."""
        rng = np.random.default_rng([self._seed, number, 41])
        out: list[HandPatch] = []
        try:
            for shown in looks_of_scene(self._renderer, self._grasps, self._seed, number, self._settings):
                out += patches_of(shown, self._landmarks, rng)
        except InstrumentError:
            pass
        return out


def patches_of(shown: Rendered, landmarks: SceneLandmarks, rng: np.random.Generator) -> list[HandPatch]:
    """The hands of a picture of which enough is seen, a place behind each wrist, and one elsewhere."""
    picture = cluttered(labelled(shown), rng)
    out, empty = [], []
    for hand, label in zip(shown.scene.hands, picture.hands, strict=True):
        px, depth = landmarks.seen(hand, shown.scene.camera)
        region = region_from_landmarks(HandLandmarks(px, depth, 1.0, 0.5))
        if label.visible.mean() < MIN_VISIBLE or region.size_px < _LEAST_PX or not np.isfinite(px).all():
            continue
        image, T = _cut(picture, region)
        points = (px - T[:, 2]) @ np.linalg.inv(T[:, :2]).T
        scale = SIZE / (MARGIN * region.size_px)
        here = HandRegion((SIZE / 2.0, SIZE / 2.0), SIZE / MARGIN, region.angle_rad)
        out.append(HandPatch(image, here, points, scale * depth, label.visible, label.side, label.gloved))
        back = np.array([np.sin(region.angle_rad), -np.cos(region.angle_rad)])
        behind = np.array(region.center_px) - rng.uniform(0.9, 1.4) * region.size_px * back
        empty.append(HandRegion((float(behind[0]), float(behind[1])), region.size_px, region.angle_rad))
    height, width = picture.classes.shape
    for _ in range(_EMPTY_TRIES):
        x, y = rng.uniform(0.1, 0.9, 2) * (width, height)
        size = float(np.exp(rng.uniform(np.log(0.12), np.log(0.7)))) * height
        empty.append(HandRegion((float(x), float(y)), size, float(rng.uniform(-np.pi, np.pi))))
    free = [region for region in empty if _is_free(picture, region)]
    return out + [_without_hand(picture, region) for region in free[: max(len(out), 1)]]


def _cut(
    picture: TrainingPicture, region: HandRegion
) -> tuple[UInt8[NDArray[np.uint8], "s s 3"], Float64[Array, "2 3"]]:
    """The upright square about a region, and the map from its pixels to the picture's."""
    square = HandRegion(region.center_px, MARGIN * region.size_px, 0.0)
    return crop(picture.image_bgr, square, SIZE), crop_to_image(square, SIZE)


def _is_free(picture: TrainingPicture, region: HandRegion) -> bool:
    """Whether next to nothing of a region shows a hand, and its middle lies in the picture."""
    height, width = picture.classes.shape
    x, y = region.center_px
    if not (0 <= x < width and 0 <= y < height):
        return False
    T = crop_to_image(region, 32)
    of_hands = np.isin(picture.classes, HANDS).astype(np.float32)
    inside = cv2.warpAffine(of_hands, T, (32, 32), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return float(np.asarray(inside).mean()) < _EMPTY_HAND


def _without_hand(picture: TrainingPicture, region: HandRegion) -> HandPatch:
    image, _ = _cut(picture, region)
    here = HandRegion((SIZE / 2.0, SIZE / 2.0), SIZE / MARGIN, region.angle_rad)
    nothing = np.zeros((21, 2)), np.zeros(21), np.zeros(21, dtype=bool)
    return HandPatch(image, here, *nothing, None, False)
