"""Adam through autograd on the joint solver's own objective: the usual way of the published methods, for comparison.

Needs the extra [torch]. Kingma and Ba, Adam: a method for stochastic optimization (2015), with its default moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy.typing import NDArray
from torch import Tensor

from hoi_perception.evaluation.kernel_adam import RATE, STEPS_FOR_ONE, adam_solution
from hoi_perception.evaluation.ours import Ours
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.grasp import GraspSettings
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.reference import Reference
from hoi_perception.interaction.rows import RowBlock
from hoi_perception.interaction.solver import Solution, Term
from hoi_perception.interaction.state import SceneState

Array = NDArray[np.float64]


def adam() -> Ours:
    """The solver's stages from its first start alone, each minimised by Adam."""
    settings = GraspSettings(depth_offsets=(0.0,), finalists=1)
    return Ours(settings=settings, descend=descend, alternatives=1)


def descend(
    engine: Engine,
    terms: Sequence[Sequence[Term]],
    priors: Priors,
    start: SceneState,
    rounds: Sequence[int],
    rate: float = RATE,
) -> Solution:
    """`solver.solve` with Adam, one problem at a time; `rounds` are those of the solver."""
    assert engine.batch == 1, "Adam is compared on single problems"
    reference = Reference(engine.bodies, engine.shapes)
    state, cost = start, np.inf
    blocks: list[RowBlock] = []
    for index, steps in enumerate(rounds):
        engine.place(state, correct=True)
        geometry = Geometry(Snapshot(engine, index), 0)
        blocks = [row for term in terms[0] for row in term.rows(geometry)]
        step, cost = minimise(reference, state, blocks, priors, STEPS_FOR_ONE * steps, rate)
        state = engine.bodies.moved(state, step[None])
    return adam_solution(engine, state, cost, rounds)


def minimise(
    reference: Reference, base: SceneState, blocks: Sequence[RowBlock], priors: Priors, steps: int, rate: float
) -> tuple[Float64[Array, " n"], float]:
    """The step from `base` with the lowest cost on Adam's way, and that cost."""
    best, lowest = np.zeros(reference.bodies.n_columns), np.inf
    for step, cost in islice(path(reference, base, blocks, priors, rate), steps):
        if cost < lowest:
            best, lowest = step.detach().numpy().copy(), cost
    return best, lowest


def path(
    reference: Reference, base: SceneState, blocks: Sequence[RowBlock], priors: Priors, rate: float
) -> Iterator[tuple[Float[Tensor, " n"], float]]:
    """Adam's way from `base` without end: each step from there, the first is none, and its cost."""
    step = torch.zeros(reference.bodies.n_columns, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([step], lr=rate)
    while True:
        optimiser.zero_grad()
        cost = reference.cost(base, step, blocks, priors)
        yield step, float(cost.detach())
        cost.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
