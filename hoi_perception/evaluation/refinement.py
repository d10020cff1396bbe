"""Compares methods of refinement on simulated grasps and sequences, against the truth and the unrefined start.

Every method gets the same evidence: landmarks, masks, a rough pose of the instrument, and the hand's true shape as a
calibrated user has it. None of them sees the truth's pose or the grasp from which it was made.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

import numpy as np

from hoi_perception.evaluation.figures import Judge, as_estimate
from hoi_perception.evaluation.methods import ADAM, OURS
from hoi_perception.evaluation.refiner import Refiner
from hoi_perception.evaluation.start import Start
from hoi_perception.evaluation.truth_cache import cached, truth_key
from hoi_perception.instruments.library import Library
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker, EvidenceNoise
from hoi_perception.synthesis.grasp_sampler import PlacerOf, sample_grasps
from hoi_perception.synthesis.grasp_sequences import sample_sequences
from hoi_perception.synthesis.grasp_truth import Evidence, GraspEstimate, GraspSequence, GraspTruth
from hoi_perception.types import Side

Item = TypeVar("Item")
Figures = dict[str, float]
TRUTH, START = "truth", "start"
_GRASPS, _SEQUENCES = 0, 1
"""Streams of random numbers for the errors of each."""
_TIMED_EVERY = 25
"""Grasps between those on which the time to equal cost is taken."""
ADAM_EVERY = 7
"""Grasps and sequences between those that Adam refines too: it takes a thousand times as long. No divisor of the number
of instruments, which take turns."""
_EVERY = 8
"""Frames of a sequence between those of which single-frame figures are taken."""


@dataclass(frozen=True)
class Trial:
    """What is evaluated: numbers of grasps and sequences, frames of each, seed, sizes of the errors."""

    grasps: int = 500
    sequences: int = 50
    frames: int = 40
    seed: int = 0
    instruments: tuple[str, ...] = ()
    noise: EvidenceNoise = field(default_factory=EvidenceNoise)


@dataclass(frozen=True)
class Outcome:
    """Figures per row and grasp, and per row and sequence, in equal order for all rows; empty where one is left out."""

    grasps: dict[str, list[Figures]]
    sequences: dict[str, list[Figures]]
    made_by: dict[str, int]
    tries: int


def evaluate(
    trial: Trial,
    methods: Mapping[str, Callable[[], Refiner]] | None = None,
    *,
    placer: PlacerOf | None = None,
    jobs: int = 1,
) -> Outcome:
    """Runs `methods` (row name to a constructor that can be sent to another process) beside truth and start.

    Two of three truth grasps are made by the `placer`, where there is one, all others by closing the hand.
    """
    rows = {START: Start, **(methods or {})}
    with one_thread_each(jobs):
        grasps, tries = truth_grasps(trial, placer, jobs)
        carried = truth_sequences(trial, jobs)
        by_grasp = _run(partial(_judge_grasps, rows, trial), list(enumerate(grasps)), jobs)
        by_sequence = _run(partial(_judge_sequences, rows, trial), list(enumerate(carried)), jobs)
    names = (TRUTH, *rows)
    made_by: dict[str, int] = {}
    for truth in grasps:
        made_by[truth.made_by.value] = made_by.get(truth.made_by.value, 0) + 1
    return Outcome(
        {name: [figures[name] for figures in by_grasp] for name in names},
        {name: [figures[name] for figures in by_sequence] for name in names},
        made_by,
        tries,
    )


def truth_grasps(trial: Trial, placer: PlacerOf | None = None, jobs: int = 1) -> tuple[list[GraspTruth], int]:
    """The truth grasps of a trial and how many were tried, from the cache where it has them."""

    def make() -> tuple[list[list[GraspTruth]], int]:
        sampled = sample_grasps(trial.grasps, trial.seed, instruments=trial.instruments, placer=placer, jobs=jobs)
        return [[grasp] for grasp in sampled.grasps], sampled.tries

    how = "" if placer is None else f"{placer.__module__}.{placer.__qualname__}"
    key = truth_key(["grasps", trial.grasps, trial.seed, trial.instruments, how], solved=placer is not None)
    groups, tries = cached(key, make)
    return [group[0] for group in groups], tries


def truth_sequences(trial: Trial, jobs: int = 1) -> list[GraspSequence]:
    """The truth sequences of a trial, from the cache where it has them."""

    def make() -> tuple[list[list[GraspTruth]], int]:
        carried = sample_sequences(trial.sequences, trial.frames, trial.seed, instruments=trial.instruments, jobs=jobs)
        return [list(sequence.frames) for sequence in carried], len(carried)

    what = ["sequences", trial.sequences, trial.frames, trial.seed, trial.instruments]
    groups, _ = cached(truth_key(what, solved=False), make)
    return [GraspSequence(tuple(group)) for group in groups]


def _run(
    judge: Callable[[list[Item]], list[dict[str, Figures]]], items: list[Item], jobs: int
) -> list[dict[str, Figures]]:
    """Figures of all items in order, each `jobs`th by one process."""
    if jobs == 1:
        return judge(items)
    parts = [items[k::jobs] for k in range(jobs)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(judge, parts))
    return [done[k % jobs][k // jobs] for k in range(len(items))]


class _Bench:
    """What a process keeps from item to item."""

    def __init__(self, rows: Mapping[str, Callable[[], Refiner]], trial: Trial) -> None:
        self.methods = {name: make() for name, make in rows.items()}
        self.evidence = EvidenceMaker(trial.noise)
        self._library = Library.find()
        self._judge: tuple[tuple[str, Side], Judge] | None = None

    def judge(self, instrument: str, side: Side) -> Judge:
        """The judge of an instrument, kept until another one is asked for."""
        if self._judge is None or self._judge[0] != (instrument, side):
            self._judge = (instrument, side), Judge.of(self._library.get(instrument), side)
        return self._judge[1]


def _judge_grasps(
    rows: Mapping[str, Callable[[], Refiner]], trial: Trial, items: list[tuple[int, GraspTruth]]
) -> list[dict[str, Figures]]:
    bench, results = _Bench(rows, trial), []
    for number, truth in items:
        judge = bench.judge(truth.instrument, truth.side)
        evidence = bench.evidence.evidence([truth], judge.model, (trial.seed, _GRASPS, number))[0]
        figures = {TRUTH: judge.frame_figures(as_estimate(truth), truth)}
        for name, method in bench.methods.items():
            if _left_out(name, number):
                figures[name] = {}
                continue
            began = time.perf_counter()
            estimate = method.refine_grasp(evidence)
            took = time.perf_counter() - began
            figures[name] = judge.frame_figures(estimate, truth) | {"ms_per_grasp": 1000.0 * took}
        if number % _TIMED_EVERY == 0 and ADAM in rows and OURS in rows:
            for name, took in _to_equal_cost(evidence).items():
                figures[name]["ms_to_equal_cost"] = took
        results.append(figures)
    return results


def _left_out(name: str, number: int) -> bool:
    return name == ADAM and number % ADAM_EVERY != 0


def _to_equal_cost(evidence: Evidence) -> dict[str, float]:
    """Milliseconds to the same cost on one problem; Adam's are NaN where it does not get there."""
    from hoi_perception.evaluation.equal_cost import adam_ms, case_of, ours_ms

    case = case_of(evidence)
    took = adam_ms(case)[0]
    return {OURS: ours_ms(case)[0], ADAM: took if np.isfinite(took) else float("nan")}


def _judge_sequences(
    rows: Mapping[str, Callable[[], Refiner]], trial: Trial, items: list[tuple[int, GraspSequence]]
) -> list[dict[str, Figures]]:
    bench, results = _Bench(rows, trial), []
    for number, sequence in items:
        judge = bench.judge(sequence.instrument, sequence.side)
        evidence = bench.evidence.evidence(sequence.frames, judge.model, (trial.seed, _SEQUENCES, number))
        figures = {TRUTH: _of_sequence(judge, [as_estimate(truth) for truth in sequence.frames], sequence)}
        for name, method in bench.methods.items():
            if _left_out(name, number):
                figures[name] = {}
                continue
            began = time.perf_counter()
            estimates = method.refine_sequence(evidence)
            took = time.perf_counter() - began
            figures[name] = _of_sequence(judge, estimates, sequence)
            figures[name]["ms_per_frame"] = 1000.0 * took / len(evidence)
        still = figures[TRUTH]["ho_motion_mm2"]
        for own in filter(None, figures.values()):
            own["ho_motion_excess_mm2"] = own["ho_motion_mm2"] - still
        results.append(figures)
    return results


def _of_sequence(judge: Judge, estimates: list[GraspEstimate], sequence: GraspSequence) -> Figures:
    """Figures of motion, and the means of the single-frame figures over some of the frames."""
    if len(estimates) != len(sequence.frames):
        raise ValueError(f"a method gave {len(estimates)} estimates for {len(sequence.frames)} frames: give one each")
    some = range(0, len(estimates), _EVERY)
    each = [judge.frame_figures(estimates[i], sequence.frames[i]) for i in some]
    means = {key: float(np.mean([one[key] for one in each])) for key in each[0]}
    return means | judge.sequence_figures(estimates, sequence.frames)


@contextmanager
def one_thread_each(jobs: int) -> Iterator[None]:
    """Lets processes that are started meanwhile use one thread of BLAS each, where there are several."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    if jobs > 1:
        os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
