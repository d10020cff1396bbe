"""Penetration, from both sides: points of the hand inside the instrument, samples of the instrument inside the hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from hoi_perception.interaction.entries import Crossed, Entries
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.rows import Kind, Points, RowBlock

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PenetrationTerm:
    """A hand and an instrument may touch, not share space. Lengths in m.

    Rows are made for what is inside or within `margin` of it, as it may enter during a round. Neighbouring points say
    the same: more than `most` rows of one kind weigh as much as `most`, and no more than `room`, spread over all, are
    made. `sigma` shrinks from round to round: bodies that start far inside each other are moved apart as wholes before
    fingers bend. With `entries` what has passed the middle of a finger or of a blade goes back the way it came, without
    them to the nearest surface.
    """

    hand: int
    instrument: int
    sigma: tuple[float, ...] = (0.003, 0.001, 0.0005)
    margin: float = 0.004
    most: int = 20
    room: int = 400
    entries: Entries | None = None

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """One row for each point of the hand and each sample of the instrument that may be inside."""
        return self._hand_rows(geometry) + self._sample_rows(geometry)

    def _hand_rows(self, geometry: Geometry) -> list[RowBlock]:
        distance = geometry.distances(self.hand, self.instrument, self.margin)[0]
        near, blocks = distance < self.margin, []
        if self.entries is not None:
            crossed = self.entries.crossed(geometry)
            near[crossed.points] = False
            blocks = self._ways_back(geometry, crossed)
        points = self._thinned(np.flatnonzero(near))
        n = len(points)
        if n == 0:
            return blocks
        q = Points.anywhere_on(self._body(geometry), n)
        weight = self._weight(geometry, n, int((distance[points] < 0.0).sum()))
        p = Points.of_hand(self.hand, points)
        return [*blocks, RowBlock("penetration", Kind.FIELD, p, weight, q=q, hinge=-1)]

    def _ways_back(self, geometry: Geometry, crossed: Crossed) -> list[RowBlock]:
        kept = self._thinned(np.arange(len(crossed.points)))
        n = len(kept)
        if n == 0:
            return []
        p = Points.of_hand(self.hand, crossed.points[kept])
        q = Points.of_instrument(self._body(geometry), crossed.links[kept], crossed.surface[kept])
        weight = self._weight(geometry, n, n)
        return [RowBlock("penetration", Kind.PLANE, p, weight, crossed.normals[kept], q=q, hinge=-1)]

    def _sample_rows(self, geometry: Geometry) -> list[RowBlock]:
        body = geometry.bodies.instruments[self.instrument]
        if self.entries is None:
            near = geometry.nearest_on_hand(self.hand, self.instrument)
        else:
            near = self.entries.on_hand(geometry)
        close = self._thinned(np.flatnonzero((near.face >= 0) & (near.distance < self.margin)))
        n = len(close)
        if n == 0:
            return []
        mesh = geometry.mesh(self.hand)
        corners = mesh.faces[near.face[close]]
        real = (corners < 778).all(axis=1)
        close, corners = close[real], corners[real]
        n = len(close)
        vertices, normals = geometry.hand_points(self.hand), geometry.hand_normals(self.hand)
        weights = near.weights[close].astype(np.float64)
        surface = np.einsum("nk,nka->na", weights, vertices[corners])
        normal = np.einsum("nk,nka->na", weights, normals[corners])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        vertex = corners[np.arange(n), weights.argmax(axis=1)]
        offset = ((surface - vertices[vertex]) * normal).sum(axis=1)
        p = Points.of_instrument(self._body(geometry), body.sample_links[close], body.samples[close])
        target = np.column_stack([offset, np.zeros((n, 2))])
        q = Points.of_hand(self.hand, vertex)
        weight = self._weight(geometry, n, int((near.distance[close] < 0.0).sum()))
        return [RowBlock("penetration", Kind.PLANE, p, weight, normal, target, q, hinge=-1)]

    def _thinned(self, chosen: Int64[NDArray[np.int64], " n"]) -> Int64[NDArray[np.int64], " m"]:
        return chosen[:: -(-len(chosen) // self.room) or 1]

    def _weight(self, geometry: Geometry, n: int, inside: int) -> Array:
        sigma = self.sigma[min(geometry.round, len(self.sigma) - 1)]
        return np.full(n, np.sqrt(min(1.0, self.most / max(inside, 1))) / sigma)

    def _body(self, geometry: Geometry) -> int:
        return len(geometry.bodies.hands) + self.instrument
