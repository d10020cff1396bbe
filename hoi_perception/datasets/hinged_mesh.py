"""Objects of two parts on a hinge, as ARCTIC states them: one mesh, and which of its vertices are the base's."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.datasets.errors import ReadError
from hoi_perception.datasets.files import read_json
from hoi_perception.datasets.sample import ObjectTruth
from hoi_perception.instruments.adding import STEEL
from hoi_perception.instruments.description import InstrumentDescription
from hoi_perception.instruments.design import InstrumentDesign, JointDesign, LinkDesign, Part, Solid
from hoi_perception.instruments.mesh_files import MAX_BYTES, read_limited
from hoi_perception.instruments.repair import repaired

Array = NDArray[np.float64]
HINGE = "hinge"
OPENING_RAD = (-0.35, 3.5)
"""Limits of the hinge: data sets state none; from shut to half a turn, with 20 degrees to spare."""


def hinged_design(root: Path, truth: ObjectTruth, name: str) -> InstrumentDesign:
    """The object with its base and its turning part as links, both closed.

    ReadError or InstrumentError names what is wrong with its files.
    """
    hinge = truth.hinge
    assert hinge is not None, "an object of one piece has no hinge"
    path = root / truth.mesh
    vertices, faces = obj_mesh(path)
    of_base = _flags(root / hinge.parts, len(vertices))
    links, told = [], [f"mesh {path.parent.name}/{path.name}"]
    for link, mine in (("base", of_base), ("top", ~of_base)):
        own = faces[mine[faces].all(axis=1)]
        if len(own) == 0:
            raise ReadError(path, f"has no faces of part {link}: cut off, or of another version than its list of parts")
        used, corners = np.unique(own, return_inverse=True)
        where = f"{path}: part {link}"
        points, closed, changes = repaired(vertices[used] * truth.mesh_scale, corners.reshape(-1, 3), where)
        links.append(LinkDesign(link, (Part(link, Solid(points, closed), STEEL),), ()))
        told += [f"part {link}: {change}" for change in changes]
    low, high = OPENING_RAD
    joint = JointDesign(HINGE, "base", "top", axis=hinge.axis, lower=low, upper=high)
    return InstrumentDesign(tuple(links), (joint,), InstrumentDescription(name, "unknown", sources=tuple(told)))


def obj_mesh(path: Path) -> tuple[Float64[Array, "n 3"], Int64[NDArray[np.int64], "m 3"]]:
    """Vertices of an OBJ file in its own order and unit, and triangles; polygons become fans.

    Other readers merge or multiply vertices, and lists that go by their number then no longer fit.
    """
    points: list[list[float]] = []
    triangles: list[list[int]] = []
    try:
        for line in read_limited(path, MAX_BYTES).decode("utf-8", "replace").splitlines():
            kind, *words = line.split() or [""]
            if kind == "v":
                points.append([float(word) for word in words[:3]])
            elif kind == "f":
                corners = [_place(word, len(points)) for word in words]
                triangles += [[corners[0], b, c] for b, c in pairwise(corners[1:])]
        vertices = np.array(points, dtype=np.float64).reshape(-1, 3)
    except ValueError as error:
        raise ReadError(path, f"cannot be read as OBJ ({error})") from error
    faces = np.array(triangles, dtype=np.int64).reshape(-1, 3)
    if len(faces) == 0 or faces.min() < 0 or faces.max() >= len(vertices) or not np.isfinite(vertices).all():
        raise ReadError(path, "holds no mesh, or one that is cut off")
    return vertices, faces


def _place(word: str, count: int) -> int:
    """Place of a corner's vertex: counted from 1, or backwards from the last one so far."""
    number = int(word.partition("/")[0])
    return number - 1 if number > 0 else count + number


def _flags(path: Path, count: int) -> Bool[NDArray[np.bool_], " n"]:
    """For each vertex whether it is of the base."""
    content = read_json(path)
    flags = np.asarray(content if isinstance(content, list) else [], dtype=object)
    if flags.shape != (count,) or not all(flag in (0, 1) for flag in flags):
        found = f"{len(flags)} entries" if flags.ndim == 1 else "lists"
        raise ReadError(path, f"holds {found}, not 0 or 1 for each of the mesh's {count} vertices")
    both = flags.astype(np.bool_)
    if both.all() or not both.any():
        raise ReadError(path, "puts all vertices into one part")
    return np.asarray(both)
