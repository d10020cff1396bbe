"""What the contour of an instrument is computed from: the meshes of its links as one, and the edges between faces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int32, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.kinematics import (
    InstrumentState,
    JointTree,
    PosedLinks,
    joint_tree,
    pose_links,
)
from hoi_perception.instruments.model import InstrumentModel

Array = NDArray[np.float64]
SOFT = float(np.cos(np.radians(45.0)))
"""Cosine between faces above which the edge between them stands for a rounded surface."""


@dataclass(frozen=True, eq=False)
class ContourModel:
    """Vertices (m, in the frames of `links`), faces, and the edges between them.

    A camera sees the front of face f where its eye is before the face's plane, `normals[f] · x > offsets[f]` (unit
    normals outward, m). Going from `ends[e, 0]` to `ends[e, 1]` of edge e, face `sides[e, 0]` is to the left seen from
    outside and `sides[e, 1]` to the right; `len(faces)` stands for none. Edges near each other come after one another.
    """

    tree: JointTree
    vertices: Float64[Array, "n 3"]
    links: Int64[NDArray[np.int64], " n"]
    faces: Int32[NDArray[np.int32], "m 3"]
    normals: Float64[Array, "m 3"]
    offsets: Float64[Array, " m"]
    ends: Int64[NDArray[np.int64], "e 2"]
    sides: Int64[NDArray[np.int64], "e 2"]

    def placed(self, posed: PosedLinks) -> Float64[Array, "n 3"]:
        """Vertices in the camera frame (m) for the first hypothesis."""
        # BLAS would start threads here, which cost 4 ms where another process has the other cores
        parts = [np.einsum("ni,ji->nj", self.vertices[s], posed.R[0, k]) + posed.t[0, k] for k, s in self._vertices_of]
        return np.concatenate(parts)

    def nearest(self, posed: PosedLinks) -> float:
        """The least z of all vertices (m, camera frame), or less."""
        return float(min(posed.R[0, k, 2] @ middle + posed.t[0, k, 2] - radius for k, middle, radius in self._balls))

    @cached_property
    def smooth_normals(self) -> Float64[Array, "e 3"]:
        """Sums of the normals of both faces of edges (frames of their links) where these bend the surface softly, else
        zero."""
        planes = np.concatenate([self.normals, np.zeros((1, 3))])[self.sides]
        soft = (planes[:, 0] * planes[:, 1]).sum(axis=1) > SOFT
        return np.where(soft[:, None], planes[:, 0] + planes[:, 1], 0.0)

    @cached_property
    def _vertices_of(self) -> list[tuple[int, slice]]:
        """Links with the vertices that they have."""
        return _stretches(self.links)

    @cached_property
    def _balls(self) -> list[tuple[int, Float64[Array, "3"], float]]:
        """Links with the middle and radius (m) of a ball round their vertices."""
        balls = []
        for link, own in self._vertices_of:
            middle = 0.5 * (self.vertices[own].min(axis=0) + self.vertices[own].max(axis=0))
            balls.append((link, middle, float(np.linalg.norm(self.vertices[own] - middle, axis=1).max())))
        return balls

    @cached_property
    def middle(self) -> Float64[Array, "3"]:
        """Middle of the surface with all angles zero (m, base link's frame)."""
        return self._long[0]

    @cached_property
    def long_axis(self) -> Float64[Array, "3"]:
        """Unit direction of its greatest extent with all angles zero (base link's frame)."""
        return self._long[1]

    @cached_property
    def _long(self) -> tuple[Float64[Array, "3"], Float64[Array, "3"]]:
        still = InstrumentState(np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, self.tree.n_joints)))
        corners = self.placed(pose_links(self.tree, still))[self.faces]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        centers, share = corners.mean(axis=1), area / area.sum()
        middle = share @ centers
        spread = np.einsum("f,fi,fj->ij", share, centers - middle, centers - middle)
        return middle, np.linalg.eigh(spread)[1][:, 2]

    @staticmethod
    def of(model: InstrumentModel) -> ContourModel:
        """Of the links' true shapes (visual meshes). ValueError if no link has a mesh."""
        surfaces = [link.surface() for link in model.links]
        if not any(len(faces) for _, faces in surfaces):
            raise ValueError(f"{model.name}: no link has a mesh, so it has no contour")
        vertices = np.concatenate([v for v, _ in surfaces])
        links = np.repeat(np.arange(len(surfaces)), [len(v) for v, _ in surfaces])
        starts = np.cumsum([0, *(len(v) for v, _ in surfaces[:-1])])
        faces = np.concatenate([f + s for (_, f), s in zip(surfaces, starts, strict=True)])
        normals, offsets = _planes(vertices, faces)
        ends, sides = _edges(faces)
        middles = np.column_stack([vertices[ends].mean(axis=1), 1e3 * links[ends[:, 0]]])  # links are far apart
        order = _near_each_other(middles, np.arange(len(ends)))
        ends, sides = ends[order], sides[order]
        return ContourModel(joint_tree(model), vertices, links, faces.astype(np.int32), normals, offsets, ends, sides)


def _stretches(links: Int64[NDArray[np.int64], " n"]) -> list[tuple[int, slice]]:
    """Links, which come in rising order, and where in an array each has its part."""
    found, starts = np.unique(links, return_index=True)
    return [(int(k), slice(int(a), int(b))) for k, a, b in zip(found, starts, [*starts[1:], len(links)], strict=True)]


def _planes(
    vertices: Float64[Array, "n 3"], faces: Int64[NDArray[np.int64], "m 3"]
) -> tuple[Float64[Array, "m 3"], Float64[Array, " m"]]:
    """Unit normals and offsets of faces; those of a face without area are zero."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    size = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.where(size > 0.0, normals / np.maximum(size, 1e-300), 0.0)
    return normals, np.einsum("mi,mi->m", normals, a)


def _edges(
    faces: Int64[NDArray[np.int64], "m 3"],
) -> tuple[Int64[NDArray[np.int64], "e 2"], Int64[NDArray[np.int64], "e 2"]]:
    """Ends of edges, and the faces to their left and right; sides of faces without a partner have none to the right.

    Two faces meet at an edge where they go along it in opposite directions; any number of them may share its ends.
    """
    m = len(faces)
    ways = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    owners = np.tile(np.arange(m), 3)
    back = (ways[:, 0] > ways[:, 1]).astype(np.int64)
    low, high = ways.min(axis=1), ways.max(axis=1)
    order = np.lexsort((back, high, low))
    fresh = np.r_[True, (np.diff(np.stack([low, high, back])[:, order], axis=1) != 0).any(axis=0)]
    starts = np.flatnonzero(fresh)
    rank = np.empty(3 * m, dtype=np.int64)
    rank[order] = np.arange(3 * m) - starts[np.cumsum(fresh) - 1]
    order = np.lexsort((back, rank, high, low))
    key = np.stack([low, high, rank])[:, order]
    first = np.flatnonzero(np.r_[True, (np.diff(key, axis=1) != 0).any(axis=0)])
    paired = np.diff(np.r_[first, 3 * m]) == 2
    partner = np.where(paired, owners[order[np.minimum(first + 1, 3 * m - 1)]], m)
    return ways[order[first]], np.stack([owners[order[first]], partner], axis=1)


def _near_each_other(
    places: Float64[Array, "n d"], chosen: Int64[NDArray[np.int64], " c"]
) -> Int64[NDArray[np.int64], " c"]:
    """Those chosen in an order in which any stretch is close together: halved across their extent again and again."""
    if len(chosen) <= 8:
        return chosen
    own = places[chosen]
    axis = int(np.ptp(own, axis=0).argmax())
    order = chosen[np.argsort(own[:, axis], kind="stable")]
    half = len(order) // 2
    return np.concatenate([_near_each_other(places, order[:half]), _near_each_other(places, order[half:])])
