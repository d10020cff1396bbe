"""Meshes as binary PLY, which MeshLab, Blender and Open3D read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer
from numpy.typing import NDArray

from hoi_perception.io.whole_results import whole_file


def write_ply(
    path: Path, vertices: Float[NDArray[Any], "n 3"], faces: Integer[NDArray[Any], "f 3"], comment: str = ""
) -> None:
    """A triangle mesh in metres, little endian; `comment` is one line for the header."""
    header = ["ply", "format binary_little_endian 1.0"]
    header += [f"comment {' '.join(comment.split())}"] if comment else []
    header += [f"element vertex {len(vertices)}", *(f"property float {axis}" for axis in "xyz")]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", ""]
    rows = np.empty(len(faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    rows["count"], rows["corners"] = 3, faces
    with whole_file(path) as partial, partial.open("wb") as stream:
        stream.write("\n".join(header).encode("ascii", "replace"))
        stream.write(vertices.astype("<f4").tobytes())
        stream.write(rows.tobytes())
