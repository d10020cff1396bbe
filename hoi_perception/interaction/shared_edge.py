"""What an error that all lines of a contour share does to a pose.

Colours may draw all edges outward or inward alike: blur mixes colours that were never learned. No number of lines takes
that away, so it is an unknown of its own that is solved for with the pose and then left out (Schur complement; Triggs
et al. 2000, section 6).
"""

from __future__ import annotations

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
    def of(engine: Engine, term: str) -> LineRows:
        """Those of a term, of the first problem, where the engine evaluated them last."""
        table, found = engine.table, engine.evaluate()
        rows = [np.arange(places.start, places.stop) for name, places in table.terms[0] if name == term]
        use = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
        residual, cost = found.residual[0, use], found.cost[0, use]
        robust = table.arrays["robust"][0, use] > 0.0
        # residual = root r, cost = root r^2
        root = np.where(robust & (cost > 0.0), residual**2 / np.maximum(cost, 1e-300), 1.0)
        return LineRows(residual, found.jacobian[0, use], root * table.arrays["weight"][0, use])


def with_shared_edge(
    rows: LineRows,
    gradient: Float64[Array, " k"],
    matrix: Float64[Array, "k k"],
    sigma_px: float,
    worth: float,
) -> tuple[Float64[Array, " k"], Float64[Array, "k k"]]:
    """The step to the minimum when all edges share an error of `sigma_px`, and the Gauss-Newton matrix there.

    `gradient` and `matrix` are those of all rows without that error. In the matrix that comes out, lines have the share
    `worth` of their information: neighbours err alike. The step is zero where the matrix is not finite.
    """
    if not (np.isfinite(matrix).all() and np.isfinite(gradient).all()):
        return np.zeros_like(gradient), matrix
    J, v = rows.jacobian, rows.outward
    across = J.T @ v
    strength = v @ v + 1.0 / sigma_px**2
    taken = np.outer(across, across) / strength
    turned = across * (v @ rows.residual) / strength - gradient
    step = np.asarray(np.linalg.solve(matrix - taken, turned), dtype=np.float64)
    return step, matrix - taken - (1.0 - worth) * (J.T @ J - taken)
