"""The landmark network with two of its inner maps as outputs beside its own, for a head of ours.

They are those with which its last blocks at 1/16 and at 1/32 of the crop end, found by the names of their tensors in
the pinned file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import OUTPUTS
from hoi_perception.hands.models import LANDMARK
from hoi_perception.networks.inner_maps import NetworkWithMaps

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
        self._network = NetworkWithMaps(LANDMARK, (_FINE, _WIDE), path, threads)

    def run(self, tensor: Float32[Single, "1 224 224 3"]) -> LandmarkMaps:
        """Outputs and maps of a crop as `hands.landmarks.network_input` gives it."""
        *outputs, fine, wide = self._network.run(tensor, (*OUTPUTS, *self._network.inner))
        return LandmarkMaps(tuple(outputs), fine[0], wide[0])
