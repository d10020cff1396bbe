"""Normal equations of single hands and their landmarks, written out in NumPy: the reference of the solver's kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import N_STATE, HandState, landmark_jacobian, pose_skeleton
from hoi_perception.hands.lifting_terms import AnglePrior, MotionPrior, landmark_rows
from hoi_perception.interaction.hand_descent import HandProblem
from hoi_perception.interaction.priors import NormalEquations
from hoi_perception.transforms import axis_angle_from_rotation, skew

Array = NDArray[np.float64]


def linearise(problem: HandProblem, posture: AnglePrior, state: HandState, robust_scale: float) -> NormalEquations:
    """Sum of all terms at a state."""
    posed = pose_skeleton(problem.skeleton, state)
    cost, (r, J) = landmark_rows(posed, landmark_jacobian(posed), problem.seen, robust_scale)
    parts = [(r, J), angles(posture, state), limits(posture, state)]
    if problem.motion is not None:
        parts.append(motion(problem.motion, state))
    for r, _ in parts[1:]:
        cost = cost + (r * r).sum(axis=1)
    r, J = (np.concatenate([part[i] for part in parts], axis=1) for i in (0, 1))
    return NormalEquations(cost, np.einsum("bm,bmn->bn", r, J), np.einsum("bmi,bmj->bij", J, J))


def angles(posture: AnglePrior, state: HandState) -> tuple[Array, Array]:
    """Whitened distance from the mean posture."""
    J = np.zeros((len(state.angles), 45, N_STATE))
    J[..., 6:] = posture.sqrt_information
    return (state.angles - posture.mean) @ posture.sqrt_information.T, J


def limits(posture: AnglePrior, state: HandState) -> tuple[Array, Array]:
    """What angles are beyond their limits."""
    excess = posture.excess(state.angles)
    J = np.zeros((len(excess), 45, N_STATE))
    J[:, np.arange(45), np.arange(6, N_STATE)] = posture.limit_weight * (excess != 0.0)
    return excess * posture.limit_weight, J


def motion(prior: MotionPrior, state: HandState) -> tuple[Array, Array]:
    """Difference to the expected state along the tangent."""
    turn = state.rotation @ np.swapaxes(prior.state.rotation, -1, -2)
    phi = np.asarray(axis_angle_from_rotation(turn))
    r = np.concatenate([state.wrist - prior.state.wrist, phi, state.angles - prior.state.angles], axis=1)
    J = np.broadcast_to(np.eye(N_STATE), (len(r), N_STATE, N_STATE)).copy()
    angle = np.linalg.norm(phi, axis=1)[:, None, None]
    K = skew(phi)
    J[:, 3:6, 3:6] = np.eye(3) - 0.5 * K + (1.0 / angle**2 - 1.0 / (2.0 * angle * np.tan(0.5 * angle))) * K @ K
    return r * prior.weight, J * prior.weight[..., None]
