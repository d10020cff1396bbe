"""The fit of hands to landmarks as the pipeline uses it: observations in, states and figures out.

Left hands are handled as right hands of the mirrored image throughout; `hands.right_form` brings results back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.config import FittingConfig
from hoi_perception.hands.anatomy import grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, Skeleton, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import START_ROBUST_SCALE, AnglePrior, MotionPrior, Observation
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.hands.observation import observe
from hoi_perception.hands.shape_calibration import ShapeEstimate, refine_shape
from hoi_perception.hands.starts import n_starts, starting_states
from hoi_perception.interaction.hand_depth import DepthFitter
from hoi_perception.interaction.hand_descent import Fit, HandDescent, HandProblem
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import Camera, HandLandmarks, Side

Array = NDArray[np.float64]
N_FOLDS = 5
_NEARLY_AS_GOOD = 60.0
_DIFFERENT = 0.35
BLIND_ITERATIONS = 12
"""Evaluations of the fit that leaves landmarks out: it starts further off than the others end."""


@dataclass(frozen=True)
class FitFigures:
    """How well a fit explains its landmarks: distances in px of the undistorted image, limits in degrees.

    `residual_px` and `heldout_px` are means over the landmarks that count.
    """

    residuals_px: Float64[Array, "21"]
    residual_px: float
    heldout_px: float
    limit_violation_deg: float
    covariance: Float64[Array, "51 51"]


class Starter(Protocol):
    """Fits hands without a past in place of the fitter's own starts."""

    def start(self, problem: HandProblem) -> Fit: ...


class HandFitter:
    """Fits batches of hands; holds the landmarks of both sides' models, the priors and the solver.

    `right_forms` are the models of both sides as right hands (the left one mirrored).
    """

    def __init__(
        self, right_forms: dict[Side, HandModel], config: FittingConfig, starter: Starter | None = None
    ) -> None:
        self._config, self._starter = config, starter
        self._models = {side: LandmarkModel.of(model) for side, model in right_forms.items()}
        self._prior = AnglePrior.of(config)
        self._curled = grasp_angles()["power"].reshape(45)
        self._descent = HandDescent(self._models[Side.RIGHT], self._prior)
        self._by_depth = DepthFitter(right_forms, self._prior)

    def frames(self, side: Side) -> Float64[Array, "15 3 3"]:
        """Joint frames of a side's hand as a right hand."""
        return self._models[side].frames

    def warm_up(self) -> None:
        """Make engines and load kernels, which compile the first time, for one hand and two, and for depth."""
        state = HandState(np.array([[0.0, 0.0, 0.5]]), np.eye(3)[None], self._prior.mean[None])
        for sides in ((Side.RIGHT,), (Side.LEFT, Side.RIGHT)):
            n = len(sides)
            states = HandState.stack([state] * n)
            skeletons = Skeleton.stack([self._models[side].skeleton(np.zeros((1, 10))) for side in sides])
            x = pose_skeleton(skeletons, states).landmarks
            for depth_weight in (np.ones((n, 21)), np.zeros((n, 21))):
                seen = Observation(x[..., :2] / x[..., 2:], np.zeros((n, 21)), np.full((n, 21), 100.0), depth_weight)
                problem = HandProblem(skeletons, seen)
                self.start(problem)
            self.follow(problem, states)
        for index, side in enumerate((Side.LEFT, Side.RIGHT)):
            points = np.asarray(mirror_points(x[index]) if side is Side.LEFT else x[index], dtype=np.float64)
            self.with_depth(problem.take(np.array([index])), state, side, np.zeros(10), points)

    def observe(self, landmarks: Sequence[HandLandmarks], sides: Sequence[Side], camera: Camera) -> Observation:
        """Landmarks as the fit takes them."""
        return observe(landmarks, sides, camera, self._config)

    def problem(
        self,
        seen: Observation,
        sides: Sequence[Side],
        shapes: Float64[Array, "b 10"],
        motion: MotionPrior | None = None,
    ) -> HandProblem:
        """What is to be solved for hands of known sides and shapes."""
        skeletons = [self._models[side].skeleton(shape[None]) for side, shape in zip(sides, shapes, strict=True)]
        return HandProblem(Skeleton.stack(skeletons), seen, motion)

    def start(self, problem: HandProblem) -> Fit:
        """Best of several starts for hands without a past, or what the starter finds."""
        if self._starter is not None:
            return self._starter.start(problem)
        b, each = len(problem.seen.points), n_starts(problem.seen)
        fits = self._from_starts(problem)
        best = fits.cost.reshape(b, each).argmin(axis=1) + each * np.arange(b)
        return fits.take(best)

    def alternatives(self, problem: HandProblem, most: int) -> Fit:
        """Up to `most` fits of one hand (batch of 1), best first, that differ and explain its landmarks nearly as well.

        Landmarks of one view often fit a hand in two ways: fingers bent to the front or to the back.
        """
        fits = self._from_starts(problem)
        order = np.argsort(fits.cost, kind="stable")
        chosen = [order[0]]
        for i in order[1:]:
            good = len(chosen) < most and fits.cost[i] < fits.cost[order[0]] + _NEARLY_AS_GOOD
            if good and min(_difference(fits.state, i, j) for j in chosen) > _DIFFERENT:
                chosen.append(i)
        return fits.take(np.array(chosen))

    def _from_starts(self, problem: HandProblem) -> Fit:
        repeated = problem.take(np.repeat(np.arange(len(problem.seen.points)), n_starts(problem.seen)))
        states = starting_states(problem.skeleton, problem.seen, self._prior, self._curled)
        half = self._config.start_iterations // 2
        near = self._descent.solve(repeated, states, half, START_ROBUST_SCALE).state
        return self._descent.solve(repeated, near, self._config.start_iterations - half)

    def follow(self, problem: HandProblem, state: HandState) -> Fit:
        """Fit from the expected state of tracked hands."""
        return self._descent.solve(problem, state, self._config.track_iterations)

    def with_depth(
        self,
        problem: HandProblem,
        state: HandState,
        side: Side,
        shape: Float64[Array, "10"],
        points: Float64[Array, "n 3"],
    ) -> Fit | None:
        """Fit of one hand (batch of 1) to measured points (m, camera frame) too; None where they tell nothing of it."""
        return self._by_depth.fit(problem, state, side, shape, points)

    def at(self, problem: HandProblem, state: HandState) -> Fit:
        """Cost and normal matrix of hands where they are."""
        sums = self._descent.linearise(problem, state)
        return Fit(state, sums.cost, sums.matrix)

    def limit_violations_deg(self, state: HandState) -> Float64[Array, " b"]:
        """Largest angle of each hand beyond its anatomical limit."""
        return np.asarray(np.degrees(np.abs(self._prior.excess(state.angles)).max(axis=1)), dtype=np.float64)

    def residuals(self, problem: HandProblem, state: HandState) -> Float64[Array, "b 21"]:
        """Distances of the landmarks from where they were seen, on the plane z = 1; 0 for those that do not count."""
        x = pose_skeleton(problem.skeleton, state).landmarks
        distances = np.linalg.norm(x[..., :2] / x[..., 2:] - problem.seen.points, axis=-1)
        return np.asarray(distances * (problem.seen.point_weight > 0.0), dtype=np.float64)

    def figures(
        self, problem: HandProblem, fit: Fit, expected: HandState | None, fold: int | None, focal_px: float
    ) -> FitFigures:
        """Residuals, limits and covariance of one hand's solution (batch of 1).

        The residual on every fifth landmark (from `fold`) is that of another fit which leaves them and the motion prior
        out and starts at the `expected` state, or at the solution where nothing was expected; NaN without a fold.
        """
        residuals = self.residuals(problem, fit.state) * focal_px
        start = expected or fit.state
        return FitFigures(
            residuals_px=residuals[0],
            residual_px=_mean_where(residuals, problem.seen.point_weight > 0.0),
            heldout_px=float("nan") if fold is None else self._heldout_px(problem, start, fold, focal_px),
            limit_violation_deg=float(self.limit_violations_deg(fit.state)[0]),
            covariance=np.linalg.inv(fit.matrix[0] + 1e-9 * np.eye(51)),
        )

    def _heldout_px(self, problem: HandProblem, start: HandState, fold: int, focal_px: float) -> float:
        seen = problem.seen
        left_out = np.arange(21) % N_FOLDS == fold % N_FOLDS
        reduced = replace(
            seen,
            point_weight=np.where(left_out, 0.0, seen.point_weight),
            depth_weight=np.where(left_out, 0.0, seen.depth_weight),
        )
        blind = self._descent.solve(HandProblem(problem.skeleton, reduced), start, BLIND_ITERATIONS)
        counts = (seen.point_weight > 0.0) & left_out
        return _mean_where(self.residuals(problem, blind.state) * focal_px, counts)

    def project(
        self, side: Side, state: HandState, shape: Float64[Array, "10"], camera: Camera
    ) -> Float64[Array, "21 2"]:
        """Pixels of the landmarks of one hand (batch of 1) in a state."""
        points = pose_skeleton(self._models[side].skeleton(shape[None]), state).landmarks[0]
        px = project(mirror_points(points) if side is Side.LEFT else points, camera)
        return np.asarray(px, dtype=np.float64)

    def posture_change(self, side: Side, before: HandState, after: HandState, shape: Float64[Array, "10"]) -> float:
        """Farthest that a landmark moved relative to the wrist between two states of one hand (batches of 1), m."""
        skeleton = self._models[side].skeleton(shape[None])
        a, b = (pose_skeleton(skeleton, state) for state in (before, after))
        moved = (b.landmarks - b.joints[:, :1]) - (a.landmarks - a.joints[:, :1])
        return float(np.linalg.norm(moved, axis=-1).max())

    def carry(
        self, side: Side, state: HandState, shape: Float64[Array, "10"], landmarks: HandLandmarks, camera: Camera
    ) -> HandState:
        """A state of one hand (batch of 1) moved across the optical axis to where its landmarks are, posture kept."""
        seen = self.observe([landmarks], [side], camera)
        points = pose_skeleton(self._models[side].skeleton(shape[None]), state).landmarks[0]
        counts = seen.point_weight[0] > 0.0
        shift = (seen.points[0] - points[:, :2] / points[:, 2:])[counts].mean(axis=0) * points[:, 2].mean()
        return replace(state, wrist=state.wrist + np.append(shift, 0.0))

    def refine_shape(self, estimate: ShapeEstimate, side: Side, seen: Observation, state: HandState) -> ShapeEstimate:
        """The shape after one more good frame of one hand."""
        return refine_shape(estimate, self._models[side], seen, self._prior, state)


def _difference(states: HandState, i: np.intp, j: np.intp) -> float:
    """How far two hands differ: turn between them (rad) and a share of the distance between their angles."""
    turn = axis_angle_from_rotation(states.rotation[i] @ states.rotation[j].T)
    return float(np.linalg.norm(turn) + 0.2 * np.linalg.norm(states.angles[i] - states.angles[j]))


def _mean_where(values: Float64[Array, "1 21"], mask: Bool[NDArray[np.bool_], "1 21"]) -> float:
    return float((values * mask).sum() / max(mask.sum(), 1))
