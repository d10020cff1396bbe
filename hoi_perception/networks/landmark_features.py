"""The landmark network with two of its inner maps as outputs beside its own, for a head of ours.

They are those with which its last blocks at 1/16 and at 1/32 of the crop end, found by the names of their tensors in
the pinned file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import OUTPUTS
from hoi_perception.hands.models import LANDMARK, read_model
from hoi_perception.networks.inner_maps import with_inner_maps

Single = NDArray[np.float32]
_FINE, _WIDE = "model/add_5/add", "model/add_8/add"
FINE_SHAPE, WIDE_SHAPE = (14, 14, 112), (7, 7, 192)


@dataclass(frozen=True, eq=False)
class LandmarkMaps:
    """What the network tells of a crop, in the order of `hands.landmarks.OUTPUTS`, and what it makes of it inside."""

    outputs: tuple[Single, ...]
    fine: Float32[Single, "14 14 112"]
    wide: Float32[Single, "7 7 192"]


class LandmarkFeatures:
    """Runs the landmark network. Not for several threads at once."""

    def __init__(self, path: Path | None = None, threads: int = 1) -> None:
        content, wanted = with_inner_maps(read_model(LANDMARK, path), (_FINE, _WIDE))
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        names = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}
        self._outputs = [names[name] for name in OUTPUTS]
        self._fine, self._wide = (names[name] for name in wanted)

    def run(self, tensor: Float32[Single, "1 224 224 3"]) -> LandmarkMaps:
        """Outputs and maps of a crop as `hands.landmarks.network_input` gives it."""
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        outputs = tuple(self._interpreter.get_tensor(i) for i in self._outputs)
        fine, wide = (self._interpreter.get_tensor(i)[0] for i in (self._fine, self._wide))
        return LandmarkMaps(outputs, fine, wide)
