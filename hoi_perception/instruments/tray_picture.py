"""Photographs of instruments that lie on a surgical drape: polished and satin steel, plastic, shadows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy.typing import NDArray

from hoi_perception.instruments.design import InstrumentDesign, Material, link_poses
from hoi_perception.rendering import Raster, rasterise
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Picture = Float[Array, "h w 3"]
Image = UInt8[NDArray[np.uint8], "h w 3"]

SAMPLES = 3
DISTANCE = 2.2
CREASE_DEG = 32.0
LAMP = np.array([-0.42, 0.50, 0.76])
"""Direction to the lamp; x right, y up in the picture, z towards the camera."""
DRAPE_RGB = np.array([0.060, 0.205, 0.245])
TONES = {"polished": 0.05, "matt": 0.42}


@dataclass(frozen=True)
class Surface:
    """Triangles on the tray (m), each corner with its own normal, each face with its material."""

    corners: Float[Array, "m 3 3"]
    normals: Float[Array, "m 3 3"]
    material: Int[NDArray[np.int64], " m"]
    materials: tuple[Material, ...]

    def moved(self, R: Float[Array, "3 3"], t: Float[Array, "3"]) -> Surface:
        """The same, turned and shifted."""
        return Surface(self.corners @ R.T + t, self.normals @ R.T, self.material, self.materials)


@dataclass(frozen=True)
class View:
    """A picture of `size` (width, height) px that looks straight down on a tray of `width` m, centred on its origin."""

    size: tuple[int, int]
    width: float

    @property
    def camera(self) -> Camera:
        """The camera, `DISTANCE` above the tray."""
        w, h = self.size
        focal = w * DISTANCE / self.width
        return Camera(np.array([[focal, 0, (w - 1) / 2], [0, focal, (h - 1) / 2], [0, 0, 1.0]]), w, h)


def surface(design: InstrumentDesign, positions: Mapping[str, float] | None = None) -> Surface:
    """All parts of a posed instrument, in the base link's frame."""
    poses = link_poses(design, positions)
    corners, normals, material = [], [], []
    materials: list[Material] = []
    for link in design.links:
        pose = poses[link.name]
        for part in link.parts:
            triangles = part.solid.vertices[part.solid.faces]
            corners.append(triangles @ pose[:3, :3].T + pose[:3, 3])
            normals.append(corner_normals(part.solid.vertices, part.solid.faces) @ pose[:3, :3].T)
            material.append(np.full(len(triangles), len(materials)))
            materials.append(part.material)
    return Surface(np.concatenate(corners), np.concatenate(normals), np.concatenate(material), tuple(materials))


def joined(surfaces: Sequence[Surface]) -> Surface:
    """Several surfaces as one."""
    first = np.cumsum([0, *(len(s.materials) for s in surfaces)])
    material = [s.material + start for s, start in zip(surfaces, first[:-1], strict=True)]
    materials = tuple(m for s in surfaces for m in s.materials)
    corners, normals = ([getattr(s, name) for s in surfaces] for name in ("corners", "normals"))
    return Surface(np.concatenate(corners), np.concatenate(normals), np.concatenate(material), materials)


def corner_normals(vertices: Float[Array, "n 3"], faces: Int[NDArray[np.int64], "m 3"]) -> Float[Array, "m 3 3"]:
    """Normals of the corners of faces: the mean over the faces round a vertex that meet this one in no sharp crease."""
    triangles = vertices[faces]
    weighted = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    unit = weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-30)
    order = np.argsort(faces.ravel(), kind="stable")
    counts = np.bincount(faces.ravel(), minlength=len(vertices))
    first = np.concatenate([[0], np.cumsum(counts)])
    out = np.zeros((len(faces) * 3, 3))
    smooth = np.cos(np.radians(CREASE_DEG))
    for step in range(int(counts.max())):
        has = counts[faces.ravel()] > step
        other = order[np.minimum(first[faces.ravel()] + step, len(order) - 1)] // 3
        own = np.repeat(np.arange(len(faces)), 3)
        near = has & (np.einsum("ij,ij->i", unit[own], unit[other]) > smooth)
        out[near] += weighted[other[near]]
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-30, out / np.maximum(length, 1e-30), np.repeat(unit, 3, axis=0))).reshape(
        -1, 3, 3
    )


def draw(scene: Surface, view: View) -> Image:
    """A photograph of instruments that lie on the drape z = 0, BGR."""
    w, h = view.size
    size = (w * SAMPLES, h * SAMPLES)
    seen = _camera_axes(scene.corners.reshape(-1, 3))
    faces = np.arange(len(seen)).reshape(-1, 3)
    picture = _drape(scene, view, size)
    clear = np.array([m.finish == "clear" for m in scene.materials])
    opaque = faces[~clear[scene.material]]
    if clear.any() and len(opaque):
        behind = rasterise(seen, opaque, view.camera, size)
        face_of = np.flatnonzero(~clear[scene.material])
        behind = replace(behind, face_id=np.where(behind.mask, face_of[behind.face_id], -1).astype(np.int32))
        picture[behind.mask] = _shaded(scene, behind)
    raster = rasterise(seen, faces, view.camera, size)
    mask = raster.mask
    share = np.where(clear[scene.material[raster.face_id[mask]]], 0.42, 1.0)[:, None]
    picture[mask] = share * _shaded(scene, raster) + (1.0 - share) * picture[mask]
    small = cv2.resize(picture, view.size, interpolation=cv2.INTER_AREA)
    toned = np.clip(small / (1.0 + 0.12 * small), 0.0, 1.0) ** (1.0 / 2.2)
    return np.ascontiguousarray(np.round(255.0 * toned[:, :, ::-1]).astype(np.uint8))


def _camera_axes(points: Float[Array, "n 3"]) -> Float[Array, "n 3"]:
    """Tray coordinates in the camera's: x right, y down, z away."""
    return np.asarray(points * [1.0, -1.0, -1.0] + [0.0, 0.0, DISTANCE])


def _shaded(scene: Surface, raster: Raster) -> Float[Array, "p 3"]:
    mask = raster.mask
    face, weights = raster.face_id[mask], raster.barycentric[mask].astype(np.float64)[:, :, None]
    normal = (scene.normals[face] * weights).sum(axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    place = (scene.corners[face] * weights).sum(axis=1)
    to_eye = np.array([0.0, 0.0, DISTANCE]) - place
    to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
    facing = np.maximum((normal * to_eye).sum(axis=1, keepdims=True), 0.0)
    mirrored = 2.0 * facing * normal - to_eye
    lamp = LAMP / np.linalg.norm(LAMP)
    lit = np.maximum(normal @ lamp, 0.0) * _lamp_share(scene, place + 0.0004 * normal)
    open_sky = _openness(raster)[:, None]
    sky = (0.5 + 0.5 * normal[:, 2:]) * open_sky
    out = np.zeros((len(face), 3))
    for k, material in enumerate(scene.materials):
        mine = scene.material[face] == k
        if mine.any():
            args = (mirrored[mine], facing[mine], lit[mine, None], sky[mine], open_sky[mine])
            out[mine] = _material_light(material, *args)
    return out


def _material_light(
    material: Material,
    mirrored: Float[Array, "p 3"],
    facing: Float[Array, "p 1"],
    lit: Float[Array, "p 1"],
    sky: Float[Array, "p 1"],
    open_sky: Float[Array, "p 1"],
) -> Float[Array, "p 3"]:
    colour = np.array(material.rgba[:3]) ** 2.2
    fresnel = (1.0 - facing) ** 5
    if material.finish in TONES:
        rough = TONES[material.finish]
        metal = colour + (1.0 - colour) * fresnel
        reflection = environment(mirrored, rough) * (0.35 + 0.65 * open_sky)
        return np.asarray(metal * (reflection * (1.0 - 0.45 * rough) + rough * (0.55 * lit + 0.30 * sky)))
    gloss = {"plastic": 0.35, "clear": 0.9, "rubber": 0.08}.get(material.finish, 0.2)
    diffuse = colour * (0.85 * lit + 0.45 * sky)
    return np.asarray(diffuse + gloss * (0.05 + 0.95 * fresnel) * environment(mirrored, 0.10) * open_sky)


def environment(direction: Float[Array, "p 3"], rough: float) -> Float[Array, "p 3"]:
    """Light that comes from a direction: an operating theatre with two soft lamps overhead above a coloured drape.

    `rough` (0 to 1) blurs it.
    """
    up = direction[:, 2:]
    blur = 0.03 + 0.5 * rough

    def step(value: Float[Array, "p 1"]) -> Float[Array, "p 1"]:
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-value / blur * 4.0, -40.0, 40.0))))

    x, y = (direction[:, k : k + 1] / np.maximum(up, 0.08) for k in (0, 1))
    above = step(up - 0.02)
    left = step(0.55 - np.abs(x + 0.95)) * step(1.3 - np.abs(y - 0.25))
    right = step(0.22 - np.abs(x - 1.25)) * step(1.6 - np.abs(y))
    room = 0.40 + 0.26 * np.tanh(2.2 * y) + 0.20 * np.tanh(-2.6 * x)
    white = np.array([1.0, 0.99, 0.97])
    ceiling = room * np.array([0.97, 1.0, 1.03]) + (1.75 * left + 0.9 * right) * (1.0 - 0.45 * rough) * white
    return np.asarray(above * ceiling + (1.0 - above) * (0.30 * DRAPE_RGB + 0.015))


def _openness(raster: Raster) -> Float[Array, " p"]:
    """How much of the sky a seen point sees, from the heights round it."""
    depth = np.where(raster.mask, raster.depth, DISTANCE).astype(np.float32)
    out = np.ones(depth.shape, dtype=np.float32)
    for sigma, weight in ((4.0, 90.0), (12.0, 50.0)):
        around = cv2.GaussianBlur(depth, (0, 0), sigma)
        out -= np.clip((depth - around) * weight, 0.0, 0.4)
    return np.asarray(np.clip(out, 0.2, 1.0)[raster.mask], dtype=np.float64)


def _lamp_share(scene: Surface, points: Float[Array, "p 3"]) -> Float[Array, " p"]:
    """1 where the lamp is seen, 0 in shadow, from a shadow map."""
    forward = -LAMP / np.linalg.norm(LAMP)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])
    reach = float(np.abs(scene.corners).max()) * 1.5
    size, far = 2048, 4.0
    focal = 0.5 * size * far / reach
    K = np.array([[focal, 0.0, size / 2.0], [0.0, focal, size / 2.0], [0.0, 0.0, 1.0]])
    flat = scene.corners.reshape(-1, 3) @ R.T + [0.0, 0.0, far]
    depth = rasterise(flat, np.arange(len(flat)).reshape(-1, 3), Camera(K, size, size)).depth
    q = points @ R.T + [0.0, 0.0, far]
    u, v = (q[:, k] / q[:, 2] * focal + size / 2.0 for k in (0, 1))
    share = np.zeros(len(q))
    for du, dv in ((0, 0), (2, 1), (-1, 2), (-2, -1), (1, -2)):
        x, y = (np.clip(np.round(p).astype(int), 0, size - 1) for p in (u + du, v + dv))
        share += q[:, 2] - depth[y, x] < 0.0008
    return share / 5.0


def _drape(scene: Surface, view: View, size: tuple[int, int]) -> Picture:
    """Cloth with soft folds and the shadows of what lies on it, linear RGB."""
    w, h = size
    rng = np.random.RandomState(7)
    metres = view.width / w
    folds = cv2.GaussianBlur(
        rng.standard_normal((h // 8 + 1, w // 8 + 1)).astype(np.float32), (0, 0), min(0.030 / metres / 8, 0.1 * w)
    )
    folds = cv2.resize((folds - folds.mean()) / max(float(folds.std()), 1e-9), size, interpolation=cv2.INTER_CUBIC)
    light = 1.0 + 0.05 * folds
    ground = np.ascontiguousarray(light[:, :, None] * DRAPE_RGB)
    hard, soft = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    lamp = LAMP / LAMP[2]
    height = np.maximum(scene.corners[..., 2:], 0.0)
    spread = ((0.0, 0.0), (0.10, 0.04), (-0.10, 0.04), (0.0, -0.10))
    for dx, dy in spread:
        fallen = scene.corners - height * (lamp + [dx, dy, 0.0])
        flat = _camera_axes(fallen.reshape(-1, 3))
        hard += rasterise(flat, np.arange(len(flat)).reshape(-1, 3), view.camera, size).mask / np.float32(len(spread))
    below = _camera_axes((scene.corners * [1.0, 1.0, 0.0]).reshape(-1, 3))
    soft += rasterise(below, np.arange(len(below)).reshape(-1, 3), view.camera, size).mask
    sharp = cv2.GaussianBlur(hard, (0, 0), 0.0007 / metres)[:, :, None]
    around = cv2.GaussianBlur(soft, (0, 0), 0.004 / metres)[:, :, None]
    return np.asarray(ground * (1.0 - 0.62 * sharp) * (1.0 - 0.35 * around), dtype=np.float64)
