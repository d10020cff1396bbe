"""Volumes of intersection: analytic, by trimesh's voxels, and by exact booleans."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instruments.library import Library
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.intersection import iv_cm3, iv_exact_cm3, iv_surface_cm3
from hoi_perception.metrics.keys import METRICS


def box(size: tuple[float, float, float], at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> ClosedMesh:
    mesh = trimesh.creation.box(size)
    return ClosedMesh(np.array(mesh.vertices) + at, np.array(mesh.faces))


def ball(radius: float, at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> ClosedMesh:
    mesh = trimesh.creation.icosphere(5, radius)
    return ClosedMesh(np.array(mesh.vertices) + at, np.array(mesh.faces))


def as_trimesh(mesh: ClosedMesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


def held(name: str, seed: int) -> tuple[ClosedMesh, ClosedMesh]:
    """The open hand, and the largest link of an instrument put through its palm in some direction."""
    model, rng = HandModel.load(), np.random.default_rng(seed)
    vertices, faces = max((link.surface() for link in Library.find().get(name).links), key=lambda s: len(s[1]))
    R, R_hand = Rotation.random(2, random_state=seed).as_matrix()
    hand = np.asarray(model.template).reshape(-1, 3) @ R_hand.T + [0.02, -0.03, 0.5]
    middle = hand.mean(axis=0) + rng.uniform(-0.005, 0.005, 3)
    return ClosedMesh.of_hand(hand, model.faces), ClosedMesh((vertices - vertices.mean(axis=0)) @ R.T + middle, faces)


def test_two_boxes() -> None:
    """Boxes of 20 x 30 x 40 mm, one moved by (12, 20, 30) mm: they share 8 x 10 x 10 mm, 0.8 cm³."""
    one, two = box((0.02, 0.03, 0.04)), box((0.02, 0.03, 0.04), (0.012, 0.02, 0.03))
    assert iv_exact_cm3(one, two) == pytest.approx(0.8, rel=1e-9)
    for hand, body in ((one, two), (two, one)):
        # touched voxels stand out of the object by half a voxel on average: up to 8.5 x 10.5 x 10.5 mm
        assert 0.8 <= iv_cm3(hand, body, 0.001) < 1.03
        assert iv_cm3(hand, body, 0.0002) == pytest.approx(0.8, rel=0.05)


def test_a_box_counted_by_hand() -> None:
    """A box of 9.8 mm in a larger one: at 5 mm its sides at ±4.9 mm fall in the voxels at ±5 mm, so 3³ voxels."""
    around, body = box((0.1, 0.1, 0.1)), box((0.0098, 0.0098, 0.0098))
    assert iv_cm3(around, body, 0.005) == pytest.approx(27 * 0.125)
    assert iv_surface_cm3(around, body, 0.005) == pytest.approx(26 * 0.125)  # all but the middle one
    half = box((0.1, 0.1, 0.1), (0.053, 0.0, 0.0))  # from x = 3 mm on: the centres at x = 5 mm only
    assert iv_cm3(half, body, 0.005) == pytest.approx(9 * 0.125)


def test_the_lens_of_two_balls() -> None:
    """Radius r, centres d apart: pi (4 r + d) (2 r - d)² / 12."""
    r, d = 0.02, 0.025
    lens = np.pi * (4 * r + d) * (2 * r - d) ** 2 / 12 * 1e6
    one, two = ball(r), ball(r, (0.0, 0.0, d))
    assert iv_exact_cm3(one, two) == pytest.approx(lens, rel=0.005)
    assert iv_cm3(one, two, 0.00025) == pytest.approx(lens, rel=0.06)


@pytest.mark.parametrize(
    ("name", "seed", "pitch"),
    [
        *[(name, seed, 0.005) for name, seed in (("kelly_haemostat", 1), ("scalpel_15", 2), ("cube", 3), ("mug", 4))],
        ("kelly_haemostat", 1, 0.001),
        ("scalpel_15", 2, 0.001),
    ],
)
def test_a_held_instrument_as_the_scripts_count(name: str, seed: int, pitch: float) -> None:
    """Releases of trimesh cut surfaces up in slightly different ways, so that single voxels at corners differ."""
    hand, body = held(name, seed)
    voxels, closed = as_trimesh(body).voxelized(pitch), as_trimesh(hand)
    surface = closed.contains(voxels.points).sum() * pitch**3 * 1e6
    assert surface > 0.2
    few = max(0.05 * surface, 2 * pitch**3 * 1e6)
    assert iv_surface_cm3(hand, body, pitch) == pytest.approx(surface, abs=few)
    filled = closed.contains(voxels.fill().points).sum() * pitch**3 * 1e6
    assert iv_cm3(hand, body, pitch) == pytest.approx(filled, abs=few)


def quartered(corners: np.ndarray, longest: float) -> np.ndarray:
    """Corners of faces, each cut in four at the middles of its edges until none is too long: trimesh before 5."""
    edges = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    long = (edges > longest).any(axis=1)
    if not long.any():
        return corners.reshape(-1, 3)
    a, b, c = np.moveaxis(corners[long], 1, 0)
    ab, bc, ca = 0.5 * (a + b), 0.5 * (b + c), 0.5 * (c + a)
    four = [np.stack(f, axis=1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
    return np.concatenate([corners[~long].reshape(-1, 3), quartered(np.concatenate(four), longest)])


@pytest.mark.parametrize(("name", "seed", "pitch"), [("kelly_haemostat", 1, 0.002), ("cube", 3, 0.005)])
def test_touched_voxels_one_by_one(name: str, seed: int, pitch: float) -> None:
    """A voxel may differ where its centre is within rounding of the hand's surface."""
    hand, body = held(name, seed)
    voxels = np.unique(np.round(quartered(body.vertices[body.faces], 0.5 * pitch) / pitch), axis=0)
    expected = int(as_trimesh(hand).contains(voxels * pitch).sum())
    assert iv_surface_cm3(hand, body, pitch) / (pitch**3 * 1e6) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("name", "seed"), [("kelly_haemostat", 5), ("cube", 6)])
def test_exact_volume_by_trimesh(name: str, seed: int) -> None:
    hand, body = held(name, seed)
    expected = as_trimesh(hand).intersection(as_trimesh(body), engine="manifold").volume * 1e6
    assert expected > 0.2
    assert iv_exact_cm3(hand, body) == pytest.approx(expected, rel=1e-4)


def test_parts_of_an_object_that_overlap_count_once() -> None:
    """Boxes of 20 mm, one moved by 10 mm: in a box that holds both, 12 cm³ and not 16."""
    one, two = box((0.02, 0.02, 0.02)), box((0.02, 0.02, 0.02), (0.01, 0.0, 0.0))
    both = ClosedMesh(np.concatenate([one.vertices, two.vertices]), np.concatenate([one.faces, two.faces + 8]))
    around = box((0.1, 0.1, 0.1))
    assert iv_exact_cm3(around, both) == pytest.approx(12.0, rel=1e-6)
    assert iv_cm3(around, both, 0.0005) == pytest.approx(12.0, rel=0.08)


def test_bodies_apart_share_nothing() -> None:
    one, two = box((0.02, 0.02, 0.02)), box((0.02, 0.02, 0.02), (0.0, 0.5, 0.0))
    assert iv_cm3(one, two, 0.005) == iv_surface_cm3(one, two, 0.005) == iv_exact_cm3(one, two) == 0.0


def test_keys_state_the_pitch() -> None:
    hand, body = held("scalpel_15", 7)
    assert METRICS["iv_cm3@5mm"].function(hand, body) == iv_cm3(hand, body, 0.005)
    assert METRICS["iv_cm3@1mm"].function(hand, body) == iv_cm3(hand, body, 0.001)
    assert METRICS["iv_surface_cm3@5mm"].function(hand, body) == iv_surface_cm3(hand, body, 0.005)


def test_without_manifold3d_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "manifold3d", None)
    with pytest.raises(ModuleNotFoundError, match=r"hoi_perception\[instruments\]"):
        iv_exact_cm3(box((0.02, 0.02, 0.02)), box((0.02, 0.02, 0.02)))


def test_a_voxel_has_an_edge() -> None:
    with pytest.raises(ValueError, match="positive length"):
        iv_cm3(box((0.02, 0.02, 0.02)), box((0.02, 0.02, 0.02)), 0.0)
