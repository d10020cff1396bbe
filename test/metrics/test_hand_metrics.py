from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation

from hoi_perception.metrics import hand


def joints() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.05, size=(21, 3))


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


def test_similarity_alignment_agrees_with_scipy_where_no_reflection_is_wanted() -> None:
    truth = joints()
    predicted = truth + np.random.default_rng(1).normal(scale=0.003, size=truth.shape)
    a, b = truth - truth.mean(0), predicted - predicted.mean(0)
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    R, s = orthogonal_procrustes(a / na, b / nb)
    expected = np.linalg.norm(b / nb @ R.T * s * na - a, axis=1).mean() * 1000.0
    assert hand.pa_mpjpe_mm(predicted, truth) == pytest.approx(expected, rel=1e-9)


def test_vertices_are_aligned_by_the_wrist_joint() -> None:
    vertices = np.ones((778, 3))
    assert hand.pve_mm(vertices + 0.5, vertices, np.full(3, 0.5), np.zeros(3)) == pytest.approx(0.0)


def test_jitter_of_a_known_zigzag() -> None:
    zigzag = np.zeros((5, 2, 3))
    zigzag[1::2, :, 0] = 0.001
    assert hand.jitter_mm(zigzag) == pytest.approx(2.0)
    steady = np.arange(5.0)[:, None, None] * np.ones((1, 2, 3))
    assert hand.jitter_mm(steady) == pytest.approx(0.0)
    assert np.isnan(hand.jitter_mm(zigzag[:2]))


def test_projected_error() -> None:
    assert hand.p2d_px(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2))) == pytest.approx(2.5)
