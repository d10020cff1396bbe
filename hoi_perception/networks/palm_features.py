"""The palm network with two of its inner maps as outputs beside its own.

The maps are those that its two heads read: 24 x 24 (beside the backbone's map of the same size) and 12 x 12. They are
found by the names of their tensors in the pinned file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.hands.models import PALM
from hoi_perception.networks.inner_maps import NetworkWithMaps

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
        self._network = NetworkWithMaps(PALM, (_FINE, _BACKBONE, _WIDE), path, threads)

    def run(self, tensor: Float32[Single, "1 192 192 3"]) -> PalmOutputs:
        """Outputs of a picture as `hands.detection.make_input` gives it."""
        outputs = self._network.run(tensor, ("Identity", "Identity_1", *self._network.inner))
        boxes, logits, fine, backbone, wide = (one[0] for one in outputs)
        return PalmOutputs(boxes, logits[:, 0], np.concatenate([fine, backbone], axis=-1), wide)
