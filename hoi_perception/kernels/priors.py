"""Priors of a joint problem as one Warp kernel: posture, limits, motion and rough poses, added to normal equations."""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.block import wait_for_block
from hoi_perception.kernels.bodies import N_HAND, States, Trees

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.struct
class Posture:
    """Gaussian over the 45 angles of a hand, with the root of its inverse covariance, and their limits (rad)."""

    mean: wp.array(dtype=wp.float64)
    root: wp.array2d(dtype=wp.float64)
    information: wp.array2d(dtype=wp.float64)
    lower: wp.array(dtype=wp.float64)
    upper: wp.array(dtype=wp.float64)
    weight: wp.float64


@wp.struct
class JointLimits:
    """Limits of the joints of all instruments (rad), 1 / standard deviation of what is beyond."""

    lower: wp.array(dtype=wp.float64)
    upper: wp.array(dtype=wp.float64)
    weight: wp.float64


@wp.struct
class Equations:
    """Cost (b), gradient (b, n), Gauss-Newton matrix (b, n, n)."""

    cost: wp.array(dtype=wp.float64)
    gradient: wp.array2d(dtype=wp.float64)
    matrix: wp.array3d(dtype=wp.float64)


@wp.func
def logarithm(R: wp.mat33d) -> wp.vec3d:
    """Axis-angle vector of a rotation, angle up to pi, from its largest quaternion component."""
    one = wp.float64(1.0)
    t = R[0, 0] + R[1, 1] + R[2, 2]
    w = wp.float64(0.0)
    v = wp.vec3d()
    if t > wp.float64(0.0):
        w = one + t
        v = wp.vec3d(R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1])
    elif R[0, 0] >= R[1, 1] and R[0, 0] >= R[2, 2]:
        w = R[2, 1] - R[1, 2]
        v = wp.vec3d(one + R[0, 0] - R[1, 1] - R[2, 2], R[1, 0] + R[0, 1], R[0, 2] + R[2, 0])
    elif R[1, 1] >= R[2, 2]:
        w = R[0, 2] - R[2, 0]
        v = wp.vec3d(R[1, 0] + R[0, 1], one - R[0, 0] + R[1, 1] - R[2, 2], R[2, 1] + R[1, 2])
    else:
        w = R[1, 0] - R[0, 1]
        v = wp.vec3d(R[0, 2] + R[2, 0], R[2, 1] + R[1, 2], one - R[0, 0] - R[1, 1] + R[2, 2])
    if w < wp.float64(0.0):
        w = -w
        v = -v
    length = wp.length(v)
    if length < wp.float64(1.0e-12) * w:
        return v * (wp.float64(2.0) / w)
    return v * (wp.float64(2.0) * wp.atan2(length, w) / length)


@wp.func
def inverse_left_jacobian(phi: wp.vec3d) -> wp.mat33d:
    """d log(exp(delta) exp(phi)) / d delta (Sola, Deray, Atchuthan 2018, eq. 146)."""
    one = wp.float64(1.0)
    two = wp.float64(2.0)
    angle = wp.min(wp.length(phi), wp.float64(3.14159))
    factor = one / wp.float64(12.0)
    if angle > wp.float64(1.0e-4):
        factor = one / (angle * angle) - (one + wp.cos(angle)) / (two * angle * wp.sin(angle))
    K = wp.skew(phi)
    return wp.identity(n=3, dtype=wp.float64) - K * wp.float64(0.5) + (K * K) * factor


@wp.func
def add_entry(out: Equations, b: int, i: int, r: wp.float64, slope: wp.float64) -> wp.float64:
    """Add a residual of one coordinate; its cost."""
    out.gradient[b, i] = out.gradient[b, i] + r * slope
    out.matrix[b, i, i] = out.matrix[b, i, i] + slope * slope
    return r * r


@wp.func
def add_turn(out: Equations, b: int, first: int, turn: wp.mat33d, weight: wp.vec3d) -> wp.float64:
    """Add the logarithm of a turn from what is expected; its cost."""
    phi = logarithm(turn)
    J = inverse_left_jacobian(phi)
    cost = wp.float64(0.0)
    for a in range(3):
        r = phi[a] * weight[a]
        cost += r * r
        for i in range(3):
            slope = J[a, i] * weight[a]
            out.gradient[b, first + i] = out.gradient[b, first + i] + r * slope
            for j in range(3):
                out.matrix[b, first + i, first + j] = out.matrix[b, first + i, first + j] + slope * J[a, j] * weight[a]
    return cost


@wp.func
def add_place(out: Equations, b: int, first: int, moved: wp.vec3d, lever: wp.vec3d, weight: wp.vec3d) -> wp.float64:
    """Add how far a point of a body, `lever` from the body's origin, is from its place; its cost."""
    J = -wp.skew(lever)
    cost = wp.float64(0.0)
    for a in range(3):
        w = weight[a]
        r = moved[a] * w
        cost += add_entry(out, b, first + a, r, w)
        for i in range(3):
            slope = J[a, i] * w
            out.gradient[b, first + 3 + i] = out.gradient[b, first + 3 + i] + r * slope
            out.matrix[b, first + a, first + 3 + i] = out.matrix[b, first + a, first + 3 + i] + slope * w
            out.matrix[b, first + 3 + i, first + a] = out.matrix[b, first + 3 + i, first + a] + slope * w
            for j in range(3):
                k = first + 3 + j
                out.matrix[b, first + 3 + i, k] = out.matrix[b, first + 3 + i, k] + slope * J[a, j] * w
    return cost


@wp.func
def add_beyond(
    out: Equations, b: int, i: int, angle: wp.float64, lower: wp.float64, upper: wp.float64, weight: wp.float64
) -> wp.float64:
    """Add what of an angle is beyond its limits; its cost."""
    beyond = wp.max(angle - upper, wp.float64(0.0)) + wp.min(angle - lower, wp.float64(0.0))
    if beyond == wp.float64(0.0):
        return beyond
    return add_entry(out, b, i, beyond * weight, weight)


@wp.func
def add_angle(
    out: Equations, posture: Posture, state: States, expected: States, w: wp.float64, b: int, h: int, i: int
) -> wp.float64:
    """Add an angle of a hand: its row of the distance from the mean posture, its limits, what is expected of it.

    Returns the cost.
    """
    first = h * N_HAND + 6
    r = wp.float64(0.0)
    slope = wp.float64(0.0)
    for j in range(45):
        off = state.angles[b, h, j] - posture.mean[j]
        r += posture.root[i, j] * off
        slope += posture.information[i, j] * off
        out.matrix[b, first + i, first + j] = out.matrix[b, first + i, first + j] + posture.information[i, j]
    out.gradient[b, first + i] = out.gradient[b, first + i] + slope
    angle = state.angles[b, h, i]
    cost = r * r + add_beyond(out, b, first + i, angle, posture.lower[i], posture.upper[i], posture.weight)
    return cost + add_entry(out, b, first + i, (angle - expected.angles[b, h, i]) * w, w)


@wp.func
def add_wrist(
    out: Equations, state: States, expected: States, weight: wp.array2d(dtype=wp.float64), b: int, h: int
) -> wp.float64:
    """Add how far the wrist of a hand is from where it is expected; its cost."""
    c = h * N_HAND
    moved = state.wrist[b, h] - expected.wrist[b, h]
    turn = state.turn[b, h] * wp.transpose(expected.turn[b, h])
    cost = add_turn(out, b, c + 3, turn, wp.vec3d(weight[b, c + 3], weight[b, c + 4], weight[b, c + 5]))
    for a in range(3):
        cost += add_entry(out, b, c + a, moved[a] * weight[b, c + a], weight[b, c + a])
    return cost


@wp.func
def add_instrument(
    out: Equations,
    limits: JointLimits,
    trees: Trees,
    middle: wp.vec3d,
    state: States,
    expected: States,
    weight: wp.array2d(dtype=wp.float64),
    b: int,
    k: int,
) -> wp.float64:
    """Add how far an instrument is from where it is expected, and its joints' limits; its cost."""
    c = trees.first_column[k]
    lever = state.base_turn[b, k] * middle
    moved = state.base[b, k] + lever - expected.base[b, k] - expected.base_turn[b, k] * middle
    turn = state.base_turn[b, k] * wp.transpose(expected.base_turn[b, k])
    cost = add_place(out, b, c, moved, lever, wp.vec3d(weight[b, c], weight[b, c + 1], weight[b, c + 2]))
    cost += add_turn(out, b, c + 3, turn, wp.vec3d(weight[b, c + 3], weight[b, c + 4], weight[b, c + 5]))
    for j in range(trees.first_angle[k], trees.first_angle[k + 1]):
        i = c + 6 + j - trees.first_angle[k]
        angle = state.joints[b, j]
        cost += add_entry(out, b, i, (angle - expected.joints[b, j]) * weight[b, i], weight[b, i])
        cost += add_beyond(out, b, i, angle, limits.lower[j], limits.upper[j], limits.weight)
    return cost


@wp.kernel
def add_priors(
    posture: Posture,
    limits: JointLimits,
    trees: Trees,
    middles: wp.array(dtype=wp.vec3d),
    expected: States,
    weight: wp.array2d(dtype=wp.float64),
    state: States,
    active: wp.array(dtype=wp.int32),
    strands: int,
    costs: wp.array2d(dtype=wp.float64),
    out: Equations,
) -> None:
    """Add all priors to the normal equations of active problems; `weight` (b, n) is 1 / standard deviation from what
    is expected.

    The place of an instrument is that of its middle, in the frame of its base link (m). A block of `strands` threads
    shares a problem: each angle of a hand, each wrist and each instrument are one thread's; `costs` has room for them.
    """
    b, strand = wp.tid()
    if active[b] == 0:
        return
    n_hands = state.wrist.shape[1]
    parts = n_hands * 46 + state.base.shape[1]
    for part in range(strand, parts, strands):
        h = part // 46
        i = part - h * 46
        if h >= n_hands:
            k = part - n_hands * 46
            costs[b, part] = add_instrument(out, limits, trees, middles[k], state, expected, weight, b, k)
        elif i == 45:
            costs[b, part] = add_wrist(out, state, expected, weight, b, h)
        else:
            w = weight[b, h * N_HAND + 6 + i]
            costs[b, part] = add_angle(out, posture, state, expected, w, b, h, i)
    wait_for_block()
    if strand == 0:
        cost = out.cost[b]
        for part in range(parts):
            cost += costs[b, part]
        out.cost[b] = cost
