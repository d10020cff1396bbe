"""Filling grids of signed distances to a triangle mesh, as Warp kernels.

A key holds a squared distance and the face it is to, as the complement of the float's bits above the complement of the
face's index: the largest key is the nearest face, equal distances fall to the smaller index, zero is empty.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
# Unrolled, the loops over the nodes of a brick take a minute to compile and run no faster.
wp.set_module_options({"enable_backward": False, "max_unroll": 4})

BRICK = wp.constant(9)


@wp.func
def closest_on_triangle(p: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3) -> wp.vec3:
    """Nearest point of a triangle (Ericson, Real-Time Collision Detection, 2005, section 5.1.5)."""
    ab = b - a
    ac = c - a
    ap = p - a
    d1 = wp.dot(ab, ap)
    d2 = wp.dot(ac, ap)
    if d1 <= 0.0 and d2 <= 0.0:
        return a
    bp = p - b
    d3 = wp.dot(ab, bp)
    d4 = wp.dot(ac, bp)
    if d3 >= 0.0 and d4 <= d3:
        return b
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        return a + ab * (d1 / (d1 - d3))
    cp = p - c
    d5 = wp.dot(ab, cp)
    d6 = wp.dot(ac, cp)
    if d6 >= 0.0 and d5 <= d6:
        return c
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        return a + ac * (d2 / (d2 - d6))
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and (d4 - d3) >= 0.0 and (d5 - d6) >= 0.0:
        return b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)))
    total = va + vb + vc
    return a + ab * (vb / total) + ac * (vc / total)


@wp.func
def key_of(p: wp.vec3, face: wp.int32, vertices: wp.array(dtype=wp.vec3), faces: wp.array(dtype=wp.vec3i)) -> wp.uint64:
    """Key of a face as seen from a point."""
    i = faces[face]
    d = p - closest_on_triangle(p, vertices[i[0]], vertices[i[1]], vertices[i[2]])
    high = wp.uint64(~wp.cast(wp.dot(d, d), wp.uint32))
    return (high << wp.uint64(32)) | wp.uint64(~wp.uint32(face))


@wp.func
def face_of(key: wp.uint64) -> wp.int32:
    """Face of a key that is not empty."""
    return wp.int32(~wp.uint32(key & wp.uint64(0xFFFFFFFF)))


@wp.kernel
def splat(
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    origin: wp.vec3,
    spacing: float,
    band: float,
    keys: wp.array3d(dtype=wp.uint64),
) -> None:
    """Enter each face at the nodes within `band` of its box."""
    face = wp.tid()
    i = faces[face]
    a, b, c = vertices[i[0]], vertices[i[1]], vertices[i[2]]
    room = wp.vec3(band, band, band)
    low = (wp.min(a, wp.min(b, c)) - room - origin) / spacing
    high = (wp.max(a, wp.max(b, c)) + room - origin) / spacing
    for x in range(wp.max(int(wp.ceil(low[0])), 0), wp.min(int(wp.floor(high[0])) + 1, keys.shape[0])):
        for y in range(wp.max(int(wp.ceil(low[1])), 0), wp.min(int(wp.floor(high[1])) + 1, keys.shape[1])):
            for z in range(wp.max(int(wp.ceil(low[2])), 0), wp.min(int(wp.floor(high[2])) + 1, keys.shape[2])):
                p = origin + wp.vec3(float(x), float(y), float(z)) * spacing
                key = key_of(p, face, vertices, faces)
                if key > keys[x, y, z]:
                    wp.atomic_max(keys, x, y, z, key)


@wp.func
def better(
    p: wp.vec3,
    key: wp.uint64,
    beside: wp.uint64,
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
) -> wp.uint64:
    """The key of a node, or that of the neighbour's face as seen from here if it is nearer."""
    if beside == wp.uint64(0):
        return key
    face = face_of(beside)
    if key != wp.uint64(0) and face_of(key) == face:
        return key
    return wp.max(key, key_of(p, face, vertices, faces))


@wp.kernel
def sweep(
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    origin: wp.vec3,
    spacing: float,
    axis: int,
    keys: wp.array3d(dtype=wp.uint64),
) -> None:
    """Carry nearest faces along each line of nodes parallel to `axis`, forth and back; one thread a line."""
    i, j = wp.tid()
    count = keys.shape[axis]
    beside = wp.uint64(0)
    for step in range(2 * count):
        k = step
        if step == count:
            beside = wp.uint64(0)
        if step >= count:
            k = 2 * count - 1 - step
        x, y, z = k, i, j
        if axis == 1:
            x, y, z = i, k, j
        if axis == 2:
            x, y, z = i, j, k
        p = origin + wp.vec3(float(x), float(y), float(z)) * spacing
        beside = better(p, keys[x, y, z], beside, vertices, faces)
        keys[x, y, z] = beside


@wp.kernel
def gather(
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    origin: wp.vec3,
    spacing: float,
    before: wp.array3d(dtype=wp.uint64),
    keys: wp.array3d(dtype=wp.uint64),
) -> None:
    """The nearest of the faces that a node and its 26 neighbours found."""
    x, y, z = wp.tid()
    p = origin + wp.vec3(float(x), float(y), float(z)) * spacing
    key = before[x, y, z]
    last = key
    for i in range(wp.max(x - 1, 0), wp.min(x + 2, before.shape[0])):
        for j in range(wp.max(y - 1, 0), wp.min(y + 2, before.shape[1])):
            for k in range(wp.max(z - 1, 0), wp.min(z + 2, before.shape[2])):
                beside = before[i, j, k]
                if wp.uint32(beside & wp.uint64(0xFFFFFFFF)) != wp.uint32(last & wp.uint64(0xFFFFFFFF)):
                    key = better(p, key, beside, vertices, faces)
                    last = beside
    keys[x, y, z] = key


@wp.kernel
def descend(
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    beside: wp.array(dtype=wp.vec3i),
    origin: wp.vec3,
    spacing: float,
    steps: int,
    keys: wp.array3d(dtype=wp.uint64),
) -> None:
    """Walk from the face of each node over the mesh to faces that are nearer, `steps` faces at most.

    Nodes farther out see only faces that a node beside the surface found, and of small faces that is one of many.
    """
    x, y, z = wp.tid()
    p = origin + wp.vec3(float(x), float(y), float(z)) * spacing
    key = keys[x, y, z]
    came_from = wp.int32(-1)
    for _ in range(steps):
        here = face_of(key)
        around = beside[here]
        best = key
        for k in range(3):
            if around[k] >= 0 and around[k] != came_from:
                best = wp.max(best, key_of(p, around[k], vertices, faces))
        if best == key:
            break
        came_from = here
        key = best
    keys[x, y, z] = key


@wp.func
def side_of(ay: float, az: float, by: float, bz: float, y: float, z: float) -> float:
    """Twice the area of a triangle in the plane; signs differ for its two directions, bit by bit."""
    return (by - ay) * (z - az) - (bz - az) * (y - ay)


@wp.func
def left_of(ia: int, ib: int, ay: float, az: float, by: float, bz: float, y: float, z: float) -> bool:
    """True where the point is to the left of the edge; of the two faces at an edge, exactly one gets a point on it."""
    if ia < ib:
        return side_of(ay, az, by, bz, y, z) >= 0.0
    return side_of(by, bz, ay, az, y, z) < 0.0


@wp.func
def crossing(i: wp.vec3i, a: wp.vec3, b: wp.vec3, c: wp.vec3, u: int, v: int, w: int, y: float, z: float) -> wp.vec2:
    """Where the line along axis `u` at (y, z) on axes `v`, `w` crosses a face, and +1 or -1 for in or out; else 0."""
    ab = left_of(i[0], i[1], a[v], a[w], b[v], b[w], y, z)
    bc = left_of(i[1], i[2], b[v], b[w], c[v], c[w], y, z)
    ca = left_of(i[2], i[0], c[v], c[w], a[v], a[w], y, z)
    if ab != bc or bc != ca:
        return wp.vec2(0.0, 0.0)
    n = wp.cross(b - a, c - a)
    if n[u] == 0.0:
        return wp.vec2(0.0, 0.0)
    x = a[u] - (n[v] * (y - a[v]) + n[w] * (z - a[w])) / n[u]
    low = wp.min(a[u], wp.min(b[u], c[u]))
    high = wp.max(a[u], wp.max(b[u], c[u]))
    entering = 1.0
    if ab:  # counter-clockwise seen against the line: its normal points along the line, which leaves the body
        entering = -1.0
    return wp.vec2(wp.clamp(x, low, high), entering)


@wp.kernel
def count_crossings(
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    origin: wp.vec3,
    spacing: float,
    axis: int,
    steps: wp.array3d(dtype=wp.int32),
) -> None:
    """Add, at the first node past each crossing of the lines along `axis`, how the winding number changes there.

    `steps` is indexed by the two other axes in cyclic order, then by the node along `axis`, with one place more.
    """
    face = wp.tid()
    v = (axis + 1) % 3
    w = (axis + 2) % 3
    i = faces[face]
    a, b, c = vertices[i[0]], vertices[i[1]], vertices[i[2]]
    low = (wp.min(a, wp.min(b, c)) - origin) / spacing
    high = (wp.max(a, wp.max(b, c)) - origin) / spacing
    for j in range(wp.max(int(wp.floor(low[v])), 0), wp.min(int(wp.ceil(high[v])) + 1, steps.shape[0])):
        for k in range(wp.max(int(wp.floor(low[w])), 0), wp.min(int(wp.ceil(high[w])) + 1, steps.shape[1])):
            y = origin[v] + float(j) * spacing
            z = origin[w] + float(k) * spacing
            hit = crossing(i, a, b, c, axis, v, w, y, z)
            if hit[1] != 0.0:
                node = wp.clamp(int(wp.ceil((hit[0] - origin[axis]) / spacing)), 0, steps.shape[2] - 1)
                wp.atomic_add(steps, j, k, node, int(hit[1]))


@wp.func
def place(n: int, axis: int, j: int, k: int) -> int:
    """Flat index in a brick of node `n` along `axis`, `j` and `k` along the next two axes in cyclic order."""
    if axis == 0:
        return (n * BRICK + j) * BRICK + k
    if axis == 1:
        return (k * BRICK + n) * BRICK + j
    return (j * BRICK + k) * BRICK + n


@wp.kernel
def fill_bricks(
    vertices: wp.array(dtype=wp.vec3),
    solid_faces: wp.array(dtype=wp.vec3i),
    outer_faces: wp.array(dtype=wp.vec3i),
    corner_faces: wp.array2d(dtype=wp.int32),
    brick_origins: wp.array(dtype=wp.vec3),
    brick_winding: wp.array(dtype=wp.int32),
    spacing: float,
    band: float,
    solid_starts: wp.array(dtype=wp.int32),
    solid_list: wp.array(dtype=wp.int32),
    outer_starts: wp.array(dtype=wp.int32),
    outer_list: wp.array(dtype=wp.int32),
    keys: wp.array2d(dtype=wp.uint64),
    winding: wp.array2d(dtype=wp.int32),
) -> None:
    """Nearest faces and winding numbers at the 9 x 9 x 9 nodes of each brick, one thread a brick.

    Nodes start from the faces that the coarse nodes round the brick found. The winding number is known at the first
    node, and walks from there along z, then y, then x, changing at each crossing.
    """
    brick = wp.tid()
    o = brick_origins[brick]
    for s in range(corner_faces.shape[1]):
        face = corner_faces[brick, s]
        fresh = bool(True)
        for r in range(s):
            if corner_faces[brick, r] == face:
                fresh = False
        if fresh:
            for x in range(BRICK):
                for y in range(BRICK):
                    for z in range(BRICK):
                        p = o + wp.vec3(float(x), float(y), float(z)) * spacing
                        n = place(x, 0, y, z)
                        keys[brick, n] = wp.max(keys[brick, n], key_of(p, face, vertices, outer_faces))
    for e in range(outer_starts[brick], outer_starts[brick + 1]):
        splat_in_brick(vertices, outer_faces, outer_list[e], o, spacing, band, brick, keys)
    for axis in range(3):
        sweep_brick(vertices, outer_faces, o, spacing, axis, brick, keys)
    for axis in range(3):
        for e in range(solid_starts[brick], solid_starts[brick + 1]):
            cross_brick(vertices, solid_faces[solid_list[e]], o, spacing, axis, brick, winding)
    # `winding` holds steps along one axis at each node: z where x = y = 0, y where x = 0, else x
    for x in range(BRICK):
        for y in range(BRICK):
            for z in range(BRICK):
                n = place(x, 0, y, z)
                if x > 0:
                    winding[brick, n] += winding[brick, place(x - 1, 0, y, z)]
                elif y > 0:
                    winding[brick, n] += winding[brick, place(0, 0, y - 1, z)]
                elif z > 0:
                    winding[brick, n] += winding[brick, place(0, 0, 0, z - 1)]
                else:
                    winding[brick, n] = brick_winding[brick]


@wp.func
def splat_in_brick(
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    face: int,
    o: wp.vec3,
    spacing: float,
    band: float,
    brick: int,
    keys: wp.array2d(dtype=wp.uint64),
) -> int:
    """Enter one face at the nodes of a brick within `band` of its box."""
    i = faces[face]
    a, b, c = vertices[i[0]], vertices[i[1]], vertices[i[2]]
    room = wp.vec3(band, band, band)
    low = (wp.min(a, wp.min(b, c)) - room - o) / spacing
    high = (wp.max(a, wp.max(b, c)) + room - o) / spacing
    for x in range(wp.max(int(wp.ceil(low[0])), 0), wp.min(int(wp.floor(high[0])) + 1, BRICK)):
        for y in range(wp.max(int(wp.ceil(low[1])), 0), wp.min(int(wp.floor(high[1])) + 1, BRICK)):
            for z in range(wp.max(int(wp.ceil(low[2])), 0), wp.min(int(wp.floor(high[2])) + 1, BRICK)):
                p = o + wp.vec3(float(x), float(y), float(z)) * spacing
                n = place(x, 0, y, z)
                keys[brick, n] = wp.max(keys[brick, n], key_of(p, face, vertices, faces))
    return 0


@wp.func
def sweep_brick(
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    o: wp.vec3,
    spacing: float,
    axis: int,
    brick: int,
    keys: wp.array2d(dtype=wp.uint64),
) -> int:
    """Carry nearest faces along the lines of a brick parallel to `axis`, forth and back."""
    for j in range(BRICK):
        for k in range(BRICK):
            beside = wp.uint64(0)
            for step in range(2 * BRICK):
                n = step
                if step >= BRICK:
                    n = 2 * BRICK - 1 - step
                at = place(n, axis, j, k)
                p = o + wp.vec3(float(at // (BRICK * BRICK)), float((at // BRICK) % BRICK), float(at % BRICK)) * spacing
                beside = better(p, keys[brick, at], beside, vertices, faces)
                keys[brick, at] = beside
    return 0


@wp.func
def cross_brick(
    vertices: wp.array(dtype=wp.vec3),
    i: wp.vec3i,
    o: wp.vec3,
    spacing: float,
    axis: int,
    brick: int,
    winding: wp.array2d(dtype=wp.int32),
) -> int:
    """Add a face's crossings to the steps of those lines of a brick along `axis` on which winding numbers walk."""
    a, b, c = vertices[i[0]], vertices[i[1]], vertices[i[2]]
    v = (axis + 1) % 3
    w = (axis + 2) % 3
    low = (wp.min(a, wp.min(b, c)) - o) / spacing
    high = (wp.max(a, wp.max(b, c)) - o) / spacing
    first_j = wp.max(int(wp.floor(low[v])), 0)
    last_j = wp.min(int(wp.ceil(high[v])), BRICK - 1)
    first_k = wp.max(int(wp.floor(low[w])), 0)
    last_k = wp.min(int(wp.ceil(high[w])), BRICK - 1)
    if axis == 1:  # the next axes are z and x: only x = 0
        last_k = wp.min(last_k, 0)
    if axis == 2:  # the next axes are x and y: only x = y = 0
        last_j = wp.min(last_j, 0)
        last_k = wp.min(last_k, 0)
    for j in range(first_j, last_j + 1):
        for k in range(first_k, last_k + 1):
            hit = crossing(i, a, b, c, axis, v, w, o[v] + float(j) * spacing, o[w] + float(k) * spacing)
            if hit[1] != 0.0:
                n = int(wp.ceil((hit[0] - o[axis]) / spacing))
                if n >= 1 and n < BRICK:
                    at = place(n, axis, j, k)
                    winding[brick, at] = winding[brick, at] + int(hit[1])
    return 0
