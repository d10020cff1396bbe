"""A person's hand that takes an instrument in one of its grasps: closed, checked, with places on both in the tool's
frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import JOINT_LIMITS, angle_covariance, pose_from_angles
from hoi_perception.hands.mirroring import mirror_axis_angle
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.synthesis.finger_closing import CROWDED_M
from hoi_perception.synthesis.finger_room import FingerSpheres
from hoi_perception.synthesis.grasp_closing import ClosedGrasp
from hoi_perception.synthesis.grasp_maker import GraspMaker
from hoi_perception.synthesis.grasp_starts import UsualGrasp, mirrored
from hoi_perception.synthesis.hand_lookup import HeldInstrument
from hoi_perception.synthesis.hand_samples import SampledHand
from hoi_perception.synthesis.surgical_grasps import intended, with_surgical_grasps
from hoi_perception.transforms import align_similarity, rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
_SHARES = np.linspace(1.0, 0.0, 5)
_ANGLES, _TURN, _SHIFT_M, _SLIDE_M, _JAW = 0.45, np.radians(3.0), 0.0015, 0.004, np.radians(2.0)
"""Standard deviations of a start from the grasp as it is described; angles relative to `angle_covariance`."""
_SURFACE_POINTS = 900
PINCHES = ("pinch", "offer")
"""Grasps in which instruments are picked up and passed."""


@dataclass(frozen=True, eq=False)
class Grip:
    """A hand of known shape closed round an instrument; `closed` is in the wrist's frame."""

    maker: GraspMaker
    hand: SampledHand
    side: Side
    usual: UsualGrasp
    closed: ClosedGrasp

    @property
    def instrument(self) -> str:
        """Name in the library."""
        return self.maker.model.name

    @property
    def R_tool_wrist(self) -> Float64[Array, "3 3"]:
        """The wrist's axes in the frame of the instrument's base link."""
        return np.asarray(self.closed.held.R.T)

    @property
    def t_tool_wrist(self) -> Float64[Array, "3"]:
        """Joint 0 in the frame of the instrument's base link, m."""
        return np.asarray(-self.closed.held.R.T @ self.closed.held.t)

    @cached_property
    def hand_in_tool(self) -> Float64[Array, "778 3"]:
        """The hand's vertices in the frame of the base link."""
        vertices = self.hand.vertices(self.closed.angles[None], self.side)[0]
        return np.asarray(vertices @ self.R_tool_wrist.T + self.t_tool_wrist)

    @cached_property
    def tip(self) -> Float64[Array, "3"]:
        """The middle of the instrument's tips, of retractors the first tip, in the base link's frame (closed jaws)."""
        return tip_of(self.instrument)


def articulation(hand: SampledHand, side: Side, angles: Float64[Array, "t 15 3"]) -> Float64[Array, "t 15 3"]:
    """MANO's articulation (axis-angle) of a hand of that side from anatomical angles."""
    pose = pose_from_angles(angles, hand.frames).reshape(*angles.shape[:-2], 15, 3)
    return pose if side is Side.RIGHT else np.asarray(mirror_axis_angle(pose), dtype=np.float64)


@lru_cache(maxsize=32)
def maker_of(name: str) -> GraspMaker:
    """The maker of an instrument's grasps, those of surgery among them."""
    maker = GraspMaker(with_surgical_grasps(Library.find().get(name)))
    maker.usual = tuple(_as_intended(usual) for usual in maker.usual)
    return maker


def _as_intended(usual: UsualGrasp) -> UsualGrasp:
    fingers = intended(usual.name)
    return usual if fingers is None else replace(usual, fingers=fingers, palm=False)


def working_grasps(name: str) -> tuple[str, ...]:
    """Names of the grasps in which an instrument is used, not only picked up or passed."""
    maker = maker_of(name)
    only_moved = PINCHES if maker.model.description.instrument_class == "scalpel" else (*PINCHES, "fingertip")
    return tuple(usual.name for usual in maker.usual if usual.name not in only_moved)


def flat_grasps(name: str) -> tuple[str, ...]:
    """Names of the grasps in which an instrument is taken from the table it lies flat on."""
    scalpel = maker_of(name).model.description.instrument_class == "scalpel"
    return PINCHES[:1] if scalpel else (*PINCHES[:1], "fingertip")


@lru_cache(maxsize=32)
def tip_of(name: str) -> Float64[Array, "3"]:
    """See `Grip.tip`."""
    model = Library.find().get(name)
    mesh = maker_of(name).mesh
    joints = np.zeros((1, len(model.joint_names)))
    links = pose_links(mesh.tree, InstrumentState(np.eye(3)[None], np.zeros((1, 3)), joints))
    tips = model.description.tips[:1] if model.description.instrument_class == "retractor" else model.description.tips
    rows = [model.link_names.index(tip.link) for tip in tips]
    points = [links.R[0, row] @ tip.pose.t + links.t[0, row] for row, tip in zip(rows, tips, strict=True)]
    return np.asarray(np.mean(points, axis=0), dtype=np.float64)


@lru_cache(maxsize=32)
def surface_of(name: str) -> Float64[Array, "n 3"]:
    """Points spread over an instrument's surface, joints at zero, in the base link's frame (m)."""
    mesh = maker_of(name).mesh
    vertices = mesh.vertices(np.eye(3), np.zeros(3), np.zeros(len(mesh.joint_limits)))
    corners = vertices[mesh.faces]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    rng = np.random.default_rng(0)
    face = rng.choice(len(area), _SURFACE_POINTS, p=area / area.sum())
    return np.asarray(np.einsum("nk,nkx->nx", rng.dirichlet(np.ones(3), _SURFACE_POINTS), corners[face]))


def take(
    name: str,
    grasps: Sequence[str],
    side: Side,
    shape: Float64[Array, "10"],
    rng: np.random.Generator,
    *,
    joints: Float64[Array, " j"] | None = None,
    fits: Callable[[Grip], bool] | None = None,
    tries: int = 8,
) -> Grip | None:
    """A hand of that shape that takes an instrument in one of the named grasps (any where none is named).

    `joints` fixes the instrument's joints (rad). None where all tries fail `fits` or the checks of
    `GraspMaker.checked`.
    """
    maker = maker_of(name)
    usable = [usual for usual in maker.usual if not grasps or usual.name in grasps]
    if not usable:
        return None
    hand = maker.samples.with_shape(shape)
    order = rng.permutation(len(usable))
    for attempt in range(tries):
        usual = usable[order[attempt % len(usable)]]
        angles, held = _start(maker, hand, usual, side, rng)
        held = held if joints is None else replace(held, joint_positions=joints)
        closed = maker.closer.close(hand, side, angles, held, usual.fingers, usual.palm, rng)
        grip = None if closed is None else Grip(maker, hand, side, usual, closed)
        if grip is None or (fits is not None and not fits(grip)):
            continue
        if maker.checked(hand, side, usual, grip.closed) is not None:
            return grip
    return None


def _start(
    maker: GraspMaker, hand: SampledHand, usual: UsualGrasp, side: Side, rng: np.random.Generator
) -> tuple[Float64[Array, "15 3"], HeldInstrument]:
    """The usual grasp on this hand, slightly otherwise."""
    variation = _ANGLES * (_angle_factor() @ np.clip(rng.standard_normal(45), -2.0, 2.0)).reshape(15, 3)
    many = np.clip(usual.angles + _SHARES[:, None, None] * variation, JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1])
    angles = many[int(np.argmin(FingerSpheres.of(hand).overlap(many) > CROWDED_M))]
    before = maker.samples.vertices(usual.angles[None], Side.RIGHT)[0, usual.near]
    after = hand.vertices(angles[None], Side.RIGHT)[0, usual.near]
    deviations = np.clip(rng.standard_normal(8), -2.0, 2.0)
    turn = rotation_from_axis_angle(_TURN * usual.room * deviations[:3])
    R_followed = turn @ align_similarity(before, after)[1]
    R = R_followed @ usual.held.R
    t = after.mean(axis=0) + R_followed @ (usual.held.t - before.mean(axis=0)) + _SHIFT_M * usual.room * deviations[3:6]
    t = t + (_SLIDE_M * deviations[6] if usual.slides else 0.0) * R[:, 0]
    limits = maker.mesh.joint_limits
    joints = np.clip(usual.held.joint_positions + _JAW * deviations[7], limits[:, 0], limits[:, 1])
    if side is Side.LEFT:
        R, t = mirrored(maker.model, R, t)
    return angles, HeldInstrument(np.asarray(R), t, joints)


@lru_cache(maxsize=1)
def _angle_factor() -> Float64[Array, "45 45"]:
    return np.asarray(np.linalg.cholesky(angle_covariance()))
