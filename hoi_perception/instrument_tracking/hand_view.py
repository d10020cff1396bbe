"""What tracking of instruments needs to know of a hand in one frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.config import FittingConfig
from hoi_perception.hands.anatomy import angles_from_pose
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.mirroring import mirror_axis_angle, mirror_points
from hoi_perception.hands.right_form import fit_parameters
from hoi_perception.interaction.bodies import HandBody
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Hand, HandLandmarks, HandParameters, Side

Array = NDArray[np.float64]
MAX_COEFFICIENT = 2.5
"""Standard deviations beyond which no coefficient goes."""
STIFFNESS_M = 0.002
"""Error of the landmarks' places, m, that a change of one standard deviation has to be worth."""


@dataclass(frozen=True, eq=False)
class HandView:
    """A hand that was seen in a frame: its own fit with its mesh (m, camera frame), its landmarks on the plane z = 1,
    and these in pixels."""

    side: Side
    track_id: int
    parameters: HandParameters
    landmarks: LandmarkTerm
    points_px: Float64[Array, "21 2"]
    vertices: Float64[Array, "778 3"]


def landmark_term(marks: HandLandmarks, camera: Camera, fitting: FittingConfig) -> LandmarkTerm:
    """Landmarks with the errors that the fit of hands takes for granted."""
    sigma_px = fitting.landmark_sigma * marks.size_px
    points = np.asarray(undistort(marks.points_px, camera), dtype=np.float64)
    return LandmarkTerm(0, points, marks.confidence * camera.focal_px / sigma_px)


def seen_hands(hands: Iterable[Hand], camera: Camera, fitting: FittingConfig) -> tuple[HandView, ...]:
    """Those of the pipeline's hands that were seen in a frame."""
    views = []
    for hand in hands:
        if hand.landmarks is None or not hand.state.measured or not np.isfinite(hand.vertices_camera).all():
            continue
        term = landmark_term(hand.landmarks, camera, fitting)
        vertices = np.asarray(hand.vertices_camera, dtype=np.float64)
        views.append(HandView(hand.side, hand.track_id, hand.parameters, term, hand.landmarks.points_px, vertices))
    return tuple(views)


class HandForms:
    """Hands of both sides as the joint solve takes them: right hands, left ones mirrored.

    `right_forms` are the models of both sides as right hands.
    """

    def __init__(self, right_forms: dict[Side, HandModel]) -> None:
        points = {id(model): HandPoints.of(model) for model in right_forms.values()}
        self._right_forms = right_forms
        self._bodies = {side: HandBody(side, points[id(model)]) for side, model in right_forms.items()}

    def right_form(self, side: Side) -> HandModel:
        """The model of a side as a right hand."""
        return self._right_forms[side]

    def body(self, side: Side) -> HandBody:
        """A hand of that side for the solver."""
        return self._bodies[side]

    def state(self, side: Side, parameters: HandParameters) -> HandState:
        """A hand as the state of a right one (batch of one)."""
        pose, wrist = parameters.pose, parameters.wrist_camera
        if side is Side.LEFT:
            pose, wrist = np.asarray(mirror_axis_angle(pose)), np.asarray(mirror_points(wrist))
        frames = self._bodies[side].points.landmark_model.frames
        angles = np.asarray(angles_from_pose(pose[1:].reshape(45), frames)).reshape(1, 45)
        return HandState(wrist[None], np.asarray(rotation_from_axis_angle(pose[:1]), dtype=np.float64), angles)

    def parameters(self, side: Side, shape: Float64[Array, "10"], state: HandState) -> HandParameters:
        """The hand of a state (batch of one) that was solved with that shape."""
        return fit_parameters(self._bodies[side].points.landmark_model.frames, side, state, shape)

    def resized(self, side: Side, shape: Float64[Array, "10"], factor: float) -> Float64[Array, "10"]:
        """The shape nearest to a hand `factor` times as large, within `MAX_COEFFICIENT` standard deviations.

        Size is that of the 21 landmarks about the wrist, hand open.
        """
        model = self._bodies[side].points
        first = model.first_landmark
        still = (model.rest[first:] - model.rest[first]).ravel()
        S = (model.shape_directions[first:] - model.shape_directions[first]).reshape(63, 10)
        wanted = (factor - 1.0) * (still + S @ shape)
        change = np.linalg.solve(S.T @ S + STIFFNESS_M**2 * np.eye(10), S.T @ wanted)
        return np.asarray(np.clip(shape + change, -MAX_COEFFICIENT, MAX_COEFFICIENT))

    def size(self, side: Side, shape: Float64[Array, "10"]) -> float:
        """Root mean square distance of the landmarks from the wrist, hand open, m."""
        points = self._bodies[side].points.shaped(shape)[0][self._bodies[side].points.first_landmark :]
        return float(np.sqrt(((points - points[0]) ** 2).sum(axis=1).mean()))
