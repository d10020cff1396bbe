"""What an error that all lines of an image share does to a pose.

Colours may draw all edges outward or inward alike: blur mixes colours that were never learned. No number of lines takes
that away, so it is an unknown of its own that is solved for with the pose and then left out (Schur complement; Triggs
et al. 2000, section 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.interaction.engine import Engine

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LineRows:
    """n rows of lines as evaluated, with robust weights: residuals, their derivatives along the tangent, and how much
    they fall as all edges of the image move outward by 1 px."""

    residual: Float64[Array, " n"]
    jacobian: Float64[Array, "n k"]
    outward: Float64[Array, " n"]

    @staticmethod
    def of(engine: Engine, term: str) -> list[LineRows]:
        """Those of each block of a term, of the first problem, where the engine evaluated them last."""
        table, found = engine.table, engine.evaluate()
        groups = []
        for rows in (places for name, places in table.terms[0] if name == term):
            residual, cost = found.residual[0, rows], found.cost[0, rows]
            robust = np.asarray(table.arrays["robust"][0, rows], dtype=np.float64) > 0.0
            # residual = root r, cost = root r^2
            root = np.where(robust & (cost > 0.0), residual**2 / np.maximum(cost, 1e-300), 1.0)
            groups.append(LineRows(residual, found.jacobian[0, rows], root * table.arrays["weight"][0, rows]))
        return groups


def with_shared_edge(
    images: Sequence[LineRows],
    gradient: Float64[Array, " k"],
    matrix: Float64[Array, "k k"],
    sigma_px: float,
    worth: float,
) -> tuple[Float64[Array, " k"], Float64[Array, "k k"]]:
    """The step to the minimum when all edges of an image share an error of `sigma_px`, and the Gauss-Newton matrix.

    `gradient` and `matrix` are those of all rows without that error. In the matrix that comes out, lines have the share
    `worth` of their information: neighbours err alike. The step is zero where the matrix is not finite.
    """
    if not (np.isfinite(matrix).all() and np.isfinite(gradient).all()):
        return np.zeros_like(gradient), matrix
    taken, told, turned = np.zeros_like(matrix), np.zeros_like(matrix), np.zeros_like(gradient)
    for rows in images:
        J, v = rows.jacobian, rows.outward
        across = J.T @ v
        strength = v @ v + 1.0 / sigma_px**2
        taken += np.outer(across, across) / strength
        told += J.T @ J
        turned += across * (v @ rows.residual) / strength
    step = np.asarray(np.linalg.solve(matrix - taken, turned - gradient), dtype=np.float64)
    return step, matrix - taken - (1.0 - worth) * (told - taken)
