"""A network of ours from its file of weights, run on the CPU. No torch is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.networks.weights import read_weights, shipped_weights

Single = NDArray[np.float32]
_VERSION = 1


class LitertNetwork:
    """A network of one output. Not for use by several threads at once.

    Raises ModelFileError where its file is missing, of another version or damaged.
    """

    def __init__(self, name: str, path: Path | None = None, threads: int = 1) -> None:
        content = read_weights(path or shipped_weights(name), name, _VERSION).tensors["litert"].tobytes()
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._inputs = [d["index"] for d in self._interpreter.get_input_details()]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def run(self, *inputs: Float32[Single, "1 _ _ _"]) -> Float32[Single, "y x k"]:
        """The output, without its batch of one."""
        for index, tensor in zip(self._inputs, inputs, strict=True):
            self._interpreter.set_tensor(index, tensor)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output)[0])
