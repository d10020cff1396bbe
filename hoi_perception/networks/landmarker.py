"""A landmark network of our own, for hands in gloves that hold instruments. Needs the extra [torch].

A ladder of separable convolutions from the crop down to 1/32 of it and back up to 1/8, where all maps are. The crop is
RGB in [0, 1], `landmark_maps.CROP` wide and high.
"""

from __future__ import annotations

from jaxtyping import Float

from hoi_perception.networks.landmark_maps import CHANNELS
from hoi_perception.networks.layers import Convolution, Halved, Output, Separable, doubled

try:
    from torch import Tensor, nn
except ModuleNotFoundError as error:
    raise ImportError("hoi_perception.networks.landmarker needs torch: pip install 'hoi_perception[torch]'") from error

NAME, VERSION = "landmarks", 1


class Landmarker(nn.Module):
    """Crops to the maps that `landmark_maps` names, as logits and plain numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 24, 3, 2)
        self.quarter = nn.Sequential(Halved(24, 48), Separable(48))
        self.eighth = nn.Sequential(Halved(48, 128), *(Separable(128) for _ in range(3)))
        self.sixteenth = nn.Sequential(Halved(128, 224), *(Separable(224, 5) for _ in range(4)))
        self.thirtysecond = nn.Sequential(Halved(224, 320), *(Separable(320, 5) for _ in range(3)))
        self.to_sixteenth, self.on_sixteenth = Convolution(320, 224), Separable(224, 5)
        self.to_eighth = Convolution(224, 128)
        self.on_eighth = nn.Sequential(Separable(128, 5), Separable(128, 5))
        self.out = Output(128, CHANNELS)

    def forward(self, picture: Float[Tensor, "b 3 128 128"]) -> Float[Tensor, "b c 16 16"]:
        eighth = self.eighth(self.quarter(self.stem(picture)))
        sixteenth = self.sixteenth(eighth)
        up = self.on_sixteenth(sixteenth + doubled(self.to_sixteenth(self.thirtysecond(sixteenth))))
        up = self.on_eighth(eighth + doubled(self.to_eighth(up)))
        maps: Tensor = self.out(up)
        return maps
