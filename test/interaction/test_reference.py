"""The Warp kernels and the torch reference agree term by term: residuals, derivatives, costs, priors."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from joint_problems import VIEWS, random_blocks, random_state

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.interaction.bodies import Bodies, HandBody, InstrumentBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.state import SceneState
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Side

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'hoi_perception[torch]'")

from hoi_perception.interaction.reference import Reference, logarithm  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
RELATIVE = 1e-5
CASES = {
    "right hand": ((Side.RIGHT,), ()),
    "left hand and scissors": ((Side.LEFT,), ("metzenbaum_scissors",)),
    "right hand and two instruments": ((Side.RIGHT,), ("large_needle_driver", "metzenbaum_scissors")),
    "both hands and a needle driver": ((Side.LEFT, Side.RIGHT), ("large_needle_driver",)),
    "an instrument alone": ((), ("large_needle_driver",)),
}


@dataclass(frozen=True)
class Both:
    """The same bodies on both sides."""

    bodies: Bodies
    engine: Engine
    reference: Reference

    def problem(self, seed: int, robust: float = 0.0, hinge: int = 0) -> tuple[SceneState, list[RowBlock]]:
        """A random state, with the engine placed there, and random rows that it took."""
        rng = np.random.default_rng(seed)
        base, blocks = random_state(self.bodies, rng), random_blocks(self.bodies, rng, robust=robust, hinge=hinge)
        self.engine.take_rows([blocks])
        self.engine.place(base, correct=True)
        self.engine.keep(np.array([True]))
        return base, blocks

    @property
    def still(self) -> torch.Tensor:
        return torch.zeros(self.bodies.n_columns).double()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors here are small: more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=CASES, ids=list(CASES))
def both(
    request: pytest.FixtureRequest, hands: dict[Side, HandBody], library_body: Callable[[str], InstrumentBody]
) -> Both:
    sides, names = CASES[request.param]
    bodies = Bodies(tuple(hands[side] for side in sides), tuple(library_body(name) for name in names))
    shapes = list(np.random.default_rng(0).normal(size=(len(sides), 10)))
    return Both(bodies, Engine(bodies, shapes, 1, 1000, VIEWS), Reference(bodies, shapes, VIEWS))


def assert_close(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Within 1e-5 of the largest value of the term."""
    scale = max(float(np.abs(expected).max(initial=0.0)), 1e-9)
    error = float(np.abs(found - expected).max(initial=0.0))
    assert error <= RELATIVE * scale, f"{what}: off by {error / scale:.1e} of {scale:.2e}"


@pytest.mark.parametrize(("robust", "hinge"), [(0.0, 0), (2.0, 0), (0.0, 1), (1.5, -1)])
def test_residuals_and_derivatives_term_by_term(both: Both, robust: float, hinge: int) -> None:
    base, blocks = both.problem(0, robust, hinge)
    found, expected = both.engine.evaluate(), both.reference.rows(base, both.still, blocks)
    J = torch.func.jacfwd(lambda step: both.reference.rows(base, step, blocks).residual)(both.still).numpy()
    for term, rows in both.engine.table.terms[0]:
        assert_close(found.residual[0, rows], expected.residual[rows].numpy(), f"residual of {term}")
        assert_close(found.cost[0, rows], expected.cost[rows].numpy(), f"cost of {term}")
        assert_close(found.jacobian[0, rows], J[rows], f"derivative of {term}")
    hinged = np.concatenate([np.full(len(block), block.hinge != 0) for block in blocks])
    kept = found.cost[0] != 0.0
    assert kept[~hinged].mean() > 0.99
    if hinge:
        assert 0.2 < kept[hinged].mean() < 0.8
    interacting = bool(both.bodies.hands and both.bodies.instruments)
    assert {block.kind for block in blocks} == set(Kind) - (set() if interacting else {Kind.FIELD})


def test_fields_close_to_the_surface(both: Both) -> None:
    """Residuals agree as ever; slopes change from cell to cell there, and single precision in the kernel tells."""
    base, _ = both.problem(7)
    rng, blocks, n = np.random.default_rng(7), list[RowBlock](), 100
    for k, body in enumerate(both.bodies.instruments):
        R, t = (values[0] for values in both.engine.links(k))
        pick = rng.integers(0, len(body.samples), n)
        link = body.sample_links[pick]
        places = (R[link] @ body.samples[pick][..., None])[..., 0] + t[link] + rng.normal(size=(n, 3)) * 0.001
        still, moving = np.full(n, -1), np.full(n, len(both.bodies.hands) + k)
        p, q = Points(still, np.zeros(n, dtype=int), places), Points(moving, np.zeros(n, dtype=int), np.zeros((n, 3)))
        blocks.append(RowBlock(body.name, Kind.FIELD, p, np.ones(n), q=q))
    if not blocks:
        pytest.skip("no instrument")
    both.engine.take_rows([blocks])
    found, expected = both.engine.evaluate(), both.reference.rows(base, both.still, blocks)
    J = torch.func.jacfwd(lambda step: both.reference.rows(base, step, blocks).residual)(both.still).numpy()
    for term, rows in both.engine.table.terms[0]:
        inside = (expected.residual[rows] < 0.0).double().mean()
        assert 0.02 < inside < 0.98
        assert_close(found.residual[0, rows], expected.residual[rows].numpy(), f"distance to {term}")
        off = np.abs(found.jacobian[0, rows] - J[rows]).max(axis=1) / np.abs(J[rows]).max()
        assert off.max() < 2e-4
        assert (off < RELATIVE).mean() > 0.95


def test_a_step_moves_everything_and_leaves_pose_corrections(both: Both) -> None:
    base, blocks = both.problem(1)
    step = np.random.default_rng(2).normal(size=both.bodies.n_columns) * 0.1
    both.engine.advance(step[None])
    found, expected = both.engine.evaluate(), both.reference.rows(base, torch.tensor(step), blocks)
    for term, rows in both.engine.table.terms[0]:
        assert_close(found.residual[0, rows], expected.residual[rows].numpy(), f"residual of {term}")
    moved = both.bodies.moved(base, step[None])
    for name, values in vars(both.engine.placed_state()).items():
        np.testing.assert_allclose(values, getattr(moved, name), rtol=0, atol=1e-12)


def test_points_and_links(both: Both) -> None:
    base, _ = both.problem(3)
    placed = both.reference.place(base, both.still)
    points = both.engine.hand_points()[0]
    for h, of_hand in enumerate(placed.hands):
        np.testing.assert_allclose(points[h], of_hand.points(torch.arange(points.shape[1])).numpy(), rtol=0, atol=1e-9)
    for k, links in enumerate(placed.links):
        for values, expected in zip(both.engine.links(k), links, strict=True):
            np.testing.assert_allclose(values[0], expected.numpy(), rtol=0, atol=1e-12)


def test_what_is_behind_the_camera_is_refused(both: Both) -> None:
    base, blocks = both.problem(6)
    step = np.zeros(both.bodies.n_columns)
    for first in both.bodies.first_columns[:-1]:
        step[first + 2] = -1.0
    both.engine.advance(step[None])
    found, expected = both.engine.evaluate(), both.reference.rows(base, torch.tensor(step), blocks)
    np.testing.assert_array_equal(found.cost[0] == 1e30, expected.cost.numpy() == 1e30)
    assert (found.cost[0] == 1e30).sum() > 10
    assert np.isfinite(found.residual).all()
    assert np.isfinite(found.jacobian).all()


def test_priors_term_by_term(both: Both, posture: AnglePrior) -> None:
    rng = np.random.default_rng(4)
    n = both.bodies.n_columns
    base, _ = both.problem(4)
    both.engine.take_rows([[]])
    expected = both.bodies.moved(base, rng.normal(size=(1, n)) * 0.4)
    whole = Priors(posture, expected, rng.uniform(1.0, 50.0, size=(1, n)))
    r = both.reference.priors(base, both.still, whole)
    J = torch.func.jacrev(lambda step: both.reference.priors(base, step, whole))(both.still)
    nothing = replace(posture, sqrt_information=np.zeros((45, 45)), limit_weight=0.0)
    unweighted = np.zeros_like(whole.weight)
    limits = Priors(replace(nothing, limit_weight=posture.limit_weight), expected, unweighted)
    alone = {
        ("posture", "instrument limits"): Priors(replace(posture, limit_weight=0.0), expected, unweighted),
        ("limits", "instrument limits"): limits,
        ("motion", "instrument limits"): Priors(nothing, expected, whole.weight),
        ("posture", "limits", "motion", "instrument limits"): whole,
    }
    for names, priors in alone.items():
        both.engine.expect(priors)
        found = both.engine.normal_equations()
        rows = np.concatenate([r[name].numpy() for name in names])
        columns = np.concatenate([J[name].numpy() for name in names])
        assert_close(found.cost[0], np.asarray((rows**2).sum()), f"cost of {names}")
        assert_close(found.gradient[0], rows @ columns, f"gradient of {names}")
        assert_close(found.matrix[0], columns.T @ columns, f"matrix of {names}")
    assert not both.bodies.hands or (r["limits"] != 0.0).any()
    assert not both.bodies.instruments or (r["instrument limits"] != 0.0).any()


def test_half_the_slope_of_the_cost_is_the_gradient(both: Both, posture: AnglePrior) -> None:
    """The robust weights of residuals and derivatives are those whose sum of squares has the cost's slope."""
    base, blocks = both.problem(5, robust=1.5)
    priors = Priors(posture, base, np.ones((1, both.bodies.n_columns)))
    both.engine.expect(priors)
    found = both.engine.normal_equations()
    slope, cost = torch.func.grad_and_value(lambda step: both.reference.cost(base, step, blocks, priors))(both.still)
    assert_close(found.cost[0], cost.numpy(), "cost")
    assert_close(found.gradient[0], 0.5 * slope.numpy(), "gradient")


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 1.0, 2.0, 3.1])
def test_logarithm(angle: float) -> None:
    R = rotation_from_axis_angle(angle * np.array([2.0, -1.0, 2.0]) / 3.0)
    np.testing.assert_allclose(logarithm(torch.tensor(R)).numpy(), axis_angle_from_rotation(R), rtol=0, atol=1e-10)


def test_missing_torch_is_named_with_the_remedy() -> None:
    code = "import sys; sys.modules['torch'] = None; import hoi_perception.interaction.reference"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "pip install 'hoi_perception[torch]'" in done.stderr
