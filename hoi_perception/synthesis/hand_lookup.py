"""How far samples of a hand are from an instrument held in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS
from hoi_perception.instruments.field_lookup import FieldQuery, InstrumentFields
from hoi_perception.synthesis.hand_samples import PALM, SampledHand

Array = NDArray[np.float64]
FREE_M = 0.0001
"""Closer than this counts as penetration: the fields are right to 0.07 mm."""
TOUCH_M = 0.0005
"""Closer than this counts as touching."""
SCANNED, REFINED = 24, 6
"""Postures of a finger that are looked at at a time: with its thinned samples, with all."""
PLACES = 12
"""Places of the instrument that are tried at a time against the palm."""


@dataclass(frozen=True)
class HeldInstrument:
    """An instrument in the frame of the wrist (m) with its joint angles (rad)."""

    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]
    joint_positions: Float64[Array, " j"]


class HandLookup:
    """Distances of the parts of hands to one instrument, everything allocated once."""

    def __init__(self, hand: SampledHand, fields: InstrumentFields) -> None:
        self._queries = {
            (name, False): FieldQuery(fields, _batch(name) * len(part.bone)) for name, part in hand.parts.items()
        } | {(name, True): FieldQuery(fields, SCANNED * len(hand.thinned[name].bone)) for name in FINGER_JOINTS}

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


def _batch(part: str) -> int:
    """How many sets of a part's samples are looked up at a time."""
    return PLACES if part == PALM else REFINED
