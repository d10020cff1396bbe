"""What a row gets to see of a clip: hands as the networks found them, instruments' masks. Nothing of the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.published import Pipeline
from hoi_perception.evaluation.synthetic_clip import Clip
from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.mask_distance import MaskDistance
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.synthesis.scene import Rendered
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.types import Camera, Hand, HandLandmarks, HandParameters, Side, TrackState

Array = NDArray[np.float64]
FRAME_NS = 33_333_333
_NOT_SEEN = (TrackState.LOST, TrackState.PREDICTED)


@dataclass(frozen=True)
class SeenHand:
    """A hand that was found in a frame: its own fit, and its landmarks on the plane z = 1."""

    side: Side
    track: int
    parameters: HandParameters
    landmarks: LandmarkTerm


@dataclass(frozen=True, eq=False)
class SeenTool:
    """The visible pixels of one instrument."""

    mask: Bool[NDArray[np.bool_], "h w"]
    camera: Camera

    @cached_property
    def contour(self) -> MaskContour:
        """Points along the mask's border."""
        return MaskContour.of(self.mask, self.camera)

    @cached_property
    def distance(self) -> MaskDistance:
        """Distances to the mask."""
        return MaskDistance.of(self.mask, self.camera)


@dataclass(frozen=True, eq=False)
class Sight:
    """One frame as the rows see it; `tools` are in the scene's order, `births` counts new tracks."""

    camera: Camera
    hands: tuple[SeenHand, ...]
    tools: tuple[SeenTool, ...]
    births: int = 0


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame's share of visible joints, per hand: what the judge sorts by."""

    sight: Sight
    visible: Float64[Array, " n"]
    image_bgr: UInt8[NDArray[np.uint8], "h w 3"] | None = field(default=None, repr=False)


def watch(clip: Clip, pipeline: Pipeline, renderer: SceneRenderer, *, keep_images: bool = False) -> Iterator[Shown]:
    """Each frame of a clip rendered and run through the pipeline, which forgets first."""
    pipeline.reset()
    earlier = None
    for number, moment in enumerate(clip.moments):
        rendered = renderer.render(moment.scene, earlier)
        earlier = moment.scene
        masks = tool_masks(rendered)
        labels = np.zeros(rendered.parts.shape, dtype=np.uint16)
        for k, mask in enumerate(masks):
            labels[mask] = k + 1
        scene = pipeline.process(replace(rendered.frame(FRAME_NS * number), instrument_mask=labels))
        camera = moment.scene.camera
        hands = tuple(seen_hand(hand, camera) for hand in scene.hands if _is_seen(hand))
        tools = tuple(SeenTool(mask, camera) for mask in masks)
        sight = Sight(camera, hands, tools, scene.births)
        yield Shown(sight, rendered.visible.mean(axis=1), rendered.image_bgr if keep_images else None)


def tool_masks(rendered: Rendered) -> list[Bool[NDArray[np.bool_], "h w"]]:
    """Visible pixels of each instrument."""
    first = 1 + len(rendered.scene.hands)
    return [rendered.instances == first + k for k in range(len(rendered.scene.instruments))]


def seen_hand(hand: Hand, camera: Camera) -> SeenHand:
    """A hand of the pipeline."""
    assert hand.landmarks is not None
    return SeenHand(hand.side, hand.track_id, hand.parameters, landmark_term(hand.landmarks, camera))


def landmark_term(marks: HandLandmarks, camera: Camera) -> LandmarkTerm:
    """Landmarks with the errors that the pipeline takes for granted."""
    sigma_px = FittingConfig().landmark_sigma * marks.size_px
    points = np.asarray(undistort(marks.points_px, camera), dtype=np.float64)
    return LandmarkTerm(0, points, marks.confidence * camera.focal_px / sigma_px)


def _is_seen(hand: Hand) -> bool:
    finite = bool(np.isfinite(hand.vertices_camera).all())
    return hand.landmarks is not None and hand.state not in _NOT_SEEN and finite
