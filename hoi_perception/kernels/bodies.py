"""Hands and instruments of a joint problem as Warp kernels: states moved along their tangent, and placed.

All is in double precision: a solve is small, and its differences of millimetres are read off metres. Hands are kept as
right hands; a left one (`sign` -1) is the mirror image (x negated) of what its state says.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

N_HAND = wp.constant(51)


@wp.struct
class HandRest:
    """Rest geometry of each hand (b, h): joints (16), frames of the joints 1-15, +1 for right and -1 for left."""

    joints: wp.array3d(dtype=wp.vec3d)
    frames: wp.array3d(dtype=wp.mat33d)
    sign: wp.array(dtype=wp.float64)
    parents: wp.array(dtype=wp.int32)


@wp.struct
class Trees:
    """Joint trees of all instruments, one after the other; joint k of an instrument carries its link k + 1.

    `first_link` has one more entry than there are instruments; `first_angle` likewise, `first_column` is where the
    tangent of each begins.
    """

    first_link: wp.array(dtype=wp.int32)
    first_angle: wp.array(dtype=wp.int32)
    first_column: wp.array(dtype=wp.int32)
    parents: wp.array(dtype=wp.int32)
    R: wp.array(dtype=wp.mat33d)
    t: wp.array(dtype=wp.vec3d)
    axes: wp.array(dtype=wp.vec3d)
    multipliers: wp.array2d(dtype=wp.float64)
    offsets: wp.array(dtype=wp.float64)


@wp.struct
class States:
    """Hands (b, h) and instruments (b, k): places (m, camera), rotations, angles (rad)."""

    wrist: wp.array2d(dtype=wp.vec3d)
    turn: wp.array2d(dtype=wp.mat33d)
    angles: wp.array3d(dtype=wp.float64)
    base: wp.array2d(dtype=wp.vec3d)
    base_turn: wp.array2d(dtype=wp.mat33d)
    joints: wp.array2d(dtype=wp.float64)


@wp.struct
class Placed:
    """Where everything is for a state: bones and axes of the hands' angles, links and joints of the instruments.

    `pose` (b, h, 135) holds the local rotations of a hand's joints 1-15, less the identity: features of the correction
    by the pose.
    """

    bone_turn: wp.array3d(dtype=wp.mat33d)
    bone: wp.array3d(dtype=wp.vec3d)
    angle_axis: wp.array3d(dtype=wp.vec3d)
    pose: wp.array3d(dtype=wp.float64)
    link_turn: wp.array2d(dtype=wp.mat33d)
    link: wp.array2d(dtype=wp.vec3d)
    joint_axis: wp.array2d(dtype=wp.vec3d)


@wp.func
def about(v: wp.vec3d) -> wp.mat33d:
    """Rotation of an axis-angle vector (Rodrigues' formula)."""
    one = wp.float64(1.0)
    angle2 = wp.dot(v, v)
    a = one - angle2 / wp.float64(6.0)
    b = wp.float64(0.5) - angle2 / wp.float64(24.0)
    if angle2 > wp.float64(1.0e-12):
        angle = wp.sqrt(angle2)
        a = wp.sin(angle) / angle
        b = (one - wp.cos(angle)) / angle2
    K = wp.skew(v)
    return wp.identity(n=3, dtype=wp.float64) + K * a + (K * K) * b


@wp.func
def step_part(step: wp.array2d(dtype=wp.float64), b: int, column: int) -> wp.vec3d:
    """Three neighbouring entries of a step."""
    return wp.vec3d(step[b, column], step[b, column + 1], step[b, column + 2])


@wp.kernel
def move(state: States, step: wp.array2d(dtype=wp.float64), trees: Trees, out: States) -> None:
    """Every body moved along its step: translations added, rotations from the left, angles added."""
    b, body = wp.tid()
    n_hands = state.wrist.shape[1]
    if body < n_hands:
        c = body * N_HAND
        out.wrist[b, body] = state.wrist[b, body] + step_part(step, b, c)
        out.turn[b, body] = about(step_part(step, b, c + 3)) * state.turn[b, body]
        for a in range(45):
            out.angles[b, body, a] = state.angles[b, body, a] + step[b, c + 6 + a]
        return
    k = body - n_hands
    c = trees.first_column[k]
    out.base[b, k] = state.base[b, k] + step_part(step, b, c)
    out.base_turn[b, k] = about(step_part(step, b, c + 3)) * state.base_turn[b, k]
    first = trees.first_angle[k]
    for a in range(trees.first_angle[k + 1] - first):
        out.joints[b, first + a] = state.joints[b, first + a] + step[b, c + 6 + a]


@wp.kernel
def keep(state: States, better: wp.array(dtype=wp.int32), trees: Trees, kept: States) -> None:
    """Copy the bodies of the problems marked `better`."""
    b, body = wp.tid()
    if better[b] == 0:
        return
    n_hands = state.wrist.shape[1]
    if body < n_hands:
        kept.wrist[b, body] = state.wrist[b, body]
        kept.turn[b, body] = state.turn[b, body]
        for a in range(45):
            kept.angles[b, body, a] = state.angles[b, body, a]
        return
    k = body - n_hands
    kept.base[b, k] = state.base[b, k]
    kept.base_turn[b, k] = state.base_turn[b, k]
    for a in range(trees.first_angle[k], trees.first_angle[k + 1]):
        kept.joints[b, a] = state.joints[b, a]


@wp.func
def place_hand(rest: HandRest, state: States, placed: Placed, b: int, h: int) -> None:
    """Bones of one hand, and the axes about which its 45 angles turn, from parent to child."""
    zero = wp.float64(0.0)
    placed.bone_turn[b, h, 0] = state.turn[b, h]
    placed.bone[b, h, 0] = state.wrist[b, h]
    for j in range(1, rest.parents.shape[0]):  # a bound that is no constant: unrolled it takes seconds to compile
        i = 3 * (j - 1)
        ax = state.angles[b, h, i]
        ay = state.angles[b, h, i + 1]
        az = state.angles[b, h, i + 2]
        cx = wp.cos(ax)
        sx = wp.sin(ax)
        cy = wp.cos(ay)
        sy = wp.sin(ay)
        cz = wp.cos(az)
        sz = wp.sin(az)
        turned = wp.mat33d(
            cy * cz, -cy * sz, sy,
            cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy,
            sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy,
        )  # fmt: skip
        parent = rest.parents[j]
        F = rest.frames[b, h, j - 1]
        R = placed.bone_turn[b, h, parent]
        RF = R * F
        back = turned * wp.transpose(F)
        placed.bone_turn[b, h, j] = RF * back
        local = F * back - wp.identity(n=3, dtype=wp.float64)
        for a in range(3):
            for c in range(3):
                placed.pose[b, h, 9 * (j - 1) + 3 * a + c] = local[a, c]
        placed.bone[b, h, j] = placed.bone[b, h, parent] + R * (rest.joints[b, h, j] - rest.joints[b, h, parent])
        placed.angle_axis[b, h, i] = RF * wp.vec3d(wp.float64(1.0), zero, zero)
        placed.angle_axis[b, h, i + 1] = RF * wp.vec3d(zero, cx, sx)
        placed.angle_axis[b, h, i + 2] = RF * wp.vec3d(sy, -sx * cy, cx * cy)


@wp.func
def place_instrument(trees: Trees, state: States, placed: Placed, b: int, k: int) -> None:
    """Links of one instrument, and the axes of its joints."""
    first = trees.first_link[k]
    placed.link_turn[b, first] = state.base_turn[b, k]
    placed.link[b, first] = state.base[b, k]
    for i in range(first + 1, trees.first_link[k + 1]):
        angle = trees.offsets[i]
        for a in range(trees.first_angle[k + 1] - trees.first_angle[k]):
            angle += trees.multipliers[i, a] * state.joints[b, trees.first_angle[k] + a]
        parent = first + trees.parents[i]
        R = placed.link_turn[b, parent]
        placed.link_turn[b, i] = R * (trees.R[i] * about(trees.axes[i] * angle))
        placed.link[b, i] = placed.link[b, parent] + R * trees.t[i]
        placed.joint_axis[b, i] = placed.link_turn[b, i] * trees.axes[i]


@wp.kernel
def place(rest: HandRest, trees: Trees, state: States, placed: Placed) -> None:
    """Forward kinematics of all bodies, one thread a body."""
    b, body = wp.tid()
    n_hands = state.wrist.shape[1]
    if body < n_hands:
        place_hand(rest, state, placed, b, body)
    else:
        place_instrument(trees, state, placed, b, body - n_hands)
