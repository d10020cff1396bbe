"""The joint solver beside Adam through autograd and SciPy's least squares: time to equal cost on the same problems.

Each problem is a frame of a simulated grasp after its rows were chosen: the same rows, priors and start for all. The
target is 1.01 times the converged cost (that of the solver, run long). One thread each.

    python bench/joint_solver.py [--grasps 12] [--seed 5]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import least_squares

from hoi_perception.evaluation.ours import Ours, sight
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.grasp import GraspSettings
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.reference import Reference
from hoi_perception.interaction.rows import RowBlock
from hoi_perception.interaction.solver import Solution, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker
from hoi_perception.synthesis.grasp_sampler import sample_grasps
from hoi_perception.synthesis.grasp_truth import Evidence

RATES = (0.0003, 0.001, 0.003, 0.01, 0.03)
LONG = 100
MOST_ADAM = 1500


@dataclass(frozen=True)
class FixedRows:
    """Rows chosen once, as a term."""

    blocks: list[RowBlock]

    def rows(self, _: Geometry) -> list[RowBlock]:
        """The same rows whatever the state."""
        return self.blocks


@dataclass(frozen=True)
class Case:
    """One problem with its rows, its start and the lowest cost known."""

    engine: Engine
    blocks: list[RowBlock]
    priors: Priors
    start: SceneState
    converged: float

    @property
    def target(self) -> float:
        """What counts as solved."""
        return 1.01 * self.converged


def cases(grasps: int, seed: int) -> list[Case]:
    """Frames of simulated grasps."""
    library, maker, ours = Library.find(), EvidenceMaker(), Ours()
    truths = sample_grasps(grasps, seed).grasps
    out: list[Case] = []
    for number, truth in enumerate(truths):
        evidence = maker.evidence([truth], library.get(truth.instrument), (seed, 9, number))[0]
        out.append(case(ours, evidence))
    return out


def case(ours: Ours, evidence: Evidence) -> Case:
    """The joint stage's first round of one frame, from the rough pose and the hand that fits the landmarks."""
    caught: list[tuple[Engine, Priors, SceneState, list[RowBlock]]] = []

    def watch(engine, terms, priors, start, rounds) -> Solution:  # type: ignore[no-untyped-def]
        engine.place(start, correct=True)
        geometry = Geometry(Snapshot(engine, 0), 0)
        caught.append((engine, priors, start, [row for term in terms[0] for row in term.rows(geometry)]))
        return solve(engine, terms, priors, start, rounds)

    settings = GraspSettings(depth_offsets=(0.0,), finalists=1, align=None)
    solver = Ours(settings=settings, descend=watch, alternatives=1).solver(evidence)
    solver.start(sight(evidence), ours._start.alternatives(evidence, 1))
    engine, priors, start, blocks = caught[0]
    engine = Engine(engine.bodies, engine.shapes, 1, capacity=2048)
    best = solve(engine, [[FixedRows(blocks)]], priors, start, (LONG,)).cost[0]
    return Case(engine, blocks, priors, start, float(best))


def ours_ms(c: Case) -> tuple[float, int, float]:
    """Milliseconds and steps to the target, and cost after ten steps over the converged one."""
    terms = [[FixedRows(c.blocks)]]
    ten = solve(c.engine, terms, c.priors, c.start, (10,)).cost[0]
    needed = next(
        (n for n in range(1, LONG) if solve(c.engine, terms, c.priors, c.start, (n,)).cost[0] <= c.target), LONG
    )
    return median_ms(lambda: solve(c.engine, terms, c.priors, c.start, (needed,)), 15), needed, ten / c.converged


def ten_ms(c: Case) -> float:
    """Ten steps of the solver with all they need."""
    return median_ms(lambda: solve(c.engine, [[FixedRows(c.blocks)]], c.priors, c.start, (10,)), 15)


def scipy_ms(c: Case) -> float:
    """SciPy's trust region on the same normal equations, until it is at the target; inf where it stays above."""
    engine = c.engine
    engine.expect(c.priors)
    engine.place(c.start, correct=True)
    engine.keep(np.ones(1, dtype=bool))
    engine.take_rows([c.blocks])
    base = np.zeros(engine.bodies.n_columns)

    class ReachedError(Exception):
        """The target is met."""

    def residuals(x: np.ndarray) -> np.ndarray:
        engine.advance(x[None])
        sums = engine.normal_equations()
        if sums.cost[0] <= c.target:
            raise ReachedError
        L = np.linalg.cholesky(sums.matrix[0] + 1e-9 * np.eye(len(x)))
        residuals.J = L.T  # a square root of the same normal equations, as a Jacobian with the same gradient
        return np.linalg.solve(L, sums.gradient[0])

    def run() -> None:
        try:
            least_squares(residuals, base, jac=lambda _: residuals.J, method="trf", max_nfev=300)
        except ReachedError:
            return
        raise RuntimeError

    try:
        return median_ms(run, 5)
    except RuntimeError:
        return float("inf")


def adam_ms(c: Case) -> tuple[float, float]:
    """Milliseconds to the target at the best of `RATES`, and that rate; inf where none gets there."""
    reference = Reference(c.engine.bodies, c.engine.shapes)
    best = (float("inf"), 0.0)
    for rate in RATES:
        began = time.perf_counter()
        took = adam_to(reference, c, rate, began, best[0])
        if took < best[0]:
            best = (took, rate)
    return best


def adam_to(reference: Reference, c: Case, rate: float, began: float, give_up_ms: float) -> float:
    """Milliseconds of Adam at one rate to the target."""
    step = torch.zeros(c.engine.bodies.n_columns, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([step], lr=rate)
    for _ in range(MOST_ADAM):
        optimiser.zero_grad()
        cost = reference.cost(c.start, step, c.blocks, c.priors)
        took = 1e3 * (time.perf_counter() - began)
        if float(cost) <= c.target:
            return took
        if took > give_up_ms:
            break
        cost.backward()
        optimiser.step()
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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grasps", type=int, default=12)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    head = (
        "instrument",
        "rows",
        "10 steps, ms",
        "cost then / converged",
        "ours, ms (steps)",
        "SciPy, ms",
        "Adam, ms (rate)",
    )
    print("| " + " | ".join((*head, "Adam / ours")) + " |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    ratios, tens, after = [], [], []
    for c in cases(given.grasps, given.seed):
        own, steps, ratio = ours_ms(c)
        ten, scipy, (adam, rate) = ten_ms(c), scipy_ms(c), adam_ms(c)
        ratios.append(adam / own)
        tens.append(ten)
        after.append(ratio)
        rows = sum(len(block) for block in c.blocks)
        print(
            f"| {c.engine.bodies.instruments[0].name} | {rows} | {ten:.2f} | {ratio:.3f} | {own:.2f} ({steps}) |"
            f" {scipy:.1f} | {adam:.0f} ({rate:g}) | {adam / own:.0f} |",
            flush=True,
        )
    print(f"| median | | {np.median(tens):.2f} | {np.median(after):.3f} | | | | {np.median(ratios):.0f} |")


if __name__ == "__main__":
    main()
