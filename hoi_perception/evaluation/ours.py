"""The joint solver as a method of refinement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hoi_perception.camera import undistort
from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.start import Start
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.hands.right_form import fit_parameters
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.bodies import HandBody, InstrumentBody
from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.grasp import Descend, GraspFit, GraspSettings, GraspSight, GraspSolver
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.interaction.mask_distance import MaskDistance
from hoi_perception.interaction.solver import solve
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.interaction.visible_mask import VisibleMask
from hoi_perception.synthesis.grasp_truth import Evidence, GraspEstimate
from hoi_perception.types import Side


class Ours:
    """Hand and instrument in one solve, from the start's hand and the rough pose."""

    def __init__(
        self,
        *,
        upsampled: bool = True,
        settings: GraspSettings | None = None,
        descend: Descend = solve,
        alternatives: int = 3,
    ) -> None:
        self._settings = settings or GraspSettings(upsampled=upsampled)
        self._descend, self._alternatives = descend, alternatives
        self._start = Start()
        self._points = HandPoints.of(HandModel.load(None, Side.RIGHT))
        self._posture = AnglePrior.of(FittingConfig())
        self._library = Library.find()
        self._instruments: dict[str, InstrumentBody] = {}

    def refine_grasp(self, evidence: Evidence) -> GraspEstimate:
        """One frame by itself."""
        return self.refine_sequence([evidence])[0]

    def refine_sequence(self, evidence: Sequence[Evidence]) -> list[GraspEstimate]:
        """The first frame from several starts, the others followed from the one before."""
        first = evidence[0]
        solver = self.solver(first)
        estimates: list[GraspEstimate] = []
        fit: GraspFit | None = None
        for frame in evidence:
            fit = self.first(solver, frame) if fit is None else solver.follow(sight(frame), fit)
            estimates.append(self.estimate(frame, fit))
        return estimates

    def solver(self, evidence: Evidence) -> GraspSolver:
        """A solver for the hand and the instrument of this evidence."""
        name = evidence.instrument
        if name not in self._instruments:
            self._instruments[name] = InstrumentBody.of(self._library.get(name))
        hand = HandBody(evidence.side, self._points)
        return GraspSolver(hand, self._instruments[name], evidence.shape, self._posture, self._settings, self._descend)

    def first(self, solver: GraspSolver, evidence: Evidence) -> GraspFit:
        """The fit of a frame without a past."""
        return solver.start(sight(evidence), self._start.alternatives(evidence, self._alternatives))

    def estimate(self, evidence: Evidence, fit: GraspFit) -> GraspEstimate:
        """A fit as the evaluation wants it."""
        state = fit.state
        hand = HandState(state.wrist[:, 0], state.turn[:, 0], state.angles[:, 0])
        frames = self._points.landmark_model.frames
        parameters = fit_parameters(frames, evidence.side, hand, evidence.shape)
        return GraspEstimate(parameters, state.base_turn[0, 0], state.base[0, 0], state.joints[0])


def sight(evidence: Evidence) -> GraspSight:
    """The evidence as the solver takes it."""
    camera = evidence.camera
    points = np.asarray(undistort(evidence.landmarks_px, camera), dtype=np.float64)
    weight = np.full(21, camera.focal_px / evidence.landmark_sigma_px)
    rough = InstrumentState(
        evidence.R_camera_instrument[None], evidence.t_camera_instrument[None], evidence.joint_positions[None]
    )
    mask = evidence.instrument_mask
    contour, distance = MaskContour.of(mask, camera), MaskDistance.of(mask, camera)
    return GraspSight(LandmarkTerm(0, points, weight), contour, rough, distance, VisibleMask.of(mask, camera))
