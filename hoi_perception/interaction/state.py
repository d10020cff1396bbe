"""The unknowns of a joint problem and their tangent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import HandState
from hoi_perception.instruments.kinematics import InstrumentState

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SceneState:
    """`h` hands and `k` instruments of `b` problems or hypotheses.

    Hands are right hands; a left hand is the mirror image (x negated) of its entry. Wrists and instruments' base links
    are places in the camera frame (m) with their rotations; `angles` are the 45 anatomical angles, `joints` the angles
    of all instruments one after the other (rad). The tangent has, hand by hand, 51 coordinates as in
    `hands.kinematics`, then for each instrument 6 plus its joints as in `instruments.kinematics`.
    """

    wrist: Float64[Array, "b h 3"]
    turn: Float64[Array, "b h 3 3"]
    angles: Float64[Array, "b h 45"]
    base: Float64[Array, "b k 3"]
    base_turn: Float64[Array, "b k 3 3"]
    joints: Float64[Array, "b j"]

    @staticmethod
    def of(hands: Sequence[HandState], instruments: Sequence[InstrumentState] = ()) -> SceneState:
        """Hands and instruments, each a batch of the same length, as one state."""
        b = len(hands[0].wrist) if hands else len(instruments[0].t)
        return SceneState(
            wrist=np.stack([s.wrist for s in hands], axis=1) if hands else np.zeros((b, 0, 3)),
            turn=np.stack([s.rotation for s in hands], axis=1) if hands else np.zeros((b, 0, 3, 3)),
            angles=np.stack([s.angles for s in hands], axis=1) if hands else np.zeros((b, 0, 45)),
            base=np.stack([s.t for s in instruments], axis=1) if instruments else np.zeros((b, 0, 3)),
            base_turn=np.stack([s.R for s in instruments], axis=1) if instruments else np.zeros((b, 0, 3, 3)),
            joints=np.concatenate([s.angles for s in instruments], axis=1) if instruments else np.zeros((b, 0)),
        )

    def hand(self, h: int) -> HandState:
        """The hand `h` of all problems."""
        return HandState(self.wrist[:, h], self.turn[:, h], self.angles[:, h])

    def instrument(self, k: int, joints: slice) -> InstrumentState:
        """The instrument `k` of all problems, its joint angles in that slice."""
        return InstrumentState(self.base_turn[:, k], self.base[:, k], self.joints[:, joints])

    def take(self, index: NDArray[np.intp]) -> SceneState:
        """The entries `index` of the batch."""
        return SceneState(*(getattr(self, name)[index] for name in self.__dataclass_fields__))
