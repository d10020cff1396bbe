"""Samples of an instrument's surface: what residuals of the instrument take hold of."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.surface import face_normals
from hoi_perception.instruments.model import InstrumentModel

Array = NDArray[np.float64]
_CANDIDATES = 8
"""Random places per sample kept; the more, the more even the samples."""


def sampled_surface(
    model: InstrumentModel, samples: int, seed: int = 0
) -> tuple[Float64[Array, "n 3"], Float64[Array, "n 3"], Int64[NDArray[np.int64], " n"]]:
    """About `samples` places on the links' surfaces (m, in the link's frame), outward normals, indices of the links.

    Spread evenly: of random places one is kept per cell of a grid whose size suits the area.
    """
    places, normals, links = _candidates(model, samples * _CANDIDATES, np.random.default_rng(seed))
    area = sum(0.5 * float(np.linalg.norm(face_normals(*link.surface()), axis=1).sum()) for link in model.links)
    cell = np.sqrt(area / samples)
    keys = np.column_stack([np.floor(places / cell).astype(np.int64), links])
    kept = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    return places[kept], normals[kept], links[kept]


def _candidates(model: InstrumentModel, n: int, rng: np.random.Generator) -> tuple[Array, Array, NDArray[np.int64]]:
    """Places drawn evenly from the surface of all links."""
    corners, normals, links = [], [], []
    for index, link in enumerate(model.links):
        vertices, faces = link.surface()
        if len(faces):
            corners.append(vertices[faces])
            normals.append(face_normals(vertices, faces))
            links.append(np.full(len(faces), index))
    triangles, normal, link_of = np.concatenate(corners), np.concatenate(normals), np.concatenate(links)
    double = np.linalg.norm(normal, axis=1)
    face = rng.choice(len(double), size=n, p=double / double.sum())
    a, b = np.sqrt(rng.random(n))[:, None], rng.random(n)[:, None]
    x = triangles[face]
    places = (1.0 - a) * x[:, 0] + a * (1.0 - b) * x[:, 1] + a * b * x[:, 2]
    return places, normal[face] / double[face, None], link_of[face]
