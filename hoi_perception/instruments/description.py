"""What `instrument.yaml` says of an instrument beside its URDF: names, symmetry, frames, grasps.

Metres and radians throughout; poses are `xyz` and `rpy` in URDF's convention (fixed axes x, y, z).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.types import Side

Vector = tuple[float, float, float]
ZERO: Vector = (0.0, 0.0, 0.0)

FINGERS = ("thumb", "index", "middle", "ring", "pinky", "palm")
MARKER_DICTIONARIES = {
    **{f"DICT_{n}X{n}_{count}": count for n in (4, 5, 6, 7) for count in (50, 100, 250, 1000)},
    "DICT_ARUCO_ORIGINAL": 1024,
    "DICT_APRILTAG_16h5": 30,
    "DICT_APRILTAG_25h9": 35,
    "DICT_APRILTAG_36h10": 2320,
    "DICT_APRILTAG_36h11": 587,
}
"""Dictionaries of markers by OpenCV's names, with how many markers each has."""
FINISHES = ("polished", "matt", "plastic", "rubber", "clear")


@dataclass(frozen=True)
class Pose:
    """A rigid motion: translation (m), then roll, pitch, yaw (rad) about fixed axes, R = Rz(yaw) Ry(pitch) Rx(roll)."""

    xyz: Vector = ZERO
    rpy: Vector = ZERO

    @property
    def R(self) -> Float64[NDArray[np.float64], "3 3"]:
        """Rotation matrix."""
        (sr, sp, sy), (cr, cp, cy) = np.sin(self.rpy), np.cos(self.rpy)
        return np.array(
            [
                [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
                [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
                [-sp, cp * sr, cp * cr],
            ]
        )

    @property
    def t(self) -> Float64[NDArray[np.float64], "3"]:
        """Translation, m."""
        return np.array(self.xyz)


IDENTITY = Pose()


@dataclass(frozen=True)
class Material:
    """A material of the URDF by name: how it shines (one of `FINISHES`) and its density in kg/m³."""

    name: str
    finish: str
    density: float


@dataclass(frozen=True)
class Symmetry:
    """A link looks the same after a turn by 2π / `order` about `axis` through `point` (link frame); order 0 is any."""

    link: str
    axis: Vector
    order: int = 0
    point: Vector = ZERO


@dataclass(frozen=True)
class NamedFrame:
    """A frame fixed to a link; those with `tip` are the instrument's tips, x pointing out of the instrument."""

    name: str
    link: str
    pose: Pose = IDENTITY
    tip: bool = False


@dataclass(frozen=True)
class Box:
    """An oriented box in a link's frame: pose of its middle, full edge lengths (m)."""

    pose: Pose
    size: Vector


@dataclass(frozen=True)
class GraspRegion:
    """Where fingers of a usual grasp lie on a link: the surface within `box`, or the listed vertices of the link.

    Exactly one of the two is given; vertices count through the link's visual meshes in order, as read. `fingers` are
    of `FINGERS`.
    """

    name: str
    link: str
    fingers: tuple[str, ...]
    box: Box | None = None
    vertices: tuple[int, ...] = ()


@dataclass(frozen=True)
class Grasp:
    """A usual grasp: the hand's pose, where the instrument's base link is in the hand, and its joints.

    The hand's pose is a named grasp of `hands.grasps`, or 45 anatomical angles (rad; flexion, abduction, twist of the
    15 joints). `T_hand_instrument` is in the wrist's frame (joint 0). `joint_positions` are (joint, rad).
    """

    name: str
    side: Side
    T_hand_instrument: Pose
    hand: str = ""
    angles: tuple[float, ...] = ()
    joint_positions: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class FiducialMount:
    """Where a marker of `size` (m) may be fixed: the marker's middle, z out of it."""

    link: str
    pose: Pose
    size: float


@dataclass(frozen=True)
class Fiducial:
    """A square marker that is fixed to a link: dictionary (one of `MARKER_DICTIONARIES`) and number in it.

    `size` is the side of its black square (m); `pose` that of its middle: x to the right of the marker as OpenCV draws
    it, y up, z out of it.
    """

    dictionary: str
    number: int
    size: float
    link: str
    pose: Pose = IDENTITY

    @property
    def label(self) -> str:
        """Name for notes and sources."""
        return f"marker {self.number} of {self.dictionary}"

    @property
    def drawn(self) -> tuple[str, int]:
        """The same for markers that look the same: smaller dictionaries are the beginnings of larger ones."""
        family = self.dictionary.rpartition("_")[0] if "X" in self.dictionary else self.dictionary
        return family, self.number


@dataclass(frozen=True)
class InstrumentDescription:
    """The whole of `instrument.yaml`. `sources` say where the dimensions come from, one line each."""

    name: str
    instrument_class: str
    aliases: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    materials: tuple[Material, ...] = ()
    symmetries: tuple[Symmetry, ...] = ()
    frames: tuple[NamedFrame, ...] = ()
    grasp_regions: tuple[GraspRegion, ...] = ()
    grasps: tuple[Grasp, ...] = ()
    fiducial_mount: FiducialMount | None = None
    fiducials: tuple[Fiducial, ...] = ()

    @property
    def tips(self) -> tuple[NamedFrame, ...]:
        """Frames of the tips."""
        return tuple(frame for frame in self.frames if frame.tip)
