"""The palm network with two of its inner maps as outputs beside its own.

The maps are those that its two heads read: 24 x 24 (beside the backbone's map of the same size) and 12 x 12. They are
found by the names of their tensors in the pinned file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.hands.models import PALM, read_model
from hoi_perception.networks.inner_maps import with_inner_maps

Single = NDArray[np.float32]
_FINE, _BACKBONE, _WIDE = "p_re_lu_30/", "p_re_lu_14/", "p_re_lu_27/"
FINE_CHANNELS, WIDE_CHANNELS = 256, 256


@dataclass(frozen=True, eq=False)
class PalmOutputs:
    """Boxes with key points and score logits as `PalmNetwork.forward` gives them, and the inner maps."""

    boxes: Float32[Single, "2016 18"]
    logits: Float32[Single, "2016"]
    fine: Float32[Single, "24 24 256"]
    wide: Float32[Single, "12 12 256"]


class PalmFeatures:
    """Runs the palm network. Not for several threads at once."""

    def __init__(self, path: Path | None = None, threads: int = 1) -> None:
        content, wanted = with_inner_maps(read_model(PALM, path), (_FINE, _BACKBONE, _WIDE))
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        names = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}
        self._outputs = [names[name] for name in ("Identity", "Identity_1", *wanted)]

    def run(self, tensor: Float32[Single, "1 192 192 3"]) -> PalmOutputs:
        """Outputs of a picture as `hands.detection.make_input` gives it."""
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        boxes, logits, fine, backbone, wide = (self._interpreter.get_tensor(i)[0] for i in self._outputs)
        return PalmOutputs(boxes, logits[:, 0], np.concatenate([fine, backbone], axis=-1), wide)
