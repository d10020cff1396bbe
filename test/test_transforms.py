from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_perception import transforms

ANGLES = [0.0, 1e-9, 1e-4, 0.3, 1.5, 3.0, np.pi - 1e-7, np.pi]


@pytest.mark.parametrize("angle", ANGLES)
def test_exponential_and_logarithm_agree_with_scipy(angle: float) -> None:
    axis = np.array([0.48, -0.6, 0.64])
    R = transforms.rotation_from_axis_angle(angle * axis)
    np.testing.assert_allclose(R, Rotation.from_rotvec(angle * axis).as_matrix(), atol=1e-12)
    back = transforms.axis_angle_from_rotation(R)
    np.testing.assert_allclose(transforms.rotation_from_axis_angle(back), R, atol=1e-9)
    assert np.linalg.norm(back) == pytest.approx(angle, abs=1e-6)


def test_quarter_turn_about_z_brings_x_to_y() -> None:
    R = transforms.rotation_from_axis_angle(np.array([0.0, 0.0, np.pi / 2]))
    np.testing.assert_allclose(R @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-15)


def test_quaternions_agree_with_scipy_and_have_positive_w() -> None:
    R = Rotation.random(200, random_state=3)
    q = transforms.quaternion_wxyz_from_rotation(R.as_matrix())
    expected = R.as_quat(canonical=True)[:, [3, 0, 1, 2]]
    np.testing.assert_allclose(q, expected * np.sign(expected[:, :1]), atol=1e-12)
    np.testing.assert_allclose(transforms.rotation_from_quaternion_wxyz(q), R.as_matrix(), atol=1e-12)


def test_skew_is_the_cross_product() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([-2.0, 0.5, 4.0])
    np.testing.assert_allclose(transforms.skew(a) @ b, np.cross(a, b))


def test_similarity_is_recovered_and_never_a_reflection() -> None:
    rng = np.random.default_rng(0)
    source = rng.normal(size=(30, 3))
    R = Rotation.from_euler("xyz", [0.4, -1.0, 2.0]).as_matrix()
    scale, found, t = transforms.align_similarity(source, 2.5 * source @ R.T + [1.0, 2.0, 3.0])
    assert scale == pytest.approx(2.5)
    np.testing.assert_allclose(found, R, atol=1e-12)
    np.testing.assert_allclose(t, [1.0, 2.0, 3.0], atol=1e-12)
    _, mirrored, _ = transforms.align_similarity(source, source * [-1.0, 1.0, 1.0])
    assert np.linalg.det(mirrored) == pytest.approx(1.0)
