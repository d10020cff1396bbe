"""Figures of estimates against truth grasps, by the keys of `metrics.keys`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel, PosedHand
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.grasp_frame import GraspFrame
from hoi_perception.metrics.hand import mpjpe_mm, mpjpe_xyz_mm, pve_mm
from hoi_perception.metrics.instrument import instrument_errors
from hoi_perception.metrics.interaction import ho_motion_mm2
from hoi_perception.metrics.sampling import SurfaceSamples
from hoi_perception.metrics.sequence import jitter_mm
from hoi_perception.synthesis.grasp_truth import GraspEstimate, GraspTruth
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.types import Side

Array = NDArray[np.float64]
_MOTION_GAP = 0.002
_MAX_LAG = 6
GOES_WITH = 0.5
"""Correlation of two paths from which a shift between them means something."""


@dataclass(frozen=True, eq=False)
class Judge:
    """Measures estimates of one instrument and side."""

    model: InstrumentModel
    mesh: InstrumentMesh
    hand: HandModel
    samples: SurfaceSamples
    coarse: SurfaceSamples

    @staticmethod
    def of(model: InstrumentModel, side: Side) -> Judge:
        """Everything that does not change from estimate to estimate."""
        mesh = InstrumentMesh.of(model)
        still = mesh.vertices(np.eye(3), np.zeros(3), np.zeros(len(model.joint_names)))
        return Judge(
            model=model,
            mesh=mesh,
            hand=HandModel.load(None, side),
            samples=SurfaceSamples.apart(still, mesh.faces),
            coarse=SurfaceSamples.apart(still, mesh.faces, _MOTION_GAP),
        )

    def frame_figures(self, estimate: GraspEstimate, truth: GraspTruth) -> dict[str, float]:
        """All figures of one frame; volumes and depths in the frame of the instrument's base link."""
        found, right = self.hand.posed(estimate.hand), self.hand.posed(truth.hand)
        joints, true_joints = found.joints21(), right.joints21()
        errors = instrument_errors(self.model, _state(estimate), _state(truth))
        measured, measured_truth = self._measured(estimate, found), self._measured(as_estimate(truth), right)
        return {
            "mpjpe_mm": mpjpe_mm(joints, true_joints),
            "mpjpe_xyz_mm": mpjpe_xyz_mm(joints, true_joints),
            "pve_mm": pve_mm(found.vertices, right.vertices, joints[0], true_joints[0]),
            **asdict(errors),
            **measured.metrics(),
            **measured.metrics_against(measured_truth),
        }

    def sequence_figures(self, estimates: Sequence[GraspEstimate], truths: Sequence[GraspTruth]) -> dict[str, float]:
        """Figures of motion; lags count frames, positive where the estimate is late."""
        found = [self.hand.posed(estimate.hand) for estimate in estimates]
        right = [self.hand.posed(truth.hand) for truth in truths]
        bodies = [self._body(estimate) for estimate in estimates]
        true_bodies = [self._body(as_estimate(truth)) for truth in truths]
        points = np.stack([self.coarse.on(body) for body in bodies])
        joints = np.stack([hand.joints21() for hand in found])
        return {
            "ho_motion_mm2": ho_motion_mm2(np.stack([hand.vertices for hand in found]), points),
            "jitter_mm": jitter_mm(joints),
            "lag_hand_frames": lag_frames(_middles(found), _middles(right)),
            "lag_instrument_frames": lag_frames(
                np.stack([body.mean(axis=0) for body in bodies]), np.stack([body.mean(axis=0) for body in true_bodies])
            ),
        }

    def _measured(self, estimate: GraspEstimate, hand: PosedHand) -> GraspFrame:
        """Moved to the base link's frame, in which the voxels of the volumes are counted."""
        R, t = estimate.R_camera_instrument, estimate.t_camera_instrument
        body = self.mesh.vertices(np.eye(3), np.zeros(3), estimate.joint_positions)
        vertices = (hand.vertices - t) @ R
        return GraspFrame.of(
            ClosedMesh.of_hand(vertices, self.hand.faces), ClosedMesh(body, self.mesh.faces), self.samples
        )

    def _body(self, estimate: GraspEstimate) -> Float64[Array, "n 3"]:
        return self.mesh.vertices(estimate.R_camera_instrument, estimate.t_camera_instrument, estimate.joint_positions)


def as_estimate(truth: GraspTruth) -> GraspEstimate:
    """The truth as if a method had answered it."""
    return GraspEstimate(truth.hand, truth.R_camera_instrument, truth.t_camera_instrument, truth.joint_positions)


def lag_frames(found: Float64[Array, "t 3"], right: Float64[Array, "t 3"], most: int = _MAX_LAG) -> float:
    """By how many frames the estimate follows the truth: the shift of best correlation of the two paths.

    NaN where one of them stands still, where they do not go together at any shift (correlation below `GOES_WITH`, so
    that the best one is chance), or where they have fewer than four frames beyond the largest shift.
    """
    count = len(right)
    most = min(most, count - 4)
    if most < 1:
        return float("nan")
    scores = []
    for shift in range(-most, most + 1):
        late, early = found[max(shift, 0) : count + min(shift, 0)], right[max(-shift, 0) : count - max(shift, 0)]
        a, b = late - late.mean(axis=0), early - early.mean(axis=0)
        scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
        scores.append(float((a * b).sum()) / scale if scale > 0.0 else np.nan)
    if np.isnan(scores).any() or max(scores) < GOES_WITH:
        return float("nan")
    return float(np.argmax(scores) - most)


def _state(pose: GraspEstimate | GraspTruth) -> InstrumentState:
    return InstrumentState(pose.R_camera_instrument[None], pose.t_camera_instrument[None], pose.joint_positions[None])


def _middles(hands: Sequence[PosedHand]) -> Float64[Array, "t 3"]:
    return np.stack([hand.joints21().mean(axis=0) for hand in hands])
