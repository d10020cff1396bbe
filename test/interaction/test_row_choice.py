"""Which rows terms choose, on an open hand and plain bodies at known distances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plain_bodies
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import HandState
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.rows import Kind, RowBlock
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.contact import ContactTerm
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.interaction.terms.penetration import PenetrationTerm
from hoi_perception.interaction.terms.rigidity import RigidityTerm
from hoi_perception.types import Side

Array = NDArray[np.float64]
UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Turns an instrument's z to the hand's back (+y)."""
INDEX_PAD = 1


class OverBox:
    """An open right hand, palm to -y, over a box under its index pad: its lowest point is `gap` over the upper side."""

    def __init__(self, body: HandBody, gap: float, shape: str = "box", half: float = 0.01) -> None:
        bodies = Bodies((body,), (plain_bodies.body(shape),))
        self.engine = Engine(bodies, [np.zeros(10)])
        self.hand = HandState(np.array([[0.0, 0.0, 0.5]]), np.eye(3)[None], np.zeros((1, 45)))
        self.zones = body.points.zones
        tool = InstrumentState(UP[None], np.array([[0.0, -0.3, 0.5]]), np.zeros((1, 0)))
        self.engine.place(SceneState.of([self.hand], [tool]), correct=True)
        points = self.engine.hand_points()[0, 0].copy()
        pad = points[np.flatnonzero(self.zones == INDEX_PAD)].mean(axis=0)
        near = (np.abs(points[:, 0] - pad[0]) < 0.05) & (np.abs(points[:, 2] - pad[2]) < 0.03)
        near[body.points.n_surface :] = False
        self.lowest = int(np.flatnonzero(near)[points[near, 1].argmin()])
        self.top = points[self.lowest, 1] - gap
        base = np.array([pad[0], self.top - half, pad[2]])
        self.state = SceneState.of([self.hand], [replace(tool, t=base[None])])

    def geometry(self, index: int = 0, state: SceneState | None = None) -> Geometry:
        self.engine.place(state or self.state, correct=True)
        return Geometry(Snapshot(self.engine, index), 0)

    def residuals(self, blocks: list[RowBlock], state: SceneState | None = None) -> Array:
        self.engine.take_rows([blocks])
        self.engine.place(state or self.state, correct=True)
        return self.engine.evaluate().residual[0].copy()


def test_contact_draws_the_nearest_points_of_each_zone(hands: dict[Side, HandBody]) -> None:
    scene, term = OverBox(hands[Side.RIGHT], 0.005), ContactTerm(0, 0, sigma=0.001, reach=(0.02, 0.004))
    geometry = scene.geometry()
    (block,) = term.rows(geometry)
    distance, zones = geometry.distances(0, 0)[0], scene.zones[: len(geometry.distances(0, 0)[0])]
    assert distance.min() == pytest.approx(0.005, abs=2e-5)
    drawn = set(zones[block.p.point])
    assert -1 not in drawn
    assert drawn == {z for z in range(11) if distance[zones == z].min() < 0.02}
    assert len(drawn) < 11, "no zone is out of reach: the test shows nothing"
    for zone in drawn:
        own = block.p.point[zones[block.p.point] == zone]
        nearest = np.sort(distance[zones == zone])
        expected = nearest[:6][nearest[:6] < max(nearest[0], 0.0) + 0.001]
        np.testing.assert_allclose(np.sort(distance[own]), expected, rtol=0, atol=1e-12)
        # However many of its points are drawn, a zone pulls as one contact.
        assert (block.weight[zones[block.p.point] == zone] ** 2).sum() == pytest.approx(1.0 / 0.001**2)
    assert block.robust == 0.5 * 0.02 / 0.001
    assert term.rows(scene.geometry(1)) == []
    assert block.kind is Kind.FIELD
    assert block.hinge == 0


def test_contact_without_upsampling_draws_vertices_only(hands: dict[Side, HandBody]) -> None:
    geometry = OverBox(hands[Side.RIGHT], 0.005).geometry()
    assert ContactTerm(0, 0).active(geometry).max() >= 778
    assert ContactTerm(0, 0, upsampled=False).active(geometry).max() < 778


def test_far_away_nothing_touches_and_nothing_penetrates(hands: dict[Side, HandBody]) -> None:
    geometry = OverBox(hands[Side.RIGHT], 0.1).geometry()
    assert ContactTerm(0, 0).rows(geometry) == []
    assert PenetrationTerm(0, 0).rows(geometry) == []


@pytest.mark.parametrize("gap", [0.003, -0.002])
def test_penetration_counts_what_is_inside(hands: dict[Side, HandBody], gap: float) -> None:
    scene, term = OverBox(hands[Side.RIGHT], gap), PenetrationTerm(0, 0, sigma=(0.001,), margin=0.004, most=5)
    geometry = scene.geometry()
    points = geometry.hand_points(0)[: hands[Side.RIGHT].points.n_surface]
    base = scene.state.base[0, 0]
    over = (np.abs(points[:, 0] - base[0]) < 0.045) & (np.abs(points[:, 2] - base[2]) < 0.025)
    height = points[:, 1] - scene.top
    block = term.rows(geometry)[0]
    assert block.kind is Kind.FIELD
    chosen = np.zeros(len(points), dtype=bool)
    chosen[block.p.point] = True
    clear = over & (np.abs(height - 0.004) > 1e-4) & (height > -0.008)
    np.testing.assert_array_equal(chosen[clear], height[clear] < 0.004)
    inside = int((geometry.distances(0, 0)[0] < 0.0).sum())
    assert (inside > 0) == (gap < 0)
    np.testing.assert_allclose(block.weight, np.sqrt(min(1.0, 5 / max(inside, 1))) / 0.001)
    found = scene.residuals([block]) / block.weight
    flat = over[block.p.point] & (np.abs(height[block.p.point]) < 0.005)
    np.testing.assert_allclose(found[flat], np.minimum(height[block.p.point[flat]], 0.0), rtol=0, atol=3e-5)


def test_samples_of_the_instrument_are_driven_out_of_the_hand(hands: dict[Side, HandBody]) -> None:
    """Their rows measure how deep each sample is under the skin."""
    scene = OverBox(hands[Side.RIGHT], -0.004)
    geometry = scene.geometry()
    near = geometry.nearest_on_hand(0, 0)
    (block,) = [b for b in PenetrationTerm(0, 0, margin=0.002).rows(geometry) if b.kind is Kind.PLANE]
    local = scene.engine.bodies.instruments[0].samples
    index = [int(np.flatnonzero((local == place).all(axis=1))[0]) for place in block.p.local]
    assert set(index) == set(np.flatnonzero((near.face >= 0) & (near.distance < 0.002)))
    depth = near.distance[index]
    assert (depth < 0.0).sum() > 2
    found = scene.residuals([replace(block, hinge=0)]) / block.weight
    np.testing.assert_allclose(found, depth, rtol=0.25, atol=5e-5)
    held = scene.residuals([block])
    np.testing.assert_array_equal(held < 0.0, found < 0.0)
    np.testing.assert_array_equal(held[found >= 0.0], 0.0)


def test_a_hand_deep_inside_makes_no_more_rows_than_there_is_room_for(hands: dict[Side, HandBody]) -> None:
    scene = OverBox(hands[Side.RIGHT], -0.07, "thick cylinder", 0.15)
    geometry = scene.geometry()
    inside = int((geometry.distances(0, 0)[0] < 0.0).sum())
    assert inside > 500
    term = PenetrationTerm(0, 0, sigma=(0.001,), most=20, room=200)
    block = term.rows(geometry)[0]
    assert 100 <= len(block) <= 200
    assert np.ptp(block.p.point) > 500
    assert (block.weight**2).sum() == pytest.approx(20 / 0.001**2 * len(block) / max(20, len(block)), rel=0.1)


def test_rigidity_holds_places_on_the_instrument(hands: dict[Side, HandBody]) -> None:
    scene = OverBox(hands[Side.RIGHT], 0.0)
    geometry = scene.geometry()
    points = np.array([scene.lowest, 0, 100])
    R, t = geometry.links(0)
    places = (geometry.hand_points(0)[points] - t[0]) @ R[0]
    term = RigidityTerm(0, 0, points, np.zeros(3, dtype=np.int64), places, sigma=0.001, slip=0.004)
    blocks = term.rows(geometry)
    np.testing.assert_allclose(scene.residuals(blocks), 0.0, rtol=0, atol=1e-9)
    together = np.r_[0.01, 0.02, -0.03, np.zeros(48), 0.01, 0.02, -0.03, np.zeros(3)][None]
    np.testing.assert_allclose(
        scene.residuals(blocks, scene.engine.bodies.moved(scene.state, together)), 0.0, rtol=0, atol=1e-9
    )
    slipped = np.r_[np.zeros(51), 0.001, np.zeros(5)][None]
    found = scene.residuals(blocks, scene.engine.bodies.moved(scene.state, slipped))
    # One millimetre is one standard deviation shared by three points, and loses little to the robust weight.
    expected = 1.0 / np.sqrt(3.0) * 16.0 / 17.0
    np.testing.assert_allclose(np.sort(np.abs(found)), [0.0] * 6 + [expected] * 3, rtol=1e-6, atol=1e-9)
    many = np.arange(500)
    crowd = RigidityTerm(0, 0, many, np.zeros(500, dtype=np.int64), np.zeros((500, 3)), most=80)
    assert sum(map(len, crowd.rows(geometry))) <= 240


def landmarks(points: Array, **changes: Array) -> LandmarkTerm:
    return replace(LandmarkTerm(0, points, np.ones(21), np.zeros(21), np.ones(21)), **changes)


def test_landmarks_that_are_not_finite_or_have_no_weight_make_no_rows(hands: dict[Side, HandBody]) -> None:
    scene = OverBox(hands[Side.RIGHT], 0.1)
    geometry = scene.geometry()
    points = np.random.default_rng(0).normal(size=(21, 2)) * 0.1
    broken = points.copy()
    broken[3, 0], broken[7, 1] = np.nan, np.inf
    weight = np.ones(21)
    weight[0], weight[1] = 0.0, np.nan
    depth = np.zeros(21)
    depth[5] = np.nan
    first = hands[Side.RIGHT].points.first_landmark
    x, y, z = landmarks(broken, weight=weight, depth=depth).rows(geometry)
    expected = np.setdiff1d(np.arange(21), [0, 1, 3, 7])
    for block in (x, y):
        np.testing.assert_array_equal(block.p.point - first, expected)
    np.testing.assert_array_equal(z.p.point - first, np.setdiff1d(np.arange(21), [5]))
    assert all(np.isfinite(block.target).all() and np.isfinite(block.direction).all() for block in (x, y, z))
    assert np.isfinite(scene.residuals([x, y, z])).all()
    nothing = landmarks(np.full((21, 2), np.nan)).rows(geometry)
    assert sum(map(len, nothing)) == 0
    assert scene.residuals(nothing).shape == (0,)


def test_a_landmark_where_it_is_costs_nothing(hands: dict[Side, HandBody]) -> None:
    scene = OverBox(hands[Side.RIGHT], 0.1)
    geometry = scene.geometry()
    x = geometry.hand_points(0)[hands[Side.RIGHT].points.first_landmark :]
    uv = x[:, :2] / x[:, 2:]
    ray = np.append(uv.mean(axis=0), 1.0)
    behind = (x - x[0]) @ (ray / np.linalg.norm(ray)) / x[0, 2]
    assert len(landmarks(uv, depth=behind).rows(geometry)) == 3
    np.testing.assert_allclose(scene.residuals(landmarks(uv, depth=behind).rows(geometry)), 0.0, rtol=0, atol=1e-12)
    off = uv + np.array([0.01, -0.02])
    found = scene.residuals([replace(b, robust=0.0) for b in landmarks(off).rows(geometry)[:2]])
    np.testing.assert_allclose(found, np.repeat([-0.01, 0.02], 21), rtol=1e-9)
