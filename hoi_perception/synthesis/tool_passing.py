"""One hand gives a tool to the other: carry, take, let go, carry on."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.synthesis.gripping import Grip, articulation, surface_of
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
)
from hoi_perception.synthesis.motion_checks import nearest_m
from hoi_perception.synthesis.scene import Pose
from hoi_perception.synthesis.smooth_motion import reach_frames, through
from hoi_perception.synthesis.surgery_tracks import HandTrack, InstrumentTrack
from hoi_perception.synthesis.tool_tracks import Path, beside, carried, work_rotation
from hoi_perception.synthesis.working_motion import unsteady
from hoi_perception.synthesis.working_pose import Aim, elbows, on_table, score, turned_for

Array = NDArray[np.float64]
APART_M = 0.004
_WORST = -1.2
_BOTH_FRAMES = 5.0
_CLEAR_M = 0.02


def apart(giver: Grip, taker: Grip) -> bool:
    """Whether the two hands leave each other room on the tool."""
    return bool(nearest_m(giver.hand_in_tool, taker.hand_in_tool) > APART_M)


def passed(
    giver: Grip, taker: Grip, frames: int, person: float, rng: np.random.Generator
) -> tuple[tuple[HandTrack, HandTrack], InstrumentTrack] | None:
    """Tracks of giver, taker and tool; None where the hands cannot both be turned as people do, or not let go.

    The tool moves with the giver until its fingers begin to open, then with the taker, who has closed before.
    """
    both = [carried(giver), carried(taker)]
    middle = 0.5 * (giver.hand_in_tool.mean(axis=0) + taker.hand_in_tool.mean(axis=0))
    aim = Aim(middle, floor=-1.0)
    R = turned_for(both, aim, person, rng)
    if float(score(R[None], both, aim, person)[0]) < _WORST:
        return None
    centre = beside(person, giver.side, *rng.uniform([-0.02, -0.03, 0.11], [0.02, 0.03, 0.17]))
    tool = Pose(R, centre - R @ middle)
    give, get = (meeting(grip, tool, _away(grip, person)) for grip in (giver, taker))
    if give is None or get is None:
        return None
    before, after = (
        _raised(grip, tool_of(grip, work_rotation(grip, (-0.2, 1.0), person, rng), _place(grip, person, rng)))
        for grip in (giver, taker)
    )
    idle = float(rng.integers(8, 24))
    arrive = idle + _frames(before, tool, rng)
    on = arrive + APPROACH_FRAMES
    closed = on + CLOSE_FRAMES
    let_go = closed + _BOTH_FRAMES
    free = let_go + CLOSE_FRAMES
    off = free + APPROACH_FRAMES
    tool_stops = PoseStops([0.0, idle, arrive, off - 4.0], [before, before, tool, tool])
    tool_stops = tool_stops.to(_frames(tool, after, rng), after)
    shifts, turns = unsteady(frames, rng)
    steady = fading(frames, [(arrive, off)], 15.0)[:, None]
    path = shaken(tool_stops.path(frames), steady * shifts, steady * turns, middle)
    giving = _giver_wrist(give, path, frames, let_go, free, off, _rest(give, person, rng), rng)
    taking = _taker_wrist(get, path, frames, arrive, on, let_go, _rest(get, person, rng), rng)
    hands = (
        _hand(
            giver, giving, [0.0, let_go, free], [giver.closed.angles, giver.closed.angles, give.opening.angles], person
        ),
        _hand(taker, taking, [0.0, on, closed], [get.opening.angles, get.opening.angles, taker.closed.angles], person),
    )
    holder = np.where(np.arange(frames) < let_go, int(giver.side), int(taker.side))
    joints = np.repeat(giver.closed.held.joint_positions[None], frames, axis=0)
    names = (giver.usual.name, taker.usual.name)
    return hands, InstrumentTrack(giver.instrument, *path, joints, holder, names)


def _raised(grip: Grip, tool: Pose) -> Pose:
    """The pose lifted until hand and tool are above the table by `_CLEAR_M`."""
    points = tool.of(np.concatenate([grip.hand_in_tool, surface_of(grip.instrument)]))
    return Pose(tool.R, tool.t + [0.0, 0.0, max(_CLEAR_M - float(points[:, 2].min()), 0.0)])


def _giver_wrist(
    give: Meeting, tool: Path, frames: int, let_go: float, free: float, off: float, rest: Pose, rng: np.random.Generator
) -> Path:
    stops = PoseStops([0.0, free, off], [give.wrist, give.wrist, give.off])
    alone = stops.to(_frames(give.off, rest, rng), rest).path(frames)
    return _switched(give.grip, tool, alone, np.arange(frames) < let_go, (0.0, off), rng)


def _taker_wrist(
    get: Meeting, tool: Path, frames: int, arrive: float, on: float, let_go: float, rest: Pose, rng: np.random.Generator
) -> Path:
    start = max(arrive - _frames(rest, get.off, rng), 0.0)
    stops = PoseStops([0.0, start, arrive, on], [rest, rest, get.off, get.wrist])
    return _switched(get.grip, tool, stops.path(frames), np.arange(frames) >= let_go, (arrive, 1e9), rng)


def _switched(
    grip: Grip,
    tool: Path,
    alone: Path,
    holds: NDArray[np.bool_],
    still: tuple[float, float],
    rng: np.random.Generator,
) -> Path:
    """The wrist as its own way has it, or as the held tool does."""
    shifts, turns = unsteady(len(holds), rng)
    weight = fading(len(holds), [still], 15.0)[:, None]
    R, t = shaken(alone, weight * shifts, weight * turns, np.zeros(3))
    held_R, held_t = tool[0] @ grip.R_tool_wrist, tool[0] @ grip.t_tool_wrist + tool[1]
    return np.where(holds[:, None, None], held_R, R), np.where(holds[:, None], held_t, t)


def _hand(grip: Grip, wrist: Path, times: list[float], stops: list[Float64[Array, "15 3"]], person: float) -> HandTrack:
    frames = len(wrist[1])
    angles = through(frames, times, np.stack(stops).reshape(len(stops), -1)).reshape(frames, 15, 3)
    elbow = elbows(grip.side, wrist[0], wrist[1], person)
    return HandTrack(grip.side, grip.hand.shape, articulation(grip.hand, grip.side, angles), *wrist, elbow)


def _rest(met: Meeting, person: float, rng: np.random.Generator) -> Pose:
    """Where a hand waits that has no tool: to its own side, as it is turned when it meets the tool."""
    side = met.grip.side
    shift = beside(person, side, *rng.uniform([0.07, -0.04, -0.03], [0.12, 0.02, 0.02]))
    return Pose(met.off.R, met.off.t + shift)


def _away(grip: Grip, person: float) -> Float64[Array, "3"]:
    toward, _ = on_table(person)
    return beside(person, grip.side, 1.0, 0.0, 0.3) + 0.7 * toward


def _place(grip: Grip, person: float, rng: np.random.Generator) -> Float64[Array, "3"]:
    return beside(person, grip.side, *rng.uniform([0.02, -0.02, 0.02], [0.07, 0.04, 0.07]))


def _frames(a: Pose, b: Pose, rng: np.random.Generator) -> int:
    turn = np.arccos(np.clip(0.5 * (np.trace(a.R.T @ b.R) - 1.0), -1.0, 1.0))
    return reach_frames(float(np.linalg.norm(a.t - b.t)) + 0.1 * float(turn), float(rng.uniform(*CARRY_M_S)), 14)
