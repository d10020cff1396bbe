"""Closing a hand round an instrument that stands still in it, without any optimisation of a cost.

As a gripper is closed (Miller and Allen, GraspIt!, IEEE Robotics & Automation Magazine 11(4), 2004): the instrument is
shifted until the palm is free of it, each finger turns along one direction of flexion until its surface touches, then
its outer joints go on until they touch as well. Fingers that would begin inside the instrument open first, in
the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS, JOINT_LIMITS, Fingertips
from hoi_perception.instruments.field_lookup import FieldQuery, InstrumentFields
from hoi_perception.synthesis.finger_room import FingerSpheres
from hoi_perception.synthesis.hand_samples import PALM, SampledHand
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
FREE_M = 0.0001
"""Closer than this counts as penetration: the fields are right to 0.07 mm."""
TOUCH_M = 0.0005
"""Closer than this counts as touching."""
CROWDED_M = -0.0008
"""Overlap from which on fingers are too near to each other (see `FingerSpheres`, which lie below the skin)."""
_SCANNED, _REFINED = 24, 6
"""Postures along a direction that are looked at: first with few samples, then with all."""
_PLACES = 12
"""Places of the instrument that are tried at a time."""
_REFINEMENTS = 2
_REACH = np.radians(36.0)
_OPENING = np.radians(75.0)
"""Turn of a finger that holds something in the palm until it is open."""
_WRAP = np.radians(40.0)
_MAX_SHIFT_M = 0.012
_SHAKES = 12
_SHAKE_RAD = np.radians(4.0)
_SHAKE_M = 0.0015
_NATURAL = np.radians(45.0)

Direction = tuple[tuple[int, int, float], ...]
"""How much each (joint of the finger, angle) turns for a unit: angle 0 is flexion, 1 abduction, 2 twist."""
_FINGER: tuple[Direction, ...] = (
    ((0, 0, 1.0), (1, 0, 1.0), (2, 0, 0.67)),
    ((0, 0, 1.0),),
    ((1, 0, 1.0), (2, 0, 0.67)),
    ((0, 1, 1.0),),
    ((0, 1, -1.0),),
)
_THUMB: tuple[Direction, ...] = (
    ((0, 0, 0.6), (1, 0, 1.0), (2, 0, 0.8)),
    ((0, 0, 1.0),),
    ((0, 1, -1.0),),
    ((0, 2, -1.0),),
    ((0, 1, 1.0),),
)
_INDEX_1 = FINGER_JOINTS["index"][0]
_GRIPPING = ("thumb", "index")
_OUTER: tuple[Direction, ...] = (((1, 0, 1.0), (2, 0, 0.67)), ((2, 0, 1.0),))


@dataclass(frozen=True)
class HeldInstrument:
    """An instrument in the frame of the wrist (m) with its joint angles (rad)."""

    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]
    joint_positions: Float64[Array, " j"]


@dataclass(frozen=True)
class ClosedGrasp:
    """Angles (rad) and the held instrument, the fingers that were to touch and did."""

    angles: Float64[Array, "15 3"]
    held: HeldInstrument
    touching: tuple[str, ...]


class Closer:
    """Closes hands round one instrument; holds its look-ups.

    The fields of a hollow body should be those of its hull: fingers cannot pass through a thin wall then.
    """

    def __init__(self, hand: SampledHand, fields: InstrumentFields) -> None:
        self._queries = {
            (name, False): FieldQuery(fields, _batch(name) * len(part.bone)) for name, part in hand.parts.items()
        } | {(name, True): FieldQuery(fields, _SCANNED * len(hand.thinned[name].bone)) for name in FINGER_JOINTS}

    def close(
        self,
        hand: SampledHand,
        side: Side,
        angles: Float64[Array, "15 3"],
        held: HeldInstrument,
        fingers: tuple[str, ...],
        palm: bool,
        rng: np.random.Generator,
    ) -> ClosedGrasp | None:
        """The hand with `fingers` closed, the others opened where they are in the way; None where it does not go.

        With `palm` the instrument is brought to touch the palm first.
        """
        settled = self.settle(hand, side, angles, held, palm, rng)
        if settled is None:
            return None
        return self.close_fingers(hand, side, angles, settled, fingers, wide=palm)

    def close_fingers(
        self,
        hand: SampledHand,
        side: Side,
        angles: Float64[Array, "15 3"],
        held: HeldInstrument,
        fingers: tuple[str, ...],
        *,
        wide: bool,
    ) -> ClosedGrasp | None:
        """The same with the instrument where it is; `wide` lets fingers open widely first."""
        touching = []
        spheres = FingerSpheres.of(hand)
        for finger in FINGER_JOINTS:
            search = _Finger(self, hand, spheres, side, finger, held, _OPENING if wide else _REACH)
            found = search.close(angles) if finger in fingers else search.clear(angles)
            if found is None:
                return None
            angles, touches = found
            if touches and finger in fingers:
                touching.append(finger)
        return ClosedGrasp(angles, held, tuple(touching))

    def settle(
        self,
        hand: SampledHand,
        side: Side,
        angles: Float64[Array, "15 3"],
        held: HeldInstrument,
        touch: bool,
        rng: np.random.Generator,
    ) -> HeldInstrument | None:
        """The instrument turned and shifted a little until the palm is free of it; None where that does not go.

        With `touch` it is brought as near to the palm as it goes after that.
        """
        counts = np.isin(hand.parts[PALM].bone, (0,) if touch else (0, _INDEX_1))
        points = hand.pose(PALM, angles[None], side)[0]
        points = np.where(counts[:, None], points, points[counts][0])
        pinch = hand.vertices(angles[None], side)[0, Fingertips.SMPLX.vertices[:2]].mean(axis=0)
        shaken = self._shaken(points, held, pinch, rng)
        if shaken is None or not touch:
            return shaken
        near = np.where(counts, self.look(PALM, points, shaken)[0], np.inf)
        way = hand.normals(PALM, angles, side)[near <= np.partition(near, 20)[20]].mean(axis=0)
        shift = self._way_out(points, shaken, way / max(float(np.linalg.norm(way)), 1e-6))
        return None if shift is None else replace(shaken, t=shaken.t + shift)

    def _shaken(
        self,
        points: NDArray[np.float32],
        held: HeldInstrument,
        centre: Float64[Array, "3"],
        rng: np.random.Generator,
    ) -> HeldInstrument | None:
        """The instrument after random small motions about a centre, until none of the points is in it."""
        for _ in range(_SHAKES):
            turns = rotation_from_axis_angle(_SHAKE_RAD * rng.standard_normal((_PLACES, 3)))
            shifts = _SHAKE_M * rng.standard_normal((_PLACES, 3))
            turns[0], shifts[0] = np.eye(3), 0.0
            seen = (points - centre - shifts[:, None]) @ turns + centre
            distance = self.distances(PALM, seen.astype(np.float32), held)[0].reshape(_PLACES, -1)
            blocked = (distance < 2.0 * FREE_M).sum(axis=1)
            best = int(blocked.argmin())
            t = centre + turns[best] @ (held.t - centre) + shifts[best]
            held = replace(held, R=turns[best] @ held.R, t=t)
            if blocked[best] == 0:
                return held
        return None

    def _way_out(
        self, points: NDArray[np.float32], held: HeldInstrument, way: Float64[Array, "3"]
    ) -> Float64[Array, "3"] | None:
        """Least shift (m) of the instrument along a way from which on it is free of the points."""
        low, high = -_MAX_SHIFT_M, 0.0
        for _ in range(1 + _REFINEMENTS):
            amounts = np.linspace(high, low, _PLACES)
            places = (points[None] - (amounts[:, None] * way)[:, None]).astype(np.float32)
            free = self.distances(PALM, places, held)[0].reshape(_PLACES, -1).min(axis=1) >= 2.0 * FREE_M
            if not free[0] or free.all():
                return None
            last = int(np.argmin(free)) - 1
            high, low = float(amounts[last]), float(amounts[last + 1])
        return high * way

    def look(
        self, part: str, points: NDArray[np.float32], held: HeldInstrument
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Distances (m) and gradients of a part's samples (n, 3)."""
        distance, gradient = self.distances(part, np.repeat(points[None], _batch(part), axis=0), held)
        return distance[: len(points)].copy(), gradient[: len(points)].copy()

    def distances(
        self, part: str, points: NDArray[np.float32], held: HeldInstrument, *, thin: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Distances (m) and gradients of a part's samples, flat."""
        found = self._queries[part, thin](
            points.reshape(1, -1, 3), held.R[None], held.t[None], held.joint_positions[None]
        )
        return found.distance[0], found.gradient[0]


@dataclass(frozen=True)
class _Finger:
    """One finger of a hand at an instrument."""

    closer: Closer
    hand: SampledHand
    spheres: FingerSpheres
    side: Side
    name: str
    held: HeldInstrument
    opening: float

    def close(self, angles: Float64[Array, "15 3"]) -> tuple[Float64[Array, "15 3"], bool] | None:
        """Angles with the finger at the instrument, and whether it touches; None where it cannot be freed.

        Of several ways the one that turns its joints least is taken.
        """
        best, least = None, np.inf
        for direction in _THUMB if self.name == "thumb" else _FINGER:
            found = self._contact(angles, direction, -self.opening, _REACH, bone=0)
            if found is None:
                continue
            turned = float(np.abs(found - angles).sum())
            found = self._wrap(found)
            if turned < least and self._touches(found):
                best, least = found, turned
            if least < _NATURAL:
                break
        return self.clear(angles) if best is None else (best, True)

    def clear(self, angles: Float64[Array, "15 3"]) -> tuple[Float64[Array, "15 3"], bool] | None:
        """Angles with the finger out of the instrument's way; None where no opening does it."""
        if self._clearance(angles[None])[0, self._moved(0)].min() >= FREE_M:
            return angles, False
        for direction in _THUMB if self.name == "thumb" else _FINGER:
            found = self._contact(angles, direction, -self.opening, 0.0, bone=0)
            if found is not None:
                return found, False
        return None

    def _wrap(self, angles: Float64[Array, "15 3"]) -> Float64[Array, "15 3"]:
        """The outer joints closed on, each until its own bones touch; left as they are where they would not."""
        joints = FINGER_JOINTS[self.name]
        for direction in _OUTER:
            bone = joints[direction[0][0]]
            if self._clearance(angles[None])[0, self._moved(bone)].min() < TOUCH_M:
                continue
            found = self._contact(angles, direction, 0.0, _WRAP, bone)
            angles = found if found is not None else angles
        return angles

    def _contact(
        self, angles: Float64[Array, "15 3"], direction: Direction, low: float, high: float, bone: int
    ) -> Float64[Array, "15 3"] | None:
        """The nearest place along a direction where the finger is just free and, a little further, no more.

        Only samples on `bone` and beyond count. None where there is no such place.
        """
        moved = self._moved(bone)
        amounts = np.linspace(low, high, _SCANNED)
        free = self._scanned(angles, direction, amounts, bone)
        edges = np.flatnonzero(free[:-1] != free[1:])
        if len(edges) == 0:
            return None
        edge = edges[np.abs(amounts[edges]).argmin()]
        clear, stuck = float(amounts[edge]), float(amounts[edge + 1])
        if not free[edge]:
            clear, stuck = stuck, clear
        for _ in range(_REFINEMENTS):
            within = np.linspace(clear, stuck, _REFINED)
            free = self._free(angles, direction, within, moved)
            last = max(int(np.argmin(free)) - 1, 0)
            clear, stuck = float(within[last]), float(within[last + 1])
        found = self._turned(angles, direction, np.array([clear]))
        return found[0] if self._free(angles, direction, np.array([clear]), self._moved(0))[0] else None

    def _scanned(
        self, angles: Float64[Array, "15 3"], direction: Direction, amounts: Float64[Array, " n"], bone: int
    ) -> NDArray[np.bool_]:
        """Which of `_SCANNED` postures look free by few samples."""
        turned = self._turned(angles, direction, amounts)
        apart = self.spheres.overlap(turned, self.name) < CROWDED_M
        points = self.hand.pose(self.name, turned, self.side, thin=True)
        distance = self.closer.distances(self.name, points, self.held, thin=True)[0].reshape(len(amounts), -1)
        moved = self._moved(bone, thin=True)
        return np.asarray((distance[:, moved].min(axis=1) >= FREE_M) & apart)

    def _free(
        self,
        angles: Float64[Array, "15 3"],
        direction: Direction,
        amounts: Float64[Array, " n"],
        moved: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        turned = self._turned(angles, direction, amounts)
        apart = self.spheres.overlap(turned, self.name) < CROWDED_M
        return np.asarray((self._clearance(turned)[:, moved].min(axis=1) >= FREE_M) & apart)

    def _turned(
        self, angles: Float64[Array, "15 3"], direction: Direction, amounts: Float64[Array, " n"]
    ) -> Float64[Array, "n 15 3"]:
        turned = np.repeat(angles[None], len(amounts), axis=0)
        for joint, angle, rate in direction:
            turned[:, FINGER_JOINTS[self.name][joint] - 1, angle] += rate * amounts
        return np.asarray(np.clip(turned, JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1]))

    def _clearance(self, angles: Float64[Array, "n 15 3"]) -> NDArray[np.float32]:
        """Distances of the samples for up to `_REFINED` postures, (n, samples)."""
        n = len(angles)
        padded = np.concatenate([angles, np.repeat(angles[-1:], _REFINED - n, axis=0)])
        distance, _ = self.closer.distances(self.name, self.hand.pose(self.name, padded, self.side), self.held)
        return np.array(distance.reshape(_REFINED, -1)[:n])

    def _moved(self, bone: int, *, thin: bool = False) -> NDArray[np.bool_]:
        own = (self.hand.thinned if thin else self.hand.parts)[self.name].bone
        joints = FINGER_JOINTS[self.name]
        return np.asarray(np.isin(own, [j for j in joints if j >= bone]))

    def _touches(self, angles: Float64[Array, "15 3"]) -> bool:
        """Whether it touches: with its palmar side, where it is one of the two that grip."""
        distance = self._clearance(angles[None])[0]
        palmar = self.hand.parts[self.name].touching
        return bool((distance[palmar] if self.name in _GRIPPING else distance).min() < TOUCH_M)


def _batch(part: str) -> int:
    """How many sets of a part's samples are looked up at a time."""
    return _PLACES if part == PALM else _REFINED
