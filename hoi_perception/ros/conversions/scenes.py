"""Scenes: hands, their frames, and how the image was processed. What is not finite is never sent."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.ros.conversions.headers import header_message, stamp_ns
from hoi_perception.ros.messages import Messages
from hoi_perception.transforms import (
    quaternion_wxyz_from_rotation,
    rotation_from_axis_angle,
)
from hoi_perception.types import (
    Camera,
    Hand,
    HandLandmarks,
    HandParameters,
    ScaleSource,
    Scene,
    Side,
    TrackState,
)

Array = NDArray[np.floating[Any]]
_SCALE = {
    ScaleSource.UNKNOWN: 0,
    ScaleSource.HAND_PRIOR: 1,
    ScaleSource.INSTRUMENT: 2,
    ScaleSource.STEREO: 3,
    ScaleSource.DEPTH: 4,
}
_SCALE_BACK = {value: source for source, value in _SCALE.items()}
_ZERO_IS_FLAT_HAND = 1
_NOT_MEASURED = -1.0
_log = logging.getLogger(__name__)


def sendable_hands(scene: Scene) -> tuple[Hand, ...]:
    """Hands with a pose that is finite; a hand without one is named in the log and left out of every message."""
    good = []
    for hand in scene.hands:
        if hand.state is TrackState.LOST:
            continue
        if _is_finite(hand):
            good.append(hand)
        else:
            _log.warning("%s hand %d is not finite and is not sent", hand.side.label, hand.track_id)
    return tuple(good)


def _is_finite(hand: Hand) -> bool:
    parameters = hand.parameters
    values = (
        parameters.pose,
        parameters.shape,
        parameters.wrist_camera,
        hand.translation_mano,
        hand.joints_camera,
        hand.vertices_camera,
        hand.covariance_wrist,
    )
    return all(bool(np.isfinite(v).all()) for v in values)


def hand_array_message(scene: Scene, messages: Messages) -> Any:
    """hoi_perception/HandArray; empty when no hand is seen."""
    return messages.make(
        "hoi_perception/msg/HandArray",
        header=header_message(scene.stamp_ns, scene.frame_id, messages),
        camera_assumption=scene.camera.assumed,
        hands=[_hand_message(hand, messages) for hand in sendable_hands(scene)],
    )


def _hand_message(hand: Hand, messages: Messages) -> Any:
    return messages.make(
        "hoi_perception/msg/HandState",
        side=int(hand.side),
        track_id=int(hand.track_id),
        state=int(hand.state),
        score=_number(hand.score, 0.0),
        wrist_pose=messages.make(
            "geometry_msgs/msg/PoseWithCovariance",
            pose=_pose_message(hand, messages),
            covariance=hand.covariance_wrist.reshape(36).astype(np.float64),
        ),
        pose_convention=_ZERO_IS_FLAT_HAND,
        pose=_float32(hand.parameters.pose),
        shape=_float32(hand.parameters.shape),
        translation=_vector_message(hand.translation_mano, messages),
        joints=_float32(hand.joints_camera),
        joint_confidence=np.nan_to_num(_float32(hand.joint_confidence), nan=0.0, posinf=1.0, neginf=0.0),
        scale_source=_SCALE[hand.scale_source],
        **_landmark_fields(hand.landmarks),
        residual_px=_number(hand.residual_px, _NOT_MEASURED),
        heldout_residual_px=_number(hand.heldout_residual_px, _NOT_MEASURED),
        limit_violation_deg=_number(hand.limit_violation_deg, _NOT_MEASURED),
    )


def _landmark_fields(landmarks: HandLandmarks | None) -> dict[str, Any]:
    if landmarks is None or not np.isfinite(landmarks.points_px).all():
        points, presence, right_score, has = np.zeros((21, 2)), 0.0, 0.0, False
    else:
        points, has = landmarks.points_px, True
        presence, right_score = _number(landmarks.presence, 0.0), _number(landmarks.right_score, 0.0)
    return {
        "has_landmarks": has,
        "landmarks_px": _float32(points),
        "landmark_presence": presence,
        "landmark_right_score": right_score,
    }


def tf_message(scene: Scene, messages: Messages) -> Any:
    """tf2_msgs/TFMessage: `hand_left`, `hand_right` at joint 0; `hand_left_2` for a second of a kind."""
    transforms, seen = [], {Side.LEFT: 0, Side.RIGHT: 0}
    for hand in sorted(sendable_hands(scene), key=lambda h: h.track_id):
        seen[hand.side] += 1
        number = f"_{seen[hand.side]}" if seen[hand.side] > 1 else ""
        pose = _pose_message(hand, messages)
        transforms.append(
            messages.make(
                "geometry_msgs/msg/TransformStamped",
                header=header_message(scene.stamp_ns, scene.frame_id, messages),
                child_frame_id=f"hand_{hand.side.label}{number}",
                transform=messages.make(
                    "geometry_msgs/msg/Transform",
                    translation=_vector_message(hand.parameters.wrist_camera, messages),
                    rotation=pose.orientation,
                ),
            )
        )
    return messages.make("tf2_msgs/msg/TFMessage", transforms=transforms)


def frame_status_message(scene: Scene, messages: Messages, *, device: str = "cpu", dropped_frames: int = 0) -> Any:
    """hoi_perception/FrameStatus; `total_ms` is the stage "total" where there is one, else the sum."""
    stages = {name: _number(ms, 0.0) for name, ms in scene.stage_ms.items()}
    return messages.make(
        "hoi_perception/msg/FrameStatus",
        header=header_message(scene.stamp_ns, scene.frame_id, messages),
        device=device,
        stages=list(stages),
        stage_ms=messages.sequence(np.array(list(stages.values()), dtype=np.float32)),
        total_ms=stages.get("total", sum(stages.values())),
        births=int(scene.births),
        dropped_frames=int(dropped_frames),
        camera_assumption=scene.camera.assumed,
    )


def scene_from_messages(hand_array: Any, mesh_array: Any, status: Any, camera: Camera) -> Scene:
    """The Scene that HandArray, MeshVerticesArray and FrameStatus of one image describe (to their precision)."""
    vertices = {int(m.track_id): np.array(m.vertices, dtype=np.float32).reshape(-1, 3) for m in mesh_array.meshes}
    return Scene(
        stamp_ns=stamp_ns(hand_array.header),
        frame_id=str(hand_array.header.frame_id),
        camera=camera,
        hands=tuple(_hand_from_message(m, vertices[int(m.track_id)]) for m in hand_array.hands),
        births=int(status.births),
        stage_ms=dict(zip(status.stages, map(float, status.stage_ms), strict=True)),
    )


def _hand_from_message(m: Any, vertices: NDArray[np.float32]) -> Hand:
    position = m.wrist_pose.pose.position
    parameters = HandParameters(
        pose=_float64(m.pose).reshape(16, 3),
        shape=_float64(m.shape),
        wrist_camera=np.array([position.x, position.y, position.z], dtype=np.float64),
    )
    landmarks = None
    if m.has_landmarks:
        landmarks = HandLandmarks(
            points_px=_float64(m.landmarks_px).reshape(21, 2),
            depth_relative=np.full(21, np.nan),  # the message has no room for it
            presence=float(m.landmark_presence),
            right_score=float(m.landmark_right_score),
        )
    return Hand(
        side=Side(m.side),
        track_id=int(m.track_id),
        state=TrackState(m.state),
        score=float(m.score),
        parameters=parameters,
        translation_mano=np.array([m.translation.x, m.translation.y, m.translation.z], dtype=np.float64),
        joints_camera=_float64(m.joints).reshape(21, 3),
        joint_confidence=_float64(m.joint_confidence),
        vertices_camera=vertices,
        covariance_wrist=_float64(m.wrist_pose.covariance).reshape(6, 6),
        scale_source=_SCALE_BACK[int(m.scale_source)],
        landmarks=landmarks,
        residual_px=_measured(m.residual_px),
        heldout_residual_px=_measured(m.heldout_residual_px),
        limit_violation_deg=_measured(m.limit_violation_deg),
    )


def _pose_message(hand: Hand, messages: Messages) -> Any:
    """geometry_msgs/Pose of joint 0; ROS writes quaternions as x, y, z, w."""
    w, x, y, z = map(float, quaternion_wxyz_from_rotation(rotation_from_axis_angle(hand.parameters.pose[0])))
    px, py, pz = map(float, hand.parameters.wrist_camera)
    return messages.make(
        "geometry_msgs/msg/Pose",
        position=messages.make("geometry_msgs/msg/Point", x=px, y=py, z=pz),
        orientation=messages.make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w),
    )


def _vector_message(v: Float[Array, "3"], messages: Messages) -> Any:
    x, y, z = map(float, v)
    return messages.make("geometry_msgs/msg/Vector3", x=x, y=y, z=z)


def _number(value: float, otherwise: float) -> float:
    return float(value) if np.isfinite(value) else otherwise


def _measured(value: float) -> float:
    return float(value) if value >= 0 else float("nan")


def _float32(values: Float[Array, "..."]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, dtype=np.float32).reshape(-1)


def _float64(values: Any) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64).reshape(-1)
