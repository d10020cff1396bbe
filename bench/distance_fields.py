"""Distance fields beside other libraries: `python bench/distance_fields.py [--json FILE]`.

Bodies: links of the library, and an instrument-like mesh of 204 020 triangles. Errors are in mm against libigl's exact
distances in double precision (trimesh's where libigl is not installed), at random places within 3 mm of the surface,
and round the tips. Times are the median of one call for 778 points with everything warm, on one core where the library
allows it; memory is that of the field, or of the mesh and its tree as far as the library tells. trimesh, open3d and
libigl take their columns where they are installed (`pip install trimesh rtree open3d libigl`).
"""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import trimesh
import tyro

from hoi_perception.instruments.distance_field import DistanceField
from hoi_perception.instruments.field_building import build_field
from hoi_perception.instruments.field_lookup import FieldQuery, InstrumentFields
from hoi_perception.instruments.kinematics import joint_tree
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel, Link

N_POINTS = 778
NEAR_M = 0.003
LINKS = (
    ("scalpel_15", 0, 1),
    ("iris_scissors", 1, 0),
    ("kelly_haemostat", 1, 0),
    ("adson_forceps", 1, 0),
    ("mug", 0, 0),
    ("large_needle_driver", 0, 0),
)
Distance = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Arguments:
    """What to write."""

    json: Path | None = None
    """File for the figures."""
    samples: int = 20000
    """Places at which errors are measured."""


@dataclass(frozen=True)
class Body:
    """A closed mesh (m) with the places of its tips."""

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    tips: np.ndarray


@dataclass(frozen=True)
class Row:
    """Figures of one method on one body; None where they do not apply."""

    body: str
    method: str
    build_s: float
    look_up_ms: float
    memory_mb: float | None = None
    mean_mm: float | None = None
    p99_mm: float | None = None
    p99_within_1_mm: float | None = None
    tip_mean_mm: float | None = None
    remark: str = ""


def bodies() -> list[Body]:
    """Closed parts of links of the library, and a large mesh."""
    library = Library.find()
    found = []
    for name, index, part in LINKS:
        model = library.get(name)
        link = model.links[index]
        mesh = link.visual[part]
        tips = [frame.pose.t for frame in model.description.tips if frame.link == link.name]
        found.append(Body(f"{name}, {mesh.source.path.stem}", mesh.vertices, mesh.faces, np.array(tips).reshape(-1, 3)))
    return [*found, large_body()]


def large_body() -> Body:
    """204 020 triangles: a spindle of 180 x 16 x 12 mm with ripples 0.1 mm high, like engraved steel."""
    mesh = trimesh.creation.icosahedron()
    corners, turns = np.asarray(mesh.vertices)[mesh.faces], 101
    i, j = np.meshgrid(np.arange(turns + 1), np.arange(turns + 1), indexing="ij")
    i, j = i[i + j <= turns], j[i + j <= turns]
    weights = np.stack([turns - i - j, i, j], axis=1) / turns
    index = {(a, b): k for k, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True))}
    up = [(index[a, b], index[a + 1, b], index[a, b + 1]) for a, b in index if a + b < turns]
    down = [(index[a + 1, b], index[a + 1, b + 1], index[a, b + 1]) for a, b in index if a + b < turns - 1]
    patch = np.array(up + down)
    faces = (patch[None] + len(weights) * np.arange(20)[:, None, None]).reshape(-1, 3)
    whole = trimesh.Trimesh((weights @ corners).reshape(-1, 3), faces)
    whole.merge_vertices(digits_vertex=9)
    unit = np.asarray(whole.vertices) / np.linalg.norm(whole.vertices, axis=1, keepdims=True)
    ripples = 1.0 + 0.015 * np.sin(60.0 * unit[:, :1]) * (1.0 - unit[:, :1] ** 2)
    vertices = unit * ripples * np.array([0.09, 0.008, 0.006])
    return Body("spindle", vertices, np.asarray(whole.faces, dtype=np.int64), vertices[[vertices[:, 0].argmax()]])


def ours(body: Body) -> tuple[Distance, DistanceField]:
    """Look-up in the field."""
    field = build_field(body.vertices, body.faces)
    tree = joint_tree(InstrumentModel(Library.find().entry("cube").description, (Link("base"),), ()))  # type: ignore[arg-type]
    fields = InstrumentFields(tree, (field,))
    queries: dict[int, FieldQuery] = {}
    still = np.eye(3, dtype=np.float32)[None], np.zeros((1, 3), np.float32), np.zeros((1, 0), np.float32)

    def distance(points: np.ndarray) -> np.ndarray:
        query = queries.setdefault(len(points), None) or FieldQuery(fields, len(points))  # type: ignore[arg-type]
        queries[len(points)] = query
        return query(points[None], *still).distance[0]

    return distance, field


def with_igl(body: Body) -> Distance:
    """libigl: exact distances by its tree, signs by winding numbers, of which the tree is built in each call."""
    import igl

    tree = igl.AABB()
    tree.init(body.vertices, body.faces)

    def distance(points: np.ndarray) -> np.ndarray:
        points = np.ascontiguousarray(points, dtype=np.float64)
        unsigned = np.sqrt(tree.squared_distance(body.vertices, body.faces, points)[0])
        return np.where(igl.fast_winding_number(body.vertices, body.faces, points) > 0.5, -unsigned, unsigned)

    return distance


def with_open3d(body: Body) -> Distance:
    """open3d: Embree's closest points, signs by ray parity, single precision."""
    import open3d

    scene = open3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(body.vertices.astype(np.float32), body.faces.astype(np.uint32))

    def distance(points: np.ndarray) -> np.ndarray:
        return scene.compute_signed_distance(points.astype(np.float32), nthreads=1).numpy()

    return distance


def with_trimesh(body: Body) -> Distance:
    """trimesh: exact distances by its R-tree."""
    query = trimesh.proximity.ProximityQuery(trimesh.Trimesh(body.vertices, body.faces, process=False))
    return lambda points: -query.signed_distance(points)


PEERS: dict[str, tuple[str, Callable[[Body], Distance]]] = {
    "libigl": ("igl", with_igl),
    "open3d": ("open3d", with_open3d),
    "trimesh": ("rtree", with_trimesh),
}


def found(module: str) -> bool:
    """True where a library is installed, with all that it asks for."""
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def median_ms(call: Callable[[], Any], seconds: float = 2.0) -> float:
    """Median time of a call, ms."""
    call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or (time.perf_counter() < end and len(times) < 2000):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000.0 * float(np.median(times))


def places(body: Body, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random places within 3 mm of the surface, and within 1 mm of the tips."""
    rng = np.random.default_rng(0)
    mesh = trimesh.Trimesh(body.vertices, body.faces, process=False)
    on, face = trimesh.sample.sample_surface(mesh, count, seed=1)
    near = np.asarray(on) + mesh.face_normals[face] * rng.uniform(-NEAR_M, NEAR_M, size=(count, 1))
    spread = rng.normal(size=(2000, 3))
    spread *= 0.001 * rng.uniform(size=(2000, 1)) ** (1 / 3) / np.linalg.norm(spread, axis=1, keepdims=True)
    return near, (body.tips[:, None] + spread).reshape(-1, 3)


def measure(body: Body, count: int) -> list[Row]:
    """Rows of one body."""
    near, tips = places(body, count)
    start = time.perf_counter()
    distance, field = ours(body)
    build_s = time.perf_counter() - start
    peers = {name: make for name, (module, make) in PEERS.items() if found(module)}
    exact = peers.get("libigl", with_trimesh)(body)
    truth = exact(near)
    within = np.abs(truth) < NEAR_M
    error = 1000.0 * np.abs(distance(near) - truth)[within]
    tip_error = 1000.0 * np.abs(distance(tips) - exact(tips)).mean() if len(tips) else None
    points = near[:N_POINTS].copy()
    remark = f"{1000 * field.spacing:.2f} mm, {len(field.bricks)} bricks of {250 * field.spacing:.3f} mm"
    rows = [
        Row(
            body.name,
            "field",
            build_s,
            median_ms(lambda: distance(points)),
            field.nbytes / 1e6,
            float(error.mean()),
            float(np.quantile(error, 0.99)),
            float(np.quantile(error[np.abs(truth[within]) < 0.001], 0.99)),
            tip_error,
            remark,
        )
    ]
    for name, make in peers.items():
        start = time.perf_counter()
        other = make(body)
        other(points[:1])
        build_s = time.perf_counter() - start
        off = 1000.0 * np.abs(other(near[:2000]) - truth[:2000])[within[:2000]]
        figures = float(off.mean()), float(np.quantile(off, 0.99))
        rows.append(Row(body.name, name, build_s, median_ms(lambda f=other: f(points)), None, *figures))  # type: ignore[misc]
    return rows


def table(rows: list[Row]) -> str:
    """Markdown."""

    def cell(value: float | None, digits: int) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    lines = [
        "| body | method | built in s | 778 points, ms | MB | mean mm | p99 mm | p99 within 1 mm | tips mean mm | |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|---|")
    for r in rows:
        figures = [cell(r.build_s, 2), cell(r.look_up_ms, 3), cell(r.memory_mb, 1)]
        figures += [cell(r.mean_mm, 4), cell(r.p99_mm, 3), cell(r.p99_within_1_mm, 3), cell(r.tip_mean_mm, 4)]
        lines.append(f"| {r.body} | {r.method} | {' | '.join(figures)} | {r.remark} |")
    return "\n".join(lines)


def main(arguments: Arguments) -> None:
    """Measures, prints, writes."""
    build_field(*(a for a in (large_body().vertices[:4] * 1.0, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]))))
    rows: list[Row] = []
    for body in bodies():
        print(f"{body.name}: {len(body.faces)} triangles", flush=True)
        rows += measure(body, arguments.samples)
    print(table(rows))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main(tyro.cli(Arguments))
