"""Where an instrument's links and tips are for a state of it, with the analytic Jacobian.

A state is the base link's place and rotation and the joint angles. Its tangent has 6 + j coordinates: 0-2 translation
of the base (m), 3-5 rotation about the fixed axes of the camera (rad, left-multiplied), then the j angles (rad) in the
order of `InstrumentModel.joint_names`; mimicking joints follow linearly. Everything is batched over hypotheses (b).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.description import NamedFrame, Pose
from hoi_perception.instruments.design import JointDesign
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle, skew

Array = NDArray[np.float64]


@dataclass(frozen=True)
class JointTree:
    """What forward kinematics needs of an instrument of l links, links in an order in which parents come first.

    Joint k carries link k + 1: its parent's index, the pose of the child's frame in the parent's at angle zero, the
    axis in the child's frame (zero for a fixed joint). Its angle is `multipliers[k] @ angles + offsets[k]`.
    """

    parents: Int64[NDArray[np.int64], " l1"]
    R_parent_child: Float64[Array, "l1 3 3"]
    t_parent_child: Float64[Array, "l1 3"]
    axes: Float64[Array, "l1 3"]
    multipliers: Float64[Array, "l1 j"]
    offsets: Float64[Array, " l1"]
    lower: Float64[Array, " j"]
    upper: Float64[Array, " j"]
    moves: Float64[Array, "l l1"]
    """1 where a link is at or beyond a joint."""

    @property
    def n_joints(self) -> int:
        """Angles of a state."""
        return int(self.multipliers.shape[1])


@dataclass(frozen=True)
class Frames:
    """Frames fixed to links: tips and others. `names` are theirs, `links` indices of the links."""

    names: tuple[str, ...]
    links: Int64[NDArray[np.int64], " f"]
    R_link_frame: Float64[Array, "f 3 3"]
    t_link_frame: Float64[Array, "f 3"]


@dataclass(frozen=True)
class InstrumentState:
    """Base link in the camera frame (m) and joint angles (rad) of a batch of hypotheses."""

    R: Float64[Array, "b 3 3"]
    t: Float64[Array, "b 3"]
    angles: Float64[Array, "b j"]

    def step_to(self, other: InstrumentState) -> Float64[Array, " k"]:
        """The step that `plus` takes from this state to another one (batches of one)."""
        turn = axis_angle_from_rotation(other.R[0] @ self.R[0].T)
        return np.concatenate([other.t[0] - self.t[0], turn, other.angles[0] - self.angles[0]])

    def plus(self, step: Float64[Array, "b _"]) -> InstrumentState:
        """The state moved along a tangent vector."""
        return InstrumentState(
            rotation_from_axis_angle(step[:, 3:6]) @ self.R, self.t + step[:, :3], self.angles + step[:, 6:]
        )


@dataclass(frozen=True)
class PosedLinks:
    """Link frames in the camera frame, with what Jacobians need: axis and anchor of each joint there."""

    R: Float64[Array, "b l 3 3"]
    t: Float64[Array, "b l 3"]
    axes: Float64[Array, "b l1 3"]
    anchors: Float64[Array, "b l1 3"]


def joint_tree(model: InstrumentModel) -> JointTree:
    """The tree of a model. Links count as in `model.links`, joint k carries `model.links[k + 1]`."""
    index = {name: k for k, name in enumerate(model.link_names)}
    by_child = {joint.child: joint for joint in model.joints}
    joints = [by_child[name] for name in model.link_names[1:]]
    named = {joint.name: joint for joint in joints}
    independent = model.joint_names
    multipliers, offsets = np.zeros((len(joints), len(independent))), np.zeros(len(joints))
    for k, joint in enumerate(joints):
        if joint.kind == "revolute":
            source, multiplier, offsets[k] = _source(joint, named)
            multipliers[k, independent.index(source)] = multiplier
    parents = np.array([index[joint.parent] for joint in joints], dtype=np.int64)
    moves = np.zeros((len(index), len(joints)))
    for link in range(1, len(index)):
        moves[link] = moves[parents[link - 1]]
        moves[link, link - 1] = 1.0
    return JointTree(
        parents=parents,
        R_parent_child=np.array([Pose(joint.xyz, joint.rpy).R for joint in joints]).reshape(-1, 3, 3),
        t_parent_child=np.array([joint.xyz for joint in joints], dtype=np.float64).reshape(-1, 3),
        axes=np.array([j.axis if j.kind == "revolute" else (0.0, 0.0, 0.0) for j in joints], float).reshape(-1, 3),
        multipliers=multipliers,
        offsets=offsets,
        lower=np.array([named[name].lower for name in independent], dtype=np.float64),
        upper=np.array([named[name].upper for name in independent], dtype=np.float64),
        moves=moves,
    )


def named_frames(model: InstrumentModel, frames: tuple[NamedFrame, ...] | None = None) -> Frames:
    """The given named frames of an instrument, its tips by default."""
    frames = model.description.tips if frames is None else frames
    links = [model.link_names.index(frame.link) for frame in frames]
    return Frames(
        tuple(frame.name for frame in frames),
        np.array(links, dtype=np.int64),
        np.array([frame.pose.R for frame in frames]).reshape(-1, 3, 3),
        np.array([frame.pose.t for frame in frames], dtype=np.float64).reshape(-1, 3),
    )


def pose_links(tree: JointTree, state: InstrumentState) -> PosedLinks:
    """Forward kinematics."""
    b, n = state.t.shape[0], len(tree.parents)
    angles = state.angles @ tree.multipliers.T + tree.offsets
    local = tree.R_parent_child @ rotation_from_axis_angle(angles[..., None] * tree.axes)
    R, t = np.empty((b, n + 1, 3, 3)), np.empty((b, n + 1, 3))
    R[:, 0], t[:, 0] = state.R, state.t
    for k, parent in enumerate(tree.parents):
        R[:, k + 1] = R[:, parent] @ local[:, k]
        t[:, k + 1] = t[:, parent] + R[:, parent] @ tree.t_parent_child[k]
    axes = (R[:, 1:] @ tree.axes[..., None])[..., 0]  # the axis is the same before and after the turn about it
    return PosedLinks(R, t, axes, t[:, 1:])


def pose_frames(posed: PosedLinks, frames: Frames) -> tuple[Float64[Array, "b f 3 3"], Float64[Array, "b f 3"]]:
    """Rotations and origins (m) of frames in the camera frame."""
    R = posed.R[:, frames.links]
    t = posed.t[:, frames.links] + (R @ frames.t_link_frame[..., None])[..., 0]
    return R @ frames.R_link_frame, t


def point_jacobian(
    tree: JointTree, posed: PosedLinks, points: Float64[Array, "b n 3"], links: Int64[NDArray[np.int64], " n"]
) -> Float64[Array, "b n 3 k"]:
    """Derivative along the state's tangent of points (m, camera frame), point i fixed to link `links[i]`."""
    b, n = points.shape[:2]
    J = np.zeros((b, n, 3, 6 + tree.n_joints))
    J[..., 0, 0] = J[..., 1, 1] = J[..., 2, 2] = 1.0
    J[..., 3:6] = -skew(points - posed.t[:, :1])
    arms = points[:, :, None] - posed.anchors[:, None]
    turned = np.cross(posed.axes[:, None], arms) * tree.moves[links][None, :, :, None]
    J[..., 6:] = np.moveaxis(turned, -1, -2) @ tree.multipliers
    return J


def rotation_jacobian(
    tree: JointTree, posed: PosedLinks, links: Int64[NDArray[np.int64], " n"]
) -> Float64[Array, "b n 3 k"]:
    """Derivative along the state's tangent of the links' rotations (rad, about the fixed axes of the camera)."""
    J = np.zeros((posed.t.shape[0], len(links), 3, 6 + tree.n_joints))
    J[..., 3:6] = np.eye(3)
    turned = posed.axes[:, None] * tree.moves[links][None, :, :, None]
    J[..., 6:] = np.moveaxis(turned, -1, -2) @ tree.multipliers
    return J


def link_jacobian(tree: JointTree, posed: PosedLinks) -> Float64[Array, "b l 6 k"]:
    """Derivative of the links' poses along the state's tangent: rows 0-2 their origins, 3-5 their rotations."""
    links = np.arange(posed.t.shape[1])
    return np.concatenate([point_jacobian(tree, posed, posed.t, links), rotation_jacobian(tree, posed, links)], axis=2)


def frame_jacobian(tree: JointTree, posed: PosedLinks, frames: Frames) -> Float64[Array, "b f 6 k"]:
    """Derivative of frames' poses along the state's tangent: rows 0-2 their origins, 3-5 their rotations."""
    _, t = pose_frames(posed, frames)
    rows = [point_jacobian(tree, posed, t, frames.links), rotation_jacobian(tree, posed, frames.links)]
    return np.concatenate(rows, axis=2)


def distance_jacobian(
    tree: JointTree,
    posed: PosedLinks,
    points: Float64[Array, "b n 3"],
    gradients: Float64[Array, "b n 3"],
    links: Int64[NDArray[np.int64], "b n"],
) -> Float64[Array, "b n k"]:
    """Derivative along the state's tangent of the distances of points that stand still (m, camera frame).

    `gradients` and `links` are those of the distance field there: the instrument moves, the point does not, so that the
    distance changes as if the point moved the other way.
    """
    J = np.zeros((*points.shape[:2], 6 + tree.n_joints))
    J[..., :3] = -gradients
    J[..., 3:6] = -np.cross(points - posed.t[:, :1], gradients)
    arms = points[:, :, None] - posed.anchors[:, None]
    turned = np.cross(posed.axes[:, None], arms) * tree.moves[links][..., None]
    J[..., 6:] = -np.einsum("bnki,bni->bnk", turned, gradients) @ tree.multipliers
    return J


def _source(joint: JointDesign, named: dict[str, JointDesign]) -> tuple[str, float, float]:
    """The joint whose angle a joint follows in the end, with multiplier and offset; the joint itself if none."""
    multiplier, offset = 1.0, 0.0
    while joint.mimic is not None:
        target, factor, shift = joint.mimic
        # q = m (factor q_target + shift) + o
        multiplier, offset = multiplier * factor, multiplier * shift + offset
        joint = named[target]
    return joint.name, multiplier, offset
