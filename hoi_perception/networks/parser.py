"""The parser: one small network on the whole picture, for hands and instruments. Needs the extra [torch].

A ladder of separable convolutions down to 1/32 of the picture and back up to 1/4, where all maps are. The picture is
RGB in [0, 1], `PICTURE` wide and high.
"""

from __future__ import annotations

from jaxtyping import Float

from hoi_perception.networks.layers import Convolution, Halved, Output, Separable, doubled
from hoi_perception.networks.maps import PARSER_MAPS

try:
    from torch import Tensor, nn
except ModuleNotFoundError as error:
    raise ImportError("hoi_perception.networks.parser needs torch: pip install 'hoi_perception[torch]'") from error

NAME, VERSION = "parser", 1
PICTURE = (256, 192)
STRIDE = 4


class ParserNetwork(nn.Module):
    """Pictures to the maps that `maps.PARSER_MAPS` names, as logits and plain numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 24, 3, 2)
        self.quarter = nn.Sequential(Halved(24, 48), Separable(48), Separable(48))
        self.eighth = nn.Sequential(Halved(48, 96), Separable(96), Separable(96), Separable(96))
        self.sixteenth = nn.Sequential(Halved(96, 192), *(Separable(192, 5) for _ in range(4)))
        self.thirtysecond = nn.Sequential(Halved(192, 288), *(Separable(288, 5) for _ in range(3)))
        self.to_sixteenth, self.on_sixteenth = Convolution(288, 192), Separable(192, 5)
        self.to_eighth, self.on_eighth = Convolution(192, 96), Separable(96, 5)
        self.to_quarter, self.beside = Convolution(96, 64), Convolution(48, 64)
        self.on_quarter = nn.Sequential(Separable(64), Separable(64))
        self.out = Output(64, PARSER_MAPS.channels, PARSER_MAPS.rare)

    def forward(self, picture: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c y x"]:
        quarter = self.quarter(self.stem(picture))
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        up = self.on_sixteenth(sixteenth + doubled(self.to_sixteenth(self.thirtysecond(sixteenth))))
        up = self.on_eighth(eighth + doubled(self.to_eighth(up)))
        up = self.on_quarter(self.beside(quarter) + doubled(self.to_quarter(up)))
        maps: Tensor = self.out(up)
        return maps
