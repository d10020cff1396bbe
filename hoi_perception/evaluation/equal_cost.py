"""Time to equal cost: the joint solver and Adam on one and the same problem, rows chosen once. Needs [torch]."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from hoi_perception.evaluation.adam import path
from hoi_perception.evaluation.ours import Ours
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.grasp import GraspSettings
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.reference import Reference
from hoi_perception.interaction.rows import RowBlock
from hoi_perception.interaction.solver import Solution, Term, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.synthesis.grasp_truth import Evidence

SOLVED = 1.01
"""Cost over the converged one at which a problem counts as solved."""
RATES = (0.001, 0.003, 0.01, 0.03)
LONG = 100
MOST_ADAM = 1000


@dataclass(frozen=True)
class FixedRows:
    """Rows chosen once, as a term."""

    blocks: list[RowBlock]

    def rows(self, _: Geometry) -> list[RowBlock]:
        """The same rows whatever the state."""
        return self.blocks


@dataclass(frozen=True)
class Case:
    """One problem: its rows, where it starts, and the cost to which it converges."""

    engine: Engine
    blocks: list[RowBlock]
    priors: Priors
    start: SceneState
    converged: float

    @property
    def target(self) -> float:
        """Cost at which it counts as solved."""
        return SOLVED * self.converged

    def run(self, steps: int) -> float:
        """Cost after some steps of the solver."""
        return float(solve(self.engine, [[FixedRows(self.blocks)]], self.priors, self.start, (steps,)).cost[0])


def case_of(evidence: Evidence) -> Case:
    """The first round of the joint stage of one frame, from the rough pose and the hand that fits the landmarks."""
    caught: list[Case] = []

    def watch(
        engine: Engine, terms: Sequence[Sequence[Term]], priors: Priors, start: SceneState, rounds: Sequence[int]
    ) -> Solution:
        engine.place(start, correct=True)
        geometry = Geometry(Snapshot(engine, 0), 0)
        blocks = [row for term in terms[0] for row in term.rows(geometry)]
        caught.append(Case(engine, blocks, priors, start, float("nan")))
        return solve(engine, terms, priors, start, rounds)

    settings = GraspSettings(depth_offsets=(0.0,), finalists=1, align=None)
    ours = Ours(settings=settings, descend=watch, alternatives=1)
    ours.first(ours.solver(evidence), evidence)
    found = caught[0]
    engine = Engine(found.engine.bodies, found.engine.shapes, capacity=max(sum(map(len, found.blocks)), 1))
    fixed = Case(engine, found.blocks, found.priors, found.start, float("nan"))
    return Case(engine, fixed.blocks, fixed.priors, fixed.start, fixed.run(LONG))


def ours_ms(case: Case) -> tuple[float, int]:
    """Milliseconds and steps that the solver takes to the target, all that a solve does included."""
    needed = next((n for n in range(1, LONG) if case.run(n) <= case.target), LONG)
    return median_ms(lambda: case.run(needed), 9), needed


def adam_ms(case: Case, rates: Sequence[float] = RATES) -> tuple[float, float]:
    """Milliseconds that Adam takes to the target at the best of the rates, and that rate; inf where none gets there."""
    reference = Reference(case.engine.bodies, case.engine.shapes)
    best = (float("inf"), float("nan"))
    for rate in rates:
        took = _adam_to(reference, case, rate, best[0])
        if took < best[0]:
            best = (took, rate)
    return best


def _adam_to(reference: Reference, case: Case, rate: float, give_up_ms: float) -> float:
    began = time.perf_counter()
    way = path(reference, case.start, case.blocks, case.priors, rate)
    for _, cost in islice(way, MOST_ADAM):
        took = 1e3 * (time.perf_counter() - began)
        if cost <= case.target:
            return took
        if took > give_up_ms:
            break
    return float("inf")


def median_ms(run: Callable[[], object], repeats: int) -> float:
    """Median wall-clock time, ms, after one run to warm up."""
    run()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - began))
    return float(np.median(times))
