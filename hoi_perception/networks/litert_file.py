"""Trained networks as LiteRT files: the operations that `networks.layers` is made of, written one by one.

Needs the extra [torch]. The file is made from the network's own `forward`, which is traced, so there is one definition
of it. Layout is LiteRT's: pictures b, h, w, c.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from torch import fx, nn

from hoi_perception.networks.layers import Convolution, Output

Shape = tuple[int, ...]
_SAME, _NO_ACTIVATION, _RELU = 0, 0, 1
_FLOAT32, _INT32 = 0, 2


def as_litert(network: nn.Module, inputs: Sequence[Shape]) -> bytes:
    """The file of a network for inputs of these shapes (1, h, w, c), which it takes as (1, c, h, w) in torch.

    NotImplementedError where `forward` does what no layer of `networks.layers` does.
    """
    network = network.eval()
    graph = _Tracer().trace(network)
    modules = dict(network.named_modules())
    file = _File()
    places: dict[fx.Node, int] = {}
    remaining = list(inputs)
    for node in graph.nodes:
        args = [places[a] for a in node.args if isinstance(a, fx.Node)]
        if node.op == "placeholder":
            places[node] = file.add_input(remaining.pop(0), node.name)
        elif node.op == "call_module":
            places[node] = _layer(file, modules[str(node.target)], args[0])
        elif node.target in (operator.add, torch.add):
            places[node] = file.add(args[0], args[1])
        elif node.target is torch.relu:
            places[node] = file.relu(args[0])
        elif node.target is nn.functional.interpolate:
            places[node] = file.double(args[0])
        elif node.op == "output":
            return file.packed(args)
        else:
            raise NotImplementedError(f"{node.op} {node.target}: no layer that can be written as LiteRT")
    raise AssertionError("a traced graph ends with its output")


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002 - fx calls it so
        return isinstance(m, Convolution | Output)


def _layer(file: _File, layer: nn.Module, x: int) -> int:
    if isinstance(layer, Convolution):
        filters, bias = layer.folded()
        weights = filters.detach().cpu().numpy()
        return file.convolve(
            x, weights, bias.detach().cpu().numpy(), layer.stride, depthwise=layer.depthwise, relu=layer.relu
        )
    assert isinstance(layer, Output)
    plain = layer.filters
    assert plain.bias is not None
    return file.convolve(x, plain.weight.detach().cpu().numpy(), plain.bias.detach().cpu().numpy(), 1)


class _File:
    """A LiteRT model in the making; tensors are numbers of its one graph."""

    def __init__(self) -> None:
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [schema.BufferT()]
        self._codes: list[int] = []
        self._operators: list[Any] = []
        self._inputs: list[int] = []
        self._shapes: list[Shape] = []

    def add_input(self, shape: Shape, name: str) -> int:
        """A tensor that is set before each run."""
        index = self._tensor(shape, name)
        self._inputs.append(index)
        return index

    def convolve(
        self,
        x: int,
        filters: NDArray[np.float32],
        bias: NDArray[np.float32],
        stride: int,
        *,
        depthwise: bool = False,
        relu: bool = False,
    ) -> int:
        """Filters as torch has them: out, in / groups, rows, columns."""
        order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
        weights = self._constant(np.ascontiguousarray(filters.transpose(order)))
        b, height, width, _ = self._shapes[x]
        shape = (b, -(-height // stride), -(-width // stride), len(filters))
        options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = _SAME, stride, stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = _RELU if relu else _NO_ACTIVATION
        kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
        if depthwise:
            options.depthMultiplier = 1
        code = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        return self._operate(code, [x, weights, self._constant(bias)], shape, kind, options)

    def add(self, a: int, b: int) -> int:
        """Sum of two tensors of one shape."""
        return self._operate("ADD", [a, b], self._shapes[a], "AddOptions", schema.AddOptionsT())

    def relu(self, x: int) -> int:
        """Nothing below zero."""
        return self._operate("RELU", [x], self._shapes[x])

    def double(self, x: int) -> int:
        """Twice the size, bilinear, pixels' middles on pixels' middles."""
        b, height, width, channels = self._shapes[x]
        size = self._constant(np.array([2 * height, 2 * width], dtype=np.int32))
        options = schema.ResizeBilinearOptionsT()
        options.alignCorners, options.halfPixelCenters = False, True
        shape = (b, 2 * height, 2 * width, channels)
        return self._operate("RESIZE_BILINEAR", [x, size], shape, "ResizeBilinearOptions", options)

    def packed(self, outputs: Sequence[int]) -> bytes:
        """The bytes of the whole file."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs, graph.name = self._inputs, list(outputs), b"main"
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self._buffers
        model.operatorCodes = [_code(number) for number in self._codes]
        model.description = b"hoi_perception"
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _tensor(self, shape: Shape, name: str, kind: int = _FLOAT32, buffer: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer, tensor.name = list(shape), kind, buffer, name.encode()
        self._tensors.append(tensor)
        self._shapes.append(tuple(shape))
        return len(self._tensors) - 1

    def _constant(self, array: NDArray[Any]) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(array).tobytes(), dtype=np.uint8)
        self._buffers.append(buffer)
        kind = _INT32 if array.dtype == np.int32 else _FLOAT32
        return self._tensor(array.shape, f"constant{len(self._tensors)}", kind, len(self._buffers) - 1)

    def _operate(self, code: str, inputs: list[int], shape: Shape, kind: str = "", options: Any = None) -> int:
        number = getattr(schema.BuiltinOperator, code)
        if number not in self._codes:
            self._codes.append(number)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs = self._codes.index(number), inputs
        if kind:
            made.builtinOptionsType, made.builtinOptions = getattr(schema.BuiltinOptions, kind), options
        out = self._tensor(shape, f"{code.lower()}{len(self._tensors)}")
        made.outputs = [out]
        self._operators.append(made)
        return out


def _code(number: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = number
    code.deprecatedBuiltinCode = min(number, 127)
    code.version = 2 if number == schema.BuiltinOperator.RESIZE_BILINEAR else 1
    if number == schema.BuiltinOperator.RESIZE_BILINEAR:
        code.version = 3
    return code
