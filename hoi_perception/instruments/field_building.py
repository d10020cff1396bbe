"""Building distance fields: nearest faces by splatting and sweeping, signs by winding numbers along lines."""

from __future__ import annotations

import numpy as np
import warp as wp
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt64
from numpy.typing import NDArray

from hoi_perception.instruments.distance_field import (
    BLOCK,
    BRICK,
    FINER,
    NO_BRICK,
    DistanceField,
    FieldLimits,
    Lattice,
    filling_boxes_badly,
    interpolate,
    lattice_round,
    subdivided,
    surface_samples,
)
from hoi_perception.instruments.union_surface import outer_surface
from hoi_perception.kernels import distance_build as kernels

Vertices = Float64[NDArray[np.float64], "n 3"]
Faces = Int64[NDArray[np.int64], "m 3"]

BAND = 1.01
"""Spacings within which nodes see a face directly; from there on nearest faces are carried along lines."""
ROUNDS = 3
"""Times that nearest faces are carried along all three axes."""
GATHERED = 2
"""Times after that in which each node walks over the mesh to nearer faces, then looks at its neighbours' faces."""
WALK = 24
"""Faces of such a walk at most."""
SAMPLE_GAP = 1.0
"""Spacings between places where the surface is compared with the coarse field."""


NEAR_MM = 1.0
"""Distance up to which the field is refined off the surface."""
WITHIN_WEIGHT = 0.5
"""What a miss off the surface counts beside one on it."""


def build_field(vertices: Vertices, faces: Faces, limits: FieldLimits | None = None) -> DistanceField:
    """Field of a closed mesh (m), faces counter-clockwise seen from outside; parts may touch and overlap.

    Where the mesh has holes the signs beside them are a vote of the lines along the three axes. ValueError for a mesh
    without faces.
    """
    if len(faces) == 0:
        raise ValueError("a distance field needs a mesh with faces")
    limits = limits or FieldLimits()
    lattice = lattice_round(vertices[np.unique(faces)], limits)
    solid = faces
    vertices, outer = outer_surface(vertices, faces, 2.0 * lattice.spacing)
    vertices, pieces, _ = subdivided(vertices, outer, filling_boxes_badly(lattice.spacing))
    device_vertices = wp.array(vertices.astype(np.float32), dtype=wp.vec3, device="cpu")
    keys = nearest_faces(device_vertices, pieces, lattice)
    winding = winding_numbers(device_vertices, solid, lattice)
    distances = signed_mm(keys, winding > 0)
    chosen = blocks_to_refine(vertices, pieces, distances, lattice, limits)
    blocks = np.full(tuple((n - 1) // BLOCK for n in lattice.shape), NO_BRICK, dtype=np.uint16)
    blocks[tuple(chosen.T)] = np.arange(len(chosen))
    bricks = fill_bricks(vertices, device_vertices, solid, pieces, chosen, blocks, keys, winding, lattice)
    return DistanceField(lattice.origin, lattice.spacing, distances.astype(np.float16), blocks, bricks)


def nearest_faces(vertices: wp.array, faces: Faces, lattice: Lattice) -> UInt64[NDArray[np.uint64], "x y z"]:
    """Key of the nearest face at each node."""
    keys = wp.zeros(lattice.shape, dtype=wp.uint64, device="cpu")
    device_faces = _faces(faces)
    where = [wp.vec3(*lattice.origin), lattice.spacing]
    inputs = [vertices, device_faces, *where, BAND * lattice.spacing]
    wp.launch(kernels.splat, dim=len(faces), inputs=inputs, outputs=[keys], device="cpu")
    nx, ny, nz = lattice.shape
    for _ in range(ROUNDS):
        for axis, dim in enumerate(((ny, nz), (nx, nz), (nx, ny))):
            inputs = [vertices, device_faces, *where, axis]
            wp.launch(kernels.sweep, dim=dim, inputs=inputs, outputs=[keys], device="cpu")
    beside = wp.array(faces_beside(faces), dtype=wp.vec3i, device="cpu")
    for _ in range(GATHERED):
        inputs = [vertices, device_faces, beside, *where, WALK]
        wp.launch(kernels.descend, dim=lattice.shape, inputs=inputs, outputs=[keys], device="cpu")
        before, keys = keys, wp.empty_like(keys)
        inputs = [vertices, device_faces, *where, before]
        wp.launch(kernels.gather, dim=lattice.shape, inputs=inputs, outputs=[keys], device="cpu")
    return np.asarray(keys.numpy())


def faces_beside(faces: Faces) -> Int32[NDArray[np.int32], "m 3"]:
    """The faces across the three edges of each face, -1 where there is none or more than one."""
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    keys = ends[:, 0] * (int(faces.max()) + 1) + ends[:, 1]
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    single = same & ~np.r_[False, same[:-1]] & ~np.r_[same[1:], False]
    one, two = order[:-1][single], order[1:][single]
    beside = np.full(3 * len(faces), -1, dtype=np.int32)
    beside[one], beside[two] = two % len(faces), one % len(faces)
    return beside.reshape(3, len(faces)).T.copy()


def winding_numbers(vertices: wp.array, faces: Faces, lattice: Lattice) -> Int32[NDArray[np.int32], "x y z"]:
    """How often the mesh winds round each node; where a mesh with holes leaves a line open, by another axis."""
    result = np.zeros(lattice.shape, dtype=np.int32)
    votes, voters = np.zeros(lattice.shape, dtype=np.int8), np.zeros(lattice.shape, dtype=np.int8)
    device_faces = _faces(faces)
    for axis in range(3):
        n, nv, nw = (lattice.shape[(axis + k) % 3] for k in range(3))
        steps = wp.zeros((nv, nw, n + 1), dtype=wp.int32, device="cpu")
        inputs = [vertices, device_faces, wp.vec3(*lattice.origin), lattice.spacing, axis]
        wp.launch(kernels.count_crossings, dim=len(faces), inputs=inputs, outputs=[steps], device="cpu")
        along = np.cumsum(steps.numpy(), axis=2, dtype=np.int32)
        closed = np.broadcast_to(along[:, :, -1:] == 0, (nv, nw, n))
        order = tuple((k - axis - 1) % 3 for k in range(3))
        numbers, valid = along[:, :, :-1].transpose(order), closed.transpose(order)
        votes += valid * (2 * (numbers > 0) - 1).astype(np.int8)
        fresh = valid & (voters == 0)
        result[fresh] = numbers[fresh]
        voters += valid
    inside = votes > 0
    wrong = (result > 0) != inside
    result[wrong] = inside[wrong]
    return result


def signed_mm(
    keys: UInt64[NDArray[np.uint64], "*s"], inside: Bool[NDArray[np.bool_], "*s"]
) -> Float32[NDArray[np.float32], "*s"]:
    """Distances of keys in mm, negative inside."""
    squared = (~(keys >> np.uint64(32)).astype(np.uint32)).view(np.float32)
    distance = np.sqrt(squared) * np.float32(1000.0)
    return np.where(inside, -distance, distance)


def blocks_to_refine(
    vertices: Vertices,
    faces: Faces,
    distances: Float32[NDArray[np.float32], "x y z"],
    lattice: Lattice,
    limits: FieldLimits,
) -> Int64[NDArray[np.int64], "k 3"]:
    """Blocks in which interpolation misses the surface, or distances near it bend: the worst, as the memory allows."""
    places = surface_samples(vertices, faces, SAMPLE_GAP * lattice.spacing)
    at = (places - lattice.origin) / lattice.spacing
    misses = np.abs(interpolate(distances.astype(np.float16), at))
    shape = tuple((n - 1) // BLOCK for n in lattice.shape)
    block = np.clip((at / BLOCK).astype(np.int64), 0, np.array(shape) - 1)
    worst = np.zeros(shape)
    np.maximum.at(worst, tuple(block.T), misses)
    worst = np.maximum(worst, WITHIN_WEIGHT * bends(distances, NEAR_MM))
    room = (limits.max_bytes - 2 * (distances.size + worst.size)) // (2 * BRICK**3)
    order = np.argsort(-worst, axis=None, kind="stable")[: max(0, min(room, NO_BRICK))]
    order = order[worst.reshape(-1)[order] > 1000.0 * limits.tolerance]
    return np.stack(np.unravel_index(order, shape), axis=1).astype(np.int64)


def bends(distances: Float32[NDArray[np.float32], "x y z"], near: float) -> Float64[NDArray[np.float64], "bx by bz"]:
    """About how much (mm) interpolation is off in each block, from the second differences of nodes `near` the surface.

    It is large along medial surfaces, where distances have a crease: in the middle of thin parts and in corners.
    """
    off = np.zeros(distances.shape, dtype=np.float32)
    for axis in range(3):
        line = np.moveaxis(distances, axis, 0)
        np.moveaxis(off, axis, 0)[1:-1] += np.abs(line[:-2] - 2.0 * line[1:-1] + line[2:]) / 8.0
    off[np.abs(distances) > near] = 0.0
    for axis in range(3):
        line = np.moveaxis(off, axis, 0)
        off = np.moveaxis(np.maximum(np.maximum(line[0:-1:2], line[1::2]), line[2::2]), 0, axis)
    return off.astype(np.float64)


def fill_bricks(
    vertices: Vertices,
    device_vertices: wp.array,
    solid: Int64[NDArray[np.int64], "s 3"],
    outer: Int64[NDArray[np.int64], "o 3"],
    chosen: Int64[NDArray[np.int64], "k 3"],
    blocks: NDArray[np.uint16],
    keys: UInt64[NDArray[np.uint64], "x y z"],
    winding: Int32[NDArray[np.int32], "x y z"],
    lattice: Lattice,
) -> NDArray[np.float16]:
    """Distances (mm) at the nodes of the bricks of the blocks `chosen`."""
    count, fine = len(chosen), lattice.spacing / FINER
    if count == 0:
        return np.zeros((0, BRICK, BRICK, BRICK), dtype=np.float16)
    first = BLOCK * chosen
    around = np.stack(np.meshgrid(*[np.arange(BLOCK + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    nodes = first[:, None] + around
    corner_faces = ~keys[tuple(np.moveaxis(nodes, -1, 0))].astype(np.uint32)
    origins = lattice.origin + first.astype(np.float32) * np.float32(lattice.spacing)
    solid_starts, solid_list = faces_of_blocks(vertices, solid, blocks, lattice, 0.0, count)
    outer_starts, outer_list = faces_of_blocks(vertices, outer, blocks, lattice, BAND * fine, count)
    fine_keys = wp.zeros((count, BRICK**3), dtype=wp.uint64, device="cpu")
    fine_winding = wp.zeros((count, BRICK**3), dtype=wp.int32, device="cpu")
    inputs = [
        device_vertices,
        _faces(solid),
        _faces(outer),
        wp.array(corner_faces.view(np.int32), dtype=wp.int32, device="cpu"),
        wp.array(origins, dtype=wp.vec3, device="cpu"),
        wp.array(winding[tuple(first.T)], dtype=wp.int32, device="cpu"),
        fine,
        BAND * fine,
        *(wp.array(a, dtype=wp.int32, device="cpu") for a in (solid_starts, solid_list, outer_starts, outer_list)),
    ]
    wp.launch(kernels.fill_bricks, dim=count, inputs=inputs, outputs=[fine_keys, fine_winding], device="cpu")
    distances = signed_mm(fine_keys.numpy(), fine_winding.numpy() > 0)
    return distances.astype(np.float16).reshape(count, BRICK, BRICK, BRICK)


def faces_of_blocks(
    vertices: Vertices, faces: Faces, blocks: NDArray[np.uint16], lattice: Lattice, room: float, count: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Faces whose box with `room` round it meets each brick's block: starts (count + 1) and one list."""
    side = BLOCK * lattice.spacing
    vertices, pieces, parents = subdivided(vertices, faces, filling_boxes_badly(side))
    corners = (vertices[pieces] - lattice.origin) / side
    slack = room / side + 1e-4
    low = np.clip(np.floor(corners.min(axis=1) - slack).astype(np.int64), 0, np.array(blocks.shape) - 1)
    high = np.clip(np.floor(corners.max(axis=1) + slack).astype(np.int64), 0, np.array(blocks.shape) - 1)
    extent = high - low + 1
    number = extent.prod(axis=1)
    piece = np.repeat(np.arange(len(pieces)), number)
    rank = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    ey, ez = extent[piece, 1], extent[piece, 2]
    place = low[piece] + np.stack([rank // (ey * ez), rank // ez % ey, rank % ez], axis=1)
    brick = blocks[tuple(place.T)].astype(np.int64)
    kept = brick != NO_BRICK
    pairs = np.unique(brick[kept] * len(faces) + parents[piece[kept]])
    starts = np.searchsorted(pairs, np.arange(count + 1) * len(faces))
    return starts.astype(np.int32), (pairs % len(faces)).astype(np.int32)


def _faces(faces: Faces) -> wp.array:
    return wp.array(faces.astype(np.int32), dtype=wp.vec3i, device="cpu")
