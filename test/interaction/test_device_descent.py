"""The descent on the device against the one on the host: the same decisions, the same solutions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import plain_bodies
import pytest
import warp as wp
from device_scenes import BLOCKS_ON_CPU, DEVICES, Scene, assert_same
from numpy.typing import NDArray

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.device_descent import DeviceDescent
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.solver import Solution, solve
from hoi_perception.interaction.state import SceneState

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def scene(hands, library_body, posture) -> Scene:
    return Scene(hands, library_body, posture)


@pytest.fixture(scope="module")
def on_host(scene: Scene) -> Solution:
    return scene.solve(scene.engine(), on_device=False)


@pytest.mark.parametrize("device", DEVICES)
def test_a_batch_is_solved_as_on_the_host(scene: Scene, on_host: Solution, device: str) -> None:
    before = scene.solve(scene.engine(), on_device=False, rounds=(0,))
    assert (on_host.cost < 0.9 * before.cost).all()
    assert any({"contact", "hands"} <= set(terms) for terms in on_host.terms)
    engine = scene.engine(device)
    for _ in range(2):  # a second solve begins with the same damping
        assert_same(scene.solve(engine, on_device=True), on_host)


def test_no_steps_is_where_it_began(scene: Scene) -> None:
    engine = scene.engine()
    found = scene.solve(engine, on_device=True, rounds=(0,))
    assert_same(found, scene.solve(engine, on_device=False, rounds=(0,)))
    np.testing.assert_array_equal(found.state.wrist, scene.start.wrist)


@BLOCKS_ON_CPU
def test_many_threads_and_a_graph_change_nothing(
    scene: Scene, on_host: Solution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of 64 threads, which a CPU takes turns with, and rounds that were captured, as on a GPU."""
    monkeypatch.setattr(wp.config, "enable_cpu_blocks", True)
    engine = scene.engine()
    engine.take_descent(DeviceDescent(engine.sweep(), strands=64, captured=True))
    assert_same(scene.solve(engine, on_device=True), on_host)
    other = Scene.__new__(Scene)
    other.__dict__.update(vars(scene))
    other.posture = replace(scene.posture, limit_weight=0.2 * scene.posture.limit_weight)
    assert_same(other.solve(engine, on_device=True), other.solve(scene.engine(), on_device=False))


@dataclass(frozen=True)
class Held:
    """Holds the middle of a sphere to a place, each axis by itself; from the second round on to one 10 cm beside it."""

    place: Array
    weight: float = 100.0

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        p = Points.of_instrument(0, np.zeros(1, dtype=int), np.zeros((1, 3)))
        q = Points.fixed(self.place[None] + np.array([0.1, 0.0, 0.0]) * (geometry.round > 0))
        return [RowBlock("held", Kind.PLANE, p, np.full(1, self.weight), axis[None], q=q) for axis in np.eye(3)]


def spheres(count: int) -> tuple[Bodies, SceneState]:
    """As many problems of one sphere half a metre ahead."""
    turn, place = np.tile(np.eye(3), (count, 1, 1)), np.tile([0.0, 0.0, 0.5], (count, 1))
    start = InstrumentState(turn, place, np.zeros((count, 0)))
    return Bodies((), (plain_bodies.body("sphere"),)), SceneState.of([], [start])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("on_device", [False, True])
def test_a_problem_that_has_settled_waits_for_the_others(posture: AnglePrior, device: str, on_device: bool) -> None:
    """It takes no more steps, and begins the next round as it would alone."""
    terms = [[Held(np.array(place))] for place in ([0.0, 0.0, 0.5], [0.1, -0.2, 0.9])]
    bodies, start = spheres(2)
    weight = np.tile(np.r_[np.zeros(3), np.ones(3)], (2, 1))

    def solved(index: list[int], rounds: tuple[int, ...]) -> Solution:
        engine, own = Engine(bodies, [], len(index), device=device), start.take(np.array(index))
        return solve(engine, [terms[b] for b in index], Priors(posture, own, weight[index]), own, rounds, on_device)

    assert solved([0, 1], (20,)).steps[0] == 1
    assert 1 < solved([0, 1], (20,)).steps[1] < 10
    together = solved([0, 1], (20, 20))
    assert together.converged.all()
    for b in range(2):
        alone = solved([b], (20, 20))
        assert alone.steps[0] == together.steps[b]
        np.testing.assert_array_equal(alone.state.base[0], together.state.base[b])


@pytest.mark.parametrize("device", DEVICES)
def test_what_cannot_be_solved_is_told_as_on_the_host(posture: AnglePrior, device: str) -> None:
    """A sound problem, one of nothing but zeros, a start that is no number, rows that are none, rows too large."""
    place = np.array([0.1, 0.0, 0.6])
    bodies, start = spheres(5)
    start.base[2, 0, 0] = np.nan
    broken = np.array([0.1, np.nan, 0.6])
    terms = [[Held(place)], [Held(place, 0.0)], [Held(place)], [Held(broken)], [Held(place, 1e200)]]
    weight = np.zeros((5, 6))
    weight[[0, 2, 3, 4], 3:] = 1.0
    priors = Priors(posture, start, weight)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = solve(Engine(bodies, [], 5), terms, priors, start, (9, 9), on_device=False)
    found = solve(Engine(bodies, [], 5, device=device), terms, priors, start, (9, 9), on_device=True)
    np.testing.assert_array_equal(found.finite, [True, True, False, False, False])
    assert found.converged[0]
    np.testing.assert_allclose(found.state.base[0, 0], place + np.array([0.1, 0.0, 0.0]), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found.state.base[1], start.base[1])
    np.testing.assert_array_equal(found.steps, expected.steps)
    np.testing.assert_array_equal(found.finite, expected.finite)
    np.testing.assert_array_equal(found.converged, expected.converged)
    np.testing.assert_allclose(found.state.base, expected.state.base, rtol=0, atol=1e-12)
