"""Truth grasps of the library's instruments; all by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.synthesis.grasp_maker import GraspMaker, Placer
from hoi_perception.synthesis.grasp_truth import GraspTruth, MadeBy

_MAX_TRIES = 40
PlacerOf = Callable[[InstrumentModel], Placer]
"""Makes the placer of an instrument; a plain function of a module, so that it can be sent to another process."""


@dataclass(frozen=True)
class Sampled:
    """Truth grasps in order, and how many were tried for them."""

    grasps: tuple[GraspTruth, ...]
    tries: int


@dataclass(frozen=True)
class _Task:
    """Grasps of one instrument, by their numbers; `by_placer` are those that the placer makes."""

    instrument: str
    numbers: tuple[int, ...]
    by_placer: frozenset[int]
    seed: int
    placer: PlacerOf | None


def held_instruments(library: Library) -> tuple[str, ...]:
    """Names of the instruments that a hand holds: those with a usual grasp."""
    described = ((name, library.entry(name).description) for name in library.names)
    return tuple(name for name, description in described if description is not None and description.grasps)


def sample_grasps(
    count: int,
    seed: int = 0,
    *,
    instruments: Sequence[str] = (),
    placer: PlacerOf | None = None,
    jobs: int = 1,
) -> Sampled:
    """`count` grasps, instruments taken in turn and sides at random; grasp i depends on `seed` and i alone.

    With a `placer` it makes two grasps of three, and closing the others; all pass the same checks. With more `jobs`
    instruments are spread over processes; the answer is the same. Where an instrument's tries all fail, another one
    takes its turn. InstrumentError where nothing succeeds.
    """
    names = tuple(instruments) or held_instruments(Library.find())
    numbers: dict[str, list[int]] = {}
    for number in range(count):
        numbers.setdefault(names[number % len(names)], []).append(number)
    turns = len(names)
    solved = frozenset(n for n in range(count) if placer is not None and (n % turns + n // turns) % 3 != 0)
    tasks = [_Task(name, tuple(own), solved, seed, placer) for name, own in numbers.items()]
    if jobs == 1:
        made = [_sample(task) for task in tasks]
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            made = list(pool.map(_sample, tasks))
    grasps = {number: grasp for part, _ in made for number, grasp in part.items()}
    if not grasps:
        raise InstrumentError(f"no grasp of {', '.join(names)} could be made: choose other instruments")
    tries = sum(n for _, n in made)
    able = sorted({grasp.instrument for grasp in grasps.values()})
    for number in range(count):
        for turn in range(len(able)):
            if number in grasps:
                break
            found, more = _sample(_Task(able[(number + turn) % len(able)], (number,), solved, seed, placer))
            grasps, tries = grasps | found, tries + more
    return Sampled(tuple(grasps[number] for number in sorted(grasps)), tries)


def _sample(task: _Task) -> tuple[dict[int, GraspTruth], int]:
    model = Library.find().get(task.instrument)
    maker = GraspMaker(model, placer=None if task.placer is None else task.placer(model))
    grasps, tries = {}, 0
    for number in task.numbers:
        how = MadeBy.SOLVER if number in task.by_placer else MadeBy.CLOSING
        for attempt in range(_MAX_TRIES):
            rng = np.random.default_rng([task.seed, number, attempt])
            tries += 1
            found = maker.attempt(rng, how)
            truth = None if found is None else maker.seen(found, rng, how)
            if truth is not None:
                grasps[number] = truth
                break
    return grasps, tries
