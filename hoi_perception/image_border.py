"""The black border of an endoscope's image: found over several frames, followed, never guessed.

What counts as border is black, the same everywhere, hardly changing, and the scene within it is a disc or an upright
rectangle with a sharp edge. Nothing is left out until several looks agree; what proves to be no border is taken back
within a few frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy.typing import NDArray

from hoi_perception.border_shapes import Grid, find_shape, sharpened
from hoi_perception.visible_area import VisibleArea, VisibleDisc

Image = UInt8[NDArray[np.uint8], "h w 3"]
Brightness = Float32[NDArray[np.float32], "rows columns"]
Mask = Bool[NDArray[np.bool_], "rows columns"]

BLACKEST = 24.0
"""Brightness of the border at most (0 to 255): video black is 16, noise and coding artefacts add some."""
OVER_BLACK = 12.0
"""Brightness over that of the border from which a cell is scene."""
EVENNESS = 3.3
"""Standard deviation of the border's remembered brightness at most; strong sensor noise (12 of 255) gives 3.1."""
MIN_OUTSIDE, MAX_OUTSIDE = 0.04, 0.85
"""Share of the image that the border takes."""
TEXT_SHARE = 0.1
"""Share of the border that may be bright: text, logos, a notch at the rim."""
FADE = 0.8
"""Factor per glance on the remembered brightness, so that white counts as black after some 20 frames."""
LIT, LIT_SHARE = 40.0, 0.1
"""A frame in which less than this share of the image is that bright says nothing about the border."""
GLANCE_INTERVAL = 2
"""Frames from one reading of the brightness to the next."""
LOOK_INTERVAL = 8
"""Frames from one look for a shape to the next."""
SETTLED_INTERVAL = 32
"""The same while an area is known and nothing speaks against it."""
LOOKS = 3
"""Looks in a row that have to agree."""
MOST_LOOKS = 24
"""Looks demanded at most, when areas found before have proved wrong."""
SCENE_OUTSIDE, BREACHES = 0.01, 3
"""Share of the image that has to be bright in the border, and in how many glances in a row, to prove an area wrong."""


@dataclass(frozen=True)
class BorderMemory:
    """What is known of the border. `area` is None where the whole image counts.

    `peak` is the remembered brightness of the grid's cells, `outside` the cells of the border that were black.
    `candidate` was found in the latest `agreeing` looks, `breaches` counts glances in a row that saw scene in the
    border, `mistakes` areas that were taken back.
    """

    area: VisibleArea | None = None
    grid: Grid | None = None
    peak: Brightness | None = None
    outside: Mask | None = None
    black: float = 0.0
    candidate: VisibleArea | None = None
    agreeing: int = 0
    frames: int = 0
    breaches: int = 0
    mistakes: int = 0


def watch_border(image_bgr: Image, memory: BorderMemory) -> BorderMemory:
    """The memory after one more frame; `area` in it is what this frame shows of the scene."""
    grid = Grid.of(image_bgr.shape[1], image_bgr.shape[0])
    if min(grid.rows, grid.columns) < 16:
        return BorderMemory()
    if memory.grid != grid:
        memory = BorderMemory(grid=grid)
    memory = replace(memory, frames=memory.frames + 1)
    if memory.frames % GLANCE_INTERVAL:
        return memory
    now = cell_brightness(image_bgr, grid)
    if np.count_nonzero(now > LIT) < LIT_SHARE * now.size:
        return memory
    peak = now if memory.peak is None else np.maximum(now, np.float32(FADE) * memory.peak)
    memory = _checked(replace(memory, peak=peak), now)
    settled = memory.area is not None and memory.candidate is None
    due = memory.frames % (SETTLED_INTERVAL if settled else LOOK_INTERVAL) == 0
    return _looked(memory, image_bgr, grid, peak) if due else memory


def cell_brightness(image_bgr: Image, grid: Grid) -> Brightness:
    """Mean over four pixels of each cell of the brightest channel: blood is dark in two of the three."""
    whole = image_bgr[: grid.rows * grid.cell, : grid.columns * grid.cell]
    samples = cv2.resize(whole, (2 * grid.columns, 2 * grid.rows), interpolation=cv2.INTER_NEAREST)
    blue, green, red = cv2.split(samples)
    brightest = cv2.max(cv2.max(blue, green), red)
    return cv2.resize(brightest, (grid.columns, grid.rows), interpolation=cv2.INTER_AREA).astype(np.float32)


def _checked(memory: BorderMemory, now: Brightness) -> BorderMemory:
    """The memory without an area whose border shows scene for some glances: a zoom, or no border at all."""
    if memory.area is None or memory.outside is None:
        return memory
    bright = (now > memory.black + 2.0 * OVER_BLACK) & memory.outside
    breaches = memory.breaches + 1 if np.count_nonzero(bright) > SCENE_OUTSIDE * now.size else 0
    if breaches < BREACHES:
        return replace(memory, breaches=breaches)
    return BorderMemory(grid=memory.grid, peak=memory.peak, frames=memory.frames, mistakes=memory.mistakes + 1)


def _looked(memory: BorderMemory, image_bgr: Image, grid: Grid, peak: Brightness) -> BorderMemory:
    """The memory after a look for the shape; looks that agree often enough make what they found the area."""
    black = border_black(peak)
    found = None if black is None else _find(image_bgr, grid, peak, black)
    if found is None or black is None:
        return replace(memory, candidate=None, agreeing=0)
    if memory.area is not None and _same_area(found, memory.area, grid.cell):
        return replace(memory, candidate=None, agreeing=0)
    again = memory.candidate is not None and _same_area(found, memory.candidate, grid.cell)
    agreeing = memory.agreeing + 1 if again else 1
    if agreeing < min(LOOKS * 2**memory.mistakes, MOST_LOOKS):
        return replace(memory, candidate=found, agreeing=agreeing)
    outside = _outside(found, grid) & (peak <= black + OVER_BLACK)
    return replace(memory, area=found, outside=outside, black=black, candidate=None, agreeing=0, breaches=0)


def _find(image_bgr: Image, grid: Grid, peak: Brightness, black: float) -> VisibleArea | None:
    """The area within a border of the given brightness, if this is one."""
    bright = peak > black + OVER_BLACK
    if np.count_nonzero(bright) > (1.0 - MIN_OUTSIDE) * bright.size:
        return None
    found = find_shape(bright, grid)
    return sharpened(found, image_bgr, grid.cell) if found and _is_border(found, grid, peak, black) else None


def border_black(peak: Brightness) -> float | None:
    """Brightness of the darkest of the image's edge; None where even that is not black."""
    rim = np.concatenate([peak[0], peak[-1], peak[:, 0], peak[:, -1]])
    black = float(np.partition(rim, len(rim) // 20)[len(rim) // 20])
    return black if black <= BLACKEST else None


def _is_border(area: VisibleArea, grid: Grid, peak: Brightness, black: float) -> bool:
    """Whether everything outside the area is evenly black, but for a little text."""
    beyond = peak[_outside(area, grid)]
    if not MIN_OUTSIDE * peak.size <= len(beyond) <= MAX_OUTSIDE * peak.size:
        return False
    dark = beyond[beyond <= black + OVER_BLACK]
    return len(dark) >= (1.0 - TEXT_SHARE) * len(beyond) and float(dark.std()) <= EVENNESS


def _outside(area: VisibleArea, grid: Grid) -> Mask:
    """Cells that lie outside the area by a cell or more, where its edge has no part in them."""
    if isinstance(area, VisibleDisc):
        area = replace(area, radius_px=area.radius_px + 1.5 * grid.cell)
    else:
        x0, y0, x1, y1 = area.box_px
        area = replace(area, box_px=(x0 - grid.cell, y0 - grid.cell, x1 + grid.cell, y1 + grid.cell))
    return ~area.contains(grid.centers()).reshape(grid.rows, grid.columns)


def _same_area(a: VisibleArea, b: VisibleArea, tolerance_px: float) -> bool:
    """Whether two areas have one shape and edges at the same place."""
    if type(a) is not type(b):
        return False
    return float(np.abs(a.outline_px - b.outline_px).max()) <= tolerance_px
