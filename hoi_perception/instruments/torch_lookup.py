"""The look-up of distances in plain torch: the readable reference of `kernels.distance_lookup`."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hoi_perception.instruments.distance_field import BLOCK, FINER, NO_BRICK, DistanceField


class TorchField:
    """The field of one link."""

    def __init__(self, field: DistanceField) -> None:
        self.origin = torch.tensor(field.origin, dtype=torch.float64)
        self.spacing = field.spacing
        self.size = torch.tensor(field.size, dtype=torch.float64)
        self.nodes = torch.tensor(field.nodes).double() * 1e-3
        self.blocks = torch.tensor(field.blocks.astype("int64"))
        self.bricks = torch.tensor(field.bricks).double() * 1e-3

    def distance(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distance (m) of points in the link's frame, differentiable."""
        local = points - self.origin
        held = torch.minimum(local.clamp(min=0.0), self.size)
        beyond = local - held
        outside = torch.where((beyond != 0.0).any(-1), beyond.square().sum(-1).clamp(min=1e-30).sqrt(), 0.0)
        return outside + self._within(held / self.spacing)

    def _within(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        cells = torch.tensor(self.nodes.shape) - 1
        cell = torch.minimum(x.detach().long(), cells - 1)
        block = cell // BLOCK
        brick = self.blocks[tuple(block.T)]
        coarse = _trilinear(self.nodes[None], torch.zeros_like(brick), x)
        if len(self.bricks) == 0:
            return coarse
        finer = _trilinear(self.bricks, torch.where(brick == NO_BRICK, 0, brick), (x - BLOCK * block) * FINER)
        return torch.where(brick == NO_BRICK, coarse, finer)


def union_distance(
    fields: list[TorchField | None],
    R: Float[Tensor, "l 3 3"],
    t: Float[Tensor, "l 3"],
    points: Float[Tensor, "n 3"],
) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
    """Distance (m) of points in the camera frame to the nearest of posed links, and that link."""
    present = [k for k, field in enumerate(fields) if field is not None]
    values = [field.distance((points - t[k]) @ R[k]) for k, field in enumerate(fields) if field is not None]
    nearest, which = torch.stack(values).min(dim=0)
    return nearest, torch.tensor(present)[which]


def _trilinear(
    grids: Float[Tensor, "k x y z"], which: Int[Tensor, " n"], at: Float[Tensor, "n 3"]
) -> Float[Tensor, " n"]:
    """Interpolation in the grid `which` of several, at places in cells from its first node."""
    cell = torch.minimum(at.detach().clamp(0.0, 1e6).long(), torch.tensor(grids.shape[1:]) - 2)
    f = at - cell
    total = torch.zeros(len(at), dtype=grids.dtype)
    for i in (0, 1):
        for j in (0, 1):
            for k in (0, 1):
                corner = cell + torch.tensor([i, j, k])
                weights = torch.where(torch.tensor([i, j, k]) == 1, f, 1.0 - f)
                total = total + weights.prod(-1) * grids[(which, *corner.T)]
    return total
