"""Solid modelling in millimetres: plates, bars along paths, turned bodies, rings, blades, rows of teeth.

Solids are manifold3d's: closed by construction, so unions, differences and intersections of them are closed too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float
from manifold3d import CrossSection, Manifold, Mesh, OpType
from numpy.typing import NDArray

from hoi_perception.instruments.design import Solid

Array = NDArray[np.float64]
Points = Float[Array, "n 3"]
Outline = Float[Array, "n 2"]
Numbers = Sequence[Any] | NDArray[Any]

UP = np.array([0.0, 0.0, 1.0])


def box(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> Manifold:
    """Axis-parallel box between two bounds on each axis."""
    sides = np.array([x[1] - x[0], y[1] - y[0], z[1] - z[0]])
    return Manifold.cube(sides).translate([x[0], y[0], z[0]])


def ball(center: Numbers, radius: float, segments: int = 24) -> Manifold:
    """A sphere."""
    return Manifold.sphere(radius, segments).translate(np.asarray(center, dtype=float))


def rod(start: Numbers, end: Numbers, radius: float, end_radius: float | None = None, n: int = 24) -> Manifold:
    """A cylinder or a cone between two points."""
    a, b = (np.asarray(p, dtype=float) for p in (start, end))
    radii = [radius, radius if end_radius is None else end_radius]
    direction = (b - a) / np.linalg.norm(b - a)
    side = UP if abs(direction[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    lateral = np.cross(side, direction)
    lateral /= np.linalg.norm(lateral)
    other = np.cross(direction, lateral)
    circle = ellipse(1.0, 1.0, n)
    rows = [p + r * (circle @ np.stack([lateral, other])) for p, r in zip((a, b), radii, strict=True)]
    return skin(np.array(rows))


def plate(outline: Outline, z: tuple[float, float]) -> Manifold:
    """An outline in x and y (counter-clockwise) between two heights."""
    return CrossSection([np.asarray(outline, dtype=float)]).extrude(z[1] - z[0]).translate([0.0, 0.0, z[0]])


def turned(profile: Numbers, n: int = 32) -> Manifold:
    """Body of revolution about the x axis; `profile` is a closed outline of (x, radius), radius not negative."""
    outline = np.asarray(profile, dtype=float)[:, ::-1]
    area = np.sum(outline[:, 0] * np.roll(outline[:, 1], -1) - np.roll(outline[:, 0], -1) * outline[:, 1])
    section = CrossSection([outline if area > 0 else outline[::-1]])
    return section.revolve(n).rotate([0.0, 90.0, 0.0])


def ellipse(ry: float, rz: float, n: int = 16, exponent: float = 2.0) -> Outline:
    """Superellipse with half axes `ry` and `rz`; an exponent above 2 squares it off."""
    angle = 2.0 * np.pi * (np.arange(n) + 0.5) / n
    c, s = np.cos(angle), np.sin(angle)
    shrink = (np.abs(c) ** exponent + np.abs(s) ** exponent) ** (-1.0 / exponent)
    return np.stack([ry * c * shrink, rz * s * shrink], axis=1)


def skin(sections: Float[Array, "s n 3"], *, closed: bool = False) -> Manifold:
    """Body through sections of equally many points; open ends are closed by fans about their middles."""
    s, n = sections.shape[:2]
    rings = np.arange(s * n).reshape(s, n)
    if closed:
        rings = np.concatenate([rings, rings[:1]])
    a, b = rings[:-1], rings[1:]
    a_next, b_next = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    faces = [np.stack([a, a_next, b_next], axis=-1).reshape(-1, 3), np.stack([a, b_next, b], axis=-1).reshape(-1, 3)]
    points = sections.reshape(-1, 3)
    if not closed:
        points = np.concatenate([points, sections[[0, -1]].mean(axis=1)])
        first, last = rings[0], rings[-1]
        faces.append(np.stack([np.roll(first, -1), first, np.full(n, s * n)], axis=-1))
        faces.append(np.stack([last, np.roll(last, -1), np.full(n, s * n + 1)], axis=-1))
    body = _manifold(points, np.concatenate(faces))
    return body if body.volume() > 0 else _manifold(points, np.concatenate(faces)[:, ::-1])


def _manifold(points: Points, faces: NDArray[np.int64]) -> Manifold:
    body = Manifold(Mesh(points.astype(np.float32), faces.astype(np.uint32)))
    if body.status().name != "NoError":
        raise ValueError(f"a body of {len(faces)} faces is not a closed surface: {body.status().name}")
    return body


def sweep(
    path: Numbers,
    half_width: Numbers | float,
    half_height: Numbers | float,
    *,
    exponent: float = 2.6,
    n: int = 16,
    closed: bool = False,
    up: Numbers = UP,
) -> Manifold:
    """A bar along a path: superelliptic sections of half width (across) and half height (towards `up`)."""
    points = np.asarray(path, dtype=float)
    widths, heights = (np.broadcast_to(np.asarray(h, dtype=float), len(points)) for h in (half_width, half_height))
    tangents = _tangents(points, closed=closed)
    laterals = np.cross(np.asarray(up, dtype=float), tangents)
    laterals /= np.linalg.norm(laterals, axis=1, keepdims=True)
    ups = np.cross(tangents, laterals)
    unit = ellipse(1.0, 1.0, n, exponent)
    across = widths[:, None, None] * unit[None, :, :1] * laterals[:, None]
    upward = heights[:, None, None] * unit[None, :, 1:] * ups[:, None]
    return skin(points[:, None] + across + upward, closed=closed)


def _tangents(points: Points, *, closed: bool) -> Points:
    around = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    steps = around if closed else np.gradient(points, axis=0)
    return np.asarray(steps / np.linalg.norm(steps, axis=1, keepdims=True))


def spline(knots: Numbers, n: int) -> Float[Array, "{n} _"]:
    """Smooth curve through rows of knots (Catmull-Rom, centripetal in the first three columns), `n` points."""
    rows = np.asarray(knots, dtype=float)
    places = np.concatenate([[0.0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(rows[:, :3], axis=0), axis=1)))])
    slopes = np.gradient(rows, places, axis=0)
    wanted = np.linspace(0.0, places[-1], n)
    k = np.clip(np.searchsorted(places, wanted, side="right") - 1, 0, len(rows) - 2)
    h = (places[k + 1] - places[k])[:, None]
    t = (wanted - places[k])[:, None] / h
    return np.asarray(
        (2 * t**3 - 3 * t**2 + 1) * rows[k]
        + (t**3 - 2 * t**2 + t) * h * slopes[k]
        + (3 * t**2 - 2 * t**3) * rows[k + 1]
        + (t**3 - t**2) * h * slopes[k + 1]
    )


def tapered(knots: Sequence[Sequence[float]], n: int = 24, *, exponent: float = 2.6, sides: int = 16) -> Manifold:
    """A bar through knots of (x, y, z, half width, half height)."""
    rows = spline(knots, n)
    return sweep(rows[:, :3], np.maximum(rows[:, 3], 0.02), np.maximum(rows[:, 4], 0.02), exponent=exponent, n=sides)


def ring(
    center: tuple[float, float],
    half_length: float,
    half_width: float,
    wire: tuple[float, float],
    angle_deg: float = 0.0,
    n: int = 48,
) -> Manifold:
    """A finger ring in the plane z = 0: `half_length` and `half_width` are those of the hole, `wire` the half width
    and half height of the bow; `angle_deg` turns its long axis away from x."""
    turn = 2.0 * np.pi * np.arange(n) / n
    oval = np.stack([(half_length + wire[0]) * np.cos(turn), (half_width + wire[0]) * np.sin(turn)], axis=1)
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    path = np.concatenate([oval @ np.array([[c, s], [-s, c]]) + center, np.zeros((n, 1))], axis=1)
    return sweep(path, wire[0], wire[1], exponent=2.2, n=14, closed=True)


def blade(x: Numbers, spine: Numbers, edge: Numbers, bevel: Numbers | float, half_thickness: float) -> Manifold:
    """A flat blade about z = 0 with a wedge ground on both sides: at each x it reaches from `spine` to the sharp `edge`
    (y), and its sides come together over the last `bevel` millimetres."""
    x, spine, edge = (np.asarray(v, dtype=float) for v in (x, spine, edge))
    ground = spine + (edge - spine) * np.maximum(1.0 - bevel / np.maximum(np.abs(edge - spine), 1e-6), 0.08)
    h = np.full_like(x, half_thickness)
    zero = np.full_like(x, 0.004)
    corners = [(spine, h), (ground, h), (edge, zero), (edge, -zero), (ground, -h), (spine, -h)]
    return skin(np.stack([np.stack([x, y, z], axis=1) for y, z in corners], axis=1))


def wedges(x: Numbers, y: tuple[float, float], z: tuple[float, float], pitch: float, depth: float) -> Manifold:
    """Grooves along z, one at each of `x`: prisms that stand `depth` into +y from y[0], for taking away."""
    top, bottom = y
    one = np.array([[-0.5 * pitch, top], [0.5 * pitch, top], [0.0, bottom + depth]])
    return union(plate(one + [at, 0.0], z) for at in np.asarray(x, dtype=float))


def union(bodies: Iterable[Manifold]) -> Manifold:
    """All bodies as one."""
    return Manifold.batch_boolean(list(bodies), OpType.Add)


def mirrored(body: Manifold) -> Manifold:
    """The other half of a symmetric pair: half a turn about the x axis."""
    return body.rotate([180.0, 0.0, 0.0])


def bent(body: Manifold, lift: Callable[[Float[Array, " n"]], Float[Array, " n"]], longest: float = 1.5) -> Manifold:
    """The body with z raised by a function of the distance from the z axis, so that jaws still slide on each other."""

    def move(points: Points) -> Points:
        radius = np.where(points[:, 0] > 0.0, np.hypot(points[:, 0], points[:, 1]), 0.0)
        return np.column_stack([points[:, :2], points[:, 2] + lift(radius)])

    return body.refine_to_length(longest).warp_batch(move)


def solid(body: Manifold, tolerance: float = 0.02) -> Solid:
    """The body as a mesh in metres, without faces that matter less than `tolerance` (mm).

    Vertices lie on a grid of 10 nm, so that files in single precision hold the same mesh. Where the body touches
    itself in an edge, corners that fall together are moved 0.1 µm apart, so that no edge has four faces.
    """
    mesh = body.simplify(tolerance).to_mesh()
    points: NDArray[np.int64] = np.round(1e5 * np.asarray(mesh.vert_properties, dtype=np.float64)[:, :3]).astype(
        np.int64
    )
    faces = np.asarray(mesh.tri_verts, dtype=np.int64)
    unique, index = np.unique(points, axis=0, return_inverse=True)
    welded = index.reshape(-1)[faces]
    welded = welded[(welded != np.roll(welded, 1, axis=1)).all(axis=1)]
    if _closed(welded):
        return _used(np.asarray(unique, dtype=np.float64) * 1e-8, welded)
    order = np.argsort(index.reshape(-1), kind="stable")
    sorted_index = index.reshape(-1)[order]
    rank = np.empty(len(points), dtype=np.int64)
    rank[order] = np.arange(len(points)) - np.searchsorted(sorted_index, sorted_index)
    points[:, 0] += 10 * rank
    if not _closed(faces) or len(np.unique(points, axis=0)) < len(points):
        raise ValueError("a body touches itself along an edge: move its pieces apart or further together")
    return _used(np.asarray(points, dtype=np.float64) * 1e-8, faces)


def _used(vertices: Points, faces: NDArray[np.int64]) -> Solid:
    used, faces = np.unique(faces, return_inverse=True)
    return Solid(vertices[used], faces.reshape(-1, 3).astype(np.int64))


def _closed(faces: NDArray[np.int64]) -> bool:
    """Every edge belongs to exactly two faces, which run along it in opposite directions."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there, back = (np.sort(e[:, 0] * (faces.max() + 1) + e[:, 1]) for e in (edges, edges[:, ::-1]))
    return bool((there == back).all() and (np.diff(there) > 0).all())


def hulls(body: Manifold, cuts: Sequence[float], tolerance: float = 0.3) -> Solid:
    """A coarse body for collision checks: convex pieces, one for each connected part between cuts along x.

    Neighbours overlap by 0.3 mm; each piece is closed by itself.
    """
    low, high = np.array(body.bounding_box()[:3]) - 1.0, np.array(body.bounding_box()[3:]) + 1.0
    bounds = [low[0], *(cut for cut in sorted(cuts) if low[0] < cut < high[0]), high[0]]
    pieces: list[Solid] = []
    for a, b in pairwise(bounds):
        slab = body ^ box((a - 0.15, b + 0.15), (low[1], high[1]), (low[2], high[2]))
        parts = [part for part in slab.decompose() if part.volume() > 0.01]
        pieces += [_coarse_hull(part, tolerance, len(pieces) + k) for k, part in enumerate(parts)]
    first = np.cumsum([0, *(len(piece.vertices) for piece in pieces)])
    faces = [piece.faces + start for piece, start in zip(pieces, first[:-1], strict=True)]
    return Solid(np.concatenate([piece.vertices for piece in pieces]), np.concatenate(faces))


def _coarse_hull(part: Manifold, tolerance: float, number: int) -> Solid:
    """Hull with its corners on a grid of 40 µm, shifted for each piece so that no two pieces share a corner."""
    coarse = part.simplify(tolerance)
    kept = part if coarse.hull().volume() < 0.8 * part.volume() else coarse
    points = np.asarray(kept.to_mesh().vert_properties, dtype=np.float64)[:, :3]
    return solid(Manifold.hull_points(np.unique(np.round(points / 0.04), axis=0) * 0.04 + 0.0004 * number), 0.001)
