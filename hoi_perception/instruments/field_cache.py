"""Distance fields on disk, by the content of the mesh and the way they are built."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from dataclasses import astuple
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.distance_field import BLOCK, BRICK, NO_BRICK, DistanceField, FieldLimits
from hoi_perception.instruments.field_building import build_field

VERSION = 2
"""To be raised with every change of what a field holds or how it is built."""


def cache_directory() -> Path:
    """`hoi_perception/fields` in the user's cache; it need not exist."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "hoi_perception" / "fields"


def cached_field(
    vertices: Float64[NDArray[np.float64], "n 3"],
    faces: Int64[NDArray[np.int64], "m 3"],
    limits: FieldLimits | None = None,
    directory: Path | None = None,
) -> DistanceField:
    """The field of a mesh, read from the cache, else built and put there.

    A file that is damaged or of another version is replaced. A cache that cannot be written to does no harm. Processes
    that build the same field at once each write a file of their own and rename it.
    """
    limits = limits or FieldLimits()
    path = (directory or cache_directory()) / f"{field_key(vertices, faces, limits)}.npz"
    found = _read(path)
    if found is not None:
        return found
    field = build_field(vertices, faces, limits)
    _write(path, field)
    return field


def field_key(
    vertices: Float64[NDArray[np.float64], "n 3"], faces: Int64[NDArray[np.int64], "m 3"], limits: FieldLimits
) -> str:
    """Hash of all that decides what the field is."""
    digest = hashlib.sha256(repr((VERSION, astuple(limits), vertices.shape, faces.shape)).encode())
    digest.update(np.ascontiguousarray(vertices).tobytes())
    digest.update(np.ascontiguousarray(faces).tobytes())
    return digest.hexdigest()[:40]


def _read(path: Path) -> DistanceField | None:
    """The field of a file, None if it is not there or not whole."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            field = DistanceField(
                arrays["origin"], float(arrays["spacing"]), arrays["nodes"], arrays["blocks"], arrays["bricks"]
            )
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return None
    return field if _is_whole(field) else None


def _is_whole(field: DistanceField) -> bool:
    """What the look-up relies on, so that a wrong file cannot make it read outside its arrays."""
    types = [a.dtype.str.lstrip("<") for a in (field.nodes, field.blocks, field.bricks, field.origin)]
    if types != ["f2", "u2", "f2", "f4"] or field.nodes.ndim != 3 or field.origin.shape != (3,):
        return False
    if any(n < BLOCK + 1 or n % BLOCK != 1 for n in field.nodes.shape) or field.bricks.shape[1:] != (BRICK,) * 3:
        return False
    if field.blocks.shape != tuple((n - 1) // BLOCK for n in field.nodes.shape) or not field.spacing > 0.0:
        return False
    used = field.blocks[field.blocks != NO_BRICK]
    finite = all(bool(np.isfinite(a).all()) for a in (field.nodes, field.bricks, field.origin))
    return finite and (used.size == 0 or int(used.max()) < len(field.bricks))


def _write(path: Path, field: DistanceField) -> None:
    """Writes under a name of this call's own, then renames; a full or read-only disk is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".npz", delete=False) as file:
            temporary = Path(file.name)
            try:
                np.savez_compressed(
                    file,
                    origin=field.origin,
                    spacing=np.float64(field.spacing),
                    nodes=field.nodes,
                    blocks=field.blocks,
                    bricks=field.bricks,
                )
                file.close()
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError:
        return
