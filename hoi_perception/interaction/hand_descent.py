"""Single hands fitted to their landmarks by the joint solver, many at a time, each with a shape of its own.

All hands are right hands in the batch of one problem with one body, whose points are the 21 landmarks alone: no mesh is
skinned. Sides and shapes differ in their rest geometry only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import LANDMARK_BONE, N_STATE, HandState, Skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import ROBUST_SCALE, AnglePrior, MotionPrior, Observation
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.interaction.priors import NormalEquations, Priors
from hoi_perception.interaction.solver import solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.types import N_LANDMARKS, Side

Array = NDArray[np.float64]
_ROWS = 3 * N_LANDMARKS


@dataclass(frozen=True)
class HandProblem:
    """All that a fit of a batch of right hands depends on but its unknowns, the posture prior and its settings."""

    skeleton: Skeleton
    seen: Observation
    motion: MotionPrior | None = None

    def take(self, index: NDArray[np.intp]) -> HandProblem:
        """The entries `index` of the batch."""
        motion = None if self.motion is None else self.motion.take(index)
        return HandProblem(self.skeleton.take(index), self.seen.take(index), motion)


@dataclass(frozen=True)
class Fit:
    """Solution of a batch, its cost and normal matrix (the inverse is the covariance in the tangent space)."""

    state: HandState
    cost: Float64[Array, " b"]
    matrix: Float64[Array, "b 51 51"]

    @staticmethod
    def stack(fits: Sequence[Fit]) -> Fit:
        """One batch of several."""
        states = HandState.stack([f.state for f in fits])
        return Fit(states, np.concatenate([f.cost for f in fits]), np.concatenate([f.matrix for f in fits]))

    def take(self, index: NDArray[np.intp]) -> Fit:
        """The entries `index` of the batch."""
        return Fit(self.state.take(index), self.cost[index], self.matrix[index])


class HandDescent:
    """Solves batches of hands of any size; keeps an engine for each size. `model` is that of any one of the hands."""

    def __init__(self, model: LandmarkModel, posture: AnglePrior, device: str = "cpu") -> None:
        self._bodies = Bodies((HandBody(Side.RIGHT, landmark_points(model)),))
        self._posture, self._device = posture, device
        self._engines: dict[int, Engine] = {}

    def solve(self, problem: HandProblem, start: HandState, steps: int, robust_scale: float = ROBUST_SCALE) -> Fit:
        """The fit after so many steps from a start, fewer where it has converged."""
        engine, priors = self._engine(problem), motion_priors(self._posture, problem.motion, start)
        found = solve(engine, landmark_terms(problem.seen, robust_scale), priors, SceneState.of([start]), (steps,))
        return Fit(found.state.hand(0), found.cost, found.matrix)

    def linearise(self, problem: HandProblem, state: HandState, robust_scale: float = ROBUST_SCALE) -> NormalEquations:
        """Cost, gradient and normal matrix of hands where they are."""
        engine, scene = self._engine(problem), SceneState.of([state])
        engine.expect(motion_priors(self._posture, problem.motion, state))
        engine.place(scene, correct=True)
        snapshot = Snapshot(engine, 0)
        terms = landmark_terms(problem.seen, robust_scale)
        engine.take_rows([[row for t in own for row in t.rows(Geometry(snapshot, b))] for b, own in enumerate(terms)])
        return engine.normal_equations()

    def _engine(self, problem: HandProblem) -> Engine:
        """The engine for so many hands, with their shapes."""
        skeleton, batch = problem.skeleton, len(problem.seen.points)
        if batch not in self._engines:
            self._engines[batch] = Engine(self._bodies, [np.zeros(10)], batch, _ROWS, device=self._device)
        engine = self._engines[batch]
        engine.take_rest(0, skeleton.joints[:, LANDMARK_BONE] + skeleton.points, skeleton.joints, skeleton.frames)
        return engine


def motion_priors(posture: AnglePrior, motion: MotionPrior | None, start: HandState) -> Priors:
    """Posture and expected motion as the solver takes them."""
    motion = motion or MotionPrior(start, np.zeros((len(start.wrist), N_STATE)))
    return Priors(posture, SceneState.of([motion.state]), motion.weight)


def landmark_terms(seen: Observation, robust_scale: float = ROBUST_SCALE) -> list[list[LandmarkTerm]]:
    """The landmarks of each hand of a batch as the solver takes them."""
    values = zip(seen.points, seen.point_weight, seen.depth, seen.depth_weight, strict=True)
    return [[LandmarkTerm(0, *of_hand, robust=robust_scale)] for of_hand in values]


def landmark_points(model: LandmarkModel) -> HandPoints:
    """The landmarks of a hand without its surface."""
    return HandPoints(
        rest=model.joints[LANDMARK_BONE] + model.points,
        shape_directions=model.joint_directions[LANDMARK_BONE] + model.point_directions,
        pose_matrix=np.zeros((135, 0), dtype=np.float32),
        first=np.arange(N_LANDMARKS + 1, dtype=np.int32),
        bones=LANDMARK_BONE.astype(np.int32),
        weights=np.ones(N_LANDMARKS),
        zones=np.full(N_LANDMARKS, -1, dtype=np.int8),
        faces=np.zeros((0, 3), dtype=np.int32),
        landmark_model=model,
    )
