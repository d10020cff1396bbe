"""What the picture networks are made of. Needs the extra [torch].

Padding is TensorFlow's SAME, so that `networks.litert_file` can write what is trained here as a LiteRT file: with
stride 2 an even picture is padded at its right and lower end alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float

try:
    import torch
    from torch import Tensor, nn
except ModuleNotFoundError as error:
    raise ImportError("hoi_perception.networks needs torch: pip install 'hoi_perception[torch]'") from error

_RARE_LOGIT = -4.0


class Convolution(nn.Module):
    """Convolution, normalised over the batch, and a ReLU where asked for; `depthwise` has a filter to a channel."""

    def __init__(
        self, inputs: int, outputs: int, size: int = 1, stride: int = 1, *, depthwise: bool = False, relu: bool = True
    ) -> None:
        super().__init__()
        self.size, self.stride, self.depthwise, self.relu = size, stride, depthwise, relu
        groups = inputs if depthwise else 1
        self.filters = nn.Conv2d(inputs, outputs, size, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o y x"]:
        total = self.size - self.stride if self.stride > 1 else self.size - 1
        first = total // 2
        if total > 0:
            x = nn.functional.pad(x, (first, total - first, first, total - first))
        y: Tensor = self.norm(self._filtered(x))
        return torch.relu(y) if self.relu else y

    def _filtered(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o y x"]:
        """In single precision where the CPU is slow in bfloat16: its gradients of filters to a channel take ten times
        as long."""
        slow = self.depthwise and x.device.type == "cpu" and (self.size > 3 or self.stride > 1)
        y: Tensor
        if not slow:
            y = self.filters(x)
        else:
            with torch.autocast("cpu", enabled=False):
                y = self.filters(x.float())
        return y

    def folded(self) -> tuple[Float[Tensor, "o i s s"], Float[Tensor, " o"]]:
        """Filters and bias with the normalisation in them."""
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None and variance is not None
        gain = self.norm.weight / torch.sqrt(variance + self.norm.eps)
        return self.filters.weight * gain[:, None, None, None], self.norm.bias - mean * gain


class Output(nn.Module):
    """A plain 1 x 1 convolution; channels that say `rare` things begin with a bias against them."""

    def __init__(self, inputs: int, outputs: int, rare: Sequence[int] = ()) -> None:
        super().__init__()
        self.filters = nn.Conv2d(inputs, outputs, 1)
        assert self.filters.bias is not None
        with torch.no_grad():
            self.filters.bias[list(rare)] = _RARE_LOGIT

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        y: Tensor = self.filters(x)
        return y


class Separable(nn.Module):
    """x + mixed channels of filtered channels (Howard et al., MobileNets, 2017, with a residual)."""

    def __init__(self, channels: int, size: int = 3) -> None:
        super().__init__()
        self.filtered = Convolution(channels, channels, size, depthwise=True, relu=False)
        self.mixed = Convolution(channels, channels, relu=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return torch.relu(x + self.mixed(self.filtered(x)))


class Halved(nn.Module):
    """Half the size, other channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.filtered = Convolution(inputs, inputs, 3, 2, depthwise=True, relu=False)
        self.mixed = Convolution(inputs, outputs)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o y x"]:
        y: Tensor = self.mixed(self.filtered(x))
        return y


def doubled(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c y x"]:
    """Twice the size, bilinear."""
    return nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
