"""A sequence of the surgical benchmark: hands and instruments over time about a table, before a still camera.

Table frame: right, ahead, up, its plane z = 0 is the ground. 30 frames a second. Metres, radians.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.synthesis.look import Optics
from hoi_perception.synthesis.scene import Pose, SceneHand, SceneInstrument
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import Camera, HandParameters, Side

Array = NDArray[np.float64]
NOBODY = -1
"""Holder of an instrument that lies on the table."""


class Task(Enum):
    """What is done."""

    CUTTING = "cutting"
    SUTURING = "suturing"
    GRASPING = "grasping"
    HOLDING = "holding"
    EXCHANGE = "tool exchange"
    PASSING = "passing"


class OtherHand(Enum):
    """What the hand beside the one that works does."""

    ABSENT = "absent"
    EMPTY = "empty"
    TOOL = "with a second instrument"


@dataclass(frozen=True)
class HandTrack:
    """A hand over time: articulation (axis-angle, flat-hand convention), wrist frame (joint 0), elbow."""

    side: Side
    shape: Float64[Array, "10"]
    articulation: Float64[Array, "t 15 3"]
    R: Float64[Array, "t 3 3"]
    t: Float64[Array, "t 3"]
    elbow: Float64[Array, "t 3"]


@dataclass(frozen=True)
class InstrumentTrack:
    """An instrument over time: base link, joint positions, and the side of the hand that holds it or `NOBODY`.

    While two hands hold it, the giving one counts. `grasps` names those of the library by which it is held, in order.
    """

    name: str
    R: Float64[Array, "t 3 3"]
    t: Float64[Array, "t 3"]
    joint_positions: Float64[Array, "t j"]
    holder: Int64[NDArray[np.int64], " t"]
    grasps: tuple[str, ...]


@dataclass(frozen=True)
class SurgeryFrame:
    """One moment in the camera's frame; `hands` and `instruments` are what `scene.Scene` takes."""

    camera: Camera
    table: Pose
    hands: tuple[SceneHand, ...]
    instruments: tuple[SceneInstrument, ...]
    holders: tuple[Side | None, ...]


@dataclass(frozen=True)
class SurgerySequence:
    """Tracks in the table's frame; `table` places that frame in the camera's."""

    task: Task
    other: OtherHand
    optics: Optics
    camera: Camera
    table: Pose
    hands: tuple[HandTrack, ...]
    instruments: tuple[InstrumentTrack, ...]

    def __len__(self) -> int:
        return len(self.hands[0].t)

    def frame(self, i: int) -> SurgeryFrame:
        """The moment `i` as the camera has it."""
        table = self.table
        hands = []
        for hand in self.hands:
            turn = np.asarray(axis_angle_from_rotation(table.R @ hand.R[i]), dtype=np.float64)
            pose = np.concatenate([turn[None], hand.articulation[i]])
            parameters = HandParameters(pose, hand.shape, table.of(hand.t[i]))
            hands.append(SceneHand(hand.side, parameters, table.of(hand.elbow[i])))
        tools = tuple(
            SceneInstrument(tool.name, Pose(table.R @ tool.R[i], table.of(tool.t[i])), tool.joint_positions[i])
            for tool in self.instruments
        )
        holders = tuple(None if tool.holder[i] == NOBODY else Side(int(tool.holder[i])) for tool in self.instruments)
        return SurgeryFrame(self.camera, table, tuple(hands), tools, holders)
