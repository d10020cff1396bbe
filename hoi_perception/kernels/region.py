"""Correspondence lines of region tracking, as Warp kernels: one thread for each line.

A line runs along the outward normal of a contour place; distances along it are in pixels, 0 at the place. What a pixel
says is the logarithm of how much likelier it is on the instrument than beside it, bounded; a hidden pixel says nothing.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

BINS = 32
"""Bins of a colour histogram along each channel."""


@wp.struct
class Evidence:
    """What the pixels of an image say: a table over colours, or a map of the image where `mapped` is 1.

    `cover` is the depth (m) of what stands before the scene in a pixel: a pixel says nothing of what is not `clear` (m)
    nearer than that, and nothing at all where it is 0. Where `gridded` is 1, a coarse `grid` adds to what the table
    says along lines that reach farther than its cells, up to `most` in all: its cell at a pixel (x, y) is
    `per_px` (x, y) + (`grid_x`, `grid_y`).
    """

    image: wp.array3d(dtype=wp.uint8)
    cover: wp.array2d(dtype=wp.float32)
    clear: wp.float32
    table: wp.array(dtype=wp.float32)
    map: wp.array2d(dtype=wp.float32)
    mapped: wp.int32
    grid: wp.array2d(dtype=wp.float32)
    per_px: wp.float32
    grid_x: wp.float32
    grid_y: wp.float32
    most: wp.float32
    gridded: wp.int32


@wp.func
def bin_of(image: wp.array3d(dtype=wp.uint8), y: int, x: int) -> int:
    """Number of the histogram's bin that a pixel falls in."""
    b = int(image[y, x, 0]) / (256 / BINS)
    g = int(image[y, x, 1]) / (256 / BINS)
    r = int(image[y, x, 2]) / (256 / BINS)
    return (b * BINS + g) * BINS + r


@wp.func
def tells(evidence: Evidence, x: int, y: int, depth: float) -> bool:
    """Whether a pixel is in the image and not hidden, for an instrument at a depth."""
    if x < 0 or y < 0 or y >= evidence.image.shape[0] or x >= evidence.image.shape[1]:
        return False
    return evidence.cover[y, x] > depth + evidence.clear


@wp.func
def said_by(evidence: Evidence, x: int, y: int) -> float:
    """Logarithm of the likelihood ratio of a pixel that tells."""
    if evidence.mapped != 0:
        return evidence.map[y, x]
    return evidence.table[bin_of(evidence.image, y, x)]


@wp.func
def said_far(evidence: Evidence, x: int, y: int) -> float:
    """The same with what the grid says."""
    said = said_by(evidence, x, y) + between_cells(evidence, x, y)
    return wp.clamp(said, -evidence.most, evidence.most)


@wp.func
def between_cells(evidence: Evidence, x: int, y: int) -> float:
    """The grid at a pixel, linear between cells; 0 more than half a cell outside of them."""
    rows = float(evidence.grid.shape[0])
    columns = float(evidence.grid.shape[1])
    u = evidence.per_px * float(x) + evidence.grid_x
    v = evidence.per_px * float(y) + evidence.grid_y
    if u < -0.5 or v < -0.5 or u > columns - 0.5 or v > rows - 0.5:
        return 0.0
    u = wp.clamp(u, 0.0, columns - 1.0)
    v = wp.clamp(v, 0.0, rows - 1.0)
    i = wp.min(int(v), evidence.grid.shape[0] - 2)
    j = wp.min(int(u), evidence.grid.shape[1] - 2)
    down = v - float(i)
    right = u - float(j)
    upper = (1.0 - right) * evidence.grid[i, j] + right * evidence.grid[i, j + 1]
    lower = (1.0 - right) * evidence.grid[i + 1, j] + right * evidence.grid[i + 1, j + 1]
    return (1.0 - down) * upper + down * lower


@wp.func
def pixel_along(lines: wp.array2d(dtype=wp.float32), i: int, distance: float) -> wp.vec2i:
    """The pixel at a distance along a line; lines are places (px), unit normals and depths (m), five columns."""
    x = lines[i, 0] + distance * lines[i, 2]
    y = lines[i, 1] + distance * lines[i, 3]
    return wp.vec2i(int(wp.floor(x + 0.5)), int(wp.floor(y + 0.5)))


@wp.func
def steps_between(gap: float, length: float, reach: float) -> int:
    """Steps of 1 px from `gap` on that keep it to the end of a side too, up to `reach`."""
    return int(wp.floor(wp.min(length - gap, reach) - gap))


@wp.func
def add_sums(
    sums: wp.array2d(dtype=wp.float32),
    i: int,
    at: float,
    last: int,
    sign: float,
    count: int,
    scores: wp.array2d(dtype=wp.float32),
) -> None:
    """Add running sums to `count` scores, from a distance in samples on in steps of one: linear between samples,
    constant beyond the ends."""
    held = wp.clamp(at, -float(count), float(last))
    low = int(wp.floor(held))
    share = sign * (held - float(low))
    rest = sign - share
    first = wp.clamp(-low, 0, count)
    end = wp.clamp(last - low, 0, count)
    for k in range(first):
        scores[i, k] += sign * sums[i, 0]
    for k in range(first, end):
        scores[i, k] += rest * sums[i, low + k] + share * sums[i, low + k + 1]
    for k in range(end, count):
        scores[i, k] += sign * sums[i, last]


@wp.kernel
def shift_lines(
    evidence: Evidence,
    lines: wp.array2d(dtype=wp.float32),
    profiles: wp.array2d(dtype=wp.float32),
    whole: int,
    shifts: int,
    beyond: int,
    spacing: float,
    exponent: float,
    sums: wp.array2d(dtype=wp.float32),
    scores: wp.array2d(dtype=wp.float32),
    out: wp.array2d(dtype=wp.float32),
) -> None:
    """Posterior of how far each contour place lies from the image's along its line.

    `out` is mean (px), variance (px^2), the share of samples that tell, and how far all tell to both sides (px).

    The profile of a line (`whole` 1: all its runs, 0: instrument up to the place, none beyond) is moved by -`shifts` to
    `shifts` steps of `spacing` px; samples reach `beyond` steps farther. The posterior is the likelihood of all samples
    to the power of `exponent`, normalised.
    """
    i = wp.tid()
    half = shifts + beyond
    last = 2 * half
    telling = float(0.0)
    open_from = int(0)
    open_to = int(last)
    far = evidence.gridded != 0 and float(shifts) * spacing * evidence.per_px >= 1.0
    sums[i, 0] = 0.0
    for k in range(last):
        at = pixel_along(lines, i, (float(k - half) + 0.5) * spacing)
        value = float(0.0)
        if tells(evidence, at[0], at[1], lines[i, 4]):
            value = said_far(evidence, at[0], at[1]) if far else said_by(evidence, at[0], at[1])
            telling += 1.0
        elif k < half:
            open_from = k + 1
        else:
            open_to = wp.min(open_to, k)
        sums[i, k + 1] = sums[i, k] + spacing * value
    out[i, 2] = telling / float(last)
    out[i, 3] = spacing * float(wp.min(half - open_from, open_to - half))
    places = 2 * shifts + 1
    for k in range(places):
        scores[i, k] = 0.0
    if whole == 0:
        add_sums(sums, i, float(beyond), last, 1.0, places, scores)
    else:
        for run in range(int(profiles[i, 2])):
            add_sums(sums, i, float(beyond) + profiles[i, 4 + 2 * run] / spacing, last, 1.0, places, scores)
            add_sums(sums, i, float(beyond) + profiles[i, 3 + 2 * run] / spacing, last, -1.0, places, scores)
    best = float(-1.0e30)
    for k in range(places):
        best = wp.max(best, scores[i, k])
    total = float(0.0)
    first = float(0.0)
    second = float(0.0)
    for k in range(places):
        less = exponent * (scores[i, k] - best)
        if less > -16.0:
            weight = wp.exp(less)
            d = float(k - shifts) * spacing
            total += weight
            first += weight * d
            second += weight * d * d
    out[i, 0] = first / total
    out[i, 1] = wp.max(second / total - (first / total) * (first / total), 0.0)


@wp.kernel
def count_colours(
    evidence: Evidence,
    lines: wp.array2d(dtype=wp.float32),
    profiles: wp.array2d(dtype=wp.float32),
    gap: float,
    reach: float,
    counts: wp.array2d(dtype=wp.float32),
) -> None:
    """Count the colours along lines from `gap` to `reach` px (what is not hidden): row 0 inside, row 1 outside.

    Columns 0 and 1 of `profiles` are how far instrument and surroundings go on (px); the gap is kept to their far ends
    too.
    """
    i, side = wp.tid()
    length = profiles[i, side]
    sign = wp.where(side == 0, -1.0, 1.0)
    for k in range(steps_between(gap, length, reach) + 1):
        at = pixel_along(lines, i, sign * (gap + float(k)))
        if tells(evidence, at[0], at[1], lines[i, 4]):
            wp.atomic_add(counts, side, bin_of(evidence.image, at[1], at[0]), 1.0)


@wp.kernel
def agree(
    evidence: Evidence,
    lines: wp.array2d(dtype=wp.float32),
    profiles: wp.array2d(dtype=wp.float32),
    gap: float,
    reach: float,
    right: wp.array2d(dtype=wp.float32),
    said: wp.array2d(dtype=wp.float32),
    seen: wp.array2d(dtype=wp.float32),
) -> None:
    """Of each line: sum of what pixels say for the side that they are on (0 inside, 1 outside), of how much they say
    for either side, and their number."""
    i, side = wp.tid()
    length = profiles[i, side]
    sign = wp.where(side == 0, -1.0, 1.0)
    total = float(0.0)
    either = float(0.0)
    count = float(0.0)
    for k in range(steps_between(gap, length, reach) + 1):
        at = pixel_along(lines, i, sign * (gap + float(k)))
        if tells(evidence, at[0], at[1], lines[i, 4]):
            value = said_by(evidence, at[0], at[1])
            total -= sign * value
            either += wp.abs(value)
            count += 1.0
    right[i, side] = total
    said[i, side] = either
    seen[i, side] = count


@wp.kernel
def hide(
    screen: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    near: float,
    margin: float,
    always: int,
    cover: wp.array2d(dtype=wp.float32),
) -> None:
    """Bring the pixels less than about `margin` px beside triangles to the depths of these, 0 where `always` is 1.

    `screen` is (u, v, z) in pixels and metres; a triangle with a corner nearer than `near`, or not finite, is left out.
    Its depth is that of its middle.
    """
    corners = faces[wp.tid()]
    a = screen[corners[0]]
    b = screen[corners[1]]
    c = screen[corners[2]]
    if not (a[2] > near and b[2] > near and c[2] > near):
        return
    if not (wp.isfinite(a[0] + a[1]) and wp.isfinite(b[0] + b[1]) and wp.isfinite(c[0] + c[1])):
        return
    x0 = int(wp.max(wp.floor(wp.min(a[0], wp.min(b[0], c[0])) - margin), 0.0))
    y0 = int(wp.max(wp.floor(wp.min(a[1], wp.min(b[1], c[1])) - margin), 0.0))
    x1 = int(wp.min(wp.ceil(wp.max(a[0], wp.max(b[0], c[0])) + margin), float(cover.shape[1] - 1)))
    y1 = int(wp.min(wp.ceil(wp.max(a[1], wp.max(b[1], c[1])) + margin), float(cover.shape[0] - 1)))
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    turn = wp.where(area < 0.0, -1.0, 1.0)
    depth = wp.where(always != 0, 0.0, (a[2] + b[2] + c[2]) / 3.0)
    ab = beside(a, b, turn)
    bc = beside(b, c, turn)
    ca = beside(c, a, turn)
    for y in range(y0, y1 + 1):
        span = wp.vec2(float(x0), float(x1))
        span = within(span, ab, float(y), margin)
        span = within(span, bc, float(y), margin)
        span = within(span, ca, float(y), margin)
        for x in range(int(wp.ceil(span[0])), int(wp.floor(span[1])) + 1):
            if cover[y, x] > depth:
                wp.atomic_min(cover, y, x, depth)


@wp.func
def within(span: wp.vec2, edge: wp.vec3, y: float, margin: float) -> wp.vec2:
    """The part of a span of a row that lies at most `margin` px to the outer side of an edge."""
    left = margin - edge[1] * y - edge[2]
    if edge[0] > 1.0e-6:
        return wp.vec2(span[0], wp.min(span[1], left / edge[0]))
    if edge[0] < -1.0e-6:
        return wp.vec2(wp.max(span[0], left / edge[0]), span[1])
    if left < 0.0:
        return wp.vec2(span[0], span[0] - 1.0)
    return span


@wp.func
def beside(a: wp.vec3, b: wp.vec3, turn: float) -> wp.vec3:
    """How far a place lies to the outer side of an edge, px, as (x, y, 1) weights of the place."""
    x = b[0] - a[0]
    y = b[1] - a[1]
    by = turn / wp.max(wp.sqrt(x * x + y * y), 1.0e-6)
    return wp.vec3(y * by, -x * by, (x * a[1] - y * a[0]) * by)
