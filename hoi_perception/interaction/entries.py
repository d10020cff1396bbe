"""Memory of the sides from which a hand and an instrument entered each other.

The nearest surface is the wrong way out for what has passed the middle of a finger or of a blade. So what is inside
remembers where it was outside last, and goes back that way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.geometry import REACH, Geometry
from hoi_perception.interaction.hand_mesh import NearestOnHand
from hoi_perception.interaction.palmar import owners, palmar_normals
from hoi_perception.types import N_VERTICES

Array = NDArray[np.float64]
TURNED = 0.5
"""Cosine between the side of entry and the nearest surface's normal below which that surface is another side's."""
THICKEST = 0.04
"""Longest way out of a hand, m."""
SUBMERGED = 0.0003
"""Depth from which an instrument's far side counts as inside, m."""
PIECES = 40
"""Of the way of a point between two frames that is looked at for the instrument in it."""


@dataclass(frozen=True, eq=False)
class SampleEntries:
    """Of each sample of an instrument: face of the hand's closed mesh (-1: none) and barycentric place where it was
    nearest when it was outside last; whether it is inside now."""

    face: Int32[NDArray[np.int32], " s"]
    weights: Float32[NDArray[np.float32], "s 3"]
    inside: Bool[NDArray[np.bool_], " s"]


@dataclass(frozen=True, eq=False)
class PointEntries:
    """Of each surface point of a hand, in the frame of the instrument's link (-1: none) that was nearest when it was
    outside last: where it was, the surface there and its outward normal."""

    link: Int64[NDArray[np.int64], " n"]
    places: Float64[Array, "n 3"]
    surface: Float64[Array, "n 3"]
    normals: Float64[Array, "n 3"]


@dataclass(frozen=True, eq=False)
class Crossed:
    """Points of a hand beyond the middle of the instrument they entered: surface on the side of entry (in the links'
    frames) and its outward normal (camera frame)."""

    points: Int64[NDArray[np.int64], " m"]
    links: Int64[NDArray[np.int64], " m"]
    surface: Float64[Array, "m 3"]
    normals: Float64[Array, "m 3"]


@dataclass(frozen=True, eq=False)
class Entries:
    """What one hand and one instrument remember of each other. Taken from a solved frame, it serves the next one."""

    hand: int
    instrument: int
    samples: SampleEntries
    points: PointEntries

    @staticmethod
    def none(bodies: Bodies, hand: int, instrument: int) -> Entries:
        """No memory: what is deeper than the middle of a finger belongs on its palm's side."""
        s, n = len(bodies.instruments[instrument].samples), bodies.hands[hand].points.n_surface
        samples = SampleEntries(np.full(s, -1, np.int32), np.zeros((s, 3), np.float32), np.zeros(s, dtype=bool))
        points = PointEntries(np.full(n, -1), np.zeros((n, 3)), np.zeros((n, 3)), np.zeros((n, 3)))
        return Entries(hand, instrument, samples, points)

    def after(self, geometry: Geometry) -> Entries:
        """The memory brought up to date with where the bodies are."""
        return Entries(self.hand, self.instrument, self._samples_after(geometry), self._points_after(geometry))

    def on_hand(self, geometry: Geometry) -> NearestOnHand:
        """Where the instrument's samples are with respect to the hand, by the surface through which they entered."""
        near = geometry.nearest_on_hand(self.hand, self.instrument)
        inside = (near.face >= 0) & (near.distance < 0.0)
        look = np.flatnonzero(inside | ((near.face >= 0) & self.samples.inside))
        if len(look) == 0:
            return near
        inside, known = inside[look], self.samples.face[look] >= 0
        faces = np.concatenate([near.face[look], self.samples.face[look]])
        weights = np.concatenate([near.weights[look], self.samples.weights[look]])
        slope, way = self._slopes(geometry, faces, weights).reshape(2, len(look), 3)
        cosine = (way * slope).sum(axis=1)
        back = known & ((inside & (cosine < TURNED)) | (~inside & (cosine < 0.0)))
        unknown = np.flatnonzero(inside & ~known)
        deep, palmar = self._too_deep(geometry, near, look[unknown], slope[unknown])
        way[unknown[deep]] = palmar[deep]
        back[unknown[deep]] = True
        rays = look[back]
        if len(rays) == 0:
            return near
        places = geometry.samples(self.instrument)[0][rays]
        vertices = geometry.hand_points(self.hand)[:N_VERTICES]
        out = geometry.mesh(self.hand).ways_out(vertices, places, way[back], THICKEST)
        left = out.face >= 0
        face, weights, distance = near.face.copy(), near.weights.copy(), near.distance.copy()
        face[rays[left]], weights[rays[left]] = out.face[left], out.weights[left]
        distance[rays[left]] = out.distance[left]
        return NearestOnHand(face, weights, distance)

    def crossed(self, geometry: Geometry) -> Crossed:
        """Points of the hand that are past the middle of the instrument, or through it, from where they entered."""
        distance, gradient, _ = geometry.distances(self.hand, self.instrument, REACH)
        own = self.points
        near = np.flatnonzero((own.link >= 0) & (distance < REACH))
        R, _ = geometry.links(self.instrument)
        entered = np.einsum("nij,nj->ni", R[own.link[near]], own.normals[near])
        turned = (entered * gradient[near]).sum(axis=1) < 0.0
        index, entered = near[turned], entered[turned]
        outside = distance[index] >= 0.0
        outside[outside] = ~self._through(geometry, index[outside])
        index, entered = index[~outside], entered[~outside]
        return Crossed(index, own.link[index], own.surface[index], entered)

    def _through(self, geometry: Geometry, index: NDArray[np.intp]) -> Bool[NDArray[np.bool_], " n"]:
        """Of which points outside the way since they were remembered leads through the instrument."""
        if len(index) == 0:
            return np.zeros(0, dtype=bool)
        own = self.points
        R, t = geometry.links(self.instrument)
        link = own.link[index]
        start = np.einsum("nij,nj->ni", R[link], own.places[index]) + t[link]
        way = geometry.hand_points(self.hand)[index] - start
        share = np.linspace(0.0, 1.0, PIECES)[:, None]
        along = start[:, None] + share * way[:, None]
        distance = geometry.distances_of(self.instrument, along.reshape(-1, 3))[0].reshape(-1, PIECES)
        piece = np.linalg.norm(way, axis=1) / (PIECES - 1)
        return np.asarray(distance.min(axis=1) < 0.5 * piece)

    def _samples_after(self, geometry: Geometry) -> SampleEntries:
        near, led = geometry.nearest_on_hand(self.hand, self.instrument), self.on_hand(geometry)
        inside = (led.face >= 0) & (led.distance < 0.0)
        keeps = inside & (self.samples.face >= 0)
        face = np.where(keeps, self.samples.face, np.where(inside, led.face, near.face))
        weights = np.where(keeps[:, None], self.samples.weights, np.where(inside[:, None], led.weights, near.weights))
        return SampleEntries(face.astype(np.int32), weights.astype(np.float32), inside)

    def _points_after(self, geometry: Geometry) -> PointEntries:
        own = self.points
        distance, gradient, link = geometry.distances(self.hand, self.instrument, REACH)
        inside = distance < 0.0
        inside[self.crossed(geometry).points] = True
        near = distance < REACH
        keeps = inside & (own.link >= 0) & near
        new = np.flatnonzero(near & ~keeps)
        R, t = geometry.links(self.instrument)
        turned = R[link[new]]
        normals = np.einsum("nji,nj->ni", turned, gradient[new])
        places = np.einsum("nji,nj->ni", turned, geometry.hand_points(self.hand)[new] - t[link[new]])
        surface = places - distance[new, None] * normals
        out = PointEntries(np.where(keeps, own.link, -1), own.places.copy(), own.surface.copy(), own.normals.copy())
        out.link[new], out.surface[new], out.normals[new] = link[new], surface, normals
        out.places[new] = np.where(inside[new, None], surface, places)
        return out

    def _slopes(
        self, geometry: Geometry, face: Int32[NDArray[np.int32], " s"], weights: Float32[NDArray[np.float32], "s 3"]
    ) -> Float64[Array, "s 3"]:
        """Unit normals of the hand now at places on its mesh; anything where there is none."""
        corners = geometry.mesh(self.hand).faces[face]
        blended = np.einsum("nk,nka->na", weights.astype(np.float64), geometry.closed_normals(self.hand)[corners])
        length = np.sqrt(np.einsum("na,na->n", blended, blended))
        return np.asarray(blended / np.maximum(length, 1e-9)[:, None])

    def _too_deep(
        self,
        geometry: Geometry,
        near: NearestOnHand,
        index: Int64[NDArray[np.int64], " n"],
        slope: Float64[Array, "n 3"],
    ) -> tuple[Bool[NDArray[np.bool_], " n"], Float64[Array, "n 3"]]:
        """Which samples (inside, without memory) are in the dorsal half of a segment into which the instrument is sunk
        whole; of all of them the direction to the palm's side.

        It is sunk where its far side, which looks to the hand's surface as that surface looks out, is inside too; what
        touches the back of a finger, as a ring handle does, has only its near side inside.
        """
        if len(index) == 0:
            return np.zeros(0, dtype=bool), np.zeros((0, 3))
        points = geometry.bodies.hands[self.hand].points
        corners = geometry.mesh(self.hand).faces[near.face[index]]
        vertex = corners[np.arange(len(index)), near.weights[index].argmax(axis=1)]
        bones = owners(points)[np.minimum(vertex, N_VERTICES - 1)]
        palmar = palmar_normals(points, geometry.hand_normals(self.hand))[bones]
        dorsal = (palmar * slope).sum(axis=1) < 0.0
        outward = geometry.samples(self.instrument)[1][index]
        far_side = dorsal & ((outward * slope).sum(axis=1) > 0.5) & (near.distance[index] < -SUBMERGED)
        return np.asarray(dorsal & np.isin(bones, bones[far_side])), palmar
