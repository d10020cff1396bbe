"""Where closing starts: the library's usual grasps, for another hand, slightly otherwise, on either side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import JOINT_LIMITS, angle_covariance, grasp_angles
from hoi_perception.hands.joints import FINGER_JOINTS
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.instruments.description import Grasp
from hoi_perception.instruments.field_lookup import FieldQuery, InstrumentFields
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.synthesis.finger_closing import CROWDED_M
from hoi_perception.synthesis.finger_room import FingerSpheres
from hoi_perception.synthesis.hand_lookup import HeldInstrument
from hoi_perception.synthesis.hand_samples import SampledHand
from hoi_perception.transforms import align_similarity, rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
_INTENDED_M = 0.0035
"""A finger that is nearer than this in the library's grasp is meant to touch."""
_PALM_INTENDED_M = 0.0075
_SHARES = np.linspace(1.0, 0.0, 6)
"""Where fingers would lie in each other, the variation of the posture is lessened to these shares."""
_FOLLOWED_M = 0.015
"""The instrument follows the part of the hand that is nearer than this in the library's grasp."""


@dataclass(frozen=True)
class UsualGrasp:
    """A grasp of the library on the mean right hand, with what it is meant to touch.

    `near` are vertices near the instrument; `held` is in the frame of the wrist. `room` scales how far the instrument
    may be shifted and turned: fingers in rings have less. Only what is long in x `slides` along it.
    """

    name: str
    angles: Float64[Array, "15 3"]
    held: HeldInstrument
    fingers: tuple[str, ...]
    palm: bool
    near: NDArray[np.int64]
    room: float
    slides: bool


@dataclass(frozen=True)
class Variation:
    """How far starts lie from the library's grasp: standard deviations, cut at two of them.

    `angles` scales the variation within one grasp (`angle_covariance`).
    """

    shape: float = 0.8
    angles: float = 0.6
    turn_deg: float = 4.0
    shift_m: float = 0.0025
    slide_m: float = 0.006
    jaw_deg: float = 3.0


def usual_grasps(hand: SampledHand, model: InstrumentModel, fields: InstrumentFields) -> tuple[UsualGrasp, ...]:
    """The library's grasps of an instrument; `hand` has the mean shape."""
    query = FieldQuery(fields, len(hand.vertices_rest))
    return tuple(_usual(hand, model, query, grasp) for grasp in model.description.grasps)


def _usual(hand: SampledHand, model: InstrumentModel, query: FieldQuery, grasp: Grasp) -> UsualGrasp:
    angles = grasp_angles()[grasp.hand] if grasp.hand else np.array(grasp.angles).reshape(15, 3)
    given = dict(grasp.joint_positions)
    positions = np.array([given.get(name, 0.0) for name in model.joint_names])
    pose = grasp.T_hand_instrument
    R, t = pose.R, pose.t
    if grasp.side is Side.LEFT:
        R, t = mirrored(model, R, t)
    vertices = hand.vertices(angles[None], Side.RIGHT)
    distance = query(vertices, R[None], t[None], positions[None]).distance[0]
    owner = hand.model.skin_weights.argmax(axis=1)
    fingers = tuple(f for f, joints in FINGER_JOINTS.items() if distance[np.isin(owner, joints)].min() < _INTENDED_M)
    palm = bool(distance[owner == 0].min() < _PALM_INTENDED_M) and len(fingers) >= 4
    near = np.flatnonzero(distance < max(_FOLLOWED_M, float(np.partition(distance, 60)[60])))
    held = HeldInstrument(R, t, positions)
    rings = grasp.name == "rings"
    extent = np.ptp(np.concatenate([link.surface()[0] for link in model.links]), axis=0)
    slides = not rings and bool(extent[0] > 3.0 * extent[1:].max())
    return UsualGrasp(grasp.name, angles, held, fingers, palm, near, 0.5 if rings else 1.0, slides)


def mirrored(
    model: InstrumentModel, R: Float64[Array, "3 3"], t: Float64[Array, "3"]
) -> tuple[Float64[Array, "3 3"], Float64[Array, "3"]]:
    """The instrument's pose in the other hand: mirrored with the hand, then in the instrument's own plane.

    That plane is z = 0 or y = 0, whichever maps the vertices of the first link with a mesh more nearly to themselves:
    the instruments of the library are symmetric about one of the two, or nearly so.
    """
    R_mirror, t_mirror = np.diag([-1.0, 1.0, 1.0]) @ R, np.asarray(mirror_points(t), dtype=np.float64)
    vertices = next(link.surface()[0] for link in model.links if link.meshes)
    errors = [_asymmetry(vertices, axis) for axis in (2, 1)]
    signs = np.ones(3)
    signs[(2, 1)[int(np.argmin(errors))]] = -1.0
    return R_mirror @ np.diag(signs), t_mirror


def _asymmetry(vertices: Float64[Array, "n 3"], axis: int) -> float:
    """Mean distance (m) of mirrored vertices from the nearest vertex, over a hundred of them."""
    some = vertices[:: max(len(vertices) // 100, 1)].copy()
    some[:, axis] *= -1.0
    return float(np.linalg.norm(some[:, None] - vertices[None], axis=2).min(axis=1).mean())


@dataclass(frozen=True)
class Start:
    """A hand and an instrument before closing."""

    shape: Float64[Array, "10"]
    angles: Float64[Array, "15 3"]
    held: HeldInstrument


def draw_start(
    hand: SampledHand,
    model: InstrumentModel,
    limits: Float64[Array, "j 2"],
    usual: UsualGrasp,
    side: Side,
    variation: Variation,
    rng: np.random.Generator,
) -> Start:
    """A random hand at about the usual grasp; `limits` are those of the instrument's joints (rad)."""
    shape = variation.shape * _cut_normal(rng, 10)
    root = np.linalg.cholesky(angle_covariance())
    noise = variation.angles * (root @ _cut_normal(rng, 45)).reshape(15, 3)
    many = np.clip(usual.angles + _SHARES[:, None, None] * noise, JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1])
    crowded = FingerSpheres.of(hand.with_shape(shape)).overlap(many) > CROWDED_M
    angles = many[int(np.argmin(crowded))]
    before = hand.vertices(usual.angles[None], Side.RIGHT)[0, usual.near]
    after = hand.with_shape(shape).vertices(angles[None], Side.RIGHT)[0, usual.near]
    R_followed = align_similarity(before, after)[1]
    turn = rotation_from_axis_angle(np.radians(usual.room * variation.turn_deg) * _cut_normal(rng, 3))
    shift = usual.room * variation.shift_m * _cut_normal(rng, 3)
    slide = (variation.slide_m if usual.slides else 0.0) * _cut_normal(rng, 1)[0]
    R = turn @ R_followed @ usual.held.R
    t = after.mean(axis=0) + turn @ R_followed @ (usual.held.t - before.mean(axis=0)) + shift + slide * R[:, 0]
    positions = usual.held.joint_positions + np.radians(variation.jaw_deg) * _cut_normal(rng, len(limits))
    if side is Side.LEFT:
        R, t = mirrored(model, R, t)
    return Start(shape, angles, HeldInstrument(R, t, np.clip(positions, limits[:, 0], limits[:, 1])))


def _cut_normal(rng: np.random.Generator, n: int) -> Float64[Array, " n"]:
    """Standard normal values, those beyond two drawn again."""
    values = rng.standard_normal(n)
    while (far := np.abs(values) > 2.0).any():
        values[far] = rng.standard_normal(int(far.sum()))
    return values
