"""What is trained in torch does the same as a LiteRT file."""

from __future__ import annotations

from typing import Any

import jaxtyping
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

torch = pytest.importorskip("torch")

from hoi_perception.networks.layers import Convolution, Halved, Output, Separable, doubled  # noqa: E402
from hoi_perception.networks.litert_file import as_litert  # noqa: E402
from hoi_perception.networks.parser import PICTURE, STRIDE, ParserNetwork  # noqa: E402

torch.set_num_threads(1)


class Small(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Every layer once, two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.halved, self.kept = Convolution(3, 8, 3, 2), Halved(8, 12), Separable(12, 5)
        self.beside, self.out = Convolution(4, 12, relu=False), Output(12, 5, rare=(1,))

    def forward(self, a: Any, b: Any) -> Any:
        return self.out(torch.relu(doubled(self.kept(self.halved(self.first(a)))) + self.beside(b)))


def lived(network: Any) -> Any:
    """A network whose normalisation has seen something."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.2)
            module.running_var.uniform_(0.5, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0.0, 0.2)
    return network.eval()


def traced(network: Any, shapes: tuple[tuple[int, ...], ...]) -> bytes:
    """The file; what is traced is no tensor, so shapes cannot be checked meanwhile."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        return as_litert(network, shapes)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def both(network: Any, *shapes: tuple[int, ...]) -> tuple[Any, Any]:
    """Outputs of LiteRT and of torch, b, h, w, c."""
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    interpreter = Interpreter(model_content=traced(network, shapes), num_threads=1)
    interpreter.allocate_tensors()
    for detail, tensor in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], tensor)
    interpreter.invoke()
    with torch.no_grad():
        expected = network(*(torch.as_tensor(x).permute(0, 3, 1, 2) for x in inputs)).permute(0, 2, 3, 1).numpy()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), expected


def test_every_layer_is_the_same() -> None:
    found, expected = both(lived(Small()), (1, 24, 32, 3), (1, 12, 16, 4))
    assert found.shape == (1, 12, 16, 5) and np.abs(expected).max() > 0.5
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_parser_is_the_same_and_small() -> None:
    network = lived(ParserNetwork())
    assert sum(p.numel() for p in network.parameters()) < 1_000_000
    found, expected = both(network, (1, PICTURE[1], PICTURE[0], 3))
    assert found.shape[1:3] == (PICTURE[1] // STRIDE, PICTURE[0] // STRIDE)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_what_cannot_be_written_is_refused() -> None:
    class Odd(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, a: Any) -> Any:
            return torch.sin(a)

    with pytest.raises(NotImplementedError, match="sin"):
        as_litert(Odd(), [(1, 4, 4, 1)])
