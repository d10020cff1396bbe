"""The joint solver beside Adam through autograd and SciPy's least squares: time to equal cost on the same problems.

Each problem is a frame of a simulated grasp after its rows were chosen: the same rows, priors and start for all. It
counts as solved at 1.01 times the converged cost (that of the solver, run long). One thread each.

    python bench/joint_solver.py [--grasps 12] [--seed 5]
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
import torch
from scipy.optimize import least_squares

from hoi_perception.evaluation.equal_cost import Case, adam_ms, case_of, median_ms, ours_ms
from hoi_perception.instruments.library import Library
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker
from hoi_perception.synthesis.grasp_sampler import sample_grasps


class ReachedError(Exception):
    """SciPy has met the target."""


def scipy_ms(case: Case) -> float:
    """SciPy's trust region on the same normal equations, until it is at the target; inf where it stays above."""
    engine = case.engine
    engine.expect(case.priors)
    engine.place(case.start, correct=True)
    engine.keep(np.ones(1, dtype=bool))
    latest: list[np.ndarray] = []

    def residuals(x: np.ndarray) -> np.ndarray:
        engine.advance(x[None])
        sums = engine.normal_equations()
        if sums.cost[0] <= case.target:
            raise ReachedError
        L = np.linalg.cholesky(sums.matrix[0] + 1e-9 * np.eye(len(x)))
        latest[:] = [L.T]  # a square root of the same normal equations: a Jacobian with the same gradient
        return np.linalg.solve(L, sums.gradient[0])

    def run() -> bool:
        try:
            least_squares(residuals, np.zeros(engine.bodies.n_columns), jac=lambda _: latest[0], max_nfev=300)
        except ReachedError:
            return True
        return False

    engine.take_rows([case.blocks])
    return median_ms(run, 5) if run() else float("inf")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grasps", type=int, default=12)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    library, maker = Library.find(), EvidenceMaker()
    head = "instrument | rows | 10 steps, ms | cost then / converged | ours, ms (steps) | SciPy, ms | Adam, ms (rate)"
    print(f"| {head} | Adam / ours |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    ratios, tens, after = [], [], []
    for number, truth in enumerate(sample_grasps(given.grasps, given.seed).grasps):
        case = case_of(maker.evidence([truth], library.get(truth.instrument), (given.seed, 9, number))[0])
        own, steps = ours_ms(case)
        ten, left = median_ms(partial(case.run, 10), 15), case.run(10) / case.converged
        scipy, (adam, rate) = scipy_ms(case), adam_ms(case)
        ratios.append(adam / own)
        tens.append(ten)
        after.append(left)
        rows = sum(len(block) for block in case.blocks)
        print(
            f"| {truth.instrument} | {rows} | {ten:.2f} | {left:.3f} | {own:.2f} ({steps}) | {scipy:.1f} |"
            f" {adam:.0f} ({rate:g}) | {adam / own:.0f} |",
            flush=True,
        )
    print(f"| median | | {np.median(tens):.2f} | {np.median(after):.3f} | | | | {np.median(ratios):.0f} |")


if __name__ == "__main__":
    main()
