"""One hand lays a tool down, reaches for another and lifts it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.synthesis.gripping import Grip, articulation, surface_of
from hoi_perception.synthesis.hand_opening import opening
from hoi_perception.synthesis.handover_motion import (
    APPROACH_FRAMES,
    CARRY_M_S,
    CLOSE_FRAMES,
    Meeting,
    PoseStops,
    fading,
    meeting,
    shaken,
    tool_of,
    wrist_of,
)
from hoi_perception.synthesis.scene import Pose
from hoi_perception.synthesis.smooth_motion import reach_frames, through
from hoi_perception.synthesis.surgery_tracks import NOBODY, HandTrack, InstrumentTrack
from hoi_perception.synthesis.tool_tracks import beside, carried, work_rotation
from hoi_perception.synthesis.working_motion import unsteady
from hoi_perception.synthesis.working_pose import elbows, lying_for, on_table

Array = NDArray[np.float64]
SINK_M = 0.010
"""Finger tips press drape and tissue in by this much at most where they take what lies on them."""
_LIES_M = 0.016
"""Tools lie across a folded towel of this height, which is no part of the scene: fingers reach round them."""
_LIFT_M = 0.05


def above_when_flat(grip: Grip) -> bool:
    """Whether the hand is nearly above the table where its tool lies on it, and can let go of it."""
    found = opening(grip)
    if found is None:
        return False
    up, below = _up(grip), surface_of(grip.instrument)[:, 2]
    opened = grip.hand.vertices(found.angles[None], grip.side)[0] @ grip.R_tool_wrist.T + grip.t_tool_wrist
    low = float((up * np.concatenate([grip.hand_in_tool, opened])[:, 2]).min() - (up * below).min())
    return low + _LIES_M > 0.001 - SINK_M


def _up(grip: Grip) -> float:
    """Which way the tool's z axis points when it lies flat under the hand."""
    return 1.0 if grip.hand_in_tool[:, 2].mean() > 0.0 else -1.0


def exchanged(
    old: Grip, new: Grip, frames: int, person: float, rng: np.random.Generator
) -> tuple[HandTrack, tuple[InstrumentTrack, InstrumentTrack]] | None:
    """Tracks of the hand and both tools; None where a tool cannot be laid down or taken from above.

    Both grips are of one hand. The old tool is held until its fingers begin to open, the new one from when they have
    closed; between those it lies still.
    """
    side = old.side
    gap = float(rng.uniform(0.055, 0.08))
    near, far = (0.07, 0.07 + gap) if rng.random() < 0.5 else (0.07 + gap, 0.07)
    ahead = rng.uniform(-0.02, 0.05, 2)
    down = _laid(old, beside(person, side, near, float(ahead[0]), 0.0), person, rng)
    up = _laid(new, beside(person, side, far, float(ahead[1]), 0.0), person, rng)
    if down is None or up is None:
        return None
    places = [beside(person, side, *rng.uniform([0.0, -0.02, 0.03], [0.03, 0.04, 0.07])) for _ in range(2)]
    work = [
        tool_of(grip, work_rotation(grip, (0.15, 0.9), person, rng), place)
        for grip, place in zip((old, new), places, strict=True)
    ]
    wrist = _wrist_stops(work, down, up, rng)
    t_open, t_off, t_there, t_on, t_closed = wrist[1]
    path = wrist[0].path(frames)
    shifts, turns = unsteady(frames, rng)
    still = fading(frames, [(t_open - 1.0, t_off), (t_there, t_closed + 1.0)])[:, None]
    path = shaken(path, still * shifts, still * turns, np.zeros(3))
    stops = [old.closed.angles, old.closed.angles, down.opening.angles, down.opening.angles]
    stops += [up.opening.angles, up.opening.angles, new.closed.angles]
    times = [0.0, t_open, t_open + CLOSE_FRAMES, t_off, t_there, t_on, t_closed]
    angles = through(frames, times, np.stack(stops).reshape(len(stops), -1)).reshape(frames, 15, 3)
    elbow = elbows(side, path[0], path[1], person)
    hand = HandTrack(side, old.hand.shape, articulation(old.hand, side, angles), path[0], path[1], elbow)
    frame = np.arange(frames)
    return hand, (
        _tool(old, path, frame < t_open, down.tool),
        _tool(new, path, frame >= t_closed, up.tool),
    )


def _wrist_stops(
    work: list[Pose], down: Meeting, up: Meeting, rng: np.random.Generator
) -> tuple[PoseStops, tuple[float, float, float, float, float]]:
    """The wrist's way, and when fingers begin to open, the hand is off, there, on the new tool, closed."""
    start, end = wrist_of(down.grip, work[0]), wrist_of(up.grip, work[1])
    idle = float(rng.integers(6, 20))
    above = Pose(down.wrist.R, down.wrist.t + [0.0, 0.0, _LIFT_M])
    stops = PoseStops([0.0, idle], [start, start])
    stops = stops.to(_frames(start, above, rng), above).to(reach_frames(_LIFT_M, 0.15), down.wrist)
    t_open = stops.times[-1] + 2.0
    stops = stops.to(2.0 + CLOSE_FRAMES, down.wrist).to(APPROACH_FRAMES, down.off)
    t_off = stops.times[-1]
    stops = stops.to(_frames(down.off, up.off, rng), up.off)
    t_there = stops.times[-1]
    stops = stops.to(APPROACH_FRAMES, up.wrist)
    t_on = stops.times[-1]
    t_closed = t_on + CLOSE_FRAMES
    lifted = Pose(up.wrist.R, up.wrist.t + [0.0, 0.0, _LIFT_M])
    stops = stops.to(CLOSE_FRAMES + 2.0, up.wrist).to(reach_frames(_LIFT_M, 0.15), lifted)
    return stops.to(_frames(lifted, end, rng), end), (t_open, t_off, t_there, t_on, t_closed)


def _frames(a: Pose, b: Pose, rng: np.random.Generator) -> int:
    turn = np.arccos(np.clip(0.5 * (np.trace(a.R.T @ b.R) - 1.0), -1.0, 1.0))
    far = float(np.linalg.norm(a.t - b.t)) + 0.08 * float(turn)
    return reach_frames(far, float(rng.uniform(*CARRY_M_S)), 12)


def _laid(grip: Grip, place: Float64[Array, "3"], person: float, rng: np.random.Generator) -> Meeting | None:
    """The tool flat on the table with the hand above it."""
    R = lying_for(np.diag([1.0, _up(grip), _up(grip)]), [carried(grip)], person, rng)
    surface = surface_of(grip.instrument) @ R.T
    middle = grip.hand_in_tool.mean(axis=0) @ R.T
    t = np.array([place[0] - middle[0], place[1] - middle[1], _LIES_M - surface[:, 2].min()])
    toward, _ = on_table(person)
    return meeting(grip, Pose(R, t), np.array([0.0, 0.0, 1.0]) + 0.25 * toward)


def _tool(
    grip: Grip, wrist: tuple[Float64[Array, "t 3 3"], Float64[Array, "t 3"]], held: NDArray[np.bool_], rest: Pose
) -> InstrumentTrack:
    """The tool in the hand while it is held, else where it lies."""
    own = grip.closed.held
    R = np.where(held[:, None, None], wrist[0] @ own.R, rest.R)
    t = np.where(held[:, None], wrist[0] @ own.t + wrist[1], rest.t)
    joints = np.repeat(own.joint_positions[None], len(t), axis=0)
    return InstrumentTrack(grip.instrument, R, t, joints, np.where(held, int(grip.side), NOBODY), (grip.usual.name,))
