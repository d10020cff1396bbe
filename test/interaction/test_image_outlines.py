"""Contours of drawn masks, outlines of convex bodies, and which of them belong together."""

from __future__ import annotations

import numpy as np
import plain_bodies
import pytest
from scipy.spatial import ConvexHull

from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.outline import PIECE_M
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.outlines import covered, hidden_by, supports
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Distortion

CAMERA = Camera(np.array([[500.0, 0.0, 319.5], [0.0, 500.0, 239.5], [0.0, 0.0, 1.0]]), 640, 480)
Y, X = np.mgrid[:480, :640]


def disc(x: float, y: float, radius: float) -> np.ndarray:
    return np.asarray((X - x) ** 2 + (Y - y) ** 2 <= radius**2)


def pixels(contour: MaskContour) -> np.ndarray:
    return contour.points * 500.0 + np.array([319.5, 239.5])


@pytest.mark.parametrize("centre", [(300.0, 200.0), (100.3, 380.7)])
@pytest.mark.parametrize("radius", [20.0, 80.0])
def test_contour_of_a_disc(centre: tuple[float, float], radius: float) -> None:
    contour = MaskContour.of(disc(*centre, radius), CAMERA)
    off = pixels(contour) - np.array(centre)
    length = np.linalg.norm(off, axis=1)
    assert 60 <= len(length) < 320
    # A blur of 2.5 px draws a circle in by about sigma^2 / (2 radius): 0.16 px at a radius of 20 px.
    assert abs((length - radius).mean()) < 0.2
    assert np.abs(length - radius).max() < 0.7
    outward = off / length[:, None]
    assert (contour.normals * outward).sum(axis=1).min() > np.cos(np.radians(6.0))
    np.testing.assert_allclose(np.linalg.norm(contour.normals, axis=1), 1.0, rtol=0, atol=1e-9)
    assert np.diff(np.sort(np.arctan2(off[:, 1], off[:, 0]))).max() < np.radians(8.0)
    assert contour.pixel == 1.0 / 500.0


def test_contour_of_a_rectangle_lies_between_pixels() -> None:
    mask = np.zeros((480, 640), dtype=bool)
    mask[100:200, 150:400] = True
    contour = MaskContour.of(mask, CAMERA)
    x, y = pixels(contour).T
    for value, target, along, normal in (
        (x, 149.5, y, (-1, 0)),
        (x, 399.5, y, (1, 0)),
        (y, 99.5, x, (0, -1)),
        (y, 199.5, x, (0, 1)),
    ):
        low, high = (100, 200) if along is y else (150, 400)
        on = (np.abs(value - target) < 3) & (along > low + 12) & (along < high - 12)
        assert on.sum() > 5
        np.testing.assert_allclose(value[on], target, rtol=0, atol=0.1)
        np.testing.assert_allclose(contour.normals[on], np.tile(normal, (on.sum(), 1)), rtol=0, atol=0.01)


def test_normals_point_into_a_hole() -> None:
    contour = MaskContour.of(disc(300, 200, 100) & ~disc(300, 200, 40), CAMERA)
    off = pixels(contour) - np.array([300.0, 200.0])
    radius = np.linalg.norm(off, axis=1)
    inner = radius < 70
    assert inner.sum() > 20
    assert ((contour.normals * off).sum(axis=1)[inner] < 0).all()
    assert ((contour.normals * off).sum(axis=1)[~inner] > 0).all()


def test_where_the_image_ends_a_mask_has_no_contour() -> None:
    contour = MaskContour.of(disc(0.0, 470.0, 100.0), CAMERA)
    x, y = pixels(contour).T
    assert len(x) > 30
    assert x.min() > 2.0
    assert y.max() < 477.0
    np.testing.assert_allclose(np.hypot(x, y - 470.0), 100.0, rtol=0, atol=1.5)
    assert len(MaskContour.of(np.ones((480, 640), dtype=bool), CAMERA).points) == 0


def test_the_lens_is_taken_out() -> None:
    lens = Camera(CAMERA.K, 640, 480, Distortion.PLUMB_BOB, np.array([-0.3, 0.1, 0.0, 0.0, 0.0]))
    bent, straight = MaskContour.of(disc(560, 240, 30), lens), MaskContour.of(disc(560, 240, 30), CAMERA)
    assert bent.points[:, 0].max() > straight.points[:, 0].max() + 0.01
    np.testing.assert_allclose(np.linalg.norm(bent.normals, axis=1), 1.0, rtol=0, atol=1e-9)


@pytest.mark.parametrize("mask", [np.zeros((480, 640), dtype=bool), disc(300, 200, 0.1), np.zeros((0, 0), dtype=bool)])
def test_nothing_to_follow_gives_no_points(mask: np.ndarray) -> None:
    contour = MaskContour.of(mask, CAMERA)
    assert contour.points.shape == contour.normals.shape == (0, 2)


@pytest.mark.parametrize("shape", ["sphere", "box", "cylinder"])
def test_outline_of_a_convex_body_is_the_hull_of_its_picture(shape: str) -> None:
    """All of the hull is covered and every place lies on it."""
    model = plain_bodies.model(shape)
    vertices, _ = model.links[0].surface()
    rng = np.random.default_rng(0)
    R = rotation_from_axis_angle(rng.normal(size=(6, 3)))
    t = np.array([0.0, 0.0, 0.4]) + rng.normal(size=(6, 3)) * 0.05
    outlines = seen_outlines(shape, R, t)
    assert len(outlines) == 6
    for b, (_, uv) in enumerate(outlines):
        seen = vertices @ R[b].T + t[b]
        hull = ConvexHull(seen[:, :2] / seen[:, 2:])
        beyond = (uv @ hull.equations[:, :2].T + hull.equations[:, 2]).max(axis=1)
        # The middle of a nearly straight pair of facets may be inside by what separates them.
        np.testing.assert_allclose(beyond, 0.0, rtol=0, atol=1e-6)
        corners = hull.points[hull.vertices]
        perimeter = np.concatenate(
            [np.linspace(a, c, 50) for a, c in zip(corners, np.roll(corners, -1, 0), strict=True)]
        )
        gap = np.linalg.norm(perimeter[:, None] - uv[None], axis=2).min(axis=1).max()
        assert gap < 0.75 * PIECE_M / seen[:, 2].min()


def test_the_outline_moves_with_its_link() -> None:
    """Turning camera and body together about the line of sight turns the picture."""
    R, t = rotation_from_axis_angle(np.array([0.4, 0.1, -0.8])), np.array([0.02, 0.01, 0.3])
    spin = rotation_from_axis_angle(np.array([0.0, 0.0, 1.0]))
    outlines = seen_outlines("cylinder", np.stack([R, spin @ R]), np.stack([t, spin @ t]))
    (first, seen), (second, spun) = outlines
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(spun, seen @ spin[:2, :2].T, rtol=0, atol=1e-12)


def test_places_are_where_their_edges_are() -> None:
    R, t = rotation_from_axis_angle(np.array([[0.4, 0.1, -0.8]])), np.array([[0.02, 0.01, 0.3]])
    index, seen = seen_outlines("box", R, t)[0]
    places = plain_bodies.body("box").edges.places[index] @ R[0].T + t[0]
    np.testing.assert_allclose(seen, places[:, :2] / places[:, 2:], rtol=0, atol=1e-12)
    assert len(index) > 0


def test_what_is_behind_the_camera_has_no_outline() -> None:
    (ahead, _), (behind, _) = seen_outlines("box", np.tile(np.eye(3), (2, 1, 1)), np.array([[0, 0, 0.4], [0, 0, -0.4]]))
    assert len(ahead) > 0
    assert len(behind) == 0


def seen_outlines(shape: str, R: np.ndarray, t: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Outlines of a body in several poses."""
    engine = Engine(Bodies((), (plain_bodies.body(shape),)), [], len(R))
    engine.place(SceneState.of([], [InstrumentState(R, t, np.zeros((len(R), 0)))]))
    return engine.outlines(0)


def test_all_candidates_are_looked_at_wherever_they_are() -> None:
    """A second way: every place against every contour point, contours and outlines of very different extent."""
    rng = np.random.default_rng(5)
    for size, reach, aside in ((0.3, 0.03, 0.01), (0.01, 0.2, 0.02), (1.0, 0.05, 0.05), (0.3, 0.01, 0.003)):
        points, angles = rng.normal(size=(150, 2)) * size, rng.uniform(0.0, 2.0 * np.pi, 150)
        normals = np.column_stack([np.cos(angles), np.sin(angles)])
        outline = np.concatenate([rng.normal(size=(2000, 2)) * size, rng.normal(size=(50, 2)) * 10.0])
        outline = np.concatenate([outline, outline[::7]])
        off = outline[None] - points[:, None]
        out, beside = (off * normals[:, None]).sum(axis=2), off[..., 1] * normals[:, :1] - off[..., 0] * normals[:, 1:]
        out[(np.abs(beside) >= aside) | (np.abs(out) >= reach)] = -np.inf
        expected = np.where(out.max(axis=1) > -np.inf, out.argmax(axis=1), -1)
        assert (expected >= 0).sum() > 20
        np.testing.assert_array_equal(supports(MaskContour(points, normals, 0.001), outline, aside, reach), expected)


def test_support_is_the_place_farthest_out_within_reach() -> None:
    points = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    contour = MaskContour(points, np.array([[1.0, 0.0], [0.0, -1.0], [1.0, 0.0]]), 0.002)
    outline = np.array([[0.1, 0.0], [0.3, 0.009], [0.4, 0.02], [0.9, 0.0], [-0.2, 0.0], [0.0, 0.45], [0.005, -0.1]])
    found = supports(contour, outline, 0.01, 0.5)
    # Along x: 1 (2 is aside, 3 too far); along -y: 6, which lies farther out than 5; near (1, 1) there is nothing.
    np.testing.assert_array_equal(found, [1, 6, -1])


@pytest.mark.parametrize("faces", [[[0, 1, 2]], [[0, 2, 1]]])
def test_covered_is_within_a_face_or_near_a_corner(faces: list[list[int]]) -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    points = np.array([[0.2, 0.2], [0.6, 0.6], [-0.05, -0.05], [1.08, 0.0], [0.5, -0.05], [-0.2, 0.5]])
    found = covered(points, corners, np.array(faces, dtype=np.int32), 0.1)
    np.testing.assert_array_equal(found, [True, False, True, True, False, False])


def test_a_hand_behind_the_camera_hides_nothing() -> None:
    contour = MaskContour.of(disc(320, 240, 50), CAMERA)
    vertices = np.zeros((778, 3))
    faces = np.zeros((1538, 3), dtype=np.int32)
    assert not hidden_by(contour, vertices - np.array([0.0, 0.0, 0.5]), faces).any()
