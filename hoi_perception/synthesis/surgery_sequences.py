"""Sequences of the surgical benchmark: `benchmark_sequence(split, index)`, the same each time it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.synthesis.benchmark_split import FRAMES, Plan, Split, plan, seeds
from hoi_perception.synthesis.gripping import Grip, flat_grasps, maker_of, take, working_grasps
from hoi_perception.synthesis.jaw_cycles import jaw_keys
from hoi_perception.synthesis.motion_checks import IN_GROUND_M, in_order
from hoi_perception.synthesis.sequence_cache import cached_sequence
from hoi_perception.synthesis.sequence_views import sequence_view
from hoi_perception.synthesis.surgery_tracks import HandTrack, InstrumentTrack, OtherHand, SurgerySequence, Task
from hoi_perception.synthesis.tool_exchange import SINK_M, above_when_flat, exchanged
from hoi_perception.synthesis.tool_passing import apart, passed
from hoi_perception.synthesis.tool_tracks import (
    beside,
    empty_track,
    held_track,
    holding_track,
    with_jaws,
    work_rotation,
    worked,
)
from hoi_perception.synthesis.working_motion import (
    Work,
    cutting,
    grasping,
    holding,
    scraping,
    snipping,
    suturing,
)
from hoi_perception.types import Side

Array = NDArray[np.float64]
Tracks = tuple[tuple[HandTrack, ...], tuple[InstrumentTrack, ...]]
_ATTEMPTS = 60
_PLACEMENTS = 5
_DESCENT = {
    "scalpel": (0.45, 1.0),
    "retractor": (-0.3, 0.6),
    "trocar": (0.7, 1.4),
    "syringe": (0.3, 1.0),
}
"""How steeply tools point down, rad; others between the two of `_USUAL_DESCENT`."""
_USUAL_DESCENT = (0.35, 1.0)


def benchmark_sequence(split: Split, index: int, *, frames: int = FRAMES, cache: bool = True) -> SurgerySequence:
    """Sequence `index` of a part, made or read from the user's cache.

    It depends on the two, the number of frames and this package alone. IndexError where the part has no such index.
    """
    drawn = plan(split, index)
    if not cache:
        return made(drawn, frames)
    return cached_sequence((split.value, index, frames), lambda: made(drawn, frames))


def made(drawn: Plan, frames: int = FRAMES) -> SurgerySequence:
    """The first attempt at a plan whose every moment is in order; InstrumentError where none is."""
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng(seeds(drawn.split, drawn.index, attempt))
        person = float(rng.uniform(-np.pi, np.pi))
        tracks = _performed(drawn, frames, person, rng)
        if tracks is None:
            continue
        view = sequence_view(drawn.optics, person, *tracks, rng)
        other = OtherHand.TOOL if drawn.task is Task.PASSING else drawn.other
        return SurgerySequence(drawn.task, other, drawn.optics, view.camera, view.table, *tracks)
    raise InstrumentError(f"{drawn.task.value} with {', '.join(drawn.tools)} failed in {_ATTEMPTS} attempts")


def _performed(drawn: Plan, frames: int, person: float, rng: np.random.Generator) -> Tracks | None:
    match drawn.task:
        case Task.EXCHANGE:
            return _exchange(drawn, frames, person, rng)
        case Task.PASSING:
            return _passing(drawn, frames, person, rng)
        case _:
            return _working(drawn, frames, person, rng)


def _working(drawn: Plan, frames: int, person: float, rng: np.random.Generator) -> Tracks | None:
    """A tool at work in the better hand, beside it what the plan has."""
    grip = take(drawn.tools[0], working_grasps(drawn.tools[0]), drawn.dominant, drawn.shape, rng)
    if grip is None:
        return None
    work = _work_of(drawn.task, grip.maker.model.description.instrument_class)(frames, rng)
    main = _at_work(grip, work, drawn.dominant, 0.012, person, rng)
    return _with_other(drawn, frames, person, rng, main)


def _exchange(drawn: Plan, frames: int, person: float, rng: np.random.Generator) -> Tracks | None:
    old, new = (
        take(name, flat_grasps(name), drawn.dominant, drawn.shape, rng, fits=above_when_flat, tries=12)
        for name in drawn.tools
    )
    if old is None or new is None:
        return None

    def main() -> Tracks | None:
        found = exchanged(old, new, frames, person, rng)
        return None if found is None else ((found[0],), found[1])

    return _with_other(drawn, frames, person, rng, main)


def _passing(drawn: Plan, frames: int, person: float, rng: np.random.Generator) -> Tracks | None:
    giving, taking = drawn.dominant, _opposite(drawn.dominant)
    if rng.random() < 0.5:
        giving, taking = taking, giving
    handles = working_grasps(drawn.tools[0])
    first, second = (("offer",), handles) if rng.random() < 0.6 else (handles, ("offer",))
    giver = take(drawn.tools[0], first, giving, drawn.shape, rng)
    if giver is None:
        return None
    for _ in range(2):
        joints = giver.closed.held.joint_positions
        free = partial(apart, giver)
        taker = take(drawn.tools[0], second, taking, drawn.shape, rng, joints=joints, fits=free, tries=8)
        if taker is None:
            continue
        for _ in range(3):
            found = passed(giver, taker, frames, person, rng)
            if found is not None and in_order(found[0], (found[1],)):
                return found[0], (found[1],)
    return None


def _at_work(
    grip: Grip, work: Work, side: Side, across: float, person: float, rng: np.random.Generator
) -> Callable[[], Tracks | None]:
    """Tries at placing a grip at its work; jaws are closed on only once."""
    keys = jaw_keys(grip) if np.ptp(work.jaw) > 0.0 else None
    joints, angles = with_jaws(grip, keys, work.jaw)
    descent = _DESCENT.get(grip.maker.model.description.instrument_class, _USUAL_DESCENT)

    def main() -> Tracks:
        R = work_rotation(grip, descent, person, rng)
        place = beside(person, side, across, float(rng.uniform(-0.01, 0.03)), float(rng.uniform(0.0, 0.012)))
        path = worked(grip, R, place, work, rng)
        return (holding_track(grip, path, angles, person),), (held_track(grip, path, joints),)

    return main


def _with_other(
    drawn: Plan, frames: int, person: float, rng: np.random.Generator, main: Callable[[], Tracks | None]
) -> Tracks | None:
    """What the better hand does, with the other hand beside it; None where they get in each other's way."""
    side = _opposite(drawn.dominant)
    beside_it = _other(drawn, frames, side, person, rng)
    sink = SINK_M if drawn.task is Task.EXCHANGE else IN_GROUND_M
    for _ in range(_PLACEMENTS):
        first = main()
        if first is None or not in_order(*first, sink):
            continue
        for _ in range(_PLACEMENTS):
            more = beside_it()
            both = (first[0] + more[0], first[1] + more[1])
            if not more[0] or in_order(*both, sink):
                return both
    return None


def _other(drawn: Plan, frames: int, side: Side, person: float, rng: np.random.Generator) -> Callable[[], Tracks]:
    """The other hand: absent, empty, or with a second instrument (empty where it cannot take it)."""
    if drawn.other is OtherHand.ABSENT:
        return lambda: ((), ())
    spread = iter(np.linspace(0.0, 0.10, _PLACEMENTS * _PLACEMENTS))
    grip = (
        take(drawn.second, working_grasps(drawn.second), side, drawn.shape, rng)
        if drawn.other is OtherHand.TOOL
        else None
    )
    if grip is not None:
        kind = grip.maker.model.description.instrument_class
        work = (grasping if kind == "forceps" and rng.random() < 0.5 else holding)(frames, rng)
        keys = jaw_keys(grip) if kind == "forceps" else None
        joints, angles = with_jaws(grip, keys, work.jaw)
        descent = _DESCENT.get(kind, _USUAL_DESCENT)

        def second() -> Tracks:
            R = work_rotation(grip, descent, person, rng)
            across = float(rng.uniform(0.03, 0.05)) + next(spread)
            path = worked(grip, R, beside(person, side, across, float(rng.uniform(-0.02, 0.04)), 0.004), work, rng)
            return (holding_track(grip, path, angles, person),), (held_track(grip, path, joints),)

        return second

    hand = maker_of(drawn.tools[0]).samples.with_shape(drawn.shape)

    def empty() -> Tracks:
        across = float(rng.uniform(0.06, 0.09)) + next(spread)
        middle = beside(person, side, across, float(rng.uniform(-0.05, 0.05)), float(rng.uniform(0.0, 0.03)))
        return (empty_track(hand, side, middle, frames, person, rng),), ()

    return empty


def _work_of(task: Task, kind: str) -> Callable[[int, np.random.Generator], Work]:
    match task:
        case Task.CUTTING:
            return cutting
        case Task.SUTURING:
            return suturing
        case Task.GRASPING if kind == "scissors":
            return snipping
        case Task.GRASPING if kind in ("suction", "curette"):
            return scraping
        case Task.GRASPING:
            return grasping
        case _:
            return holding


def _opposite(side: Side) -> Side:
    return Side.LEFT if side is Side.RIGHT else Side.RIGHT
