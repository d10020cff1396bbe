"""Starts of the hand fit from the lifting network: one start in place of many, and what to expect of the pose.

`HandFitter.start` tries four or eight starts for each hand. This takes the one that the network names, and holds the
solution near what the network says as firmly as the network is sure of it.
"""

from __future__ import annotations

import numpy as np

from hoi_perception.config import FittingConfig
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import START_ROBUST_SCALE, AnglePrior, MotionPrior
from hoi_perception.interaction.hand_descent import Fit, HandDescent, HandProblem
from hoi_perception.networks.lifter import LiftedHands, Lifter

ITERATIONS = 8
"""Evaluations of the fit; from several starts it takes 25 each."""
SPREAD = 1.0
"""Factor on the deviations that the network tells; 0.5 to 1 do about equally well."""


class LiftedStart:
    """Fits batches of right-form hands without a past; `model` is that of any one of the hands."""

    def __init__(self, lifter: Lifter, model: LandmarkModel, config: FittingConfig) -> None:
        self._lifter = lifter
        self._descent = HandDescent(model, AnglePrior.of(config))

    def start(self, problem: HandProblem) -> Fit:
        """The fit from the network's hands."""
        lifted = self._lifter.lift(problem.seen, problem.skeleton)
        expecting = HandProblem(problem.skeleton, problem.seen, expected(lifted, problem.motion))
        near = self._descent.solve(expecting, lifted.state, ITERATIONS // 2, START_ROBUST_SCALE).state
        return self._descent.solve(expecting, near, ITERATIONS - ITERATIONS // 2)


def expected(lifted: LiftedHands, motion: MotionPrior | None = None) -> MotionPrior:
    """The network's hands as what is expected, with the place that a `motion` expects, where it expects one."""
    weight = np.zeros((len(lifted.sigma), 51))
    weight[:, 3:] = 1.0 / (SPREAD * lifted.sigma)
    if motion is None:
        return MotionPrior(lifted.state, weight)
    weight[:, :3] = motion.weight[:, :3]
    state = type(lifted.state)(motion.state.wrist, lifted.state.rotation, lifted.state.angles)
    return MotionPrior(state, weight)
