"""The hand model in torch: the readable, differentiable reference of `hand_model`, in the dtype asked for.

Needs the extra [torch]. Conventions are those of `hand_model`: flat-hand poses, MANO's translation, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import OPENPOSE_FROM_21, PARENTS, Fingertips

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError as error:
    raise ImportError("hoi_perception.hands.torch_model needs torch: pip install 'hoi_perception[torch]'") from error

_SMALL_ANGLE_SQUARED = 1e-8


@dataclass(frozen=True, eq=False)
class TorchHand:
    """Posed hands."""

    vertices: Float[Tensor, "*b 778 3"]
    joints16: Float[Tensor, "*b 16 3"]

    def joints21(self, tips: Fingertips = Fingertips.SMPLX) -> Float[Tensor, "*b 21 3"]:
        """Joints and tips in OpenPose order."""
        joints = torch.cat([self.joints16, self.vertices[..., list(tips.value), :]], dim=-2)
        return joints[..., OPENPOSE_FROM_21.tolist(), :]


class TorchHandModel:
    """MANO's function on the arrays of a `HandModel`."""

    def __init__(
        self, model: HandModel, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> None:
        def tensor(array: np.ndarray) -> Tensor:
            return torch.as_tensor(array, dtype=dtype, device=device)

        self.model = model
        self.template = tensor(model.template)
        self.shape_directions = tensor(model.shape_directions)
        self.pose_directions = tensor(model.pose_directions)
        self.joint_regressor = tensor(model.joint_regressor)
        self.skin_weights = tensor(model.skin_weights)

    def __call__(
        self,
        shape: Float[Tensor, "*b 10"],
        pose: Float[Tensor, "*b 16 3"],
        translation: Float[Tensor, "*b 3"] | None = None,
    ) -> TorchHand:
        """Hands of axis-angle poses (flat-hand convention)."""
        return self.with_rotations(shape, rotation_from_axis_angle(pose), translation)

    def with_rotations(
        self,
        shape: Float[Tensor, "*b 10"],
        rotations: Float[Tensor, "*b 16 3 3"],
        translation: Float[Tensor, "*b 3"] | None = None,
    ) -> TorchHand:
        """Hands of joint rotations relative to the parents."""
        vertices_rest = self.template + torch.einsum("vcs,...s->...vc", self.shape_directions, shape)
        joints_rest = self.joint_regressor @ vertices_rest
        eye = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        features = (rotations[..., 1:, :, :] - eye).flatten(-3)
        vertices_posed = vertices_rest + torch.einsum("vcf,...f->...vc", self.pose_directions, features)

        R, joints = _chain(rotations, joints_rest)
        offsets = joints - (R @ joints_rest[..., None])[..., 0]
        blended_R = torch.einsum("vj,...jab->...vab", self.skin_weights, R)
        vertices = (blended_R @ vertices_posed[..., None])[..., 0] + self.skin_weights @ offsets
        if translation is not None:
            vertices, joints = vertices + translation[..., None, :], joints + translation[..., None, :]
        return TorchHand(vertices, joints)


def _chain(
    rotations: Float[Tensor, "*b 16 3 3"], joints_rest: Float[Tensor, "*b 16 3"]
) -> tuple[Float[Tensor, "*b 16 3 3"], Float[Tensor, "*b 16 3"]]:
    """Global rotations and places of the joints."""
    R, joints = [rotations[..., 0, :, :]], [joints_rest[..., 0, :]]
    for joint in range(1, 16):
        parent = int(PARENTS[joint])
        bone = joints_rest[..., joint, :] - joints_rest[..., parent, :]
        R.append(R[parent] @ rotations[..., joint, :, :])
        joints.append(joints[parent] + (R[parent] @ bone[..., None])[..., 0])
    return torch.stack(R, dim=-3), torch.stack(joints, dim=-2)


def rotation_from_axis_angle(v: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rodrigues' formula with gradients that are finite and right at zero too."""
    angle2 = (v * v).sum(dim=-1)[..., None, None]
    small = angle2 < _SMALL_ANGLE_SQUARED
    angle = torch.where(small, torch.ones_like(angle2), angle2).sqrt()
    a = torch.where(small, 1.0 - angle2 / 6.0, torch.sin(angle) / angle)
    b = torch.where(small, 0.5 - angle2 / 24.0, (1.0 - torch.cos(angle)) / angle.square())
    zero = torch.zeros_like(v[..., 0])
    x, y, z = v.unbind(dim=-1)
    K = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*v.shape, 3)
    eye: Tensor = torch.eye(3, dtype=v.dtype, device=v.device)
    return eye + a * K + b * (K @ K)
