"""Covariances of the joint solve: hand-computed ones, against finite differences of the bodies' own meshes, loose
directions, frames of both sides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import plain_bodies
import pytest
from joint_problems import random_state
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.right_form import fit_parameters
from hoi_perception.instruments.folder import read_instrument
from hoi_perception.instruments.kinematics import (
    InstrumentState,
    named_frames,
    point_jacobian,
    pose_frames,
    pose_links,
)
from hoi_perception.instruments.library import SHIPPED
from hoi_perception.interaction.bodies import Bodies, HandBody, InstrumentBody
from hoi_perception.interaction.calibration import Calibration, Inflation
from hoi_perception.interaction.covariance import (
    TIPS,
    UNKNOWN_PLACE,
    UNKNOWN_TURN,
    hand_covariance,
    instrument_covariance,
    joint_points,
    tangent_covariance,
    unknown,
)
from hoi_perception.interaction.state import SceneState
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
RAW = Calibration()
NO_TIPS = named_frames(plain_bodies.model("cylinder"), ())


@pytest.fixture(scope="module")
def scissors(library_body: Callable[[str], InstrumentBody]) -> InstrumentBody:
    """An instrument with a joint and tips."""
    return library_body("mayo_scissors")


def some_information(n: int, rng: np.random.Generator) -> Array:
    """A matrix whose standard deviations are about 1 mm and 0.01 rad."""
    rows = rng.normal(size=(4 * n, n))
    scale = np.where(np.arange(n) % 51 < 3, 1000.0, 100.0)
    return rows.T @ rows / (4 * n) * np.outer(scale, scale)


def numeric_covariance(values: Callable[[SceneState], Array], bodies: Bodies, state: SceneState, C: Array) -> Array:
    """Covariances (p, d, d) of what `values` (p, d) gives, carried along central differences."""
    root, h = np.linalg.cholesky(C), 1e-3
    columns = [
        (values(bodies.moved(state, h * d[None])) - values(bodies.moved(state, -h * d[None]))) / (2.0 * h)
        for d in root.T
    ]
    J = np.stack(columns, axis=-1)
    return np.asarray(J @ np.swapaxes(J, -1, -2))


def test_what_is_well_observed_has_the_inverse(hands: dict[Side, HandBody]) -> None:
    bodies = Bodies((hands[Side.RIGHT],), (plain_bodies.body("sphere"),))
    information = some_information(bodies.n_columns, np.random.default_rng(0))
    found = tangent_covariance(bodies, information)
    assert found.loose.shape == (57, 0)
    np.testing.assert_allclose(found.matrix @ information, np.eye(57), atol=1e-8)


def test_a_known_standard_deviation() -> None:
    # a place measured 4 times with 2 mm along each axis: 1 mm; a turn once with 0.1 rad; nothing else
    bodies = Bodies((), (plain_bodies.body("sphere"),))
    information = np.diag([4.0 / 0.002**2] * 3 + [1.0 / 0.1**2] + [0.0] * 2)
    found = tangent_covariance(bodies, information)
    expected = [0.001] * 3 + [0.1] + [UNKNOWN_TURN] * 2
    np.testing.assert_allclose(np.sqrt(np.diag(found.matrix)), expected, rtol=1e-9)
    assert found.loose.shape == (6, 2)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_matrix_that_is_not_finite_tells_nothing(wrong: float) -> None:
    bodies = Bodies((), (plain_bodies.body("sphere"),))
    information = np.eye(6) * 1e6
    information[2, 4] = wrong
    found = tangent_covariance(bodies, information)
    np.testing.assert_array_equal(found.matrix, np.diag([UNKNOWN_PLACE**2] * 3 + [UNKNOWN_TURN**2] * 3))
    assert found.loose.shape == (6, 6)


def test_variances_stay_between_zero_and_unknown_for_negative_and_tiny_eigenvalues() -> None:
    bodies = Bodies((), (plain_bodies.body("sphere"),))
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
    information = turn @ np.diag([-1e-3, 0.0, 1e-12, 1e2, 1e6, 1e12]) @ turn.T
    found = tangent_covariance(bodies, information)
    values = np.linalg.eigvalsh(found.matrix / np.outer(unknown(bodies), unknown(bodies)))
    assert values.min() > 0.0
    assert values.max() < 1.0 + 1e-9
    np.testing.assert_array_equal(found.matrix, found.matrix.T)


@pytest.mark.parametrize("side", list(Side))
def test_wrist_and_joints_are_those_of_the_hand_in_the_camera_frame(
    hand_model: HandModel, hands: dict[Side, HandBody], side: Side
) -> None:
    bodies, rng = Bodies((hands[side],)), np.random.default_rng(4)
    state = random_state(bodies, rng)
    model, points = HandModel.load(None, side), joint_points(hand_model)
    shape = rng.normal(size=10)

    def parameters(state: SceneState) -> tuple[Array, Array, Array]:
        hand = fit_parameters(points.frames, side, state.hand(0), shape)
        return hand.wrist_camera, rotation_from_axis_angle(hand.pose[0]), model.posed(hand).joints21()

    first = parameters(state)[1]

    def wrist(state: SceneState) -> Array:
        place, R, _ = parameters(state)
        return np.concatenate([place, axis_angle_from_rotation(R @ first.T)])[None]

    tangent = tangent_covariance(bodies, some_information(51, rng))
    found = hand_covariance(tangent, bodies, 0, state, points, shape, RAW)
    np.testing.assert_allclose(found.wrist, numeric_covariance(wrist, bodies, state, tangent.matrix)[0], rtol=1e-4)
    numeric = numeric_covariance(lambda s: parameters(s)[2], bodies, state, tangent.matrix)
    centres = np.setdiff1d(np.arange(21), TIPS)
    np.testing.assert_allclose(found.joints[centres], numeric[centres], rtol=1e-4, atol=1e-11)
    # tips are skin: pose corrections and the weights of other bones move them a little
    apart = np.linalg.norm(found.tips - numeric[list(TIPS)], axis=(1, 2)) / np.linalg.norm(found.tips, axis=(1, 2))
    assert apart.max() < 0.1


def test_tips_of_an_instrument_with_a_joint(scissors: InstrumentBody) -> None:
    bodies, rng = Bodies((), (scissors,)), np.random.default_rng(5)
    n = bodies.n_columns
    assert n > 6
    tips = named_frames(read_instrument(SHIPPED / scissors.name, {}))
    state = random_state(bodies, rng)

    def places(state: SceneState) -> Array:
        return pose_frames(pose_links(scissors.fields.tree, state.instrument(0, bodies.joints(0))), tips)[1][0]

    tangent = tangent_covariance(bodies, some_information(n, rng))
    found = instrument_covariance(tangent, bodies, 0, state, tips, RAW)
    np.testing.assert_allclose(found.tips, numeric_covariance(places, bodies, state, tangent.matrix), rtol=1e-5)
    np.testing.assert_array_equal(found.pose, tangent.matrix[:6, :6])
    np.testing.assert_array_equal(found.joints, tangent.matrix[6:, 6:])


@pytest.mark.parametrize("side", list(Side))
def test_covariances_turn_with_the_scene(hand_model: HandModel, hands: dict[Side, HandBody], side: Side) -> None:
    bodies, rng = Bodies((hands[side],), (plain_bodies.body("cylinder"),)), np.random.default_rng(6)
    state, Q = random_state(bodies, rng), rotation_from_axis_angle(np.array([0.4, -1.0, 0.7]))
    mirror = np.diag([bodies.hands[0].sign, 1.0, 1.0])
    Q_hand = mirror @ Q @ mirror  # a mirrored hand turns the other way
    turned = SceneState(
        wrist=state.wrist @ Q_hand.T,
        turn=Q_hand @ state.turn,
        angles=state.angles,
        base=state.base @ Q.T,
        base_turn=Q @ state.base_turn,
        joints=state.joints,
    )
    change = np.eye(57)
    for first, own in ((0, Q_hand), (3, Q_hand), (51, Q), (54, Q)):
        change[first : first + 3, first : first + 3] = own
    information = some_information(57, rng)
    points = joint_points(hand_model)

    def found(state: SceneState, information: Array) -> tuple[Array, Array, Array]:
        tangent = tangent_covariance(bodies, information)
        hand = hand_covariance(tangent, bodies, 0, state, points, np.zeros(10), RAW)
        return hand.wrist, hand.joints, instrument_covariance(tangent, bodies, 0, state, NO_TIPS, RAW).pose

    before, after = found(state, information), found(turned, change @ information @ change.T)
    both = np.kron(np.eye(2), Q)
    for one, other, by in zip(before, after, (both, Q, both), strict=True):
        np.testing.assert_allclose(other, by @ one @ by.T, rtol=1e-6, atol=1e-13)


def test_the_roll_of_a_round_shaft_is_loose() -> None:
    # the side and the ends of a cylinder seen all round with 0.5 mm: all but its roll is known
    body = plain_bodies.body("cylinder")
    bodies, rng = Bodies((), (body,)), np.random.default_rng(7)
    R = rotation_from_axis_angle(np.array([0.5, 0.3, -0.8]))
    state = SceneState.of([], [InstrumentState(R[None], np.array([[0.02, 0.0, 0.4]]), np.zeros((1, 0)))])
    angle, along = rng.uniform(-np.pi, np.pi, 200), rng.uniform(-0.04, 0.04, 200)
    normal = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(200)])
    place = 0.01 * normal + along[:, None] * np.array([0.0, 0.0, 1.0])
    ends = np.array([[0.0, 0.0, 0.04], [0.0, 0.0, -0.04]])
    place, normal = np.concatenate([place, ends]), np.concatenate([normal, ends / 0.04])
    posed = pose_links(body.fields.tree, state.instrument(0, bodies.joints(0)))
    J = point_jacobian(body.fields.tree, posed, (place @ R.T + posed.t[0, 0])[None], np.zeros(len(place), dtype=int))[0]
    rows = np.einsum("ni,nik->nk", normal @ R.T, J) / 0.0005
    tangent = tangent_covariance(bodies, rows.T @ rows)
    found = instrument_covariance(tangent, bodies, 0, state, NO_TIPS, RAW)
    axis = R[:, 2]
    assert found.loose.shape == (6, 1)
    np.testing.assert_allclose(np.abs(found.loose[3:, 0] @ axis), UNKNOWN_TURN, rtol=1e-4)
    np.testing.assert_allclose(found.loose[:3, 0], 0.0, atol=1e-4)
    turns = found.pose[3:, 3:]
    assert axis @ turns @ axis == pytest.approx(UNKNOWN_TURN**2, rel=1e-4)
    across = np.eye(3) - np.outer(axis, axis)
    assert np.linalg.eigvalsh(across @ turns @ across).max() < 0.01**2
    assert np.linalg.eigvalsh(found.pose[:3, :3]).max() < 0.001**2


def test_a_body_that_is_not_seen_leaves_the_others_alone(hands: dict[Side, HandBody]) -> None:
    bodies = Bodies((hands[Side.RIGHT],), (plain_bodies.body("sphere"), plain_bodies.body("cylinder")))
    information = np.zeros((63, 63))
    seen = np.r_[:51, 57:63]
    information[np.ix_(seen, seen)] = some_information(63, np.random.default_rng(8))[np.ix_(seen, seen)]
    state = random_state(bodies, np.random.default_rng(9))
    tangent = tangent_covariance(bodies, information)
    unseen, other = (instrument_covariance(tangent, bodies, k, state, NO_TIPS, RAW) for k in (0, 1))
    np.testing.assert_allclose(
        unseen.pose, np.diag([UNKNOWN_PLACE**2] * 3 + [UNKNOWN_TURN**2] * 3), rtol=1e-9, atol=1e-9
    )
    assert unseen.loose.shape == (6, 6)
    assert other.loose.shape == (6, 0)
    assert np.diag(other.pose).max() < 0.1**2


def test_inflation_counts_places_and_angles_apart() -> None:
    inflation = Inflation(2.0, place=0.003, turn=0.1)
    widened = inflation.widened(np.eye(6) * 1e-4, 3)
    np.testing.assert_allclose(np.diag(widened), [2e-4 + 1.8e-5] * 3 + [2e-4 + 0.02] * 3, rtol=1e-12)
    np.testing.assert_allclose(inflation.widened(np.eye(3), 0), np.eye(3) * 2.02, rtol=1e-12)
