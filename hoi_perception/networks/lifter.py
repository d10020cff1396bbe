"""Hands from 21 landmarks by the lifting network, in NumPy: starts for the solver, and what to expect of the pose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import HandState, Skeleton
from hoi_perception.hands.lifting_terms import Observation
from hoi_perception.networks.canonical import Canonical, canonical
from hoi_perception.networks.weights import read_weights, shipped_weights

Array = NDArray[np.float64]
Single = NDArray[np.float32]
NAME, VERSION = "lifting", 1
_LOG_SIGMA = (-5.0, 1.0)
_LOG_DEPTH = (-4.0, 3.0)


@dataclass(frozen=True)
class LiftedHands:
    """A batch of right-form hands: state before their camera, deviations of the tangent's coordinates (rotation about
    the camera's axes and angles, rad; the wrist's place has none), shape."""

    state: HandState
    sigma: Float64[Array, "b 48"]
    shape: Float64[Array, "b 10"]


class Lifter:
    """The lifting network with its weights (default: those of the package); ModelFileError where they are no good."""

    def __init__(self, path: Path | None = None) -> None:
        tensors = read_weights(path or shipped_weights(NAME), NAME, VERSION).tensors
        self.weights = tensors
        count = sum(1 for name in tensors if name.endswith(".near.weight"))
        names = [f"block{i}.{kind}" for i in range(count) for kind in ("near", "far")]
        self._blocks = [self._convolution(name) for name in names]
        self._latent = self._convolution("latent")

    def lift(self, seen: Observation, skeleton: Skeleton) -> LiftedHands:
        """The hands that show these landmarks, at the distance that skeletons of this size have to be at."""
        view = canonical(seen)
        joints, overall = self.forward(view.features)
        return self._placed(view, skeleton, joints.astype(np.float64), overall.astype(np.float64))

    def forward(self, features: Float32[Single, "b 21 f"]) -> tuple[Float32[Single, "b 16 9"], Float32[Single, "b 13"]]:
        """What `networks.lifting.LiftingNetwork` says, from folded weights."""
        w = self.weights
        X = np.maximum(features @ w["embed"] + w["node"], 0.0)
        for near, far in zip(self._blocks[::2], self._blocks[1::2], strict=True):
            X = np.maximum(X + _convolved(np.maximum(_convolved(X, near), 0.0), far), 0.0)
        theta = np.maximum(_convolved(X, self._latent), 0.0)
        joints = (theta[:, :, None] @ w["joints"])[:, :, 0] + w["joints_bias"]
        return joints, theta.reshape(len(theta), -1) @ w["overall"] + w["overall_bias"]

    def _convolution(self, name: str) -> tuple[Single, Single, Single]:
        return self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], self.weights[f"{name}.rho"]

    def _placed(
        self, view: Canonical, skeleton: Skeleton, joints: Float64[Array, "b 16 9"], overall: Float64[Array, "b 13"]
    ) -> LiftedHands:
        """From the canonical camera to the one that saw the hands."""
        b = len(joints)
        back = view.R.swapaxes(1, 2)
        palm = np.sqrt(((skeleton.joints[:, 4] - skeleton.joints[:, 0]) ** 2).sum(axis=1))
        depth = np.exp(np.minimum(np.maximum(overall[:, 2], _LOG_DEPTH[0]), _LOG_DEPTH[1])) * palm / view.size
        ray = np.ones((b, 3, 1))
        ray[:, :2, 0] = overall[:, :2] * view.size[:, None] + view.center
        wrist = (back @ ray)[..., 0] * depth[:, None]
        rotation = back @ _rotation_from_columns(joints[:, 0, :6])
        angles = self.weights["angle_mean"] + self.weights["angle_scale"] * joints[:, 1:, :3].reshape(b, 45)
        logs = np.concatenate([joints[:, 0, 6:9], joints[:, 1:, 3:6].reshape(b, 45)], axis=1)
        sigma = np.exp(np.minimum(np.maximum(logs, _LOG_SIGMA[0]), _LOG_SIGMA[1]))
        sigma[:, :3] = np.sqrt((back**2 @ sigma[:, :3, None] ** 2)[..., 0])
        return LiftedHands(HandState(wrist, rotation, angles), sigma, overall[:, 3:])


def _convolved(X: Any, convolution: tuple[Single, Single, Single]) -> Any:
    """W X rho + bias, channel group by channel group."""
    weight, bias, rho = convolution
    groups, to, origin = rho.shape
    b, channels = len(X), weight.shape[1]
    Y = (X.reshape(-1, X.shape[-1]) @ weight).reshape(b, origin, groups, channels // groups)
    return (rho @ Y.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3).reshape(b, to, channels) + bias


def _rotation_from_columns(columns: Float64[Array, "b 6"]) -> Float64[Array, "b 3 3"]:
    """The rotation whose first two columns are those given, made orthonormal (Zhou et al., CVPR 2019, eq. 15)."""
    x, y = columns[:, :3], columns[:, 3:]
    R = np.empty((len(columns), 3, 3))
    R[..., 0] = x / np.sqrt((x * x).sum(axis=1, keepdims=True))
    y = y - (R[..., 0] * y).sum(axis=1, keepdims=True) * R[..., 0]
    R[..., 1] = y / np.sqrt((y * y).sum(axis=1, keepdims=True))
    a, b = R[..., 0], R[..., 1]
    R[:, 0, 2] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    R[:, 1, 2] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    R[:, 2, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return R
