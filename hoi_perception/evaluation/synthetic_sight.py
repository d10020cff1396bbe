"""What a row gets to see of a clip: images, and hands as the networks found them. Nothing of the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.published_task import Pipeline
from hoi_perception.evaluation.synthetic_clip import Clip
from hoi_perception.instrument_tracking.hand_view import HandView, seen_hands
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.types import Camera, Frame, Hand

Array = NDArray[np.float64]
FRAME_NS = 33_333_333


@dataclass(frozen=True, eq=False)
class Sight:
    """One frame as the rows see it; `births` counts new tracks."""

    camera: Camera
    image_bgr: UInt8[NDArray[np.uint8], "h w 3"] = field(repr=False)
    hands: tuple[HandView, ...]
    births: int = 0


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame with what the pipeline found in it, and of the truth each hand's share of visible joints, which the judge
    sorts by, and which instrument is seen where: 1 for the scene's first one, 0 for none."""

    sight: Sight
    visible: Float64[Array, " n"]
    frame: Frame = field(repr=False)
    hands: tuple[Hand, ...] = field(repr=False)
    labels: UInt8[NDArray[np.uint8], "h w"] = field(repr=False)


def watch(clip: Clip, pipeline: Pipeline, renderer: SceneRenderer) -> Iterator[Shown]:
    """Each frame of a clip rendered and run through the pipeline, which forgets first."""
    pipeline.reset()
    earlier = None
    for number, moment in enumerate(clip.moments):
        rendered = renderer.render(moment.scene, earlier)
        earlier = moment.scene
        frame = rendered.frame(FRAME_NS * number)
        scene = pipeline.process(frame)
        camera = moment.scene.camera
        hands = seen_hands(scene.hands, camera, FittingConfig())
        sight = Sight(camera, rendered.image_bgr, hands, scene.births)
        labels = np.maximum(rendered.instances, len(moment.scene.hands)) - np.uint8(len(moment.scene.hands))
        yield Shown(sight, rendered.visible.mean(axis=1), frame, scene.hands, labels)
