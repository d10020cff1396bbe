"""A posed hand with what it wears and its forearm, as triangles with materials, for the scene renderer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel, ShapedHand
from hoi_perception.rendering import vertex_normals
from hoi_perception.synthesis.arm import tube_faces, wrist_loop
from hoi_perception.synthesis.look import Dress, Part
from hoi_perception.synthesis.scene import SceneHand
from hoi_perception.synthesis.skin import FAR_FROM_CREASES, SkinLayout, right_handed, skin_layout
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]

HAND, ARM, SLEEVE, CUFF = range(4)
"""Material slots of a limb: the hand with its glove, bare forearm, sleeve, knitted cuff."""
FOREARM_M = 0.26
ARM_M = 1.6
_HALF_WIDTHS = (0.042, 0.038)
_GLOVE_M = 0.0007


@dataclass(frozen=True, eq=False)
class Worn:
    """A hand of known shape with what stays the same in every pose."""

    hand: ShapedHand
    layout: SkinLayout
    loop: Int64[NDArray[np.int64], " k"]
    bone: Int64[NDArray[np.int64], " n"]


@dataclass(frozen=True, eq=False)
class Limb:
    """Hand and arm as one mesh; the hand's vertices come first.

    `place` positions the texture in a right hand's rest frame (m), `traits` are those of `kernels.shade.Bodies`, `slot`
    and `part` belong to faces. `joints` are in OpenPose's order.
    """

    vertices: Float64[Array, "n 3"]
    place: Float64[Array, "n 3"]
    traits: Float32[NDArray[np.float32], "n 4"]
    faces: Int64[NDArray[np.int64], "m 3"]
    slot: Int64[NDArray[np.int64], " m"]
    part: UInt8[NDArray[np.uint8], " m"]
    joints: Float64[Array, "21 3"]


@dataclass(frozen=True)
class _Tube:
    """Part of the arm: from and to (m from the wrist's edge), how far it stands off the arm there, material."""

    start: float
    end: float
    ease: tuple[float, float]
    slot: int
    step: float = 0.014


def worn(hand: SceneHand, model: str = "") -> Worn:
    """The hand of that side and shape, kept for the next pictures."""
    return _worn(hand.side, hand.parameters.shape.tobytes(), model)


@lru_cache(maxsize=64)
def _worn(side: Side, shape: bytes, model: str) -> Worn:
    hand = _model(side, model).with_shape(np.frombuffer(shape))
    return Worn(hand, skin_layout(hand), wrist_loop(hand.model.faces), hand.model.skin_weights.argmax(axis=1))


@lru_cache(maxsize=4)
def _model(side: Side, model: str) -> HandModel:
    return HandModel.load(model, side)


def dressed_limb(hand: SceneHand, dress: Dress, person: Worn) -> Limb:
    """The mesh of a hand in its pose, gloved or bare, with forearm and sleeve."""
    posed = person.hand.with_pose_at_wrist(hand.parameters.pose, hand.parameters.wrist_camera)
    faces = posed.faces.astype(np.int64)
    vertices = posed.vertices
    if dress.cover.gloved:
        vertices = vertices + _GLOVE_M * vertex_normals(vertices, faces)
    R = np.asarray(rotation_from_axis_angle(hand.parameters.pose[0]))
    away = np.array([1.0, 0.0, 0.0]) if hand.side is Side.RIGHT else np.array([-1.0, 0.0, 0.0])
    axes = R @ np.column_stack([away, [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    spine = _Spine.along(vertices[person.loop], axes, hand.elbow_camera)
    rest = right_handed(person.hand, person.hand.vertices_rest)
    parts = [_hand_part(vertices, rest, person, faces, hand.side, posed.joints21())]
    parts += [_tube_part(tube, spine, rest[person.loop], person.loop, len(vertices)) for tube in _tubes(dress)]
    return _assembled(parts)


def _tubes(dress: Dress) -> list[_Tube]:
    reach = ARM_M
    rng = np.random.default_rng([dress.seed, 3])
    sleeve = float(rng.uniform(0.015, 0.09))
    tubes: list[_Tube] = []
    if dress.cover.gloved:
        cuff = float(rng.uniform(0.055, 0.085))
        tubes += [_Tube(0.0, cuff, (0.0, 0.0042), HAND, 0.008), _Tube(cuff, cuff + 0.002, (0.0052, 0.003), HAND, 0.001)]
        start = cuff - 0.035
    else:
        start = sleeve
        bare = _Tube(0.0, reach, (0.0, 0.01), ARM, 0.03)
        tubes.append(bare if dress.sleeve is None else _Tube(0.0, sleeve + 0.04, (0.0, 0.0), ARM))
    if dress.sleeve is None:
        return tubes if not dress.cover.gloved else [*tubes, _Tube(start, reach, (0.0, 0.01), ARM, 0.03)]
    knitted = start + 0.055
    return [
        *tubes,
        _Tube(start, knitted, (0.0012, 0.0022), CUFF, 0.009),
        _Tube(knitted - 0.004, reach, (0.003, 0.055), SLEEVE, 0.03),
    ]


@dataclass(frozen=True)
class _Spine:
    """The arm's middle line with its cross-sections, from the wrist's edge on."""

    edge: Float64[Array, "k 3"]
    center: Float64[Array, "3"]
    axes: Float64[Array, "3 3"]
    elbow: Float64[Array, "3"]
    local: Float64[Array, "k 2"]
    half: Float64[Array, "2"]

    @staticmethod
    def along(edge: Float64[Array, "k 3"], axes: Float64[Array, "3 3"], elbow: Float64[Array, "3"]) -> _Spine:
        center = edge.mean(axis=0)
        local = (edge - center) @ axes[:, 1:]
        return _Spine(edge, center, axes, elbow, local, np.abs(local).max(axis=0))

    def rings(self, stations: Float[Array, " r"], ease: Float[Array, " r"]) -> Float64[Array, "r k 3"]:
        """Outlines at lengths `stations` (m) from the wrist, `ease` (m) off the arm."""
        bend = self.center + self.axes[:, 0] * 0.42 * np.linalg.norm(self.elbow - self.center)
        s = np.minimum(stations / FOREARM_M, 1.0)[:, None]
        beyond = np.maximum(stations - FOREARM_M, 0.0)[:, None]
        tangent = (1.0 - s) * (bend - self.center) + s * (self.elbow - bend)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        point = (1.0 - s) ** 2 * self.center + 2.0 * s * (1.0 - s) * bend + s * s * self.elbow + beyond * tangent
        back = self.axes[:, 1] - tangent * (tangent @ self.axes[:, 1])[:, None]
        back /= np.linalg.norm(back, axis=1, keepdims=True)
        thumb = np.cross(tangent, back) * np.sign(np.linalg.det(self.axes))
        grown = self.half + (np.array(_HALF_WIDTHS) - self.half) * (s * s * (3.0 - 2.0 * s))  # (r, 2)
        angle = np.arctan2(self.local[:, 1] / self.half[1], self.local[:, 0] / self.half[0])
        ellipse = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * grown[:, None]  # (r, k, 2)
        own = np.clip(1.0 - stations / 0.045, 0.0, 1.0)[:, None]
        outline = own[..., None] * self.local + (1.0 - own[..., None]) * ellipse
        outline = outline * (1.0 + ease[:, None, None] / np.linalg.norm(outline, axis=2, keepdims=True))
        along = own * ((self.edge - self.center) @ self.axes[:, 0])  # (r, k)
        frames = np.stack([back, thumb], axis=1)  # (r, 2, 3)
        return np.asarray(point[:, None] + outline @ frames + along[..., None] * tangent[:, None])


def _hand_part(
    vertices: Float64[Array, "n 3"],
    rest: Float64[Array, "n 3"],
    person: Worn,
    faces: NDArray[np.int64],
    side: Side,
    joints: Float64[Array, "21 3"],
) -> Limb:
    traits = np.zeros((len(vertices), 4), dtype=np.float32)
    traits[:, :2] = person.layout.traits
    along = (rest[:, 0].max() - rest[:, 0]) / np.ptp(rest[:, 0])  # fingers lie along -x
    traits[:, 3] = np.clip(1.7 * along - 0.45, 0.0, 1.0)
    part = Part.LEFT_HAND if side is Side.LEFT else Part.RIGHT_HAND
    slot, parts = np.zeros(len(faces), dtype=np.int64), np.full(len(faces), part, dtype=np.uint8)
    return Limb(vertices, rest, traits, faces, slot, parts, joints)


def _tube_part(tube: _Tube, spine: _Spine, rest: Float64[Array, "k 3"], loop: NDArray[np.int64], n_hand: int) -> Limb:
    """One tube; one that starts at the wrist shares the hand's own edge (its indices come first)."""
    count = max(int(np.ceil((tube.end - tube.start) / tube.step)), 2)
    stations = np.linspace(tube.start, tube.end, count + 1)
    share = np.linspace(0.0, 1.0, count + 1)
    joined = tube.start == 0.0
    if joined:
        stations, share = stations[1:], share[1:]
    ease = tube.ease[0] + (tube.ease[1] - tube.ease[0]) * share
    points = spine.rings(stations, ease)
    ids = np.arange(points.shape[0] * points.shape[1]).reshape(points.shape[:2])
    ids = np.concatenate([loop[None] - n_hand, ids]) if joined else ids
    place = rest + stations[:, None, None] * np.array([1.0, 0.0, 0.0])
    traits = np.zeros((ids.max() + 1, 4), dtype=np.float32)
    traits[:, 0], traits[:, 1] = 0.08, FAR_FROM_CREASES
    traits[:, 2] = np.repeat(stations, points.shape[1])
    faces = tube_faces(ids)
    slot = np.full(len(faces), tube.slot)
    part = np.full(len(faces), Part.FOREARM, dtype=np.uint8)
    return Limb(points.reshape(-1, 3), place.reshape(-1, 3), traits, faces, slot, part, np.zeros((21, 3)))


def _assembled(parts: list[Limb]) -> Limb:
    """One mesh; negative indices of later parts count from the end of the first part."""
    n_hand = len(parts[0].vertices)
    starts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    faces = [
        np.where(part.faces < 0, part.faces + n_hand, part.faces + start)
        for part, start in zip(parts, starts, strict=True)
    ]
    return Limb(
        np.concatenate([p.vertices for p in parts]),
        np.concatenate([p.place for p in parts]),
        np.concatenate([p.traits for p in parts]),
        np.concatenate(faces),
        np.concatenate([p.slot for p in parts]),
        np.concatenate([p.part for p in parts]),
        parts[0].joints,
    )
