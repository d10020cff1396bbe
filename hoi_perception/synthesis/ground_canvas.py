"""Painting maps of a synthetic scene's ground. Colours are linear, blue first."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.synthesis.look import Colour

SIZE = 512
Map = Float32[NDArray[np.float32], "s s"]
BLOOD: Colour = (0.010, 0.009, 0.13)


@dataclass
class Canvas:
    """A ground in the making: colour, gloss, height in metres, how dark each place is by what lies near."""

    rng: np.random.Generator
    extent: float
    colour: Float32[NDArray[np.float32], "s s 3"]
    gloss: Map
    height: Map
    dark: Map

    def noise(self, per_metre: float, stretch: float = 1.0) -> Map:
        """Smooth noise, mean 0 and standard deviation about 0.6, of features 1 / `per_metre` m wide."""
        cells = [int(np.clip(2.0 * self.extent * f, 1.0, 250.0)) + 3 for f in (per_metre, per_metre * stretch)]
        lattice = self.rng.standard_normal((cells[1], cells[0])).astype(np.float32)
        grown = cv2.resize(lattice, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        return np.asarray(grown, dtype=np.float32)

    def px(self, metres: float) -> float:
        """Length in pixels of the map."""
        return metres * SIZE / (2.0 * self.extent)

    def paint(self, mask: Map, colour: Colour, gloss: float, opacity: float = 1.0) -> None:
        """Lays a colour where `mask` (0 to 1) is."""
        share = np.asarray(opacity * mask, dtype=np.float32)
        rest = 1.0 - share
        self.colour = np.asarray(cv2.merge([cv2.multiply(c, rest) for c in cv2.split(self.colour)]), dtype=np.float32)
        self.colour += cv2.merge([share * np.float32(c) for c in colour])
        self.gloss = self.gloss * rest + share * np.float32(gloss)

    def shape(self, points: NDArray[np.floating], soft: float) -> Map:
        """A filled polygon (m, right and ahead) with an edge `soft` m wide."""
        px = (points / self.extent * [0.5, -0.5] + 0.5) * SIZE
        mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
        cv2.fillPoly(mask, [np.round(px * 16.0).astype(np.int32)], 255, cv2.LINE_AA, 4)
        return self.blurred(mask.astype(np.float32) / 255.0, soft)

    def blurred(self, mask: Map, sigma: float) -> Map:
        """Blurred by `sigma` m."""
        px = self.px(sigma)
        if px < 0.3:
            return mask
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), px), dtype=np.float32)
