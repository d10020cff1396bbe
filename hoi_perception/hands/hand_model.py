"""The hand as staged values: HandModel.load -> with_shape -> with_pose -> mesh and joints.

MANO's function (Romero, Tzionas, Black 2017, eq. 2-5) on any file with MANO's arrays: shape directions, pose-dependent
directions, linear blend skinning. Metres and radians. The frame is MANO's (fingers of a right hand along -x, thumb side
+z, back of the hand +y) until the global rotation turns it about joint 0 of the shaped hand.

A `pose` is always flat-hand: zero is the open hand and no mean is added. Functions convert from the other conventions.
Leading dimensions of shape and pose broadcast. Arrays are never written to after construction.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Float64, Int32
from numpy.typing import NDArray

from hoi_perception.hands.joints import OPENPOSE_FROM_21, Fingertips
from hoi_perception.hands.mano_file import HandFile, read_hand_file
from hoi_perception.hands.mirroring import LeftSign, correct_left_sign, mirror_hand_file, side_of
from hoi_perception.hands.skinning import chain_transforms, skin
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import HandParameters, Side

Array = NDArray[np.float64]


class JointOrder(Enum):
    """Order of 21 joints. MANO: the 16 joints, then the tips thumb to pinky. OPENPOSE: wrist, then thumb to pinky,
    four each from base to tip (also FreiHAND's and the landmark network's)."""

    MANO = "mano"
    OPENPOSE = "openpose"


class HandFileWarning(UserWarning):
    """A hand file was usable, but not as it was."""


@dataclass(frozen=True, eq=False)
class HandModel:
    """A hand of unknown shape: MANO's arrays for one side. `notes` says what was changed on loading."""

    side: Side
    template: Float64[Array, "778 3"]
    shape_directions: Float64[Array, "778 3 10"]
    pose_directions: Float64[Array, "778 3 135"]
    joint_regressor: Float64[Array, "16 778"]
    skin_weights: Float64[Array, "778 16"]
    faces: Int32[NDArray[np.int32], "1538 3"]
    pose_components: Float64[Array, "45 45"]
    pose_mean: Float64[Array, "45"]
    source: str
    notes: tuple[str, ...] = ()

    @staticmethod
    def load(
        path: str | os.PathLike[str] | None = None,
        side: Side = Side.RIGHT,
        *,
        right_file: str | os.PathLike[str] | None = None,
        left_sign: LeftSign = LeftSign.AUTO,
    ) -> HandModel:
        """The hand of `side` from a file (None or "": the open hand), mirrored where the file holds the other side.

        A left file is checked for its known sign error against `right_file` (default: the file beside it whose name
        says RIGHT instead of LEFT), else by itself; what is found and done stands in `notes` and in a warning.
        """
        file = _read_open_hand() if path is None or not str(path) else read_hand_file(path)
        notes: list[str] = []
        if side_of(file) is Side.LEFT:
            right = right_file or _neighbour(file.source)
            file, note = correct_left_sign(file, read_hand_file(right) if right else None, left_sign)
            if note:
                warnings.warn(note, HandFileWarning, stacklevel=2)
                notes.append(note)
        if side_of(file) is not side:
            file = mirror_hand_file(file)
            notes.append(f"{side.label} hand mirrored from {file.source}")
        return HandModel.from_file(file, side, tuple(notes))

    @staticmethod
    def from_file(file: HandFile, side: Side, notes: tuple[str, ...] = ()) -> HandModel:
        """The model of checked arrays, taken as they are."""
        return HandModel(
            side=side,
            template=file.v_template,
            shape_directions=file.shapedirs,
            pose_directions=file.posedirs,
            joint_regressor=file.J_regressor,
            skin_weights=file.weights,
            faces=file.f,
            pose_components=file.hands_components,
            pose_mean=file.hands_mean,
            source=file.source,
            notes=notes,
        )

    def with_shape(self, shape: Float[Array, "*b 10"] | None = None) -> ShapedHand:
        """The hand with MANO's shape coefficients (None: the mean shape)."""
        beta = np.zeros(10) if shape is None else np.asarray(shape, dtype=np.float64)
        vertices = self.template.ravel() + beta @ self._shape_matrix
        joints = self.joints_mean.ravel() + beta @ self._joint_shape_matrix
        batch = beta.shape[:-1]
        return ShapedHand(self, beta, vertices.reshape(*batch, -1, 3), joints.reshape(*batch, -1, 3))

    def posed(self, parameters: HandParameters) -> PosedHand:
        """The hand of fitted parameters: wrist (joint 0) at `wrist_camera`."""
        return self.with_shape(parameters.shape).with_pose_at_wrist(parameters.pose, parameters.wrist_camera)

    def tip_weights(self, tips: Fingertips = Fingertips.SMPLX) -> Float64[Array, "5 16"]:
        """Skin weights of the tip vertices, thumb to pinky."""
        return self.skin_weights[tips.vertices]

    def tip_shape_directions(self, tips: Fingertips = Fingertips.SMPLX) -> Float64[Array, "5 3 10"]:
        """Derivative of the tips at rest along the shape, m."""
        return self.shape_directions[tips.vertices]

    def tip_pose_directions(self, tips: Fingertips = Fingertips.SMPLX) -> Float64[Array, "5 3 135"]:
        """Derivative of the tips at rest along the entries (row-major) of R - I of joints 1-15, m."""
        return self.pose_directions[tips.vertices]

    @cached_property
    def joints_mean(self) -> Float64[Array, "16 3"]:
        """Joints of the mean shape at rest."""
        return np.asarray(self.joint_regressor @ self.template)

    @cached_property
    def joint_shape_directions(self) -> Float64[Array, "16 3 10"]:
        """Derivative of the joints at rest along the shape, m."""
        return np.asarray(np.einsum("jv,vak->jak", self.joint_regressor, self.shape_directions))

    def flat_pose_from_mean_relative(self, pose: Float[Array, "*b 16 3"]) -> Float64[Array, "*b 16 3"]:
        """Flat-hand pose of one that counts from the mean pose (smplx's `flat_hand_mean=False`)."""
        return np.asarray(pose + self._mean_16)

    def mean_relative_from_flat_pose(self, pose: Float[Array, "*b 16 3"]) -> Float64[Array, "*b 16 3"]:
        """Inverse of `flat_pose_from_mean_relative`."""
        return np.asarray(pose - self._mean_16)

    def articulation_from_components(
        self, coefficients: Float[Array, "*b n"], *, add_mean: bool
    ) -> Float64[Array, "*b 15 3"]:
        """Flat-hand articulation of the first n principal components, with the mean pose added or not."""
        n = coefficients.shape[-1]
        flat = coefficients @ self.pose_components[:n] + (self.pose_mean if add_mean else 0.0)
        return np.asarray(flat.reshape(*coefficients.shape[:-1], 15, 3))

    def components_from_articulation(
        self, articulation: Float[Array, "*b 15 3"], n: int, *, subtract_mean: bool
    ) -> Float64[Array, "*b n"]:
        """Coefficients of n components nearest in least squares to a flat-hand articulation (exact for n = 45)."""
        flat = articulation.reshape(*articulation.shape[:-2], 45) - (self.pose_mean if subtract_mean else 0.0)
        return np.asarray(flat @ np.linalg.pinv(self.pose_components[:n]))

    @cached_property
    def _mean_16(self) -> Float64[Array, "16 3"]:
        return np.concatenate([np.zeros((1, 3)), self.pose_mean.reshape(15, 3)])

    @cached_property
    def _shape_matrix(self) -> Float64[Array, "10 2334"]:
        return np.ascontiguousarray(self.shape_directions.reshape(-1, 10).T)

    @cached_property
    def _joint_shape_matrix(self) -> Float64[Array, "10 48"]:
        return np.ascontiguousarray(self.joint_shape_directions.reshape(-1, 10).T)

    @cached_property
    def _pose_matrix(self) -> Float32[NDArray[np.float32], "135 2334"]:
        """In float32 for speed: offsets are below 2 cm, so that rounding stays below 1e-8 m."""
        return np.ascontiguousarray(self.pose_directions.reshape(-1, 135).T, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class ShapedHand:
    """A hand of known shape in its rest pose."""

    model: HandModel
    shape: Float64[Array, "*b 10"]
    vertices_rest: Float64[Array, "*b 778 3"]
    joints_rest: Float64[Array, "*b 16 3"]

    def tips_rest(self, tips: Fingertips = Fingertips.SMPLX) -> Float64[Array, "*b 5 3"]:
        """Fingertips at rest, thumb to pinky."""
        return self.vertices_rest[..., tips.vertices, :]

    def joints21_rest(self, tips: Fingertips = Fingertips.SMPLX) -> Float64[Array, "*b 21 3"]:
        """The 16 joints and 5 tips at rest, in MANO's order."""
        return np.concatenate([self.joints_rest, self.tips_rest(tips)], axis=-2)

    def with_pose(
        self, pose: Float[Array, "*b 16 3"] | None = None, translation: Float[Array, "*c 3"] | None = None
    ) -> PosedHand:
        """The hand in a flat-hand axis-angle pose (None: zero), moved by MANO's own `translation` (None: zero)."""
        vectors = np.zeros((16, 3)) if pose is None else np.asarray(pose, dtype=np.float64)
        return self.with_rotations(np.asarray(rotation_from_axis_angle(vectors), dtype=np.float64), translation)

    def with_pose_at_wrist(self, pose: Float[Array, "*b 16 3"], wrist: Float[Array, "*c 3"]) -> PosedHand:
        """The hand in a flat-hand axis-angle pose with joint 0 at `wrist`."""
        return self.with_pose(pose, self.translation_from_wrist(wrist))

    def translation_from_wrist(self, wrist: Float[Array, "*b 3"]) -> Float64[Array, "*c 3"]:
        """MANO's translation of a hand whose joint 0 is at `wrist`: global rotation leaves joint 0 in place."""
        return np.asarray(wrist - self.joints_rest[..., 0, :])

    def with_rotations(
        self, rotations: Float[Array, "*b 16 3 3"], translation: Float[Array, "*c 3"] | None = None
    ) -> PosedHand:
        """As `with_pose`, from rotation matrices of the joints relative to their parents (0: global)."""
        model = self.model
        features = (rotations[..., 1:, :, :] - np.eye(3)).reshape(*rotations.shape[:-3], 135)
        offsets = features.astype(np.float32) @ model._pose_matrix
        posed = self.vertices_rest + offsets.reshape(*offsets.shape[:-1], -1, 3)
        transforms = chain_transforms(rotations, self.joints_rest)
        if translation is not None:
            batch = np.broadcast_shapes(transforms.shape[:-3], translation.shape[:-1])
            transforms = np.array(np.broadcast_to(transforms, (*batch, 16, 4, 4)))
            transforms[..., :3, 3] += translation[..., None, :]
        return PosedHand(self, transforms, skin(posed, transforms, self.joints_rest, model.skin_weights))


@dataclass(frozen=True, eq=False)
class PosedHand:
    """A posed hand. `transforms` bring each joint's rest-aligned frame (origin in the joint) to its place."""

    shaped: ShapedHand
    transforms: Float64[Array, "*b 16 4 4"]
    vertices: Float64[Array, "*b 778 3"]

    @property
    def faces(self) -> Int32[NDArray[np.int32], "1538 3"]:
        """Triangles, outside to the viewer when counter-clockwise; the wrist is open."""
        return self.shaped.model.faces

    @property
    def joints16(self) -> Float64[Array, "*b 16 3"]:
        """Joints in MANO's order."""
        return self.transforms[..., :3, 3]

    @property
    def joint_rotations(self) -> Float64[Array, "*b 16 3 3"]:
        """Rotations of the bones from their rest orientation."""
        return self.transforms[..., :3, :3]

    def tips(self, tips: Fingertips = Fingertips.SMPLX) -> Float64[Array, "*b 5 3"]:
        """Fingertip vertices, thumb to pinky."""
        return self.vertices[..., tips.vertices, :]

    def joints21(
        self, order: JointOrder = JointOrder.OPENPOSE, tips: Fingertips = Fingertips.SMPLX
    ) -> Float64[Array, "*b 21 3"]:
        """The 16 joints with the five tips."""
        joints = np.concatenate([self.joints16, self.tips(tips)], axis=-2)
        return joints if order is JointOrder.MANO else joints[..., OPENPOSE_FROM_21, :]


def _read_open_hand() -> HandFile:
    with as_file(files("hoi_perception.hands") / "open_hand.npz") as path:
        return read_hand_file(path)


def _neighbour(source: str) -> Path | None:
    """The right file beside a left file, if there is one."""
    path = Path(source)
    right = path.with_name(path.name.replace("LEFT", "RIGHT").replace("left", "right"))
    return right if right != path and right.is_file() else None
