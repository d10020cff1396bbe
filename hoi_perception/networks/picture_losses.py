"""Losses of the picture networks' maps. Needs the extra [torch]."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hoi_perception.networks.maps import MapLayout
from hoi_perception.networks.training_run import Losses

PIXEL_WEIGHTS = (1.0, 1.5, 1.5, 4.0, 5.0, 4.0)
"""Of `PixelClass`: instruments are thin."""


def peaks(
    logits: Float[Tensor, "b k h w"], truth: Float[Tensor, "b k h w"], counts: Float[Tensor, "b 1 h w"]
) -> Tensor:
    """Focal loss on Gaussians, over the number of peaks (Law and Deng, CornerNet, 2018, eq. 1; alpha 2, beta 4)."""
    p = torch.sigmoid(logits).clamp(1e-5, 1.0 - 1e-5)
    at = (truth >= 1.0).float()
    positive = at * (1.0 - p).square() * p.log()
    negative = (1.0 - at) * (1.0 - truth).pow(4) * p.square() * (1.0 - p).log()
    return -((positive + negative) * counts).sum() / at.sum().clamp(min=1.0)


def hand_losses(
    maps: Float[Tensor, "b c h w"],
    layout: MapLayout,
    heat: Float[Tensor, "b 2 h w"],
    values: Float[Tensor, "b 7 h w"],
    counts: Float[Tensor, "b h w"],
) -> Losses:
    """Peaks of hands, and their regions and gloves weighted by the truth's nearness to a peak."""
    weight = values[:, 6:]
    total = weight.sum().clamp(min=1.0)

    def off(name: str, truth: Float[Tensor, "b k h w"]) -> Tensor:
        return ((maps[:, layout.of(name)] - truth).abs() * weight).sum() / total

    glove = nn.functional.binary_cross_entropy_with_logits(
        maps[:, layout.of("glove")], values[:, 5:6], reduction="none"
    )
    return {
        "hands": peaks(maps[:, layout.of("hand")], heat, counts[:, None]),
        "offset": 2.0 * off("offset", values[:, 0:2]),
        "size": off("size", values[:, 2:3]),
        "direction": 1.5 * off("direction", values[:, 3:5]),
        "glove": 0.3 * (glove * weight).sum() / total,
    }


def pixel_losses(
    maps: Float[Tensor, "b c h w"],
    layout: MapLayout,
    shares: Float[Tensor, "b 6 h w"],
    points: Float[Tensor, "b 3 h w"],
    family: Int[Tensor, "b h w"],
) -> Losses:
    """Cross entropy of pixel classes and families, peaks of key points."""
    weights = torch.as_tensor(PIXEL_WEIGHTS, device=maps.device)[None, :, None, None]
    weighted = shares * weights
    pixel = -(weighted * maps[:, layout.of("pixel")].log_softmax(dim=1)).sum() / weighted.sum()
    everywhere = torch.ones_like(points[:, :1])
    known = maps[:, layout.of("family")]
    kinds = nn.functional.cross_entropy(known, family, ignore_index=-1, reduction="sum")
    return {
        "pixels": 2.0 * pixel,
        "points": 0.5 * peaks(maps[:, layout.of("point")], points, everywhere),
        "family": 0.2 * kinds / (family >= 0).sum().clamp(min=1),
    }
