"""Places of a hand that are nearest to an instrument: one for each part of the hand, more along shafts and palm."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.contact_zones import PADS, ContactZone
from hoi_perception.hands.joints import FINGER_JOINTS, TIP_NAMES
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.interaction.palmar import owners
from hoi_perception.types import N_VERTICES, HandZone

Array = NDArray[np.float64]
SAME = 0.004
"""Places of different parts nearer to each other than this are one contact at their common border, m."""
TURNS = 4
"""Times that the nearest place is looked for from the other side."""
MOST = 400
"""Candidates looked at, the nearest ones."""
_REST = 11
"""First of the parts that are no contact zone: sides and backs of the fingers, then the rest of the hand."""


@dataclass(frozen=True, eq=False)
class Places:
    """Places on a hand (face and barycentric weights of its corners) with the nearest ones on an instrument: `points`
    (m, camera frame), outward normals, links; signed distances between both."""

    zones: Int64[NDArray[np.int64], " n"]
    faces: Int64[NDArray[np.int64], " n"]
    weights: Float64[Array, "n 3"]
    links: Int64[NDArray[np.int64], " n"]
    points: Float64[Array, "n 3"]
    normals: Float64[Array, "n 3"]
    distances: Float64[Array, " n"]

    def take(self, index: Any) -> Places:
        """Some of the places."""
        return Places(*(getattr(self, f.name)[index] for f in fields(self)))


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Places on the hand with signed gaps; `sample` is that of the instrument that is inside the hand there, or -1."""

    faces: Int64[NDArray[np.int64], " n"]
    weights: Float64[Array, "n 3"]
    parts: Int64[NDArray[np.int64], " n"]
    gaps: Float64[Array, " n"]
    sample: Int64[NDArray[np.int64], " n"]

    def take(self, index: Any) -> _Candidates:
        return _Candidates(*(getattr(self, f.name)[index] for f in fields(self)))


def least_places(geometry: Geometry, h: int, k: int, reach: float, apart: float) -> Places:
    """The nearest place of each part of hand `h` to instrument `k` where nearer than `reach`, nearest first.

    Parts other than the pads have further places where the distance is least within `apart` round about (m): a shaft
    may lie on a palm at two ends.
    """
    found = _candidates(geometry, h, k, reach)
    if len(found.faces) == 0:
        empty, whole = np.zeros((0, 3)), np.zeros(0, dtype=np.int64)
        return Places(whole, whole, empty, whole, empty, empty, np.zeros(0))
    where = _on_mesh(geometry, h, found)
    where = where - where.mean(axis=0)
    settled = _settled(geometry, h, k, found.take(_least(found, where, apart)), reach)
    settled = settled.take(np.argsort(settled.distances, kind="stable"))
    off = np.linalg.norm(settled.points[:, None] - settled.points[None], axis=2)
    repeated = np.tril(off < SAME, -1).any(axis=1)
    return settled.take(np.flatnonzero(~repeated & (settled.distances < reach)))


@lru_cache(maxsize=4)
def parts(points: HandPoints) -> Int64[NDArray[np.int64], " n"]:
    """The part of each surface point: its contact zone, else the finger or the hand that it is on."""
    zones = points.zones[: points.n_surface].astype(np.int64)
    finger_of = np.full(16, 5)
    for number, name in enumerate(TIP_NAMES):
        finger_of[list(FINGER_JOINTS[name])] = number
    rest = _REST + finger_of[owners(points)]
    return np.where(zones >= 0, zones, np.concatenate([rest, np.full(len(zones) - N_VERTICES, _REST)]))


def _candidates(geometry: Geometry, h: int, k: int, reach: float) -> _Candidates:
    """Points of the hand near the instrument, and places of the hand near samples of the instrument: a thin shaft may
    run between the hand's points."""
    own = parts(geometry.bodies.hands[h].points)
    distance = geometry.distances(h, k, reach)[0]
    index = np.flatnonzero(distance < reach)
    if len(index) == 0:  # the nearest sample is still looked for below, a point of the hand need not be near
        index = np.array([distance.argmin()])
    vertices, normals, mesh = geometry.hand_points(h)[:N_VERTICES], geometry.hand_normals(h), geometry.mesh(h)
    at = mesh.nearest(vertices, normals, geometry.hand_points(h)[index], reach)
    near = geometry.nearest_on_hand(h, k)
    samples = np.flatnonzero((near.face >= 0) & (near.distance < reach))
    faces = np.concatenate([at.face, near.face[samples]]).astype(np.int64)
    weights = np.concatenate([at.weights, near.weights[samples]]).astype(np.float64)
    corner = mesh.faces[faces][np.arange(len(faces)), weights.argmax(axis=1)]
    of_samples = own[np.minimum(corner[len(index) :], N_VERTICES - 1)]
    inside = np.where(near.distance[samples] < 0.0, samples, -1)
    found = _Candidates(
        faces,
        weights,
        np.concatenate([own[index], of_samples]),
        np.concatenate([distance[index], near.distance[samples]]),
        np.concatenate([np.full(len(index), -1), inside]),
    )
    on_skin = (faces >= 0) & (mesh.faces[faces] < N_VERTICES).all(axis=1)
    order = np.argsort(found.gaps[on_skin], kind="stable")[:MOST]
    return found.take(np.flatnonzero(on_skin)[order])


def _least(found: _Candidates, where: Float64[Array, "n 3"], apart: float) -> Int64[NDArray[np.int64], " m"]:
    """Which candidates (nearest first) are the nearest of their part, or the nearest round about."""
    squared = (where**2).sum(axis=1)
    off = np.maximum(squared[:, None] + squared[None] - 2.0 * where @ where.T, 0.0)
    nearer = np.tril(found.parts[:, None] == found.parts[None], -1)
    first = ~nearer.any(axis=1)
    least = (found.parts >= len(PADS)) & ~(nearer & (off < apart**2)).any(axis=1)
    kept: list[int] = []
    for i in np.flatnonzero(first | least):
        if not (off[i, kept] < SAME**2).any():
            kept.append(int(i))
    return np.array(kept, dtype=np.int64)


def _settled(geometry: Geometry, h: int, k: int, found: _Candidates, reach: float) -> Places:
    """Both places of each candidate: what is outside goes back and forth between the surfaces until both are nearest to
    each other; where they intersect the deepest place stays."""
    vertices, normals, mesh = geometry.hand_points(h)[:N_VERTICES], geometry.hand_normals(h), geometry.mesh(h)
    faces, weights = found.faces.copy(), found.weights.copy()
    apart = np.flatnonzero(found.gaps > 0.0)
    for _ in range(TURNS if len(apart) else 0):
        place = _blend(vertices, mesh.faces, faces[apart], weights[apart])
        distance, gradient, _ = geometry.distances_of(k, place)
        back = mesh.nearest(vertices, normals, place - distance[:, None] * gradient, 3.0 * reach)
        good = (back.face >= 0) & (mesh.faces[back.face] < N_VERTICES).all(axis=1)
        faces[apart[good]], weights[apart[good]] = back.face[good], back.weights[good]
    place = _blend(vertices, mesh.faces, faces, weights)
    distance, gradient, link = geometry.distances_of(k, place)
    gradient = gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-9)
    points, links = place - distance[:, None] * gradient, link.astype(np.int64)
    inside = np.flatnonzero((found.sample >= 0) & (found.gaps < distance))
    if len(inside):
        at, outward = geometry.samples(k)
        sample = found.sample[inside]
        points[inside], gradient[inside], distance[inside] = at[sample], outward[sample], found.gaps[inside]
        links[inside] = geometry.bodies.instruments[k].sample_links[sample]
    return Places(_zones(found.parts), faces, weights, links, points, gradient, distance)


def _zones(of: Int64[NDArray[np.int64], " n"]) -> Int64[NDArray[np.int64], " n"]:
    """The finger or the palm that a part belongs to."""
    out = np.where(of >= _REST, of - _REST, of % 5)
    return np.where(of == ContactZone.PALM, int(HandZone.PALM), out)


def _on_mesh(geometry: Geometry, h: int, found: _Candidates) -> Float64[Array, "n 3"]:
    return _blend(geometry.hand_points(h)[:N_VERTICES], geometry.mesh(h).faces, found.faces, found.weights)


def _blend(
    vertices: Float64[Array, "778 3"],
    triangles: NDArray[np.int32],
    faces: Int64[NDArray[np.int64], " n"],
    weights: Float64[Array, "n 3"],
) -> Float64[Array, "n 3"]:
    return np.asarray(np.einsum("nk,nka->na", weights, vertices[triangles[faces]]))
