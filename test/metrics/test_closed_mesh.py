"""Distances to closed meshes and point sets against analytic ones, trimesh and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.nearest import NearestPoints
from hoi_perception.metrics.sampling import SurfaceSamples, surface_points


def box(size: float = 2.0, at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.box((size, size, size))
    return np.array(mesh.vertices) + at, np.array(mesh.faces)


@pytest.fixture(scope="module")
def hand() -> tuple[np.ndarray, np.ndarray]:
    model = HandModel.load()
    return np.asarray(model.template).reshape(-1, 3) + [0.1, 0.2, 0.6], model.faces


def test_distances_to_a_box() -> None:
    mesh = ClosedMesh(*box())
    points = np.array([[0.0, 0.0, 0.25], [0.9, 0.1, 0.0], [3.0, 0.3, 0.2], [4.0, 5.0, 1.0], [0.5, 0.5, 3.0]])
    expected = [-0.75, -0.1, 2.0, 5.0, 2.0]
    np.testing.assert_allclose(mesh.signed_distance(points), expected, atol=1e-6)
    np.testing.assert_allclose(mesh.depth(points), [0.75, 0.1, 0.0, 0.0, 0.0], atol=1e-6)
    assert mesh.contains(points).tolist() == [True, True, False, False, False]


def test_points_on_the_lines_through_vertices_and_edges() -> None:
    """Straight below vertices, edges and the diagonals of faces nothing is counted twice or left out."""
    mesh = ClosedMesh(*box())
    x, y = np.meshgrid([-0.5, 0.0, 0.5], [-0.5, 0.0, 0.5])
    inside = np.stack([x.ravel(), y.ravel(), np.full(9, -0.9)], axis=1)
    assert mesh.contains(inside).all()
    assert not mesh.contains(inside - [0.0, 0.0, 0.5]).any()
    corners = np.array([[1.0, 1.0, -3.0], [1.0, 0.0, -3.0], [-1.0, -1.0, -3.0]])
    assert not mesh.contains(corners).any()
    assert (mesh.signed_distance(corners) > 0.0).all()


def test_points_straight_below_and_above_vertices(hand: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, faces = hand
    mesh = ClosedMesh.of_hand(vertices, faces)
    points = vertices - [0.0, 0.0, 0.03]
    distance = trimesh.proximity.signed_distance(trimesh.Trimesh(mesh.vertices, mesh.faces, process=False), points)
    clear = np.abs(distance) > 1e-4
    np.testing.assert_array_equal(mesh.contains(points)[clear], distance[clear] > 0.0)


def test_overlapping_parts_are_one_body() -> None:
    one, two = box(), box(at=(1.0, 0.0, 0.0))
    both = ClosedMesh(np.concatenate([one[0], two[0]]), np.concatenate([one[1], two[1] + len(one[0])]))
    assert both.contains(np.array([[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0], [1.5, 0.0, 0.0]])).all()
    assert not both.contains(np.array([[-1.5, 0.0, 0.0], [2.5, 0.0, 0.0]])).any()


def test_a_hand_against_trimesh(hand: tuple[np.ndarray, np.ndarray]) -> None:
    mesh = ClosedMesh.of_hand(*hand)
    assert mesh.vertices.shape == (779, 3) and mesh.own_vertices.shape == (778, 3) and mesh.faces.shape == (1554, 3)
    reference = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert reference.is_watertight
    low, high = mesh.box
    points = np.random.default_rng(0).uniform(low - 0.01, high + 0.01, (2000, 3))
    # trimesh is off by up to 3 um in slender faces
    expected = -trimesh.proximity.signed_distance(reference, points)  # positive inside there
    assert 100 < (expected < 0).sum() < 1900
    np.testing.assert_allclose(mesh.signed_distance(points), expected, atol=5e-6)
    np.testing.assert_allclose(mesh.depth(points), np.maximum(-expected, 0.0), atol=5e-6)


def test_a_moved_hand_is_that_of_a_new_mesh(hand: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, faces = hand
    moved = vertices * [1.2, 0.9, 1.0] + [0.5, -0.2, 0.1]
    mesh = ClosedMesh.of_hand(vertices, faces)
    mesh.place(moved)
    points = np.random.default_rng(1).uniform(*mesh.box, (500, 3))
    np.testing.assert_allclose(
        mesh.signed_distance(points), ClosedMesh.of_hand(moved, faces).signed_distance(points), atol=1e-8
    )
    with pytest.raises(ValueError, match="expected finite vertices"):
        mesh.place(moved[:700])


def test_meshes_that_are_refused() -> None:
    vertices, faces = box()
    with pytest.raises(ValueError, match="not closed"):
        ClosedMesh(vertices, faces[:-1])
    with pytest.raises(ValueError, match="no faces"):
        ClosedMesh(vertices, faces[:0])
    with pytest.raises(ValueError, match="not finite"):
        ClosedMesh(np.where(vertices > 0, np.nan, vertices), faces)
    with pytest.raises(ValueError, match="inside out"):
        ClosedMesh(vertices * [-1.0, 1.0, 1.0], faces)
    with pytest.raises(ValueError, match="name vertices"):
        ClosedMesh(vertices[:7], faces)


def test_points_that_are_not_finite_have_no_distance() -> None:
    mesh = ClosedMesh(*box())
    points = np.array([[np.nan, 0.0, 0.0], [0.0, 0.0, 0.5]])
    for distances in (mesh.signed_distance(points), mesh.depth(points)):
        assert np.isnan(distances[0]) and abs(distances[1]) == pytest.approx(0.5, abs=1e-6)
    assert mesh.signed_distance(np.zeros((0, 3))).shape == mesh.depth(np.zeros((0, 3))).shape == (0,)


def test_nearest_points_agree_with_scipy() -> None:
    rng = np.random.default_rng(2)
    points, asked = rng.normal(scale=0.05, size=(3000, 3)) + 0.7, rng.normal(scale=0.07, size=(2000, 3)) + 0.7
    distance, index = NearestPoints(points)(asked)
    expected, expected_index = cKDTree(points).query(asked)
    np.testing.assert_allclose(distance, expected, atol=1e-8)
    assert (index == expected_index).mean() > 0.999
    alone = NearestPoints(np.array([[1.0, 2.0, 3.0]]))(np.array([[1.0, 2.0, 5.0]]))
    assert alone[0].tolist() == [2.0] and alone[1].tolist() == [0]


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.full((4, 3), np.nan)])
def test_point_sets_that_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="point set"):
        NearestPoints(points)


def test_samples_are_even_and_on_the_surface() -> None:
    """A box of 2 x 2 x 6: the two ends have 8 of its 56 of area, and every sample lies on a side."""
    vertices, faces = box()
    vertices = vertices * [1.0, 1.0, 3.0]
    points = surface_points(vertices, faces, 5600)
    assert points.shape == (5600, 3)
    assert (np.abs(points[:, 2]) > 3.0 - 1e-9).sum() == 800
    np.testing.assert_allclose(np.abs(points / [1.0, 1.0, 3.0]).max(axis=1), 1.0, atol=1e-12)
    reach = cKDTree(points).query(trimesh.sample.sample_surface(trimesh.Trimesh(vertices, faces), 2000, seed=0)[0])[0]
    assert reach.max() < 2.0 * np.sqrt(56.0 / 5600)


def test_samples_move_with_the_mesh() -> None:
    vertices, faces = box()
    samples = SurfaceSamples.apart(vertices, faces, 0.2)
    assert len(samples.corners) == 600  # 24 / 0.04
    np.testing.assert_allclose(samples.on(2.0 * vertices + 1.0), 2.0 * samples.on(vertices) + 1.0)
    with pytest.raises(ValueError, match="without area"):
        SurfaceSamples.spread(np.zeros((3, 3)), np.array([[0, 1, 2]]), 10)
