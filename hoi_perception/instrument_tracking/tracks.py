"""What is remembered of instruments between frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.stillness import Glimpse
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.grasp import GraspFit, GraspSolver, Touching
from hoi_perception.interaction.region_tracker import RegionTrack
from hoi_perception.types import Side, ToldPose

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grip:
    """The hand that holds an instrument, solved with it.

    `shape` is the hand's, as the known size of the instrument makes it. `place` is where the instrument is in the frame
    of the wrist (of a right hand), `touching` what touches it where, `posture` the fingers' angles: all change slowly,
    for a hand seldom shifts what it holds. `explained` says whether the latest frame's landmarks are where the solve
    has them; `missed` counts frames in a row in which the hand was not seen.
    """

    hand: int
    side: Side
    shape: Float64[Array, "10"]
    solver: GraspSolver
    fit: GraspFit
    place: InstrumentState
    touching: Touching
    posture: Float64[Array, "45"]
    explained: bool = True
    missed: int = 0

    @property
    def instrument(self) -> InstrumentState:
        """Where the instrument is (batch of one)."""
        return self.fit.state.instrument(0, self.solver.bodies.joints(0))


@dataclass(frozen=True, eq=False)
class ToolTrack:
    """One instrument: `name` is that of the library, `region` what its pictures say, `grip` the hand that holds it.

    `glimpse` is its picture where an image showed it at rest.
    `rest` is the number of frames for which no hand is tried, `shown` that for which what the image showed of it, by
    itself, still counts for more than a hand beside it. `seen` is where the image showed it last, `clear`
    the number of frames in which it did. `broad` is whether it is wide enough in the image for images to be believed
    more than hands. `doubted` counts the frames in a row whose image told that it is elsewhere than in its hand.
    `heard` are the poses of other sources that count in the latest frame, `left_out` the sources whose poses were found
    to contradict images and do not count until one agrees again. `learned` is whether an image was ever believed.
    """

    track_id: int
    name: str
    region: RegionTrack
    grip: Grip | None = None
    rest: int = 0
    shown: int = 0
    seen: InstrumentState | None = None
    clear: int = 0
    broad: bool = False
    glimpse: Glimpse | None = None
    doubted: int = 0
    heard: tuple[ToldPose, ...] = ()
    left_out: tuple[str, ...] = ()
    learned: bool = False

    @property
    def seen_in_image(self) -> bool:
        """Whether the latest image shows where it is: itself, or a marker on it."""
        return bool(self.region.rows) or any(pose.in_image for pose in self.heard)

    @property
    def state(self) -> InstrumentState:
        """Where it is (batch of one)."""
        return self.region.state
