"""What the joint solver costs when it is used: all of a call, the choice of rows included.

Grasps that are carried about are followed for some frames; the next frame is then solved again and again. "Two hands"
adds a second hand to the same instrument. Kernels are compiled in processes of their own with a cache that is empty,
then full: from before the engines are made to the first solved frame. All runs on one thread, and times are what that
thread had of a core: on a machine that is quiet, wall-clock times. The last table has rounds that stay on their device
beside those on the host, choice of rows included; on GPUs, where present, in wall-clock time.

    OMP_NUM_THREADS=1 python bench/solver_speed.py [--instruments syringe cube ...] [--repeats 25]
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import warp as wp

from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.ours import Ours, sight
from hoi_perception.evaluation.start import Start
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.contact import contacts
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.grasp import GraspFit, GraspSettings, GraspSight, GraspSolver
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.solver import Solution, Term, solve
from hoi_perception.interaction.stages import FOLLOW
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.contact import ContactTerm
from hoi_perception.interaction.terms.hands import HandHandTerm
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.interaction.terms.outlines import InstrumentOutlineTerm
from hoi_perception.interaction.terms.penetration import PenetrationTerm
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker
from hoi_perception.synthesis.grasp_sequences import sample_sequences
from hoi_perception.synthesis.grasp_truth import Evidence
from hoi_perception.types import Side

SOME = ("adson_forceps", "syringe", "mayo_hegar_needle_holder", "cube")
FRAMES, LONG = 6, 100
COLUMNS = ("follow, 5 steps", "follow, 10 steps", "two hands, 10 steps", "cold start", "contacts")
BARS = ("4", "4", "6", "15", "2")
CHILD = "--first-solve"


def measured_ms(
    run: Callable[[], object], repeats: int, clock: Callable[[], float] = time.thread_time
) -> tuple[float, float]:
    """Median and least processor time, ms, after a run to warm up."""
    run()
    times = []
    for _ in range(repeats):
        began = clock()
        run()
        times.append(1e3 * (clock() - began))
    return float(np.median(times)), min(times)


class Carried:
    """An instrument carried about in a hand, followed up to the last frame but one."""

    def __init__(self, evidence: list[Evidence]) -> None:
        ours = Ours()
        self.solver = ours.solver(evidence[0])
        self.first, self.last = sight(evidence[0]), sight(evidence[-1])
        self.hands = Start().alternatives(evidence[0], 3)
        self.fit = self.solver.start(self.first, self.hands)
        for frame in evidence[1:-1]:
            self.fit = self.solver.follow(sight(frame), self.fit)
        self.side, self.shape, self.posture = evidence[0].side, evidence[0].shape, AnglePrior.of(FittingConfig())

    def with_steps(self, steps: int) -> GraspSolver:
        """A solver that follows in so many steps."""
        hand, instrument = self.solver.bodies.hands[0], self.solver.bodies.instruments[0]
        settings = GraspSettings(follow=replace(FOLLOW, steps=(steps,)))
        return GraspSolver(hand, instrument, self.shape, self.posture, settings)

    def two_hands(self, steps: int, device: str = "cpu", on_device: bool = False) -> Callable[[], Solution]:
        """The last frame with a second hand beside the first one: the mirror image of it, 4 cm along the image."""
        state, own = self.fit.state, self.solver.bodies
        other = Side.LEFT if self.side is Side.RIGHT else Side.RIGHT
        bodies = Bodies((own.hands[0], HandBody(other, own.hands[0].points)), own.instruments)
        wrist = state.wrist * np.array([-1.0, 1.0, 1.0]) + np.array([0.04, 0.0, 0.0]) * bodies.hands[1].sign
        both = SceneState.of([state.hand(0), replace(state.hand(0), wrist=wrist[:, 0])], [own.states(state)[1][0]])
        engine = Engine(bodies, [self.shape, self.shape], device=device)
        engine.place(both, correct=True)
        first = bodies.hands[1].points.first_landmark
        points = engine.hand_points()[0, 1, first : first + 21]
        seen = self.last.landmarks
        terms: list[Term] = [seen, LandmarkTerm(1, points[:, :2] / points[:, 2:], seen.weight), HandHandTerm()]
        for h in range(2):
            terms.append(ContactTerm(h, 0, FOLLOW.contact_sigma, FOLLOW.contact_reach))
            terms.append(PenetrationTerm(h, 0, FOLLOW.penetration_sigma))
        if (contour := self.last.contour) is not None:
            shown = np.zeros(len(contour.points), dtype=bool)
            terms.append(InstrumentOutlineTerm(0, contour, shown, reach_px=FOLLOW.outline_reach))
        weight = np.full((1, bodies.n_columns), 50.0)
        return lambda: solve(engine, [terms], Priors(self.posture, both, weight), both, (steps,), on_device)


def timed(carried: Carried, repeats: int) -> tuple[list[tuple[float, float]], float]:
    """Times of the columns, and the cost after ten steps over the converged one."""
    five, ten, long = (carried.with_steps(n) for n in (5, 10, LONG))
    fit: GraspFit = carried.fit
    seen: GraspSight = carried.last
    engine = Engine(carried.solver.bodies, [carried.shape])
    matrix = fit.solution.matrix[0]
    covariance = np.linalg.inv(matrix + 1e-6 * np.diag(np.diag(matrix)))
    runs: tuple[Callable[[], object], ...] = (
        lambda: five.follow(seen, fit),
        lambda: ten.follow(seen, fit),
        carried.two_hands(10),
        lambda: carried.solver.start(carried.first, carried.hands),
        lambda: contacts(engine, fit.state, covariance),
    )
    ratio = float(ten.follow(seen, fit).solution.cost[0] / long.follow(seen, fit).solution.cost[0])
    return [measured_ms(run, repeats) for run in runs], ratio


def print_rounds(carried: Carried, repeats: int) -> None:
    """Two hands and an instrument by rounds on the host and by rounds that stay on the device; 0 steps choose rows."""
    clocks = {"cpu": time.thread_time, **{str(d): time.perf_counter for d in wp.get_cuda_devices()}}
    print("\n| two hands, median (least), ms | 0 steps | 10 steps |\n|---|---:|---:|")
    for device, clock in clocks.items():
        for on_device in (False, True):
            took = [measured_ms(carried.two_hands(n, device, on_device), repeats, clock) for n in (0, 10)]
            cells = " | ".join(f"{mid:.1f} ({least:.1f})" for mid, least in took)
            print(f"| {device}, rounds on the {'device' if on_device else 'host'} | {cells} |", flush=True)


def first_solve(path: Path) -> None:
    """Print the seconds from before the engines are made to the first solved frame, all modules imported."""
    evidence: Evidence = pickle.loads(path.read_bytes())  # noqa: S301
    began = time.process_time()
    ours = Ours()
    ours.first(ours.solver(evidence), evidence)
    print(time.process_time() - began)


def compile_s(evidence: Evidence) -> tuple[float, float]:
    """Seconds to the first solved frame with an empty kernel cache, and with one that is full."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "evidence.pickle"
        path.write_bytes(pickle.dumps(evidence))
        environment = os.environ | {"WARP_CACHE_PATH": str(Path(folder) / "kernels")}
        command = [sys.executable, __file__, CHILD, str(path)]
        runs = [subprocess.run(command, env=environment, capture_output=True, check=True, text=True) for _ in range(3)]
        took = [float(run.stdout.split()[-1]) for run in runs]
    return took[0], min(took[1:])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instruments", nargs="+", default=SOME)
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(CHILD, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.first_solve is not None:
        first_solve(given.first_solve)
        return
    library, maker = Library.find(), EvidenceMaker()
    print(f"| median (least), ms | {' | '.join(COLUMNS)} | cost after 10 steps / converged |")
    print("|---|" + "---:|" * (len(COLUMNS) + 1))
    print(f"| bar | {' | '.join(BARS)} | 1.10 |")
    times, ratios = [], []
    for number, name in enumerate(given.instruments):
        truth = sample_sequences(1, FRAMES, given.seed + number, instruments=(name,))[0]
        evidence = maker.evidence(truth.frames, library.get(name), (given.seed, number))
        carried = Carried(evidence)
        took, ratio = timed(carried, given.repeats)
        times.append(took)
        ratios.append(ratio)
        print(f"| {name} | {' | '.join(f'{mid:.1f} ({least:.1f})' for mid, least in took)} | {ratio:.3f} |", flush=True)
    middle = [f"{mid:.1f} ({least:.1f})" for mid, least in np.median(np.array(times), axis=0)]
    print(f"| median | {' | '.join(middle)} | {np.median(ratios):.3f} |")
    print_rounds(carried, given.repeats)
    first, again = compile_s(evidence[0])
    print(f"\nKernels compiled first: {first:.1f} s (bar 15); from the cache: {again:.2f} s (bar 0.5)")


if __name__ == "__main__":
    main()
