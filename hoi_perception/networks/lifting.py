"""The lifting network: 21 landmarks of a hand to its pose, by semantic graph convolutions. Needs the extra [torch].

A graph convolution is X' = W X rho(M * (A + I)): M is learned, rho a softmax over a node's neighbours (Zhao et al.,
Semantic Graph Convolutional Networks, CVPR 2019, eq. 2). Here every group of channels has an M of its own. Blocks take
turns between the skeleton's edges and all pairs of landmarks. A last convolution goes from the 21 landmarks to the 16
joints: the latent pose, 16 x 128, from which each joint reads its turn.

What it sees and says is canonical (`networks.canonical`); `networks.lifter` runs it without torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from hoi_perception.hands.joints import PARENTS
from hoi_perception.hands.kinematics import LANDMARK_BONE, LANDMARK_JOINT
from hoi_perception.networks.canonical import N_FEATURES

try:
    import torch
    from torch import Tensor, nn
except ModuleNotFoundError as error:
    raise ImportError("hoi_perception.networks.lifting needs torch: pip install 'hoi_perception[torch]'") from error

NAME, VERSION = "lifting", 1
CHANNELS, GROUPS, BLOCKS = 128, 8, 3
N_LANDMARKS, N_JOINTS, N_SHAPE = 21, 16, 10
PER_JOINT = 9
"""Of the wrist: two columns of its rotation, three logarithms of deviations (rad); of others: three angles as shares of
their usual deviation, three logarithms, three unused."""
OVERALL = 3 + N_SHAPE
"""Wrist beside the middle, x and y, in sizes; logarithm of wrist depth x size / palm length; shape."""


@dataclass(frozen=True, eq=False)
class Lifted:
    """What the network says of a batch of hands."""

    joints: Float[Tensor, "b 16 9"]
    overall: Float[Tensor, "b 13"]


class GraphConvolution(nn.Module):
    """W X rho(M * (A + I)), normalised over the batch; `neighbours` (to, from) is A + I."""

    def __init__(self, inputs: int, outputs: int, neighbours: Bool[NDArray[np.bool_], "t f"]) -> None:
        super().__init__()
        to, origin = neighbours.shape
        self.weight = nn.Linear(inputs, outputs, bias=False)
        self.M = nn.Parameter(torch.where(torch.eye(to, origin) > 0, 2.0, 0.0).repeat(GROUPS, 1, 1))
        self.norm = nn.BatchNorm1d(outputs)
        self.mask: Tensor
        self.register_buffer("mask", torch.where(torch.as_tensor(neighbours), 0.0, -torch.inf), persistent=False)

    def forward(self, X: Float[Tensor, "b f i"]) -> Float[Tensor, "b t o"]:
        Y = self.weight(X)
        b, f, channels = Y.shape
        rho = (self.M + self.mask).softmax(dim=-1)
        grouped = Y.reshape(b, f, GROUPS, channels // GROUPS)
        mixed = torch.einsum("gtf,bfgc->btgc", rho, grouped).reshape(b, -1, channels)
        normed: Tensor = self.norm(mixed.flatten(0, 1))
        return normed.reshape(mixed.shape)


class Block(nn.Module):
    """X + what convolutions along the skeleton and among all landmarks add to it."""

    def __init__(self) -> None:
        super().__init__()
        self.near = GraphConvolution(CHANNELS, CHANNELS, skeleton_edges())
        self.far = GraphConvolution(CHANNELS, CHANNELS, np.ones((N_LANDMARKS, N_LANDMARKS), dtype=bool))

    def forward(self, X: Float[Tensor, "b 21 c"]) -> Float[Tensor, "b 21 c"]:
        return torch.relu(X + self.far(torch.relu(self.near(X))))


class LiftingNetwork(nn.Module):
    """Features (`N_FEATURES` of each landmark) to what `Lifted` holds."""

    def __init__(self) -> None:
        super().__init__()
        self.node = nn.Parameter(0.1 * torch.randn(N_LANDMARKS, CHANNELS))
        self.embed = nn.Linear(N_FEATURES, CHANNELS, bias=False)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.latent = GraphConvolution(CHANNELS, CHANNELS, joint_edges())
        self.joints = nn.Parameter(0.03 * torch.randn(N_JOINTS, CHANNELS, PER_JOINT))
        self.joints_bias = nn.Parameter(torch.zeros(N_JOINTS, PER_JOINT))
        self.overall = nn.Linear(N_JOINTS * CHANNELS, OVERALL)
        with torch.no_grad():
            self.joints_bias[0, [0, 4]] = 1.0

    def forward(self, features: Float[Tensor, "b 21 f"]) -> Lifted:
        X = self.blocks(torch.relu(self.embed(features) + self.node))
        theta = torch.relu(self.latent(X))
        joints = torch.einsum("bjc,jck->bjk", theta, self.joints) + self.joints_bias
        return Lifted(joints, self.overall(theta.flatten(1)))


def skeleton_edges() -> Bool[NDArray[np.bool_], "21 21"]:
    """A + I of the landmarks: each with the next of its finger, the wrist with each finger's first."""
    edges = np.eye(N_LANDMARKS, dtype=bool)
    for i in range(1, N_LANDMARKS):
        before = 0 if i % 4 == 1 else i - 1
        edges[i, before] = edges[before, i] = True
    return edges


def joint_edges() -> Bool[NDArray[np.bool_], "16 21"]:
    """Which landmarks a joint listens to: those of its own finger, the wrist and the knuckles; the wrist to all."""
    finger = np.array([0 if i == 0 else 1 + (i - 1) // 4 for i in range(N_LANDMARKS)])
    finger_of_joint = np.zeros(N_JOINTS, dtype=np.int64)
    for landmark, joint in enumerate(LANDMARK_JOINT):
        if joint < N_JOINTS:
            finger_of_joint[joint] = finger[landmark]
    edges = np.asarray(finger_of_joint[:, None] == finger[None], dtype=bool)
    edges[:, [0, 5, 9, 13, 17]] = True
    edges[0] = True
    return edges


def rotation_from_columns(columns: Float[Tensor, "*b 6"]) -> Float[Tensor, "*b 3 3"]:
    """The rotation whose first two columns are those given, made orthonormal (Zhou et al., CVPR 2019, eq. 15)."""
    first, second = columns[..., :3], columns[..., 3:]
    x = nn.functional.normalize(first, dim=-1)
    y = nn.functional.normalize(second - (x * second).sum(dim=-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def pose_landmarks(
    joints: Float[Tensor, "b 16 3"],
    points: Float[Tensor, "b 21 3"],
    frames: Float[Tensor, "15 3 3"],
    rotation: Float[Tensor, "b 3 3"],
    angles: Float[Tensor, "b 15 3"],
) -> Float[Tensor, "b 21 3"]:
    """Landmarks about the wrist joint: `hands.kinematics.pose_skeleton` with gradients."""
    local = _joint_rotations(angles, frames)
    R, place = [rotation], [torch.zeros_like(joints[:, 0])]
    for joint in range(1, N_JOINTS):
        parent = int(PARENTS[joint])
        bone = joints[:, joint] - joints[:, parent]
        place.append(place[parent] + (R[parent] @ bone[..., None])[..., 0])
        R.append(R[parent] @ local[:, joint - 1])
    bones = LANDMARK_BONE.tolist()
    carried = (torch.stack([R[i] for i in bones], dim=1) @ points[..., None])[..., 0]
    return torch.stack([place[i] for i in bones], dim=1) + carried


def _joint_rotations(angles: Float[Tensor, "b 15 3"], frames: Float[Tensor, "15 3 3"]) -> Float[Tensor, "b 15 3 3"]:
    """F Rx Ry Rz F^T (`hands.anatomy.rotations_from_angles`)."""
    cx, cy, cz = angles.cos().unbind(dim=-1)
    sx, sy, sz = angles.sin().unbind(dim=-1)
    rows = [
        [cy * cz, -cy * sz, sy],
        [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy],
        [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy],
    ]
    local = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
    return frames @ local @ frames.transpose(-1, -2)
