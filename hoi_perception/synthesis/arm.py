"""A hand continued by a forearm in a sleeve, so that no hole shows at the wrist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, Int64
from numpy.typing import NDArray

Array = NDArray[np.float64]
Faces = Int[NDArray[np.integer], "m 3"]

SKIN_LENGTH = 0.055
"""Bare forearm above the wrist's edge, m."""
_RINGS_SKIN = 8
_RINGS_SLEEVE = 14
_ELBOW_HALF_WIDTHS = (0.044, 0.040)
_SLEEVE_EASE = 0.006


@dataclass(frozen=True)
class Arm:
    """Hand, forearm and sleeve as one mesh; the hand's vertices come first.

    `rest` continues the hand's rest frame and places the texture; `sleeve` is 1 on cloth.
    """

    vertices: Float64[Array, "n 3"]
    rest: Float64[Array, "n 3"]
    sleeve: Float64[Array, " n"]
    faces: Int64[NDArray[np.int64], "m 3"]


def wrist_loop(faces: Faces) -> Int64[NDArray[np.int64], " k"]:
    """Vertices of the mesh's open edge, in the order in which `tube_faces` continues the mesh with its own winding."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    present = {(int(a), int(b)) for a, b in edges}
    follows = {b: a for a, b in present if (b, a) not in present}
    if not follows:
        raise ValueError("the hand mesh is closed: a forearm continues only a mesh that is open at the wrist")
    start = min(follows)
    loop = [start]
    while follows[loop[-1]] != start:
        loop.append(follows[loop[-1]])
    return np.array(loop, dtype=np.int64)


def tube_faces(rings: Int64[NDArray[np.int64], "r k"]) -> Int64[NDArray[np.int64], "m 3"]:
    """Triangles between consecutive rings of vertex indices, outside where the rings run as `wrist_loop` does."""
    a, d = rings[:-1], rings[1:]
    b, c = np.roll(a, -1, axis=1), np.roll(d, -1, axis=1)
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])


def continue_arm(
    vertices: Float[Array, "n 3"],
    rest: Float[Array, "n 3"],
    faces: Faces,
    loop: Int64[NDArray[np.int64], " k"],
    R_camera_hand: Float[Array, "3 3"],
    elbow_camera: Float[Array, "3"],
    along_rest: Float[Array, "3"],
) -> Arm:
    """The posed hand with forearm and sleeve toward the elbow.

    `along_rest` points from hand to forearm in the hand's rest frame; the forearm leaves the wrist that way and
    bends to the elbow.
    """
    edge = vertices[loop]
    axes = R_camera_hand @ np.column_stack([along_rest, [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    stations = np.concatenate([np.linspace(0.0, 1.0, _RINGS_SKIN + 1)[1:] * SKIN_LENGTH / 0.25])
    skin = _rings(edge, axes, elbow_camera, stations, ease=0.0)
    sleeve_stations = np.linspace(SKIN_LENGTH / 0.25 * 0.62, 1.0, _RINGS_SLEEVE)
    sleeve = _rings(edge, axes, elbow_camera, sleeve_stations, ease=_SLEEVE_EASE)
    n, k = len(vertices), len(loop)
    skin_ids = np.concatenate([loop[None], n + np.arange(len(skin) * k).reshape(-1, k)])
    sleeve_ids = n + len(skin) * k + np.arange(len(sleeve) * k).reshape(-1, k)
    new = np.concatenate([skin, sleeve]).reshape(-1, 3)
    placed = np.concatenate([stations, sleeve_stations]).repeat(k)[:, None] * 0.25 * along_rest
    return Arm(
        vertices=np.concatenate([vertices, new]),
        rest=np.concatenate([rest, np.tile(rest[loop], (len(skin) + len(sleeve), 1)) + placed]),
        sleeve=np.concatenate([np.zeros(n + skin.size // 3), np.ones(sleeve.size // 3)]),
        faces=np.concatenate([faces.astype(np.int64), tube_faces(skin_ids), tube_faces(sleeve_ids)]),
    )


def _rings(
    edge: Float[Array, "k 3"],
    axes: Float[Array, "3 3"],
    elbow: Float[Array, "3"],
    stations: Float[Array, " r"],
    *,
    ease: float,
) -> Float64[Array, "r k 3"]:
    """Rings round a curve from the wrist's edge to the elbow, from the edge's own outline to a forearm's ellipse."""
    center = edge.mean(axis=0)
    local = (edge - center) @ axes[:, 1:]  # (k, 2) back of the hand, thumb side
    half = np.abs(local).max(axis=0)
    direction = np.arctan2(local[:, 1] / half[1], local[:, 0] / half[0])
    middle = center + axes[:, 0] * 0.45 * np.linalg.norm(elbow - center)
    rings = []
    for s in stations:
        point = (1 - s) ** 2 * center + 2 * s * (1 - s) * middle + s * s * elbow
        tangent = (1 - s) * (middle - center) + s * (elbow - middle)
        tangent = tangent / np.linalg.norm(tangent)
        back = axes[:, 1] - tangent * (axes[:, 1] @ tangent)
        back = back / np.linalg.norm(back)
        thumb = np.cross(tangent, back) * np.sign(np.linalg.det(axes))
        grown = half + (np.array(_ELBOW_HALF_WIDTHS) - half) * (s * s * (3 - 2 * s))
        ellipse = np.stack([np.cos(direction), np.sin(direction)], axis=-1) * grown
        own = np.clip(1.0 - s * 0.25 / 0.04, 0.0, 1.0)
        outline = own * local + (1.0 - own) * ellipse
        outline = outline * (1.0 + ease / np.linalg.norm(outline, axis=1, keepdims=True))
        offset_along = own * ((edge - center) @ axes[:, 0])
        rings.append(point + outline @ np.stack([back, thumb]) + offset_along[:, None] * tangent)
    return np.stack(rings)
