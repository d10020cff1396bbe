"""Looking up distances to an articulated instrument, as Warp kernels.

Grids hold distances in millimetres as 16-bit floats, read as their bits. A coarse grid of nodes is divided in blocks of
2 x 2 x 2 cells; where a block has a brick of 9 x 9 x 9 nodes, the brick is read in its place.
"""

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

NO_BRICK = wp.constant(65535)


@wp.struct
class LinkGrid:
    """Where the grid of one link is in the common arrays: nodes along x, y, z, nodes a metre, edge lengths (m).

    `rim` is the least distance (m) on the surface of the grid's box.
    """

    link: wp.int32
    origin: wp.vec3
    per_metre: float
    size: wp.vec3
    rim: float
    nodes: wp.vec3i
    first_node: wp.int32
    first_block: wp.int32
    first_brick: wp.int32


@wp.struct
class Links:
    """Joint tree of `kinematics.JointTree`."""

    parents: wp.array(dtype=wp.int32)
    R: wp.array(dtype=wp.mat33)
    t: wp.array(dtype=wp.vec3)
    axes: wp.array(dtype=wp.vec3)
    multipliers: wp.array2d(dtype=wp.float32)
    offsets: wp.array(dtype=wp.float32)


@wp.func
def turn(axis: wp.vec3, angle: float) -> wp.mat33:
    """Rotation about a unit axis (Rodrigues' formula); the identity for a zero axis."""
    K = wp.skew(axis)
    return wp.identity(n=3, dtype=float) + K * wp.sin(angle) + (K * K) * (1.0 - wp.cos(angle))


@wp.kernel
def place_links(
    tree: Links,
    base_R: wp.array(dtype=wp.mat33),
    base_t: wp.array(dtype=wp.vec3),
    angles: wp.array2d(dtype=wp.float32),
    R: wp.array2d(dtype=wp.mat33),
    t: wp.array2d(dtype=wp.vec3),
) -> None:
    """Forward kinematics, one thread a pose: link frames in the camera frame."""
    b = wp.tid()
    R[b, 0] = base_R[b]
    t[b, 0] = base_t[b]
    for k in range(tree.parents.shape[0]):
        angle = tree.offsets[k]
        for j in range(angles.shape[1]):
            angle += tree.multipliers[k, j] * angles[b, j]
        parent = tree.parents[k]
        R[b, k + 1] = R[b, parent] * (tree.R[k] * turn(tree.axes[k], angle))
        t[b, k + 1] = t[b, parent] + R[b, parent] * tree.t[k]


@wp.func
def half(bits: wp.uint16) -> float:
    """A finite 16-bit float from its bits, several times quicker than the library's conversion on a CPU."""
    wide = wp.uint32(bits)
    shifted = ((wide & wp.uint32(0x8000)) << wp.uint32(16)) | ((wide & wp.uint32(0x7FFF)) << wp.uint32(13))
    return wp.cast(shifted, wp.float32) * 5.192296858534828e33  # 2^112: the difference of the exponents' biases


@wp.func
def interpolate(values: wp.array(dtype=wp.uint16), at: int, dx: int, dy: int, f: wp.vec3) -> wp.vec4:
    """Tri-linear value and its slopes per cell, from the node `at` on; strides `dx`, `dy`, 1; `f` in 0 to 1."""
    a00 = half(values[at])
    a01 = half(values[at + 1])
    a10 = half(values[at + dy])
    a11 = half(values[at + dy + 1])
    b00 = half(values[at + dx])
    b01 = half(values[at + dx + 1])
    b10 = half(values[at + dx + dy])
    b11 = half(values[at + dx + dy + 1])
    a0 = a00 + (a01 - a00) * f[2]
    a1 = a10 + (a11 - a10) * f[2]
    b0 = b00 + (b01 - b00) * f[2]
    b1 = b10 + (b11 - b10) * f[2]
    a = a0 + (a1 - a0) * f[1]
    b = b0 + (b1 - b0) * f[1]
    dz0 = (a01 - a00) + ((a11 - a10) - (a01 - a00)) * f[1]
    dz1 = (b01 - b00) + ((b11 - b10) - (b01 - b00)) * f[1]
    slope_y = (a1 - a0) + ((b1 - b0) - (a1 - a0)) * f[0]
    return wp.vec4(a + (b - a) * f[0], b - a, slope_y, dz0 + (dz1 - dz0) * f[0])


@wp.func
def cell_of(x: float, cells: int) -> int:
    """Cell of a coordinate in cells, the last one at the far end."""
    return wp.clamp(int(x), 0, cells - 1)


@wp.func
def sample(
    grid: LinkGrid,
    nodes: wp.array(dtype=wp.uint16),
    blocks: wp.array(dtype=wp.uint16),
    bricks: wp.array(dtype=wp.uint16),
    x: wp.vec3,
) -> wp.vec4:
    """Distance (m) and gradient at a place within the grid, in cells from its first node."""
    cx = cell_of(x[0], grid.nodes[0] - 1)
    cy = cell_of(x[1], grid.nodes[1] - 1)
    cz = cell_of(x[2], grid.nodes[2] - 1)
    bx = cx >> 1
    by = cy >> 1
    bz = cz >> 1
    blocks_y = grid.nodes[1] >> 1
    blocks_z = grid.nodes[2] >> 1
    brick = int(blocks[grid.first_block + (bx * blocks_y + by) * blocks_z + bz])
    if brick == NO_BRICK:
        dy = grid.nodes[2]
        dx = grid.nodes[1] * dy
        f = wp.vec3(x[0] - float(cx), x[1] - float(cy), x[2] - float(cz))
        v = interpolate(nodes, grid.first_node + cx * dx + cy * dy + cz, dx, dy, f)
        per = 1.0e-3 * grid.per_metre
        return wp.vec4(v[0] * 1.0e-3, v[1] * per, v[2] * per, v[3] * per)
    ux = (x[0] - float(2 * bx)) * 4.0
    uy = (x[1] - float(2 * by)) * 4.0
    uz = (x[2] - float(2 * bz)) * 4.0
    ix = cell_of(ux, 8)
    iy = cell_of(uy, 8)
    iz = cell_of(uz, 8)
    at = (grid.first_brick + brick) * 729 + ix * 81 + iy * 9 + iz
    v = interpolate(bricks, at, 81, 9, wp.vec3(ux - float(ix), uy - float(iy), uz - float(iz)))
    per = 4.0e-3 * grid.per_metre
    return wp.vec4(v[0] * 1.0e-3, v[1] * per, v[2] * per, v[3] * per)


@wp.func
def at_least(grid: LinkGrid, nodes: wp.array(dtype=wp.uint16), held: wp.vec3) -> float:
    """No more than the distance (m) at a place within the grid: that of the nearest node less the way there."""
    x = held * grid.per_metre
    i, j, k = int(x[0] + 0.5), int(x[1] + 0.5), int(x[2] + 0.5)
    node = half(nodes[grid.first_node + (i * grid.nodes[1] + j) * grid.nodes[2] + k])
    return node * 1.0e-3 - 1.25 / grid.per_metre


@wp.kernel
def look_up(
    grids: wp.array(dtype=LinkGrid),
    nodes: wp.array(dtype=wp.uint16),
    blocks: wp.array(dtype=wp.uint16),
    bricks: wp.array(dtype=wp.uint16),
    R: wp.array2d(dtype=wp.mat33),
    t: wp.array2d(dtype=wp.vec3),
    points: wp.array2d(dtype=wp.vec3),
    strands: int,
    distance: wp.array2d(dtype=wp.float32),
    gradient: wp.array2d(dtype=wp.vec3),
    link: wp.array2d(dtype=wp.int32),
) -> None:
    """Distance (m), gradient (camera frame) and nearest link of each point.

    Each thread takes every `strands`th point. Outside a link's grid the value is the distance to the grid's box plus
    the value at the nearest point of it, which is never less than `rim`: links that cannot be nearer than what is found
    already are left out.
    """
    b, strand = wp.tid()
    for i in range(strand, points.shape[1], strands):
        distance[b, i] = 1.0e30
    for k in range(grids.shape[0]):
        grid = grids[k]
        Rk = R[b, grid.link]
        shift = grid.origin + t[b, grid.link] * Rk
        for i in range(strand, points.shape[1], strands):
            local = points[b, i] * Rk - shift
            held = wp.vec3(
                wp.clamp(local[0], 0.0, grid.size[0]),
                wp.clamp(local[1], 0.0, grid.size[1]),
                wp.clamp(local[2], 0.0, grid.size[2]),
            )
            off = local - held
            outside = wp.length(off)
            bound = outside + grid.rim
            if outside == 0.0:
                bound = at_least(grid, nodes, held)
            nearest = distance[b, i]
            if bound < nearest:
                v = sample(grid, nodes, blocks, bricks, held * grid.per_metre)
                value = outside + v[0]
                if value < nearest:
                    slope = wp.vec3(v[1], v[2], v[3])
                    if outside > 0.0:
                        per = 1.0 / outside
                        slope = wp.vec3(
                            wp.where(off[0] != 0.0, off[0] * per, v[1]),
                            wp.where(off[1] != 0.0, off[1] * per, v[2]),
                            wp.where(off[2] != 0.0, off[2] * per, v[3]),
                        )
                    distance[b, i] = value
                    gradient[b, i] = Rk * slope
                    link[b, i] = grid.link
