"""Random joint problems: states near a camera that looks along z, rows of every kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.grasps import grasp_angles
from hoi_perception.hands.kinematics import HandState
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.state import SceneState
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]
SECOND_VIEW = (rotation_from_axis_angle(np.array([0.1, -0.5, 0.2])), np.array([0.25, 0.03, 0.05]))
VIEWS = [SECOND_VIEW]


def random_state(bodies: Bodies, rng: np.random.Generator, batch: int = 1) -> SceneState:
    """Hands in grasps and instruments, all turned at random, half a metre off and within reach of each other."""
    power = grasp_angles()["power"].reshape(45)
    mirrored = np.array([-1.0, 1.0, 1.0])
    hands, instruments = [], []
    for body in bodies.hands:
        wrist = np.array([0.0, 0.0, 0.5]) + rng.normal(size=(batch, 3)) * 0.03
        angles = power * rng.uniform(0.0, 1.0, size=(batch, 1)) + rng.normal(size=(batch, 45)) * 0.3
        turn = rotation_from_axis_angle(rng.normal(size=(batch, 3)))
        hands.append(HandState(wrist if body.sign > 0 else wrist * mirrored, turn, angles))
    for body in bodies.instruments:
        place = np.array([0.0, 0.0, 0.5]) + rng.normal(size=(batch, 3)) * 0.03
        turn = rotation_from_axis_angle(rng.normal(size=(batch, 3)))
        instruments.append(InstrumentState(turn, place, rng.normal(size=(batch, body.n_joints)) * 1.5))
    return SceneState.of(hands, instruments)


def random_points(bodies: Bodies, body: int, n: int, rng: np.random.Generator) -> Points:
    """Points of a body: of a hand, of an instrument's links, or (-1) fixed in the camera frame."""
    if body < 0:
        return Points(
            np.full(n, -1), np.zeros(n, dtype=int), np.array([0.0, 0.0, 0.5]) + rng.normal(size=(n, 3)) * 0.05
        )
    if body < len(bodies.hands):
        return Points.of_hand(body, rng.integers(0, len(bodies.hands[body].points), n))
    links = rng.integers(0, len(bodies.instruments[body - len(bodies.hands)].fields.fields), n)
    return Points.of_instrument(body, links, rng.normal(size=(n, 3)) * 0.01)


def random_blocks(
    bodies: Bodies, rng: np.random.Generator, *, robust: float = 0.0, hinge: int = 0, n: int = 4
) -> list[RowBlock]:
    """Rows of every kind that the bodies allow, in all views."""
    count = len(bodies.hands) + len(bodies.instruments)
    blocks = []
    for view in (0, 1):
        for body in range(count):
            at, target = random_points(bodies, body, n, rng), np.zeros((n, 3))
            target[:, :2] = rng.normal(size=(n, 2)) * 0.05
            for axis in np.eye(3)[:2]:
                direction = np.broadcast_to(axis, (n, 3))
                weight = np.full(n, 30.0) if axis[0] else blocks[-1].weight
                blocks.append(
                    RowBlock("landmark", Kind.LANDMARK, at, weight, direction, target, robust=robust, view=view)
                )
            direction = rng.normal(size=(n, 3)) * np.array([1.0, 1.0, 0.0])
            p = random_points(bodies, body, n, rng)
            blocks.append(
                RowBlock(
                    "image",
                    Kind.IMAGE,
                    p,
                    rng.uniform(5, 50, n),
                    direction,
                    target,
                    robust=robust,
                    hinge=hinge,
                    view=view,
                )
            )
            q = random_points(bodies, int(rng.integers(0, count)), n, rng)
            depth = np.column_stack([rng.normal(size=n) * 0.05, np.zeros((n, 2))])
            blocks.append(
                RowBlock("depth", Kind.DEPTH, p, rng.uniform(5, 50, n), _units(rng, n), depth, q, robust, hinge, view)
            )
    for p_body in range(-1, count):
        for q_body in range(-1, count):
            p, q = random_points(bodies, p_body, n, rng), random_points(bodies, q_body, n, rng)
            offset = np.column_stack([rng.normal(size=n) * 0.01, np.zeros((n, 2))])
            weight = rng.uniform(10, 100, n)
            blocks.append(RowBlock("plane", Kind.PLANE, p, weight, _units(rng, n), offset, q, robust, hinge))
    for h in range(len(bodies.hands)):
        for k in range(len(bodies.instruments)):
            m = 8 * n
            body = np.full(m, len(bodies.hands) + k)
            q = Points(body, np.zeros(m, dtype=int), np.zeros((m, 3)))
            p = random_points(bodies, h, m, rng)
            offset = np.column_stack([rng.normal(size=m) * 0.01, np.zeros((m, 2))])
            blocks.append(RowBlock("field", Kind.FIELD, p, rng.uniform(10, 100, m), None, offset, q, robust, hinge))
    return blocks


def _units(rng: np.random.Generator, n: int) -> Array:
    v = rng.normal(size=(n, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)
