"""Repairing a triangle mesh into a closed body, and telling what was changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.field_building import faces_beside
from hoi_perception.instruments.union_surface import components
from hoi_perception.kernels import self_intersection as kernels

Vertices = Float64[NDArray[np.float64], "_ 3"]
Faces = Int64[NDArray[np.int64], "_ 3"]

MERGED = 1e-6
"""Vertices nearer than this share of the body's diagonal become one."""
MAX_FILLED = 0.3
"""Share of the surface that hole filling may add; with more missing, a mesh is no body."""


def repaired(vertices: Vertices, faces: Faces, where: str) -> tuple[Vertices, Faces, tuple[str, ...]]:
    """A closed, outward mesh and one line for each change or peculiarity; InstrumentError if it cannot be closed."""
    told: list[str] = []
    vertices, faces = _merged(vertices, faces, told)
    faces = _without_useless(faces, told)
    if len(faces) < 4:
        raise InstrumentError(f"{where}: {len(faces)} faces of any area, a body has at least 4")
    faces = _same_turn(faces, told)
    vertices, faces = _filled(vertices, faces, told, where)
    faces = _outward(vertices, faces, told)
    volume = signed_volume(vertices, faces)
    extent = float(np.prod(np.ptp(vertices, axis=0)))
    if volume <= 1e-9 * extent or extent == 0.0:
        raise InstrumentError(f"{where}: encloses no volume: give a closed body, not a sheet")
    _tell_peculiarities(vertices, faces, told)
    return vertices, faces, tuple(told)


def signed_volume(vertices: Vertices, faces: Faces) -> float:
    """Volume within a closed mesh, negative where it is inside out."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("mi,mi->m", a, np.cross(b, c)).sum() / 6.0)


def open_edges(faces: Faces) -> Int64[NDArray[np.int64], "k 2"]:
    """Directed edges of faces without an edge the other way; none for a closed mesh."""
    n = int(faces.max()) + 1
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ahead, counts = np.unique(edges[:, 0] * n + edges[:, 1], return_counts=True)
    back, back_counts = np.unique(edges[:, 1] * n + edges[:, 0], return_counts=True)
    place = np.minimum(np.searchsorted(back, ahead), len(back) - 1)
    answered = np.where(back[place] == ahead, back_counts[place], 0)
    alone = np.repeat(ahead, np.maximum(counts - answered, 0))
    return np.stack([alone // n, alone % n], axis=1)


def _merged(vertices: Vertices, faces: Faces, told: list[str]) -> tuple[Vertices, Faces]:
    step = MERGED * float(np.linalg.norm(np.ptp(vertices, axis=0))) or 1.0
    cells = np.round(vertices / step).astype(np.int64)
    _, first, inverse = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    if len(first) < len(vertices):
        told.append(f"merged {len(vertices) - len(first)} duplicate vertices")
    return vertices[first], inverse.ravel()[faces]


def _without_useless(faces: Faces, told: list[str]) -> Faces:
    a, b, c = faces.T
    flat = (a == b) | (b == c) | (c == a)
    if flat.any():
        told.append(f"removed {int(flat.sum())} faces without area")
    faces = faces[~flat]
    rotated = np.take_along_axis(faces, (faces.argmin(axis=1)[:, None] + np.arange(3)) % 3, axis=1)
    _, first = np.unique(rotated, axis=0, return_index=True)
    if len(first) < len(faces):
        told.append(f"removed {len(faces) - len(first)} duplicate faces")
    return faces[np.sort(first)]


def _same_turn(faces: Faces, told: list[str]) -> Faces:
    """Neighbours made to run through their common edge in opposite directions, in each part as most of it does."""
    beside = faces_beside(faces).astype(np.int64)
    part = components(int(faces.max()) + 1, faces)[faces[:, 0]]
    flipped, seen = np.zeros(len(faces), dtype=bool), np.zeros(len(faces), dtype=bool)
    while not seen.all():
        _, seeds = np.unique(np.where(seen, -1, part), return_index=True)
        front = seeds[~seen[seeds]]
        seen[front] = True
        while len(front):
            front = _spread_turn(faces, beside, front, flipped, seen)
    groups, index = np.unique(part, return_inverse=True)
    turned = np.bincount(index.ravel(), flipped, len(groups))
    most = turned > 0.5 * np.bincount(index.ravel(), minlength=len(groups))
    flipped ^= most[index.ravel()]
    if flipped.any():
        told.append(f"turned {int(flipped.sum())} faces that faced the other way than their neighbours")
    return np.where(flipped[:, None], faces[:, ::-1], faces)


def _spread_turn(
    faces: Faces,
    beside: Int64[NDArray[np.int64], "m 3"],
    front: NDArray[np.int64],
    flipped: NDArray[np.bool_],
    seen: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Sets which unseen neighbours of the front have to be flipped; the next front."""
    reached = []
    for k in range(3):
        other = beside[front, k]
        fresh = other >= 0
        one, two = front[fresh], other[fresh]
        fresh = ~seen[two]
        two, first = np.unique(two[fresh], return_index=True)
        one = one[fresh][first]
        start, end = faces[one, k], faces[one, (k + 1) % 3]
        same = ((faces[two] == start[:, None]) & (np.roll(faces[two], -1, axis=1) == end[:, None])).any(axis=1)
        flipped[two] = flipped[one] ^ same
        seen[two] = True
        reached.append(two)
    return np.concatenate(reached)


def _filled(vertices: Vertices, faces: Faces, told: list[str], where: str) -> tuple[Vertices, Faces]:
    """Every hole closed by a fan round the middle of its border."""
    border = open_edges(faces)
    if len(border) == 0:
        return vertices, faces
    loops = _loops(border, where)
    area = _area(vertices, faces)
    added_vertices: list[NDArray[np.float64]] = []
    added_faces: list[Faces] = []
    for loop in loops:
        hub = len(vertices) + len(added_vertices)
        added_vertices.append(vertices[loop].mean(axis=0))
        added_faces.append(np.stack([np.roll(loop, -1), loop, np.full(len(loop), hub)], axis=1))
    vertices = np.concatenate([vertices, np.array(added_vertices)])
    patches = np.concatenate(added_faces)
    share = _area(vertices, patches) / max(area, 1e-300)
    if share > MAX_FILLED:
        raise InstrumentError(
            f"{where}: is no closed body: {_count(loops, 'hole')}, {share:.0%} of its surface: close them in a "
            "modelling program"
        )
    told.append(f"filled {_count(loops, 'hole')} ({share:.2%} of the surface)")
    faces = np.concatenate([faces, patches])
    if len(open_edges(faces)):
        raise InstrumentError(f"{where}: could not be closed: repair it in a modelling program")
    return vertices, faces


def _loops(border: Int64[NDArray[np.int64], "k 2"], where: str) -> list[NDArray[np.int64]]:
    """Borders of holes; each ends where it began."""
    onward: dict[int, list[int]] = {}
    for start, end in border.tolist():
        onward.setdefault(start, []).append(end)
    loops = []
    while onward:
        start = next(iter(onward))
        loop = [start]
        while True:
            choices = onward.get(loop[-1])
            if not choices:
                raise InstrumentError(
                    f"{where}: the borders of its holes do not close: repair it in a modelling program"
                )
            following = choices.pop()
            if not choices:
                del onward[loop[-1]]
            if following == start:
                break
            if following in loop:  # a loop hangs on this one: it is taken by itself
                at = loop.index(following)
                loops.append(np.array(loop[at:]))
                loop = loop[: at + 1]
                continue
            loop.append(following)
        if len(loop) > 2:
            loops.append(np.array(loop))
    return loops


def _outward(vertices: Vertices, faces: Faces, told: list[str]) -> Faces:
    """Parts that are inside out are turned; one that lies within another part stays, as its cavity."""
    part = components(len(vertices), faces)[faces[:, 0]]
    names = np.unique(part)
    boxes = {
        p: (vertices[faces[part == p]].min(axis=(0, 1)), vertices[faces[part == p]].max(axis=(0, 1))) for p in names
    }
    wrong = []
    for p in names:
        low, high = boxes[p]
        within = any((boxes[q][0] < low).all() and (boxes[q][1] > high).all() for q in names if q != p)
        if not within and signed_volume(vertices, faces[part == p]) < 0.0:
            wrong.append(p)
    if not wrong:
        return faces
    told.append(
        "was inside out: all faces turned" if len(wrong) == len(names) else f"turned {len(wrong)} inside-out parts"
    )
    return np.where(np.isin(part, wrong)[:, None], faces[:, ::-1], faces)


def _tell_peculiarities(vertices: Vertices, faces: Faces, told: list[str]) -> None:
    parts = len(np.unique(components(len(vertices), faces)[faces[:, 0]]))
    if parts > 1:
        told.append(f"has {parts} separate parts, taken as one rigid body")
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, counts = np.unique(ends[:, 0] * len(vertices) + ends[:, 1], return_counts=True)
    if (counts > 2).any():
        told.append(f"is non-manifold: {int((counts > 2).sum())} edges with more than two faces, left as they are")
    piercing = count_piercing(vertices, faces)
    if piercing:
        told.append(f"intersects itself: {piercing} faces pierce others, left as they are")


def count_piercing(vertices: Vertices, faces: Faces) -> int:
    """How many faces have an edge that passes through a face with which they share no corner."""
    scale = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    mesh = wp.Mesh(
        wp.array(((vertices - vertices.mean(axis=0)) / scale).astype(np.float32), dtype=wp.vec3, device="cpu"),
        wp.array(faces.astype(np.int32).ravel(), dtype=wp.int32, device="cpu"),
    )
    corners = wp.array(faces.astype(np.int32), dtype=wp.vec3i, device="cpu")
    found = wp.zeros(len(faces), dtype=wp.int32, device="cpu")
    wp.launch(kernels.find_piercing, dim=len(faces), inputs=[mesh.id, corners], outputs=[found], device="cpu")
    return int(found.numpy().sum())


def _count(found: list[Any], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"


def _area(vertices: Vertices, faces: Faces) -> float:
    corners = vertices[faces]
    return 0.5 * float(
        np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    )
