"""One TensorFlow Lite network on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.hands.models import ModelFile, read_model

Tensor = Float32[NDArray[np.float32], "..."]


class Network:
    """A verified network with one input and named outputs, run by XNNPACK on `threads` threads.

    Not for use by several threads at once.
    """

    def __init__(self, model: ModelFile, path: Path | None = None, threads: int = 1) -> None:
        self._load(read_model(model, path), threads)

    def _load(self, content: bytes, threads: int) -> None:
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}

    def run(self, tensor: Tensor, names: tuple[str, ...]) -> tuple[Tensor, ...]:
        """Copies of the named outputs."""
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(self._outputs[name]) for name in names)
