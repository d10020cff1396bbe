"""Two hands and an instrument solved on the devices that there are, and solutions compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import joint_problems
import numpy as np
import pytest
import warp as wp

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import RowBlock
from hoi_perception.interaction.solver import Solution, solve
from hoi_perception.interaction.terms.contact import ContactTerm
from hoi_perception.interaction.terms.hands import HandHandTerm
from hoi_perception.types import Side

NO_GPU = pytest.mark.skipif(not wp.is_cuda_available(), reason="no CUDA device")
BLOCKS_ON_CPU = pytest.mark.skipif(
    not hasattr(wp.config, "enable_cpu_blocks"), reason="this Warp has no blocks on CPUs"
)
DEVICES = ["cpu", pytest.param("cuda:0", marks=NO_GPU)]


@dataclass(frozen=True)
class These:
    """Rows that stay whatever the geometry."""

    blocks: Sequence[RowBlock]

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        return list(self.blocks)


def assert_same(found: Solution, expected: Solution) -> None:
    """Equal within 1e-9 of the largest entry, and in every decision."""
    np.testing.assert_array_equal(found.steps, expected.steps)
    np.testing.assert_array_equal(found.converged, expected.converged)
    np.testing.assert_array_equal(found.finite, expected.finite)
    pairs = {name: (getattr(found.state, name), getattr(expected.state, name)) for name in vars(expected.state)}
    pairs |= {"cost": (found.cost, expected.cost), "matrix": (found.matrix, expected.matrix)}
    for name, (a, b) in pairs.items():
        scale = np.abs(b[np.isfinite(b)]).max(initial=1e-300)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * scale, err_msg=name)
    for a, b in zip(found.terms, expected.terms, strict=True):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-9, nan_ok=True)


class Scene:
    """Two hands and scissors in states at random, with rows of every kind, contacts and rows between the hands."""

    def __init__(self, hands, library_body, posture: AnglePrior, batch: int = 3) -> None:
        self.bodies = Bodies((hands[Side.RIGHT], hands[Side.LEFT]), (library_body("metzenbaum_scissors"),))
        rng = np.random.default_rng(3)
        self.start, self.posture = joint_problems.random_state(self.bodies, rng, batch), posture
        more = ContactTerm(0, 0, 0.002, (0.02, 0.01)), HandHandTerm()
        self.terms = [
            [These(joint_problems.random_blocks(self.bodies, rng, robust=3.0, n=2)), *more] for _ in range(batch)
        ]
        self.weight = np.full((batch, self.bodies.n_columns), 10.0)

    def engine(self, device: str = "cpu") -> Engine:
        return Engine(self.bodies, [np.zeros(10)] * 2, len(self.terms), views=joint_problems.VIEWS, device=device)

    def solve(self, engine: Engine, on_device: bool, rounds: tuple[int, ...] = (4, 3)) -> Solution:
        priors = Priors(self.posture, self.start, self.weight)
        return solve(engine, self.terms, priors, self.start, rounds, on_device)
