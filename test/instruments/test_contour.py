"""Contours of bodies whose outline is known: sphere, rod, box, a pair of jaws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from hoi_perception.camera import project
from hoi_perception.instruments.contour import Contour, outer_contour
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.description import InstrumentDescription
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel, Link, LinkMesh, Primitive
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Distortion

F, CX, CY = 800.0, 320.0, 240.0
CAMERA = Camera(np.array([[F, 0.0, CX], [0.0, F, CY], [0.0, 0.0, 1.0]]), 640, 480)


def body(mesh: trimesh.Trimesh) -> ContourModel:
    shape = LinkMesh(np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int64), Primitive("any", ()))
    return ContourModel.of(InstrumentModel(InstrumentDescription("body", "body"), (Link("base", (shape,)),), ()))


def at(*t: float, axis_angle: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> InstrumentState:
    R = rotation_from_axis_angle(np.array([axis_angle]))
    return InstrumentState(R, np.array([t]), np.zeros((1, 0)))


def box(x: float, y: float, z: float) -> ContourModel:
    return body(trimesh.creation.box((x, y, z)))


def test_a_sphere_is_seen_along_its_tangent_cone() -> None:
    r, d = 0.03, 0.4
    contour = outer_contour(body(trimesh.creation.icosphere(subdivisions=5, radius=r)), at(0.0, 0.0, d), CAMERA)
    assert len(contour) > 150
    from_middle = contour.places_px - [CX, CY]
    radius = np.linalg.norm(from_middle, axis=1)
    np.testing.assert_allclose(radius, F * r / np.sqrt(d * d - r * r), atol=0.2)
    outward = from_middle / radius[:, None]
    turned = np.degrees(np.arccos(np.clip((outward * contour.normals_px).sum(axis=1), -1.0, 1.0)))
    assert turned.max() < 20.0
    assert turned.mean() < 7.0
    np.testing.assert_allclose(contour.points_camera[:, 2], d - r * r / d, atol=0.04 * r)
    np.testing.assert_allclose(np.linalg.norm(contour.points_link, axis=1), r, rtol=2e-3)
    angles = np.sort(np.arctan2(*from_middle.T))
    assert np.diff(angles).max() < 6 * 2 * np.pi / len(contour)  # all the way round


def test_a_rod_has_two_sides_as_far_apart_as_it_is_thick() -> None:
    r, d = 0.004, 0.4
    rod = trimesh.creation.cylinder(r, 2.0, sections=256)
    rod.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (0, 1, 0)))
    contour = outer_contour(body(rod), at(0.0, 0.0, d), CAMERA, reach_px=40.0)
    half = F * r / np.sqrt(d * d - r * r)
    side = np.sign(contour.places_px[:, 1] - CY)
    assert len(contour) == 200
    assert 80 < (side > 0).sum() < 120
    np.testing.assert_allclose(contour.places_px[:, 1], CY + side * half, atol=0.05)
    np.testing.assert_allclose(contour.normals_px, np.stack([0 * side, side], axis=1), atol=1e-3)
    np.testing.assert_allclose(contour.inside_px, 2 * half, atol=0.5)
    assert contour.outside_px.min() == 40.0
    assert (contour.places_px > 0).all() and (contour.places_px < [639, 479]).all()  # none where the image cuts the rod


def test_a_box_seen_from_the_front() -> None:
    contour = outer_contour(box(0.08, 0.04, 0.02), at(0.0, 0.0, 0.41), CAMERA, reach_px=200.0)
    half = np.array([80.0, 40.0])  # the front face is 0.4 m away
    off = np.abs(contour.places_px - [CX, CY])
    assert ((np.abs(off - half) < 1e-6).sum(axis=1) == 1).all()  # each lies on one side
    upright = np.abs(off[:, 0] - half[0]) < 1e-6
    np.testing.assert_allclose(off[upright, 0], half[0], atol=1e-6)
    np.testing.assert_allclose(off[~upright, 1], half[1], atol=1e-6)
    assert upright.mean() == pytest.approx(40 / 120, abs=0.05)  # evenly along the outline
    np.testing.assert_allclose(contour.points_link[:, 2], -0.01, atol=1e-9)
    outward = np.sign(contour.places_px - [CX, CY]) * np.stack([upright, ~upright], axis=1)
    away = (np.abs(off - half) > 4.0).any(axis=1)  # near a corner the normal is between those of both sides
    np.testing.assert_allclose(contour.normals_px[away], outward[away], atol=1e-6)
    np.testing.assert_allclose(contour.inside_px[away & upright], 160.0, atol=0.6)
    np.testing.assert_allclose(contour.inside_px[away & ~upright], 80.0, atol=0.6)


def test_places_are_even_in_the_image_where_an_edge_runs_away_from_the_camera() -> None:
    plate = trimesh.creation.box((0.6, 0.05, 0.002))
    contour = outer_contour(body(plate), at(0.0, 0.0, 0.5, axis_angle=(0.0, 1.0, 0.0)), CAMERA)
    upper = np.sort(contour.places_px[contour.normals_px[:, 1] < -0.8, 0])
    gaps = np.diff(upper)
    assert len(gaps) > 50
    assert gaps.max() < 1.26 * np.median(gaps)  # every fourth or fifth of the places looked at
    depths = contour.points_camera[:, 2]
    assert depths.max() > 1.5 * depths.min()


def test_a_step_of_a_pixel_is_no_side_of_the_contour() -> None:
    left = trimesh.creation.box((0.04, 0.02, 0.01)).apply_translation((-0.02, 0.0, 0.0))
    right = trimesh.creation.box((0.04, 0.021, 0.01)).apply_translation((0.02, 0.0, 0.0))
    both = InstrumentModel(
        InstrumentDescription("two", "two"),
        (Link("base", tuple(LinkMesh(*_mesh(m), Primitive("any", ())) for m in (left, right))),),
        (),
    )
    contour = outer_contour(ContourModel.of(both), at(0.0, 0.0, 0.405), CAMERA, n_points=400)
    sideways = np.abs(contour.normals_px[:, 0]) > 0.9
    np.testing.assert_allclose(np.abs(contour.places_px[sideways, 0] - CX), 80.0, atol=1e-4)
    upper = contour.normals_px[:, 1] < -0.9
    heights = contour.places_px[upper, 1] - CY
    assert set(np.round(heights, 1)) == {-20.0, -21.0}


def test_what_is_outside_ends_at_the_border_of_the_image() -> None:
    contour = outer_contour(box(0.04, 0.04, 0.02), at(0.115, 0.0, 0.41), CAMERA, reach_px=200.0)
    right = contour.normals_px[:, 0] > 0.9
    np.testing.assert_allclose(contour.outside_px[right], 640 - 0.5 - (CX + 230.0 + 40.0), atol=0.6)


def test_what_is_outside_ends_at_the_instrument_itself() -> None:
    ring = trimesh.creation.annulus(0.01, 0.02, 0.004, sections=256)
    contour = outer_contour(body(ring), at(0.0, 0.0, 0.402), CAMERA, n_points=300, reach_px=100.0)
    radius = np.linalg.norm(contour.places_px - [CX, CY], axis=1)
    hole = radius < 30.0
    assert 60 < hole.sum() < 140
    np.testing.assert_allclose(radius[~hole], 40.0, atol=0.3)
    np.testing.assert_allclose(contour.inside_px[~hole], 20.0, atol=1.0)
    np.testing.assert_allclose(contour.outside_px[hole], 2 * radius[hole], atol=1.5)


def test_points_lie_on_their_links_and_project_to_their_places() -> None:
    model = ContourModel.of(Library.find().get("kelly_haemostat"))
    R = rotation_from_axis_angle(np.array([[0.3, 0.9, -0.2]]))
    state = InstrumentState(R, np.array([[0.02, 0.0, 0.35]]), np.array([[0.3]]))
    contour = outer_contour(model, state, CAMERA)
    posed = pose_links(model.tree, state)
    back = np.einsum("kij,kj->ki", posed.R[0, contour.links], contour.points_link) + posed.t[0, contour.links]
    np.testing.assert_allclose(back, contour.points_camera, atol=1e-12)
    np.testing.assert_allclose(project(back, CAMERA), contour.places_px, atol=1e-9)
    assert {1, 2} <= set(contour.links.tolist())
    for link in (1, 2):
        own = model.vertices[model.links == link]
        points = contour.points_link[contour.links == link]
        assert (points >= own.min(axis=0) - 1e-9).all() and (points <= own.max(axis=0) + 1e-9).all()


def test_a_jaw_behind_the_other_has_no_contour_within_it() -> None:
    near = LinkMesh(*_mesh(trimesh.creation.box((0.1, 0.1, 0.01))), Primitive("any", ()))
    far = LinkMesh(
        *_mesh(trimesh.creation.box((0.02, 0.02, 0.01)).apply_translation((0, 0, 0.05))), Primitive("any", ())
    )
    both = InstrumentModel(InstrumentDescription("two", "two"), (Link("base", (near, far)),), ())
    contour = outer_contour(ContourModel.of(both), at(0.0, 0.0, 0.4), CAMERA)
    assert len(contour) == 200
    assert np.abs(contour.points_link[:, :2]).max(axis=1).min() == pytest.approx(0.05)


def test_lens_distortion_bends_the_contour_as_it_bends_the_image() -> None:
    camera = replace(CAMERA, distortion=Distortion.PLUMB_BOB, D=np.array([-0.3, 0.1, 0.0, 0.0, 0.0]))
    model = box(0.2, 0.1, 0.01)
    bent = outer_contour(model, at(0.05, 0.02, 0.405), camera)
    straight = outer_contour(model, at(0.05, 0.02, 0.405), CAMERA)
    assert np.abs(project(bent.points_camera, CAMERA) - bent.places_px).max() > 3.0
    np.testing.assert_allclose(project(bent.points_camera, camera), bent.places_px, atol=1e-9)
    assert len(straight) == 200


@pytest.mark.parametrize("t", [(0.0, 0.0, -0.4), (5.0, 0.0, 0.4), (0.0, 0.0, 0.0)])
def test_what_is_not_in_the_image_has_no_contour(t: tuple[float, float, float]) -> None:
    contour = outer_contour(box(0.02, 0.02, 0.02), at(*t), CAMERA)
    assert isinstance(contour, Contour)
    assert len(contour) == 0


def test_a_link_without_meshes_is_refused() -> None:
    with pytest.raises(ValueError, match="no link has a mesh"):
        ContourModel.of(InstrumentModel(InstrumentDescription("bare", "bare"), (Link("base"),), ()))


def _mesh(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int64)
