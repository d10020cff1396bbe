"""How a person at a table turns the hand for what it holds: forearm from the person's side, palm not up, tip down.

Of many random rotations the best by a score is taken, then turned a little towards a better one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.transforms import rotation_from_axis_angle, rotation_from_quaternion_wxyz
from hoi_perception.types import Side

Array = NDArray[np.float64]
Rotations = Float64[Array, "n 3 3"]
FOREARM_M = 0.26
_RANDOM, _NEAR = 1200, 160
_ASIDE = 0.45
"""The elbow is this much (rad) on its own side of the person's middle."""
_LOWEST_ELBOW_M = 0.04


@dataclass(frozen=True, eq=False)
class Carried:
    """A hand fixed to the thing that is turned: its wrist's axes and some of its points there (m)."""

    side: Side
    R: Float64[Array, "3 3"]
    points: Float64[Array, "n 3"]


@dataclass(frozen=True, eq=False)
class Aim:
    """What the thing should do: `axis` (its frame) is to point down by an angle within `descent` (rad), away from the
    person; no hand's point is to be below `floor` (m) when the thing's `origin` is at height zero. `down` is an axis
    that should point down, None where none matters."""

    origin: Float64[Array, "3"]
    axis: Float64[Array, "3"] | None = None
    descent: tuple[float, float] = (0.0, 0.0)
    down: Float64[Array, "3"] | None = None
    floor: float = 0.0


def forearm_axis(side: Side) -> Float64[Array, "3"]:
    """Direction in the wrist's frame in which a straight forearm goes."""
    return np.array([1.0 if side is Side.RIGHT else -1.0, 0.0, 0.0])


def toward_elbow(side: Side, person: float) -> Float64[Array, "2"]:
    """Direction on the table in which a person at the azimuth `person` (rad; 0 is ahead) has that elbow."""
    turned = person + (-_ASIDE if side is Side.RIGHT else _ASIDE)
    return np.array([np.sin(turned), np.cos(turned)])


def on_table(person: float) -> tuple[Float64[Array, "3"], Float64[Array, "3"]]:
    """Directions toward the person and to the person's right."""
    toward = np.array([np.sin(person), np.cos(person), 0.0])
    return toward, np.array([-toward[1], toward[0], 0.0])


def turned_for(carried: Sequence[Carried], aim: Aim, person: float, rng: np.random.Generator) -> Float64[Array, "3 3"]:
    """Rotation of the thing in the table's frame."""
    quaternions = rng.standard_normal((_RANDOM, 4))
    units = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    many = np.asarray(rotation_from_quaternion_wxyz(units), dtype=np.float64)
    best = many[int((score(many, carried, aim, person) + 0.3 * rng.random(_RANDOM)).argmax())]
    for spread in (0.25, 0.1):
        turns = np.asarray(rotation_from_axis_angle(spread * rng.standard_normal((_NEAR, 3))), dtype=np.float64)
        near = np.asarray(best @ turns, dtype=np.float64)
        near[0] = best
        best = near[int(score(near, carried, aim, person).argmax())]
    return np.asarray(best)


def lying_for(
    flat: Float64[Array, "3 3"], carried: Sequence[Carried], person: float, rng: np.random.Generator
) -> Float64[Array, "3 3"]:
    """The same for a thing that lies on the table: `flat` turned about the vertical."""
    yaw = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False) + rng.uniform(0.0, 0.1)
    many = np.asarray(rotation_from_axis_angle(yaw[:, None] * [0.0, 0.0, 1.0]), dtype=np.float64) @ flat
    points = score(many, carried, Aim(np.zeros(3), floor=-1.0), person) + 0.15 * rng.random(len(many))
    return np.asarray(many[int(points.argmax())])


def score(many: Rotations, carried: Sequence[Carried], aim: Aim, person: float) -> Float64[Array, " n"]:
    """Zero where all is as it should be, less otherwise."""
    toward, _ = on_table(person)
    total = np.zeros(len(many))
    for hand in carried:
        arm = many @ (hand.R @ forearm_axis(hand.side))
        back = (many @ hand.R[:, 1])[:, 2]
        total += 4.0 * np.minimum(arm[:, :2] @ toward_elbow(hand.side, person) - 0.5, 0.0)
        total += 6.0 * np.minimum(arm[:, 2] + 0.08, 0.0) + 4.0 * np.minimum(0.6 - arm[:, 2], 0.0)
        total += 3.0 * np.minimum(back + 0.05, 0.0)
        low = ((hand.points - aim.origin) @ many[:, 2].T).min(axis=0)
        total += 80.0 * np.minimum(low - aim.floor, 0.0)
    if aim.axis is not None:
        axis = many @ aim.axis
        descent = np.arcsin(np.clip(-axis[:, 2], -1.0, 1.0))
        total += 4.0 * (np.minimum(descent - aim.descent[0], 0.0) + np.minimum(aim.descent[1] - descent, 0.0))
        total += 1.5 * np.minimum(0.2 - axis @ toward, 0.0)
    if aim.down is not None:
        total += 3.0 * np.minimum(-(many @ aim.down)[:, 2] - 0.6, 0.0)
    return np.asarray(total)


def elbows(side: Side, R: Float64[Array, "t 3 3"], t: Float64[Array, "t 3"], person: float) -> Float64[Array, "t 3"]:
    """Elbows of wrists: half way between a straight wrist and where the person has the elbow, above the table."""
    bent = R @ forearm_axis(side) + 0.5 * np.array([*toward_elbow(side, person), 0.35])
    elbow = t + FOREARM_M * bent / np.linalg.norm(bent, axis=1, keepdims=True)
    elbow[:, 2] = np.maximum(elbow[:, 2], _LOWEST_ELBOW_M)
    return np.asarray(elbow)
