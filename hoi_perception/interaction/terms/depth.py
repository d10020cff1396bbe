"""Measured depth: points on surfaces that a depth camera saw, each against the body that it lies on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.depth_points import ANY, DepthPoints
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.types import N_VERTICES

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DepthTerm:
    """Distances of measured points from the surfaces that face the camera, along the surfaces' normals.

    A point of no known body belongs to the nearest one. `sigma` is the standard deviation of a depth near the camera
    (m), to which `sigma_per_m2` is added times the depth squared: errors of stereo and of structured light grow so
    (Khoshelham and Elberink, Sensors 2012). Neighbouring points err alike, so more than `most` of a body weigh as much
    as `most`. Points farther than `reach` (m) are nobody's; it shrinks from round to round and with it the
    Geman-McClure scale.
    """

    seen: DepthPoints
    sigma: float = 0.001
    sigma_per_m2: float = 0.003
    reach: tuple[float, ...] = (0.03, 0.02, 0.01)
    most: int = 60

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """One row for each point that a body is near."""
        if len(self.seen.points) == 0:
            return []
        n_hands, n_bodies = len(geometry.bodies.hands), len(geometry.bodies.hands) + len(geometry.bodies.instruments)
        found = [
            _on_hand(geometry, body, self.seen.points)
            if body < n_hands
            else _on_instrument(geometry, body - n_hands, self.seen.points)
            for body in range(n_bodies)
        ]
        reach = self.reach[min(geometry.round, len(self.reach) - 1)]
        gaps = np.stack([surface.gap for surface in found])
        other = (self.seen.bodies[None] != ANY) & (self.seen.bodies[None] != np.arange(n_bodies)[:, None])
        gaps[other] = np.inf
        nearest = gaps.argmin(axis=0)
        chosen = [np.flatnonzero((nearest == body) & (gaps[body] < reach)) for body in range(n_bodies)]
        return [self._block(surface, index, reach) for surface, index in zip(found, chosen, strict=True) if len(index)]

    def _block(self, surface: _Surface, index: NDArray[np.intp], reach: float) -> RowBlock:
        observed = self.seen.points[index]
        sigma = self.sigma + self.sigma_per_m2 * observed[:, 2] ** 2
        share = np.sqrt(min(1.0, self.most / len(index)))
        at = surface.at
        return RowBlock(
            "depth",
            Kind.PLANE,
            Points(at.body[index], at.point[index], at.local[index]),
            share / sigma,
            surface.normals[index],
            np.column_stack([surface.offsets[index], np.zeros((len(index), 2))]),
            Points.fixed(observed),
            robust=float(0.5 * reach * share / np.median(sigma)),
        )


@dataclass(frozen=True, eq=False)
class _Surface:
    """The surface of a body next to each point: its normal, the point `at` of the body that carries it (`offsets` along
    the normal before it, m), the gap (m)."""

    normals: Float64[Array, "n 3"]
    at: Points
    offsets: Float64[Array, " n"]
    gap: Float64[Array, " n"]


def _on_hand(geometry: Geometry, h: int, points: Float64[Array, "n 3"]) -> _Surface:
    vertices, normals = geometry.hand_points(h)[:N_VERTICES], geometry.hand_normals(h)
    vertex, gap = _nearest_facing(points, vertices, normals)
    place, normal = vertices[vertex], normals[vertex]
    mesh = geometry.mesh(h)
    near = mesh.nearest(vertices, normals, points, float(np.nanmax(gap, initial=0.0, where=np.isfinite(gap))) + 1e-6)
    corners = mesh.faces[near.face]
    on_mesh = np.flatnonzero((near.face >= 0) & (corners < N_VERTICES).all(axis=1))
    weights, corners = near.weights[on_mesh].astype(np.float64), corners[on_mesh]
    surface = np.einsum("nk,nka->na", weights, vertices[corners])
    slope = np.einsum("nk,nka->na", weights, normals[corners])
    slope /= np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-9)
    ahead = _faces_camera(surface, slope)
    facing = on_mesh[ahead]
    place[facing], normal[facing] = surface[ahead], slope[ahead]
    gap[facing] = np.abs(near.distance[facing])
    vertex[facing] = corners[ahead, weights[ahead].argmax(axis=1)]
    return _Surface(normal, Points.of_hand(h, vertex), ((vertices[vertex] - place) * normal).sum(axis=1), gap)


def _on_instrument(geometry: Geometry, k: int, points: Float64[Array, "n 3"]) -> _Surface:
    body = geometry.bodies.instruments[k]
    samples, slopes = geometry.samples(k)
    sample, gap = _nearest_facing(points, samples, slopes)
    place, normal, link = samples[sample], slopes[sample], body.sample_links[sample]
    distance, gradient, nearest_link = geometry.distances_of(k, points)
    surface = points - distance[:, None] * gradient
    facing = np.flatnonzero(_faces_camera(surface, gradient))
    place[facing], normal[facing], gap[facing] = surface[facing], gradient[facing], np.abs(distance[facing])
    link[facing] = nearest_link[facing]
    R, t = geometry.links(k)
    local = (np.swapaxes(R[link], 1, 2) @ (place - t[link])[..., None])[..., 0]
    at = Points.of_instrument(len(geometry.bodies.hands) + k, link, local)
    return _Surface(normal, at, np.zeros(len(points)), gap)


def _nearest_facing(
    points: Float64[Array, "n 3"], places: Float64[Array, "m 3"], normals: Float64[Array, "m 3"]
) -> tuple[Int64[NDArray[np.int64], " n"], Float64[Array, " n"]]:
    """Of places that face the camera the nearest to each point, and how far it is; infinitely far where none does.

    A thin body that stands too near has its far side next to the points, which the camera cannot have seen.
    """
    facing = np.flatnonzero(_faces_camera(places, normals))
    if len(facing) == 0:
        return np.zeros(len(points), dtype=np.int64), np.full(len(points), np.inf)
    squared = (points**2).sum(axis=1)[:, None] - 2.0 * points @ places[facing].T + (places[facing] ** 2).sum(axis=1)
    nearest = squared.argmin(axis=1)
    gap = np.sqrt(np.maximum(squared[np.arange(len(points)), nearest], 0.0))
    return facing[nearest], gap


def _faces_camera(places: Float64[Array, "n 3"], normals: Float64[Array, "n 3"]) -> Bool[NDArray[np.bool_], " n"]:
    return np.asarray((places * normals).sum(axis=1) < 0.0)
