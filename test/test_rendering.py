"""Rasteriser and pictures against known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
import warp as wp
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, camera_of_size, project
from hoi_perception.kernels.raster_reference import rasterise_reference
from hoi_perception.overlay import draw_overlay
from hoi_perception.rendering import NEAR_M, project_to_screen, rasterise, vertex_normals
from hoi_perception.types import (
    Camera,
    Distortion,
    Hand,
    HandParameters,
    ScaleSource,
    Scene,
    Side,
    TrackState,
)
from hoi_perception.virtual_view import View, side_by_side, view_of_scene, virtual_view

DEVICES = ["cpu", *(str(device) for device in wp.get_cuda_devices())]
PLAIN = Camera(K=np.diag([100.0, 100.0, 1.0]), width=16, height=12)
TRIANGLE = np.array([[0, 1, 2]])


def ball(center: tuple[float, float, float], radius: float = 0.08, level: int = 3) -> tuple[NDArray, NDArray]:
    sphere = trimesh.creation.icosphere(level, radius=radius)
    return np.asarray(sphere.vertices) + center, np.asarray(sphere.faces)


def hand_sized_ball(center: tuple[float, float, float], radius: float) -> tuple[NDArray, NDArray]:
    """A ball with as many vertices and faces as a hand; the ones it has too many are all the same point."""
    vertices, faces = ball(center, radius)
    spare = np.repeat(vertices[:1], 778 - len(vertices), axis=0)
    return np.concatenate([vertices, spare]), np.concatenate([faces, np.zeros((1538 - len(faces), 3), dtype=int)])


def hand_of(vertices: NDArray, side: Side, state: TrackState = TrackState.TRACKED) -> Hand:
    center = vertices.astype(np.float64).mean(axis=0)
    return Hand(
        side=side,
        track_id=int(side),
        state=state,
        score=1.0,
        parameters=HandParameters(np.zeros((16, 3)), np.zeros(10), center),
        translation_mano=np.zeros(3),
        joints_camera=np.repeat(center[None], 21, axis=0),
        joint_confidence=np.ones(21),
        vertices_camera=vertices.astype(np.float32),
        covariance_wrist=np.eye(6),
        scale_source=ScaleSource.HAND_PRIOR,
        landmarks=None,
        residual_px=0.0,
        heldout_residual_px=0.0,
        limit_violation_deg=0.0,
    )


@pytest.fixture
def two_balls() -> tuple[Scene, dict[Side, NDArray]]:
    """Balls for hands: 0.05 m each, left at x = -0.1, right at x = 0.1, half a metre away."""
    left, faces = hand_sized_ball((-0.1, 0.0, 0.5), 0.05)
    right, _ = hand_sized_ball((0.1, 0.0, 0.5), 0.05)
    hands = (hand_of(left, Side.LEFT), hand_of(right, Side.RIGHT))
    camera = camera_from_fov(320, 240, 55.0)
    return Scene(0, "camera", camera, hands, 0, {}), {Side.LEFT: faces, Side.RIGHT: faces}


@pytest.mark.parametrize("device", DEVICES)
def test_triangle_covers_66_pixels_with_known_weights(device: str) -> None:
    corners = np.array([[0.0, 0.0, 1.0], [0.1, 0.0, 1.0], [0.0, 0.1, 1.0]])
    raster = rasterise(corners, TRIANGLE, PLAIN, device=device)
    x, y = np.meshgrid(np.arange(16), np.arange(12))
    sure = np.abs(x + y - 10) > 0  # pixels on the long edge may fall to either side
    assert ((raster.face_id == 0) == (x + y <= 10))[sure].all()
    np.testing.assert_allclose(raster.barycentric[3, 2], [0.5, 0.2, 0.3], atol=1e-5)
    assert raster.depth[3, 2] == pytest.approx(1.0)
    assert np.isinf(raster.depth[11, 15])
    assert raster.face_id[11, 15] == -1


@pytest.mark.parametrize("device", DEVICES)
def test_barycentrics_are_those_of_space(device: str) -> None:
    corners = np.array([[0.0, 0.0, 1.0], [0.3, 0.0, 2.0], [0.0, 0.44, 4.0]])
    raster = rasterise(corners, TRIANGLE, PLAIN, device=device)
    y, x = np.nonzero(raster.mask)
    points = raster.barycentric[y, x] @ corners
    np.testing.assert_allclose(points[:, 2], raster.depth[y, x], rtol=1e-5)
    np.testing.assert_allclose(project(points, PLAIN), np.stack([x, y], axis=1), atol=1e-3)
    assert len(x) > 50


@pytest.mark.parametrize("device", DEVICES)
def test_agrees_with_the_reference(device: str) -> None:
    vertices, faces = ball((0.03, -0.02, 0.4), 0.1, level=2)
    camera = camera_from_fov(96, 80, 60.0)
    raster = rasterise(vertices, faces, camera, device=device)
    face_id, barycentric, depth = rasterise_reference(project_to_screen(vertices, camera), faces, (96, 80), NEAR_M)
    differ = raster.face_id != face_id
    assert differ.mean() < 2e-3  # float32 against float64 on shared edges
    same = ~differ & raster.mask
    np.testing.assert_allclose(raster.depth[same], depth[same], rtol=1e-5)
    np.testing.assert_allclose(raster.barycentric[same], barycentric[same], atol=2e-3)


@pytest.mark.parametrize("device", DEVICES)
def test_sphere_has_the_area_of_its_outline(device: str) -> None:
    """A sphere on the axis is seen as a disc of radius f r / sqrt(z² - r²)."""
    vertices, faces = ball((0.0, 0.0, 0.5), 0.08, level=5)
    camera = camera_from_fov(640, 480, 55.0)
    radius = camera.K[0, 0] * 0.08 / np.sqrt(0.5**2 - 0.08**2)
    area = rasterise(vertices, faces, camera, device=device).mask.sum()
    assert area == pytest.approx(np.pi * radius**2, rel=0.01)


@pytest.mark.parametrize(
    ("distortion", "coefficients"),
    [
        (Distortion.PLUMB_BOB, [-0.28, 0.07, 0.001, -0.002, 0.0]),
        (Distortion.RATIONAL_POLYNOMIAL, [0.5, 0.1, 0.0, 0.0, 0.01, 0.8, 0.2, 0.02]),
        (Distortion.EQUIDISTANT, [0.02, -0.01, 0.003, 0.0]),
    ],
)
def test_small_things_land_where_the_lens_puts_them(distortion: Distortion, coefficients: list[float]) -> None:
    camera = replace(camera_from_fov(320, 240, 70.0), distortion=distortion, D=np.array(coefficients))
    center = np.array([0.2, -0.12, 0.5])
    vertices, faces = ball(tuple(center), 0.01)
    rows, columns = np.nonzero(rasterise(vertices, faces, camera).mask)
    wanted = project(center, camera)
    assert np.linalg.norm(wanted - project(center, camera_from_fov(320, 240, 70.0))) > 2.0
    np.testing.assert_allclose([columns.mean(), rows.mean()], wanted, atol=0.5)


def test_what_a_polynomial_lens_folds_back_is_not_drawn() -> None:
    lens = np.array([-0.4, 0.0, 0.0, 0.0, 0.0])
    camera = replace(camera_from_fov(320, 240, 60.0), distortion=Distortion.PLUMB_BOB, D=lens)
    vertices, faces = ball((0.95, 0.0, 0.6), 0.02)  # 58 deg off the axis, folded to within the picture
    assert (np.abs(project(vertices, camera)[:, 0] - 160) < 160).all()
    assert not rasterise(vertices, faces, camera).mask.any()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("nearer_first", [True, False])
def test_the_nearer_face_wins_whatever_the_order(nearer_first: bool, device: str) -> None:
    square = np.array([[-1.0, -1.0, 1.0], [3.0, -1.0, 1.0], [-1.0, 3.0, 1.0]])
    vertices = np.concatenate([square, square * 2.0])
    faces = np.array([[0, 1, 2], [3, 4, 5]])[:: 1 if nearer_first else -1]
    raster = rasterise(vertices, faces, PLAIN, device=device)
    assert (raster.face_id == (0 if nearer_first else 1)).all()
    np.testing.assert_allclose(raster.depth, 1.0, rtol=1e-5)


def test_triangles_at_the_camera_are_dropped() -> None:
    corners = np.array([[0.0, 0.0, 1.0], [0.1, 0.0, -1.0], [0.0, 0.1, 1.0]])
    assert not rasterise(corners, TRIANGLE, PLAIN).mask.any()
    assert not rasterise(np.full((3, 3), np.nan), TRIANGLE, PLAIN).mask.any()


def test_another_size_shows_the_same_view() -> None:
    vertices, faces = ball((0.02, 0.01, 0.5))
    camera = camera_from_fov(320, 240, 55.0)
    whole = rasterise(vertices, faces, camera).mask
    half = rasterise(vertices, faces, camera, (160, 120)).mask
    assert half.shape == (120, 160)
    assert half.sum() * 4 == pytest.approx(whole.sum(), rel=0.02)
    same = rasterise(vertices, faces, camera_of_size(camera, 160, 120)).mask
    np.testing.assert_array_equal(half, same)


def test_normals_of_a_sphere_point_outward() -> None:
    vertices, faces = ball((0.0, 0.0, 0.0), 1.0)
    assert (np.sum(vertex_normals(vertices, faces) * vertices, axis=1) > 0.999).all()


def test_overlay_leaves_the_rest_of_the_picture(two_balls: tuple[Scene, dict[Side, NDArray]]) -> None:
    scene, faces = two_balls
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    before = image.copy()
    drawn = draw_overlay(image, scene, faces, labels=False)
    np.testing.assert_array_equal(image, before)
    mask = np.zeros((240, 320), dtype=bool)
    for hand in scene.hands:
        mask |= rasterise(hand.vertices_camera, faces[hand.side], scene.camera).mask
    changed = (drawn != image).any(axis=-1)
    assert changed[mask].mean() > 0.95
    grown = np.zeros_like(mask)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            grown |= np.roll(mask, (dy, dx), axis=(0, 1))
    assert not changed[~grown].any()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("samples", [1, 2])
def test_overlay_tells_left_from_right(two_balls: tuple[Scene, dict[Side, NDArray]], samples: int, device: str) -> None:
    scene, faces = two_balls
    grey = np.full((240, 320, 3), 128, dtype=np.uint8)
    drawn = draw_overlay(grey, scene, faces, labels=False, samples=samples, device=device).astype(int)
    left, right = drawn[120, 97], drawn[120, 222]
    assert left[2] > left[0] + 40  # amber: red above blue
    assert right[0] > right[2] + 40  # turquoise: blue above red


def test_overlay_fits_any_picture_size_and_states_what_is_assumed(
    two_balls: tuple[Scene, dict[Side, NDArray]],
) -> None:
    scene, faces = two_balls
    small = np.full((120, 160, 3), 128, dtype=np.uint8)
    assert draw_overlay(small, scene, faces, landmarks=True).shape == (120, 160, 3)
    empty = replace(scene, hands=())
    assert (draw_overlay(small, empty, faces)[-10:, :40] != 128).any()
    calibrated = replace(empty, camera=replace(scene.camera, assumed=""))
    np.testing.assert_array_equal(draw_overlay(small, calibrated, faces), small)


def test_a_view_looks_at_its_center_from_its_distance() -> None:
    view = View(center=np.array([0.1, 0.05, 0.6]), distance=0.7, floor_y=0.2)
    R, t = view.R_view_camera, view.t_view_camera
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)
    np.testing.assert_allclose(R @ view.center + t, [0.0, 0.0, 0.7], atol=1e-12)
    ahead = View(center=view.center, distance=0.6, floor_y=0.2, azimuth_deg=0.0, elevation_deg=0.0)
    np.testing.assert_allclose(ahead.R_view_camera, np.eye(3), atol=1e-12)


def test_the_virtual_view_keeps_every_hand_in_the_picture(two_balls: tuple[Scene, dict[Side, NDArray]]) -> None:
    scene, faces = two_balls
    view = view_of_scene(scene)
    picture = virtual_view(scene, faces, view, (320, 360))
    assert picture.shape == (360, 320, 3)
    for hand in scene.hands:
        local = hand.vertices_camera @ view.R_view_camera.T + view.t_view_camera
        assert (np.abs(local[:, :2]) < np.tan(np.radians(18.0)) * local[:, 2:]).all()
    moved = replace(scene, hands=(hand_of(scene.hands[0].vertices_camera + np.float32(0.1), Side.LEFT),))
    step = np.linalg.norm(view_of_scene(moved, view).center - view.center)
    assert step < 0.1 * np.linalg.norm(view_of_scene(moved).center - view.center)
    far = replace(scene, hands=(hand_of(scene.hands[0].vertices_camera + np.float32(1.0), Side.LEFT),))
    np.testing.assert_array_equal(view_of_scene(far, view).center, view_of_scene(far).center)


def test_side_by_side_has_even_width_and_the_left_height() -> None:
    frame = side_by_side(np.zeros((72, 129, 3), np.uint8), np.ones((144, 128, 3), np.uint8))
    assert frame.shape[0] == 72
    assert frame.shape[1] % 2 == 0
    assert (frame[:, -64:] == 1).all()
