"""Residual rows of a joint problem and their derivatives, as one Warp kernel: a row is a scalar at a point of a body.

A row names one or two points, a direction and a weight; its derivative along the tangent of every body that it touches
follows from the direction alone. Kinds of rows, with p and q the points (m, camera frame), u = (x / z, y / z) in the
view that a row names:

- LANDMARK: component c of w (u(p) - m); both components of a landmark share one robust weight;
- DEPTH: w ((p - q) . n / z(q) - m0), the depth of a landmark behind another along a ray, over that one's depth;
- IMAGE: w n . (u(p) - m), a distance in the image along a direction;
- PLANE: w (n . (p - q) - offset), a distance along a direction in space;
- FIELD: w (d(p) - offset), d the signed distance of a hand's point to an instrument.

`hinge` 1 keeps what is positive only, -1 what is negative. A robust scale c > 0 stands for Geman-McClure's
c^2 s / (c^2 + s), s the squared residual; residual and derivative are then multiplied by the root of its slope.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: RUF046, UP018, SIM109

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.bodies import N_HAND, HandRest, Placed, Trees
from hoi_perception.kernels.distance_lookup import LinkGrid, at_least, sample

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

LANDMARK = wp.constant(0)
DEPTH = wp.constant(1)
IMAGE = wp.constant(2)
PLANE = wp.constant(3)
FIELD = wp.constant(4)

NEAREST = wp.constant(wp.float64(0.03))
"""Depth (m) in front of the camera below which a state is refused."""
REFUSED = wp.constant(wp.float64(1.0e30))


@wp.struct
class Skin:
    """Points of hands: where they are at rest with their pose's correction (b, h, point), and the bones they follow.

    Point i of a hand of model m follows the bones from `first[m, i]` to `first[m, i + 1]`.
    """

    rest: wp.array3d(dtype=wp.vec3d)
    model: wp.array(dtype=wp.int32)
    first: wp.array2d(dtype=wp.int32)
    bones: wp.array(dtype=wp.int32)
    weights: wp.array(dtype=wp.float64)


@wp.struct
class Fields:
    """Distance fields of all instruments' links; `first_grid` has one more entry than there are instruments."""

    first_grid: wp.array(dtype=wp.int32)
    grids: wp.array(dtype=LinkGrid)
    nodes: wp.array(dtype=wp.uint16)
    blocks: wp.array(dtype=wp.uint16)
    bricks: wp.array(dtype=wp.uint16)


@wp.struct
class Rows:
    """Table of rows (b, row). Body -1 is the camera: `local` is then a place in its frame. Hands come first.

    `point` is an index into a hand's points or an instrument's links, `local` a place in that link.
    """

    count: wp.array(dtype=wp.int32)
    kind: wp.array2d(dtype=wp.int32)
    view: wp.array2d(dtype=wp.int32)
    body_p: wp.array2d(dtype=wp.int32)
    point_p: wp.array2d(dtype=wp.int32)
    local_p: wp.array2d(dtype=wp.vec3d)
    body_q: wp.array2d(dtype=wp.int32)
    point_q: wp.array2d(dtype=wp.int32)
    local_q: wp.array2d(dtype=wp.vec3d)
    direction: wp.array2d(dtype=wp.vec3d)
    target: wp.array2d(dtype=wp.vec3d)
    weight: wp.array2d(dtype=wp.float64)
    robust: wp.array2d(dtype=wp.float64)
    hinge: wp.array2d(dtype=wp.int32)


@wp.struct
class Views:
    """Cameras: p_view = turn p + shift for a point in the frame of the problem. View 0 is that frame itself."""

    turn: wp.array(dtype=wp.mat33d)
    shift: wp.array(dtype=wp.vec3d)


@wp.struct
class Sums:
    """Residuals (b, row), derivatives (b, row, column) and costs (b, row)."""

    residual: wp.array2d(dtype=wp.float64)
    jacobian: wp.array3d(dtype=wp.float64)
    cost: wp.array2d(dtype=wp.float64)


@wp.func
def mirrored(v: wp.vec3d, sign: wp.float64) -> wp.vec3d:
    """A vector seen in the mirror of a left hand; itself for a right one."""
    return wp.vec3d(sign * v[0], v[1], v[2])


@wp.func
def hand_point(rest: HandRest, skin: Skin, placed: Placed, b: int, h: int, i: int) -> wp.vec3d:
    """A point of a hand, mirrored as its state is."""
    m = skin.model[h]
    p = wp.vec3d()
    for e in range(skin.first[m, i], skin.first[m, i + 1]):
        bone = skin.bones[e]
        arm = placed.bone_turn[b, h, bone] * (skin.rest[b, h, i] - rest.joints[b, h, bone])
        p += (placed.bone[b, h, bone] + arm) * skin.weights[e]
    return p


@wp.func
def where_is(
    rest: HandRest, skin: Skin, placed: Placed, trees: Trees, b: int, body: int, point: int, local: wp.vec3d
) -> wp.vec3d:
    """A point of a body in the camera frame."""
    n_hands = rest.sign.shape[0]
    if body < 0:
        return local
    if body < n_hands:
        return mirrored(hand_point(rest, skin, placed, b, body, point), rest.sign[body])
    link = trees.first_link[body - n_hands] + point
    return placed.link[b, link] + placed.link_turn[b, link] * local


@wp.func
def clear(
    rest: HandRest, skin: Skin, trees: Trees, b: int, body: int, point: int, J: wp.array3d(dtype=wp.float64), row: int
) -> None:
    """Set the derivatives of a row to 0 that a point of a body can change."""
    zero = wp.float64(0.0)
    n_hands = rest.sign.shape[0]
    if body >= n_hands:
        k = body - n_hands
        c = trees.first_column[k]
        for column in range(c, c + 6 + trees.first_angle[k + 1] - trees.first_angle[k]):
            J[b, row, column] = zero
    elif body >= 0:
        m = skin.model[body]
        c = body * N_HAND
        for column in range(c, c + 6):
            J[b, row, column] = zero
        for e in range(skin.first[m, point], skin.first[m, point + 1]):
            joint = skin.bones[e]
            while joint > 0:
                for a in range(3):
                    J[b, row, c + 3 + 3 * joint + a] = zero
                joint = rest.parents[joint]


@wp.func
def add_hand(
    rest: HandRest,
    skin: Skin,
    placed: Placed,
    b: int,
    h: int,
    i: int,
    g: wp.vec3d,
    J: wp.array3d(dtype=wp.float64),
    row: int,
) -> None:
    """Add the derivative of g . p for a point p of a hand to a row."""
    m = skin.model[h]
    c = h * N_HAND
    to = mirrored(g, rest.sign[h])
    wrist = placed.bone[b, h, 0]
    moved = wp.vec3d()
    spun = wp.vec3d()
    for e in range(skin.first[m, i], skin.first[m, i + 1]):
        bone = skin.bones[e]
        share = skin.weights[e]
        pull = to * share
        x = placed.bone[b, h, bone] + placed.bone_turn[b, h, bone] * (skin.rest[b, h, i] - rest.joints[b, h, bone])
        moved += pull
        spun += wp.cross(x - wrist, pull)
        joint = bone
        while joint > 0:
            turned = wp.cross(x - placed.bone[b, h, joint], pull)
            for a in range(3):
                k = 3 * (joint - 1) + a
                J[b, row, c + 6 + k] = J[b, row, c + 6 + k] + wp.dot(placed.angle_axis[b, h, k], turned)
            joint = rest.parents[joint]
    for a in range(3):
        J[b, row, c + a] = J[b, row, c + a] + moved[a]
        J[b, row, c + 3 + a] = J[b, row, c + 3 + a] + spun[a]


@wp.func
def add_instrument(
    trees: Trees,
    placed: Placed,
    b: int,
    k: int,
    link: int,
    p: wp.vec3d,
    g: wp.vec3d,
    J: wp.array3d(dtype=wp.float64),
    row: int,
) -> None:
    """Add the derivative of g . p for a point p (camera frame) that is fixed to a link of an instrument to a row."""
    first = trees.first_link[k]
    c = trees.first_column[k]
    spin = wp.cross(p - placed.link[b, first], g)
    for a in range(3):
        J[b, row, c + a] = J[b, row, c + a] + g[a]
        J[b, row, c + 3 + a] = J[b, row, c + 3 + a] + spin[a]
    at = link
    while at > 0:
        i = first + at
        turned = wp.dot(placed.joint_axis[b, i], wp.cross(p - placed.link[b, i], g))
        for a in range(trees.first_angle[k + 1] - trees.first_angle[k]):
            J[b, row, c + 6 + a] = J[b, row, c + 6 + a] + trees.multipliers[i, a] * turned
        at = trees.parents[i]


@wp.func
def add_point(
    rest: HandRest,
    skin: Skin,
    placed: Placed,
    trees: Trees,
    b: int,
    body: int,
    point: int,
    p: wp.vec3d,
    g: wp.vec3d,
    J: wp.array3d(dtype=wp.float64),
    row: int,
) -> None:
    """Add the derivative of g . p for a point of any body to a row; the camera stands still."""
    n_hands = rest.sign.shape[0]
    if body >= n_hands:
        add_instrument(trees, placed, b, body - n_hands, point, p, g, J, row)
    elif body >= 0:
        add_hand(rest, skin, placed, b, body, point, g, J, row)


@wp.func
def looked_up(grid: LinkGrid, fields: Fields, local: wp.vec3, nearest: float) -> wp.vec4:
    """Slope and, last, distance (m) at a place seen from a grid's origin, where that is less than `nearest`.

    Outside the grid the distance is that to its box plus the value at the nearest point of it, never less than `rim`.
    """
    held = wp.vec3(
        wp.clamp(local[0], 0.0, grid.size[0]),
        wp.clamp(local[1], 0.0, grid.size[1]),
        wp.clamp(local[2], 0.0, grid.size[2]),
    )
    off = local - held
    outside = wp.length(off)
    bound = outside + grid.rim
    if outside == 0.0:
        bound = at_least(grid, fields.nodes, held)
    if bound >= nearest:
        return wp.vec4(0.0, 0.0, 0.0, 1.0e30)
    v = sample(grid, fields.nodes, fields.blocks, fields.bricks, held * grid.per_metre)
    if outside == 0.0:
        return wp.vec4(v[1], v[2], v[3], v[0])
    per = 1.0 / outside
    return wp.vec4(
        wp.where(off[0] != 0.0, off[0] * per, v[1]),
        wp.where(off[1] != 0.0, off[1] * per, v[2]),
        wp.where(off[2] != 0.0, off[2] * per, v[3]),
        outside + v[0],
    )


@wp.func
def distance_to(fields: Fields, trees: Trees, placed: Placed, b: int, k: int, p: wp.vec3d):
    """Signed distance (m) of a point to an instrument, its gradient in the camera frame, and the nearest link."""
    nearest = float(1.0e30)
    slope = wp.vec3()
    found = int(0)
    first = trees.first_link[k]
    for i in range(fields.first_grid[k], fields.first_grid[k + 1]):
        grid = fields.grids[i]
        link = first + grid.link
        at = wp.transpose(placed.link_turn[b, link]) * (p - placed.link[b, link])
        local = wp.vec3(wp.float32(at[0]), wp.float32(at[1]), wp.float32(at[2])) - grid.origin
        v = looked_up(grid, fields, local, nearest)
        if v[3] < nearest:
            nearest = v[3]
            found = grid.link
            slope = wp.vec3(v[0], v[1], v[2])
    g = wp.vec3d(wp.float64(slope[0]), wp.float64(slope[1]), wp.float64(slope[2]))
    return wp.float64(nearest), placed.link_turn[b, first + found] * g, found


@wp.func
def evaluate_row(
    rest: HandRest,
    skin: Skin,
    trees: Trees,
    fields: Fields,
    placed: Placed,
    views: Views,
    rows: Rows,
    out: Sums,
    b: int,
    row: int,
) -> None:
    """Residual, derivative and cost of one row. Derivatives along what it does not touch are left as they are: 0."""
    J = out.jacobian
    out.residual[b, row] = wp.float64(0.0)
    out.cost[b, row] = wp.float64(0.0)
    one = wp.float64(1.0)
    kind = rows.kind[b, row]
    w = rows.weight[b, row]
    n = rows.direction[b, row]
    m = rows.target[b, row]
    body_p = rows.body_p[b, row]
    body_q = rows.body_q[b, row]
    point_p = rows.point_p[b, row]
    point_q = rows.point_q[b, row]
    clear(rest, skin, trees, b, body_p, point_p, J, row)
    if kind != LANDMARK and kind != IMAGE:
        clear(rest, skin, trees, b, body_q, point_q, J, row)
    p = where_is(rest, skin, placed, trees, b, body_p, point_p, rows.local_p[b, row])
    r = wp.float64(0.0)
    s = wp.float64(0.0)
    g = wp.vec3d()
    q = wp.vec3d()
    gq = wp.vec3d()
    turn = views.turn[rows.view[b, row]]
    shift = views.shift[rows.view[b, row]]
    if kind == LANDMARK or kind == IMAGE:
        seen = turn * p + shift
        if seen[2] < NEAREST:
            out.cost[b, row] = REFUSED
            return
        z = seen[2]
        u = seen[0] / z
        v = seen[1] / z
        r = w * (n[0] * (u - m[0]) + n[1] * (v - m[1]))
        s = r * r
        if kind == LANDMARK:
            s = w * w * ((u - m[0]) * (u - m[0]) + (v - m[1]) * (v - m[1]))
        g = wp.vec3d(n[0], n[1], -(n[0] * u + n[1] * v)) * turn * (w / z)
    elif kind == DEPTH:
        q = where_is(rest, skin, placed, trees, b, body_q, point_q, rows.local_q[b, row])
        seen = turn * p + shift
        behind = turn * q + shift
        if seen[2] < NEAREST or behind[2] < NEAREST:
            out.cost[b, row] = REFUSED
            return
        depth = wp.dot(seen - behind, n) / behind[2]
        r = w * (depth - m[0])
        s = r * r
        g = n * turn * (w / behind[2])
        gq = (-n - wp.vec3d(wp.float64(0.0), wp.float64(0.0), depth)) * turn * (w / behind[2])
    elif kind == PLANE:
        q = where_is(rest, skin, placed, trees, b, body_q, point_q, rows.local_q[b, row])
        r = w * (wp.dot(n, p - q) - m[0])
        s = r * r
        g = n * w
        gq = -g
    else:
        k = body_q - rest.sign.shape[0]
        d, slope, link = distance_to(fields, trees, placed, b, k, p)
        r = w * (d - m[0])
        s = r * r
        g = slope * w
        gq = -g
        q = p
        point_q = link
    if rows.hinge[b, row] != 0 and r * wp.float64(rows.hinge[b, row]) <= wp.float64(0.0):
        return
    root = one
    cost = r * r
    if rows.robust[b, row] > wp.float64(0.0):
        c2 = rows.robust[b, row] * rows.robust[b, row]
        root = c2 / (c2 + s)
        cost = r * r * root
    out.cost[b, row] = cost
    out.residual[b, row] = r * root
    add_point(rest, skin, placed, trees, b, body_p, point_p, p, g * root, J, row)
    if kind != LANDMARK and kind != IMAGE:
        add_point(rest, skin, placed, trees, b, body_q, point_q, q, gq * root, J, row)


@wp.kernel
def evaluate(
    rest: HandRest,
    skin: Skin,
    trees: Trees,
    fields: Fields,
    placed: Placed,
    views: Views,
    rows: Rows,
    active: wp.array(dtype=wp.int32),
    strands: int,
    out: Sums,
) -> None:
    """Residual, derivative and cost of the rows of all active problems; each thread takes every `strands`th row."""
    b, strand = wp.tid()
    if active[b] == 0:
        return
    for row in range(strand, rows.count[b], strands):
        evaluate_row(rest, skin, trees, fields, placed, views, rows, out, b, row)


@wp.kernel
def skin_points(rest: HandRest, skin: Skin, placed: Placed, out: wp.array3d(dtype=wp.vec3d)) -> None:
    """All points of all hands in the camera frame."""
    b, h, i = wp.tid()
    out[b, h, i] = mirrored(hand_point(rest, skin, placed, b, h, i), rest.sign[h])


@wp.kernel
def distances(
    trees: Trees,
    fields: Fields,
    placed: Placed,
    k: int,
    within: wp.float64,
    points: wp.array2d(dtype=wp.vec3d),
    strands: int,
    distance: wp.array2d(dtype=wp.float64),
    gradient: wp.array2d(dtype=wp.vec3d),
    link: wp.array2d(dtype=wp.int32),
) -> None:
    """Signed distances (m) of points to instrument k where less than `within`, else that; gradients (camera frame),
    nearest links.

    As `distance_to`, grid by grid; each thread takes every `strands`th point.
    """
    b, strand = wp.tid()
    first = trees.first_link[k]
    for i in range(strand, points.shape[1], strands):
        distance[b, i] = within
        gradient[b, i] = wp.vec3d()
        link[b, i] = 0
    for g in range(fields.first_grid[k], fields.first_grid[k + 1]):
        grid = fields.grids[g]
        R = placed.link_turn[b, first + grid.link]
        back = wp.transpose(R)
        t = placed.link[b, first + grid.link]
        for i in range(strand, points.shape[1], strands):
            at = back * (points[b, i] - t)
            local = wp.vec3(wp.float32(at[0]), wp.float32(at[1]), wp.float32(at[2])) - grid.origin
            found = looked_up(grid, fields, local, wp.float32(distance[b, i]))
            if found[3] < wp.float32(distance[b, i]):
                distance[b, i] = wp.float64(found[3])
                gradient[b, i] = R * wp.vec3d(wp.float64(found[0]), wp.float64(found[1]), wp.float64(found[2]))
                link[b, i] = grid.link
