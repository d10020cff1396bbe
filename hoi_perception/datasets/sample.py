"""What every reader yields: typed samples in one convention, whatever the data set's own.

Camera coordinates are OpenCV's (x right, y down, z forward), metres and radians. Joints are 21 in OpenPose order.
MANO parameters are kept as the data set states them, with its convention beside them, since the mean pose, the
principal components and the place of the wrist come from the user's MANO file; `ManoAnnotation.parameters` converts
them to this package's convention (flat hand, axis-angle, wrist in the camera frame).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.datasets.errors import FileProblem
from hoi_perception.hands.hand_model import HandModel, PosedHand
from hoi_perception.hands.joints import OPENPOSE_FROM_21
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Camera, HandParameters, Side

Array = NDArray[np.float64]
Tips = tuple[int, int, int, int, int]
"""Vertices of the fingertips, thumb to pinky."""


class Articulation(Enum):
    """How the 15 joints are written.

    FLAT: axis-angle, zero is the flat hand. FROM_MEAN: axis-angle, zero is MANO's mean pose (smplx's
    `flat_hand_mean=False`). COMPONENTS_FROM_MEAN: coefficients of MANO's first principal components, mean added.
    """

    FLAT = "flat"
    FROM_MEAN = "from mean"
    COMPONENTS_FROM_MEAN = "components from mean"


@dataclass(frozen=True, eq=False)
class ManoAnnotation:
    """MANO parameters in the data set's convention, in a frame that `R_camera` and `t_camera` bring to the camera.

    `rotation` is the global one (axis-angle). `place` is MANO's own translation, or, where `placed_joint` names one of
    the 16 joints, where that joint is: the end of the kinematic chain, or with `placed_joint_regressed` what the joint
    regressor gives for the posed mesh (some millimetres beside it).
    """

    rotation: Float64[Array, "3"]
    articulation: Float64[Array, " n"]
    convention: Articulation
    shape: Float64[Array, "10"]
    place: Float64[Array, "3"]
    placed_joint: int | None = None
    placed_joint_regressed: bool = False
    R_camera: Float64[Array, "3 3"] = field(default_factory=lambda: np.eye(3))
    t_camera: Float64[Array, "3"] = field(default_factory=lambda: np.zeros(3))

    def parameters(self, model: HandModel) -> HandParameters:
        """The same hand in this package's convention; `model` is the MANO file that the annotation is for."""
        pose = np.concatenate([self.rotation[None], self._flat_articulation(model)])
        shaped = model.with_shape(self.shape)
        if self.placed_joint is None:
            wrist = shaped.joints_rest[0] + self.place
        else:
            posed = shaped.with_pose(pose)
            joints = model.joint_regressor @ posed.vertices if self.placed_joint_regressed else posed.joints16
            wrist = self.place - joints[self.placed_joint] + posed.joints16[0]
        turned = self.R_camera @ rotation_from_axis_angle(self.rotation)
        pose[0] = axis_angle_from_rotation(turned)
        return HandParameters(pose, self.shape, self.R_camera @ wrist + self.t_camera)

    def _flat_articulation(self, model: HandModel) -> Float64[Array, "15 3"]:
        match self.convention:
            case Articulation.FLAT:
                return self.articulation.reshape(15, 3)
            case Articulation.FROM_MEAN:
                return (self.articulation + model.pose_mean).reshape(15, 3)
            case Articulation.COMPONENTS_FROM_MEAN:
                return model.articulation_from_components(self.articulation, add_mean=True)


@dataclass(frozen=True, eq=False)
class HandTruth:
    """What is known of one hand; None for what the data set does not state.

    `joints_valid` marks the joints that were measured (None: all). `visibility` is the share of the hand that is seen.
    `wrist_camera` alone is known where a challenge hides the rest.
    """

    side: Side
    mano: ManoAnnotation | None = None
    joints_camera: Float64[Array, "21 3"] | None = None
    joints_valid: Bool[NDArray[np.bool_], "21"] | None = None
    vertices_camera: Float64[Array, "778 3"] | None = None
    wrist_camera: Float64[Array, "3"] | None = None
    visibility: float | None = None

    def completed(self, model: HandModel, tips: Tips, *, regressed: bool = False) -> HandTruth:
        """With joints and vertices of the posed model where the data set states none."""
        if self.mano is None or (self.joints_camera is not None and self.vertices_camera is not None):
            return self
        posed = model.posed(self.mano.parameters(model))
        joints = joints21(posed, tips, regressed=regressed) if self.joints_camera is None else self.joints_camera
        vertices = posed.vertices if self.vertices_camera is None else self.vertices_camera
        return replace(self, joints_camera=joints, vertices_camera=vertices)


@dataclass(frozen=True)
class Hinge:
    """How an object of two parts moves: `parts` is a file (relative to the data set's root) with 1 for each vertex of
    the mesh that is of the base; the others turn about `axis` through the mesh's origin."""

    parts: str
    axis: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class ObjectTruth:
    """Pose of one object. `mesh` is relative to the data set's root; its points times `mesh_scale` are metres, with
    `mesh_centred` after the middle of their bounding box is taken off. `articulation_rad` is the angle of its hinge,
    where it has one. `grasped` is false where the data set says that it is another object that a hand takes."""

    name: str
    mesh: str
    R_camera: Float64[Array, "3 3"]
    t_camera: Float64[Array, "3"]
    mesh_scale: float = 1.0
    mesh_centred: bool = False
    articulation_rad: float | None = None
    hinge: Hinge | None = None
    grasped: bool = True


class Picture(Protocol):
    """An image that is decoded when asked for."""

    @property
    def name(self) -> str:
        """How errors call it."""
        ...

    def read(self) -> UInt8[NDArray[np.uint8], "h w 3"]:
        """The pixels, BGR; raises ReadError where there are none."""
        ...


@dataclass(frozen=True, eq=False)
class Sample:
    """One image with its camera and all that is known of it. `stamp_ns` counts from the start of its sequence."""

    split: str
    sequence: str
    frame: int
    stamp_ns: int
    picture: Picture
    camera: Camera
    hands: tuple[HandTruth, ...] = ()
    objects: tuple[ObjectTruth, ...] = ()


@dataclass(frozen=True)
class DatasetInfo:
    """Facts of a data set that hold for all of its samples.

    `get` names the page and the files, `layout` where they go under the root, `licence` is one line. `tips` are the
    vertices that its fingertips are (`tips_left` where the left hand has others). `regressed`: its joints are
    regressed from the posed mesh. `left_uncorrected`: its left hands were annotated with the official left file as it
    is, sign error included. `stills`: its images have no order in time. `note` is what a reader of figures has to
    know. `objects` says where the meshes of its objects come from and where they go; "" where it states none.
    """

    name: str
    title: str
    get: str
    layout: str
    licence: str
    splits: tuple[str, ...]
    default_split: str
    tips: Tips
    tips_left: Tips | None = None
    regressed: bool = False
    rate_hz: float = 30.0
    left_uncorrected: bool = False
    stills: bool = False
    note: str = ""
    objects: str = ""

    def tips_of(self, side: Side) -> Tips:
        """Tip vertices of a side."""
        return self.tips_left if side is Side.LEFT and self.tips_left is not None else self.tips


class Reader(Protocol):
    """One split of one data set on disk. Sequences are read one at a time, files when they are needed."""

    @property
    def info(self) -> DatasetInfo:
        """Facts of the data set."""
        ...

    @property
    def split(self) -> str:
        """The split that is read."""
        ...

    @property
    def has_truth(self) -> bool:
        """Whether joints, or parameters of the hand, are known; a challenge may hide them."""
        ...

    @property
    def problems(self) -> Sequence[FileProblem]:
        """What was wrong with files that concern the whole split, known once it is opened."""
        ...

    def sequences(self) -> Sequence[str]:
        """Names of the split's sequences, each once, in the data set's order."""
        ...

    def read(self, sequence: str) -> Iterator[Sample | FileProblem]:
        """The frames of a sequence in order, with a problem in place of each that cannot be read."""
        ...


def joints21(posed: PosedHand, tips: Tips, *, regressed: bool = False) -> Float64[Array, "21 3"]:
    """A posed hand's joints in OpenPose order, with a data set's own fingertips.

    `regressed`: the 16 joints come from the posed mesh by MANO's regressor, not from the chain of bones.
    """
    joints16 = posed.shaped.model.joint_regressor @ posed.vertices if regressed else posed.joints16
    return np.concatenate([joints16, posed.vertices[list(tips)]])[OPENPOSE_FROM_21]


def stamp_ns(frame: int, rate_hz: float) -> int:
    """Time of a frame, counted from frame 0."""
    return round(frame * 1e9 / rate_hz)


def relative_to(root: Path, path: Path) -> str:
    """A file's name under the root of its data set, with forward slashes."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
