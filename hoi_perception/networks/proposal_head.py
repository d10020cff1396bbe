"""A head on the palm network's own feature maps that names hands it was never trained on. Needs the extra [torch].

The palm network stays as it is; its maps (`networks.palm_features`) go in, a map of hands comes out.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hoi_perception.networks.layers import Convolution, Output, Separable, doubled
from hoi_perception.networks.maps import HEAD_MAPS
from hoi_perception.networks.palm_features import FINE_CHANNELS, WIDE_CHANNELS

NAME, VERSION = "proposals", 1


class ProposalHead(nn.Module):
    """Maps of 24 x 24 and of 12 x 12 to the maps that `maps.HEAD_MAPS` names, 24 x 24."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = Convolution(FINE_CHANNELS, 96)
        self.wide = Convolution(WIDE_CHANNELS, 96)
        self.on_wide = nn.Sequential(*(Separable(96, 5) for _ in range(3)))
        self.both = nn.Sequential(Separable(96), Separable(96))
        self.out = Output(96, HEAD_MAPS.channels, HEAD_MAPS.rare)

    def forward(self, fine: Float[Tensor, "b f 24 24"], wide: Float[Tensor, "b w 12 12"]) -> Float[Tensor, "b c 24 24"]:
        maps: Tensor = self.out(self.both(torch.relu(self.fine(fine) + doubled(self.on_wide(self.wide(wide))))))
        return maps
