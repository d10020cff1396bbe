"""Rasterising triangle meshes seen by a calibrated camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from jaxtyping import Float, Float32, Int, Int32
from numpy.typing import NDArray

from hoi_perception.camera import project, undistort
from hoi_perception.kernels import raster as kernels
from hoi_perception.types import Camera, Distortion

NEAR_M = 0.01
"""Triangles with a corner nearer than this to the camera's plane are not drawn."""

Vertices = Float[NDArray[np.floating], "n 3"]
Faces = Int[NDArray[np.integer], "m 3"]


@dataclass(frozen=True)
class Raster:
    """What is seen in each pixel.

    `face_id` is -1 and `depth` (z, metres) infinite where nothing is seen; `barycentric` is perspective-correct: the
    weights of the face's corners in 3D.
    """

    face_id: Int32[NDArray[np.int32], "h w"]
    barycentric: Float32[NDArray[np.float32], "h w 3"]
    depth: Float32[NDArray[np.float32], "h w"]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True where a face is seen, (h, w)."""
        return self.face_id >= 0


@dataclass(frozen=True)
class Window:
    """A rectangle of an image, in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class ZBuffer:
    """Nearest face per sample, still on the device, with what is needed to interpolate over it."""

    screen: wp.array
    faces: wp.array
    keys: wp.array
    window: Window
    samples: int


def rasterise(
    vertices_camera: Vertices,
    faces: Faces,
    camera: Camera,
    size: tuple[int, int] | None = None,
    *,
    device: str = "cpu",
) -> Raster:
    """Nearest face, barycentrics and depth in an image of `size` (width, height), the camera's own size by default.

    Another size scales the picture: it still shows the camera's whole view. Lens distortion bends the vertices' places,
    edges between them stay straight.
    """
    width, height = size or (camera.width, camera.height)
    scale = np.array([width / camera.width, height / camera.height])
    screen = project_to_screen(vertices_camera, camera)
    screen[:, :2] = (screen[:, :2] + 0.5) * scale.astype(np.float32) - 0.5
    buffer = fill_zbuffer(screen, faces, Window(0, 0, width, height), samples=1, device=device)
    face_id = wp.empty((height, width), dtype=wp.int32, device=device)
    barycentric = wp.empty((height, width), dtype=wp.vec3, device=device)
    depth = wp.empty((height, width), dtype=wp.float32, device=device)
    outputs = [face_id, barycentric, depth]
    inputs = [buffer.screen, buffer.faces, buffer.keys]
    wp.launch(kernels.resolve, dim=(height, width), inputs=inputs, outputs=outputs, device=device)
    return Raster(face_id.numpy(), barycentric.numpy(), depth.numpy())


def project_to_screen(vertices_camera: Vertices, camera: Camera) -> Float32[NDArray[np.float32], "n 3"]:
    """Pixels and depth (u, v, z) of vertices; u and v are NaN where the camera or its lens model cannot see.

    Polynomial lens models fold back far outside the picture, so vertices beyond 1.5 times the tangent of the angle
    to the farthest corner are left out.
    """
    vertices = np.asarray(vertices_camera, dtype=np.float64)
    px = project(vertices, camera)
    if camera.distortion is not Distortion.NONE:
        ratio = np.linalg.norm(vertices[:, :2], axis=1) / np.maximum(vertices[:, 2], 1e-6)
        px = np.where(ratio[:, None] <= 1.5 * _corner_tangent(camera), px, np.nan)
    return np.concatenate([px, vertices[:, 2:]], axis=1).astype(np.float32)


def _corner_tangent(camera: Camera) -> float:
    """Tangent of the angle between the optical axis and the image corner farthest from it."""
    right, bottom = camera.width - 1.0, camera.height - 1.0
    corners = np.array([[0.0, 0.0], [right, 0.0], [0.0, bottom], [right, bottom]])
    return float(np.linalg.norm(undistort(corners, camera), axis=1).max())


def visible_window(screen: Float32[NDArray[np.float32], "n 3"], width: int, height: int) -> Window:
    """Smallest rectangle of the image that holds every projected vertex; empty (0 x 0) where none is in the image."""
    uv = screen[np.isfinite(screen).all(axis=1) & (screen[:, 2] > NEAR_M), :2]
    if len(uv) == 0:
        return Window(0, 0, 0, 0)
    low = np.clip(np.floor(uv.min(axis=0) - 1.0), 0, [width, height]).astype(int)
    high = np.clip(np.ceil(uv.max(axis=0) + 2.0), 0, [width, height]).astype(int)
    if (high <= low).any():
        return Window(0, 0, 0, 0)
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def fill_zbuffer(
    screen: Float32[NDArray[np.float32], "n 3"],
    faces: Faces,
    window: Window,
    *,
    samples: int,
    device: str,
    front_only: bool = False,
) -> ZBuffer:
    """Z-buffer of a window of the image with `samples` x `samples` keys a pixel.

    With `front_only`, faces seen from their back (clockwise) are left out.
    """
    moved = screen.copy()
    moved[:, :2] = (moved[:, :2] - [window.x, window.y] + 0.5) * samples - 0.5
    shape = (window.height * samples, window.width * samples)
    device_screen = wp.array(moved, dtype=wp.vec3, device=device)
    device_faces = wp.array(np.ascontiguousarray(faces, dtype=np.int32), dtype=wp.vec3i, device=device)
    device_keys = wp.array(np.zeros(shape, dtype=np.uint64), dtype=wp.uint64, device=device, copy=False)
    inputs = [device_screen, device_faces, NEAR_M, front_only]
    wp.launch(kernels.draw_depth, dim=len(faces), inputs=inputs, outputs=[device_keys], device=device)
    return ZBuffer(device_screen, device_faces, device_keys, window, samples)


def vertex_normals(vertices: Vertices, faces: Faces) -> Float32[NDArray[np.float32], "n 3"]:
    """Unit normals of vertices, faces weighted by area; outward where faces are counter-clockwise seen from outside."""
    corners = np.asarray(vertices, dtype=np.float32)[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.zeros((len(vertices), 3), dtype=np.float32)
    for axis in range(3):
        spread = np.repeat(face_normals[:, axis], 3)
        sums[:, axis] = np.bincount(np.asarray(faces).ravel(), spread, minlength=len(vertices))
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-20))
