"""What an error that all lines of an image, or all depths of a frame, share does to a pose.

Colours may draw all edges outward or inward alike: blur mixes colours that were never learned. Depths may all be too
large. No number of rows takes that away, so it is an unknown of its own that is solved for with the pose and then left
out (Schur complement; Triggs et al. 2000, section 6).
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
class SharingRows:
    """n rows as evaluated, with robust weights: residuals, their derivatives along the tangent, and how much they fall
    by an error of 1 that all of them share.

    `sigma` is the standard deviation of that error. `worth` is the share of the rows' information that the covariance
    is made of: neighbours err alike.
    """

    term: str
    residual: Float64[Array, " n"]
    jacobian: Float64[Array, "n k"]
    shared: Float64[Array, " n"]
    sigma: float
    worth: float = 1.0

    @property
    def information(self) -> Float64[Array, "k k"]:
        """What they tell of the pose, the error that they share left out."""
        across = self.jacobian.T @ self.shared
        return self.jacobian.T @ self.jacobian - np.outer(across, across) / self.strength

    @property
    def strength(self) -> float:
        """Information of the error that they share."""
        return float(self.shared @ self.shared) + 1.0 / self.sigma**2


def sharing_rows(engine: Engine, sigma_px: float, sigma_m: float, worth: float) -> list[SharingRows]:
    """Blocks of rows of the first problem that share an error each, where the engine's bodies are: lines of an image
    how far outward edges are drawn (px), of their information that share; depths how much they are too long (m)."""
    table, found, groups = engine.table, engine.evaluate(), []
    arrays = {name: np.asarray(values[0], dtype=np.float64) for name, values in table.arrays.items() if name in _USED}
    for name, rows in table.terms[0]:
        if name not in ("region", "depth"):
            continue
        residual, cost = found.residual[0, rows], found.cost[0, rows]
        # residual = root r, cost = root r^2
        robust = (arrays["robust"][rows] > 0.0) & (cost > 0.0)
        each = np.where(robust, residual**2 / np.maximum(cost, 1e-300), 1.0) * arrays["weight"][rows]
        if name == "depth":
            measured = arrays["local_q"][rows]
            rays = measured / np.linalg.norm(measured, axis=1, keepdims=True)
            each = each * (arrays["direction"][rows] * rays).sum(axis=1)
        own = (sigma_px, worth) if name == "region" else (sigma_m, 1.0)
        groups.append(SharingRows(name, residual, found.jacobian[0, rows], each, *own))
    return groups


_USED = ("robust", "weight", "local_q", "direction")


def with_shared_errors(
    groups: Sequence[SharingRows], gradient: Float64[Array, " k"], matrix: Float64[Array, "k k"]
) -> tuple[Float64[Array, " k"], Float64[Array, "k k"]]:
    """The step to the minimum when rows of each group share an error, and the Gauss-Newton matrix.

    `gradient` and `matrix` are those of all rows without such errors. In the matrix that comes out, rows have the share
    of their information that they are worth. The step is zero where the matrix is not finite.
    """
    if not (np.isfinite(matrix).all() and np.isfinite(gradient).all()):
        return np.zeros_like(gradient), matrix
    left, worth, turned = matrix.copy(), matrix.copy(), np.zeros_like(gradient)
    for rows in groups:
        J, v = rows.jacobian, rows.shared
        across = J.T @ v
        taken = np.outer(across, across) / rows.strength
        left -= taken
        worth -= taken + (1.0 - rows.worth) * (J.T @ J - taken)
        turned += across * (v @ rows.residual) / rows.strength
    return np.asarray(np.linalg.solve(left, turned - gradient), dtype=np.float64), worth
