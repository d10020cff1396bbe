"""Contacts told from bodies in known places, with errors of known size."""

from __future__ import annotations

from dataclasses import replace
from math import erf, sqrt

import numpy as np
import pytest
from example_scenes import example_hand, example_instrument, example_scene
from numpy.typing import NDArray
from term_scenes import Scene, at, open_hand, plate, rod

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.contact import ContactSettings, Pair, contacts, place_on_hand
from hoi_perception.interaction.state import SceneState
from hoi_perception.ros.conversions.sendable import sendable_contacts
from hoi_perception.scene_transform import transform_scene
from hoi_perception.types import N_VERTICES, Contacts, HandZone, Side

Array = NDArray[np.float64]
RADIUS = 0.002
ACROSS = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
INSTRUMENT = slice(51, 57)


class Held:
    """An open hand, palm to the camera, and a rod across the index finger's second segment: no wider than the finger,
    so that it is nearest to the skin in one place."""

    def __init__(self, side: Side, hand: HandBody, posture: AnglePrior) -> None:
        self.scene = Scene(Bodies((hand,), (rod(RADIUS, 0.01),)), posture)
        geometry = self.scene.geometry(SceneState.of([open_hand()], [at(np.array([0.0, 0.0, 0.3]))]))
        self.vertices = geometry.hand_points(0)[:N_VERTICES].copy()
        self.middle = self.vertices[hand.points.zones[:N_VERTICES] == 6].mean(axis=0)
        self.skin = self._least_gap(0.0)

    def _least_gap(self, z: float) -> float:
        """Depth of the rod's axis at which it just touches, by bisection on the distances of a dense skin."""
        triangles = self.vertices[self.scene.bodies.hands[0].points.faces]
        share = np.array([(i, j, 12 - i - j) for i in range(13) for j in range(13 - i)]) / 12.0
        near = np.linalg.norm(triangles.mean(axis=1) - self.middle, axis=1) < 0.02
        skin = np.einsum("sc,fca->fsa", share, triangles[near]).reshape(-1, 3)
        along = np.abs(skin[:, 1] - self.middle[1]) < 0.005
        off = RADIUS**2 - (skin[:, 0] - self.middle[0]) ** 2
        over = along & (off > 0.0)
        return float((skin[over, 2] - np.sqrt(off[over])).min())

    def state(self, gap: float) -> SceneState:
        """The rod `gap` before the skin (m, negative inside)."""
        return SceneState.of([open_hand()], [at(np.array([*self.middle[:2], self.skin - gap]), ACROSS)])

    def found(self, gap: float, covariance: Array | None = None, settings: ContactSettings | None = None) -> Contacts:
        C = np.zeros((57, 57)) if covariance is None else covariance
        return contacts(self.scene.engine, self.state(gap), C, Pair(0, 0, 7, 9), settings)


@pytest.fixture(scope="module", params=list(Side))
def held(request: pytest.FixtureRequest, hands: dict[Side, HandBody], posture: AnglePrior) -> Held:
    return Held(request.param, hands[request.param], posture)


def test_faces_are_those_of_the_hand_model_of_that_side(hands: dict[Side, HandBody]) -> None:
    for side, body in hands.items():
        assert (body.faces == HandModel.load(None, side).faces).all()


@pytest.mark.parametrize("gap", [0.003, 0.001, 0.0003])
def test_a_rod_before_a_finger_has_one_contact_at_its_distance(held: Held, gap: float) -> None:
    found = held.found(gap)
    assert found.zones.tolist() == [HandZone.INDEX]
    assert (found.hand_track_id, found.instrument_track_id) == (7, 9)
    assert found.signed_distances == pytest.approx([gap], abs=0.0001)
    # From the axis to the skin lies the radius, then the gap.
    axis = held.state(gap).base[0, 0]
    off = found.points_camera[0] - axis
    assert np.linalg.norm(off[[0, 2]]) == pytest.approx(RADIUS, abs=0.0001)
    # The rod has 24 facets.
    assert found.normals_camera[0] == pytest.approx([off[0] / RADIUS, 0.0, off[2] / RADIUS], abs=np.pi / 18.0)
    place = place_on_hand(held.vertices, held.scene.bodies.hands[0].faces.astype(np.int64), found)
    assert place[0] == pytest.approx(found.points_camera[0] + gap * found.normals_camera[0], abs=0.00015)
    assert found.links is not None and found.links.tolist() == [0]
    assert found.barycentric is not None and found.barycentric.sum(axis=1) == pytest.approx([1.0])


@pytest.mark.parametrize("gap", [-0.0005, -0.001])
def test_a_rod_in_a_finger_has_a_negative_distance(held: Held, gap: float) -> None:
    assert held.found(gap).signed_distances.min() == pytest.approx(gap, abs=0.0002)


def test_what_is_farther_than_the_reach_is_no_contact(held: Held) -> None:
    none = held.found(0.0055)
    assert len(none.zones) == 0 and none.covariances is not None and none.covariances.shape == (0, 3, 3)
    assert len(held.found(0.0055, settings=ContactSettings(reach=0.006)).zones) == 1


def test_the_probability_of_touch_is_that_of_a_gaussian_about_the_distance(held: Held) -> None:
    C = np.zeros((57, 57))
    C[53, 53] = 0.002**2
    found = held.found(0.001, C, ContactSettings(touch=0.0025, surface_sigma=0.0005))
    sigma = np.hypot(0.002 * found.normals_camera[0, 2], 0.0005)
    expected = 0.5 * (1.0 + erf((0.0025 - found.signed_distances[0]) / sigma / sqrt(2.0)))
    assert found.confidences == pytest.approx([expected], abs=1e-6)
    assert 0.70 < expected < 0.80
    assert held.found(0.001).confidences[0] == pytest.approx(0.5 * (1 + erf(3.0 / sqrt(2.0))), abs=0.001)
    assert held.found(0.0025, C).confidences[0] == pytest.approx(0.5, abs=0.02)


def test_the_variance_of_the_distance_is_that_of_poses_drawn_from_the_covariance(held: Held) -> None:
    rng = np.random.default_rng(0)
    root = np.zeros((57, 57))
    root[:6, :6] = np.tril(rng.normal(size=(6, 6))) * np.array([2e-4] * 3 + [1e-3] * 3)[:, None]
    root[INSTRUMENT, INSTRUMENT] = np.diag([2e-4, 2e-4, 2e-4, 5e-3, 5e-3, 5e-3])
    start, engine = held.state(0.001), held.scene.engine
    told = held.found(0.001, root @ root.T, ContactSettings(surface_sigma=0.0))
    z = (0.0025 - told.signed_distances[0]) / _probit(float(told.confidences[0]))
    draws = []
    for _ in range(150):
        moved = held.scene.bodies.moved(start, (root @ rng.normal(size=57))[None])
        draws.append(contacts(engine, moved, np.zeros((57, 57))).signed_distances.min())
    # The error of a standard deviation from 150 draws is 6 %.
    assert np.std(draws) == pytest.approx(z, rel=0.2)


def test_a_point_follows_the_hand_along_the_surface_and_the_instrument_across_it(held: Held) -> None:
    sigma = np.diag([1e-6, 4e-6, 9e-6])
    n = held.found(0.001).normals_camera[0]
    across, along = np.outer(n, n), np.eye(3) - np.outer(n, n)
    mirror = np.diag([held.scene.bodies.hands[0].sign, 1.0, 1.0])
    hand, instrument = np.zeros((57, 57)), np.zeros((57, 57))
    hand[:3, :3], instrument[51:54, 51:54] = mirror @ sigma @ mirror, sigma
    by_hand, by_instrument = (held.found(0.001, C).covariances for C in (hand, instrument))
    assert by_hand is not None and by_hand[0] == pytest.approx(along @ sigma @ along, abs=1e-11)
    assert by_instrument is not None and by_instrument[0] == pytest.approx(across @ sigma @ across, abs=1e-11)
    as_one = np.zeros((57, 6))
    as_one[:3, :3], as_one[51:54, :3] = mirror, np.eye(3)
    both = held.found(0.001, as_one[:, :3] @ sigma @ as_one[:, :3].T, ContactSettings(surface_sigma=1e-9))
    assert both.covariances is not None and both.covariances[0] == pytest.approx(sigma, abs=1e-11)
    # Moved as one they keep their distance: there is no doubt that they touch.
    assert both.confidences[0] == pytest.approx(1.0)


def test_a_plate_before_the_whole_hand_has_contacts_on_several_parts_that_are_apart(
    hands: dict[Side, HandBody], posture: AnglePrior
) -> None:
    scene = Scene(Bodies((hands[Side.RIGHT],), (plate(0.002, 0.3),)), posture)
    vertices = scene.geometry(SceneState.of([open_hand()], [at(np.array([0.1, 0.0, 0.3]))])).hand_points(0)
    front = float(vertices[:N_VERTICES, 2].min())
    state = SceneState.of([open_hand()], [at(np.array([0.1, 0.0, front - 0.002]))])
    found = contacts(scene.engine, state, np.zeros((57, 57)), settings=ContactSettings(reach=0.02))
    assert found.signed_distances[0] == pytest.approx(0.001, abs=0.0001)
    assert (np.diff(found.signed_distances) >= 0.0).all()
    assert found.points_camera[:, 2] == pytest.approx(np.full(len(found.zones), front - 0.001), abs=0.0001)
    place = place_on_hand(vertices, hands[Side.RIGHT].faces.astype(np.int64), found)
    assert place[:, 2] - front + 0.001 == pytest.approx(found.signed_distances, abs=0.0001)
    off = np.linalg.norm(found.points_camera[:, None] - found.points_camera[None], axis=2)
    assert (off + np.eye(len(off))).min() >= 0.004
    assert {HandZone.THUMB, HandZone.PALM} < set(found.zones.tolist())


def _probit(p: float) -> float:
    """Where a normal distribution has the probability `p`, by bisection."""
    low, high = -8.0, 8.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if 0.5 * (1.0 + erf(middle / sqrt(2.0))) < p else (low, middle)
    return 0.5 * (low + high)


def test_some_contacts_keep_all_that_is_known_of_them(held: Held) -> None:
    found = held.found(0.001)
    twice = found.take(np.array([0, 0]))
    assert twice.covariances is not None and twice.covariances.shape == (2, 3, 3)
    none = twice.take(np.array([False, False]))
    assert none.faces is not None and len(none.faces) == len(none.zones) == 0 and none.hand_track_id == 7


def test_contacts_that_are_not_finite_are_not_sent_and_the_others_keep_their_places(held: Held) -> None:
    found = held.found(0.001).take(np.array([0, 0]))
    broken = replace(found, hand_track_id=3, instrument_track_id=11, confidences=np.array([np.nan, 0.5]))
    scene = replace(example_scene(), hands=(example_hand(),), instruments=(example_instrument(),), contacts=(broken,))
    (sent,) = sendable_contacts(scene)
    assert sent.confidences.tolist() == [0.5]
    assert sent.covariances is not None and sent.covariances.shape == (1, 3, 3)


def test_in_another_frame_the_variance_along_the_normal_is_the_same(held: Held) -> None:
    C = np.diag(np.linspace(1e-6, 4e-6, 57))
    found = held.found(0.001, C)
    R = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    turned = transform_scene(example_scene(contacts=(found,)), R, np.array([0.1, 0.2, 0.3]), "base").contacts[0]
    before, after = (
        np.einsum("ca,cab,cb->c", c.normals_camera, c.covariances, c.normals_camera) for c in (found, turned)
    )
    assert after == pytest.approx(before) and before.min() > 1e-6
    assert found.covariances is not None and turned.covariances is not None
    assert turned.covariances[0] == pytest.approx(R @ found.covariances[0] @ R.T)
