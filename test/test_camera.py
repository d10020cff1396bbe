from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from hoi_perception.camera import CameraError, camera_from_fov, check_camera, project, undistort
from hoi_perception.types import Camera, Distortion

CAMERA = camera_from_fov(1280, 720, 55.0)
LENSES = {
    Distortion.NONE: [],
    Distortion.PLUMB_BOB: [-0.2, 0.05, 0.001, -0.002, 0.01],
    Distortion.RATIONAL_POLYNOMIAL: [0.3, -0.1, 0.001, 0.0005, 0.02, 0.5, -0.05, 0.01],
    Distortion.EQUIDISTANT: [0.05, -0.01, 0.003, -0.001],
}


def lens(distortion: Distortion) -> Camera:
    return replace(CAMERA, distortion=distortion, D=np.array(LENSES[distortion], dtype=np.float64))


def test_field_of_view_spans_the_image_width() -> None:
    edge = np.tan(np.radians(27.5))
    assert project(np.array([edge, 0.0, 1.0]), CAMERA)[0] == pytest.approx(1279.5)
    assert project(np.array([-edge, 0.0, 1.0]), CAMERA)[0] == pytest.approx(-0.5)
    assert "55 deg assumed" in CAMERA.assumed


@pytest.mark.parametrize("distortion", list(Distortion))
def test_projection_agrees_with_opencv(distortion: Distortion) -> None:
    camera = lens(distortion)
    points = np.random.default_rng(0).uniform([-0.3, -0.2, 0.5], [0.3, 0.2, 1.0], size=(50, 3))
    zero = np.zeros(3)
    if distortion is Distortion.EQUIDISTANT:
        expected, _ = cv2.fisheye.projectPoints(points[:, None], zero, zero, camera.K, camera.D)
    else:
        expected, _ = cv2.projectPoints(points, zero, zero, camera.K, camera.D if camera.D.size else None)
    np.testing.assert_allclose(project(points, camera), expected.reshape(-1, 2), atol=1e-8)


@pytest.mark.parametrize("distortion", list(Distortion))
def test_undistortion_undoes_projection(distortion: Distortion) -> None:
    camera = lens(distortion)
    normalised = np.random.default_rng(1).uniform(-0.35, 0.35, size=(50, 2))
    points = np.column_stack([normalised, np.ones(50)])
    np.testing.assert_allclose(undistort(project(points, camera), camera), normalised, atol=1e-9)


def test_points_behind_the_camera_have_no_pixel() -> None:
    assert np.isnan(project(np.array([0.0, 0.0, -1.0]), CAMERA)).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"K": np.zeros((3, 3))}, "not calibrated"),
        ({"K": np.diag([800.0, 800.0, 0.0])}, "singular"),
        ({"K": np.full((3, 3), np.nan)}, "not finite"),
        ({"distortion": Distortion.PLUMB_BOB, "D": np.array([np.inf, 0, 0, 0, 0])}, "not finite"),
        ({"distortion": Distortion.EQUIDISTANT, "D": np.zeros(5)}, "needs 4 coefficients, got 5"),
        ({"width": 0}, "empty"),
    ],
)
def test_bad_calibrations_are_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(CameraError, match=words):
        check_camera(replace(CAMERA, **change))  # type: ignore[arg-type]


def test_senseless_field_of_view_is_refused() -> None:
    with pytest.raises(CameraError, match="outside 1 to 175"):
        camera_from_fov(640, 480, 180.0)
