"""What saves work changes nothing: products by hand, settled problems, thoughts of where something is, split stages."""

from __future__ import annotations

import joint_problems
import numpy as np
import pytest

from hoi_perception.hands.surface import vertex_normals
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.hand_mesh import NearestOnHand
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.stages import JOINT
from hoi_perception.interaction.state import SceneState
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side


@pytest.fixture(params=[1, 2])
def engine(request, hands, library_body, posture) -> Engine:
    """One hand or two and an instrument in two states at random, with rows of every kind."""
    taking_part = (hands[Side.RIGHT], hands[Side.LEFT])[: request.param]
    bodies = Bodies(taking_part, (library_body("metzenbaum_scissors"),))
    made = Engine(bodies, [np.zeros(10)] * request.param, 2, views=joint_problems.VIEWS)
    rng = np.random.default_rng(3)
    state = joint_problems.random_state(bodies, rng, 2)
    made.expect(Priors(posture, state, np.zeros((2, bodies.n_columns))))
    made.place(state, correct=True)
    made.take_rows([joint_problems.random_blocks(bodies, rng, robust=3.0) for _ in range(2)])
    return made


def test_products_by_hand_are_those_of_all_columns(engine) -> None:
    J = np.array(engine.evaluate().jacobian)
    found = engine.normal_equations().matrix
    engine.take_rows([[], []])
    found -= engine.normal_equations().matrix
    scale = np.abs(found).max()
    assert scale > 1.0
    np.testing.assert_allclose(found, np.swapaxes(J, 1, 2) @ J, rtol=0, atol=1e-12 * scale)


def test_rows_that_touch_less_than_those_before_leave_nothing_of_them(engine) -> None:
    """Only what a row touches is written: derivatives of earlier rows in its place would stay."""
    state, body = engine.placed_state(), len(engine.bodies.hands)
    alone = Points.of_instrument(body, np.zeros(3, dtype=int), np.ones((3, 3)))
    block = RowBlock("plane", Kind.PLANE, alone, np.ones(3), np.eye(3), q=Points.fixed(np.zeros((3, 3))))
    engine.place(state)
    engine.evaluate()
    engine.take_rows([[block]] * 2)
    J = engine.evaluate().jacobian
    own = engine.bodies.columns(body)
    np.testing.assert_allclose(J[:, :, own][..., :3], np.tile(np.eye(3), (2, 1, 1)), rtol=0, atol=1e-15)
    J[:, :, own] = 0.0
    assert not J.any()


@pytest.mark.parametrize("h", [0, 1])
def test_a_relation_stays_when_all_move_as_one_body(engine, h: int) -> None:
    if h >= len(engine.bodies.hands):
        pytest.skip("one hand")
    state, sign = engine.placed_state().take(np.arange(2)), engine.bodies.hands[h].sign
    before = engine.relation(h, 0, 1)
    turn, shift = rotation_from_axis_angle(np.array([0.3, -0.2, 0.5])), np.array([0.02, 0.01, 0.1])
    M = np.diag([sign, 1.0, 1.0])
    wrist, wrist_turn = state.wrist.copy(), state.turn.copy()
    wrist[:, h], wrist_turn[:, h] = (state.wrist[:, h] @ M @ turn.T + shift) @ M, M @ turn @ M @ state.turn[:, h]
    base, base_turn = state.base @ turn.T + shift, turn @ state.base_turn
    engine.place(SceneState(wrist, wrist_turn, state.angles, base, base_turn, state.joints))
    np.testing.assert_allclose(engine.relation(h, 0, 1), before, rtol=0, atol=1e-12)
    engine.place(SceneState(wrist, wrist_turn, state.angles, base + 1e-6, base_turn, state.joints))
    assert np.abs(engine.relation(h, 0, 1) - before).max() > 1e-7


def test_problems_that_are_active_are_summed_up_alike(engine) -> None:
    all_of_them, second = engine.normal_equations(), engine.normal_equations(np.array([False, True]))
    np.testing.assert_array_equal(second.matrix[1], all_of_them.matrix[1])
    np.testing.assert_array_equal(second.gradient[1], all_of_them.gradient[1])
    assert second.cost[1] == all_of_them.cost[1]


def test_normals_are_those_of_the_faces(engine) -> None:
    points, normals = engine.hand_points(), engine.hand_normals()
    for h, body in enumerate(engine.bodies.hands):
        expected = vertex_normals(points[1, h, :778], body.faces)
        np.testing.assert_allclose(normals[1, h], expected, rtol=0, atol=1e-12)


def test_thoughts_of_where_points_are_change_nothing(engine) -> None:
    vertices, normals = engine.hand_points()[0, 0, :778], engine.hand_normals()[0, 0]
    points = vertices[::3] + np.random.default_rng(0).normal(size=(260, 3)) * 0.006
    mesh = engine.mesh(0)
    plain = mesh.nearest(vertices, normals, points, 0.012)
    far = mesh.nearest(vertices, normals, points + 0.004, 0.012)
    wrong = NearestOnHand(np.roll(plain.face, 1), np.roll(plain.weights, 1, axis=0), plain.distance)
    near = plain.face >= 0
    assert near.sum() > 200
    for thought in (far, wrong):
        found = mesh.nearest(vertices, normals, points, 0.012, thought)
        np.testing.assert_array_equal(found.face, plain.face)
        np.testing.assert_array_equal(found.distance[near], plain.distance[near])


def test_a_stage_goes_on_where_it_was_left() -> None:
    rest = JOINT.rounds(1)
    assert rest.steps == JOINT.steps[1:]
    assert rest.penetration_sigma == JOINT.penetration_sigma[1:]
    assert JOINT.rounds(0, 1).steps == JOINT.steps[:1]
    assert JOINT.rounds(2).silhouette_sigma == JOINT.silhouette_sigma
    assert JOINT.rounds(2).rounds(1).contact_reach == JOINT.contact_reach[-1:]
