"""The outer contour of a posed instrument as a camera sees it: what region-based tracking reads the image along.

It is taken from the mesh at the true pose, joint angles and perspective: places on edges between a face that the camera
sees and one that it does not, of which those count that lie on the border of the silhouette. Stored views on a
subdivided sphere were measured beside it (bench/sparse_views.py, docs/instruments.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, PosedLinks, pose_links
from hoi_perception.kernels import silhouette as kernels
from hoi_perception.rendering import NEAR_M, Window, project_to_screen, visible_window
from hoi_perception.types import Camera

Array = NDArray[np.float64]

SAMPLES = 2
"""Samples of the silhouette along the side of a pixel."""
CANDIDATES = 4
"""Places looked at for each contour point wanted: many lie on hidden edges, or on inner contours."""
OFF_PX = 0.75
"""How far beside the border of the silhouette a place may lie, px."""
LOOK_PX = 3
"""Radius of the disc of the silhouette from which the mean normal is read, px."""
AGREE = float(np.cos(np.radians(20.0)))
"""Cosine to the mean normal above which the normal of an edge counts, which is exact where edges are straight."""


@dataclass(frozen=True, eq=False)
class Contour:
    """k places on the outer contour, spread evenly in the image.

    `links` are indices of `InstrumentModel.links`; `normals_px` are unit vectors out of the instrument. `inside_px` and
    `outside_px` are how far the silhouette, and what is not silhouette, go on along the normal from there (px, up to
    the reach asked for; what is outside ends at the border of the image too).
    """

    points_link: Float64[Array, "k 3"]
    points_camera: Float64[Array, "k 3"]
    links: Int64[NDArray[np.int64], " k"]
    places_px: Float64[Array, "k 2"]
    normals_px: Float64[Array, "k 2"]
    inside_px: Float64[Array, " k"]
    outside_px: Float64[Array, " k"]

    def __len__(self) -> int:
        return len(self.links)


@dataclass(frozen=True, eq=False)
class Silhouette:
    """Which samples of a window of the image show the instrument (1); sample (0, 0) is centred `low` (px)."""

    covered: wp.array
    low: Float64[Array, "2"]

    def samples_of(self, places_px: Float64[Array, "k 2"]) -> wp.array:
        """Places of the image in samples."""
        return wp.array(((places_px - self.low) * SAMPLES).astype(np.float32), dtype=wp.vec2, device="cpu")


@dataclass(frozen=True, eq=False)
class Places:
    """Places on edges (m, camera frame), their links, and in the image: where they are, unit normals of the edges."""

    points: Float64[Array, "k 3"]
    links: Int64[NDArray[np.int64], " k"]
    places_px: Float64[Array, "k 2"]
    normals_px: Float64[Array, "k 2"]

    def some(self, chosen: Int64[NDArray[np.int64], " c"]) -> Places:
        """Those of the indices."""
        return Places(self.points[chosen], self.links[chosen], self.places_px[chosen], self.normals_px[chosen])


def outer_contour(
    model: ContourModel, state: InstrumentState, camera: Camera, *, n_points: int = 200, reach_px: float = 24.0
) -> Contour:
    """Up to `n_points` places of the first hypothesis of `state`; none where the instrument is not in the image."""
    posed = pose_links(model.tree, state)
    vertices = model.placed(posed)
    screen = project_to_screen(vertices, camera)
    silhouette = draw_silhouette(screen, model, camera)
    places = on_border(silhouette, candidates(model, posed, vertices, screen, camera, CANDIDATES * n_points), camera)
    count = min(n_points, len(places.links))
    places = places.some(np.linspace(0, len(places.links) - 1, count).round().astype(np.int64))
    normals, inside, outside = read_border(silhouette, places, camera, reach_px)
    kept = np.flatnonzero((inside > 0.0) & (outside > 0.0))
    places = places.some(kept)
    local = ((places.points - posed.t[0, places.links])[:, None] @ posed.R[0, places.links])[:, 0]
    return Contour(local, places.points, places.links, places.places_px, normals[kept], inside[kept], outside[kept])


def draw_silhouette(screen: NDArray[np.float32], model: ContourModel, camera: Camera) -> Silhouette:
    """The silhouette of projected vertices (u, v, z), (n, 3), in a window round what is in the image."""
    window = _window(screen, camera)
    low = np.array([window.x, window.y]) + (0.5 / SAMPLES - 0.5)
    shape = (max(window.height * SAMPLES, 1), max(window.width * SAMPLES, 1))
    covered = wp.array(np.zeros(shape, dtype=np.uint8), dtype=wp.uint8, device="cpu", copy=False)
    corners = wp.array(screen, dtype=wp.vec3, device="cpu", copy=False)
    inputs = [corners, model.device_faces, NEAR_M, wp.vec2(*map(float, low)), float(SAMPLES)]
    wp.launch(kernels.cover, dim=len(model.faces), inputs=inputs, outputs=[covered], device="cpu")
    return Silhouette(covered, low)


def candidates(
    model: ContourModel,
    posed: PosedLinks,
    vertices: Float64[Array, "n 3"],
    screen: NDArray[np.float32],
    camera: Camera,
    count: int,
) -> Places:
    """Places spread evenly in the image over the edges between a face that the camera sees and one that it does not.

    `vertices` are in the camera frame (m), `screen` is their projection (n, 3). Which way the normals point is open.
    """
    start, end = model.ends[model.turning(posed)].T
    a, b = screen[start].astype(np.float64), screen[end].astype(np.float64)
    along = b[:, :2] - a[:, :2]
    length = np.hypot(along[:, 0], along[:, 1])
    first, last = _part_in_image(a, along, camera)
    shown = length * (last - first)
    shown[~(np.isfinite(shown) & (a[:, 2] > NEAR_M) & (b[:, 2] > NEAR_M) & (last > first))] = 0.0
    total = np.cumsum(shown)
    if len(total) == 0 or total[-1] == 0.0:
        return Places(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), np.zeros((0, 2)), np.zeros((0, 2)))
    at = (np.arange(count) + 0.5) / count * total[-1]
    edge = np.searchsorted(total, at)
    share = last[edge] - (total[edge] - at) / length[edge]
    near, far = (1.0 - share) * b[edge, 2], share * a[edge, 2]  # shares of a line in the image are none in space
    points = (near[:, None] * vertices[start[edge]] + far[:, None] * vertices[end[edge]]) / (near + far)[:, None]
    normals = np.stack([along[edge, 1], -along[edge, 0]], axis=1) / length[edge, None]
    return Places(points, model.links[start[edge]], np.asarray(project(points, camera), np.float64), normals)


def on_border(silhouette: Silhouette, places: Places, camera: Camera) -> Places:
    """Those on the silhouette's border and not at that of the image, with normals out of it."""
    signs = wp.empty(len(places.links), dtype=wp.int32, device="cpu")
    at, normals = silhouette.samples_of(places.places_px), _vectors(places.normals_px)
    inputs = [silhouette.covered, at, normals, float(OFF_PX * SAMPLES)]
    wp.launch(kernels.turn_outward, dim=len(signs), inputs=inputs, outputs=[signs], device="cpu")
    sign = signs.numpy()
    size = np.array([camera.width, camera.height]) - 1.0  # a disc that the image cuts would turn the normal
    within = ((places.places_px > LOOK_PX) & (places.places_px < size - LOOK_PX)).all(axis=1)
    good = places.some(np.flatnonzero((sign != 0) & within))
    return Places(good.points, good.links, good.places_px, sign[(sign != 0) & within, None] * good.normals_px)


def read_border(
    silhouette: Silhouette, places: Places, camera: Camera, reach_px: float
) -> tuple[Float64[Array, "k 2"], Float64[Array, " k"], Float64[Array, " k"]]:
    """Normals, and lengths of instrument and surroundings along them (px); 0 where a side does not begin at a place.

    A contour over a finely meshed round body zigzags between edges that run into the picture: there the normal is that
    of the silhouette nearby instead of the edge's.
    """
    count = len(places.links)
    normals = wp.empty(count, dtype=wp.vec2, device="cpu")
    inside, outside = wp.empty(count, dtype=wp.int32, device="cpu"), wp.empty(count, dtype=wp.int32, device="cpu")
    low = (-0.5 - silhouette.low) * SAMPLES
    high = (np.array([camera.width, camera.height]) - 0.5 - silhouette.low) * SAMPLES
    at, edges = silhouette.samples_of(places.places_px), _vectors(places.normals_px)
    inputs = [silhouette.covered, at, edges, LOOK_PX * SAMPLES, AGREE, int(reach_px * SAMPLES)]
    inputs += [wp.vec2(*map(float, low)), wp.vec2(*map(float, high))]
    wp.launch(kernels.read_border, dim=count, inputs=inputs, outputs=[normals, inside, outside], device="cpu")
    return normals.numpy().astype(np.float64), inside.numpy() / SAMPLES, outside.numpy() / SAMPLES


def _window(screen: NDArray[np.float32], camera: Camera) -> Window:
    """`visible_window`, in a quarter of the time where the whole instrument is in front of the camera."""
    u, v, z = np.ascontiguousarray(screen.T)
    low, high = np.array([u.min(), v.min()]), np.array([u.max(), v.max()])
    if not (z.min() > NEAR_M and np.isfinite(low).all() and np.isfinite(high).all()):
        return visible_window(screen, camera.width, camera.height)
    return visible_window(np.array([[*low, 1.0], [*high, 1.0]], dtype=np.float32), camera.width, camera.height)


def _vectors(values: Float64[Array, "k 2"]) -> wp.array:
    return wp.array(values.astype(np.float32), dtype=wp.vec2, device="cpu")


def _part_in_image(
    a: Float64[Array, "e 3"], along: Float64[Array, "e 2"], camera: Camera
) -> tuple[Float64[Array, " e"], Float64[Array, " e"]]:
    """Shares of lines from `a` at which they enter the image and leave it; they leave first where they miss it."""
    first, last = np.zeros(len(a)), np.ones(len(a))
    for axis, size in ((0, camera.width - 1.0), (1, camera.height - 1.0)):
        start, step = a[:, axis], np.where(along[:, axis] == 0.0, 1e-12, along[:, axis])
        crossings = -start / step, (size - start) / step
        first = np.maximum(first, np.minimum(*crossings))
        last = np.minimum(last, np.maximum(*crossings))
    return first, last
