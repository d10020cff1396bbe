"""Silhouette rows against masks that are rendered from bodies in known places."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from term_scenes import CAMERA, Scene, at, held, open_hand, rod

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.hand_outline import hand_outline
from hoi_perception.interaction.mask_distance import MaskDistance
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.silhouettes import HandSilhouetteTerm, InstrumentSilhouetteTerm
from hoi_perception.rendering import rasterise
from hoi_perception.types import N_VERTICES, Side

Mask = NDArray[np.bool_]
FOCAL = 600.0


@pytest.fixture(scope="module", params=list(Side))
def scene(request: pytest.FixtureRequest, hands: dict[Side, HandBody], posture: AnglePrior) -> Scene:
    return Scene(Bodies((hands[request.param],)), posture)


def disc(radius: float = 60.0, middle: tuple[float, float] = (320.0, 240.0)) -> Mask:
    x, y = np.meshgrid(np.arange(640), np.arange(480))
    return np.asarray(np.hypot(x - middle[0], y - middle[1]) <= radius)


def on_plane(px: NDArray[np.float64]) -> NDArray[np.float64]:
    return (px - np.array([320.0, 240.0])) / FOCAL


def hand_mask(scene: Scene, state: SceneState) -> Mask:
    vertices = scene.geometry(state).hand_points(0)[:N_VERTICES]
    return rasterise(vertices, scene.bodies.hands[0].faces, CAMERA).mask


def silhouette(mask: Mask, unknown: Mask | None = None) -> HandSilhouetteTerm:
    contour = MaskContour.of(mask, CAMERA)
    hidden = np.zeros(len(contour.points), dtype=bool)
    return HandSilhouetteTerm(0, MaskDistance.of(mask, CAMERA, unknown), contour, hidden)


def test_the_nearest_place_of_a_disc_lies_on_the_ray_from_its_middle() -> None:
    angles = np.linspace(0.0, 6.0, 25)
    ray = np.column_stack([np.cos(angles), np.sin(angles)])
    off = MaskDistance.of(disc(), CAMERA).off(on_plane(np.array([320.0, 240.0]) + 75.3 * ray))
    # The border of the pixels is within 0.75 px of the circle round their centres, half a pixel out.
    assert np.abs(off.distance_px - 15.3).max() < 0.8
    # A pixel 4.5 px aside is 0.8 px farther away, which is all that pixels tell apart.
    assert (off.normals * ray).sum(axis=1).min() > np.cos(np.arctan2(4.5, 15.3))
    assert np.abs(np.linalg.norm(off.border * FOCAL, axis=1) - 60.0).max() < 0.8


def test_nothing_is_known_on_the_mask_where_something_may_hide_outside_the_window_and_outside_the_image() -> None:
    wall = np.zeros((480, 640), dtype=bool)
    wall[:, 400:420] = True
    places = on_plane(np.array([[320.0, 240.0], [410.0, 240.0], [460.0, 240.0], [395.0, 240.0], [-50.0, 240.0]]))
    off = MaskDistance.of(disc(), CAMERA, wall, reach_px=70).off(places)
    assert off.distance_px == pytest.approx([0.0, 0.0, 0.0, 4.5, 0.0])
    assert off.border[3] * FOCAL == pytest.approx([79.5, 0.0]) and off.normals[3] == pytest.approx([-1.0, 0.0])
    # Beside the wall, 10 px to the right of its last pixel: the wall is as good as mask.
    assert MaskDistance.of(disc(), CAMERA, wall, 100).off(on_plane(np.array([[429.0, 240.0]]))).distance_px[0] == 9.5


def test_an_empty_mask_says_nothing() -> None:
    empty = MaskDistance.of(np.zeros((480, 640), dtype=bool), CAMERA)
    assert empty.off(np.array([[0.0, 0.0], [0.1, 0.2]])).distance_px == pytest.approx([0.0, 0.0])
    assert not empty.near(MaskContour.of(disc(), CAMERA)).any()


def test_the_outline_of_a_hand_encloses_its_silhouette(scene: Scene) -> None:
    state = SceneState.of([open_hand()])
    vertices = scene.geometry(state).hand_points(0)[:N_VERTICES]
    outline = hand_outline(scene.bodies.hands[0].points, vertices)
    contour = MaskContour.of(hand_mask(scene, state), CAMERA)
    seen = outline.places[:, :2] / outline.places[:, 2:]
    gap = np.linalg.norm(contour.points[:, None] - seen[None], axis=2).min(axis=1) * FOCAL
    # All but the border of the open wrist, which is no part of the outline.
    assert np.quantile(gap, 0.85) < 1.6
    faces = scene.bodies.hands[0].faces
    longest = np.linalg.norm(vertices[faces] - vertices[np.roll(faces, 1, axis=1)], axis=2).max()
    assert np.linalg.norm(outline.places - vertices[outline.vertices], axis=1).max() < 0.5 * longest


def test_a_hand_inside_its_mask_has_no_vertex_rows_and_one_beside_it_has_rows_of_known_length(scene: Scene) -> None:
    state = SceneState.of([open_hand()])
    mask = hand_mask(scene, state)
    grown = MaskDistance.of(mask, CAMERA)
    geometry = scene.geometry(SceneState.of([open_hand((0.02, 0.0, 0.5))]), index=1)
    shifted = next(b for b in silhouette(mask).rows(geometry) if b.hinge == 1)
    residual = shifted.target[:, :2] * FOCAL
    assert (grown.off(shifted.target[:, :2] + shifted.direction[:, :2] * 3.0 / FOCAL).distance_px > 0.5).all()
    vertices = geometry.hand_points(0)[shifted.p.point]
    out = ((vertices[:, :2] / vertices[:, 2:] * FOCAL - residual) * shifted.direction[:, :2]).sum(axis=1)
    assert out.min() > 0.0 and out.max() < 20.0
    back = scene.geometry(state)
    inside = [b for b in silhouette(mask).rows(back) if b.hinge == 1]
    # Tips of what is thinner than a pixel stand out of the rendered mask.
    assert sum(len(b) for b in inside) < 4 < len(shifted)
    everything = MaskDistance.of(mask, CAMERA, np.ones_like(mask))
    contour = MaskContour(np.zeros((0, 2)), np.zeros((0, 2)), 1.0 / FOCAL)
    assert HandSilhouetteTerm(0, everything, contour, np.zeros(0, dtype=bool)).rows(geometry) == []


def test_where_an_instrument_may_cover_it_a_hand_may_reach_beyond_the_mask_but_not_fall_short(scene: Scene) -> None:
    state = SceneState.of([open_hand()])
    mask = hand_mask(scene, state)
    contour = MaskContour.of(mask, CAMERA)
    bar = np.zeros_like(mask)
    bar[:, 420:440] = True
    hidden = MaskDistance.of(bar, CAMERA).near(contour)
    x = contour.points[:, 0] * FOCAL + 320.0
    assert (hidden == ((x > 414.2) & (x < 444.8)))[np.abs(x - 414.2) > 1.0].all()
    term = HandSilhouetteTerm(0, MaskDistance.of(mask, CAMERA, bar), contour, np.ones(len(x), dtype=bool))
    small, large = (scene.geometry(SceneState.of([open_hand((0.0, 0.0, z))]), 2) for z in (0.53, 0.47))
    rows = {name: [b for b in term.rows(g) if b.hinge == -1] for name, g in (("small", small), ("large", large))}
    costs = {}
    for name, z in (("small", 0.53), ("large", 0.47)):
        scene.engine.take_rows([rows[name]])
        scene.engine.place(SceneState.of([open_hand((0.0, 0.0, z))]), correct=True)
        costs[name] = float(scene.engine.evaluate().cost.sum())
    assert costs["small"] > 20.0 * costs["large"]


def test_derivatives(scene: Scene) -> None:
    mask = hand_mask(scene, SceneState.of([open_hand()]))
    assert scene.gradients_agree([silhouette(mask)], SceneState.of([open_hand((0.007, 0.004, 0.52))])) < 1e-5


def test_a_shifted_hand_comes_back_into_its_mask(scene: Scene) -> None:
    truth = SceneState.of([open_hand()])
    term = silhouette(hand_mask(scene, truth))
    start = SceneState.of([open_hand((0.015, -0.010, 0.5))])
    solution = scene.solve([term], start, held(scene.bodies, turn=0.001, angles=0.001))
    assert solution.state.wrist[0, 0, :2] == pytest.approx([0.0, 0.0], abs=0.001)


def test_mask_that_a_hand_leaves_uncovered_draws_it_nearer(scene: Scene) -> None:
    term = silhouette(hand_mask(scene, SceneState.of([open_hand()])))
    start = SceneState.of([open_hand((0.0, 0.0, 0.55))])
    solution = scene.solve([term], start, held(scene.bodies, turn=0.001, angles=0.001))
    assert solution.state.wrist[0, 0, 2] == pytest.approx(0.5, abs=0.006)


def test_a_rod_beside_its_mask_goes_back_to_it(posture: AnglePrior) -> None:
    body = rod(0.004)
    scene = Scene(Bodies((), (body,)), posture)
    x, y = np.meshgrid(np.arange(640), np.arange(480))
    mask = (np.abs(x - 320) <= 72) & (np.abs(y - 240) <= 4)
    term = InstrumentSilhouetteTerm(0, MaskDistance.of(np.asarray(mask), CAMERA))
    start = SceneState.of([], [at(np.array([0.0, 0.012, 0.5]))])
    assert scene.gradients_agree([term], start) < 1e-5
    # Going farther away would fit it into the mask too.
    depth_known = held(scene.bodies, spin=0.001)
    depth_known[2] = 1000.0
    solution = scene.solve([term], start, depth_known)
    # The rod is 9.6 px thick, the mask 9 px: it fits to within the pixel that does not count, 0.83 mm.
    assert solution.state.base[0, 0, 1] == pytest.approx(0.0, abs=0.001)
    inside = InstrumentSilhouetteTerm(0, MaskDistance.of(np.ones((480, 640), dtype=bool), CAMERA))
    assert inside.rows(scene.geometry(start)) == []


def test_nothing_seen_and_bodies_behind_the_camera_make_no_rows(scene: Scene, posture: AnglePrior) -> None:
    nothing = np.zeros((480, 640), dtype=bool)
    state, behind = SceneState.of([open_hand()]), SceneState.of([open_hand((0.0, 0.0, -0.5))])
    assert silhouette(nothing).rows(scene.geometry(state)) == []
    assert silhouette(disc()).rows(scene.geometry(behind)) == []
    tool = Scene(Bodies((), (rod(0.004),)), posture)
    term = InstrumentSilhouetteTerm(0, MaskDistance.of(disc(), CAMERA))
    assert term.rows(tool.geometry(SceneState.of([], [at(np.array([0.0, 0.0, -0.5]))]))) == []
