"""Joint regressor: each joint as a sparse convex combination of vertices, right for every shape."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Array = NDArray[np.float64]
_CANDIDATES = 48


def joint_regressor(
    vertices: Float[Array, "778 3"],
    directions: Float[Array, "778 3 10"],
    joints: Float[Array, "16 3"],
    joint_directions: Float[Array, "16 3 10"],
    owners: list[NDArray[np.bool_]],
) -> Float[Array, "16 778"]:
    """Non-negative rows summing to one that give the joints at rest and follow the shape components.

    `owners` marks for each joint the vertices that may carry it. Non-negative least squares over the nearest ones.
    """
    from scipy.optimize import nnls

    regressor = np.zeros((16, len(vertices)))
    for joint in range(16):
        distance = np.linalg.norm(vertices - joints[joint], axis=1) + np.where(owners[joint], 0.0, 1e6)
        near = np.argsort(distance, kind="stable")[:_CANDIDATES]
        rest = (vertices[near] - joints[joint]).T
        shape = (directions[near] - joint_directions[joint]).reshape(len(near), -1).T
        rows = np.vstack([30.0 * rest, 10.0 * shape, 0.05 * np.eye(len(near)), np.full((1, len(near)), 1e3)])
        right = np.concatenate([np.zeros(len(rows) - 1), [1e3]])
        solution, _ = nnls(rows, right)
        solution[solution < 1e-4] = 0.0
        regressor[joint, near] = solution / solution.sum()
    return regressor
