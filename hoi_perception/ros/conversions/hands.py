"""Hands as messages and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.ros.conversions.fields import NOT_MEASURED, float32, float64, measured, number
from hoi_perception.ros.conversions.headers import header_message
from hoi_perception.ros.conversions.poses import pose_with_covariance_message, vector_from_message, vector_message
from hoi_perception.ros.conversions.sendable import sendable_hands
from hoi_perception.ros.messages import Messages
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import N_VERTICES, Hand, HandLandmarks, HandParameters, ScaleSource, Scene, Side, TrackState

SCALE = {
    ScaleSource.UNKNOWN: 0,
    ScaleSource.HAND_PRIOR: 1,
    ScaleSource.INSTRUMENT: 2,
    ScaleSource.STEREO: 3,
    ScaleSource.DEPTH: 4,
}
SCALE_BACK = {value: source for source, value in SCALE.items()}
_ZERO_IS_FLAT_HAND = 1
Vertices = Float32[NDArray[np.float32], "778 3"]


def hand_array_message(scene: Scene, messages: Messages) -> Any:
    """hoi_perception/HandArray; empty when no hand is seen."""
    return messages.make(
        "hoi_perception/msg/HandArray",
        header=header_message(scene.stamp_ns, scene.frame_id, messages),
        camera_assumption=scene.camera.assumed,
        hands=hand_messages(scene, messages),
    )


def hand_messages(scene: Scene, messages: Messages) -> list[Any]:
    """hoi_perception/HandState of each hand that may be sent."""
    return [_hand_message(hand, messages) for hand in sendable_hands(scene)]


def _hand_message(hand: Hand, messages: Messages) -> Any:
    parameters = hand.parameters
    return messages.make(
        "hoi_perception/msg/HandState",
        side=int(hand.side),
        track_id=int(hand.track_id),
        state=int(hand.state),
        score=number(hand.score, 0.0),
        wrist_pose=pose_with_covariance_message(
            rotation_from_axis_angle(parameters.pose[0]), parameters.wrist_camera, hand.covariance_wrist, messages
        ),
        pose_convention=_ZERO_IS_FLAT_HAND,
        pose=float32(parameters.pose),
        shape=float32(parameters.shape),
        translation=vector_message(hand.translation_mano, messages),
        joints=float32(hand.joints_camera),
        joint_confidence=np.nan_to_num(float32(hand.joint_confidence), nan=0.0, posinf=1.0, neginf=0.0),
        scale_source=SCALE[hand.scale_source],
        **_landmark_fields(hand.landmarks),
        residual_px=number(hand.residual_px, NOT_MEASURED),
        heldout_residual_px=number(hand.heldout_residual_px, NOT_MEASURED),
        limit_violation_deg=number(hand.limit_violation_deg, NOT_MEASURED),
    )


def _landmark_fields(landmarks: HandLandmarks | None) -> dict[str, Any]:
    if landmarks is None or not np.isfinite(landmarks.points_px).all():
        points, presence, right_score, has = np.zeros((21, 2)), 0.0, 0.0, False
    else:
        points, has = landmarks.points_px, True
        presence, right_score = number(landmarks.presence, 0.0), number(landmarks.right_score, 0.0)
    return {
        "has_landmarks": has,
        "landmarks_px": float32(points),
        "landmark_presence": presence,
        "landmark_right_score": right_score,
    }


def vertices_of(mesh_array: Any | None) -> dict[int, Vertices]:
    """Vertices by track id; none where no MeshVerticesArray came with the hands."""
    meshes = [] if mesh_array is None else mesh_array.meshes
    return {int(m.track_id): np.array(m.vertices, dtype=np.float32).reshape(-1, 3) for m in meshes}


def hands_from_messages(hands: list[Any], vertices: Mapping[int, Vertices]) -> tuple[Hand, ...]:
    """Hands of HandState messages; vertices that no message holds are NaN, never invented."""
    unknown = np.full((N_VERTICES, 3), np.nan, dtype=np.float32)
    return tuple(_hand_from_message(m, vertices.get(int(m.track_id), unknown)) for m in hands)


def _hand_from_message(m: Any, vertices: Vertices) -> Hand:
    return Hand(
        side=Side(m.side),
        track_id=int(m.track_id),
        state=TrackState(m.state),
        score=float(m.score),
        parameters=HandParameters(
            pose=float64(m.pose).reshape(16, 3),
            shape=float64(m.shape),
            wrist_camera=vector_from_message(m.wrist_pose.pose.position),
        ),
        translation_mano=vector_from_message(m.translation),
        joints_camera=float64(m.joints).reshape(21, 3),
        joint_confidence=float64(m.joint_confidence),
        vertices_camera=vertices,
        covariance_wrist=float64(m.wrist_pose.covariance).reshape(6, 6),
        scale_source=SCALE_BACK[int(m.scale_source)],
        landmarks=_landmarks_from_message(m),
        residual_px=measured(m.residual_px),
        heldout_residual_px=measured(m.heldout_residual_px),
        limit_violation_deg=measured(m.limit_violation_deg),
    )


def _landmarks_from_message(m: Any) -> HandLandmarks | None:
    if not m.has_landmarks:
        return None
    return HandLandmarks(
        points_px=float64(m.landmarks_px).reshape(21, 2),
        depth_relative=np.full(21, np.nan),  # the message has no room for it
        presence=float(m.landmark_presence),
        right_score=float(m.landmark_right_score),
    )
