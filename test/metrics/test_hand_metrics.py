from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from hoi_perception.hands.hand_model import JointOrder
from hoi_perception.metrics import hand


def joints() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.05, size=(21, 3))


def noisy(truth: np.ndarray, sigma: float = 0.003) -> np.ndarray:
    return truth + np.random.default_rng(1).normal(scale=sigma, size=truth.shape)


def test_root_alignment_removes_translation_only() -> None:
    truth = joints()
    assert hand.mpjpe_mm(truth + [0.1, 0.2, 0.3], truth) == pytest.approx(0.0, abs=1e-9)
    assert hand.mpjpe_xyz_mm(truth + [0.003, 0.0, 0.004], truth) == pytest.approx(5.0)
    moved = truth.copy()
    moved[4] += [0.0, 0.021, 0.0]
    assert hand.mpjpe_mm(moved, truth) == pytest.approx(1.0)


def test_similarity_alignment_removes_size_and_rotation_but_no_reflection() -> None:
    truth = joints()
    R = Rotation.from_euler("xyz", [1.0, 2.0, 0.5]).as_matrix()
    assert hand.pa_mpjpe_mm(1.3 * truth @ R.T + 0.4, truth) == pytest.approx(0.0, abs=1e-9)
    assert hand.pa_mpjpe_mm(truth * [-1.0, 1.0, 1.0], truth) > 5.0


def script_alignment(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """What HO-3D's script does, by SciPy."""
    a, b = truth - truth.mean(0), predicted - predicted.mean(0)
    na, nb = np.linalg.norm(a) + 1e-8, np.linalg.norm(b) + 1e-8
    R, s = orthogonal_procrustes(a / na, b / nb)
    return b / nb @ R.T * s * na + truth.mean(0)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_reflecting_alignment_is_that_of_the_scripts(mirror: float) -> None:
    truth = joints()
    predicted = noisy(truth) * [mirror, 1.0, 1.0] + 0.2
    expected = np.linalg.norm(script_alignment(truth, predicted) - truth, axis=1).mean() * 1000.0
    assert hand.pa_mpjpe_reflect_mm(predicted, truth) == pytest.approx(expected, rel=1e-9)
    if mirror > 0:
        assert hand.pa_mpjpe_mm(predicted, truth) == pytest.approx(expected, rel=1e-5)
    else:
        assert expected < 5.0 < hand.pa_mpjpe_mm(predicted, truth)


def test_vertices_are_aligned_by_the_wrist_joint() -> None:
    vertices = np.ones((778, 3))
    assert hand.pve_mm(vertices + 0.5, vertices, np.full(3, 0.5), np.zeros(3)) == pytest.approx(0.0)
    off = vertices + [0.503, 0.504, 0.51]
    wrists = np.full(3, 0.5), np.zeros(3)
    assert hand.pve_xy_mm(off, vertices, *wrists) == pytest.approx(5.0)
    assert hand.pve_z_mm(off, vertices, *wrists) == pytest.approx(10.0)
    assert hand.pve_mm(off, vertices, *wrists) == pytest.approx(np.sqrt(125.0))


def test_error_split_by_the_optical_axis() -> None:
    """One of 21 joints is off by (3, 4, -12) mm from a set that is moved as a whole."""
    truth = joints()
    predicted = truth + [0.5, 0.6, 0.7]
    predicted[9] += [0.003, 0.004, -0.012]
    assert hand.mpjpe_xy_mm(predicted, truth) == pytest.approx(5.0 / 21)
    assert hand.mpjpe_z_mm(predicted, truth) == pytest.approx(12.0 / 21)
    assert hand.mpjpe_mm(predicted, truth) == pytest.approx(13.0 / 21)


def test_scale_and_translation_as_in_the_script_of_ho3d() -> None:
    """Twice as large and elsewhere is no error; a joint 10 mm off in a hand half the size counts 20 mm."""
    truth = joints()
    assert hand.scale_trans_mpjpe_mm(2.0 * truth + 0.3, truth) == pytest.approx(0.0, abs=1e-9)
    predicted = 0.5 * truth
    predicted[7, 2] += 0.01
    assert hand.scale_trans_mpjpe_mm(predicted, truth) == pytest.approx(20.0 / 21)
    shorter = truth.copy()
    shorter[4] = 0.5 * (truth[0] + truth[4])  # half as long to the middle knuckle of MANO: everything is doubled
    doubled = 2.0 * (shorter - truth[0]) + truth[0]
    expected = np.linalg.norm(doubled - truth, axis=1).mean() * 1000.0
    assert hand.scale_trans_mpjpe_mm(shorter, truth) == pytest.approx(expected)
    assert hand.scale_trans_mpjpe_mm(shorter, truth, JointOrder.OPENPOSE) == pytest.approx(
        np.linalg.norm(shorter[4] - truth[4]) * 1000.0 / 21
    )


def test_f_scores_by_hand() -> None:
    """Three of four predicted points lie near one of the two true ones, both of which are found: 2 (3/4) 1 / (7/4)."""
    truth = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]])
    predicted = np.array([[0.004, 0.0, 0.0], [0.0, 0.0049, 0.0], [0.1, 0.0, 0.001], [0.5, 0.0, 0.0]])
    assert hand.f5(predicted, truth) == pytest.approx(6.0 / 7.0)
    assert hand.f5(truth + [0.0, 0.0, 0.02], truth) == 0.0


@pytest.mark.parametrize(("score", "threshold"), [(hand.f5, 0.005), (hand.f15, 0.015)])
def test_f_scores_are_strict_and_agree_with_scipy(score, threshold: float) -> None:
    truth = np.random.default_rng(2).normal(scale=0.04, size=(778, 3))
    predicted = noisy(truth, 0.006)
    precision = (cKDTree(truth).query(predicted)[0] < threshold).mean()
    recall = (cKDTree(predicted).query(truth)[0] < threshold).mean()
    assert 0.1 < precision < 1.0
    assert score(predicted, truth) == pytest.approx(2 * precision * recall / (precision + recall), rel=1e-12)
    grid = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), axis=-1).reshape(-1, 3)
    assert hand.f_score(grid + [0.25, 0.0, 0.0], grid, 0.25) == 0.0
    assert hand.f_score(grid + [0.25, 0.0, 0.0], grid, 0.2500001) == 1.0


def test_aligned_f_scores() -> None:
    truth = np.random.default_rng(2).normal(scale=0.04, size=(778, 3))
    R = Rotation.from_euler("xyz", [1.0, 2.0, 0.5]).as_matrix()
    turned = 1.2 * truth @ R.T + 0.4
    assert hand.pa_f5(turned, truth) == hand.pa_f15(turned, truth) == 1.0
    assert hand.f5(turned, truth) == 0.0


def test_area_under_the_curve() -> None:
    """No error: 1. Everything beyond 50 mm: 0. One keypoint of two at 25 mm: half of what that one has, plus a half."""
    truth = np.zeros((3, 2, 3))
    assert hand.auc_j(truth, truth) == pytest.approx(1.0)
    assert hand.auc_j(truth + [0.0, 0.06, 0.0], truth) == 0.0
    predicted = truth.copy()
    predicted[:, 1, 0] = 0.025
    step = 0.05 / 99
    # the share jumps from 0 to 1 between the thresholds 49 and 50 of 0 … 99, which are 24.75 and 25.25 mm
    alone = (0.05 - 50 * step + 0.5 * step) / 0.05
    assert hand.auc_j(predicted, truth) == pytest.approx(0.5 + 0.5 * alone)
    on_it = truth + [np.linspace(0.0, 0.05, 100)[40], 0.0, 0.0]  # d <= t: an error equal to a threshold counts
    assert hand.auc_v(on_it, truth) == pytest.approx((0.05 - 40 * step + 0.5 * step) / 0.05)


def test_area_is_the_mean_over_keypoints() -> None:
    truth = np.random.default_rng(3).normal(size=(40, 21, 3))
    predicted = noisy(truth, 0.02)
    distance, t = np.linalg.norm(predicted - truth, axis=2), np.linspace(0.0, 0.05, 100)
    per_keypoint = [trapezoid([(d <= x).mean() for x in t], t) / 0.05 for d in distance.T]
    assert hand.auc_j(predicted, truth) == pytest.approx(np.mean(per_keypoint), rel=1e-12)
    aligned = np.stack([hand.aligned(p, q) for p, q in zip(predicted, truth, strict=True)])
    assert hand.pa_auc_j(predicted, truth) == pytest.approx(hand.auc_j(aligned, truth))


def test_projected_error() -> None:
    assert hand.p2d_px(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2))) == pytest.approx(2.5)


@pytest.mark.parametrize("metric", [hand.mpjpe_mm, hand.pa_mpjpe_mm, hand.pa_mpjpe_reflect_mm, hand.mpjpe_z_mm])
def test_a_joint_that_is_not_finite_gives_nan(metric) -> None:
    predicted = joints()
    predicted[3, 2] = np.nan
    assert np.isnan(metric(predicted, joints()))


def test_points_all_in_one_place_have_no_similarity() -> None:
    assert np.isnan(hand.pa_mpjpe_mm(np.zeros((21, 3)), joints()))


@pytest.mark.parametrize("metric", [hand.f5, hand.pa_f15])
def test_f_scores_refuse_what_is_not_finite(metric) -> None:
    predicted = joints()
    predicted[3, 2] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        metric(predicted, joints())


@pytest.mark.parametrize("metric", [hand.mpjpe_mm, hand.pa_mpjpe_mm, hand.scale_trans_mpjpe_mm, hand.mpjpe_xy_mm])
def test_no_joints_are_refused(metric) -> None:
    with pytest.raises(ValueError, match="equal shapes"):
        metric(np.zeros((0, 3)), np.zeros((0, 3)))
