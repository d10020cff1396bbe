"""Closing and opening one finger at an instrument that stands still, by search along directions of flexion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS, JOINT_LIMITS
from hoi_perception.synthesis.finger_room import FingerSpheres
from hoi_perception.synthesis.hand_lookup import FREE_M, REFINED, SCANNED, TOUCH_M, HandLookup, HeldInstrument
from hoi_perception.synthesis.hand_samples import SampledHand
from hoi_perception.types import Side

Array = NDArray[np.float64]
CROWDED_M = -0.0008
"""Overlap from which on fingers are too near to each other (see `FingerSpheres`, which lie below the skin)."""
_REFINEMENTS = 2
_REACH = np.radians(36.0)
_OPENING = np.radians(75.0)
"""Turn of a finger that holds something in the palm until it is open."""
_WRAP = np.radians(40.0)
_NATURAL = np.radians(45.0)
"""Sum of turns below which no other way to touch is looked for."""

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
_GRIPPING = ("thumb", "index")
_OUTER: tuple[Direction, ...] = (((1, 0, 1.0), (2, 0, 0.67)), ((2, 0, 1.0),))


@dataclass(frozen=True)
class FingerCloser:
    """One finger of a hand at an instrument; `wide` lets it open widely before it closes."""

    lookup: HandLookup
    hand: SampledHand
    spheres: FingerSpheres
    side: Side
    name: str
    held: HeldInstrument
    wide: bool

    def close(self, angles: Float64[Array, "15 3"]) -> tuple[Float64[Array, "15 3"], bool] | None:
        """Angles with the finger at the instrument, and whether it touches; None where it cannot be freed.

        Of several ways the one that turns its joints least is taken.
        """
        best, least = None, np.inf
        for direction in _THUMB if self.name == "thumb" else _FINGER:
            found = self._contact(angles, direction, -self._opening, _REACH, bone=0)
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
            found = self._contact(angles, direction, -self._opening, 0.0, bone=0)
            if found is not None:
                return found, False
        return None

    @property
    def _opening(self) -> float:
        return float(_OPENING if self.wide else _REACH)

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
        amounts = np.linspace(low, high, SCANNED)
        free = self._scanned(angles, direction, amounts, bone)
        edges = np.flatnonzero(free[:-1] != free[1:])
        if len(edges) == 0:
            return None
        edge = edges[np.abs(amounts[edges]).argmin()]
        clear, stuck = float(amounts[edge]), float(amounts[edge + 1])
        if not free[edge]:
            clear, stuck = stuck, clear
        for _ in range(_REFINEMENTS):
            within = np.linspace(clear, stuck, REFINED)
            free = self._free(angles, direction, within, moved)
            last = max(int(np.argmin(free)) - 1, 0)
            clear, stuck = float(within[last]), float(within[last + 1])
        found = self._turned(angles, direction, np.array([clear]))
        return found[0] if self._free(angles, direction, np.array([clear]), self._moved(0))[0] else None

    def _scanned(
        self, angles: Float64[Array, "15 3"], direction: Direction, amounts: Float64[Array, " n"], bone: int
    ) -> NDArray[np.bool_]:
        """Which of `SCANNED` postures look free by few samples."""
        turned = self._turned(angles, direction, amounts)
        apart = self.spheres.overlap(turned, self.name) < CROWDED_M
        points = self.hand.pose(self.name, turned, self.side, thin=True)
        distance = self.lookup.distances(self.name, points, self.held, thin=True)[0].reshape(len(amounts), -1)
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
        """Distances of the samples for up to `REFINED` postures, (n, samples)."""
        n = len(angles)
        padded = np.concatenate([angles, np.repeat(angles[-1:], REFINED - n, axis=0)])
        distance, _ = self.lookup.distances(self.name, self.hand.pose(self.name, padded, self.side), self.held)
        return np.array(distance.reshape(REFINED, -1)[:n])

    def _moved(self, bone: int, *, thin: bool = False) -> NDArray[np.bool_]:
        own = (self.hand.thinned if thin else self.hand.parts)[self.name].bone
        joints = FINGER_JOINTS[self.name]
        return np.asarray(np.isin(own, [j for j in joints if j >= bone]))

    def _touches(self, angles: Float64[Array, "15 3"]) -> bool:
        """Whether it touches: with its palmar side, where it is one of the two that grip."""
        distance = self._clearance(angles[None])[0]
        palmar = self.hand.parts[self.name].touching
        return bool((distance[palmar] if self.name in _GRIPPING else distance).min() < TOUCH_M)
