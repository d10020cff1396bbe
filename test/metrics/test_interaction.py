"""Touching, penetrating and moving together, on balls and boxes whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instruments.field_lookup import FieldQuery, InstrumentFields
from hoi_perception.instruments.library import Library
from hoi_perception.metrics import interaction
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.grasp_frame import GraspFrame
from hoi_perception.metrics.intersection import iv_cm3, iv_exact_cm3


def ball(radius: float, x: float = 0.0, subdivisions: int = 5) -> ClosedMesh:
    mesh = trimesh.creation.icosphere(subdivisions, radius)
    return ClosedMesh(np.array(mesh.vertices) + [x, 0.0, 0.0], np.array(mesh.faces))


def frame(hand: ClosedMesh, body: ClosedMesh) -> GraspFrame:
    return GraspFrame.of_meshes(hand.vertices, hand.faces, body.vertices, body.faces)


def test_a_ball_pressed_into_a_ball() -> None:
    """Radii 20 and 15 mm, centres 30 mm apart: each reaches 5 mm into the other."""
    pressed = frame(ball(0.02), ball(0.015, 0.03))
    assert interaction.pd_max_mm(pressed.signed) == pytest.approx(5.0, abs=0.02)
    assert interaction.pd_tool_max_mm(pressed.depths) == pytest.approx(5.0, abs=0.05)
    apart = frame(ball(0.02), ball(0.015, 0.04))
    for metric in ("pd_max_mm", "pd_mean_mm", "pd_tool_max_mm", "pd_tool_mean_mm", "iv_cm3@1mm", "iv_exact_cm3"):
        assert apart.metrics()[metric] == 0.0


def test_mean_depths_of_a_ball_in_a_ball() -> None:
    """The small ball's cap at height h below its pole is (R² - ...) deep: averaged by numbers over even points."""
    R, r, gap = 0.02, 0.015, 0.03
    small = frame(ball(R), ball(r, gap))
    height = np.linspace(-r, r, 200_001)  # Archimedes: even in height is even on the sphere
    depth = np.maximum(R - np.sqrt(r**2 - height**2 + (gap + height) ** 2), 0.0) * 1000.0
    assert interaction.pd_tool_mean_mm(small.depths) == pytest.approx(depth[depth > 0].mean(), rel=0.02)
    height = np.linspace(-R, R, 200_001)
    depth = np.maximum(r - np.sqrt(R**2 - height**2 + (gap - height) ** 2), 0.0) * 1000.0
    assert interaction.pd_mean_mm(small.signed) == pytest.approx(depth.mean(), rel=0.03)


def test_a_thin_shaft_between_the_vertices_of_a_hand_is_seen_by_its_own_samples() -> None:
    """A pin of 0.6 mm through a coarse ball: none of its vertices is inside, but the pin's middle is 15 mm deep."""
    ball_of_ten = trimesh.creation.icosphere(1, 0.02)
    pin = trimesh.creation.cylinder(0.0003, 0.1, sections=24)
    turned = np.array(pin.vertices) @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0].T
    faces = np.array(pin.faces)
    if trimesh.Trimesh(turned, faces).volume < 0:
        faces = faces[:, ::-1]
    through = GraspFrame.of_meshes(np.array(ball_of_ten.vertices), np.array(ball_of_ten.faces), turned, faces)
    assert interaction.pd_max_mm(through.signed) == 0.0
    assert interaction.pd_tool_max_mm(through.depths) > 14.0


def test_depths_of_given_distances() -> None:
    signed = np.array([[0.004, -0.001, 0.0], [-0.003, 0.01, -0.002]])
    assert interaction.pd_max_mm(signed[1]) == pytest.approx(3.0)
    assert interaction.pd_mean_mm(signed) == pytest.approx((1.0 + 3.0 + 2.0) / 6)
    depths = np.array([0.0, 0.002, 0.0, 0.004])
    assert interaction.pd_tool_max_mm(depths) == pytest.approx(4.0)
    assert interaction.pd_tool_mean_mm(depths) == pytest.approx(3.0)
    assert interaction.pd_tool_mean_mm(np.zeros(3)) == 0.0


def test_proximity_looks_at_vertices_that_truly_are_near() -> None:
    """Near: 5, 10 and -20 mm; off by 1, 2 and 3 mm. The fourth is 10.1 mm away and does not count."""
    truth = np.array([0.005, 0.010, -0.020, 0.0101])
    predicted = truth + [0.001, -0.002, 0.003, 0.5]
    assert interaction.proximity_mm(predicted, truth) == pytest.approx(2.0)
    assert np.isnan(interaction.proximity_mm(predicted, truth + 1.0))


def test_contact_f1_by_hand() -> None:
    """Truly touching: 0, 1, 2 (inside too); found: 1, 2, 3, 4. Two hits: F1 = 4 / 7. At 3 mm there is none."""
    truth = np.array([0.001, 0.0029, -0.004, 0.003, 0.02])
    predicted = np.array([0.004, 0.0, 0.0029, -0.001, 0.002])
    assert interaction.contact_f1(predicted, truth) == pytest.approx(4.0 / 7.0)
    assert interaction.contact_f1(predicted + 1.0, truth) == 0.0
    assert np.isnan(interaction.contact_f1(predicted + 1.0, truth + 1.0))


def test_deviation_of_contact_pairs() -> None:
    """Vertices 0 and 1 touch object points 1 and 0; in the prediction these are 4 and 10 mm apart."""
    truth_object = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]])
    truth_hand = np.array([[0.1, 0.002, 0.0], [0.0, 0.0029, 0.0], [0.0, 0.0, 0.003]])
    hand = np.array([[0.1, 0.004, 0.0], [0.0, 0.0, 0.01], [5.0, 5.0, 5.0]])
    assert interaction.contact_dev_mm(hand, truth_object, truth_hand, truth_object) == pytest.approx(7.0)
    assert np.isnan(interaction.contact_dev_mm(hand, truth_object, truth_hand + 1.0, truth_object))


def test_contact_pairs_agree_with_scipy() -> None:
    rng = np.random.default_rng(0)
    body, hand = rng.normal(scale=0.02, size=(4000, 3)), rng.normal(scale=0.02, size=(778, 3))
    predicted, moved = hand + rng.normal(scale=0.004, size=hand.shape), body + [0.001, 0.0, 0.002]
    distance, index = cKDTree(body).query(hand)
    near = distance < 0.003
    expected = np.linalg.norm(predicted[near] - moved[index[near]], axis=1).mean() * 1000.0
    assert interaction.contact_dev_mm(predicted, moved, hand, body) == pytest.approx(expected, rel=1e-9)


def test_a_grasp_that_moves_as_one_body_nearly() -> None:
    """Hand and object move by 3 mm, 2 mm apart: (k - 1)² 9 mm² with k = exp(-0.2), which is not 0 for the truth."""
    hand = np.array([[0.0, 0.0, 0.002], [0.0, 0.0, 0.5]])
    body = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -0.4]])
    steps = np.arange(4)[:, None, None] * np.array([0.003, 0.0, 0.0])
    expected = 9.0 * (np.exp(-0.2) - 1.0) ** 2
    assert interaction.ho_motion_mm2(hand + steps, body + steps) == pytest.approx(expected, rel=1e-5)
    still = np.repeat(body[None], 4, axis=0)
    away = np.sqrt([4.0, 4.0 + 9.0, 4.0 + 36.0])  # mm between the nearest pair, frame by frame
    assert interaction.ho_motion_mm2(hand + steps, still) == pytest.approx(9.0 * np.exp(-0.2 * away).mean(), rel=1e-5)
    assert np.isnan(interaction.ho_motion_mm2(hand[None], body[None]))


def test_motion_follows_the_nearest_pair_of_each_frame() -> None:
    """The pair changes from vertex 0 to vertex 1; only the nearest one's movement counts, touching (k = 1)."""
    hand = np.array([[[0.0, 0, 0], [1.0, 0, 0.1]], [[0.0, 0, 0.2], [1.0, 0, 0]], [[0.0, 0, 9.0], [1.0, 0.004, 0]]])
    body = np.repeat(np.array([[[0.0, 0, 0], [1.0, 0, 0]]]), 3, axis=0)
    assert interaction.ho_motion_mm2(hand, body) == pytest.approx((200.0**2 + 4.0**2) / 2)


def test_input_that_is_not_finite_gives_nan() -> None:
    gone, fine = np.array([np.nan, 0.001]), np.array([0.001, 0.001])
    assert np.isnan(interaction.pd_max_mm(gone)) and np.isnan(interaction.pd_mean_mm(gone))
    assert np.isnan(interaction.pd_tool_max_mm(gone)) and np.isnan(interaction.pd_tool_mean_mm(gone))
    for metric in (interaction.proximity_mm, interaction.contact_f1):
        assert np.isnan(metric(gone, fine)) and np.isnan(metric(fine, gone))
    points = np.zeros((4, 3, 3))
    for k in range(4):
        broken = points.copy()
        broken[k, 1, 2] = np.nan
        assert np.isnan(interaction.contact_dev_mm(*broken)) and interaction.contact_dev_mm(*points) == 0.0


def test_nothing_to_measure_is_refused() -> None:
    nothing = np.zeros(0)
    for metric in (interaction.pd_max_mm, interaction.pd_mean_mm, interaction.pd_tool_max_mm):
        with pytest.raises(ValueError, match="there are no"):
            metric(nothing)
    with pytest.raises(ValueError, match="equal shapes"):
        interaction.proximity_mm(nothing, nothing)


def test_distances_from_the_field_of_an_instrument_serve_as_well() -> None:
    """The metric is the same within the accuracy of the field, 0.07 mm."""
    model, scalpel = HandModel.load(), Library.find().get("scalpel_15")
    vertices = np.asarray(model.template).reshape(-1, 3)
    surface, faces = scalpel.links[0].surface()
    hand = vertices - vertices.mean(axis=0) + surface.mean(axis=0)
    exact = ClosedMesh(surface, faces).signed_distance(hand)
    look_up = FieldQuery(InstrumentFields.of(scalpel), len(hand))
    by_field = look_up(hand[None], np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, 0))).distance[0].astype(float)
    assert interaction.pd_max_mm(exact) > 0.3
    assert interaction.pd_max_mm(by_field) == pytest.approx(interaction.pd_max_mm(exact), abs=0.07)
    assert interaction.proximity_mm(by_field, exact) < 0.02
    assert interaction.contact_f1(by_field, exact) > 0.98


def test_all_figures_of_a_frame_by_their_keys() -> None:
    """The ball of 15 mm in the truth touches the one of 20 mm; in the prediction it is pressed in by 2 mm."""
    truth, pressed = frame(ball(0.02), ball(0.015, 0.035)), frame(ball(0.02), ball(0.015, 0.033))
    figures = pressed.metrics() | pressed.metrics_against(truth)
    assert figures["pd_max_mm"] == pytest.approx(2.0, abs=0.05)
    assert figures["iv_cm3@1mm"] == iv_cm3(pressed.hand, pressed.body, 0.001)
    assert figures["iv_exact_cm3"] == pytest.approx(iv_exact_cm3(pressed.hand, pressed.body))
    assert "iv_exact_cm3" not in pressed.metrics(exact=False)
    assert 1.0 < figures["proximity_mm"] < 2.0  # 2 mm at the pole, less beside it
    assert 0.0 < figures["contact_f1"] < 1.0
    same = truth.metrics_against(truth)
    assert same["proximity_mm"] == 0.0 and same["contact_f1"] == 1.0 and same["contact_dev_mm"] < 3.0
