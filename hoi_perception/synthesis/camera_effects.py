"""From a linear picture to what a camera delivers: shutter, lens, exposure, noise, tone curve, code."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import warp as wp
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from hoi_perception.kernels import sensor as kernels
from hoi_perception.synthesis.look import SensorLook
from hoi_perception.types import Camera

Picture = Float32[NDArray[np.float32], "h w 3"]
_CURVE = 4096
_GRAIN_MARGIN = 64
_GLOW_SCALE = 8


def expose(
    linear: Picture,
    flow: Float32[NDArray[np.float32], "h w 2"] | None,
    depth: Float32[NDArray[np.float32], "h w"],
    camera: Camera,
    look: SensorLook,
) -> UInt8[NDArray[np.uint8], "h w 3"]:
    """The 8-bit picture. `flow` (px) is how far things move while the shutter is open."""
    exposure = look.exposure * metered(linear, camera, look)
    picture = linear if flow is None else _moved(linear, flow, depth)
    picture = _through_lens(picture, depth, look)
    glow = _glow(picture, look, exposure)
    rng = np.random.default_rng([look.seed, 61])
    dy, dx = (int(v) for v in rng.integers(0, _GRAIN_MARGIN, 2))
    height, width = depth.shape
    out = np.empty((height, width, 3), dtype=np.uint8)
    inputs = [
        wp.array(picture, dtype=wp.vec3, device="cpu", copy=False),
        wp.array(glow, dtype=wp.vec3, device="cpu", copy=False),
        wp.array(_grain(height, width), dtype=wp.vec3, device="cpu", copy=False),
        dx,
        dy,
        _sensor(look, camera, exposure),
        wp.array(_curve(look.contrast), dtype=wp.float32, device="cpu", copy=False),
    ]
    target = wp.array(out, dtype=wp.vec3ub, device="cpu", copy=False)
    wp.launch(kernels.develop, dim=(height, width), inputs=inputs, outputs=[target], device="cpu")
    if look.sharpening > 0.0:
        soft = cv2.GaussianBlur(out, (0, 0), 1.4)
        out = np.asarray(cv2.addWeighted(out, 1.0 + look.sharpening, soft, -look.sharpening, 0.0), dtype=np.uint8)
    return _coded(out, look.quality)


def metered(linear: Picture, camera: Camera, look: SensorLook) -> float:
    """What an automatic exposure scales the light by: the mean to 0.3 of white, the brightest twentieth below white.

    Only the visible disc counts, where there is one.
    """
    small = linear[4::8, 4::8] @ np.array([0.11, 0.59, 0.30], dtype=np.float32)
    if look.disc > 0.0:
        y, x = np.mgrid[4 : linear.shape[0] : 8, 4 : linear.shape[1] : 8]
        inside = np.hypot(x - camera.K[0, 2], y - camera.K[1, 2]) < 0.5 * look.disc * camera.height
        small = small[inside] if inside.any() else small
    light = np.minimum(small, np.quantile(small, 0.97))
    return float(min(0.30 / max(float(light.mean()), 1e-4), 0.85 / max(float(np.quantile(small, 0.94)), 1e-4)))


def _moved(
    picture: Picture, flow: Float32[NDArray[np.float32], "h w 2"], depth: Float32[NDArray[np.float32], "h w"]
) -> Picture:
    height, width = depth.shape
    tiles = (-(-height // kernels.TILE), -(-width // kernels.TILE))
    device_flow = wp.array(flow, dtype=wp.vec2, device="cpu", copy=False)
    longest = wp.empty(tiles, dtype=wp.vec2, device="cpu")
    wp.launch(kernels.longest_shift, dim=tiles, inputs=[device_flow], outputs=[longest], device="cpu")
    out = np.empty_like(picture)
    inputs = [
        wp.array(picture, dtype=wp.vec3, device="cpu", copy=False),
        device_flow,
        wp.array(depth, dtype=wp.float32, device="cpu", copy=False),
        longest,
    ]
    target = wp.array(out, dtype=wp.vec3, device="cpu", copy=False)
    wp.launch(kernels.blur_motion, dim=depth.shape, inputs=inputs, outputs=[target], device="cpu")
    return out


def _through_lens(picture: Picture, depth: Float32[NDArray[np.float32], "h w"], look: SensorLook) -> Picture:
    """Blurred a little everywhere, and more out of focus."""
    if look.softness > 0.25:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), look.softness), dtype=np.float32)
    if look.aperture <= 0.1:
        return picture
    soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), 3.0), dtype=np.float32)
    out = np.empty_like(picture)
    inputs = [
        wp.array(picture, dtype=wp.vec3, device="cpu", copy=False),
        wp.array(soft, dtype=wp.vec3, device="cpu", copy=False),
        wp.array(depth, dtype=wp.float32, device="cpu", copy=False),
        look.focus,
        look.aperture,
    ]
    target = wp.array(out, dtype=wp.vec3, device="cpu", copy=False)
    wp.launch(kernels.defocus, dim=depth.shape, inputs=inputs, outputs=[target], device="cpu")
    return out


def _glow(picture: Picture, look: SensorLook, exposure: float) -> Picture:
    """Light that strays round what is brighter than white, and a veil over all."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // _GLOW_SCALE, height // _GLOW_SCALE), interpolation=cv2.INTER_AREA)
    white = np.float32(1.0 / exposure)
    bright = np.minimum(np.maximum(small - 0.8 * white, 0.0), 6.0 * white) * np.float32(look.glow * 4.0)
    strayed = cv2.GaussianBlur(bright, (0, 0), 1.6) + 0.4 * cv2.GaussianBlur(bright, (0, 0), 6.0)
    strayed = strayed + np.float32(look.haze) * small.mean(axis=(0, 1))
    return np.asarray(cv2.resize(strayed, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _sensor(look: SensorLook, camera: Camera, exposure: float) -> Any:
    out = kernels.Sensor()
    t, g = look.temperature, look.tint
    out.gain = wp.vec3(1.0 - 0.22 * t, 1.0 + 0.10 * g, 1.0 + 0.22 * t) * exposure
    out.saturation, out.vignette = look.saturation, look.vignette
    out.center = wp.vec2(float(camera.K[0, 2]), float(camera.K[1, 2]))
    out.radius = look.disc * 0.5 * camera.height
    out.read, out.shot, out.black = look.read, look.shot, 0.0
    return out


@lru_cache(maxsize=8)
def _grain(height: int, width: int) -> Float32[NDArray[np.float32], "h w 3"]:
    """Noise of unit deviation as a mosaic's interpolation leaves it: neighbours alike, channels partly."""
    rng = np.random.default_rng(17)
    white = rng.standard_normal((height + _GRAIN_MARGIN, width + _GRAIN_MARGIN, 3)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(white, (0, 0), 0.6), dtype=np.float32)
    soft = 0.75 * soft + 0.35 * soft.mean(axis=2, keepdims=True)
    return np.ascontiguousarray(soft / soft.std(), dtype=np.float32)


@lru_cache(maxsize=64)
def _curve(contrast: float) -> Float32[NDArray[np.float32], " n"]:
    """sRGB's curve bent into an S by `contrast`, with a shoulder before white; 0 to 255."""
    x = np.linspace(0.0, 1.0, _CURVE)
    shoulder = np.where(x < 0.6, x, 0.6 + 0.4 * np.tanh((x - 0.6) / 0.4 * 1.25) / np.tanh(1.25))
    y = np.where(shoulder < 0.0031308, 12.92 * shoulder, 1.055 * shoulder ** (1.0 / 2.4) - 0.055)
    bent = y * y * (3.0 - 2.0 * y)
    return np.asarray(255.0 * np.clip((1.0 - contrast) * y + contrast * bent, 0.0, 1.0) + 0.5, dtype=np.float32)


def _coded(picture: UInt8[NDArray[np.uint8], "h w 3"], quality: int) -> UInt8[NDArray[np.uint8], "h w 3"]:
    if quality <= 0:
        return picture
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), dtype=np.uint8)
