"""Fingertip upsampling: the last segments of the fingers refined smoothly by one fixed sparse matrix.

MANO's 778 vertices are too coarse at the finger pads for contact. After posing, `vertices_fine = S @ vertices`; since S
is linear, derivatives go through the same matrix, `J_fine = S @ J`. The first 778 fine vertices are the coarse ones, so
indices into the coarse mesh (tips, zones) hold in the fine one too; its wrist is open likewise. S depends on the faces
and skinning only, and is the same for the mirrored hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int32
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import FINGER_JOINTS
from hoi_perception.hands.subdivision import Row, composed, refine
from hoi_perception.types import N_VERTICES

Array = NDArray[np.float64]
_LAST_JOINTS = [last for _, _, last in FINGER_JOINTS.values()]
_REGION_WEIGHT = 0.4


@dataclass(frozen=True, eq=False)
class FingerPatch:
    """New vertices of one finger (`rows`, a run in the fine mesh) as a small dense matrix on the vertices they use."""

    rows: slice
    sources: Int[NDArray[np.int64], " k"]
    matrix: Float64[Array, "m k"]


@dataclass(frozen=True, eq=False)
class FingertipUpsampling:
    """The matrix S of a hand and the faces of the fine mesh; `coarse_face` is the face that each is part of."""

    levels: int
    faces: Int32[NDArray[np.int32], "f 3"]
    coarse_face: Int32[NDArray[np.int32], " f"]
    patches: tuple[FingerPatch, ...]

    @staticmethod
    def of(model: HandModel, levels: int = 1) -> FingertipUpsampling:
        """S with the last segment of each finger refined `levels` (1 or 2) times."""
        return _build(model, levels)

    @property
    def n_vertices(self) -> int:
        """Number of fine vertices."""
        return N_VERTICES + sum(len(patch.matrix) for patch in self.patches)

    def apply(self, vertices: Float[NDArray[np.floating], "*b 778 3"]) -> Float[NDArray[np.floating], "*b n 3"]:
        """S @ vertices: the fine vertices of posed (or rest) hands."""
        out = np.empty((*vertices.shape[:-2], self.n_vertices, 3), dtype=vertices.dtype)
        out[..., :N_VERTICES, :] = vertices
        for patch in self.patches:
            out[..., patch.rows, :] = patch.matrix.astype(vertices.dtype, copy=False) @ vertices[..., patch.sources, :]
        return out

    def apply_jacobian(self, J: Float64[Array, "778 3 p"]) -> Float64[Array, "n 3 p"]:
        """S @ J: derivatives of the fine vertices from those of the coarse ones."""
        flat = J.reshape(N_VERTICES, -1)
        out = np.empty((self.n_vertices, flat.shape[1]))
        out[:N_VERTICES] = flat
        for patch in self.patches:
            out[patch.rows] = patch.matrix @ flat[patch.sources]
        return out.reshape(-1, *J.shape[1:])

    def csr(self) -> tuple[Int32[NDArray[np.int32], " r"], Int32[NDArray[np.int32], " k"], Float64[Array, " k"]]:
        """S in compressed rows (row starts, columns, weights), for kernels and sparse libraries."""
        columns = [np.arange(N_VERTICES)]
        weights, counts = [np.ones(N_VERTICES)], [np.ones(N_VERTICES, dtype=np.int64)]
        for patch in self.patches:
            row, column = np.nonzero(patch.matrix)
            columns.append(patch.sources[column])
            weights.append(patch.matrix[row, column])
            counts.append(np.bincount(row, minlength=patch.matrix.shape[0]))
        starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        return starts.astype(np.int32), np.concatenate(columns).astype(np.int32), np.concatenate(weights)


def fingertip_region(model: HandModel) -> Bool[NDArray[np.bool_], "1538"]:
    """Faces of the last segments, by skin weights."""
    share = model.skin_weights[:, _LAST_JOINTS].sum(axis=1)
    region: NDArray[np.bool_] = share[model.faces].mean(axis=1) > _REGION_WEIGHT
    return region


def _build(model: HandModel, levels: int) -> FingertipUpsampling:
    if levels not in (1, 2):
        raise ValueError(f"fingertips are refined 1 or 2 times, not {levels}: give levels=1 or levels=2")
    faces, coarse_face = model.faces.astype(np.int64), np.arange(len(model.faces))
    region, rows = fingertip_region(model), list[Row]()
    for _ in range(levels):
        refined = refine(faces, region)
        rows += composed(refined.rows, rows, N_VERTICES)
        faces, region = refined.faces, refined.inner
        coarse_face = coarse_face[refined.parent_face]
    patches, order = _patches(rows, model)
    return FingertipUpsampling(levels, order[faces].astype(np.int32), coarse_face.astype(np.int32), patches)


def _patches(rows: list[Row], model: HandModel) -> tuple[tuple[FingerPatch, ...], Int[NDArray[np.int64], " n"]]:
    """Rows sorted by finger into dense matrices, and the new number of each fine vertex."""
    shares = model.skin_weights[:, _LAST_JOINTS]
    finger = np.array([int(np.argmax(sum(w * shares[v] for v, w in row.items()))) for row in rows])
    order = np.arange(N_VERTICES + len(rows))
    patches, start = [], N_VERTICES
    for k in range(len(_LAST_JOINTS)):
        members = np.flatnonzero(finger == k)
        sources = np.unique([v for i in members for v in rows[i]])
        matrix = np.zeros((members.size, sources.size))
        for i, member in enumerate(members):
            matrix[i, np.searchsorted(sources, list(rows[member]))] = list(rows[member].values())
        order[N_VERTICES + members] = np.arange(start, start + members.size)
        patches.append(FingerPatch(slice(start, start + members.size), sources, matrix))
        start += members.size
    return tuple(patches), order
