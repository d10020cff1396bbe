"""Everything of a synthetic scene that does not move: ground, light, surroundings, the camera's rays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import warp as wp
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.kernels import ground as ground_kernels
from hoi_perception.kernels import light as light_kernels
from hoi_perception.kernels import shade as kernels
from hoi_perception.rendering import rasterise
from hoi_perception.synthesis.ensemble import Ensemble
from hoi_perception.synthesis.ground import GroundMaps, ground_maps, weave
from hoi_perception.synthesis.look import SceneLook
from hoi_perception.synthesis.scene import Pose, Scene
from hoi_perception.synthesis.surroundings import backdrop, noise_volume, surroundings_maps
from hoi_perception.types import Camera

Array = NDArray[np.float64]
SHADOW_SIZE = 384
FARTHEST_M = 1.3
"""How far from the table's middle its ground and things on it are laid out at most."""
_WEAVE_M = 0.06
_BEYOND = 1.25
_TURNS = np.arange(8) * np.pi * (3.0 - np.sqrt(5.0))
_TAPS = (np.sqrt((7.5 - np.arange(8)) / 8.0)[:, None] * np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=-1)).astype(
    np.float32
)


@dataclass(frozen=True, eq=False)
class Stage:
    """What the pictures of a place by one camera share; arrays as the kernels take them."""

    camera: Camera
    table: Pose
    look: SceneLook
    reach: float
    lamp: Pose
    light: Any
    maps: wp.array
    shadow_places: tuple[Float32[NDArray[np.float32], "h w"], Float32[NDArray[np.float32], "h w"]]
    lit: wp.array
    unlit: wp.array
    depth: wp.array

    @staticmethod
    def build(scene: Scene) -> Stage:
        """Lay the ground, hang the lamp."""
        camera, table, look = scene.camera, scene.table, scene.look
        rays = pixel_rays(camera)
        reach = picture_reach(rays, table)
        lamp = _lamp_pose(scene)
        light = _light(scene, lamp, reach)
        ground = ground_maps(look.ground, _BEYOND * reach, min(0.75 * reach, 0.45))
        maps = wp.array(surroundings_maps(look.light, look.ground.colour), dtype=wp.vec3, device="cpu")
        shape = (camera.height, camera.width)
        lit, unlit = (np.empty((*shape, 3), dtype=np.float32) for _ in range(2))
        depth = np.empty(shape, dtype=np.float32)
        device_rays = wp.array(rays, dtype=wp.vec3, device="cpu", copy=False)
        targets = [wp.array(a, dtype=wp.vec3, device="cpu", copy=False) for a in (lit, unlit)]
        targets.append(wp.array(depth, dtype=wp.float32, device="cpu", copy=False))
        behind = wp.array(backdrop(look.light), dtype=wp.vec3, device="cpu")
        plane = _plane(table, ground, _BEYOND * reach)
        inputs = [device_rays, plane, light, maps, behind, look.light.pool]
        wp.launch(ground_kernels.paint_ground, dim=shape, inputs=inputs, outputs=targets, device="cpu")
        places = _shadow_places(rays, depth, lamp, light)
        return Stage(camera, table, look, reach, lamp, light, maps, places, *targets)

    def serves(self, scene: Scene) -> bool:
        """Whether a scene's place is this one."""
        same = self.look.ground == scene.look.ground and self.look.light == scene.look.light
        mine, other = self.camera, scene.camera
        same = same and (mine.width, mine.height, mine.distortion) == (other.width, other.height, other.distortion)
        pairs = ((mine.K, other.K), (mine.D, other.D), (self.table.R, scene.table.R), (self.table.t, scene.table.t))
        return bool(same and all(np.array_equal(a, b) for a, b in pairs))

    def shadow_map(self, bodies: Ensemble) -> Float32[NDArray[np.float32], "s s"]:
        """Distance of what the lamp sees along its axis, m, 100 where nothing is."""
        center = (SHADOW_SIZE - 1) / 2.0
        K = np.array([[self.light.focal, 0.0, center], [0.0, self.light.focal, center], [0.0, 0.0, 1.0]])
        in_lamp = (bodies.vertices - self.lamp.t) @ self.lamp.R
        depth = rasterise(in_lamp, bodies.faces, Camera(K, SHADOW_SIZE, SHADOW_SIZE)).depth
        return np.asarray(np.minimum(depth, 100.0), dtype=np.float32)

    def room(self, shadow: Float32[NDArray[np.float32], "s s"]) -> Any:
        """What shading has to know, with the bodies' shadow map."""
        out = kernels.Room()
        out.light, out.maps = self.light, self.maps
        out.shadow = wp.array(shadow, dtype=wp.float32, device="cpu")
        blur = 0.0025 + 0.03 * self.light.radius / self.light.reach
        out.taps = wp.array(_TAPS * np.float32(blur), dtype=wp.vec2, device="cpu")
        out.noise = wp.array(noise_volume(), dtype=wp.vec4, device="cpu", copy=False)
        return out

    def ground_shadows(
        self, shadow: Float32[NDArray[np.float32], "s s"]
    ) -> tuple[Float32[NDArray[np.float32], "h w"], Float32[NDArray[np.float32], "h w"]]:
        """Share of the lamp, and of the sky, that the ground in each pixel has.

        The penumbra of what is `h` above the ground is `h` times the lamp's radius over its distance wide, so layers
        of bodies are blurred by their heights.
        """
        up = self.table.R[:, 2]
        low_res = np.minimum(
            np.minimum(shadow[::2, ::2], shadow[1::2, ::2]), np.minimum(shadow[::2, 1::2], shadow[1::2, 1::2])
        )
        axis = np.arange(0.5, SHADOW_SIZE, 2.0, dtype=np.float32) - np.float32((SHADOW_SIZE - 1) / 2.0)
        to_plane = (self.lamp.R.T @ up).astype(np.float32)
        slope = (axis[None] * to_plane[0] + axis[:, None] * to_plane[1]) / np.float32(self.light.focal) + to_plane[2]
        ground = np.float32((self.table.t - self.lamp.t) @ up) / np.where(np.abs(slope) < 1e-6, np.float32(1e-6), slope)
        above = np.where(low_res < 99.0, np.clip(ground - low_res, 0.0, 2.0), 0.0)
        metre = self.light.focal / self.light.reach
        widest = self.light.radius / self.light.reach
        fall = np.ones((SHADOW_SIZE // 2,) * 2, dtype=np.float32)
        near = fall.copy()
        edges = (0.0005, 0.02, 0.06, 0.14, 3.0)
        for low, high in pairwise(edges):
            small = ((above > low) & (above <= high)).astype(np.float32)
            if not small.any():
                continue
            height = 0.5 * (low + min(high, 0.25))
            sigma = max(0.5 * metre * height * widest * 0.8, 0.9)
            fall *= 1.0 - cv2.GaussianBlur(small, (0, 0), sigma)
            wide = max(0.5 * metre * (0.006 + 0.7 * height), 0.6)
            near *= 1.0 - 0.75 * cv2.GaussianBlur(small, (0, 0), wide)
        both = cv2.merge([fall, near])
        u, v = self.shadow_places
        seen = cv2.remap(both, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(seen[:, :, 0]), np.ascontiguousarray(seen[:, :, 1])


def pixel_rays(camera: Camera) -> Float32[NDArray[np.float32], "h w 3"]:
    """Points on the plane z = 1 that the pixels see; through a distorting lens interpolated from every eighth."""
    step = 1 if camera.D.size == 0 else 8
    x = np.arange(0, camera.width + step, step, dtype=np.float64)
    y = np.arange(0, camera.height + step, step, dtype=np.float64)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    if camera.D.size == 0:
        xy = (grid - camera.K[:2, 2]) / np.diag(camera.K)[:2]
        xy = xy[: camera.height, : camera.width]
    else:
        coarse = undistort(grid.reshape(-1, 2), camera).reshape(grid.shape).astype(np.float32)
        v, u = np.mgrid[: camera.height, : camera.width].astype(np.float32) / np.float32(step)
        xy = np.asarray(cv2.remap(coarse, u, v, cv2.INTER_LINEAR), dtype=np.float64)
    return np.concatenate([xy, np.ones((*xy.shape[:2], 1))], axis=-1).astype(np.float32)


def _shadow_places(
    rays: Float32[NDArray[np.float32], "h w 3"], depth: Float32[NDArray[np.float32], "h w"], lamp: Pose, light: Any
) -> tuple[Float32[NDArray[np.float32], "h w"], Float32[NDArray[np.float32], "h w"]]:
    """Where the ground of each pixel is in a shadow map of half the resolution."""
    points = cv2.merge([part * np.minimum(depth, np.float32(50.0)) for part in cv2.split(rays)])
    M = np.column_stack([lamp.R.T, -lamp.R.T @ lamp.t])
    seen = np.asarray(cv2.transform(points, M), dtype=np.float32)
    px = seen[:, :, :2] * (light.focal / np.maximum(seen[:, :, 2:], 1e-3)) + np.float32(light.center)
    u, v = (np.ascontiguousarray(0.5 * px[:, :, k] - 0.25, dtype=np.float32) for k in (0, 1))
    return u, v


def picture_reach(rays: Float32[NDArray[np.float32], "h w 3"], table: Pose) -> float:
    """How far from the table's origin its plane is in the picture, m, at most `FARTHEST_M`."""
    border = rays[::40, ::40].reshape(-1, 3).astype(np.float64)
    up = table.R[:, 2]
    down = border @ up
    height = float(table.t @ up)
    z = np.where(down * height > 1e-9, height / np.where(np.abs(down) < 1e-9, 1e-9, down), np.inf)
    away = np.linalg.norm(border * np.minimum(z, 1e3)[:, None] - table.t, axis=1)
    return float(np.clip(np.quantile(away, 0.98), 0.03, FARTHEST_M))


def _lamp_pose(scene: Scene) -> Pose:
    """The lamp as a camera: it looks along z at the table's middle, or where the camera does."""
    look = scene.look.light
    if look.at_camera:
        position = np.array([0.004, -0.003, 0.0])
        aim = np.array([0.0, 0.0, 1.0])
    else:
        c = np.cos(look.elevation)
        direction = np.array([c * np.sin(look.azimuth), c * np.cos(look.azimuth), np.sin(look.elevation)])
        aim = scene.table.of(np.array([0.0, 0.0, 0.05]))
        position = scene.table.of(direction * look.distance)
    forward = (aim - position) / np.linalg.norm(aim - position)
    right = np.cross(forward, [0.31, 0.05, 0.95] if abs(forward[2]) < 0.9 else [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    return Pose(np.stack([right, np.cross(forward, right), forward], axis=1), position)


def _light(scene: Scene, lamp: Pose, reach: float) -> Any:
    look, table = scene.look.light, scene.table
    out = light_kernels.Light()
    distance = float(np.linalg.norm(table.t)) if look.at_camera else look.distance
    colour = np.array(look.colour)
    ground = np.array(scene.look.ground.colour)
    out.position, out.radius, out.reach = wp.vec3(*lamp.t), look.radius, distance
    out.colour = wp.vec3(*(look.power * colour))
    out.sky = wp.vec3(*(look.ambient * colour))
    out.bounce = wp.vec3(*((look.ambient + 0.5 * look.power) * 0.55 * ground + 0.04))
    out.up = wp.vec3(*table.R[:, 2])
    R = lamp.R.T
    out.R_lamp_camera, out.t_lamp_camera = wp.mat33(*R.ravel()), wp.vec3(*(-R @ lamp.t))
    out.focal = 0.5 * SHADOW_SIZE * distance / min(max(1.05 * reach, 0.12), 0.42)
    out.center = (SHADOW_SIZE - 1) / 2.0
    out.R_table_camera = wp.mat33(*table.R.T.ravel())
    return out


def _plane(table: Pose, maps: GroundMaps, extent: float) -> Any:
    out = ground_kernels.Ground()
    out.origin = wp.vec3(*table.t)
    out.right, out.ahead, out.up = (wp.vec3(*table.R[:, k]) for k in range(3))
    out.extent, out.farthest = extent, FARTHEST_M
    out.albedo = wp.array(maps.albedo, dtype=wp.vec4, device="cpu")
    out.slope = wp.array(maps.slope, dtype=wp.vec3, device="cpu")
    out.weave = wp.array(weave(), dtype=wp.vec3, device="cpu", copy=False)
    out.weave_scale, out.weave_depth = 1.0 / _WEAVE_M, maps.weave_depth
    return out
