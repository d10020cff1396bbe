"""A head on the landmark network's own maps, for hands in gloves that hold instruments. Needs the extra [torch].

The landmark network stays as it is; its maps (`networks.landmark_features`) go in, maps of the 21 landmarks come out.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hoi_perception.networks.landmark_features import FINE_SHAPE, WIDE_SHAPE
from hoi_perception.networks.landmark_maps import CHANNELS
from hoi_perception.networks.layers import Convolution, Output, Separable, doubled

NAME, VERSION = "landmarks", 1
_FINE, _WIDE = 128, 160


class LandmarkHead(nn.Module):
    """Maps of 14 x 14 and of 7 x 7 to those that `landmark_maps` names, as logits and plain numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.wide = Convolution(FINE_SHAPE[-1], _FINE), Convolution(WIDE_SHAPE[-1], _WIDE)
        self.on_wide = nn.Sequential(*(Separable(_WIDE, 5) for _ in range(3)))
        self.narrowed = Convolution(_WIDE, _FINE)
        self.both = nn.Sequential(Separable(_FINE, 5), Separable(_FINE, 5))
        self.out = Output(_FINE, CHANNELS)

    def forward(self, fine: Float[Tensor, "b f 14 14"], wide: Float[Tensor, "b w 7 7"]) -> Float[Tensor, "b c 14 14"]:
        both = torch.relu(self.fine(fine) + doubled(self.narrowed(self.on_wide(self.wide(wide)))))
        maps: Tensor = self.out(self.both(both))
        return maps
