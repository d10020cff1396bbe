"""Depth layers and contact alignment on shapes whose places are known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from term_scenes import CAMERA, PALM_TO_CAMERA

from hoi_perception.hands.contact_zones import palmar_faces
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.interaction.single_image.contact_alignment import (
    ContactPixels,
    Surface,
    align_contact,
    icp_translation,
)
from hoi_perception.interaction.single_image.depth_layers import depth_layers
from hoi_perception.rendering import rasterise

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def box(size: tuple[float, float, float], place: tuple[float, float, float]) -> Surface:
    mesh = trimesh.creation.box(size)
    return Surface(np.asarray(mesh.vertices) + place, np.asarray(mesh.faces))


def cylinder(radius: float, place: tuple[float, float, float]) -> Surface:
    """A cylinder along y."""
    mesh = trimesh.creation.cylinder(radius, 0.3, sections=96)
    return Surface(np.asarray(mesh.vertices)[:, [1, 2, 0]] + place, np.asarray(mesh.faces))


def mask_of(surface: Surface) -> Mask:
    return rasterise(surface.vertices, surface.faces, CAMERA).mask


def pixels(hand: Surface, body: Surface) -> ContactPixels:
    """From the masks of two surfaces where they are."""
    faces = np.concatenate([hand.faces, body.faces + len(hand.vertices)])
    seen = rasterise(np.concatenate([hand.vertices, body.vertices]), faces, CAMERA)
    is_hand = seen.mask & (seen.face_id < len(hand.faces))
    return ContactPixels.of(seen.mask & ~is_hand, mask_of(body), is_hand, mask_of(hand), CAMERA)


def moved(surface: Surface, shift: Array) -> Surface:
    return Surface(surface.vertices + shift, surface.faces, surface.touching)


def test_a_ray_through_two_boxes_meets_four_layers() -> None:
    one, two = box((0.1, 0.1, 0.02), (0.0, 0.0, 0.5)), box((0.1, 0.1, 0.04), (0.0, 0.0, 0.6))
    faces = np.concatenate([one.faces, two.faces + 8])
    places = np.array([[0.0123, 0.0071], [0.5, 0.5]])
    layers = depth_layers(np.concatenate([one.vertices, two.vertices]), faces, places)
    assert layers.points[0, :, 2] == pytest.approx([0.49, 0.51, 0.58, 0.62], abs=1e-5)
    assert layers.points[0, :, 0] / layers.points[0, :, 2] == pytest.approx(0.0123, abs=1e-6)
    assert (layers.faces[1] == -1).all()
    assert layers.nearest()[:, 2] == pytest.approx([0.49], abs=1e-5)
    assert layers.farthest()[:, 2] == pytest.approx([0.62], abs=1e-5)
    second = np.arange(24) >= 12
    assert layers.nearest(second)[:, 2] == pytest.approx([0.58], abs=1e-5)
    assert layers.farthest(~second)[:, 2] == pytest.approx([0.51], abs=1e-5)
    assert len(layers.nearest(np.zeros(24, dtype=bool))) == 0


def test_icp_finds_the_shift_of_a_cloud() -> None:
    x, shift = np.random.default_rng(0).normal(size=(200, 3)), np.array([0.1, -0.05, 0.08])
    assert icp_translation((x,), (x + shift,)) == pytest.approx(shift, abs=1e-6)


def test_boxes_in_front_and_behind_come_back_to_the_face_that_they_touched() -> None:
    body = box((0.06, 0.2, 0.03), (0.0, 0.0, 0.5))
    for z, offset in [(0.475, -0.03), (0.525, 0.03), (0.475, 0.012)]:
        true = box((0.08, 0.05, 0.02), (0.01, 0.0, z))
        shift = align_contact(moved(true, np.array([0.0, 0.0, offset])), body, pixels(true, body)).shift
        # The flat faces say how deep only, so the shift along the ray's depth is what is known.
        assert shift[2] == pytest.approx(-offset, abs=0.001)


def test_without_overlap_nothing_is_shifted() -> None:
    hand, body = box((0.03, 0.03, 0.03), (-0.1, 0.0, 0.5)), box((0.03, 0.03, 0.03), (0.1, 0.0, 0.5))
    found = align_contact(hand, body, pixels(hand, body))
    assert (found.shift == 0.0).all() and np.isnan(found.gaps).all()


@pytest.mark.parametrize("offset", [-0.03, 0.03])
@pytest.mark.parametrize("behind", [True, False])
def test_a_hand_on_a_cylinder_comes_back_from_a_wrong_depth(hand_model: HandModel, behind: bool, offset: float) -> None:
    """The palm looks to the camera with the cylinder before it, or away with the cylinder behind it."""
    turn = PALM_TO_CAMERA if behind else np.diag([-1.0, 1.0, -1.0]) @ PALM_TO_CAMERA
    vertices = hand_model.template @ turn.T
    faces, palmar = hand_model.faces, palmar_faces(hand_model)
    across = vertices[:, 0]
    hand = Surface(vertices + np.array([-across.mean(), -vertices[:, 1].mean(), 0.5]), faces, palmar)
    radius = 0.02
    side = -1.0 if behind else 1.0
    near = np.abs(hand.vertices[:, 0]) < 0.004
    touch = hand.vertices[near, 2].min() if behind else hand.vertices[near, 2].max()
    body = cylinder(radius, (0.0, 0.0, touch + side * radius))
    seen = pixels(hand, body)
    assert len(seen.back if behind else seen.front) > 50

    def settled(z: float) -> float:
        at = np.array([0.0, 0.0, z])
        for _ in range(4):
            at = at + align_contact(moved(hand, at), body, seen).shift
        return float(at[2])

    # A flat palm touches a cylinder along a line, so on average its points lie off it: 7 mm for this one.
    own = settled(0.0)
    assert abs(own) < 0.01
    assert settled(offset) == pytest.approx(own, abs=0.001)
