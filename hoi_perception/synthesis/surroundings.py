"""What shiny surfaces of a synthetic scene mirror, and the pictures of a room behind its table. Linear, blue first."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float32, Float64
from numpy.typing import NDArray

from hoi_perception.kernels.light import LEVELS
from hoi_perception.kernels.noise_volume import CELLS
from hoi_perception.synthesis.look import LightLook

Array = NDArray[np.float64]
Picture = Float32[NDArray[np.float32], "h w 3"]
_SIZE = 48


@lru_cache(maxsize=1)
def _directions() -> Float64[Array, "s s 3"]:
    """Directions of an octahedral map's pixels, table axes (right, ahead, up)."""
    axis = (np.arange(_SIZE) + 0.5) / _SIZE * 2.0 - 1.0
    x, y = np.meshgrid(axis, axis)
    z = 1.0 - np.abs(x) - np.abs(y)
    below = z < 0
    folded_x = (1.0 - np.abs(y)) * np.where(x >= 0, 1.0, -1.0)
    folded_y = (1.0 - np.abs(x)) * np.where(y >= 0, 1.0, -1.0)
    d = np.stack([np.where(below, folded_x, x), np.where(below, folded_y, y), z], axis=-1)
    return np.asarray(d / np.linalg.norm(d, axis=-1, keepdims=True))


def surroundings_maps(
    light: LightLook, ground: tuple[float, float, float]
) -> Float32[NDArray[np.float32], "levels s s 3"]:
    """Octahedral maps of a theatre: ceiling, a few panels of light, walls, people as dark shapes, the ground below.

    The lamp itself is left out: shading adds its mirror image with its shadow.
    """
    rng = np.random.default_rng([light.seed, 41])
    d = _directions()
    ambient = light.ambient * np.array(light.colour)
    below = 0.55 * (light.ambient + 0.45 * light.power) * np.array(ground)
    if light.at_camera:
        ambient = 0.25 * below
    panels = [_panel(rng) for _ in range(int(rng.integers(2, 6)))]
    people = [(rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.8)) for _ in range(3)]
    tint = 1.0 + rng.uniform(-0.12, 0.12, 3)
    maps = np.empty((LEVELS, _SIZE, _SIZE, 3), dtype=np.float32)
    azimuth = np.arctan2(d[..., 0], d[..., 1])
    for level in range(LEVELS):
        blur = 0.05 + 0.75 * (level / (LEVELS - 1)) ** 1.3
        above = _step(d[..., 2:] + 0.05, blur)
        room = ambient * tint * (0.55 + 0.45 * np.clip(d[..., 2:], 0.0, 1.0))
        out = above * room + (1.0 - above) * below
        for middle, width, dark in people:
            away = np.abs((azimuth - middle + np.pi) % (2 * np.pi) - np.pi)[..., None]
            shade = _step(width - away, blur) * _step(0.75 - d[..., 2:], blur) * _step(d[..., 2:] + 0.1, blur)
            out = out * (1.0 - dark * shade)
        if not light.at_camera:
            for axis, across, size, strength in panels:
                e = d @ np.stack([axis, across, np.cross(axis, across)], axis=1)
                ahead = np.maximum(e[..., :1], 0.05)
                inside = _step(size[0] - np.abs(e[..., 1:2] / ahead), blur) * _step(
                    size[1] - np.abs(e[..., 2:] / ahead), blur
                )
                share = inside * _step(e[..., :1], blur) / (1.0 + 1.5 * blur)
                out = out + share * strength * light.ambient * np.array(light.colour)
        maps[level] = out
    return maps


def _panel(rng: np.random.Generator) -> tuple[Array, Array, Array, float]:
    """A bright rectangle overhead or on a wall: direction to it, its axis across, half sizes (tangents), radiance."""
    axis = np.array([rng.normal(0.0, 0.8), rng.normal(0.0, 0.8), rng.uniform(0.15, 1.0)])
    axis /= np.linalg.norm(axis)
    across = np.cross(axis, rng.standard_normal(3))
    across /= np.linalg.norm(across)
    return axis, across, rng.uniform(0.06, 0.40, 2), float(rng.uniform(1.2, 4.0))


def _step(value: Array, blur: float) -> Array:
    return np.asarray(np.clip(0.5 + value / (2.0 * blur), 0.0, 1.0))


def backdrop(light: LightLook) -> Picture:
    """A blurred picture of the room all round, 96 rows: wall, floor, upright things and a few lit ones."""
    rng = np.random.default_rng([light.seed, 42])
    height, width = 96, 384
    level = light.ambient * rng.uniform(0.5, 1.3)
    wall = level * (0.35 + 0.5 * rng.random(3) * np.array([1.0, 1.0, 0.9]))
    picture = np.ones((height, width, 3)) * wall
    picture[int(0.62 * height) :] *= rng.uniform(0.25, 0.9)
    for _ in range(26):
        x, w = int(rng.integers(0, width)), int(rng.integers(4, 42))
        y, h = int(rng.integers(0, int(0.75 * height))), int(rng.integers(6, 60))
        colour = level * rng.uniform(0.05, 0.9) * (0.6 + 0.4 * rng.random(3))
        if rng.random() < 0.15:
            colour = level * rng.uniform(1.0, 2.2) * np.ones(3)
        picture[y : y + h, x : x + w] = colour
    wide = np.concatenate([picture, picture, picture], axis=1).astype(np.float32)
    soft = cv2.GaussianBlur(wide, (0, 0), float(rng.uniform(1.2, 3.5)))[:, width : 2 * width]
    return np.ascontiguousarray(soft, dtype=np.float32)


@lru_cache(maxsize=1)
def noise_volume() -> Float32[NDArray[np.float32], "c c c 4"]:
    """Periodic smooth noise and its gradient per sample; white noise low-passed to features of about three samples."""
    rng = np.random.default_rng(20)
    frequency = np.fft.fftfreq(CELLS)
    k2 = frequency[:, None, None] ** 2 + frequency[None, :, None] ** 2 + frequency[None, None, :] ** 2
    spectrum = np.fft.fftn(rng.standard_normal((CELLS,) * 3)) * np.exp(-k2 / (2.0 * 0.16**2))
    spectrum[0, 0, 0] = 0.0
    value = np.fft.ifftn(spectrum).real
    scale = 0.45 / value.std()
    slopes = []
    for axis in range(3):
        shape = [1, 1, 1]
        shape[axis] = CELLS
        slopes.append(np.fft.ifftn(spectrum * (2j * np.pi * frequency.reshape(shape))).real)
    return np.ascontiguousarray(scale * np.stack([value, *slopes], axis=-1), dtype=np.float32)
