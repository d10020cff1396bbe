"""Region tracking of plain bodies on drawn pictures: found again, held by an anchor, unobserved directions named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plain_bodies
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.evaluation.region_scenes import Body, Steel, drawn, filmed
from hoi_perception.instruments.colour import no_cover
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.interaction.anchor_bias import AnchorBias
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.region_certainty import certainty
from hoi_perception.interaction.region_tracker import Held, RegionTracker, TrackerSettings
from hoi_perception.interaction.shared_edge import SharingRows, with_shared_errors
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.pose import PoseTerm
from hoi_perception.interaction.terms.region import RegionTerm
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle

CAMERA = camera_from_fov(320, 240, 55.0)
STEEL = Steel(np.ones(3), 130.0, 80.0, 10.0)


@pytest.fixture(scope="module", params=["box", "cylinder"])
def tracker(request: pytest.FixtureRequest) -> RegionTracker:
    """Of a box of 100 x 60 x 20 mm or a cylinder of 20 x 80 mm."""
    shape = request.param
    model = ContourModel.of(plain_bodies.model(shape))
    return RegionTracker(plain_bodies.body(shape), model, CAMERA, TrackerSettings())


def turned(v: tuple[float, float, float], t: tuple[float, float, float]) -> InstrumentState:
    """Axis-angle and place."""
    R = np.asarray(rotation_from_axis_angle(np.array(v)), dtype=np.float64)
    return InstrumentState(R[None], np.array([t]), np.zeros((1, 0)))


def picture(tracker: RegionTracker, state: InstrumentState) -> np.ndarray:
    """On a green cloth, with some noise."""
    vertices = tracker.model.placed(pose_links(tracker.model.tree, state))
    cloth = np.broadcast_to(np.array([60.0, 140.0, 50.0], dtype=np.float32), (240, 320, 3)).copy()
    return filmed(drawn(cloth, [Body(vertices, tracker.model.faces, STEEL)], CAMERA), np.random.default_rng(0))


def spread(place: float, turn: float) -> np.ndarray:
    """Covariance of independent errors."""
    return np.diag(np.repeat([place**2, turn**2], 3))


TRUE = turned((0.5, 1.2, 0.3), (0.01, -0.005, 0.35))


def off(state: InstrumentState, true: InstrumentState = TRUE) -> tuple[float, float]:
    """Distance across the view (m) and the turn of the z axis (rad), about which a cylinder is round."""
    away = (state.t - true.t)[0]
    ray = true.t[0] / np.linalg.norm(true.t[0])
    cosine = float(state.R[0, :, 2] @ true.R[0, :, 2])
    return float(np.linalg.norm(away - (away @ ray) * ray)), float(np.arccos(min(cosine, 1.0)))


def test_instrument_is_found_where_it_has_gone(tracker: RegionTracker) -> None:
    image = picture(tracker, TRUE)
    start = replace(TRUE, t=TRUE.t + [[0.008, 0.006, 0.0]])
    first = tracker.begin(picture(tracker, start), no_cover(image), start, 0)
    assert first is not None
    found = tracker.follow(first, image, no_cover(image), 33_000_000)
    across, turn = off(found.state)
    assert across < 0.0005
    assert turn < np.radians(4.0)
    assert found.agreement.both > 0.8
    assert found.failed == 0


def test_even_motion_is_predicted(tracker: RegionTracker) -> None:
    image = picture(tracker, TRUE)
    track = tracker.begin(image, no_cover(image), TRUE, 0)
    assert track is not None
    moving = replace(track, velocity=np.array([0.1, 0.0, -0.2, 0.0, 0.0, 1.0]))
    ahead = tracker.predict(moving, 100_000_000)
    np.testing.assert_allclose(ahead.t - TRUE.t, [[0.01, 0.0, -0.02]], atol=1e-12)
    turn = axis_angle_from_rotation(ahead.R[0] @ TRUE.R[0].T)
    np.testing.assert_allclose(turn, [0.0, 0.0, 0.1], atol=1e-9)


def test_colours_are_not_learned_where_the_instrument_is_not(tracker: RegionTracker) -> None:
    image = picture(tracker, TRUE)
    track = tracker.begin(image, no_cover(image), TRUE, 0)
    assert track is not None
    empty = np.broadcast_to(np.array([60, 140, 50], dtype=np.uint8), (240, 320, 3)).copy()
    frozen = track.colours
    for k in range(1, 8):
        track = tracker.follow(track, empty, no_cover(empty), 33_000_000 * k)
        assert track.colours is frozen
    assert track.lost


def test_hidden_instrument_stays_with_its_anchor(tracker: RegionTracker) -> None:
    image = picture(tracker, TRUE)
    track = tracker.begin(image, no_cover(image), TRUE, 0)
    assert track is not None
    told = PoseTerm(0, TRUE.R[0], TRUE.t[0] + [0.0, 0.003, 0.0], spread(1e-3, 1e-2), np.zeros(3))
    cover = np.zeros((240, 320), dtype=np.float32)
    found = tracker.follow(track, image, cover, 33_000_000, [told])
    np.testing.assert_allclose(found.state.t[0], told.t, atol=1e-5)
    assert not found.lost
    np.testing.assert_allclose(found.certainty.covariance[:3, :3], 1e-6 * np.eye(3), rtol=0.05, atol=1e-8)


def test_anchor_that_is_off_does_not_draw_a_thin_instrument_from_its_picture(tracker: RegionTracker) -> None:
    image = picture(tracker, TRUE)
    track = tracker.begin(image, no_cover(image), TRUE, 0)
    assert track is not None
    sigma = spread(5e-3, 0.05)
    told = PoseTerm(0, TRUE.R[0], TRUE.t[0] + [0.012, 0.008, 0.0], sigma, np.zeros(3))
    found = tracker.follow(track, image, no_cover(image), 33_000_000, [told])
    assert off(found.state)[0] < 0.0005


def test_terms_are_held_back_until_lines_have_settled() -> None:
    told = PoseTerm(0, TRUE.R[0], TRUE.t[0], spread(1e-3, 1e-2), np.zeros(3))
    engine = Engine(Bodies((), (plain_bodies.body("box"),)), (), 1, capacity=16)
    engine.place(SceneState.of([], [TRUE]), correct=True)
    early, late = (Held(told, 4, 0.04).rows(Geometry(Snapshot(engine, k), 0))[0].weight for k in (3, 4))
    np.testing.assert_allclose(early, 0.2 * late)


def test_nothing_comes_of_pictures_without_an_instrument(tracker: RegionTracker) -> None:
    image = picture(tracker, TRUE)
    behind = replace(TRUE, t=np.array([[0.0, 0.0, -0.3]]))
    assert tracker.begin(image, no_cover(image), behind, 0) is None


def test_roll_of_a_cylinder_and_depth_of_a_far_one_are_called_unobserved() -> None:
    body, model = plain_bodies.body("cylinder"), ContourModel.of(plain_bodies.model("cylinder"))
    tracker = RegionTracker(body, model, CAMERA, TrackerSettings())
    image = picture(tracker, TRUE)
    track = tracker.begin(image, no_cover(image), TRUE, 0)
    assert track is not None
    sure = tracker.follow(track, image, no_cover(image), 33_000_000).certainty
    assert "roll" in sure.unobserved
    assert "depth" not in sure.unobserved
    assert sure.roll > 5.0 * sure.tilt
    nothing = certainty(model, TRUE, np.zeros((6, 6)))
    assert nothing.unobserved == ("depth", "tilt", "roll")


def test_pose_rows_are_whitened_errors() -> None:
    body = plain_bodies.body("box")
    rng = np.random.default_rng(2)
    A = rng.normal(size=(6, 6))
    information = A @ A.T + np.eye(6)
    information[:3, 3:] -= np.trace(information[:3, 3:]) / 3.0 * np.eye(3)
    information[3:, :3] = information[:3, 3:].T
    scale = np.repeat([1e-3, 1e-2], 3)
    covariance = np.asarray(np.linalg.inv(information) * np.outer(scale, scale), dtype=np.float64)
    center = np.array([0.03, -0.01, 0.02])
    term = PoseTerm(0, TRUE.R[0], TRUE.t[0], covariance, center)
    engine = Engine(Bodies((), (body,)), (), 1, capacity=16)
    spin = np.array([2e-3, -1e-3, 3e-3])
    R = np.asarray(rotation_from_axis_angle(spin), dtype=np.float64) @ TRUE.R[0]
    shift = np.array([1e-3, 2e-3, -3e-3])
    t = TRUE.R[0] @ center + TRUE.t[0] + shift - R @ center
    engine.place(SceneState.of([], [InstrumentState(R[None], t[None], np.zeros((1, 0)))]), correct=True)
    engine.take_rows([term.rows(Geometry(Snapshot(engine, 0), 0))])
    cost = float(engine.evaluate().cost.sum())
    error = np.concatenate([shift, spin])
    assert cost == pytest.approx(error @ np.linalg.solve(covariance, error), rel=0.01)


def test_lines_that_look_alike_count_as_few() -> None:
    tracker = RegionTracker(
        plain_bodies.body("box"), ContourModel.of(plain_bodies.model("box")), CAMERA, TrackerSettings()
    )
    image = picture(tracker, TRUE)
    track = tracker.begin(image, no_cover(image), TRUE, 0)
    assert track is not None
    evidence = track.colours.evidence(image, no_cover(image))
    engine = Engine(Bodies((), (tracker.body,)), (), 1, capacity=256)
    engine.place(SceneState.of([], [TRUE]), correct=True)
    term = RegionTerm(0, tracker.model, CAMERA, evidence)
    (rows,) = term.rows(Geometry(Snapshot(engine, 5), 0))
    assert term.lines is not None
    assert term.shifts is not None
    used = term.shifts.counts
    full = rows.weight**2 * term.shifts.variance_px2[used]
    normals = term.lines.normals_px[used]
    alike = normals @ normals.T > np.cos(np.radians(5.0))
    side = alike[alike.sum(axis=1).argmax()]
    assert side.sum() > 10
    assert full[side].sum() <= 5.0 + 1e-9
    assert full.max() <= 0.5 + 1e-9


def test_bias_of_an_anchor_is_learned_from_a_pose_that_is_known() -> None:
    bias = AnchorBias.unknown(spread(0.01, 0.1))
    shift, spin = np.array([0.004, -0.003, 0.01]), np.array([0.05, 0.0, -0.02])
    center = np.array([0.02, 0.0, 0.0])
    R = np.asarray(rotation_from_axis_angle(spin), dtype=np.float64) @ TRUE.R[0]
    t = TRUE.R[0] @ center + TRUE.t[0] + shift - R @ center
    told = PoseTerm(0, R, t, spread(1e-5, 1e-4), center)
    bias = bias.learned(bias.corrected(told), TRUE, 1e-12 * np.eye(6), 0)
    np.testing.assert_allclose(bias.bias, [*shift, *spin], rtol=1e-3, atol=1e-5)
    right = bias.corrected(told)
    np.testing.assert_allclose(right.t, TRUE.t[0], atol=2e-5)
    np.testing.assert_allclose(right.R, TRUE.R[0], atol=1e-4)
    assert np.trace(bias.covariance[:3, :3]) < 1e-8


def test_bias_stays_unknown_where_only_the_anchor_tells_the_pose() -> None:
    bias = AnchorBias.unknown(spread(0.01, 0.1))
    told = PoseTerm(0, TRUE.R[0], TRUE.t[0], spread(1e-3, 1e-3), np.zeros(3))
    used = bias.corrected(told)
    after = bias.learned(used, TRUE, used.covariance, 0)
    np.testing.assert_allclose(after.covariance, bias.covariance, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(after.bias, np.zeros(6))


def test_bias_that_one_view_tells_only_as_a_sum_stays_a_sum() -> None:
    bias = AnchorBias.unknown(spread(0.01, 0.1))
    told = PoseTerm(0, np.eye(3), np.array([0.0, 0.0, 0.4]), spread(1e-3, 1e-2), np.zeros(3))
    seen = np.array([0.0, 0.0, 1.0, 0.0, 0.1, 0.0])  # depth, and a tenth of the tilt
    still = InstrumentState(np.eye(3)[None], np.array([[0.0, 0.0, 0.4]]), np.zeros((1, 0)))
    for k in range(40):
        used = bias.corrected(told)
        information = np.linalg.inv(used.covariance) + 1e8 * np.outer(seen, seen)
        solved = np.asarray(np.linalg.inv(information), dtype=np.float64)
        bias = bias.learned(used, still, solved, k * 1_000_000_000)
    assert np.sqrt(seen @ bias.covariance @ seen) < 5e-4
    assert np.sqrt(bias.covariance[2, 2]) > 0.006
    assert np.sqrt(bias.covariance[4, 4]) > 0.06


def test_error_that_all_edges_share_is_an_unknown_that_is_left_out() -> None:
    rng = np.random.default_rng(5)
    J, r, v = rng.normal(size=(30, 6)), rng.normal(size=30), rng.uniform(0.5, 2.0, 30)
    prior, sigma = np.diag(rng.uniform(0.5, 2.0, 6)), 0.3
    full = np.zeros((7, 7))
    full[:6, :6], full[6, 6] = J.T @ J + prior, v @ v + 1.0 / sigma**2
    full[:6, 6] = full[6, :6] = -J.T @ v
    expected = np.linalg.solve(full, -np.append(J.T @ r, -v @ r))
    rows = SharingRows("region", r, J, v, sigma)
    step, matrix = with_shared_errors([rows], J.T @ r, J.T @ J + prior)
    np.testing.assert_allclose(step, expected[:6], rtol=1e-9)
    np.testing.assert_allclose(np.linalg.inv(matrix), np.linalg.inv(full)[:6, :6], rtol=1e-9)
    half = with_shared_errors([replace(rows, worth=0.5)], J.T @ r, J.T @ J + prior)[1]
    np.testing.assert_allclose(half - prior, 0.5 * (matrix - prior), rtol=1e-9, atol=1e-12)
