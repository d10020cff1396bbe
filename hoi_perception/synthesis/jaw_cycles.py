"""Fingers that follow the jaws: a grip closed again at several joint positions, and the way between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.synthesis.gripping import Grip

Array = NDArray[np.float64]
_KEYS = 2
_STEP = np.radians(2.2)


@dataclass(frozen=True, eq=False)
class JawKeys:
    """Angles (rad) of the hand at rising positions of the instrument's first joint (rad)."""

    positions: Float64[Array, " k"]
    angles: Float64[Array, "k 15 3"]

    def at(self, share: Float64[Array, " t"]) -> tuple[Float64[Array, "t 1"], Float64[Array, "t 15 3"]]:
        """Joint positions and angles, 0 the most closed and 1 the widest."""
        position = self.positions[0] + share * (self.positions[-1] - self.positions[0])
        k = np.clip(np.searchsorted(self.positions, position, side="right") - 1, 0, len(self.positions) - 2)
        span = self.positions[k + 1] - self.positions[k]
        part = ((position - self.positions[k]) / span)[:, None, None]
        return position[:, None], np.asarray((1.0 - part) * self.angles[k] + part * self.angles[k + 1])


def jaw_keys(grip: Grip) -> JawKeys | None:
    """The grip at wider and narrower jaws, as far as closing goes and the middle between two keys is free.

    The instrument stays where it is in the hand. None where the jaws cannot be moved at all.
    """
    limits = grip.maker.mesh.joint_limits
    if len(limits) != 1:
        return None
    step = min(_STEP, 0.4 * float(limits[0, 1] - limits[0, 0]))
    at, angles = float(grip.closed.held.joint_positions[0]), grip.closed.angles
    found = {at: angles}
    for sign in (1.0, -1.0):
        position, before = at, angles
        for _ in range(_KEYS):
            wanted = float(np.clip(position + sign * step, limits[0, 0], limits[0, 1]))
            if abs(wanted - position) < 0.2 * step:
                break
            after = _moved(grip, before, position, wanted)
            if after is None:
                break
            found[wanted], position, before = after, wanted, after
    if len(found) < 2:
        return None
    positions = sorted(found)
    return JawKeys(np.array(positions), np.stack([found[p] for p in positions]))


def _moved(grip: Grip, angles: Float64[Array, "15 3"], position: float, wanted: float) -> Float64[Array, "15 3"] | None:
    maker, held = grip.maker, grip.closed.held
    turned = replace(held, joint_positions=np.array([wanted]))
    closed = maker.closer.close_fingers(grip.hand, grip.side, angles, turned, grip.usual.fingers, wide=False)
    if closed is None or maker.checked(grip.hand, grip.side, grip.usual, closed) is None:
        return None
    middle = replace(held, joint_positions=np.array([0.5 * (position + wanted)]))
    between = replace(closed, angles=0.5 * (angles + closed.angles), held=middle)
    if maker.checked(grip.hand, grip.side, grip.usual, between) is None:
        return None
    return closed.angles
