"""Meshes of instruments: binary STL by our own reader and writer, other formats through trimesh."""

from __future__ import annotations

import io
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.model import Primitive

MAX_BYTES = 256 * 2**20
MAX_TRIANGLES = 3_000_000
FORMATS = ("stl", "obj", "ply", "glb", "gltf", "dae", "off")

Vertices = Float64[NDArray[np.float64], "n 3"]
Faces = Int64[NDArray[np.int64], "m 3"]

_STL = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read_mesh(path: Path) -> tuple[Vertices, Faces]:
    """Vertices in the file's own unit and faces; InstrumentError if it is no mesh, empty, too large or not finite.

    Corners at exactly the same place become one vertex; vertices are in the order of their first use by a face.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise InstrumentError(f"{path}: .{kind} is not a mesh format that is read: give {', '.join(FORMATS)}")
    content = read_limited(path, MAX_BYTES)
    corners = _binary_stl(content, path) if kind == "stl" else None
    if corners is None:
        corners = _with_trimesh(content, kind, path)
    if len(corners) == 0:
        raise InstrumentError(f"{path}: holds no triangles: export the body's surface as a mesh")
    if len(corners) > MAX_TRIANGLES:
        raise InstrumentError(f"{path}: {len(corners)} triangles, at most {MAX_TRIANGLES} are read: decimate the mesh")
    if not np.isfinite(corners).all():
        raise InstrumentError(f"{path}: has vertices that are not finite: export it again")
    return merged_corners(corners)


def read_limited(path: Path, limit: int) -> bytes:
    """Bytes of a regular file; InstrumentError if it is missing, no file, or larger than `limit`."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InstrumentError(f"{path}: is not a regular file")
        if status.st_size > limit:
            raise InstrumentError(
                f"{path}: {status.st_size / 2**20:.0f} MB, at most {limit / 2**20:.0f} MB are read: make it smaller"
            )
        if status.st_size == 0:
            raise InstrumentError(f"{path}: is empty: export or copy it again")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except FileNotFoundError:
        raise InstrumentError(f"{path}: is missing") from None
    except OSError as error:
        raise InstrumentError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > limit:
        raise InstrumentError(f"{path}: grew beyond {limit / 2**20:.0f} MB while it was read")
    return content


def merged_corners(corners: Float64[NDArray[np.float64], "m 3 3"]) -> tuple[Vertices, Faces]:
    """Indexed mesh of loose triangles: equal corners are one vertex, in the order of first use."""
    flat = corners.reshape(-1, 3) + 0.0  # -0.0 becomes 0.0
    keys = np.ascontiguousarray(flat).view(np.dtype((np.void, 24))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return flat[first[order]], rank[inverse.ravel()].reshape(-1, 3)


def stl_bytes(vertices: Vertices, faces: Faces, title: str = "") -> bytes:
    """Binary STL, little endian, in the vertices' own unit."""
    rows = np.zeros(len(faces), dtype=_STL)
    corners = np.asarray(vertices[faces], dtype=np.float32)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    rows["normal"] = normals / np.where(lengths > 0.0, lengths, 1.0)
    rows["corners"] = corners
    # a text STL starts with "solid"
    header = f"mesh {title}".encode("ascii", "replace")[:80].ljust(80, b" ")
    return header + np.uint32(len(faces)).tobytes() + rows.tobytes()


def primitive_mesh(primitive: Primitive) -> tuple[Vertices, Faces]:
    """Closed mesh of a URDF primitive, its pose applied; round bodies within 0.5 % of their radius."""
    import trimesh

    match primitive.kind:
        case "box":
            mesh: Any = trimesh.creation.box(primitive.size)
        case "cylinder":
            mesh = trimesh.creation.cylinder(primitive.size[0], primitive.size[1], sections=64)
        case "sphere":
            mesh = trimesh.creation.icosphere(subdivisions=3, radius=primitive.size[0])
        case _:
            raise InstrumentError(f"geometry <{primitive.kind}>: allowed are mesh, box, cylinder, sphere")
    vertices = np.asarray(mesh.vertices, dtype=np.float64) @ primitive.pose.R.T + primitive.pose.t
    return vertices, np.asarray(mesh.faces, dtype=np.int64)


def _binary_stl(content: bytes, path: Path) -> Float64[NDArray[np.float64], "m 3 3"] | None:
    """Triangles of a binary STL, None if it is a text STL."""
    count = int.from_bytes(content[80:84], "little")
    if len(content) < 84 or len(content) != 84 + 50 * count:
        if content[:5].lower() == b"solid":
            return None
        raise InstrumentError(
            f"{path}: cannot be read as STL ({len(content)} bytes for {count} triangles): export it again"
        )
    return np.frombuffer(content, _STL, offset=84)["corners"].astype(np.float64)


def _with_trimesh(content: bytes, kind: str, path: Path) -> Float64[NDArray[np.float64], "m 3 3"]:
    """Triangles of any other format; only the file itself is read, never one that it names."""
    import trimesh

    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            loaded: Any = trimesh.load_scene(io.BytesIO(content), file_type=kind, resolver=None)
            # to_mesh places every body of the scene
            mesh = loaded.to_mesh()
        return np.asarray(mesh.vertices, dtype=np.float64)[np.asarray(mesh.faces, dtype=np.int64)].reshape(-1, 3, 3)
    except Exception as error:  # noqa: BLE001  (a parser of foreign bytes may raise anything)
        reason = " ".join(str(error).split())[:160]
        raise InstrumentError(
            f"{path}: cannot be read as {kind.upper()} ({type(error).__name__}: {reason}): export it again"
        ) from None
