"""Fingertip upsampling: smooth on a known sphere, tight, linear, and rounder on the hand."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.sparse import csr_matrix

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.subdivision import composed, refine
from hoi_perception.hands.surface import Closing, close_wrist, wrist_loop
from hoi_perception.hands.upsampling import FingertipUpsampling, fingertip_region
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side


@pytest.fixture(scope="module")
def model() -> HandModel:
    return HandModel.load()


@pytest.fixture(scope="module", params=[1, 2])
def fine(request: pytest.FixtureRequest, model: HandModel) -> FingertipUpsampling:
    return FingertipUpsampling.of(model, request.param)


def bent(model: HandModel, angle: float = 0.6) -> np.ndarray:
    """Vertices of a hand whose fingers are bent toward the palm (about +z for a right hand)."""
    pose = np.zeros((16, 3))
    pose[1:13, 2] = angle
    return model.with_shape().with_pose(pose).vertices


def closed_mesh(vertices: np.ndarray, faces: np.ndarray) -> trimesh.Trimesh:
    return trimesh.Trimesh(vertices, close_wrist(faces, Closing.FAN).faces, process=False)


def refined(vertices: np.ndarray, faces: np.ndarray, region: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    rows: list[dict[int, float]] = []
    n = len(vertices)
    for _ in range(levels):
        step = refine(faces, region)
        rows += composed(step.rows, rows, n)
        faces, region = step.faces, step.inner
    new = [sum(weight * vertices[v] for v, weight in row.items()) for row in rows]
    return np.vstack([vertices, new]), faces


@pytest.mark.parametrize(("levels", "gain"), [(1, 2.5), (2, 6.0)])
def test_a_refined_ball_is_rounder(levels: int, gain: float) -> None:
    """An icosphere (valences 5 and 6) of 1 cm: how far the middles of faces are from the sphere."""
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.01)
    vertices, faces = np.array(ball.vertices), np.array(ball.faces)
    everywhere = np.ones(len(faces), dtype=bool)
    fine_vertices, fine_faces = refined(vertices, faces, everywhere, levels)
    assert len(fine_faces) == 4**levels * len(faces)

    def error(v: np.ndarray, f: np.ndarray) -> float:
        return float(np.abs(0.01 - np.linalg.norm(v[f].mean(axis=1), axis=1)).mean())

    assert error(fine_vertices, fine_faces) < error(vertices, faces) / gain


def test_flat_regular_grid_stays_flat_and_linear() -> None:
    """A plane is reproduced exactly, and so is a cubic across a regular grid (the scheme's order is four)."""
    n = 12
    x, y = np.meshgrid(np.arange(n, dtype=float), np.arange(n, dtype=float), indexing="ij")
    index = np.arange(n * n).reshape(n, n)
    a, b, c, d = index[:-1, :-1].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    x, y = x.ravel(), y.ravel()
    vertices = np.stack([x, y, 0.01 * x**3 - 0.02 * y**2 + x], axis=1)
    middle = np.linalg.norm(vertices[faces].mean(axis=1)[:, :2] - 5.5, axis=1) < 2.5
    points, _ = refined(vertices, faces, middle, 1)
    x, y, z = points[n * n :].T
    np.testing.assert_allclose(z, 0.01 * x**3 - 0.02 * y**2 + x, atol=1e-12)


def test_refining_at_an_open_border_is_refused(model: HandModel) -> None:
    region = np.isin(model.faces, wrist_loop(model.faces)).any(axis=1)
    with pytest.raises(ValueError, match="touches an open border"):
        refine(model.faces, region)


def test_no_cracks_and_the_same_wrist(model: HandModel, fine: FingertipUpsampling) -> None:
    np.testing.assert_array_equal(wrist_loop(fine.faces), wrist_loop(model.faces))
    mesh = closed_mesh(fine.apply(bent(model)), fine.faces)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.area_faces.min() > 1e-9
    assert set(np.unique(fine.faces)) == set(range(fine.n_vertices))


def test_coarse_vertices_stay(model: HandModel, fine: FingertipUpsampling) -> None:
    vertices = bent(model)
    np.testing.assert_array_equal(fine.apply(vertices)[:778], vertices)


def test_fine_mesh_moves_with_the_hand(model: HandModel, fine: FingertipUpsampling) -> None:
    """Rigid motion commutes with refinement, so each row of S sums to one."""
    vertices, R = bent(model), rotation_from_axis_angle(np.array([1.0, 2.0, -0.5]))
    np.testing.assert_allclose(fine.apply(vertices @ R.T + 0.3), fine.apply(vertices) @ R.T + 0.3, atol=1e-14)


def test_only_the_last_segments_are_refined(model: HandModel, fine: FingertipUpsampling) -> None:
    changed = np.bincount(fine.coarse_face) > 1
    assert changed[fingertip_region(model)].all()
    last = model.skin_weights[:, [3, 6, 9, 12, 15]].sum(axis=1)[model.faces].max(axis=1)
    assert last[changed].min() > 0.1
    assert np.bincount(fine.coarse_face).max() == 4**fine.levels


def test_volume_hardly_changes(model: HandModel, fine: FingertipUpsampling) -> None:
    vertices = bent(model)
    before = closed_mesh(vertices, model.faces).volume
    after = closed_mesh(fine.apply(vertices), fine.faces).volume
    assert 0.0 < after / before - 1.0 < 0.02


def test_pads_are_rounder(model: HandModel, fine: FingertipUpsampling) -> None:
    """Angles between neighbouring faces of the last segments, which a smooth surface would not have."""
    vertices, region = bent(model), fingertip_region(model)

    def facet_angle(points: np.ndarray, faces: np.ndarray, inside: np.ndarray) -> float:
        mesh = trimesh.Trimesh(points, faces, process=False)
        return float(mesh.face_adjacency_angles[inside[mesh.face_adjacency].all(axis=1)].mean())

    coarse = facet_angle(vertices, model.faces, region)
    assert (
        facet_angle(fine.apply(vertices), fine.faces, region[fine.coarse_face])
        < coarse * {1: 0.65, 2: 0.4}[fine.levels]
    )


def test_new_vertices_stay_near_the_coarse_surface(model: HandModel, fine: FingertipUpsampling) -> None:
    coarse = trimesh.Trimesh(model.template, model.faces, process=False)
    _, distance, _ = trimesh.proximity.closest_point_naive(coarse, fine.apply(model.template)[778::5])
    assert distance.max() < 1.5e-3
    assert distance.mean() > 1e-5


def test_jacobian_equals_finite_differences(model: HandModel, fine: FingertipUpsampling) -> None:
    shaped, pose, step = model.with_shape(), np.zeros((16, 3)), 1e-4
    pose[1:, 2] = 0.3
    steps = step * np.eye(48)[[2, 5, 8, 11, 47]].reshape(5, 16, 3)

    plus, minus = shaped.with_pose(pose + steps).vertices, shaped.with_pose(pose - steps).vertices
    J = np.moveaxis((plus - minus) / (2 * step), 0, -1)
    J_fine = np.moveaxis((fine.apply(plus) - fine.apply(minus)) / (2 * step), 0, -1)
    np.testing.assert_allclose(fine.apply_jacobian(J), J_fine, atol=1e-10)


def test_batches_and_float32(model: HandModel, fine: FingertipUpsampling) -> None:
    vertices = np.stack([model.template, bent(model)])[:, None]
    out = fine.apply(vertices)
    assert out.shape == (2, 1, fine.n_vertices, 3)
    np.testing.assert_allclose(out[1, 0], fine.apply(vertices[1, 0]), atol=1e-15)
    single = fine.apply(vertices.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, out, atol=1e-7)


def test_sparse_form(model: HandModel, fine: FingertipUpsampling) -> None:
    starts, columns, weights = fine.csr()
    S = csr_matrix((weights, columns, starts), shape=(fine.n_vertices, 778))
    np.testing.assert_allclose(S @ model.template, fine.apply(model.template), atol=1e-15)


def test_same_matrix_for_the_mirrored_hand(model: HandModel, fine: FingertipUpsampling) -> None:
    left = HandModel.load(None, Side.LEFT)
    other = FingertipUpsampling.of(left, fine.levels)
    mirrored = fine.apply(model.template) * np.array([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(other.apply(left.template), mirrored, atol=1e-15)


def test_levels_are_checked(model: HandModel) -> None:
    with pytest.raises(ValueError, match="levels=1 or levels=2"):
        FingertipUpsampling.of(model, 3)
