"""Simple pictures of instruments for region tracking: shaded metal on a drape or in clutter, hands, noise and blur.

Steel is a mirror of a room with a bright lamp and a dark floor, seen blurred: its colour changes along the instrument
and from pose to pose, and in places it is that of what lies behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int, UInt8
from numpy.typing import NDArray

from hoi_perception.rendering import project_to_screen, rasterise, vertex_normals, visible_window
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Picture = Float32[NDArray[np.float32], "h w 3"]
SAMPLES = 2
_LAMP = np.array([0.35, -0.75, -0.56])
SKIN_BGR = np.array([125.0, 155.0, 200.0])


@dataclass(frozen=True)
class Steel:
    """Looks of an instrument: tint (blue, green, red; 1 is grey), brightness of room and lamp, width of the lamp."""

    tint: Float64[Array, "3"]
    room: float
    lamp: float
    sharpness: float

    @staticmethod
    def sampled(rng: np.random.Generator) -> Steel:
        """From matt to polished."""
        tint = np.array([1.0, 1.0, 1.0]) + rng.uniform(-0.06, 0.06, 3)
        return Steel(tint, rng.uniform(90.0, 150.0), rng.uniform(60.0, 160.0), rng.uniform(4.0, 30.0))

    def shaded(self, normals: Float64[Array, "n 3"], rays: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
        """Colours (0 to 255, blue first) of places with unit normals, seen along unit rays."""
        mirrored = rays - 2.0 * (rays * normals).sum(axis=1, keepdims=True) * normals
        up = -mirrored[:, 1]
        room = self.room * (0.62 + 0.38 * np.tanh(2.0 * up)) + 12.0 * np.sin(5.0 * mirrored[:, 0] + 1.0)
        lamp = self.lamp * np.exp(self.sharpness * (mirrored @ (_LAMP / np.linalg.norm(_LAMP)) - 1.0))
        return np.asarray((room + lamp)[:, None] * self.tint)


@dataclass(frozen=True)
class Skin:
    """A hand: its colour where light falls on it squarely."""

    colour: Float64[Array, "3"]

    def shaded(self, normals: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
        """Colours (0 to 255, blue first) of places with unit normals, from wherever they are seen."""
        lit = np.clip(normals @ (_LAMP / np.linalg.norm(_LAMP)), 0.0, 1.0)
        return np.asarray((0.45 + 0.55 * lit)[:, None] * self.colour)


@dataclass(frozen=True, eq=False)
class Body:
    """A mesh in the camera frame (m) and how it looks."""

    vertices: Float64[Array, "n 3"]
    faces: Int[NDArray[np.integer], "m 3"]
    look: Steel | Skin


def drape(camera: Camera, rng: np.random.Generator) -> Picture:
    """A green or blue cloth with soft folds, darker to one side."""
    colours = ((95.0, 120.0, 40.0), (140.0, 95.0, 35.0), (120.0, 110.0, 60.0))
    colour = np.array(colours[int(rng.integers(len(colours)))]) * rng.uniform(0.8, 1.2)
    size = (camera.width, camera.height)
    folds = _noise(rng, size, 90.0) + 0.5 * _noise(rng, size, 30.0)
    weave = 0.25 * _noise(rng, size, 1.2)
    slope = np.linspace(-1.0, 1.0, camera.width)[None] * rng.uniform(-0.15, 0.15)
    return np.asarray((1.0 + 0.16 * folds + 0.12 * weave + slope)[..., None] * colour, dtype=np.float32)


def clutter(camera: Camera, rng: np.random.Generator, pieces: int = 60) -> Picture:
    """A cloth full of patches and bars, half of them grey as instruments are."""
    picture = drape(camera, rng)
    for _ in range(pieces):
        grey = rng.uniform(40.0, 220.0) * np.ones(3) + rng.uniform(-12.0, 12.0, 3)
        colour = grey if rng.random() < 0.5 else rng.uniform(20.0, 230.0, 3)
        center = rng.uniform(0.0, [camera.width, camera.height])
        if rng.random() < 0.5:
            axes = rng.uniform(8.0, 60.0, 2)
        else:
            axes = np.array([rng.uniform(40.0, 200.0), rng.uniform(2.0, 8.0)])
        box = (tuple(map(float, center)), tuple(map(float, 2.0 * axes)), float(rng.uniform(0.0, 180.0)))
        if rng.random() < 0.5:
            cv2.ellipse(picture, box, colour.tolist(), -1, cv2.LINE_AA)
        else:
            cv2.fillPoly(picture, [cv2.boxPoints(box).astype(np.int32)], colour.tolist(), cv2.LINE_AA)
    return np.asarray(picture * (1.0 + 0.08 * _noise(rng, (camera.width, camera.height), 8.0))[..., None], np.float32)


def drawn(background: Picture, bodies: list[Body], camera: Camera) -> Picture:
    """The bodies before a background, smooth at the borders."""
    picture = background.copy()
    screens = [project_to_screen(body.vertices, camera) for body in bodies]
    window = visible_window(np.concatenate(screens), camera.width, camera.height)
    if window.width == 0:
        return picture
    K = camera.K.copy()
    K[0, 2], K[1, 2] = K[0, 2] - window.x, K[1, 2] - window.y
    cropped = Camera(K, window.width, window.height)
    size = (window.width * SAMPLES, window.height * SAMPLES)
    layer = np.zeros((size[1], size[0], 4), dtype=np.float32)
    depth = np.full((size[1], size[0]), np.inf, dtype=np.float32)
    for body in bodies:
        raster = rasterise(body.vertices, body.faces, cropped, size)
        seen = raster.depth < depth
        layer[seen, :3] = _colours(body, body.faces[raster.face_id[seen]], raster.barycentric[seen])
        layer[seen, 3] = 1.0
        depth[seen] = raster.depth[seen]
    small = cv2.resize(layer, (window.width, window.height), interpolation=cv2.INTER_AREA)
    part = picture[window.y : window.y + window.height, window.x : window.x + window.width]
    part[...] = part * (1.0 - small[..., 3:]) + small[..., :3]
    return picture


def _colours(
    body: Body, corners: Int[NDArray[np.integer], "n 3"], weights: Float32[NDArray[np.float32], "n 3"]
) -> Float64[Array, "n 3"]:
    """Colours of places on faces, by their barycentric weights; skin is shaded at its vertices."""
    normals = vertex_normals(body.vertices, body.faces).astype(np.float64)
    if isinstance(body.look, Skin):
        return np.asarray(np.einsum("nk,nki->ni", weights, body.look.shaded(normals)[corners]))
    between = np.einsum("nk,nki->ni", weights, normals[corners])
    between /= np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-9)
    rays = np.einsum("nk,nki->ni", weights, body.vertices[corners])
    return body.look.shaded(between, rays / np.linalg.norm(rays, axis=1, keepdims=True))


def filmed(
    picture: Picture, rng: np.random.Generator, blur_px: float = 0.8, noise: float = 4.0
) -> UInt8[NDArray[np.uint8], "h w 3"]:
    """What a camera makes of a picture: blur, noise (standard deviation in grey values), 8 bits."""
    soft = cv2.GaussianBlur(picture, (0, 0), blur_px)
    grain = noise * rng.standard_normal(picture.shape, dtype=np.float32)
    return np.asarray(np.clip(soft + grain + 0.5, 0.0, 255.0), dtype=np.uint8)


def covered_by_blobs(
    shown: Bool[NDArray[np.bool_], "h w"], share: float, rng: np.random.Generator
) -> Bool[NDArray[np.bool_], "h w"]:
    """Blobs as wide as fingers over `share` of what is shown."""
    cover = np.zeros(shown.shape, dtype=np.uint8)
    places = np.argwhere(shown)
    while len(places) and (cover[shown] > 0).mean() < share:
        y, x = places[int(rng.integers(len(places)))]
        axes = rng.uniform(8.0, 26.0, 2)
        box = ((float(x), float(y)), tuple(map(float, 2.0 * axes)), float(rng.uniform(0.0, 180.0)))
        cv2.ellipse(cover, box, 1, -1)
    return cover > 0


def _noise(rng: np.random.Generator, size: tuple[int, int], scale_px: float) -> Float32[NDArray[np.float32], "h w"]:
    """Smooth noise of variance 1 with features of about a size."""
    width, height = (max(int(n / max(scale_px / 3.0, 1.0)), 4) for n in size)
    coarse = cv2.GaussianBlur(rng.normal(size=(height, width)).astype(np.float32), (0, 0), 1.2)
    smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray((smooth - smooth.mean()) / max(float(smooth.std()), 1e-6), dtype=np.float32)
