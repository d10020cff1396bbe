"""Training of the lifting network on sampled hands. Needs the extra [torch]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy.typing import NDArray
from torch import Tensor

from hoi_perception.hands.anatomy import angle_prior, angles_from_pose
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.mirroring import mirror_axis_angle
from hoi_perception.networks.lifting import (
    NAME,
    VERSION,
    Lifted,
    LiftingNetwork,
    pose_landmarks,
    rotation_from_columns,
)
from hoi_perception.networks.lifting_samples import HandSampler, HandSamples, palm_lengths, targets_of
from hoi_perception.networks.training_run import Losses, Progress, Schedule, train
from hoi_perception.networks.weights import write_weights
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.types import Side

Array = NDArray[np.float64]
_LOG_SIGMA = (-5.0, 1.0)


@dataclass(frozen=True)
class LiftingRun:
    """Settings of a run; the defaults made the shipped weights."""

    steps: int = 6000
    batch: int = 256
    rate: float = 2e-3
    seed: int = 0
    device: str = "cpu"
    hand_model: Path | None = None


def held_angles(grasps: Sequence[GraspTruth]) -> Float64[Array, "k 45"]:
    """Anatomical angles of simulated grasps, as right hands."""
    frames = LandmarkModel.of(HandModel.load(None, Side.RIGHT)).frames
    poses = [np.asarray(mirror_axis_angle(g.hand.pose)) if g.side is Side.LEFT else g.hand.pose for g in grasps]
    angles = [angles_from_pose(np.asarray(pose[1:], dtype=np.float64).reshape(45), frames) for pose in poses]
    return np.stack(angles).reshape(-1, 45)


def train_lifting(
    run: LiftingRun,
    held: Float64[Array, "k 45"],
    out: Path,
    *,
    resume: bool = True,
    told: Callable[[str], None] = lambda _: None,
) -> tuple[LiftingNetwork, Progress]:
    """A trained network; `held` are the angles of hands that hold instruments. Files as `training_run.train` says."""
    torch.manual_seed(run.seed)
    network = LiftingNetwork().to(run.device)
    model = LandmarkModel.of(HandModel.load(run.hand_model, Side.RIGHT))
    sampler = HandSampler(model, held)
    judge = Judge(model, run.device)

    def losses_of(step: int) -> Losses:
        samples = sampler.draw(np.random.default_rng([run.seed, step, 7]), run.batch)
        features = torch.as_tensor(samples.view.features, device=run.device)
        return judge.losses(network(features), samples)

    what = f"{run.batch} {run.hand_model} {len(held)}"
    schedule = Schedule(run.steps, run.rate, run.seed)
    progress = train(network, losses_of, schedule, out, resume=resume, what=what, told=told)
    return network.eval(), progress


class Judge:
    """Losses of what the network says about samples whose truth is known."""

    def __init__(self, model: LandmarkModel, device: str = "cpu") -> None:
        mean, covariance = angle_prior()
        self._device = device
        self._mean = self._tensor(mean)
        self._scale = self._tensor(np.sqrt(np.diag(covariance)))
        self._frames = self._tensor(model.frames)

    def losses(self, said: Lifted, samples: HandSamples) -> Losses:
        """Landmarks in 3D (palm lengths) and on the picture (sizes), rotation, angles, place, shape, deviations."""
        truth = targets_of(samples)
        R_true, angles_true = self._tensor(truth.rotation), self._tensor(truth.angles)
        wrist_true, shape_true = self._tensor(truth.wrist), self._tensor(truth.shape)
        R = rotation_from_columns(said.joints[:, 0, :6])
        shares = said.joints[:, 1:, :3].flatten(1)
        angles = self._mean + self._scale * shares
        palm = self._tensor(palm_lengths(samples.skeleton))[:, None, None]
        joints, points = self._tensor(samples.skeleton.joints), self._tensor(samples.skeleton.points)
        shaped = (joints, points, self._frames)
        about = pose_landmarks(*shaped, R, angles.reshape(-1, 15, 3)) / palm
        with torch.no_grad():
            about_true = pose_landmarks(*shaped, R_true, angles_true.reshape(-1, 15, 3)) / palm
        size = self._tensor(samples.view.size)
        seen = self._projected(about, said.overall[:, :3], size)
        with torch.no_grad():
            seen_true = self._projected(about_true, wrist_true, size)
        return {
            "landmarks": 4.0 * (about - about_true).abs().mean(),
            "picture": 0.5 * (seen - seen_true).abs().clamp(max=4.0).mean(),
            "rotation": (R - R_true).square().sum(dim=(1, 2)).clamp(min=1e-8).sqrt().mean() * 0.3,
            "angles": 0.2 * torch.nn.functional.smooth_l1_loss(angles / self._scale, angles_true / self._scale),
            "place": (said.overall[:, :3] - wrist_true).abs().mean(),
            "shape": 0.1 * (said.overall[:, 3:] - shape_true).square().mean(),
            "deviations": 0.02 * self._likelihood(said, R.detach(), R_true, angles.detach() - angles_true),
        }

    def _projected(
        self, about: Float[Tensor, "b 21 3"], place: Float[Tensor, "b 3"], size: Float[Tensor, " b"]
    ) -> Float[Tensor, "b 21 2"]:
        """Landmarks (palm lengths, about the wrist) in sizes beside the middle, as the canonical camera sees them."""
        z = torch.exp(place[:, 2].clamp(-4.0, 3.0)) / size
        depth = (z[:, None] + about[..., 2]).clamp(min=0.2)
        return (about[..., :2] + (place[:, None, :2] * size[:, None, None]) * z[:, None, None]) / (
            depth * size[:, None]
        )[..., None]

    def _likelihood(
        self,
        said: Lifted,
        R: Float[Tensor, "b 3 3"],
        R_true: Float[Tensor, "b 3 3"],
        off: Float[Tensor, "b 45"],
    ) -> Tensor:
        """Negative logarithm of Laplace's density of the errors of rotation and angles, which are not moved by it."""
        turn = R_true @ R.transpose(1, 2)
        axis = 0.5 * torch.stack(
            [turn[:, 2, 1] - turn[:, 1, 2], turn[:, 0, 2] - turn[:, 2, 0], turn[:, 1, 0] - turn[:, 0, 1]], 1
        )
        errors = torch.cat([axis, off], dim=1).abs()
        logs = torch.cat([said.joints[:, 0, 6:9], said.joints[:, 1:, 3:6].flatten(1)], dim=1).clamp(*_LOG_SIGMA)
        return (errors * torch.exp(-logs) + logs).mean()

    def _tensor(self, array: NDArray[np.floating]) -> Tensor:
        return torch.as_tensor(np.asarray(array, dtype=np.float32), device=self._device)


def write_lifting(network: LiftingNetwork, path: Path, told: dict[str, str]) -> None:
    """The weights with all normalisation folded in, as `networks.lifter` takes them."""
    write_weights(path, folded(network), NAME, VERSION, told)


def folded(network: LiftingNetwork) -> dict[str, NDArray[np.float32]]:
    """Matrices of the trained network; batch normalisation becomes part of W and a bias, rho is worked out."""
    out: dict[str, NDArray[np.float32]] = {}

    def put(name: str, tensor: Tensor) -> None:
        out[name] = tensor.detach().cpu().numpy().astype(np.float32)

    put("embed", network.embed.weight.T)
    put("node", network.node)
    named = [
        (f"block{i}.{kind}", getattr(block, kind)) for i, block in enumerate(network.blocks) for kind in ("near", "far")
    ]
    for name, convolution in [*named, ("latent", network.latent)]:
        norm = convolution.norm
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        put(f"{name}.weight", convolution.weight.weight.T * gain)
        put(f"{name}.bias", norm.bias - norm.running_mean * gain)
        put(f"{name}.rho", (convolution.M + convolution.mask).softmax(dim=-1))
    put("joints", network.joints)
    put("joints_bias", network.joints_bias)
    put("overall", network.overall.weight.T)
    put("overall_bias", network.overall.bias)
    mean, covariance = angle_prior()
    out["angle_mean"] = mean.astype(np.float32)
    out["angle_scale"] = np.sqrt(np.diag(covariance)).astype(np.float32)
    return out
