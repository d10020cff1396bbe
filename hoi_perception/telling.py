"""What is told of a tracked hand: parameters, joints, mesh, covariance and state."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.config import TrackingConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.right_form import fit_parameters, unmirror_covariance
from hoi_perception.interaction.hand_fitter import FitFigures
from hoi_perception.tracked_fit import SolvedHand
from hoi_perception.tracking import HandTrack, hand_state
from hoi_perception.types import Frame, Hand, HandLandmarks, ScaleSource

Array = NDArray[np.float64]

SIZE_SIGMA = 0.06
"""Standard deviation of adult hand length over its mean, both sexes together: what one camera's distance inherits
(188 +- 9 mm of men and 172 +- 8 mm of women, ANSUR II, pooled)."""
WRIST_ARM = 0.09
"""Distance of the wrist from the middle of a hand, half its length, m: with measured depth the middle is where it was
measured, and the wrist inherits the error of the hand's size over this arm."""


def tell_hand(
    solved: SolvedHand,
    frame: Frame,
    model: HandModel,
    right_frames: Float64[Array, "15 3 3"],
    config: TrackingConfig,
) -> Hand:
    """The hand as it goes out. `right_frames` are the joint frames of the hand as a right one."""
    track, figures = solved.track, solved.figures
    assert track.state_right is not None
    parameters = fit_parameters(right_frames, track.side, track.state_right, track.shape.shape)
    posed = model.posed(parameters)
    share = share_inside(track.landmarks, frame)
    return Hand(
        side=track.side,
        track_id=track.track_id,
        state=hand_state(track, share, config),
        score=track.landmarks.presence if track.measured else 0.0,
        parameters=parameters,
        translation_mano=posed.shaped.translation_from_wrist(parameters.wrist_camera),
        joints_camera=posed.joints21(),
        joint_confidence=_joint_confidence(track, figures),
        vertices_camera=posed.vertices.astype(np.float32),
        covariance_wrist=_covariance(solved, config),
        scale_source=ScaleSource.DEPTH if solved.by_depth else ScaleSource.HAND_PRIOR,
        landmarks=track.landmarks if track.measured else None,
        residual_px=figures.residual_px if figures else float("nan"),
        heldout_residual_px=figures.heldout_px if figures else float("nan"),
        limit_violation_deg=figures.limit_violation_deg if figures else float("nan"),
    )


def share_inside(landmarks: HandLandmarks, frame: Frame) -> float:
    """Share of the landmarks that lie in the image, in its visible part where that is known."""
    if frame.visible is not None:
        return float(frame.visible.contains(landmarks.points_px).mean())
    height, width = frame.image_bgr.shape[:2]
    x, y = landmarks.points_px.T
    return float(((x >= 0) & (x < width) & (y >= 0) & (y < height)).mean())


def _joint_confidence(track: HandTrack, figures: FitFigures | None) -> Float64[Array, "21"]:
    """Presence times how well each landmark is explained: 1 at no residual, 1/2 at 5 % of the hand's box."""
    if figures is None:
        return np.zeros(21)
    share = figures.residuals_px / track.landmarks.size_px
    return np.asarray(track.landmarks.presence * track.landmarks.confidence / (1.0 + (share / 0.05) ** 2))


def _covariance(solved: SolvedHand, config: TrackingConfig) -> Float64[Array, "6 6"]:
    """Covariance of the wrist: of the fit where there is one, plus what it inherits from the hand's size.

    Otherwise that of a prediction whose error may grow by the expected error of one frame with every frame.
    """
    track, figures = solved.track, solved.figures
    assert track.state_right is not None
    if figures is not None:
        covariance = figures.covariance[:6, :6].copy()
    else:
        sigma = [config.sigma_lateral, config.sigma_lateral, config.sigma_depth, *[config.sigma_rotation] * 3]
        covariance = np.diag((np.array(sigma) * (1.0 + track.unsure_frames)) ** 2)
    if solved.by_depth:
        covariance[:3, :3] += np.eye(3) * (SIZE_SIGMA * WRIST_ARM) ** 2
    else:
        along_ray = SIZE_SIGMA * track.state_right.wrist[0]
        covariance[:3, :3] += np.outer(along_ray, along_ray)
    return unmirror_covariance(covariance, track.side)
