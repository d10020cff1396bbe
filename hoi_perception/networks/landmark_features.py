"""Two inner maps of the landmark network, for a head of our own.

They are those with which its last blocks at 1/16 and at 1/32 of the crop end, found by the names of their tensors in
the pinned file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.models import LANDMARK, read_model
from hoi_perception.networks.inner_maps import with_inner_maps

Single = NDArray[np.float32]
_FINE, _WIDE = "model/add_5/add", "model/add_8/add"
FINE_SHAPE, WIDE_SHAPE = (14, 14, 112), (7, 7, 192)


@dataclass(frozen=True, eq=False)
class LandmarkMaps:
    """What the network has made of a crop before it tells anything."""

    fine: Float32[Single, "14 14 112"]
    wide: Float32[Single, "7 7 192"]


class LandmarkFeatures:
    """Runs the landmark network up to its inner maps. Not for several threads at once."""

    def __init__(self, path: Path | None = None, threads: int = 1) -> None:
        content, wanted = with_inner_maps(read_model(LANDMARK, path), (_FINE, _WIDE))
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        names = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}
        self._outputs = [names[name] for name in wanted]

    def run(self, crop_bgr: UInt8[NDArray[np.uint8], "224 224 3"]) -> LandmarkMaps:
        """The maps of a hand's region as `hands.landmarks.crop` gives it."""
        tensor = crop_bgr[None, :, :, ::-1].astype(np.float32) / np.float32(255)
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        return LandmarkMaps(*(self._interpreter.get_tensor(i)[0] for i in self._outputs))
