"""Tracks of a hand and what it holds: from the path of the tool's tip, and of a hand that holds nothing."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import JOINT_LIMITS, angle_covariance, gesture_angles, grasp_angles
from hoi_perception.hands.joints import FINGER_JOINTS
from hoi_perception.synthesis.finger_closing import CROWDED_M
from hoi_perception.synthesis.finger_room import FingerSpheres
from hoi_perception.synthesis.grasp_truth import FRAME_RATE_HZ
from hoi_perception.synthesis.gripping import Grip, articulation
from hoi_perception.synthesis.hand_samples import SampledHand
from hoi_perception.synthesis.jaw_cycles import JawKeys
from hoi_perception.synthesis.smooth_motion import minimum_jerk
from hoi_perception.synthesis.surgery_tracks import HandTrack, InstrumentTrack
from hoi_perception.synthesis.working_motion import Work, unsteady
from hoi_perception.synthesis.working_pose import Aim, Carried, elbows, on_table, turned_for
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
Path = tuple[Float64[Array, "t 3 3"], Float64[Array, "t 3"]]
_X = np.array([1.0, 0.0, 0.0])
_FLOOR_M = 0.006
_EMPTY = ("flat", "relaxed", "pinch", "palmar")


def tool_axis(grip: Grip) -> Float64[Array, "3"]:
    """Unit direction from the hand to the tip, in the tool's frame."""
    ahead = grip.tip - grip.hand_in_tool.mean(axis=0)
    return np.asarray(_X * (1.0 if ahead[0] >= 0.0 else -1.0))


def carried(grip: Grip) -> Carried:
    """The hand as fixed to its tool."""
    return Carried(grip.side, grip.R_tool_wrist, grip.hand_in_tool[::9])


def work_rotation(
    grip: Grip, descent: tuple[float, float], person: float, rng: np.random.Generator, *, floor: float = _FLOOR_M
) -> Float64[Array, "3 3"]:
    """How the tool is turned at work: tip down by `descent` (rad), a knife's edge down, the hand above the table."""
    knife = grip.maker.model.description.instrument_class == "scalpel"
    aim = Aim(grip.tip, tool_axis(grip), descent, np.array([0.0, -1.0, 0.0]) if knife else None, floor)
    return turned_for([carried(grip)], aim, person, rng)


def worked(
    grip: Grip, R: Float64[Array, "3 3"], place: Float64[Array, "3"], work: Work, rng: np.random.Generator
) -> Path:
    """Base link of a tool whose tip works about `place` on the table."""
    axis = tool_axis(grip)
    ahead = (R @ axis) * [1.0, 1.0, 0.0]
    ahead /= max(float(np.linalg.norm(ahead)), 1e-6)
    left = np.array([-ahead[1], ahead[0], 0.0])
    shifts, turns = unsteady(len(work.roll), rng)
    rolled = rotation_from_axis_angle(work.roll[:, None] * axis)
    turned = np.asarray(rotation_from_axis_angle(turns)) @ R @ np.asarray(rolled)
    tips = place + work.shift @ np.stack([ahead, left, np.array([0.0, 0.0, 1.0])]) + shifts
    return turned, tips - turned @ grip.tip


def holding_track(grip: Grip, path: Path, angles: Float64[Array, "t 15 3"], person: float) -> HandTrack:
    """The hand of a grip whose tool goes along a path."""
    R, t = path
    wrist_R, wrist_t = R @ grip.R_tool_wrist, R @ grip.t_tool_wrist + t
    turned = articulation(grip.hand, grip.side, angles)
    return HandTrack(grip.side, grip.hand.shape, turned, wrist_R, wrist_t, elbows(grip.side, wrist_R, wrist_t, person))


def held_track(grip: Grip, path: Path, joints: Float64[Array, "t j"]) -> InstrumentTrack:
    """The tool of a grip that is held all the time."""
    holder = np.full(len(path[1]), int(grip.side))
    return InstrumentTrack(grip.instrument, path[0], path[1], joints, holder, (grip.usual.name,))


def with_jaws(
    grip: Grip, keys: JawKeys | None, jaw: Float64[Array, " t"]
) -> tuple[Float64[Array, "t j"], Float64[Array, "t 15 3"]]:
    """Joint positions and the hand's angles for shares of opening; all as in the grip where the jaws stay."""
    if keys is None:
        count = len(jaw)
        joints = np.repeat(grip.closed.held.joint_positions[None], count, axis=0)
        return joints, np.repeat(grip.closed.angles[None], count, axis=0)
    return keys.at(jaw)


def empty_angles(hand: SampledHand, rng: np.random.Generator) -> Float64[Array, "15 3"]:
    """A hand at ease, flat on the tissue or half closed; fingers apart."""
    named = {**grasp_angles(), **gesture_angles()}
    name = _EMPTY[int(rng.integers(len(_EMPTY)))]
    angles = named["flat" if name == "relaxed" else name].copy()
    if name in ("relaxed", "flat"):
        curl = rng.uniform(8.0, 22.0) * (2.0 if name == "relaxed" else 0.6)
        for finger, joints in FINGER_JOINTS.items():
            angles[[j - 1 for j in joints], 0] += np.radians(curl) * (0.5 if finger == "thumb" else 1.0)
        angles[12, 1] += np.radians(rng.uniform(5.0, 25.0))
    factor = np.linalg.cholesky(angle_covariance())
    noise = 0.5 * (factor @ np.clip(rng.standard_normal(45), -2.0, 2.0)).reshape(15, 3)
    many = np.clip(angles + np.linspace(1.0, 0.0, 5)[:, None, None] * noise, JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1])
    return np.asarray(many[int(np.argmin(FingerSpheres.of(hand).overlap(many) > CROWDED_M))])


def empty_track(
    hand: SampledHand, side: Side, middle: Float64[Array, "3"], frames: int, person: float, rng: np.random.Generator
) -> HandTrack:
    """An empty hand over the table near `middle` (its height is that of the lowest point); fingers move a bit."""
    first, second = empty_angles(hand, rng), None
    second = np.clip(
        first + np.radians(rng.uniform(-7.0, 7.0)) * _bending(), JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1]
    )
    if FingerSpheres.of(hand).overlap(second[None])[0] > CROWDED_M:
        second = first
    hz, phase = rng.uniform(0.15, 0.5), rng.uniform(0.0, 2.0 * np.pi)
    time = np.arange(frames) / FRAME_RATE_HZ
    share = minimum_jerk(0.5 - 0.5 * np.cos(2.0 * np.pi * hz * time + phase))[:, None, None]
    angles = (1.0 - share) * first + share * second
    points = hand.vertices(angles[:: max(frames // 6, 1)], side).reshape(-1, 3)[::5]
    R = turned_for([Carried(side, np.eye(3), points)], Aim(np.zeros(3), floor=-1.0), person, rng)
    shifts, turns = unsteady(frames, rng)
    turned = np.asarray(rotation_from_axis_angle(turns)) @ R
    low, centre = (points @ R.T)[:, 2].min(), (points @ R.T).mean(axis=0)
    wrist = np.array([middle[0] - centre[0], middle[1] - centre[1], middle[2] + _FLOOR_M - low]) + shifts
    return HandTrack(
        side, hand.shape, articulation(hand, side, angles), turned, wrist, elbows(side, turned, wrist, person)
    )


def _bending() -> Float64[Array, "15 3"]:
    bend = np.zeros((15, 3))
    bend[:, 0] = 1.0
    return bend


def beside(person: float, side: Side, across: float, ahead: float, up: float) -> Float64[Array, "3"]:
    """A place on the table: `across` to the person's own side of that hand, `ahead` of the middle, `up` (m)."""
    toward, right = on_table(person)
    sign = 1.0 if side is Side.RIGHT else -1.0
    return np.asarray(sign * across * right - ahead * toward + [0.0, 0.0, up])
