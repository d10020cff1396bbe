"""Truth grasps carried about before a still camera: hand and instrument as one body, in some a jaw or fingers move."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS, JOINT_LIMITS
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.library import Library
from hoi_perception.synthesis.finger_closing import CROWDED_M
from hoi_perception.synthesis.finger_room import FingerSpheres
from hoi_perception.synthesis.grasp_closing import ClosedGrasp
from hoi_perception.synthesis.grasp_maker import Found, GraspMaker, placed
from hoi_perception.synthesis.grasp_sampler import held_instruments
from hoi_perception.synthesis.grasp_truth import FRAME_RATE_HZ, GraspSequence
from hoi_perception.synthesis.grasp_views import View, draw_view, in_picture
from hoi_perception.synthesis.hand_lookup import HeldInstrument
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]
_MAX_TRIES = 40
_STRIDE = 7
"""Neighbouring sequences show instruments of different kinds."""
_JAW_SHARE, _FINGER_SHARE = 0.3, 0.3
_JAW_TURN = np.radians(3.0)
_FINGER_TURN = np.radians(5.0)
_SLOWEST_HZ, _FASTEST_HZ = 0.2, 1.0
_SPEED_M_S = (0.05, 0.20)
_SPEED_RAD_S = (0.2, 0.8)
"""Typical of hands at work over a table: a decimetre or two a second, half a radian a second."""


@dataclass(frozen=True)
class Motion:
    """A smooth random motion: turns (axis-angle) about the hand's middle, shifts (m); none in the first frame."""

    turns: Float64[Array, "t 3"]
    shifts: Float64[Array, "t 3"]


def sample_sequences(
    count: int, frames: int = 40, seed: int = 0, *, instruments: Sequence[str] = (), jobs: int = 1
) -> tuple[GraspSequence, ...]:
    """`count` sequences of `frames` frames, instruments in turn; sequence i depends on `seed` and i alone."""
    names = tuple(instruments) or held_instruments(Library.find())
    work = [(number, names, frames, seed) for number in range(count)]
    if jobs == 1:
        return tuple(_sample(task) for task in work)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return tuple(pool.map(_sample, work))


def _sample(task: tuple[int, tuple[str, ...], int, int]) -> GraspSequence:
    number, names, frames, seed = task
    for turn in range(len(names)):
        maker = GraspMaker(Library.find().get(names[(number * _STRIDE + turn) % len(names)]))
        for attempt in range(_MAX_TRIES):
            rng = np.random.default_rng([seed, 1, number, turn, attempt])
            found = maker.attempt(rng)
            sequence = None if found is None else carried(maker, found, frames, rng)
            if sequence is not None:
                return sequence
    raise InstrumentError(f"no grasp of {', '.join(names)} could be closed: choose other instruments")


def carried(maker: GraspMaker, found: Found, frames: int, rng: np.random.Generator) -> GraspSequence | None:
    """A grasp carried about; None where no view shows it all the time."""
    faces = maker.hands[found.side].faces
    view = draw_view(found.hand_vertices, faces, found.body_vertices, maker.mesh.faces, rng)
    if view is None:
        return None
    postures = _postures(maker, found, frames, rng)
    motion = draw_motion(frames, rng)
    for share in (1.0, 0.6, 0.35):
        views = [_moved_view(view, motion, found, i, share) for i in range(frames)]
        if all(in_picture(v, found.hand_vertices, found.body_vertices) for v in views):
            made = zip(postures, views, strict=True)
            return GraspSequence(
                tuple(placed(posture, maker.model.name, v, maker.samples.frames) for posture, v in made)
            )
    return None


def _moved_view(view: View, motion: Motion, found: Found, i: int, share: float) -> View:
    """The view with the grasp moved before it, amplitudes scaled by `share`."""
    middle = view.R @ found.hand_vertices.mean(axis=0) + view.t
    turn = rotation_from_axis_angle(share * motion.turns[i])
    return View(view.camera, turn @ view.R, middle + turn @ (view.t - middle) + share * motion.shifts[i])


def draw_motion(frames: int, rng: np.random.Generator) -> Motion:
    """Sums of three slow sines along each axis with a random root-mean-square speed; rotations as axis-angle."""
    time = np.arange(frames) / FRAME_RATE_HZ
    total = [rng.uniform(*_SPEED_M_S), rng.uniform(*_SPEED_RAD_S)]
    axes = []
    for axis in range(6):
        hz, phase = rng.uniform(_SLOWEST_HZ, _FASTEST_HZ, 3), rng.uniform(0.0, 2.0 * np.pi, 3)
        share = rng.uniform(0.3, 1.0, 3) / hz
        speed = np.sqrt(0.5 * ((2.0 * np.pi * hz * share) ** 2).sum())
        waves = (share * np.sin(2.0 * np.pi * hz * time[:, None] + phase)).sum(axis=1)
        axes.append((waves - waves[0]) * total[axis // 3] / (np.sqrt(3.0) * speed))
    moved = np.stack(axes, axis=1)
    return Motion(moved[:, 3:], moved[:, :3])


def _postures(maker: GraspMaker, found: Found, frames: int, rng: np.random.Generator) -> list[Found]:
    """The grasp of each frame in the frame of the wrist: still, or on its way to another one and back."""
    kind = rng.uniform()
    other = None
    if kind < _JAW_SHARE and len(found.closed.held.joint_positions):
        other = _with_jaw_moved(maker, found, rng)
    elif kind < _JAW_SHARE + _FINGER_SHARE:
        other = _with_fingers_moved(maker, found, rng)
    if other is None:
        return [found] * frames
    hz, phase = rng.uniform(0.3, 0.8), rng.uniform(0.0, 2.0 * np.pi)
    share = 0.5 - 0.5 * np.cos(2.0 * np.pi * hz * np.arange(frames) / FRAME_RATE_HZ + phase)
    return [_between(found, other, float(s)) for s in share]


def _with_jaw_moved(maker: GraspMaker, found: Found, rng: np.random.Generator) -> Found | None:
    """The hand closed again round the instrument with its joints a little turned, where that and the middle succeed."""
    limits, held = maker.mesh.joint_limits, found.closed.held
    for sign in rng.permutation([-1.0, 1.0]):
        joints = np.clip(held.joint_positions + sign * _JAW_TURN, limits[:, 0], limits[:, 1])
        turned = replace(held, joint_positions=joints)
        hand = maker.samples.with_shape(found.shape)
        closed = maker.closer.close_fingers(
            hand, found.side, found.closed.angles, turned, found.usual.fingers, wide=found.usual.palm
        )
        other = None if closed is None else maker.checked(hand, found.side, found.usual, closed)
        if other is not None and _passable(maker, found, other):
            return other
    return None


def _with_fingers_moved(maker: GraspMaker, found: Found, rng: np.random.Generator) -> Found | None:
    """The fingers that do not touch bent a little otherwise, where that and the middle are free."""
    hand = maker.samples.with_shape(found.shape)
    angles = found.closed.angles.copy()
    for finger, joints in FINGER_JOINTS.items():
        if finger not in found.closed.touching and finger != "thumb":
            angles[[j - 1 for j in joints], 0] += rng.uniform(-1.0, 1.0) * _FINGER_TURN * np.array([1.0, 1.2, 0.8])
    angles = np.clip(angles, JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1])
    if FingerSpheres.of(hand).overlap(angles[None])[0] > CROWDED_M:
        return None
    other = maker.checked(hand, found.side, found.usual, replace(found.closed, angles=angles))
    return other if other is not None and _passable(maker, found, other) else None


def _passable(maker: GraspMaker, found: Found, other: Found) -> bool:
    hand = maker.samples.with_shape(found.shape)
    shares = (0.25, 0.5, 0.75)
    middles = (_between(found, other, share).closed for share in shares)
    return all(maker.checked(hand, found.side, found.usual, closed) is not None for closed in middles)


def _between(found: Found, other: Found, share: float) -> Found:
    a, b = found.closed, other.closed
    joints = (1.0 - share) * a.held.joint_positions + share * b.held.joint_positions
    held = HeldInstrument(a.held.R, a.held.t, joints)
    return replace(found, closed=ClosedGrasp((1.0 - share) * a.angles + share * b.angles, held, a.touching))
