"""Where in an image instruments are seen, as a network tells it, and what that adds to what colours say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from hoi_perception.instruments.colour import Grid

Single = NDArray[np.float32]
Image = UInt8[NDArray[np.uint8], "_h _w 3"]
Window = tuple[slice, slice]
"""Rows and columns of an image."""
_LEAST = 1e-3
"""Probability that is nearest to never."""


@dataclass(frozen=True)
class MapSettings:
    """What a probability P of instruments says of a pixel: `weight` (logit P - logit `even`), `most` at most for either
    side. At `even` it says nothing."""

    weight: float = 0.3
    even: float = 0.11
    most: float = 1.5


MAP = MapSettings()


@dataclass(frozen=True, eq=False)
class InstrumentMap:
    """Probability that a place shows an instrument (0 to 1) on a coarse grid over an image or a part of it, which lies
    as that of `colour.Grid` does."""

    probability: Float32[Single, "rows columns"]
    per_px: float
    offset: tuple[float, float]

    def grid(self, settings: MapSettings = MAP) -> Grid:
        """Logarithms of likelihood ratios of instrument to surroundings."""
        sure = np.clip(self.probability, _LEAST, 1.0 - _LEAST)
        said = settings.weight * (np.log(sure / (1.0 - sure)) - np.log(settings.even / (1.0 - settings.even)))
        return Grid(np.clip(said, -settings.most, settings.most).astype(np.float32), self.per_px, self.offset)

    def drawn(self, size: tuple[int, int], window: Window) -> Float32[Single, "h w"]:
        """The probability in a window of the image, drawn so large (width, height); NaN where it is not known."""
        at = []
        for span, pixels, offset in zip(reversed(window), size, self.offset, strict=True):
            step = (span.stop - span.start) / pixels
            at.append(self.per_px * (span.start + step * (np.arange(pixels) + 0.5) - 0.5) + offset)
        u, v = (np.asarray(each, dtype=np.float32) for each in at)
        x, y = np.meshgrid(u, v)
        drawn = cv2.remap(self.probability, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        last = np.array(self.probability.shape) - 0.5
        known = ((v >= -0.5) & (v <= last[0]))[:, None] & ((u >= -0.5) & (u <= last[1]))
        return np.where(known, drawn, np.float32(np.nan))


class SeesInstruments(Protocol):
    """What sees instruments in images, such as `networks.picture_parser.PictureParser`."""

    def instruments(self, image_bgr: Image, window: Window | None = None) -> InstrumentMap:
        """Where an image shows instruments, of all of it or of a window, told in pixels of the image."""


def pieced_together(
    sees: SeesInstruments, image_bgr: Image, size: tuple[int, int], parts: int = 2
) -> Float32[Single, "h w"]:
    """The probability all over an image, drawn so large (width, height), from windows of a `parts`-th of its width and
    height that overlap by half: thin things are lost where a network sees all of it at once."""
    height, width = image_bgr.shape[:2]
    whole = slice(0, height), slice(0, width)
    seen = [sees.instruments(image_bgr, window).drawn(size, whole) for window in _windows(height, width, parts)]
    count = np.sum([np.isfinite(one) for one in seen], axis=0)
    return np.asarray(np.nansum(seen, axis=0) / np.maximum(count, 1), dtype=np.float32)


def _windows(height: int, width: int, parts: int) -> list[Window]:
    steps = range(2 * parts - 1)
    rows, columns = (
        [slice(k * length // (2 * parts), (k + 2) * length // (2 * parts)) for k in steps] for length in (height, width)
    )
    return [(down, across) for down in rows for across in columns]
