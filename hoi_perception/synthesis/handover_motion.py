"""Parts of exchanging and passing tools: paths through poses, fingers that open and close, a hand's way to a tool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.synthesis.gripping import Grip
from hoi_perception.synthesis.hand_opening import RETREAT_M, Opening, opening
from hoi_perception.synthesis.scene import Pose
from hoi_perception.synthesis.smooth_motion import through, turned_through
from hoi_perception.synthesis.tool_tracks import Path
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]
CARRY_M_S = (0.25, 0.45)
"""Peak speed of carrying a tool or the empty hand some decimetres; typical of unhurried reaches."""
CLOSE_FRAMES = 9
APPROACH_FRAMES = 14


@dataclass(frozen=True, eq=False)
class Meeting:
    """Where a hand takes or leaves a tool: the grip, how it opens, the tool's pose in the table's frame meanwhile."""

    grip: Grip
    opening: Opening
    tool: Pose

    @property
    def wrist(self) -> Pose:
        """The wrist with its fingers on the tool."""
        return wrist_of(self.grip, self.tool)

    @property
    def off(self) -> Pose:
        """The wrist of the open hand, off the tool."""
        wrist = self.wrist
        return Pose(wrist.R, wrist.t + RETREAT_M * wrist.R @ self.opening.way)


def meeting(grip: Grip, tool: Pose, away: Float64[Array, "3"]) -> Meeting | None:
    """A meeting that the hand leaves towards `away` (table's frame) if it can; None where it cannot let go."""
    found = opening(grip, wrist_of(grip, tool).R.T @ away)
    return None if found is None else Meeting(grip, found, tool)


def wrist_of(grip: Grip, tool: Pose) -> Pose:
    """The wrist of a grip whose tool is at a pose."""
    return Pose(tool.R @ grip.R_tool_wrist, tool.of(grip.t_tool_wrist))


def tool_of(grip: Grip, R: Float64[Array, "3 3"], tip: Float64[Array, "3"]) -> Pose:
    """The pose of a tool turned by `R` whose tip is at a place."""
    return Pose(R, tip - R @ grip.tip)


@dataclass(frozen=True, eq=False)
class PoseStops:
    """Poses that are reached, at rest, at rising frames."""

    times: list[float]
    poses: list[Pose]

    def to(self, frames: float, pose: Pose) -> PoseStops:
        """One more, so many frames after the last."""
        return PoseStops([*self.times, self.times[-1] + frames], [*self.poses, pose])

    def path(self, frames: int) -> Path:
        """The way through all of them."""
        R = turned_through(frames, self.times, np.stack([pose.R for pose in self.poses]))
        return R, through(frames, self.times, np.stack([pose.t for pose in self.poses]))


def shaken(path: Path, shifts: Float64[Array, "t 3"], turns: Float64[Array, "t 3"], pivot: Float64[Array, "3"]) -> Path:
    """A path with unsteadiness on top; turns are about a point of the moved thing's frame."""
    R, t = path
    turned = np.asarray(rotation_from_axis_angle(turns)) @ R
    return turned, t + R @ pivot - turned @ pivot + shifts


def fading(frames: int, spans: list[tuple[float, float]], ramp: float = 8.0) -> Float64[Array, " t"]:
    """A weight that is 0 within spans of frames and 1 away from them, smooth between."""
    t = np.arange(frames, dtype=np.float64)
    weight = np.ones(frames)
    for start, end in spans:
        gap = np.maximum(np.maximum(start - t, t - end), 0.0)
        share = np.clip(gap / ramp, 0.0, 1.0)
        weight = np.minimum(weight, share * share * (3.0 - 2.0 * share))
    return weight
