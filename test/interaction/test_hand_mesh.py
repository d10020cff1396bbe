"""Which side of a hand's surface points are on, and how far from it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.grasps import grasp_angles
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.surface import face_normals, vertex_normals
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.hand_mesh import HandMesh, NearestOnHand
from hoi_perception.interaction.state import SceneState
from hoi_perception.types import Side

Array = NDArray[np.float64]


class Posed:
    """A hand in a named grasp with its mesh for queries."""

    def __init__(self, body: HandBody, grasp: str) -> None:
        engine = Engine(Bodies((body,)), [np.zeros(10)])
        angles = grasp_angles()[grasp].reshape(1, 45)
        engine.place(SceneState.of([HandState(np.array([[0.0, 0.0, 0.5]]), np.eye(3)[None], angles)]), correct=True)
        self.vertices = np.array(engine.hand_points()[0, 0, :778])
        self.normals = vertex_normals(self.vertices, body.faces)
        self.mesh = HandMesh(body.points.rest[:778], body.faces)

    def nearest(self, points: Array, reach: float = 0.012) -> NearestOnHand:
        return self.mesh.nearest(self.vertices, self.normals, points, reach)


def winding_number(points: Array, vertices: Array, faces: NDArray[np.int32]) -> Array:
    """How often a closed mesh goes round points (van Oosterom and Strackee's solid angles)."""
    a, b, c = (vertices[faces[:, i]][None] - points[:, None] for i in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=2) for x in (a, b, c))
    volume = (a * np.cross(b, c)).sum(axis=2)
    rest = la * lb * lc + (a * b).sum(axis=2) * lc + (b * c).sum(axis=2) * la + (c * a).sum(axis=2) * lb
    return np.asarray(np.arctan2(volume, rest).sum(axis=1) / (2.0 * np.pi))


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(("grasp", "wrong"), [("flat", 0.0), ("tripod", 0.02), ("power", 0.03)])
def test_signs_are_those_of_the_winding_number(
    hands: dict[Side, HandBody], side: Side, grasp: str, wrong: float
) -> None:
    """Everywhere but at the open wrist of a flat hand; a bent one folds into itself, and a few points see the fold."""
    posed, rng = Posed(hands[side], grasp), np.random.default_rng(0)
    points = posed.vertices[rng.integers(0, 778, 500)] + rng.normal(size=(500, 3)) * 0.005
    near = posed.nearest(points)
    inside = winding_number(points, posed.mesh.surface.vertices(posed.vertices), posed.mesh.faces) > 0.5
    at_wrist = np.isin(posed.mesh.faces, [*posed.mesh.surface.loop, 778]).any(axis=1)
    of_skin = (near.face >= 0) & ~at_wrist[near.face] & (np.abs(near.distance) > 0.0001)
    assert of_skin.sum() > 400
    assert inside[of_skin].sum() > 100
    assert ((near.distance < 0.0) != inside)[of_skin].mean() <= wrong


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("height", [-0.0002, 0.0002, 0.001])
def test_distances_from_the_middle_of_faces(hands: dict[Side, HandBody], side: Side, height: float) -> None:
    posed, faces = Posed(hands[side], "flat"), hands[side].faces
    normals = face_normals(posed.vertices, faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    near = posed.nearest(posed.vertices[faces].mean(axis=1) + height * normals)
    own = near.face == np.arange(1538)
    assert own.mean() > 0.9
    np.testing.assert_allclose(near.distance[own], height, rtol=0, atol=1e-6)
    np.testing.assert_allclose(near.weights[own], 1.0 / 3.0, rtol=0, atol=0.01)
    assert (np.abs(near.distance) <= abs(height) + 1e-6).all()


def test_beyond_reach_there_is_no_face(hands: dict[Side, HandBody]) -> None:
    posed = Posed(hands[Side.RIGHT], "flat")
    top = posed.vertices[posed.vertices[:, 1].argmax()]
    near = posed.nearest(top + np.array([[0.0, 0.011, 0.0], [0.0, 0.013, 0.0]]))
    np.testing.assert_array_equal(near.face >= 0, [True, False])
    np.testing.assert_allclose(near.distance[0], 0.011, rtol=0, atol=1e-6)
