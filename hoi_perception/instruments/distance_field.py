"""Signed distance fields of links: what they hold, and how they are built from a mesh.

A field is a grid of nodes 0.5 mm apart round the link with a margin of 8 mm, coarser where that would not fit in the
memory allowed, and bricks four times as fine in those blocks of 2 x 2 x 2 cells in which interpolation of the coarse
nodes misses the surface: at edges, tips and thin blades (after Frisken et al., Adaptively sampled distance fields,
SIGGRAPH 2000). Distances are negative inside. Both are 16-bit floats in millimetres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float16, Float32, Float64, Int64, UInt16
from numpy.typing import NDArray

NO_BRICK = 65535
BLOCK = 2
"""Cells along the side of a block."""
FINER = 4
"""Brick cells along the side of a cell."""
BRICK = BLOCK * FINER + 1
"""Nodes along the side of a brick."""


@dataclass(frozen=True)
class FieldLimits:
    """How finely a field is sampled, and what it may cost."""

    spacing: float = 0.0005
    """m between coarse nodes where the memory allows it."""
    margin: float = 0.008
    """m round the link's box."""
    tolerance: float = 0.00002
    """m by which interpolation may miss the surface before a block gets a brick."""
    max_bytes: int = 8_000_000
    """Of coarse nodes, table of blocks and bricks together."""
    max_coarse_bytes: int = 6_000_000
    """Of coarse nodes and table of blocks; a body that needs more gets a larger spacing."""


@dataclass(frozen=True)
class DistanceField:
    """Distances (mm) at nodes and in bricks; node (i, j, k) is at `origin` + `spacing` (i, j, k) in the link's frame.

    `blocks` holds the brick of each block of cells, NO_BRICK for none.
    """

    origin: Float32[NDArray[np.float32], "3"]
    spacing: float
    nodes: Float16[NDArray[np.float16], "x y z"]
    blocks: UInt16[NDArray[np.uint16], "bx by bz"]
    bricks: Float16[NDArray[np.float16], "k 9 9 9"]

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.nodes.nbytes + self.blocks.nbytes + self.bricks.nbytes

    @property
    def size(self) -> Float64[NDArray[np.float64], "3"]:
        """Edge lengths of the box, m."""
        return (np.array(self.nodes.shape) - 1) * self.spacing


def interpolate(
    values: Float[NDArray[np.floating], "x y z"], at: Float64[NDArray[np.float64], "n 3"]
) -> Float64[NDArray[np.float64], " n"]:
    """Tri-linear interpolation at places given in cells from the first node."""
    cell = np.clip(at.astype(np.int64), 0, np.array(values.shape) - 2)
    f = at - cell
    flat = values.reshape(-1)
    _, ny, nz = values.shape
    first = (cell[:, 0] * ny + cell[:, 1]) * nz + cell[:, 2]
    total = np.zeros(len(at))
    for corner in range(8):
        i, j, k = corner >> 2, (corner >> 1) & 1, corner & 1
        weight = (f[:, 0] if i else 1 - f[:, 0]) * (f[:, 1] if j else 1 - f[:, 1]) * (f[:, 2] if k else 1 - f[:, 2])
        total += weight * flat[first + (i * ny + j) * nz + k]
    return total


@dataclass(frozen=True)
class Lattice:
    """Nodes of a coarse grid: the first one, the spacing (m), how many along x, y, z (odd)."""

    origin: Float32[NDArray[np.float32], "3"]
    spacing: float
    shape: tuple[int, int, int]


def lattice_round(vertices: Float64[NDArray[np.float64], "n 3"], limits: FieldLimits) -> Lattice:
    """The lattice for a body: as fine as asked, or as the memory allows."""
    low = vertices.min(axis=0) - limits.margin
    span = np.ptp(vertices, axis=0) + 2 * limits.margin
    bytes_per_node = 2 + 2 / BLOCK**3
    spacing = max(limits.spacing, (np.prod(span) * bytes_per_node / limits.max_coarse_bytes) ** (1 / 3))
    while True:
        blocks = np.ceil(span / (BLOCK * spacing)).astype(int) + 1
        nodes = BLOCK * blocks + 1
        if 2 * (np.prod(nodes) + np.prod(blocks)) <= limits.max_coarse_bytes or len(vertices) == 0:
            break
        spacing *= 1.01
    # A little off any round number: lines of nodes then never run along edges and through vertices.
    slack = BLOCK * spacing * blocks - span
    origin = (low - 0.5 * slack * np.array([0.98765, 1.01934, 0.99191])).astype(np.float32)
    return Lattice(origin, float(np.float32(spacing)), (int(nodes[0]), int(nodes[1]), int(nodes[2])))


Corners = Float64[NDArray[np.float64], "m 3 3"]


def subdivided(
    vertices: Float64[NDArray[np.float64], "n 3"],
    faces: Int64[NDArray[np.int64], "m 3"],
    too_large: Callable[[Corners], Bool[NDArray[np.bool_], " m"]],
) -> tuple[Float64[NDArray[np.float64], "_ 3"], Int64[NDArray[np.int64], "_ 3"], Int64[NDArray[np.int64], " _"]]:
    """Faces cut in two at their longest edge until none is `too_large`, and the face each came from."""
    parents = np.arange(len(faces))
    done_faces, done_parents = [faces[:0]], [parents[:0]]
    while len(faces):
        large = too_large(vertices[faces])
        done_faces.append(faces[~large])
        done_parents.append(parents[~large])
        parents = np.concatenate([parents[large], parents[large]])
        vertices, faces = bisected(vertices, faces[large])
    return vertices, np.concatenate(done_faces), np.concatenate(done_parents)


def bisected(
    vertices: Float64[NDArray[np.float64], "n 3"], faces: Int64[NDArray[np.int64], "m 3"]
) -> tuple[Float64[NDArray[np.float64], "_ 3"], Int64[NDArray[np.int64], "_ 3"]]:
    """Faces cut in two at their longest edge: all first halves, then all second ones; vertices are added at the end."""
    longest = edge_lengths(vertices[faces]).argmax(axis=1)
    turned = np.take_along_axis(faces, (longest[:, None] + np.arange(3)) % 3, axis=1)
    ends = np.sort(turned[:, :2], axis=1)  # faces on both sides of an edge share the new vertex
    cut, middle = np.unique(ends[:, 0] * len(vertices) + ends[:, 1], return_inverse=True)
    middle = middle.ravel() + len(vertices)
    added = 0.5 * (vertices[cut // len(vertices)] + vertices[cut % len(vertices)])
    first = np.stack([turned[:, 0], middle, turned[:, 2]], axis=1)
    second = np.stack([middle, turned[:, 1], turned[:, 2]], axis=1)
    return np.concatenate([vertices, added]), np.concatenate([first, second])


def filling_boxes_badly(cell: float) -> Callable[[Corners], Bool[NDArray[np.bool_], " m"]]:
    """True for faces, long and slanting, whose box has many times the cells that are near the face."""

    def badly(corners: Corners) -> Bool[NDArray[np.bool_], " m"]:
        boxes = ((corners.max(axis=1) - corners.min(axis=1)) / cell + 2.0).prod(axis=1)
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        near = 3.0 * area / cell**2 + 9.0 * edge_lengths(corners).max(axis=1) / cell + 27.0
        return np.asarray((boxes > 6.0 * near) & (boxes > 1000.0))

    return badly


def edge_lengths(corners: Corners) -> Float64[NDArray[np.float64], "m 3"]:
    """Lengths of the edges from corners 0, 1, 2 to the next."""
    return np.asarray(np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2))


def surface_samples(
    vertices: Float64[NDArray[np.float64], "n 3"], faces: Int64[NDArray[np.int64], "m 3"], gap: float
) -> Float64[NDArray[np.float64], "_ 3"]:
    """Places on a mesh no farther apart than about `gap`: its vertices, points on its edges and within its faces."""
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges = np.unique(ends[:, 0] * len(vertices) + ends[:, 1])
    start = vertices[edges // len(vertices)]
    along = vertices[edges % len(vertices)] - start
    edge, share = _spread(np.linalg.norm(along, axis=1) / gap)
    corners = vertices[faces]
    sides = corners[:, 1:] - corners[:, :1]
    area = 0.5 * np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    face, u = _spread(area / gap**2)
    v = (0.5 + 0.7548776662466927 * np.arange(len(face))) % 1.0
    u, v = np.where(u + v > 1.0, [1.0 - u, 1.0 - v], [u, v])
    within = corners[face, 0] + u[:, None] * sides[face, 0] + v[:, None] * sides[face, 1]
    return np.concatenate([vertices[np.unique(faces)], start[edge] + share[:, None] * along[edge], within])


def _spread(amounts: Float64[NDArray[np.float64], " n"]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each index as often as its amount, rounded down, says, with even shares strictly between 0 and 1."""
    counts = amounts.astype(np.int64)
    index = np.repeat(np.arange(len(counts)), counts)
    rank = np.arange(len(index)) - np.repeat(np.cumsum(counts) - counts, counts)
    return index, (rank + 1.0) / (counts[index] + 1.0)
