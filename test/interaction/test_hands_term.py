"""Two hands that share space are parted, and hands that do not are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from term_scenes import Scene, held, open_hand

from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.hands import HandHandTerm
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.types import N_VERTICES, Side

WITHIN = HandHandTerm(margin=0.0, opposed=1.1)
"""All vertices that are inside, whichever way they face."""


@pytest.fixture(scope="module")
def scene(hands: dict[Side, HandBody], posture: AnglePrior) -> Scene:
    return Scene(Bodies((hands[Side.LEFT], hands[Side.RIGHT])), posture, 2048)


def palms(apart: float) -> SceneState:
    """Both palms facing each other, fingers alike: the left hand is the right one in a mirror, a little aside.

    The wrists are `apart`, the right one farther from the camera. No vertex is in line with one of the other hand.
    """
    right = open_hand((0.0, 0.0, 0.5))
    turned = np.diag([-1.0, 1.0, -1.0]) @ right.rotation[0]
    left = HandState(np.array([[-0.00031, 0.00017, 0.5 - apart]]), turned[None], right.angles)
    return SceneState.of([left, right])


def depths(scene: Scene, state: SceneState) -> np.ndarray:
    """How deep vertices of each hand are in the other (m), by the metrics' meshes."""
    geometry = scene.geometry(state)
    found = []
    for h, other in ((0, 1), (1, 0)):
        mesh = ClosedMesh.of_hand(geometry.hand_points(other)[:N_VERTICES], scene.bodies.hands[other].faces)
        found.append(-mesh.signed_distance(geometry.hand_points(h)[:N_VERTICES]))
    return np.concatenate(found)


def touching(scene: Scene) -> float:
    """The distance apart at which the palms just touch."""
    low, high = 0.0, 0.1
    for _ in range(12):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if depths(scene, palms(middle)).max() > 0.0 else (low, middle)
    return high


def test_hands_that_are_apart_make_no_rows(scene: Scene) -> None:
    apart = touching(scene) + 0.004
    assert HandHandTerm().rows(scene.geometry(palms(apart))) == []
    far = palms(0.3)
    assert HandHandTerm().rows(scene.geometry(far)) == []


def test_the_set_holds_what_is_inside_and_opposed_and_says_how_deep(scene: Scene) -> None:
    state = palms(touching(scene) - 0.008)
    geometry = scene.geometry(state)
    blocks = replace(WITHIN, rho=1e6).rows(geometry)
    deep = depths(scene, state)
    expected = np.flatnonzero(deep > 0.0)
    assert len(expected) > 15
    found = np.concatenate([block.p.point + N_VERTICES * block.p.body for block in blocks])
    # Signs differ only for what is no deeper than the mesh is bent between its vertices.
    assert deep[np.setxor1d(found, expected)].max(initial=0.0) < 0.0002
    scene.engine.take_rows([blocks])
    scene.engine.place(state)
    residual = scene.engine.evaluate().residual[0]
    weight = np.concatenate([block.weight for block in blocks])
    both = deep[found] > 0.0005
    assert -residual[both] / weight[both] == pytest.approx(deep[found[both]], rel=0.15)
    for block in HandHandTerm().rows(geometry):
        h, other = int(block.p.body[0]), int(block.q.body[0])
        cosine = (block.direction * geometry.hand_normals(h)[block.p.point]).sum(axis=1)
        assert cosine.max() < -0.3 and {h, other} == {0, 1}


def test_geman_mcclure_is_one_half_at_rho(scene: Scene) -> None:
    state = palms(touching(scene) - 0.004)
    blocks = replace(WITHIN, rho=0.002**2).rows(scene.geometry(state))
    scene.engine.take_rows([blocks])
    found = scene.engine.evaluate()
    weight = np.concatenate([block.weight for block in blocks])
    plain = [replace(block, robust=0.0) for block in blocks]
    robust_cost = found.cost[0].copy()
    scene.engine.take_rows([plain])
    squared = scene.engine.evaluate().cost[0] / weight**2
    assert robust_cost / weight**2 / 0.002**2 == pytest.approx(squared / (squared + 0.002**2))


def test_derivatives(scene: Scene) -> None:
    assert scene.gradients_agree([HandHandTerm()], palms(touching(scene) - 0.005)) < 1e-5


def test_overlapping_palms_are_parted_by_the_least_way(scene: Scene) -> None:
    apart = touching(scene)
    start = palms(apart - 0.006)
    before = depths(scene, start).max()
    firm = held(scene.bodies, turn=0.001, angles=0.001, place=0.1)
    firm[scene.bodies.columns(1)][:3] = 1e4
    end = scene.solve([HandHandTerm()], start, firm).state
    assert before > 0.004
    assert depths(scene, end).max() < 0.0005
    moved = end.wrist[0, 0] - start.wrist[0, 0]
    assert moved[2] == pytest.approx(-0.006, abs=0.0012)
    assert np.abs(moved[:2]).max() < 0.002
