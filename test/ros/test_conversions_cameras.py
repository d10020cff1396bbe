"""CameraInfo to Camera: which matrix, which part of the sensor, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from hoi_perception.camera import CameraError, camera_from_fov, project
from hoi_perception.ros.conversions import calibration_from_message, camera_info_message
from hoi_perception.ros.messages import BagMessages
from hoi_perception.types import Distortion

K = [500.0, 0, 320, 0, 510, 240, 0, 0, 1]
P = [400.0, 0, 310, 0, 0, 400, 230, 0, 0, 0, 1, 0]


def info(**changes: object) -> SimpleNamespace:
    fields = {
        "width": 640,
        "height": 480,
        "distortion_model": "plumb_bob",
        "d": [0.1, -0.2, 0.001, 0.002, 0.05],
        "k": K,
        "p": P,
        "binning_x": 0,
        "binning_y": 0,
        "roi": SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False),
    }
    return SimpleNamespace(**{**fields, **changes})


def test_raw_is_k_with_d_and_rectified_is_p_without() -> None:
    calibration = calibration_from_message(info())
    raw, rectified = calibration.camera(), calibration.camera(rectified=True)
    np.testing.assert_array_equal(raw.K.reshape(-1), K)
    assert (raw.distortion, raw.D.size, raw.assumed) == (Distortion.PLUMB_BOB, 5, "")
    assert (rectified.K[0, 0], rectified.K[0, 2], rectified.K[1, 2]) == (400, 310, 230)
    assert (rectified.distortion, rectified.D.size) == (Distortion.NONE, 0)


@pytest.mark.parametrize(
    ("model", "d", "count"),
    [
        ("rational_polynomial", np.linspace(0.1, 0.8, 8), 8),
        ("rational_polynomial", [*np.linspace(0.1, 0.8, 8), 0, 0, 0, 0, 0, 0], 8),
        ("equidistant", [0.1, 0.2, 0.3, 0.4], 4),
        ("plumb_bob", [0.1, 0.2, 0.3, 0.4], 4),
    ],
)
def test_lens_models(model: str, d: list[float], count: int) -> None:
    camera = calibration_from_message(info(distortion_model=model, d=d)).camera()
    assert (camera.distortion.value, camera.D.size) == (model, count)


def test_window_and_binning_move_a_point_by_hand() -> None:
    """The pixel (420, 300) of the full image is ((420 - 100) / 2, (300 - 40) / 4) of the window."""
    roi = SimpleNamespace(x_offset=100, y_offset=40, width=400, height=200, do_rectify=False)
    camera = calibration_from_message(info(roi=roi, binning_x=2, binning_y=4, d=[], distortion_model="")).camera()
    point = np.array([[(420 - 320) / 500.0, (300 - 240) / 510.0, 1.0]])
    np.testing.assert_allclose(project(point, camera), [[160.0, 65.0]])
    assert (camera.width, camera.height) == (200, 50)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"k": [0.0] * 9}, "zero or singular"),
        ({"k": [500, 0, 320, 0, 0, 240, 0, 0, 1]}, "zero or singular"),
        ({"k": [np.nan, 0, 320, 0, 510, 240, 0, 0, 1]}, "not finite"),
        ({"d": [np.inf, 0, 0, 0, 0]}, "distortion D holds values that are not finite"),
        ({"d": [0.1] * 7}, "needs 4 or 5 coefficients, got 7"),
        ({"distortion_model": "thin_prism"}, "'thin_prism' is unknown"),
        ({"width": 0, "height": 0}, "size 0x0 is empty"),
    ],
)
def test_what_is_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(CameraError, match=text):
        calibration_from_message(info(**changes)).camera()


def test_a_zero_k_is_refused_even_behind_a_window() -> None:
    roi = SimpleNamespace(x_offset=100, y_offset=40, width=400, height=200, do_rectify=False)
    with pytest.raises(CameraError, match="zero or singular"):
        calibration_from_message(info(k=[0.0] * 9, roi=roi)).camera()


def test_camera_round_trip() -> None:
    messages = BagMessages()
    camera = replace(
        camera_from_fov(640, 480, 60.0, assumed=False), distortion=Distortion.EQUIDISTANT, D=np.arange(4.0)
    )
    for want in (camera, camera_from_fov(640, 480, 60.0, assumed=False)):
        made = camera_info_message(want, 1, "eye", messages)
        got = calibration_from_message(messages.decode(messages.encode(made), made.__msgtype__)).camera()
        np.testing.assert_array_equal(got.K, want.K)
        np.testing.assert_array_equal(got.D[: want.D.size], want.D)
        assert not got.D[want.D.size :].any()
        assert (got.width, got.height) == (640, 480)
