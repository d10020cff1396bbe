"""A photograph of hands over a draped table: lamp, shadows, skin, cloth and a camera's noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import warp as wp
from jaxtyping import Float, Float32, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.kernels import drape as drape_kernels
from hoi_perception.kernels import lamp as lamp_kernels
from hoi_perception.kernels import skin as kernels
from hoi_perception.rendering import (
    fill_zbuffer,
    project_to_screen,
    rasterise,
    vertex_normals,
    visible_window,
)
from hoi_perception.synthesis.arm import Arm
from hoi_perception.synthesis.skin import Complexion, SkinLayout
from hoi_perception.synthesis.table import Table
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Picture = Float32[NDArray[np.float32], "h w 3"]

DRAPE_BGR = (0.150, 0.155, 0.022)
_LAMP_BGR = (1.13, 1.20, 1.26)
_SKY_BGR = (0.40, 0.37, 0.35)
_SHADOW_SIZE = 640
_DARKER = 4
_TURNS = np.arange(12) * np.pi * (3.0 - np.sqrt(5.0))
_TAPS_M = (
    0.005 * np.sqrt((np.arange(12) + 0.5) / 12.0)[:, None] * np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=-1)
).astype(np.float32)


@dataclass(frozen=True)
class Lamp:
    """A round lamp (metres, in the camera's frame) that looks at a point."""

    position: Float64[Array, "3"]
    aim: Float64[Array, "3"]
    radius: float = 0.09

    @property
    def R_lamp_camera(self) -> Float64[Array, "3 3"]:
        """Rotation into the frame of a camera in the lamp's place."""
        forward = (self.aim - self.position) / np.linalg.norm(self.aim - self.position)
        right = np.cross([0.0, 0.0, 1.0], forward)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])

    def to_lamp(self, points: Float[NDArray[np.floating], "n 3"]) -> Float64[Array, "n 3"]:
        """Points of the camera's frame in the lamp's."""
        return np.asarray((points - self.position) @ self.R_lamp_camera.T, dtype=np.float64)

    @property
    def focal_px(self) -> float:
        """Focal length of the shadow map: a disc of 0.34 m round the aim is in it."""
        return float(0.5 * _SHADOW_SIZE * np.linalg.norm(self.aim - self.position) / 0.34)


@dataclass(frozen=True)
class Studio:
    """Everything of a scene that does not move, computed once."""

    camera: Camera
    table: Table
    lamp: Lamp
    complexion: Complexion
    drape_lit: Picture
    drape_ambient: Picture
    vignette: Picture
    grain: Float32[NDArray[np.float32], "h+64 w+64 3"]

    @staticmethod
    def build(camera: Camera, table: Table, complexion: Complexion) -> Studio:
        """Lay the drape, hang the lamp, prepare the camera's noise."""
        lamp = Lamp(table.to_camera(np.array([-0.34, 0.30, 0.95])), table.to_camera(np.array([0.0, -0.03, 0.04])))
        lit, ambient = _drape(camera, table, lamp, complexion.seed)
        y, x = np.mgrid[: camera.height, : camera.width]
        off = np.hypot(x - camera.width / 2, y - camera.height / 2) / (0.5 * np.hypot(camera.width, camera.height))
        rng = np.random.RandomState(complexion.seed + 17)
        grain = rng.standard_normal((camera.height + 64, camera.width + 64, 3)).astype(np.float32)
        vignette = (1.0 - 0.24 * off**2.2).astype(np.float32)[:, :, None].repeat(3, axis=2)
        soft_grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.55), dtype=np.float32)
        return Studio(camera, table, lamp, complexion, lit, ambient, vignette, soft_grain)

    def photograph(
        self, arms: Sequence[Arm], layouts: Sequence[SkinLayout], noise_seed: int
    ) -> UInt8[NDArray[np.uint8], "h w 3"]:
        """The picture of hands with these skin layouts, 8-bit BGR."""
        scene = _gather(arms, layouts)
        image = self._table_picture(scene)
        self._paint_hands(image, scene, layouts[0])
        return self._expose(image, noise_seed)

    def _table_picture(self, scene: _Geometry) -> Picture:
        """The drape with the shadow of what is above it."""
        size = (self.camera.width // _DARKER, self.camera.height // _DARKER)
        shade = np.zeros(size[::-1], dtype=np.float32)
        spread = self.lamp.radius * np.array([[0.0, 0.0], [0.7, 0.0], [-0.35, 0.6], [-0.35, -0.6]])
        for right, forward in spread:
            source = self.lamp.position + self.table.R_camera_table @ np.array([right, forward, 0.0])
            fallen = _drop(scene.vertices, source, self.table)
            shade += rasterise(fallen, scene.faces, self.camera, size).mask * np.float32(1.0 / len(spread))
        full = (self.camera.width, self.camera.height)
        shadow = cv2.resize(cv2.GaussianBlur(shade, (0, 0), 2.2), full, interpolation=cv2.INTER_LINEAR)
        closed = cv2.resize(cv2.GaussianBlur(shade, (0, 0), 9.0), full, interpolation=cv2.INTER_LINEAR)
        lit = cv2.multiply(self.drape_lit, cv2.merge([1.0 - 0.97 * shadow] * 3))
        ambient = cv2.multiply(self.drape_ambient, cv2.merge([1.0 - 0.55 * closed] * 3))
        return np.ascontiguousarray(cv2.add(lit, ambient), dtype=np.float32)

    def _paint_hands(self, image: Picture, scene: _Geometry, layout: SkinLayout) -> None:
        """Shade hands and sleeves over the image, in place."""
        screen = project_to_screen(scene.vertices, self.camera)
        window = visible_window(screen, self.camera.width, self.camera.height)
        if window.width == 0:
            return
        buffer = fill_zbuffer(screen, scene.faces, window, samples=2, device="cpu", front_only=True)
        in_lamp = self.lamp.to_lamp(scene.vertices)
        center = (_SHADOW_SIZE - 1) / 2.0
        K = np.array([[self.lamp.focal_px, 0.0, center], [0.0, self.lamp.focal_px, center], [0.0, 0.0, 1.0]])
        depth = rasterise(in_lamp, scene.faces, Camera(K, _SHADOW_SIZE, _SHADOW_SIZE)).depth
        surface = _surface(scene, buffer.screen, buffer.faces, layout)
        wp.launch(
            kernels.paint_surface,
            dim=(window.height, window.width),
            inputs=[
                surface,
                _skin(self.complexion),
                _lamp(self.lamp, self.table),
                wp.array(np.minimum(depth, 100.0), dtype=wp.float32, device="cpu"),
                buffer.keys,
                buffer.samples,
                window.x,
                window.y,
            ],
            outputs=[wp.array(image, dtype=wp.vec3, device="cpu", copy=False)],
            device="cpu",
        )

    def _expose(self, image: Picture, noise_seed: int) -> UInt8[NDArray[np.uint8], "h w 3"]:
        """Lens blur, vignette, tone curve, noise of the sensor, 8 bits."""
        blurred = cv2.GaussianBlur(image, (0, 0), 0.6)
        toned = cv2.sqrt(cv2.multiply(blurred, self.vignette))
        dy, dx = np.random.RandomState(noise_seed % 2**31).randint(0, 64, 2)
        grain = self.grain[dy : dy + image.shape[0], dx : dx + image.shape[1]]
        noisy = cv2.addWeighted(toned, 255.0, grain, 2.6, 0.0)
        return np.asarray(np.clip(noisy, 0.0, 255.0), dtype=np.uint8)


@dataclass(frozen=True)
class _Geometry:
    """All arms as one mesh."""

    vertices: Float64[Array, "n 3"]
    normals: Float32[NDArray[np.float32], "n 3"]
    rest: Float64[Array, "n 3"]
    traits: Float32[NDArray[np.float32], "n 4"]
    faces: NDArray[np.int64]


def _gather(arms: Sequence[Arm], layouts: Sequence[SkinLayout]) -> _Geometry:
    first = np.cumsum([0, *(len(arm.vertices) for arm in arms)])
    faces = np.concatenate([arm.faces + start for arm, start in zip(arms, first[:-1], strict=True)])
    vertices = np.concatenate([arm.vertices for arm in arms])
    traits = np.zeros((len(vertices), 4), dtype=np.float32)
    traits[:, 0], traits[:, 1], traits[:, 3] = 0.08, 0.05, 1.0
    traits[:, 2] = np.concatenate([arm.sleeve for arm in arms])
    for start, layout in zip(first[:-1], layouts, strict=True):
        traits[start : start + len(layout.traits), :2] = layout.traits
    rest = np.concatenate([arm.rest for arm in arms])
    return _Geometry(vertices, vertex_normals(vertices, faces), rest, traits, faces)


def _drop(vertices: Float64[Array, "n 3"], source: Float64[Array, "3"], table: Table) -> Float64[Array, "n 3"]:
    """Shadows of points on the table's plane, along rays from `source`."""
    up = table.R_camera_table[:, 2]
    above, high = vertices @ up + table.height, source @ up + table.height
    share = high / np.maximum(high - above, 1e-3)
    return np.asarray(source + share[:, None] * (vertices - source))


def _drape(camera: Camera, table: Table, lamp: Lamp, seed: int) -> tuple[Picture, Picture]:
    y, x = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float64)
    rays = np.concatenate([undistort(pixels, camera), np.ones((len(pixels), 1))], axis=1).astype(np.float32)
    shape = (camera.height, camera.width)
    lit, ambient = (np.zeros((*shape, 3), dtype=np.float32) for _ in range(2))
    inputs = [
        wp.array(rays.reshape(*shape, 3), dtype=wp.vec3, device="cpu"),
        _lamp(lamp, table),
        table.height,
        wp.vec3(*table.R_camera_table[:, 0]),
        wp.vec3(*DRAPE_BGR),
        wp.uint32(seed + 5),
    ]
    outputs = [wp.array(picture, dtype=wp.vec3, device="cpu", copy=False) for picture in (lit, ambient)]
    wp.launch(drape_kernels.paint_drape, dim=shape, inputs=inputs, outputs=outputs, device="cpu")
    return lit, ambient


def _surface(scene: _Geometry, screen: wp.array, faces: wp.array, layout: SkinLayout) -> Any:
    surface = kernels.Surface()
    surface.faces, surface.screen = faces, screen
    surface.position = wp.array(scene.vertices.astype(np.float32), dtype=wp.vec3, device="cpu")
    surface.normal = wp.array(scene.normals, dtype=wp.vec3, device="cpu")
    surface.rest = wp.array(scene.rest.astype(np.float32), dtype=wp.vec3, device="cpu")
    surface.traits = wp.array(scene.traits, dtype=wp.vec4, device="cpu")
    surface.nail_center = wp.array(layout.nail_center, dtype=wp.vec3, device="cpu")
    surface.nail_frame = wp.array(layout.nail_frame, dtype=wp.mat33, device="cpu")
    surface.tendon_start = wp.array(layout.tendon_start, dtype=wp.vec3, device="cpu")
    surface.tendon_end = wp.array(layout.tendon_end, dtype=wp.vec3, device="cpu")
    surface.taps = wp.array(_TAPS_M, dtype=wp.vec2, device="cpu")
    inputs = [surface.position, surface.normal, wp.array(_vertex_areas(scene), dtype=wp.float32, device="cpu")]
    wp.launch(kernels.openness, dim=len(scene.vertices), inputs=inputs, outputs=[surface.traits], device="cpu")
    return surface


def _vertex_areas(scene: _Geometry) -> Float32[NDArray[np.float32], " n"]:
    corners = scene.vertices[scene.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6.0
    return np.bincount(scene.faces.ravel(), np.repeat(area, 3), len(scene.vertices)).astype(np.float32)


def _skin(complexion: Complexion) -> Any:
    skin = kernels.Skin()
    skin.base, skin.flush = wp.vec3(*complexion.base), wp.vec3(*complexion.flush)
    skin.nail, skin.sleeve = wp.vec3(*complexion.nail), wp.vec3(*complexion.sleeve)
    skin.seed = wp.uint32(complexion.seed)
    return skin


def _lamp(lamp: Lamp, table: Table) -> Any:
    out = lamp_kernels.Lamp()
    out.position, out.radius = wp.vec3(*lamp.position), lamp.radius
    out.colour, out.sky = wp.vec3(*_LAMP_BGR), wp.vec3(*_SKY_BGR)
    out.bounce = wp.vec3(*(0.55 * np.array(DRAPE_BGR) + 0.06))
    out.up = wp.vec3(*table.R_camera_table[:, 2])
    R = lamp.R_lamp_camera
    out.R_lamp_camera, out.t_lamp_camera = wp.mat33(*R.ravel()), wp.vec3(*(-R @ lamp.position))
    out.focal, out.center = lamp.focal_px, (_SHADOW_SIZE - 1) / 2.0
    return out
