"""The unrefined start: a hand fitted to its landmarks alone, the instrument where the detector says it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hoi_perception.config import FittingConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.right_form import fit_parameters
from hoi_perception.interaction.hand_descent import HandProblem
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.synthesis.grasp_truth import Evidence, GraspEstimate
from hoi_perception.types import HandLandmarks, Side


class Start:
    """The first fit of the pipeline for the hand, and the given start of the instrument."""

    def __init__(self) -> None:
        right = HandModel.load(None, Side.RIGHT)
        self._fitter = HandFitter(dict.fromkeys(Side, right), FittingConfig())

    def refine_grasp(self, evidence: Evidence) -> GraspEstimate:
        """One frame by itself."""
        return self._estimate(evidence, None)[0]

    def refine_sequence(self, evidence: Sequence[Evidence]) -> list[GraspEstimate]:
        """Frames in order, each fit from the one before."""
        estimates, state = [], None
        for frame in evidence:
            estimate, state = self._estimate(frame, state)
            estimates.append(estimate)
        return estimates

    def alternatives(self, evidence: Evidence, most: int = 3) -> HandState:
        """Hands that fit the landmarks of one frame, as right hands, best first."""
        return self._fitter.alternatives(self._problem(evidence), most).state

    def _problem(self, evidence: Evidence) -> HandProblem:
        marks = HandLandmarks(
            points_px=evidence.landmarks_px,
            depth_relative=np.full(21, np.nan),
            presence=1.0,
            right_score=float(evidence.side is Side.RIGHT),
        )
        seen = self._fitter.observe([marks], [evidence.side], evidence.camera)
        return self._fitter.problem(seen, [evidence.side], evidence.shape[None])

    def _estimate(self, evidence: Evidence, before: HandState | None) -> tuple[GraspEstimate, HandState]:
        problem = self._problem(evidence)
        state = (self._fitter.start(problem) if before is None else self._fitter.follow(problem, before)).state
        hand = fit_parameters(self._fitter.frames(evidence.side), evidence.side, state, evidence.shape)
        where = evidence.R_camera_instrument, evidence.t_camera_instrument, evidence.joint_positions
        return GraspEstimate(hand, *where), state
