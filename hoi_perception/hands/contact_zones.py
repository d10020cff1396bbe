"""Palm side, back and zones of contact of any hand file, from its rest geometry and skinning alone.

Each bone has a palmar direction: the palm side of its anatomical frame (`anatomy.joint_frames`), bone 0 the palm's
normal. A vertex or face blends the directions of its bones by its skin weights, so that the parting runs smoothly over
joints.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float64, Int8, Int64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import joint_frames, palm_normal
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import FINGER_JOINTS, TIP_NAMES
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.hands.surface import face_normals, vertex_normals
from hoi_perception.types import Side

Array = NDArray[np.float64]
_FACING = 0.3
"""Least cosine between a vertex normal and its zone's direction (within 73 degrees)."""
_PAD_FORWARD = 0.5
"""Pads look this much toward the tip for each unit toward the palm: touch happens on the tip's front too."""
_PALM_FROM, _PALM_TO = 0.1, 1.15
"""Reach of the palm from the wrist to the knuckle of the middle finger, as shares of that distance."""


class ContactZone(IntEnum):
    """Where a hand touches what it holds. Pads are the palmar and front side of the last segments, shafts the palmar
    side of the other segments (the thumb's first segment belongs to the palm)."""

    NONE = -1
    THUMB_PAD = 0
    INDEX_PAD = 1
    MIDDLE_PAD = 2
    RING_PAD = 3
    PINKY_PAD = 4
    THUMB_SHAFT = 5
    INDEX_SHAFT = 6
    MIDDLE_SHAFT = 7
    RING_SHAFT = 8
    PINKY_SHAFT = 9
    PALM = 10


PADS = tuple(ContactZone(i) for i in range(5))


@dataclass(frozen=True, eq=False)
class ContactZones:
    """The zone of each vertex."""

    of_vertex: Int8[NDArray[np.int8], "778"]

    def vertices(self, *zones: ContactZone) -> Int64[NDArray[np.int64], " n"]:
        """Indices of the vertices in the named zones; in any zone when none is named."""
        inside = np.isin(self.of_vertex, zones) if zones else self.of_vertex >= 0
        return np.flatnonzero(inside)


def palmar_faces(model: HandModel) -> Bool[NDArray[np.bool_], "1538"]:
    """Which faces look to the palm's side at rest; the others are dorsal."""
    directions = (model.skin_weights @ palmar_directions(model))[model.faces].mean(axis=1)
    facing: NDArray[np.bool_] = (face_normals(model.template, model.faces) * directions).sum(axis=1) > 0.0
    return facing


def palmar_directions(model: HandModel) -> Float64[Array, "16 3"]:
    """Unit direction to the palm's side of each bone at rest."""
    palm, frames = _right_frames(model)
    return _on_side(np.concatenate([palm[None], -frames[:, :, 1]]), model.side)


def contact_zones(model: HandModel) -> ContactZones:
    """Zones of the mean shape at rest."""
    normals = vertex_normals(model.template, model.faces)
    owner = model.skin_weights.argmax(axis=1)
    zones = np.full(owner.size, ContactZone.NONE, dtype=np.int8)
    faces_palm = _cosine(normals, model.skin_weights @ palmar_directions(model)) > _FACING
    faces_front = _cosine(normals, _pad_directions(model)[owner]) > _FACING
    for row, finger in enumerate(TIP_NAMES):
        first, middle, last = FINGER_JOINTS[finger]
        shaft = (middle,) if finger == "thumb" else (first, middle)
        zones[(owner == last) & faces_front] = PADS[row]
        zones[np.isin(owner, shaft) & faces_palm] = ContactZone(row + 5)
    palm = np.isin(owner, (0, FINGER_JOINTS["thumb"][0])) & faces_palm & _within_palm(model)
    zones[palm] = ContactZone.PALM
    return ContactZones(zones)


def _pad_directions(model: HandModel) -> Float64[Array, "16 3"]:
    _, frames = _right_frames(model)
    forward = _on_side(np.concatenate([np.zeros((1, 3)), frames[:, :, 2]]), model.side)
    return palmar_directions(model) + _PAD_FORWARD * forward


def _right_frames(model: HandModel) -> tuple[Float64[Array, "3"], Float64[Array, "15 3 3"]]:
    """Palm's direction and joint frames in the frame of the right hand."""
    joints = _on_side(model.with_shape().joints21_rest(), model.side)
    return -palm_normal(joints), joint_frames(joints)


def _on_side(points: Array, side: Side) -> Array:
    return points if side is Side.RIGHT else np.asarray(mirror_points(points), dtype=np.float64)


def _cosine(normals: Float64[Array, "n 3"], directions: Float64[Array, "n 3"]) -> Float64[Array, " n"]:
    length = np.linalg.norm(directions, axis=1)
    return np.asarray((normals * directions).sum(axis=1) / np.maximum(length, 1e-12))


def _within_palm(model: HandModel) -> Bool[NDArray[np.bool_], "778"]:
    joints = model.joints_mean
    along = joints[FINGER_JOINTS["middle"][0]] - joints[0]
    reach = (model.template - joints[0]) @ along / (along @ along)
    inside: NDArray[np.bool_] = (reach > _PALM_FROM) & (reach < _PALM_TO)
    return inside
