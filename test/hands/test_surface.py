"""Closing of the wrist, normals, palm side and contact zones, on the open hand and on its mirror and rotated images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from hoi_perception.hands.contact_zones import PADS, ContactZone, contact_zones, palmar_directions, palmar_faces
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import FINGER_JOINTS, TIP_NAMES
from hoi_perception.hands.mano_file import HandFileError
from hoi_perception.hands.surface import Closing, close_wrist, enclosed_volume, vertex_normals, wrist_loop
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side


@pytest.fixture(scope="module", params=list(Side), ids=lambda side: side.label)
def model(request: pytest.FixtureRequest) -> HandModel:
    return HandModel.load(None, request.param)


def cube_without_lid() -> tuple[np.ndarray, np.ndarray]:
    """Unit cube, open at z = 1: 8 vertices, 10 faces wound outwards."""
    cube = trimesh.creation.box(bounds=[[0, 0, 0], [1, 1, 1]])
    lid = cube.face_normals[:, 2] > 0.5
    return np.array(cube.vertices), np.array(cube.faces[~lid])


@pytest.mark.parametrize(("closing", "faces", "vertices"), [(Closing.FAN, 12, 8), (Closing.CENTRE, 14, 9)])
def test_closing_a_cube(closing: Closing, faces: int, vertices: int) -> None:
    points, open_faces = cube_without_lid()
    closed = close_wrist(open_faces, closing)
    assert closed.faces.shape == (faces, 3)
    full = closed.vertices(points)
    assert full.shape == (vertices, 3)
    assert enclosed_volume(full, closed.faces) == pytest.approx(1.0)
    if closing is Closing.CENTRE:
        np.testing.assert_allclose(full[8], (0.5, 0.5, 1.0))


@pytest.mark.parametrize(("closing", "added"), [(Closing.FAN, 14), (Closing.CENTRE, 16)])
def test_closed_hand_is_watertight(model: HandModel, closing: Closing, added: int) -> None:
    closed = close_wrist(model.faces, closing)
    assert closed.loop.size == 16
    assert len(closed.faces) == 1538 + added
    pose = np.random.default_rng(0).normal(0.0, 0.2, (16, 3))
    vertices = closed.vertices(model.with_shape(np.ones(10)).with_pose(pose).vertices)
    mesh = trimesh.Trimesh(vertices, closed.faces, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert 100e-6 < mesh.volume < 700e-6  # a hand has 200 to 500 cm3
    assert enclosed_volume(vertices, closed.faces) == pytest.approx(mesh.volume, rel=1e-9)


def test_closing_batches(model: HandModel) -> None:
    closed = close_wrist(model.faces, Closing.CENTRE)
    vertices = model.with_shape(np.random.default_rng(1).normal(size=(2, 3, 10))).vertices_rest
    full = closed.vertices(vertices)
    assert full.shape == (2, 3, 779, 3)
    np.testing.assert_allclose(full[1, 2, 778], vertices[1, 2, closed.loop].mean(axis=0))


def test_what_cannot_be_closed_is_refused() -> None:
    cube = trimesh.creation.box()
    with pytest.raises(HandFileError, match="no open border"):
        wrist_loop(np.array(cube.faces))
    tube = cube.faces[np.abs(cube.face_normals[:, 2]) < 0.5]
    with pytest.raises(HandFileError, match="several holes"):
        wrist_loop(np.array(tube))


def test_normals_of_a_sphere_point_away_from_its_centre() -> None:
    sphere = trimesh.creation.icosphere(subdivisions=3)
    normals = vertex_normals(np.array(sphere.vertices), np.array(sphere.faces))
    assert (normals * sphere.vertices).sum(axis=1).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)


def test_palm_looks_down_and_back_looks_up(model: HandModel) -> None:
    """In MANO's frame the back of the hand is +y."""
    palmar = palmar_faces(model)
    directions = palmar_directions(model)
    assert directions[0] @ (0.0, -1.0, 0.0) > 0.9
    assert (directions[[1, 2, 3, 4, 5, 6]] @ (0.0, -1.0, 0.0) > 0.8).all()
    corners = model.template[model.faces]
    y = corners.mean(axis=1)[:, 1]
    not_thumb = model.skin_weights[:, 13:].sum(axis=1)[model.faces].max(axis=1) < 0.05
    assert y[palmar & not_thumb].mean() < y[~palmar & not_thumb].mean() - 0.008
    assert 0.3 < palmar.mean() < 0.7


def test_thumb_pad_looks_across_the_palm(model: HandModel) -> None:
    """Its palm side looks down and toward the fingers (-z), unlike theirs."""
    direction = palmar_directions(model)[15]
    assert direction[1] < -0.2
    assert direction[2] < -0.4


def test_pads_belong_to_their_fingers(model: HandModel) -> None:
    zones = contact_zones(model)
    directions = palmar_directions(model)
    for pad, finger in zip(PADS, TIP_NAMES, strict=True):
        last = FINGER_JOINTS[finger][2]
        inside = zones.vertices(pad)
        segment = np.flatnonzero(model.skin_weights.argmax(axis=1) == last)
        assert 0.15 < inside.size / segment.size < 0.7
        assert set(inside) < set(segment)
        depth = (model.template - model.joints_mean[last]) @ directions[last]
        assert depth[inside].mean() > depth[np.setdiff1d(segment, inside)].mean() + 0.003


def test_palm_and_shafts(model: HandModel) -> None:
    zones = contact_zones(model)
    assert (zones.of_vertex[wrist_loop(model.faces)] == ContactZone.NONE).all()
    for zone in ContactZone:
        if zone is not ContactZone.NONE:
            assert zones.vertices(zone).size >= 8, zone.name
    assert zones.vertices().size == (zones.of_vertex != ContactZone.NONE).sum()
    assert zones.vertices(*PADS).size == sum(zones.vertices(pad).size for pad in PADS)


def test_zones_do_not_depend_on_the_side() -> None:
    right, left = HandModel.load(None, Side.RIGHT), HandModel.load(None, Side.LEFT)
    np.testing.assert_array_equal(contact_zones(right).of_vertex, contact_zones(left).of_vertex)
    np.testing.assert_array_equal(palmar_faces(right), palmar_faces(left))


def test_zones_do_not_depend_on_the_frame() -> None:
    """They come from the hand itself: a file in another frame gives the same."""
    model = HandModel.load()
    R = rotation_from_axis_angle(np.array([0.4, -1.1, 2.0]))
    turned = replace(model, template=model.template @ R.T + 0.1)
    np.testing.assert_array_equal(contact_zones(model).of_vertex, contact_zones(turned).of_vertex)
    np.testing.assert_array_equal(palmar_faces(model), palmar_faces(turned))
