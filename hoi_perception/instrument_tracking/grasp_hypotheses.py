"""Where an instrument may be if a hand holds it in one of the grasps that its description names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import grasp_angles, joint_frames, pose_from_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instruments.description import Grasp
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import SHIPPED
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.interaction.bodies import InstrumentBody
from hoi_perception.metrics.nearest import NearestPoints
from hoi_perception.synthesis.grasp_starts import mirrored
from hoi_perception.synthesis.surgical_grasps import with_surgical_grasps
from hoi_perception.transforms import align_similarity, rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
NEAR_M, LEAST_NEAR = 0.015, 60
"""Vertices of the hand that are so near in the grasp, or at least so many, tell where the instrument is in another."""
FLIPPED_M = 0.008
"""What half a turn about the length counts, as if the hand's posture were so much farther from the grasp."""


@dataclass(frozen=True)
class Spread:
    """How far instruments in hands lie from their grasps, standard deviations: tilt about both axes across the length,
    roll about it (rad), slide along it and shift across it (m), joints (rad), distance of the hand (share of it).

    A share of `flipped` is turned by half a turn about the length.
    """

    tilt: float = float(np.radians(13.0))
    roll: float = float(np.radians(18.0))
    slide: float = 0.018
    shift: float = 0.006
    joint: float = float(np.radians(4.0))
    distance: float = 0.04
    flipped: float = 0.15


@dataclass(frozen=True, eq=False)
class Template:
    """A grasp on the mean hand of one side: places of the vertices `near` the instrument, and where the instrument is
    (m, frame of the wrist)."""

    side: Side
    near: Int64[NDArray[np.int64], " n"]
    places: Float64[Array, "n 3"]
    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]
    angles: Float64[Array, " j"]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Hypotheses with the poses that they were drawn about, and how far the hand's posture is from the grasp's (m)."""

    state: InstrumentState
    home: InstrumentState
    misfit: Float64[Array, " b"]


def templates_of(model: InstrumentModel, body: InstrumentBody, right_form: HandModel) -> tuple[Template, ...]:
    """The grasps of an instrument for both sides; `right_form` is a model of right hands.

    Instruments that come with the package have those that surgeons are taught for their kind, too.
    """
    shipped = model.folder.parent.resolve() == SHIPPED
    grasps = (with_surgical_grasps(model) if shipped else model).description.grasps
    return tuple(_template(model, body, right_form, grasp, side) for grasp in grasps for side in Side)


def drawn_about(
    templates: tuple[Template, ...],
    hand: HandView,
    count: int,
    rng: np.random.Generator,
    spread: Spread,
    limits: tuple[Float64[Array, " j"], Float64[Array, " j"]],
) -> Drawn | None:
    """Random poses of the instrument in a hand, grasps in turn; None where no grasp of that side is known.

    `limits` are the lower and upper ones of its joints (rad).
    """
    own = [template for template in templates if template.side is hand.side]
    if not own:
        return None
    placed = [in_hand(template, hand) for template in own]
    which = np.arange(count) % len(own)
    R, t = np.stack([p[0] for p in placed])[which], np.stack([p[1] for p in placed])[which]
    flip = rng.random(count) < spread.flipped
    R = R @ np.where(flip[:, None, None], np.diag([1.0, -1.0, -1.0]), np.eye(3))
    angles = np.stack([template.angles for template in own])[which]
    home = InstrumentState(R, t, angles)
    middle = np.stack([hand.vertices[template.near].mean(axis=0) for template in own])[which]
    misfit = np.array([p[2] for p in placed])[which] + FLIPPED_M * flip
    return Drawn(beside(home, middle, rng, spread, limits), home, misfit)


def beside(
    state: InstrumentState,
    held_at: Float64[Array, "b 3"],
    rng: np.random.Generator,
    spread: Spread,
    limits: tuple[Float64[Array, " j"], Float64[Array, " j"]],
) -> InstrumentState:
    """Random poses near others: turned about the places at which they are held, slid along, nearer or farther."""
    n = len(state.t)
    turn = rng.standard_normal((n, 3)) * [spread.roll, spread.tilt, spread.tilt]
    R_own = np.asarray(rotation_from_axis_angle(turn), dtype=np.float64)
    R = state.R @ R_own
    pivot = np.einsum("bji,bj->bi", state.R, held_at - state.t)
    t = held_at - np.einsum("bij,bj->bi", R, pivot)
    t = t + R[:, :, 0] * (spread.slide * rng.standard_normal((n, 1))) + spread.shift * rng.standard_normal((n, 3))
    t = t + spread.distance * rng.standard_normal((n, 1)) * held_at
    angles = np.clip(state.angles + spread.joint * rng.standard_normal(state.angles.shape), *limits)
    return InstrumentState(R, t, angles)


def in_hand(template: Template, hand: HandView) -> tuple[Float64[Array, "3 3"], Float64[Array, "3"], float]:
    """Where the instrument is if it follows the part of the hand that holds it, and how much that part has another
    shape than in the grasp, m."""
    seen = hand.vertices[template.near]
    R = np.asarray(align_similarity(template.places, seen)[1], dtype=np.float64)
    middle = template.places.mean(axis=0)
    t = seen.mean(axis=0) + R @ (template.t - middle)
    off = seen - seen.mean(axis=0) - (template.places - middle) @ R.T
    return R @ template.R, t, float(np.sqrt((off * off).sum(axis=1).mean()))


def _template(
    model: InstrumentModel, body: InstrumentBody, right_form: HandModel, grasp: Grasp, side: Side
) -> Template:
    angles = grasp_angles()[grasp.hand] if grasp.hand else np.array(grasp.angles).reshape(15, 3)
    shaped = right_form.with_shape(np.zeros(10))
    pose = pose_from_angles(angles, joint_frames(shaped.joints21_rest()))
    posed = shaped.with_pose(np.concatenate([np.zeros(3), np.ravel(pose)]).reshape(16, 3))
    vertices = np.asarray(posed.vertices - posed.joints21()[0], dtype=np.float64)
    given = dict(grasp.joint_positions)
    joints = np.array([given.get(name, 0.0) for name in model.joint_names], dtype=np.float64)
    R, t = grasp.T_hand_instrument.R, grasp.T_hand_instrument.t
    if grasp.side is Side.LEFT:
        vertices = np.asarray(mirror_points(vertices), dtype=np.float64)
    distance = NearestPoints(body.placed_samples(InstrumentState(R[None], t[None], joints[None])))(vertices)[0]
    near = np.flatnonzero(distance < max(NEAR_M, float(np.partition(distance, LEAST_NEAR)[LEAST_NEAR])))
    places = vertices[near]
    if side is not grasp.side:
        R, t = mirrored(model, R, t)
        places = np.asarray(mirror_points(places), dtype=np.float64)
    return Template(side, near, places, R, t, joints)
