"""Depth rows against surfaces that are rendered from bodies in known places."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from term_scenes import CAMERA, Scene, at, held, open_hand, rod

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.depth_points import ANY, DepthPoints
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.depth import DepthTerm
from hoi_perception.rendering import rasterise
from hoi_perception.types import N_VERTICES, Side

Array = NDArray[np.float64]
TRUTH = SceneState.of([open_hand()])


@pytest.fixture(scope="module", params=list(Side))
def scene(request: pytest.FixtureRequest, hands: dict[Side, HandBody], posture: AnglePrior) -> Scene:
    return Scene(Bodies((hands[request.param],)), posture)


def seen_hand(scene: Scene, body: int = 0) -> DepthPoints:
    vertices = scene.geometry(TRUTH).hand_points(0)[:N_VERTICES]
    raster = rasterise(vertices, scene.bodies.hands[0].faces, CAMERA)
    depth = np.where(raster.mask, raster.depth, np.nan).astype(np.float32)
    return DepthPoints.of(depth, CAMERA, [(body, raster.mask)])


def facing_line(radius: float, place: Array) -> Array:
    """Points of a rod along x that face the camera."""
    x, angle = np.meshgrid(np.linspace(-0.05, 0.05, 12), np.linspace(-1.2, 1.2, 7))
    around = np.column_stack([x.ravel(), radius * np.sin(angle.ravel()), -radius * np.cos(angle.ravel())])
    return np.asarray(place + around)


def test_points_are_where_pixels_and_depths_say() -> None:
    depth = np.full((480, 640), 0.6, dtype=np.float32)
    depth[:, 400:] = 0.8
    depth[100] = np.nan
    mask = np.zeros((480, 640), dtype=bool)
    mask[90:110, 390:410] = True
    seen = DepthPoints.of(depth, CAMERA, [(3, mask), (ANY, mask)], most=10_000)
    x, y = seen.points[:, :2].T / seen.points[:, 2] * 600.0 + np.array([[320.0], [240.0]])
    # Without the row that has no depth and the two beside it, and without both sides of the step.
    assert sorted(set(np.rint(y).astype(int))) == [*range(90, 99), *range(102, 110)]
    assert sorted(set(np.rint(x).astype(int))) == [*range(390, 399), *range(401, 410)]
    assert (seen.points[:, 2] == np.where(x < 399.5, np.float32(0.6), np.float32(0.8))).all()
    assert np.bincount(seen.bodies + 1)[[0, 4]].tolist() == [17 * 18, 17 * 18]
    assert len(DepthPoints.of(depth, CAMERA, [(0, np.zeros_like(mask))]).points) == 0


def test_a_residual_is_the_distance_along_the_normal_over_an_error_that_grows_with_depth_squared(scene: Scene) -> None:
    geometry = scene.geometry(TRUTH)
    vertices, normals = geometry.hand_points(0)[:N_VERTICES], geometry.hand_normals(0)
    palm = np.flatnonzero(scene.bodies.hands[0].points.zones[:N_VERTICES] == 10)
    points = vertices[palm] + 0.002 * normals[palm]
    term = DepthTerm(DepthPoints(points, np.zeros(len(palm), dtype=np.int64)), 0.001, 0.004, most=10_000)
    (block,) = term.rows(geometry)
    assert block.weight == pytest.approx(1.0 / (0.001 + 0.004 * points[:, 2] ** 2))
    scene.engine.take_rows([[block]])
    # The robust factor at 2 mm of a 15 mm scale is 1 / (1 + (2 / 15)^2).
    whitened = scene.engine.evaluate().residual[0]
    gap = -whitened / block.weight
    assert np.median(gap) == pytest.approx(0.002 / (1 + (2 / 15) ** 2), rel=0.005)
    # In the hollow of the palm another place of the surface is nearer.
    assert gap.min() > 0.0014 and gap.max() < 0.002


def test_derivatives(scene: Scene) -> None:
    assert scene.gradients_agree([DepthTerm(seen_hand(scene))], SceneState.of([open_hand((0.004, 0.0, 0.51))])) < 1e-5


@pytest.mark.parametrize("shift", [(0.004, -0.003, 0.015), (-0.004, 0.003, -0.015)])
def test_a_hand_in_front_of_or_behind_its_points_goes_back_to_them(scene: Scene, shift: tuple[float, ...]) -> None:
    start = SceneState.of([open_hand(np.array([0.0, 0.0, 0.5]) + shift)])
    solution = scene.solve([DepthTerm(seen_hand(scene))], start, held(scene.bodies, turn=0.001, angles=0.001))
    assert solution.state.wrist[0, 0] == pytest.approx([0.0, 0.0, 0.5], abs=0.0012)


@pytest.mark.parametrize("shift", [(0.002, 0.010), (-0.002, -0.010)])
def test_a_thin_rod_in_front_of_or_behind_its_points_goes_back_to_them(
    posture: AnglePrior, shift: tuple[float, float]
) -> None:
    scene = Scene(Bodies((), (rod(0.002),)), posture)
    points = facing_line(0.002, np.array([0.0, 0.0, 0.5]))
    term = DepthTerm(DepthPoints(points, np.zeros(len(points), dtype=np.int64)))
    start = SceneState.of([], [at(np.array([0.0, shift[0], 0.5 + shift[1]]))])
    assert scene.gradients_agree([term], start) < 1e-5
    # Five radii off, planes turn a good deal from round to round. Along the rod its points say nothing.
    solution = scene.solve([term], start, held(scene.bodies, spin=0.01, base=0.1), (6, 6, 6, 6, 6, 6))
    assert solution.state.base[0, 0, 1:] == pytest.approx([0.0, 0.5], abs=0.0001)


def test_points_of_no_known_body_belong_to_the_nearest(hands: dict[Side, HandBody], posture: AnglePrior) -> None:
    scene = Scene(Bodies((hands[Side.RIGHT],), (rod(0.002),)), posture)
    place = np.array([0.0, 0.0, 0.43])
    geometry = scene.geometry(SceneState.of([open_hand()], [at(place)]))
    on_rod = facing_line(0.002, place) + np.array([0.0, 0.0, 0.001])
    on_hand = geometry.hand_points(0)[:N_VERTICES][scene.bodies.hands[0].points.zones[:N_VERTICES] == 10]
    nowhere = np.array([[0.3, 0.2, 0.9]])
    points = np.concatenate([on_rod, on_hand, nowhere])
    seen = DepthPoints(points, np.full(len(points), ANY))
    blocks = DepthTerm(seen, most=10_000).rows(geometry)
    assert [len(b) for b in blocks] == [len(on_hand), len(on_rod)]
    assert (blocks[0].p.body == 0).all() and (blocks[1].p.body == 1).all()
    # A label overrules what is near: the hand's points are then too far from the rod to count.
    labelled = DepthPoints(points, np.full(len(points), 1))
    assert [set(b.p.body) for b in DepthTerm(labelled).rows(geometry)] == [{1}]
    assert DepthTerm(DepthPoints(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))).rows(geometry) == []


def test_a_body_behind_the_camera_has_no_depth_rows(posture: AnglePrior) -> None:
    scene = Scene(Bodies((), (rod(0.002),)), posture)
    points = facing_line(0.002, np.array([0.0, 0.0, 0.5]))
    term = DepthTerm(DepthPoints(points, np.full(len(points), ANY)))
    assert term.rows(scene.geometry(SceneState.of([], [at(np.array([0.0, 0.0, -0.5]))]))) == []
