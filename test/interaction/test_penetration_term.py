"""Thin tools that have been pushed into a finger, and fingers pushed through a blade, come out where they went in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from term_scenes import Scene, at, held, open_hand, plate, rod

from hoi_perception.hands.contact_zones import palmar_directions
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.entries import Entries
from hoi_perception.interaction.palmar import palmar_normals
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.penetration import PenetrationTerm
from hoi_perception.types import N_VERTICES, Side

Array = NDArray[np.float64]
ACROSS = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
RADIUS = 0.001
SIDES = [Side.LEFT, Side.RIGHT]


@dataclass(frozen=True)
class Finger:
    """The middle of the index finger's second segment of an open hand whose palm looks to the camera: its skin on the
    palm's side and on the back lie at `palm` and `back` (m along z)."""

    scene: Scene
    middle: Array
    palm: float
    back: float

    def with_rod(self, share: float) -> SceneState:
        """The rod across the finger, its axis at a share of the thickness from the palm's side."""
        z = self.palm + share * (self.back - self.palm)
        return SceneState.of([open_hand()], [at(np.array([*self.middle[:2], z]), ACROSS)])

    def solved(self, term: PenetrationTerm, start: SceneState) -> float:
        """Where the rod ends up, as a share of the thickness, when it may move through the finger and the hand may not
        move."""
        firm = held(self.scene.bodies, place=1e-5, turn=1e-5, angles=1e-5, base=1e-4, spin=0.01)
        firm[self.scene.bodies.columns(1)][2] = 10.0
        z = self.scene.solve([term], start, firm, (6, 6, 6, 6)).state.base[0, 0, 2]
        return float((z - self.palm) / (self.back - self.palm))

    def out_at_the_palm(self, end: float) -> bool:
        """Whether the rod just touches the skin on the palm's side; skin that slopes may keep it a little off."""
        return -self.touching - 0.1 < end < -self.touching + 0.03

    @property
    def touching(self) -> float:
        """Share of the thickness by which the rod is off the skin when it just touches."""
        return RADIUS / (self.back - self.palm)


@pytest.fixture(scope="module", params=SIDES)
def finger(request: pytest.FixtureRequest, hands: dict[Side, HandBody], posture: AnglePrior) -> Finger:
    scene = Scene(Bodies((hands[request.param],), (rod(RADIUS, 0.02),)), posture)
    far = SceneState.of([open_hand()], [at(np.array([0.0, 0.0, 0.3]))])
    geometry = scene.geometry(far)
    vertices = geometry.hand_points(0)[:N_VERTICES]
    middle = vertices[hands[request.param].points.zones[:N_VERTICES] == 6].mean(axis=0)
    ahead = np.array([[0.0, 0.0, -1.0]])
    inside = middle + np.array([0.0, 0.0, 0.005])
    ways = [geometry.mesh(0).ways_out(vertices, inside[None], d, 0.04).distance[0] for d in (ahead, -ahead)]
    return Finger(scene, inside, float(inside[2] + ways[0]), float(inside[2] - ways[1]))


def test_a_finger_is_as_thick_as_fingers_are(finger: Finger) -> None:
    assert 0.010 < finger.back - finger.palm < 0.020


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("from_the_palm", [True, False])
def test_a_rod_comes_out_where_it_went_in(finger: Finger, share: float, from_the_palm: bool) -> None:
    before, start = (-0.3, share) if from_the_palm else (1.3, 1.0 - share)
    scene = finger.scene
    none = Entries.none(scene.bodies, 0, 0)
    entries = none.after(scene.geometry(finger.with_rod(before)))
    end = finger.solved(PenetrationTerm(0, 0, entries=entries), finger.with_rod(start))
    assert finger.out_at_the_palm(end if from_the_palm else 1.0 - end)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_without_memory_a_rod_in_a_finger_goes_to_the_side_of_the_palm(finger: Finger, share: float) -> None:
    entries = Entries.none(finger.scene.bodies, 0, 0)
    end = finger.solved(PenetrationTerm(0, 0, entries=entries), finger.with_rod(share))
    assert finger.out_at_the_palm(end)


def test_without_memory_what_touches_the_back_of_a_finger_stays_there(finger: Finger) -> None:
    entries = Entries.none(finger.scene.bodies, 0, 0)
    end = finger.solved(PenetrationTerm(0, 0, entries=entries), finger.with_rod(1.0))
    assert finger.out_at_the_palm(1.0 - end)


def test_without_entries_the_nearest_surface_is_the_way_out(finger: Finger) -> None:
    assert finger.solved(PenetrationTerm(0, 0), finger.with_rod(0.9)) > 1.0


def test_memory_lasts_while_a_rod_goes_deeper_from_frame_to_frame(finger: Finger) -> None:
    scene = finger.scene
    entries = Entries.none(scene.bodies, 0, 0)
    for share in (-0.2, 0.2, 0.5, 0.8, 1.0):
        entries = entries.after(scene.geometry(finger.with_rod(share)))
    assert finger.out_at_the_palm(finger.solved(PenetrationTerm(0, 0, entries=entries), finger.with_rod(1.0)))
    outside = entries.after(scene.geometry(finger.with_rod(1.4)))
    once_more = outside.after(scene.geometry(finger.with_rod(-0.4)))
    assert not once_more.samples.inside.any()
    assert finger.out_at_the_palm(finger.solved(PenetrationTerm(0, 0, entries=once_more), finger.with_rod(0.8)))


def test_derivatives(finger: Finger) -> None:
    scene = finger.scene
    entries = Entries.none(scene.bodies, 0, 0).after(scene.geometry(finger.with_rod(-0.3)))
    assert scene.gradients_agree([PenetrationTerm(0, 0, entries=entries)], finger.with_rod(0.7)) < 1e-5


@pytest.fixture(scope="module")
def blade(hands: dict[Side, HandBody], posture: AnglePrior) -> tuple[Scene, Callable[[float], SceneState]]:
    """An open hand and a thin plate before its index finger; the function puts the plate's middle that far behind
    (m) the skin nearest to the camera there."""
    scene = Scene(Bodies((hands[Side.RIGHT],), (plate(),)), posture)
    geometry = scene.geometry(SceneState.of([open_hand()], [at(np.array([0.0, 0.0, 0.3]))]))
    vertices = geometry.hand_points(0)[: hands[Side.RIGHT].points.n_surface]
    middle = vertices[hands[Side.RIGHT].points.zones[: len(vertices)] == 1].mean(axis=0)
    over = np.abs(vertices[:, :2] - middle[:2]).max(axis=1) < 0.019
    skin = float(vertices[over, 2].min())
    return scene, lambda depth: SceneState.of([open_hand()], [at(np.array([*middle[:2], skin + depth]))])


def test_points_beyond_the_middle_of_a_blade_are_those_on_its_other_side(
    blade: tuple[Scene, Callable[[float], SceneState]],
) -> None:
    scene, behind = blade
    before = scene.geometry(behind(-0.002))
    entries = Entries.none(scene.bodies, 0, 0).after(before)
    assert len(entries.crossed(before).points) == 0
    now = scene.geometry(behind(0.003))
    crossed = entries.crossed(now)
    local = now.hand_points(0)[: len(entries.points.link)] - now.links(0)[1][0]
    over = np.abs(local[:, :2]).max(axis=1) < 0.0198
    assert sorted(crossed.points) == np.flatnonzero(over & (local[:, 2] < 0.0)).tolist()
    assert len(crossed.points) > 10
    assert crossed.normals == pytest.approx(np.tile([0.0, 0.0, 1.0], (len(crossed.points), 1)), abs=0.01)
    assert crossed.surface[:, 2] == pytest.approx(np.full(len(crossed.points), 0.0002), abs=0.00005)


def test_a_finger_pushed_through_a_blade_goes_back(blade: tuple[Scene, Callable[[float], SceneState]]) -> None:
    scene, behind = blade
    entries = Entries.none(scene.bodies, 0, 0).after(scene.geometry(behind(-0.002)))
    start = behind(0.002)
    firm = held(scene.bodies, place=1e-5, turn=1e-5, angles=1e-5, base=0.01, spin=0.01)
    end = scene.solve([PenetrationTerm(0, 0, entries=entries)], start, firm).state
    touching = behind(-0.0002).base[0, 0, 2]
    assert end.base[0, 0, 2] == pytest.approx(touching, abs=0.0003)


def test_a_point_that_went_round_the_edge_of_a_blade_has_not_crossed_it(
    blade: tuple[Scene, Callable[[float], SceneState]],
) -> None:
    scene, behind = blade
    geometry = scene.geometry(behind(-0.002))
    point = int(geometry.hand_points(0)[:N_VERTICES, 0].argmax())
    place = geometry.hand_points(0)[point]

    def seen_at(local: tuple[float, float, float]) -> SceneState:
        return SceneState.of([open_hand()], [at(place - np.array(local))])

    entries = Entries.none(scene.bodies, 0, 0).after(scene.geometry(seen_at((0.018, 0.0, 0.002))))
    assert point in entries.crossed(scene.geometry(seen_at((0.018, 0.0, -0.002)))).points
    assert point not in entries.crossed(scene.geometry(seen_at((0.025, 0.0, -0.002)))).points


def test_the_palms_side_of_bones_at_rest_is_that_of_the_contact_zones(
    hand_model: HandModel, hands: dict[Side, HandBody], posture: AnglePrior
) -> None:
    scene = Scene(Bodies((hands[Side.RIGHT],)), posture)
    rest = scene.geometry(SceneState.of([open_hand(turn=np.eye(3))]))
    cosine = (palmar_normals(hands[Side.RIGHT].points, rest.hand_normals(0)) * palmar_directions(hand_model)).sum(
        axis=1
    )
    # The thumb's are the least flat.
    assert cosine.min() > 0.8 and np.median(cosine) > 0.97
