"""Poses of markers: from corners with known errors, and from drawn pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, project, undistort
from hoi_perception.fiducials.borders import corner_sigma_px, sharp_corners
from hoi_perception.fiducials.detection import MarkerFinder, SeenMarker
from hoi_perception.fiducials.drawing import with_marker
from hoi_perception.fiducials.reader import marker_pose
from hoi_perception.fiducials.square_pose import SquarePose, square, square_pose
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Camera, Distortion

Array = NDArray[np.float64]
PLAIN = camera_from_fov(640, 480, 45.0)
BENT = Camera(PLAIN.K, 640, 480, Distortion.PLUMB_BOB, np.array([-0.28, 0.09, 0.001, -0.0015, 0.0]))
FISHEYE = Camera(PLAIN.K, 640, 480, Distortion.EQUIDISTANT, np.array([0.05, -0.02, 0.003, 0.0]))
SIZE, TAG = 0.02, "DICT_APRILTAG_36h11"
FACING = np.diag([1.0, -1.0, -1.0])


def turned(*turns: tuple[float, float, float]) -> Array:
    """A marker that faces the camera, upright, then turned about the camera's axes, rad."""
    R = FACING
    for turn in turns:
        R = np.asarray(rotation_from_axis_angle(np.array(turn)), dtype=np.float64) @ R
    return R


def corners(R: Array, t: Array, camera: Camera) -> Array:
    return np.asarray(project(square(SIZE) @ R.T + t, camera), dtype=np.float64)


def error(pose: SquarePose, R: Array, t: Array) -> Array:
    return np.concatenate([t - pose.t, axis_angle_from_rotation(R @ pose.R.T)])


def picture(camera: Camera, *placed: tuple[int, Array, Array], blur: float = 0.7, noise: float = 2.0) -> Array:
    image = np.full((camera.height, camera.width, 3), 110, dtype=np.uint8)
    for number, R, t in placed:
        image = with_marker(image, camera, (TAG, number, SIZE), R, t)
    soft = cv2.GaussianBlur(image[..., 0].astype(np.float64), (0, 0), blur)
    soft += np.random.default_rng(5).normal(0.0, noise, soft.shape)
    return np.clip(np.round(soft), 0.0, 255.0).astype(np.uint8)


@pytest.mark.parametrize("camera", [PLAIN, BENT, FISHEYE])
def test_exact_corners_give_the_exact_pose(camera: Camera) -> None:
    R, t = turned((0.0, 0.0, 0.4), (0.5, -0.3, 0.0)), np.array([0.05, -0.03, 0.25])
    pose = square_pose(np.asarray(undistort(corners(R, t, camera), camera)), SIZE, camera, 0.1)
    assert pose is not None and pose.doubt < 0.01
    np.testing.assert_allclose(pose.t, t, atol=2e-6)
    np.testing.assert_allclose(pose.R, R, atol=2e-4)


@pytest.mark.parametrize(("camera", "tilt", "depth"), [(PLAIN, 0.8, 0.25), (BENT, 0.5, 0.3), (PLAIN, 0.2, 0.6)])
def test_errors_are_what_the_covariance_says(camera: Camera, tilt: float, depth: float) -> None:
    """Corners off by 0.2 px at random: squared errors over their covariance have a mean of six. In the last case the
    two poses of a square can hardly be told apart."""
    rng = np.random.default_rng(8)
    found, doubts = [], []
    for _ in range(150):
        azimuth = rng.uniform(0.0, 2.0 * np.pi)
        R = turned((0.0, 0.0, rng.uniform(-3, 3)), (tilt * np.cos(azimuth), tilt * np.sin(azimuth), 0.0))
        t = depth * np.array([rng.uniform(-0.25, 0.25), rng.uniform(-0.2, 0.2), 1.0])
        seen = corners(R, t, camera) + rng.normal(0.0, 0.2, (4, 2))
        pose = square_pose(np.asarray(undistort(seen, camera)), SIZE, camera, 0.2)
        assert pose is not None
        off = error(pose, R, t)
        found.append(off @ np.linalg.solve(pose.covariance, off))
        doubts.append(pose.doubt)
    assert 4.8 < np.mean(found) < 7.2, "four standard errors of the mean, of 150 draws"
    assert (np.mean(doubts) > 0.2) == (depth == 0.6)


def test_a_doubt_is_along_the_turn_between_the_two_poses() -> None:
    """A small marker, tilted by 0.3 rad about x: the other pose is tilted by as much the other way."""
    R, t = turned((0.3, 0.0, 0.0)), np.array([0.0, 0.0, 0.8])
    pose = square_pose(np.asarray(undistort(corners(R, t, PLAIN), PLAIN)), SIZE, PLAIN, 0.3)
    assert pose is not None and 0.2 < pose.doubt <= 0.5
    sigma = np.sqrt(np.diag(pose.covariance))
    assert 0.2 < sigma[3] < 0.6 and sigma[5] < 0.03


def test_corners_that_no_square_has_make_a_pose_less_sure() -> None:
    R, t = turned((0.6, 0.0, 0.0)), np.array([0.0, 0.0, 0.25])
    exact = corners(R, t, PLAIN)
    poses = [
        square_pose(np.asarray(undistort(exact + np.outer([1, -1, 1, -1], [off, 0.0]), PLAIN)), SIZE, PLAIN, 0.1)
        for off in (0.0, 2.0)
    ]
    assert poses[0] is not None and poses[1] is not None
    assert np.trace(poses[1].covariance) > 10.0 * np.trace(poses[0].covariance)


@pytest.mark.parametrize("camera", [PLAIN, BENT, FISHEYE])
@pytest.mark.parametrize(("tilt", "depth"), [(0.0, 0.15), (0.6, 0.2), (0.9, 0.15), (0.5, 0.35)])
def test_drawn_markers_are_where_they_are(camera: Camera, tilt: float, depth: float) -> None:
    """Corners within 0.1 px (0.15 where a cell is below 4 px), poses within three of their standard deviations."""
    R, t = turned((0.0, 0.0, 0.7), (tilt, 0.3 * tilt, 0.0)), depth * np.array([0.15, -0.1, 1.0])
    grey = picture(camera, (12, R, t))
    (seen,) = MarkerFinder([TAG]).found(grey)
    assert seen.number == 12 and seen.cells == 8
    rays = sharp_corners(grey, seen.corners_px, camera)
    assert rays is not None
    px = np.asarray(project(np.column_stack([rays, np.ones(4)]), camera))
    true = corners(R, t, camera)
    cell = np.linalg.norm(true - np.roll(true, 1, axis=0), axis=1).min() * np.cos(tilt) / 8.0
    assert np.abs(px - true).max() < (0.1 if cell >= 4.0 else 0.15)
    pose = marker_pose(grey, camera, seen, SIZE)
    assert pose is not None
    assert np.linalg.norm(pose.t[:2] - t[:2]) < 0.0003 and abs(pose.t[2] - t[2]) < 0.01 * depth
    off = error(pose, R, t)
    assert off @ np.linalg.solve(pose.covariance, off) < 18.5


def test_a_marker_that_fades_into_its_ground_tells_nothing() -> None:
    grey = np.full((100, 100), 120, dtype=np.uint8)
    box = np.array([[30.0, 30.0], [60.0, 30.0], [60.0, 60.0], [30.0, 60.0]])
    assert sharp_corners(grey, box, PLAIN) is None
    assert marker_pose(grey, PLAIN, SeenMarker(TAG, 1, box, 8), SIZE) is None


def test_corners_of_small_cells_are_less_sure() -> None:
    box = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.5], [0.0, 0.5]])
    sizes = [corner_sigma_px(side * box, 8) for side in (20.0, 80.0, 800.0)]
    assert sizes[0] > 4.0 * sizes[1] and sizes[2] == pytest.approx(0.05, rel=0.02)
