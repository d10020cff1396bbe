"""What lies along lines across the projected edges of a mesh, as a Warp kernel for the CPU: one thread for each line.

Seen from a point, the edges between a face that shows its front and one that does not form closed loops. Beyond each of
them there is one layer of front faces more or less; a mesh covers the places over which there is at least one layer.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

ENDLESS = wp.constant(1.0e6)
"""Where a stretch ends that goes on beyond what was read, px."""
RUNS = 6
"""Stretches of instrument along a line that are kept."""
CROSSINGS = 32
"""Edges that a line may cross within its reach."""
BOXED = 8
"""Edges that share a box: a line that misses it crosses none of them."""


@wp.func
def to_border(place: float, step: float, size: float) -> float:
    """How far along a line the border of an image of `size` pixels is, along one axis (px)."""
    if step > 0.0:
        return (size - 0.5 - place) / step
    if step < 0.0:
        return (-0.5 - place) / step
    return ENDLESS


@wp.func
def put(
    at: float,
    change: int,
    count: int,
    i: int,
    ats: wp.array2d(dtype=wp.float32),
    changes: wp.array2d(dtype=wp.int32),
) -> None:
    """Sort a crossing into the `count` ones of line `i`."""
    k = int(count)
    while k > 0 and ats[i, k - 1] > at:
        ats[i, k] = ats[i, k - 1]
        changes[i, k] = changes[i, k - 1]
        k -= 1
    ats[i, k] = at
    changes[i, k] = change


@wp.func
def crosses(box: wp.vec4, place: wp.vec2, n: wp.vec2) -> bool:
    """Whether a line may meet a box, which is its middle and half its sides (px)."""
    off = (box[1] - place[1]) * n[0] - (box[0] - place[0]) * n[1]
    # more than rounding: all edges of a loop have to be met, or none
    return wp.abs(off) <= box[2] * wp.abs(n[1]) + box[3] * wp.abs(n[0]) + 0.1


@wp.func
def turns_here(
    edges: wp.array(dtype=wp.vec4),
    boxes: wp.array(dtype=wp.vec4),
    n_edges: int,
    place: wp.vec2,
    n: wp.vec2,
    near: float,
) -> bool:
    """Whether a line leaves the mesh within `near` px of a place."""
    before = int(0)
    after = int(0)
    for box in range((n_edges + BOXED - 1) / BOXED):
        if not crosses(boxes[box], place, n):
            continue
        for j in range(box * BOXED, wp.min(box * BOXED + BOXED, n_edges)):
            e = edges[j]
            a = (e[1] - place[1]) * n[0] - (e[0] - place[0]) * n[1]
            b = (e[3] - place[1]) * n[0] - (e[2] - place[0]) * n[1]
            if (a >= 0.0) != (b >= 0.0):
                ahead = (e[0] - place[0]) * n[0] + (e[1] - place[1]) * n[1]
                beyond = (e[2] - place[0]) * n[0] + (e[3] - place[1]) * n[1]
                at = (ahead * b - beyond * a) / (b - a)
                change = wp.where(b > a, 1, -1)
                if at < -near:
                    before += change
                if at < near:
                    after += change
    return before > 0 and after < 1


@wp.kernel
def read_lines(
    edges: wp.array(dtype=wp.vec4),
    boxes: wp.array(dtype=wp.vec4),
    counts: wp.array(dtype=wp.int32),
    places: wp.array(dtype=wp.vec2),
    normals: wp.array(dtype=wp.vec2),
    own: wp.array(dtype=wp.int32),
    size: wp.vec2,
    off: float,
    aside: float,
    reach: float,
    ats: wp.array2d(dtype=wp.float32),
    changes: wp.array2d(dtype=wp.int32),
    profiles: wp.array2d(dtype=wp.float32),
) -> None:
    """Stretches of a mesh along lines (px along the normal, 0 at the place), within `reach`.

    An edge (u, v of its ends, px) has its front face to the left of the way along it, in a picture with v downwards;
    there are `counts[0]` of them, and `boxes` are round `BOXED` edges each, one after the other.
    A place lies on edge `own`. Columns of `profiles`: how far mesh and surroundings go on from the place, the latter to
    the border of the image of `size` pixels at most; the number of stretches; beginning and end of each. The one at the
    place ends at 0, what the reach cuts goes on for ever. All columns are 0 where, `off` px along the line, there is no
    mesh behind or some before: it is not on the outer border; or where that border does not go on across the line for
    `aside` px to either side: it is a step of it.
    """
    i = wp.tid()
    place = places[i]
    n = normals[i]
    mine = own[i]
    n_edges = counts[0]
    count = int(0)
    level = int(0)
    before = int(0)
    after = int(0)
    for box in range((n_edges + BOXED - 1) / BOXED):
        if not crosses(boxes[box], place, n):
            continue
        for j in range(box * BOXED, wp.min(box * BOXED + BOXED, n_edges)):
            e = edges[j]
            a = (e[1] - place[1]) * n[0] - (e[0] - place[0]) * n[1]
            b = (e[3] - place[1]) * n[0] - (e[2] - place[0]) * n[1]
            if (a >= 0.0) != (b >= 0.0):
                ahead = (e[0] - place[0]) * n[0] + (e[1] - place[1]) * n[1]
                beyond = (e[2] - place[0]) * n[0] + (e[3] - place[1]) * n[1]
                at = (ahead * b - beyond * a) / (b - a)
                if j == mine:
                    at = 0.0
                change = wp.where(b > a, 1, -1)
                if at < -off:
                    before += change
                if at < off:
                    after += change
                if at < -reach:
                    level += change
                elif at < reach and wp.abs(at) >= off and count < CROSSINGS:
                    put(at, change, count, i, ats, changes)
                    count += 1
    for k in range(3 + 2 * RUNS):
        profiles[i, k] = 0.0
    if before < 1 or after > 0 or count == CROSSINGS:
        return
    across = aside * wp.vec2(-n[1], n[0])
    if not (
        turns_here(edges, boxes, n_edges, place + across, n, aside)
        or turns_here(edges, boxes, n_edges, place - across, n, aside)
    ):
        return
    put(0.0, after - before, count, i, ats, changes)
    runs = int(0)
    begin = float(-ENDLESS)
    outside = wp.min(to_border(place[0], n[0], size[0]), to_border(place[1], n[1], size[1]))
    for k in range(count + 1):
        at = ats[i, k]
        now = level + changes[i, k]
        if level < 1 and now > 0:
            begin = at
            if at > 0.0:
                outside = wp.min(outside, at)
        if level > 0 and now < 1:
            if at == 0.0:
                profiles[i, 0] = wp.min(-begin, reach)
            if runs < RUNS:
                profiles[i, 3 + 2 * runs] = begin
                profiles[i, 4 + 2 * runs] = at
                runs += 1
        level = now
    if level > 0 and runs < RUNS:
        profiles[i, 3 + 2 * runs] = begin
        profiles[i, 4 + 2 * runs] = ENDLESS
        runs += 1
    profiles[i, 1] = wp.min(outside, reach)
    profiles[i, 2] = float(runs)
