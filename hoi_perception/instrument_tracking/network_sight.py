"""What a network sees of an instrument that is followed: it looks at a window about where this was going."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instruments.colour import Grid, Image
from hoi_perception.instruments.instrument_map import MAP, MapSettings, SeesInstruments, Window

Array = NDArray[np.float64]
SEEN_CLASSES = frozenset(
    {
        "curette",
        "forceps",
        "grasper",
        "haemostat",
        "needle_holder",
        "retractor",
        "robotic_needle_driver",
        "scalpel",
        "scissors",
        "suction",
        "syringe",
        "tissue_forceps",
        "trocar",
    }
)
"""Classes of instruments that the parser learned to see; cups, mugs and cubes it learned to be none."""


@dataclass(frozen=True)
class SightSettings:
    """How a network looks at an instrument: the window is `round` times as large as its extent in the image, at least
    `least_px` wide, of the `shape` (width over height) of what the network takes."""

    round: float = 1.5
    least_px: float = 96.0
    shape: float = 4.0 / 3.0
    map: MapSettings = MAP


@dataclass(frozen=True, eq=False)
class NetworkSight:
    """Looks at instruments of `SEEN_CLASSES` with a network."""

    sees: SeesInstruments
    settings: SightSettings = SightSettings()

    def of(self, image: Image, instrument_class: str, px: Float64[Array, "n 2"]) -> Grid | None:
        """What is seen about an instrument of which places in the image are known (px); None where that cannot be
        told."""
        if instrument_class not in SEEN_CLASSES:
            return None
        window = window_about(px, (image.shape[1], image.shape[0]), self.settings)
        if window is None:
            return None
        seen = self.sees.instruments(image, window)
        return seen.grid(self.settings.map) if min(seen.probability.shape) > 1 else None


def window_about(px: Float64[Array, "n 2"], size: tuple[int, int], settings: SightSettings) -> Window | None:
    """Rows and columns round places in an image of a size (width, height); None where none of them is in it."""
    inside = px[((px >= 0.0) & (px < size)).all(axis=1)]
    if len(inside) == 0:
        return None
    low, high = inside.min(axis=0), inside.max(axis=0)
    extent = settings.round * (high - low)
    width = max(float(extent[0]), settings.shape * float(extent[1]), settings.least_px)
    half = 0.5 * np.array([width, width / settings.shape])
    first = np.clip(np.floor(0.5 * (low + high) - half), 0, None).astype(int)
    last = np.minimum(np.ceil(0.5 * (low + high) + half), size).astype(int)
    return slice(int(first[1]), int(last[1])), slice(int(first[0]), int(last[0]))
