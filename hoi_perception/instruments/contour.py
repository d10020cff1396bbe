"""The outer contour of a posed instrument as a camera sees it: what region-based tracking reads the image along.

It is taken from the mesh at the true pose, joint angles and perspective: places on edges between a face that shows its
front and one that does not, of which those count that lie on the border of what the instrument covers. Stored views on
a subdivided sphere were measured beside it (bench/sparse_views.py, docs/instruments.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, PosedLinks, pose_links
from hoi_perception.kernels import border as kernels
from hoi_perception.rendering import NEAR_M, project_to_screen
from hoi_perception.types import Camera, Distortion

Array = NDArray[np.float64]

CANDIDATES = 4
"""Places looked at for each contour point wanted: many lie on hidden edges, or on inner contours."""
OFF_PX = 0.75
"""How thin instrument and surroundings beside the contour may be, px."""
ASIDE_PX = 1.5
"""How far a contour has to go on straight to at least one side of a place, within as much, px: smaller steps and teeth
say nothing of which way it runs in an image."""
EDGE_PX = 3.0
"""How near to the border of the image no contour is looked for, px."""
AGREE = float(np.cos(np.radians(20.0)))
"""Cosine to the surface's normal above which the normal of an edge counts, which is exact where edges are straight."""
ALIKE = float(np.cos(np.radians(30.0)))
"""Cosine between normals above which places look the same way."""


@dataclass(frozen=True, eq=False)
class Contour:
    """k places on the outer contour, spread evenly in the image.

    `links` are indices of `InstrumentModel.links`; `normals_px` are unit vectors out of the instrument. Columns of
    `profiles` (px along the normal, 0 at the place): how far instrument and surroundings go on from there, the latter
    to the border of the image at most; number of stretches of instrument, beginning and end of each.
    """

    points_link: Float64[Array, "k 3"]
    points_camera: Float64[Array, "k 3"]
    links: Int64[NDArray[np.int64], " k"]
    places_px: Float64[Array, "k 2"]
    normals_px: Float64[Array, "k 2"]
    profiles: Float32[NDArray[np.float32], "k p"]

    def __len__(self) -> int:
        return len(self.links)

    @property
    def inside_px(self) -> Float32[NDArray[np.float32], " k"]:
        """How far the instrument goes on inwards from each place, up to the reach asked for."""
        return self.profiles[:, 0]

    @property
    def outside_px(self) -> Float32[NDArray[np.float32], " k"]:
        """How far the surroundings go on outwards."""
        return self.profiles[:, 1]


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of the mesh that turn away from the camera: indices, ends, and these in the camera frame (m) and image.

    In the image, a row is (u, v) of the start and of the end (px); what the instrument covers is to the left.
    """

    index: Int64[NDArray[np.int64], " s"]
    ends: Int64[NDArray[np.int64], "s 2"]
    points: Float64[Array, "s 2 3"]
    lines_px: Float32[NDArray[np.float32], "s 4"]


@dataclass(frozen=True, eq=False)
class Places:
    """Places on edges (rows of `Edges`): camera frame (m), image, unit normals of the edges there, outward."""

    edge: Int64[NDArray[np.int64], " k"]
    points: Float64[Array, "k 3"]
    places_px: Float64[Array, "k 2"]
    normals_px: Float64[Array, "k 2"]


def outer_contour(
    model: ContourModel, state: InstrumentState, camera: Camera, *, n_points: int = 200, reach_px: float = 24.0
) -> Contour:
    """Up to `n_points` places of the first hypothesis of `state`; none where the instrument is not in the image."""
    return posed_contour(model, pose_links(model.tree, state), camera, n_points, reach_px)


def posed_contour(
    model: ContourModel, posed: PosedLinks, camera: Camera, n_points: int, reach_px: float, rare: float = 0.0
) -> Contour:
    """`outer_contour` of links that are placed already, a share `rare` of the places where few look the same way."""
    edges = turning_edges(model, posed, camera)
    places = spread(edges, camera, CANDIDATES * n_points)
    links = model.links[edges.ends[places.edge, 0]]
    normals = rounded(model, posed, camera, edges, places, links)
    profiles = read_profiles(edges, places, normals, camera, reach_px)
    found = np.flatnonzero((profiles[:, 0] > 0.0) & (profiles[:, 1] > 0.0))
    chosen = found[choice(normals[found], n_points, rare)]
    own, points = links[chosen], places.points[chosen]
    local = np.einsum("nji,nj->ni", posed.R[0, own], points - posed.t[0, own])
    return Contour(local, points, own, places.places_px[chosen], normals[chosen], profiles[chosen])


def choice(normals_px: Float64[Array, "k 2"], count: int, rare: float) -> Int64[NDArray[np.int64], " n"]:
    """Up to `count` of the places along a contour: spread evenly, but for a share `rare` spread over directions, so
    that the ends of a long thin instrument have more than one or two."""
    k = len(normals_px)
    n_rare = round(rare * count) if k > count else 0
    even = np.linspace(0, k - 1, min(count - n_rare, k)).round().astype(np.int64)
    if n_rare == 0:
        return even
    angles = np.arctan2(normals_px[:, 1], normals_px[:, 0])
    round_ = np.sort(angles) + 2.0 * np.pi * np.array([[-1.0], [0.0], [1.0]])
    first, last = (np.searchsorted(round_.ravel(), angles + side * np.arccos(ALIKE)) for side in (-1.0, 1.0))
    crowd = last - first
    total = np.cumsum(1.0 / crowd)
    at = (np.arange(n_rare) + 0.5) / n_rare * total[-1]
    return np.union1d(even, np.searchsorted(total, at))


def turning_edges(model: ContourModel, posed: PosedLinks, camera: Camera) -> Edges:
    """Edges between a face that shows its front to the camera and one that does not."""
    index, ends = model.turning(posed, _hidden(model, posed, camera))
    own = model.links[ends[:, 0]]
    points = np.einsum("sij,skj->ski", posed.R[0, own], model.vertices[ends]) + posed.t[0, own, None]
    lines = np.asarray(project(points, camera), dtype=np.float32).reshape(-1, 4)
    return Edges(index, ends, points, lines)


def spread(edges: Edges, camera: Camera, count: int) -> Places:
    """Up to `count` places spread evenly in the image over all edges."""
    a = edges.lines_px[:, :2].astype(np.float64)
    along = edges.lines_px[:, 2:] - a
    length = np.hypot(along[:, 0], along[:, 1])
    first, last = _part_in_image(a, along, camera)
    total = np.cumsum(length * np.maximum(last - first, 0.0))
    if len(total) == 0 or total[-1] == 0.0:
        return Places(np.zeros(0, dtype=np.int64), np.zeros((0, 3)), np.zeros((0, 2)), np.zeros((0, 2)))
    at = (np.arange(count) + 0.5) / count * total[-1]
    edge = np.searchsorted(total, at)
    share = last[edge] - (total[edge] - at) / length[edge]
    start, end = edges.points[edge, 0], edges.points[edge, 1]
    near, far = (1.0 - share) * end[:, 2], share * start[:, 2]  # shares of a line in the image are none in space
    points = (near[:, None] * start + far[:, None] * end) / (near + far)[:, None]
    normals = np.stack([-along[edge, 1], along[edge, 0]], axis=1) / length[edge, None]
    return Places(edge, points, np.asarray(project(points, camera), np.float64), normals)


def rounded(
    model: ContourModel,
    posed: PosedLinks,
    camera: Camera,
    edges: Edges,
    places: Places,
    links: Int64[NDArray[np.int64], " k"],
) -> Float64[Array, "k 2"]:
    """Normals of edges, or of the surface where edges that stand for a rounded one run across its contour.

    A contour over a finely meshed round body zigzags between edges that run into the picture.
    """
    local = model.smooth_normals(edges.index)[places.edge]
    N, p = np.einsum("nij,nj->ni", posed.R[0, links], local), places.points
    across = (N[:, :2] - p[:, :2] * (N[:, 2:] / p[:, 2:])) * np.diag(camera.K)[:2]
    length = np.hypot(across[:, 0], across[:, 1])
    across /= np.maximum(length, 1e-12)[:, None]
    zigzag = (length > 1e-12) & ((across * places.normals_px).sum(axis=1) < AGREE)
    return np.where(zigzag[:, None], across, places.normals_px)


def read_profiles(
    edges: Edges, places: Places, normals: Float64[Array, "k 2"], camera: Camera, reach_px: float
) -> Float32[NDArray[np.float32], "k p"]:
    """Columns of `Contour.profiles`, within the reach; zero for places that are not on the outer contour."""
    n = len(places.edge)
    profiles = np.empty((n, 3 + 2 * kernels.RUNS), dtype=np.float32)
    ats, changes = np.empty((n, kernels.CROSSINGS), np.float32), np.empty((n, kernels.CROSSINGS), np.int32)
    vectors = [places.places_px.astype(np.float32), normals.astype(np.float32)]
    inputs = [
        *(wp.array(v, dtype=wp.vec4, device="cpu", copy=False) for v in (edges.lines_px, boxes(edges.lines_px))),
        *(wp.array(v, dtype=wp.vec2, device="cpu", copy=False) for v in vectors),
        wp.array(places.edge.astype(np.int32), dtype=wp.int32, device="cpu", copy=False),
        wp.vec2(float(camera.width), float(camera.height)),
        OFF_PX,
        ASIDE_PX,
        reach_px,
        wp.array(ats, dtype=wp.float32, device="cpu", copy=False),
        wp.array(changes, dtype=wp.int32, device="cpu", copy=False),
        wp.array(profiles, dtype=wp.float32, device="cpu", copy=False),
    ]
    wp.launch(kernels.read_lines, dim=n, inputs=inputs, device="cpu")
    return profiles


def boxes(lines_px: Float32[NDArray[np.float32], "s 4"]) -> Float32[NDArray[np.float32], "b 4"]:
    """Middles and half sides (px) of boxes round `BOXED` edges each, one after the other."""
    starts = np.arange(0, len(lines_px), kernels.BOXED)
    low = np.minimum.reduceat(np.minimum(lines_px[:, :2], lines_px[:, 2:]), starts, axis=0)
    high = np.maximum.reduceat(np.maximum(lines_px[:, :2], lines_px[:, 2:]), starts, axis=0)
    return np.concatenate([low + high, high - low], axis=1) * np.float32(0.5)


def _hidden(model: ContourModel, posed: PosedLinks, camera: Camera) -> Bool[NDArray[np.bool_], " n"] | None:
    """Vertices that the camera cannot see, however they are turned; None where there are none."""
    if camera.distortion is Distortion.NONE and model.nearest(posed) > NEAR_M:
        return None
    screen = project_to_screen(model.placed(posed), camera)
    hidden = ~(np.isfinite(screen).all(axis=1) & (screen[:, 2] > NEAR_M))
    return np.asarray(hidden) if hidden.any() else None


def _part_in_image(
    a: Float64[Array, "e 2"], along: Float64[Array, "e 2"], camera: Camera
) -> tuple[Float64[Array, " e"], Float64[Array, " e"]]:
    """Shares of lines from `a` at which they enter the image, less its rim, and leave it; they leave first where they
    miss it."""
    first, last = np.zeros(len(a)), np.ones(len(a))
    for axis, size in ((0, camera.width - 1.0), (1, camera.height - 1.0)):
        start, step = a[:, axis], np.where(along[:, axis] == 0.0, 1e-12, along[:, axis])
        crossings = (EDGE_PX - start) / step, (size - EDGE_PX - start) / step
        first = np.maximum(first, np.minimum(*crossings))
        last = np.minimum(last, np.maximum(*crossings))
    return first, last
