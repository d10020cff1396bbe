"""Maps of a synthetic scene's ground: drapes, a wound in them, tissue, trays and tables, with what lies about.

A map covers the square of +-`extent` m round the table's origin, row 0 farthest ahead. Colours are linear, blue first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.synthesis.ground_canvas import BLOOD, SIZE, Canvas
from hoi_perception.synthesis.ground_things import add_blood, add_thing, add_wound
from hoi_perception.synthesis.look import GroundKind, GroundLook


@dataclass(frozen=True, eq=False)
class GroundMaps:
    """`albedo`: colour and gloss (0 matt to 1 wet); `slope`: the relief's gradient, and how open it is (0 to 1)."""

    albedo: Float32[NDArray[np.float32], "s s 4"]
    slope: Float32[NDArray[np.float32], "s s 3"]
    weave_depth: float


def ground_maps(look: GroundLook, extent: float, reach: float) -> GroundMaps:
    """The maps of a look; `reach` (m) is how far from the middle the picture goes, the size of what is laid out."""
    rng = np.random.default_rng([look.seed, 7])
    flat = np.zeros((SIZE, SIZE), dtype=np.float32)
    colour = np.tile(np.array(look.colour, dtype=np.float32), (SIZE, SIZE, 1))
    canvas = Canvas(rng, extent, colour, flat.copy(), flat.copy(), flat.copy())
    match look.kind:
        case GroundKind.DRAPE | GroundKind.WOUND:
            _drape(canvas, look.folds)
        case GroundKind.TISSUE:
            _tissue(canvas, reach)
        case GroundKind.TRAY:
            _tray(canvas, reach)
        case GroundKind.TABLE:
            _table(canvas, look.folds)
    for _ in range(look.clutter):
        add_thing(canvas, reach)
    if look.kind is GroundKind.WOUND:
        add_wound(canvas, reach)
    if look.blood > 0.0:
        add_blood(canvas, reach, look.blood)
    return _finished(canvas, look)


def _finished(canvas: Canvas, look: GroundLook) -> GroundMaps:
    texel = 2.0 * canvas.extent / SIZE
    gx = cv2.Sobel(canvas.height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125 / texel)
    gy = -cv2.Sobel(canvas.height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125 / texel)
    hollow = canvas.height - cv2.GaussianBlur(canvas.height, (0, 0), max(canvas.px(0.02), 1.0))
    open_sky = np.clip(1.0 + 22.0 * np.minimum(hollow, 0.004) - canvas.dark, 0.25, 1.08)
    albedo = np.concatenate([np.clip(canvas.colour, 0.004, 0.9), canvas.gloss[:, :, None]], axis=2)
    slope = np.stack([np.clip(gx, -2.5, 2.5), np.clip(gy, -2.5, 2.5), open_sky], axis=-1)
    weave = {GroundKind.TISSUE: 0.25, GroundKind.TRAY: 0.10, GroundKind.TABLE: 0.12}.get(look.kind, 0.75)
    return GroundMaps(
        np.ascontiguousarray(albedo, dtype=np.float32), np.ascontiguousarray(slope, dtype=np.float32), weave
    )


def _drape(c: Canvas, folds: float) -> None:
    """Cloth or paper: long folds that wander, broad swells, small crumples, the grid of its packing."""
    wander = c.noise(6.0)
    long = c.noise(5.0, float(c.rng.uniform(0.2, 1.0)))
    ridge = np.exp(-((long + 0.4 * wander) ** 2) * 9.0)
    c.height += folds * (0.008 * ridge + 0.011 * c.noise(4.0) + 0.0018 * c.noise(22.0) + 0.0005 * c.noise(70.0))
    pitch = float(c.rng.uniform(0.09, 0.2))
    axis = np.linspace(-c.extent, c.extent, SIZE, dtype=np.float32)
    turn = float(c.rng.uniform(-0.3, 0.3))
    for u in (axis[None] * np.cos(turn) + axis[:, None] * np.sin(turn), axis[:, None] - axis[None] * np.sin(turn)):
        off = np.abs((u / pitch + 0.2 * c.rng.random()) % 1.0 - 0.5) * pitch
        c.height += np.float32(0.0007 * folds) * np.exp(-((off / 0.003) ** 2)).astype(np.float32)
    tone = 1.0 + 0.05 * c.noise(3.0) + 0.03 * c.noise(60.0)
    c.colour *= tone[:, :, None]
    c.gloss += np.float32(c.rng.choice([0.0, 0.08, 0.2]))


def _tissue(c: Canvas, reach: float) -> None:
    """Wet tissue: muscle, fat, membranes, small vessels, pools of blood."""
    scale = 0.16 / max(reach, 0.03)
    broad, middle, fine = (c.noise(f * scale) for f in (9.0, 28.0, 90.0))
    c.colour[:] = (0.055, 0.050, 0.34)
    fat = np.clip(0.9 * middle + 0.8 * broad + 0.3 * fine - 0.3, 0.0, 1.0)
    c.paint(fat, (0.16, 0.34, 0.60), 0.85, 0.9)
    pale = np.clip(1.5 * c.noise(14.0 * scale) - 0.7, 0.0, 1.0)
    c.paint(pale, (0.26, 0.28, 0.62), 0.9, 0.8)
    fibres = c.noise(120.0 * scale, 0.12)
    c.colour *= (1.0 + 0.16 * fibres + 0.10 * fine)[:, :, None]
    vessel = np.exp(-((c.noise(11.0 * scale) + 0.35 * middle) ** 2) * 380.0)
    c.paint(c.blurred(vessel, 0.0003), (0.03, 0.02, 0.20), 0.9, 0.75)
    c.gloss = np.asarray(np.clip(0.85 + 0.2 * broad, 0.4, 1.0), dtype=np.float32)
    c.height += (0.010 * broad + 0.0042 * middle + 0.0008 * fine + 0.0012 * np.abs(fibres)) / scale
    pool = np.clip((-broad - 0.4 * middle - 0.5) * 2.5, 0.0, 1.0)
    c.paint(np.asarray(pool, dtype=np.float32), BLOOD, 1.0, 0.92)
    c.height *= np.asarray(1.0 - 0.85 * pool, dtype=np.float32)


def _tray(c: Canvas, reach: float) -> None:
    """A steel tray with its rim, or one lined with cloth."""
    half = 0.75 * reach * np.array([1.0, c.rng.uniform(0.6, 0.9)])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    middle = c.rng.uniform(-0.25, 0.25, 2) * reach
    _drape(c, 0.7)
    outer, inner = c.shape(corners * 1.05 + middle, 0.001), c.shape(corners * 0.97 + middle, 0.004)
    steel = (0.42, 0.42, 0.41) if c.rng.random() < 0.6 else (0.55, 0.54, 0.52)
    c.dark += 0.5 * c.blurred(outer, 0.02)
    brushed = c.noise(30.0, 9.0)
    c.height = c.height * (1.0 - outer) + 0.012 * (outer - inner)
    c.paint(outer, steel, 0.75)
    c.dark *= 1.0 - outer
    c.colour *= (1.0 + outer * 0.035 * brushed)[:, :, None]


def _table(c: Canvas, folds: float) -> None:
    """A plain table top, smooth or grained."""
    c.colour *= (1.0 + 0.03 * c.noise(3.0))[:, :, None]
    if folds > 0.5:
        grained = 0.6 * c.noise(3.0, 60.0) + 0.6 * c.noise(6.0, 40.0)
        c.colour *= (1.0 + 0.09 * grained + 0.04 * c.noise(120.0))[:, :, None]
    c.gloss += np.float32(c.rng.uniform(0.1, 0.45))


@lru_cache(maxsize=1)
def weave() -> Float32[NDArray[np.float32], "w w 3"]:
    """A periodic texture of non-woven cloth: slopes in two directions and tone, each with standard deviation 0.2."""
    size = 192
    rng = np.random.default_rng(5)
    f = np.fft.fftfreq(size)
    kx, ky = np.meshgrid(f, f)
    k2 = kx**2 + ky**2
    ring = np.exp(-((np.sqrt(k2) - 0.16) ** 2) / (2.0 * 0.06**2)) + 0.6 * np.exp(-k2 / (2.0 * 0.02**2))
    threads = np.exp(-((np.abs(kx) - 0.25) ** 2 + ky**2) / 0.002) + np.exp(-((np.abs(ky) - 0.25) ** 2 + kx**2) / 0.002)
    spectrum = np.fft.fft2(rng.standard_normal((size, size))) * (ring + 2.0 * threads)
    maps = [np.fft.ifft2(part).real for part in (spectrum * 2j * np.pi * kx, -spectrum * 2j * np.pi * ky, spectrum)]
    return np.ascontiguousarray(np.stack([0.2 * m / m.std() for m in maps], axis=-1), dtype=np.float32)
