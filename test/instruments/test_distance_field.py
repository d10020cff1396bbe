"""Distance fields: analytic bodies, thin and overlapping parts, memory, the articulated look-up and its reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from example_instruments import clamp

from hoi_perception.instruments.distance_field import NO_BRICK, DistanceField, FieldLimits
from hoi_perception.instruments.field_building import build_field
from hoi_perception.instruments.field_lookup import Distances, FieldQuery, InstrumentFields
from hoi_perception.instruments.folder import write_instrument
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, pose_links
from hoi_perception.instruments.model import InstrumentModel, Link
from hoi_perception.transforms import rotation_from_axis_angle


def mesh_arrays(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)


def rigid(model: InstrumentModel, field: DistanceField) -> InstrumentFields:
    tree = joint_tree(InstrumentModel(model.description, (Link("base"),), ()))
    return InstrumentFields(tree, (field,))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> InstrumentModel:
    return write_instrument(clamp(), Path(tmp_path_factory.mktemp("library")) / "example_clamp")


def look_up(model: InstrumentModel, field: DistanceField, points: np.ndarray) -> Distances:
    query = FieldQuery(rigid(model, field), len(points))
    return query(points[None], np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, 0)))


def sphere(p: np.ndarray) -> np.ndarray:
    return np.linalg.norm(p, axis=1) - 0.01


def box(half: tuple[float, float, float], p: np.ndarray) -> np.ndarray:
    a = np.abs(p) - np.array(half)
    return np.linalg.norm(np.maximum(a, 0.0), axis=1) + np.minimum(a.max(axis=1), 0.0)


def cylinder(p: np.ndarray) -> np.ndarray:
    a = np.stack([np.linalg.norm(p[:, :2], axis=1) - 0.0025, np.abs(p[:, 2]) - 0.03], axis=1)
    return np.linalg.norm(np.maximum(a, 0.0), axis=1) + np.minimum(a.max(axis=1), 0.0)


BODIES = {
    "sphere": (trimesh.creation.icosphere(subdivisions=5, radius=0.01), sphere),
    "box": (trimesh.creation.box((0.04, 0.02, 0.01)), lambda p: box((0.02, 0.01, 0.005), p)),
    "cylinder": (trimesh.creation.cylinder(0.0025, 0.06, sections=128), cylinder),
    "blade of 0.3 mm": (trimesh.creation.box((0.04, 0.006, 0.0003)), lambda p: box((0.02, 0.003, 0.00015), p)),
}


@pytest.mark.parametrize("name", BODIES)
def test_distances_near_the_surface(model: InstrumentModel, name: str) -> None:
    mesh, exact = BODIES[name]
    field = build_field(*mesh_arrays(mesh))
    rng = np.random.default_rng(0)
    on, _ = trimesh.sample.sample_surface(mesh, 5000, seed=1)
    points = np.asarray(on) + rng.normal(size=(5000, 3)) * 0.001
    error = np.abs(look_up(model, field, points).distance[0] - exact(points))
    assert error.mean() < 0.02e-3
    assert np.quantile(error, 0.99) < 0.1e-3
    clear = np.abs(exact(points)) > 0.05e-3
    assert (np.sign(look_up(model, field, points).distance[0]) == np.sign(exact(points)))[clear].all()


@pytest.mark.parametrize("name", BODIES)
def test_gradients_away_from_edges(model: InstrumentModel, name: str) -> None:
    mesh, exact = BODIES[name]
    rng = np.random.default_rng(0)
    on, face = trimesh.sample.sample_surface(mesh, 2000, seed=1)
    points = np.asarray(on) + mesh.face_normals[face] * rng.uniform(0.002, 0.004, size=(2000, 1))
    step = 1e-5
    expected = np.stack([(exact(points + step * e) - exact(points - step * e)) / (2 * step) for e in np.eye(3)], axis=1)
    found = look_up(model, build_field(*mesh_arrays(mesh)), points).gradient[0]
    assert np.median(np.linalg.norm(found - expected, axis=1)) < 0.06


def test_gradient_is_the_slope_of_the_value(model: InstrumentModel) -> None:
    """In the middle of a cell, and outside the grid, where the value goes on as the distance to the box."""
    field = build_field(*mesh_arrays(BODIES["cylinder"][0]))
    rng = np.random.default_rng(2)
    cells = rng.integers(0, np.array(field.nodes.shape) - 1, size=(300, 3))
    within = field.origin + field.spacing * (cells + 0.5 + 0.03)
    beyond = rng.normal(size=(300, 3)) * 0.08
    points = np.concatenate([within, beyond])
    step = 2e-6
    slopes = []
    for e in np.eye(3):
        ahead = look_up(model, field, points + step * e).distance[0].astype(np.float64).copy()
        behind = look_up(model, field, points - step * e).distance[0].astype(np.float64)
        slopes.append((ahead - behind) / (2 * step))
    error = np.abs(np.stack(slopes, axis=1) - look_up(model, field, points).gradient[0]).max(axis=1)
    assert np.quantile(error, 0.97) < 0.02  # a few points lie on a border between cells


def test_far_away_is_the_box_plus_the_value_there(model: InstrumentModel) -> None:
    field = build_field(*mesh_arrays(BODIES["sphere"][0]))
    low, high = field.origin.astype(np.float64), field.origin + field.size
    point = np.array([[0.3, 0.0, 0.0], [0.3, 0.4, -0.2]])
    held = np.clip(point, low, high)
    at_border = look_up(model, field, held).distance[0]
    found = look_up(model, field, point)
    np.testing.assert_allclose(found.distance[0], np.linalg.norm(point - held, axis=1) + at_border, atol=1e-6)
    assert found.distance[0, 0] == pytest.approx(0.29, abs=1e-4)
    assert (found.distance[0] >= sphere(point) - 1e-5).all()


def test_a_thin_blade_has_an_inside_only_with_bricks(model: InstrumentModel) -> None:
    sheet = trimesh.creation.box((0.04, 0.006, 0.0002))
    # a handle so thick that no plane of nodes runs through the blade
    handle = trimesh.creation.box(bounds=[[-0.05, -0.003, -0.0001], [-0.0201, 0.003, 0.0006]])
    blade = mesh_arrays(trimesh.util.concatenate([sheet, handle]))
    middle = np.stack([np.linspace(-0.018, 0.018, 200), np.zeros(200), np.zeros(200)], axis=1)
    plain = build_field(*blade, FieldLimits(tolerance=1.0))
    assert len(plain.bricks) == 0
    assert np.abs(look_up(model, plain, middle).distance[0] + 0.0001).max() > 0.03e-3
    fine = build_field(*blade)
    assert np.abs(look_up(model, fine, middle).distance[0] + 0.0001).max() < 0.03e-3


def test_memory_is_bounded_by_a_coarser_grid(model: InstrumentModel) -> None:
    mug = trimesh.creation.annulus(0.042, 0.045, 0.11, sections=256)
    field = build_field(*mesh_arrays(mug))
    assert field.nbytes <= 8_000_000
    assert 0.0006 < field.spacing < 0.001
    inside = np.array([[0.0435, 0.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(look_up(model, field, inside).distance[0], [-0.0015, 0.042], atol=2e-4)


def test_parts_that_touch_or_overlap_are_one_body(model: InstrumentModel) -> None:
    """Three boxes in a row, the second touching the first, the third overlapping the second: one of 30 mm."""
    spans = [(-0.015, -0.005), (-0.005, 0.006), (0.004, 0.015)]
    parts = [trimesh.creation.box(bounds=[[a, -0.003, -0.003], [b, 0.003, 0.003]]) for a, b in spans]
    field = build_field(*mesh_arrays(trimesh.util.concatenate(parts)))
    along = np.stack([np.linspace(-0.011, 0.011, 300), np.full(300, 1e-4), np.zeros(300)], axis=1)
    np.testing.assert_allclose(look_up(model, field, along).distance[0], -0.0029, atol=0.15e-3)


def test_a_cavity_is_outside(model: InstrumentModel) -> None:
    outer, inner = trimesh.creation.icosphere(4, 0.01), trimesh.creation.icosphere(4, 0.006)
    inner.invert()
    field = build_field(*mesh_arrays(trimesh.util.concatenate([outer, inner])))
    points = np.array([[0.0, 0.0, 0.0], [0.008, 0.0, 0.0], [0.0, 0.012, 0.0]])
    np.testing.assert_allclose(look_up(model, field, points).distance[0], [0.006, -0.002, 0.002], atol=0.1e-3)


def test_a_mesh_with_a_hole_keeps_its_sign_elsewhere(model: InstrumentModel) -> None:
    mesh = trimesh.creation.icosphere(4, 0.01)
    vertices, faces = mesh_arrays(mesh)
    field = build_field(vertices, faces[40:])
    rng = np.random.default_rng(0)
    points = rng.normal(size=(2000, 3)) * 0.006
    exact = sphere(points)
    clear = np.abs(exact) > 0.0005
    wrong = np.sign(look_up(model, field, points).distance[0]) != np.sign(exact)
    assert wrong[clear].mean() < 0.02


def test_no_faces_are_refused() -> None:
    with pytest.raises(ValueError, match="faces"):
        build_field(np.zeros((3, 3)), np.zeros((0, 3), dtype=np.int64))


def test_bricks_are_where_edges_are() -> None:
    field = build_field(*mesh_arrays(trimesh.creation.box((0.0203, 0.0203, 0.0203))))
    refined = np.argwhere(field.blocks != NO_BRICK)
    middle = field.origin + field.spacing * 2 * (refined + 0.5)
    near_faces = (np.abs(np.abs(middle) - 0.01015) < 0.0015).sum(axis=1)
    assert len(refined) > 100
    assert (near_faces >= 2).mean() > 0.95


@pytest.fixture(scope="module")
def fields(model: InstrumentModel, tmp_path_factory: pytest.TempPathFactory) -> InstrumentFields:
    return InstrumentFields.of(model, cache=Path(tmp_path_factory.mktemp("cache")))


def test_the_nearest_link_of_a_posed_instrument(model: InstrumentModel, fields: InstrumentFields) -> None:
    R = rotation_from_axis_angle(np.array([[0.3, -0.5, 1.0]]))
    t, angles = np.array([[0.05, -0.02, 0.4]]), np.array([[0.5]])
    posed = pose_links(fields.tree, InstrumentState(R, t, angles))
    link = model.link_names.index("upper_jaw")
    local = np.array([0.02, 0.005, 0.0])  # 2 mm above the jaw's upper face
    point = posed.R[0, link] @ local + posed.t[0, link]
    found = FieldQuery(fields, 1)(point[None, None], R, t, angles)
    assert int(found.link[0, 0]) == link
    assert found.distance[0, 0] == pytest.approx(0.002, abs=2e-5)
    np.testing.assert_allclose(found.gradient[0, 0], posed.R[0, link] @ [0.0, 1.0, 0.0], atol=0.01)


def test_torch_agrees(fields: InstrumentFields) -> None:
    torch = pytest.importorskip("torch")
    from hoi_perception.instruments.torch_lookup import TorchField, union_distance

    rng = np.random.default_rng(1)
    b, n = 3, 500
    R = rotation_from_axis_angle(rng.normal(size=(b, 3)))
    t, angles = rng.normal(size=(b, 3)) * 0.1, rng.uniform(0.0, 0.6, size=(b, 1))
    points = rng.uniform(-1.0, 1.0, size=(b, n, 3)) * np.array([0.15, 0.04, 0.04])
    points = points @ np.swapaxes(R, -1, -2) + t[:, None]
    found = FieldQuery(fields, n, b)(points, R, t, angles)
    posed = pose_links(fields.tree, InstrumentState(R, t, angles))
    reference = [TorchField(f) if f is not None else None for f in fields.fields]
    for k in range(b):
        p = torch.tensor(points[k], requires_grad=True)
        distance, link = union_distance(reference, torch.tensor(posed.R[k]), torch.tensor(posed.t[k]), p)
        distance.sum().backward()
        np.testing.assert_allclose(found.distance[k], distance.detach().numpy(), atol=1e-5)
        assert (found.link[k] == link.numpy()).mean() > 0.995
        assert np.quantile(np.abs(found.gradient[k] - p.grad.numpy()), 0.99) < 1e-3


def test_wrong_shapes_are_told(fields: InstrumentFields) -> None:
    query = FieldQuery(fields, 4)
    with pytest.raises(ValueError, match=r"\(1, 4, 3\)"):
        query(np.zeros((1, 5, 3)), np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, 1)))
