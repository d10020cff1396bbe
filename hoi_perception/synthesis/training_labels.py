"""What a training picture teaches: hands, classes of pixels, key points of instruments. Pixels of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.hands.landmarks import region_from_landmarks
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.synthesis.actors import EVERYDAY
from hoi_perception.synthesis.look import Part
from hoi_perception.synthesis.metalware import metalware
from hoi_perception.synthesis.picture_classes import FAMILIES, PixelClass, PointKind
from hoi_perception.synthesis.scene import Rendered, SceneInstrument
from hoi_perception.types import HandLandmarks, HandRegion, Side

Array = NDArray[np.float64]
MIN_VISIBLE = 0.2
"""Hands of which fewer joints are seen are no examples of hands, nor of anything else."""


_FAMILY_OF = {
    "forceps": "forceps",
    "tissue_forceps": "clamp",
    "scissors": "scissors",
    "needle_holder": "clamp",
    "haemostat": "clamp",
    "scalpel": "knife",
}
_CLASS_OF_PART = {
    Part.LEFT_HAND: PixelClass.LEFT_HAND,
    Part.RIGHT_HAND: PixelClass.RIGHT_HAND,
    Part.HANDLE: PixelClass.HANDLE,
    Part.SHAFT: PixelClass.SHAFT,
    Part.WORKING_PART: PixelClass.WORKING_PART,
}


@dataclass(frozen=True)
class HandLabel:
    """A hand: its 21 joints, which of them are seen, side, gloved or not, and its number among the instances."""

    joints_px: Float64[Array, "21 2"]
    visible: NDArray[np.bool_]
    side: Side
    gloved: bool
    instance: int


@dataclass(frozen=True)
class PointLabel:
    """A key point of instrument number `instance`, of a family by its index in `FAMILIES`."""

    kind: PointKind
    family: int
    px: tuple[float, float]
    instance: int


@dataclass(frozen=True)
class TrainingPicture:
    """A picture with its labels; `instances` as `Rendered` has them."""

    image_bgr: UInt8[NDArray[np.uint8], "h w 3"]
    classes: UInt8[NDArray[np.uint8], "h w"]
    instances: UInt8[NDArray[np.uint8], "h w"]
    hands: tuple[HandLabel, ...]
    points: tuple[PointLabel, ...]


def labelled(shown: Rendered) -> TrainingPicture:
    """A rendered picture with what can be learned from it."""
    scene = shown.scene
    hands = []
    for k, hand in enumerate(scene.hands):
        dress = scene.look.dress[min(k, len(scene.look.dress) - 1)]
        hands.append(HandLabel(shown.joints_px[k], shown.visible[k], hand.side, dress.cover.gloved, k + 1))
    points: list[PointLabel] = []
    classes = _class_of_part()[shown.parts]
    for k, instrument in enumerate(scene.instruments):
        instance = len(scene.hands) + k + 1
        if instrument.name in EVERYDAY:
            classes[shown.instances == instance] = PixelClass.OTHER
            continue
        family = FAMILIES.index(_FAMILY_OF.get(metalware(instrument.name).model.description.instrument_class, "other"))
        for kind, place in key_points(instrument).items():
            u, v = np.asarray(project(place[None], scene.camera))[0]
            if np.isfinite(u) and np.isfinite(v):
                points.append(PointLabel(kind, family, (float(u), float(v)), instance))
    return TrainingPicture(shown.image_bgr, classes, shown.instances, tuple(hands), tuple(points))


def key_points(instrument: SceneInstrument) -> dict[PointKind, Float64[Array, "3"]]:
    """Key points in the camera's frame, m; without tips there is none, without joints none of that kind."""
    ware = metalware(instrument.name)
    model = ware.model
    if not model.description.tips:
        return {}
    state = InstrumentState(instrument.pose.R[None], instrument.pose.t[None], instrument.joint_positions[None])
    links = pose_links(ware.tree, state)
    tips = []
    for tip in model.description.tips:
        k = model.link_names.index(tip.link)
        tips.append(links.R[0, k] @ tip.pose.t + links.t[0, k])
    out = {PointKind.TIP: np.mean(tips, axis=0)}
    turning = [joint.child for joint in model.joints if joint.kind == "revolute"]
    if turning:
        out[PointKind.JOINT] = links.t[0, model.link_names.index(turning[0])]
    out[PointKind.FAR_END] = ware.posed(instrument)[0][_far_vertex(instrument.name)]
    return out


@lru_cache(maxsize=64)
def _far_vertex(name: str) -> int:
    """The vertex farthest behind the tips, joints at zero."""
    ware = metalware(name)
    zero = np.clip(np.zeros(len(ware.tree.lower)), ware.tree.lower, ware.tree.upper)
    links = pose_links(ware.tree, InstrumentState(np.eye(3)[None], np.zeros((1, 3)), zero[None]))
    base = np.einsum("nij,nj->ni", links.R[0, ware.link], ware.vertices) + links.t[0, ware.link]
    tip = ware.model.description.tips[0]
    k = ware.model.link_names.index(tip.link)
    return int(np.linalg.norm(base - (links.R[0, k] @ tip.pose.t + links.t[0, k]), axis=1).argmax())


@lru_cache(maxsize=1)
def _class_of_part() -> UInt8[NDArray[np.uint8], " p"]:
    table = np.zeros(max(Part) + 1, dtype=np.uint8)
    for part, of in _CLASS_OF_PART.items():
        table[part] = of
    return table


def region_of(hand: HandLabel) -> HandRegion:
    """The region at which the landmark network should look."""
    return region_from_landmarks(HandLandmarks(hand.joints_px, np.zeros(21), 1.0, 0.5))
