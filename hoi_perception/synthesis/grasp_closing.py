"""Closing a hand round an instrument, without any optimisation of a cost.

As a gripper is closed (Miller and Allen, GraspIt!, IEEE Robotics & Automation Magazine 11(4), 2004): the instrument is
shaken until the palm is free of it and then stands still; each finger turns along one direction of flexion until its
surface touches, then its outer joints go on until they touch as well. Fingers that would begin inside the instrument
open first, by the same search.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS, Fingertips
from hoi_perception.instruments.field_lookup import InstrumentFields
from hoi_perception.synthesis.finger_closing import FingerCloser
from hoi_perception.synthesis.finger_room import FingerSpheres
from hoi_perception.synthesis.hand_lookup import FREE_M, PLACES, HandLookup, HeldInstrument
from hoi_perception.synthesis.hand_samples import PALM, SampledHand
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
_REFINEMENTS = 2
_MAX_SHIFT_M = 0.012
_SHAKES = 12
_SHAKE_RAD = np.radians(4.0)
_SHAKE_M = 0.0015
_INDEX_1 = FINGER_JOINTS["index"][0]


@dataclass(frozen=True)
class ClosedGrasp:
    """Angles (rad) and the held instrument, the fingers that were to touch and did."""

    angles: Float64[Array, "15 3"]
    held: HeldInstrument
    touching: tuple[str, ...]


class Closer:
    """Closes hands round one instrument.

    The fields of a hollow body should be those of its hull: fingers cannot pass through a thin wall then.
    """

    def __init__(self, hand: SampledHand, fields: InstrumentFields) -> None:
        self.lookup = HandLookup(hand, fields)

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
            search = FingerCloser(self.lookup, hand, spheres, side, finger, held, wide)
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
        near = np.where(counts, self.lookup.look(PALM, points, shaken)[0], np.inf)
        way = hand.normals(PALM, angles, side)[near <= np.partition(near, 20)[20]].mean(axis=0)
        shift = self._brought_near(points, shaken, way / max(float(np.linalg.norm(way)), 1e-6))
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
            turns = rotation_from_axis_angle(_SHAKE_RAD * rng.standard_normal((PLACES, 3)))
            shifts = _SHAKE_M * rng.standard_normal((PLACES, 3))
            turns[0], shifts[0] = np.eye(3), 0.0
            seen = (points - centre - shifts[:, None]) @ turns + centre
            distance = self.lookup.distances(PALM, seen.astype(np.float32), held)[0].reshape(PLACES, -1)
            blocked = (distance < 2.0 * FREE_M).sum(axis=1)
            best = int(blocked.argmin())
            t = centre + turns[best] @ (held.t - centre) + shifts[best]
            held = replace(held, R=turns[best] @ held.R, t=t)
            if blocked[best] == 0:
                return held
        return None

    def _brought_near(
        self, points: NDArray[np.float32], held: HeldInstrument, way: Float64[Array, "3"]
    ) -> Float64[Array, "3"] | None:
        """Shift (m) of the instrument against a way out, as far as it goes before it meets a point.

        None where it meets none within `_MAX_SHIFT_M`.
        """
        low, high = -_MAX_SHIFT_M, 0.0
        for _ in range(1 + _REFINEMENTS):
            amounts = np.linspace(high, low, PLACES)
            places = (points[None] - (amounts[:, None] * way)[:, None]).astype(np.float32)
            free = self.lookup.distances(PALM, places, held)[0].reshape(PLACES, -1).min(axis=1) >= 2.0 * FREE_M
            if not free[0] or free.all():
                return None
            last = int(np.argmin(free)) - 1
            high, low = float(amounts[last]), float(amounts[last + 1])
        return high * way
