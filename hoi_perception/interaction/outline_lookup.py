"""Which places on an instrument's edges are on its outline, and where in the image, for all problems at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.launches import Shared
from hoi_perception.interaction.outline import Edges
from hoi_perception.kernels.outline import faces_seen, places_on_outline

Array = NDArray[np.float64]
NEAREST_M = 0.03
"""Depth below which nothing is projected, m."""


class OutlineLookup:
    """Looks up the outline of one instrument whose links are `placed`: rotations and origins (batch, link), its own
    from number `first_link` on."""

    def __init__(self, edges: Edges, placed: tuple[Shared, Shared], first_link: int, strands: int, device: Any) -> None:
        turns, origins = placed
        batch = len(turns.host)
        seen = Shared((batch, len(edges.offsets)), wp.uint8, device)
        self._on_outline = Shared((batch, len(edges.places)), wp.uint8, device)
        self._at = Shared((batch, len(edges.places)), wp.vec2d, device)
        inputs = [edges.on(device), turns.device, origins.device, first_link]
        out = [strands, seen.device, self._on_outline.device, self._at.device]
        with wp.ScopedDevice(device):
            self._launches = (
                wp.launch(faces_seen, (batch, strands), [*inputs, *out[:2]], record_cmd=True),
                wp.launch(places_on_outline, (batch, strands), [*inputs, NEAREST_M, *out], record_cmd=True),
            )

    def look(self) -> list[tuple[Int64[NDArray[np.int64], " m"], Float64[Array, "m 2"]]]:
        """Of each problem the places on the outline (inner ones too) in front of the camera: indices into the edges,
        and where they are on the plane z = 1."""
        for launch in self._launches:
            launch.launch()
        at, found = self._at.pull(), [np.flatnonzero(flags) for flags in self._on_outline.pull().view(bool)]
        return [(index, at[b, index]) for b, index in enumerate(found)]
