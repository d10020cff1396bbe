"""Distances of surfaces: by hand, by SciPy, and by EasyHOI's alignment written out with a general solver."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from hoi_perception.metrics import object_shape
from hoi_perception.metrics.sampling import surface_points
from hoi_perception.metrics.scaled_icp import align_scaled


def mesh(scale: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> tuple[np.ndarray, np.ndarray]:
    """A body without symmetry: a 60 mm ball with a bump, on an arm."""
    body = trimesh.creation.icosphere(4, 0.03)
    vertices = np.array(body.vertices)
    vertices[vertices[:, 0] > 0.02] *= 1.5
    vertices[vertices[:, 1] < -0.01] += [0.0, -0.04, 0.01]
    return vertices * scale, np.array(body.faces)


def test_chamfer_distance_by_hand() -> None:
    """Predicted to true 1 and 3 cm, true to predicted 1 cm: 2 + 1 cm, 5 + 1 cm²."""
    predicted, truth = np.array([[0.01, 0.0, 0.0], [0.0, 0.03, 0.0]]), np.zeros((1, 3))
    assert object_shape.cd_cm(predicted, truth) == pytest.approx(3.0)
    assert object_shape.cd_cm2(predicted, truth) == pytest.approx(6.0)


def test_surfaces_agree_with_scipy() -> None:
    predicted, truth = surface_points(*mesh((1.1, 1.0, 0.9)), 5000), surface_points(*mesh(), 6000)
    one, two = cKDTree(truth).query(predicted)[0], cKDTree(predicted).query(truth)[0]
    assert object_shape.cd_cm(predicted, truth) == pytest.approx(100.0 * (one.mean() + two.mean()), rel=1e-6)
    assert object_shape.cd_cm2(predicted, truth) == pytest.approx(1e4 * ((one**2).mean() + (two**2).mean()), rel=1e-6)
    for score, t in ((object_shape.f5_obj, 0.005), (object_shape.f10_obj, 0.01)):
        p, r = (one < t).mean(), (two < t).mean()
        assert score(predicted + 1e-12, truth) == pytest.approx(2 * p * r / (p + r), rel=1e-9)
    together = object_shape.shape_scores(predicted, truth)
    assert together.cd_cm == object_shape.cd_cm(predicted, truth)
    assert together.f5_obj == object_shape.f5_obj(predicted, truth) < together.f10_obj
    assert together.f10_obj == object_shape.f10_obj(predicted, truth)


def test_f_scores_of_points_moved_by_a_known_distance() -> None:
    grid = 0.05 * np.stack(np.meshgrid(*[np.arange(4.0)] * 3), axis=-1).reshape(-1, 3)
    assert object_shape.f5_obj(grid + [0.0049, 0.0, 0.0], grid) == 1.0
    assert object_shape.f5_obj(grid + [0.0051, 0.0, 0.0], grid) == 0.0
    assert object_shape.f10_obj(grid + [0.0051, 0.0, 0.0], grid) == 1.0


def test_alignment_takes_out_size_and_place() -> None:
    truth = surface_points(*mesh(), 3000)
    np.testing.assert_allclose(align_scaled(0.3 * truth + [1.0, 2.0, 3.0], truth), truth, atol=1e-9)


def test_alignment_is_the_best_for_its_pairs() -> None:
    """At the end neither another scale nor another place brings the pairs of nearest points nearer."""
    source, truth = surface_points(*mesh((1.2, 1.0, 0.8)), 1500), surface_points(*mesh(), 1500)
    placed = align_scaled(source, truth)

    def residuals(x: np.ndarray) -> np.ndarray:
        moved = x[0] * placed + x[1:]
        ahead = moved - truth[cKDTree(truth).query(placed)[1]]
        back = truth - moved[cKDTree(placed).query(truth)[1]]
        return np.concatenate([ahead, back]).ravel()

    start = np.array([1.0, 0.0, 0.0, 0.0])
    best = least_squares(residuals, start)
    rms = [np.sqrt(2.0 * (residuals(x) ** 2).mean()) for x in (start, best.x)]
    assert rms[0] == pytest.approx(rms[1], abs=2e-5)  # rounds end at gains of 10 um
    assert not np.allclose(placed, source, atol=1e-3)


def test_scores_of_easyhoi_by_their_parts() -> None:
    body, truth = mesh((1.2, 1.0, 0.8)), mesh()
    scores = object_shape.easyhoi_scores(body[0] * 3.0 + 1.0, body[1], *truth)
    placed = align_scaled(surface_points(*body, 30_000), points := surface_points(*truth, 30_000))
    one, two = cKDTree(points).query(placed)[0] * 100.0, cKDTree(placed).query(points)[0] * 100.0
    assert scores.cd_easyhoi == pytest.approx(((one**2).mean() + (two**2).mean()) / 10.0, rel=1e-6)
    p, r = (one < 0.5).mean(), (two < 0.5).mean()
    assert scores.f5_easyhoi == pytest.approx(2 * p * r / (p + r), rel=1e-4)
    assert 0.2 < scores.f5_easyhoi < scores.f10_easyhoi <= 1.0
    # the script's random samples lead to the same number within their noise
    drawn = [trimesh.sample.sample_surface(trimesh.Trimesh(*m), 30_000, seed=k)[0] for k, m in enumerate((body, truth))]
    assert object_shape.cd_cm2(align_scaled(*drawn), drawn[1]) / 10.0 == pytest.approx(scores.cd_easyhoi, rel=0.03)


def test_add_and_adds() -> None:
    """A square turned by a quarter about its middle: every corner has moved by a side, yet lies where another was."""
    square = 0.01 * np.array([[1.0, 1.0, 0.0], [-1.0, 1.0, 0.0], [-1.0, -1.0, 0.0], [1.0, -1.0, 0.0]])
    turned = np.roll(square, 1, axis=0)
    assert object_shape.add_mm(turned, square) == pytest.approx(20.0)
    assert object_shape.adds_mm(turned, square) == pytest.approx(0.0, abs=1e-6)
    assert object_shape.adds_mm(square + [0.0, 0.0, 0.007], square) == pytest.approx(7.0)


def test_adds_asks_for_the_true_points() -> None:
    """A predicted point far off matters to no true point."""
    truth = np.zeros((1, 3))
    assert object_shape.adds_mm(np.array([[0.001, 0.0, 0.0], [9.0, 0.0, 0.0]]), truth) == pytest.approx(1.0)


def test_bad_points_are_refused() -> None:
    points = surface_points(*mesh(), 10)
    with pytest.raises(ValueError, match="point set"):
        object_shape.cd_cm(points[:0], points)
    with pytest.raises(ValueError, match="not finite"):
        object_shape.cd_cm(points * np.nan, points)
    with pytest.raises(ValueError, match="equal shapes"):
        object_shape.add_mm(points[:0], points[:0])
    with pytest.raises(ValueError, match="no size"):
        align_scaled(np.zeros((5, 3)), points)
