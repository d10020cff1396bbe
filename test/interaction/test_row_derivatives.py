"""Analytic derivatives of the kernels' rows against finite differences in double precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import plain_bodies
import pytest
from joint_problems import VIEWS, random_blocks, random_state

from hoi_perception.hands.kinematics import HandState
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.bodies import Bodies, HandBody, InstrumentBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.state import SceneState
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side


def differences(engine: Engine, base: SceneState, length: float) -> np.ndarray:
    """(m, n) central differences of the residuals along the tangent of a state."""
    n = engine.bodies.n_columns
    columns = []
    engine.place(base, correct=True)
    engine.keep(np.array([True]))
    for column in range(n):
        step = np.zeros((1, n))
        step[0, column] = length
        engine.advance(step)
        up = engine.evaluate().residual[0].copy()
        engine.advance(-step)
        columns.append((up - engine.evaluate().residual[0]) / (2.0 * length))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_of_points(hands: dict[Side, HandBody], library_body: Callable[[str], InstrumentBody], seed: int) -> None:
    """All kinds but FIELD, both sides, an instrument of four joints, two views."""
    bodies = Bodies((hands[Side.LEFT], hands[Side.RIGHT]), (library_body("large_needle_driver"),))
    rng = np.random.default_rng(seed)
    base = random_state(bodies, rng)
    blocks = [block for block in random_blocks(bodies, rng) if block.kind is not Kind.FIELD]
    engine = Engine(bodies, list(rng.normal(size=(2, 10))), 1, 1000, VIEWS)
    engine.take_rows([blocks])
    engine.place(base, correct=True)
    analytic = engine.evaluate().jacobian[0].copy()
    numeric = differences(engine, base, 1e-5)
    for term, rows in engine.table.terms[0]:
        scale = np.abs(analytic[rows]).max()
        np.testing.assert_allclose(analytic[rows], numeric[rows], rtol=0, atol=1e-7 * scale, err_msg=term)


def test_rows_of_a_field(hands: dict[Side, HandBody]) -> None:
    """Over the flat side of a box, where the field is linear but for its 16-bit values."""
    bodies = Bodies((hands[Side.RIGHT],), (plain_bodies.body("box"),))
    turn = rotation_from_axis_angle(np.array([0.3, -0.2, 0.5]))
    place = np.array([0.01, -0.02, 0.4])
    engine = Engine(bodies, [np.zeros(10)])
    hand = HandState(place[None], np.eye(3)[None], np.full((1, 45), 0.2))
    base = SceneState.of([hand], [InstrumentState(turn[None], place[None], np.zeros((1, 0)))])
    engine.place(base, correct=True)
    points = engine.hand_points()[0, 0]
    # The box is 100 x 60 x 20 mm: its upper side is at 10 mm.
    local = (points - place) @ turn
    tip = int(np.argmin(points[:778, 0]))
    base = SceneState.of(
        [HandState(place[None] + (np.array([0.0, 0.0, 0.012]) - local[tip]) @ turn.T, np.eye(3)[None], hand.angles)],
        [InstrumentState(turn[None], place[None], np.zeros((1, 0)))],
    )
    engine.place(base, correct=True)
    local = (engine.hand_points()[0, 0] - place) @ turn
    over = (np.abs(local[:, 0]) < 0.04) & (np.abs(local[:, 1]) < 0.02) & (local[:, 2] > 0.008) & (local[:, 2] < 0.018)
    chosen = np.flatnonzero(over)
    n = len(chosen)
    assert n > 10
    q = Points(np.ones(n, dtype=int), np.zeros(n, dtype=int), np.zeros((n, 3)))
    engine.take_rows([[RowBlock("field", Kind.FIELD, Points.of_hand(0, chosen), np.ones(n), q=q)]])
    engine.place(base, correct=True)
    found = engine.evaluate()
    np.testing.assert_allclose(found.residual[0], local[chosen, 2] - 0.01, rtol=0, atol=5e-6)
    numeric = differences(engine, base, 3e-4)
    np.testing.assert_allclose(found.jacobian[0], numeric, rtol=0, atol=0.01)
    np.testing.assert_allclose(found.jacobian[0, :, :3], np.tile(turn[:, 2], (n, 1)), rtol=0, atol=0.01)


@pytest.mark.parametrize(("hinge", "kept"), [(0, [True, True]), (1, [False, True]), (-1, [True, False])])
def test_a_hinge_keeps_one_sign(library_body: Callable[[str], InstrumentBody], hinge: int, kept: list[bool]) -> None:
    bodies = Bodies((), (library_body("metzenbaum_scissors"),))
    engine = Engine(bodies, [])
    p = Points(np.full(2, -1), np.zeros(2, dtype=int), np.array([[0.0, 0.0, 0.3], [0.0, 0.0, 0.7]]))
    q = Points.of_instrument(0, np.zeros(2, dtype=int), np.zeros((2, 3)))
    along = np.tile([0.0, 0.0, 1.0], (2, 1))
    engine.take_rows([[RowBlock("plane", Kind.PLANE, p, np.full(2, 10.0), along, q=q, hinge=hinge)]])
    engine.place(SceneState.of([], [InstrumentState(np.eye(3)[None], np.array([[0.0, 0.0, 0.5]]), np.zeros((1, 1)))]))
    found = engine.evaluate()
    np.testing.assert_allclose(found.residual[0], np.where(kept, [-2.0, 2.0], 0.0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.cost[0], np.where(kept, 4.0, 0.0), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(np.abs(found.jacobian[0]).max(axis=1) > 0.0, kept)


def test_geman_mcclure_lets_outliers_go(hands: dict[Side, HandBody]) -> None:
    """At the scale a residual costs half of its square, far beyond it never more than the square of the scale."""
    bodies = Bodies((hands[Side.RIGHT],))
    engine = Engine(bodies, [np.zeros(10)])
    state = SceneState.of([HandState(np.array([[0.0, 0.0, 0.5]]), np.eye(3)[None], np.zeros((1, 45)))])
    engine.place(state, correct=True)
    wrist = engine.hand_points()[0, 0, :1]
    off = np.array([[3.0, 0.0, 0.0], [3000.0, 0.0, 0.0]])
    q = Points(np.full(2, -1), np.zeros(2, dtype=int), wrist - off)
    p = Points.of_hand(0, np.zeros(2, dtype=int))
    axis = np.tile([1.0, 0.0, 0.0], (2, 1))
    engine.take_rows([[RowBlock("plane", Kind.PLANE, p, np.ones(2), axis, q=q, robust=3.0)]])
    found = engine.evaluate()
    np.testing.assert_allclose(found.cost[0], [4.5, 9.0], rtol=1e-5)
    np.testing.assert_allclose(found.residual[0], [1.5, 9.0 / 3000.0], rtol=1e-5)
