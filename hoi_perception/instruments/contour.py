"""The outer contour of a posed instrument as a camera sees it: what region-based tracking reads the image along.

It is taken from the mesh at the true pose, joint angles and perspective: places on edges between a face that shows its
front and one that does not, of which those count that lie on the border of what the instrument covers. Stored views on
a subdivided sphere were measured beside it (bench/sparse_views.py, docs/instruments.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, PosedLinks, pose_links
from hoi_perception.kernels import border
from hoi_perception.kernels import turning as turns
from hoi_perception.kernels.lens import lens_of
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

    `links` are indices of `InstrumentModel.links`; `normals_px` are unit vectors out of the instrument, `normals_link`
    the same in the frames of links. Columns of `profiles` (px along the normal, 0 at the place): how far instrument and
    surroundings go on from there, the latter to the border of the image at most; number of stretches of instrument,
    beginning and end of each.
    """

    points_link: Float64[Array, "k 3"]
    points_camera: Float64[Array, "k 3"]
    links: Int64[NDArray[np.int64], " k"]
    places_px: Float64[Array, "k 2"]
    normals_px: Float64[Array, "k 2"]
    normals_link: Float64[Array, "k 3"]
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


def outer_contour(
    model: ContourModel, state: InstrumentState, camera: Camera, *, n_points: int = 200, reach_px: float = 24.0
) -> Contour:
    """Up to `n_points` places of the first hypothesis of `state`; none where the instrument is not in the image."""
    return ContourReader(model, camera, n_points, reach_px).read(pose_links(model.tree, state))


class ContourReader:
    """Contours of one instrument in images of one camera, with arrays that stay: up to `n_points` places each, a share
    `rare` of them where few look the same way. Profiles are read up to `reach_px`."""

    def __init__(self, model: ContourModel, camera: Camera, n_points: int, reach_px: float, rare: float = 0.0) -> None:
        self.model, self.camera, self.n_points, self.rare = model, camera, n_points, rare
        n, n_links = CANDIDATES * n_points, int(model.links.max()) + 1
        self._R, self._t = _room(n_links, wp.mat33d), _room(n_links, wp.vec3d)
        self._away = _room(len(model.faces), wp.uint8)
        self._turning = turning = _turning(model)
        self._places = places = _places(n)
        self._profiles = _room((n, 3 + 2 * border.RUNS), wp.float32)
        self._host_R, self._host_t, self._host_away = self._R.numpy(), self._t.numpy(), self._away.numpy()
        self._host_count, self._host_profiles = turning.count.numpy(), self._profiles.numpy()
        of_place = places.own, places.camera, places.link, places.px, places.normal, places.lifted, self._profiles
        self._columns = [each.numpy() for each in of_place]
        mesh, lens, size = _mesh(model), lens_of(camera), (float(camera.width), float(camera.height))
        links = mesh, self._R, self._t
        crossings = _room((n, border.CROSSINGS), wp.float32), _room((n, border.CROSSINGS), wp.int32)
        lines = turning.line, turning.boxes, turning.count, places.px_short, places.normal_short, places.edge
        self._find = _launch(turns.find_edges, 1, *links, self._away, lens, wp.vec2d(*size), EDGE_PX, turning)
        self._spread = _launch(turns.spread_places, 1, *links, lens, AGREE, turning, places)
        limits = wp.vec2(*size), OFF_PX, ASIDE_PX, reach_px
        self._read = _launch(border.read_lines, n, *lines, *limits, *crossings, self._profiles)

    def read(self, posed: PosedLinks) -> Contour:
        """That of the first hypothesis; empty where the instrument is not in the image."""
        n_links = len(self._host_R)
        self._host_R[...], self._host_t[...] = posed.R[0, :n_links], posed.t[0, :n_links]
        hidden = _hidden(self.model, posed, self.camera)
        self._host_away[...] = 0 if hidden is None else hidden[self.model.faces].any(axis=1)
        self._find.launch()
        found = np.zeros(0, dtype=np.int64)
        if self._host_count[1]:
            self._spread.launch()
            self._read.launch()
            found = np.flatnonzero((self._host_profiles[:, 0] > 0.0) & (self._host_profiles[:, 1] > 0.0))
        at = found[choice(self._columns[4][found], self.n_points, self.rare)]
        own, camera, link, px, normal, lifted, profile = (column.take(at, axis=0) for column in self._columns)
        return Contour(own, camera, link.astype(np.int64), px, normal, lifted, profile)


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


def _hidden(model: ContourModel, posed: PosedLinks, camera: Camera) -> Bool[NDArray[np.bool_], " n"] | None:
    """Vertices that the camera cannot see, however they are turned; None where there are none."""
    if camera.distortion is Distortion.NONE and model.nearest(posed) > NEAR_M:
        return None
    screen = project_to_screen(model.placed(posed), camera)
    hidden = ~(np.isfinite(screen).all(axis=1) & (screen[:, 2] > NEAR_M))
    return np.asarray(hidden) if hidden.any() else None


def _mesh(model: ContourModel) -> Any:
    """`kernels.turning.Mesh` of a model."""
    mesh = turns.Mesh()
    mesh.vertices, mesh.links = _given(model.vertices, wp.vec3d), _given(model.links, wp.int32)
    mesh.normals, mesh.offsets = _given(model.normals, wp.vec3d), _given(model.offsets, wp.float64)
    mesh.face_links = _given(model.links[model.faces[:, 0]], wp.int32)
    mesh.ends, mesh.sides = _given(model.ends, wp.vec2i), _given(model.sides, wp.vec2i)
    mesh.soft = _given(model.smooth_normals, wp.vec3d)
    return mesh


def _turning(model: ContourModel) -> Any:
    """`kernels.turning.Turning` with room for all edges of a model."""
    n, room = len(model.ends), turns.Turning()
    room.count, room.shown = _room(2, wp.int32), _room(len(model.faces) + 1, wp.uint8)
    room.index, room.line = _room(n, wp.int32), _room(n, wp.vec4)
    room.start, room.end = _room(n, wp.vec3d), _room(n, wp.vec3d)
    room.boxes = _room(-(-n // border.BOXED), wp.vec4)
    room.total, room.part = _room(n, wp.float64), _room(n, wp.vec2d)
    return room


def _places(n: int) -> Any:
    """`kernels.turning.Places` with room for so many."""
    room = turns.Places()
    room.edge, room.link = _room(n, wp.int32), _room(n, wp.int32)
    room.camera, room.own, room.lifted = (_room(n, wp.vec3d) for _ in range(3))
    room.px, room.normal = _room(n, wp.vec2d), _room(n, wp.vec2d)
    room.px_short, room.normal_short = _room(n, wp.vec2), _room(n, wp.vec2)
    return room


def _launch(kernel: Any, threads: int, *inputs: Any) -> Any:
    return wp.launch(kernel, dim=threads, inputs=list(inputs), device="cpu", record_cmd=True)


def _room(shape: int | tuple[int, int], dtype: Any) -> Any:
    return wp.zeros(shape, dtype=dtype, device="cpu")


def _given(values: NDArray[Any], dtype: Any) -> Any:
    return wp.array(values, dtype=dtype, device="cpu")
