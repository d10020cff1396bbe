"""What the contour of an instrument is computed from: the meshes of its links as one, and the edges between faces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import warp as wp
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
FLAT = 1e-9
"""1 - cosine between faces below which the edge between them is never part of a contour."""


@dataclass(frozen=True, eq=False)
class ContourModel:
    """Vertices (m, in the frames of `links`), faces, and the edges that can be part of a contour.

    Edge e joins the vertices `ends[e]` of one link; it is seen as contour from where exactly one of the planes of its
    two faces, `normals[e, i] · x = offsets[e, i]` (unit normals outward, m), faces the eye.
    """

    tree: JointTree
    vertices: Float64[Array, "n 3"]
    links: Int64[NDArray[np.int64], " n"]
    faces: Int32[NDArray[np.int32], "m 3"]
    ends: Int64[NDArray[np.int64], "e 2"]
    normals: Float64[Array, "e 2 3"]
    offsets: Float64[Array, "e 2"]

    def placed(self, posed: PosedLinks) -> Float64[Array, "n 3"]:
        """Vertices in the camera frame (m) for the first hypothesis."""
        # BLAS would start threads here, which cost 4 ms where another process has the other cores
        parts = [np.einsum("ni,ji->nj", self.vertices[s], posed.R[0, k]) + posed.t[0, k] for k, s in self._vertices_of]
        return np.concatenate(parts)

    def turning(self, posed: PosedLinks) -> Int64[NDArray[np.int64], " s"]:
        """Edges between a face that the camera sees and one that it does not."""
        eyes = [-posed.R[0, k].T @ posed.t[0, k] for k, _ in self._edges_of]
        ahead = [np.einsum("pi,i->p", self._planes[s], e) for e, (_, s) in zip(eyes, self._edges_of, strict=True)]
        seen = np.concatenate(ahead).reshape(-1, 2) > self.offsets
        return np.flatnonzero(seen[:, 0] != seen[:, 1])

    @cached_property
    def _planes(self) -> Float64[Array, "p 3"]:
        """Normals, one after the other."""
        return self.normals.reshape(-1, 3)

    @cached_property
    def _vertices_of(self) -> list[tuple[int, slice]]:
        """Links with the vertices that they have."""
        return _stretches(self.links)

    @cached_property
    def _edges_of(self) -> list[tuple[int, slice]]:
        """Links with the planes of the edges that they have."""
        return [(link, slice(2 * s.start, 2 * s.stop)) for link, s in _stretches(self.links[self.ends[:, 0]])]

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

    @cached_property
    def device_faces(self) -> wp.array:
        """Faces for kernels on the CPU."""
        return wp.array(self.faces, dtype=wp.vec3i, device="cpu")

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
        ends, normals, offsets = _edges(vertices, faces)
        return ContourModel(joint_tree(model), vertices, links, faces.astype(np.int32), ends, normals, offsets)


def _stretches(links: Int64[NDArray[np.int64], " n"]) -> list[tuple[int, slice]]:
    """Links, which come in rising order, and where in an array each has its part."""
    found, starts = np.unique(links, return_index=True)
    return [(int(k), slice(int(a), int(b))) for k, a, b in zip(found, starts, [*starts[1:], len(links)], strict=True)]


def _edges(
    vertices: Float64[Array, "n 3"], faces: Int64[NDArray[np.int64], "m 3"]
) -> tuple[Int64[NDArray[np.int64], "e 2"], Float64[Array, "e 2 3"], Float64[Array, "e 2"]]:
    """Edges between two faces that are not in one plane, with both planes; at an open edge the second faces away."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    area = np.linalg.norm(normals, axis=1)
    kept = area > 0.0
    faces, a, normals = faces[kept], a[kept], normals[kept] / area[kept, None]
    offsets = np.einsum("mi,mi->m", normals, a)
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owners = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    ends, owners = ends[order], owners[order]
    fresh = np.r_[True, (ends[1:] != ends[:-1]).any(axis=1)]
    first = np.flatnonzero(fresh)
    counts = np.diff(np.r_[first, len(ends)])
    second = np.where(counts > 1, first + 1, first)
    sign = np.where(counts > 1, 1.0, -1.0)[:, None]
    planes = np.stack([normals[owners[first]], sign * normals[owners[second]]], axis=1)
    levels = np.stack([offsets[owners[first]], sign[:, 0] * offsets[owners[second]]], axis=1)
    bent = np.einsum("ei,ei->e", planes[:, 0], planes[:, 1]) < 1.0 - FLAT
    return ends[first][bent], planes[bent], levels[bent]
