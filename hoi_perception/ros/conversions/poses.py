"""Poses and vectors; ROS writes quaternions as x, y, z, w."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from hoi_perception.ros.conversions.headers import MessageError, stamp_and_frame
from hoi_perception.ros.messages import Messages
from hoi_perception.ros.tf import FrameTransform
from hoi_perception.transforms import quaternion_wxyz_from_rotation, rotation_from_quaternion_wxyz

Vector = Float[NDArray[np.floating[Any]], "3"]
Rotation = Float[NDArray[np.floating[Any]], "3 3"]


def vector_message(v: Vector, messages: Messages) -> Any:
    """geometry_msgs/Vector3."""
    x, y, z = map(float, v)
    return messages.make("geometry_msgs/msg/Vector3", x=x, y=y, z=z)


def point_message(v: Vector, messages: Messages) -> Any:
    """geometry_msgs/Point."""
    x, y, z = map(float, v)
    return messages.make("geometry_msgs/msg/Point", x=x, y=y, z=z)


def quaternion_message(R: Rotation, messages: Messages) -> Any:
    """geometry_msgs/Quaternion with w >= 0."""
    return _quaternion(quaternion_wxyz_from_rotation(R), messages)


def pose_message(R: Rotation, t: Vector, messages: Messages) -> Any:
    """geometry_msgs/Pose."""
    return messages.make(
        "geometry_msgs/msg/Pose", position=point_message(t, messages), orientation=quaternion_message(R, messages)
    )


def pose_messages(
    rotations: Float[NDArray[np.floating[Any]], "n 3 3"],
    origins: Float[NDArray[np.floating[Any]], "n 3"],
    messages: Messages,
) -> list[Any]:
    """geometry_msgs/Pose of each."""
    return [
        messages.make(
            "geometry_msgs/msg/Pose", position=point_message(t, messages), orientation=_quaternion(q, messages)
        )
        for q, t in zip(quaternion_wxyz_from_rotation(rotations), origins, strict=True)
    ]


def pose_with_covariance_message(
    R: Rotation, t: Vector, covariance: Float[NDArray[np.floating[Any]], "6 6"], messages: Messages
) -> Any:
    """geometry_msgs/PoseWithCovariance."""
    return messages.make(
        "geometry_msgs/msg/PoseWithCovariance",
        pose=pose_message(R, t, messages),
        covariance=covariance.reshape(36).astype(np.float64),
    )


def vector_from_message(v: Any) -> Float64[NDArray[np.float64], "3"]:
    """Of a Vector3 or Point."""
    return np.array([v.x, v.y, v.z], dtype=np.float64)


def pose_from_message(pose: Any) -> tuple[Float64[NDArray[np.float64], "3 3"], Float64[NDArray[np.float64], "3"]]:
    """Rotation and translation of a geometry_msgs/Pose; MessageError where its quaternion is none."""
    return _placed(pose.orientation, pose.position, "pose")


def transform_from_message(transform: Any) -> tuple[int, str, str, FrameTransform]:
    """Stamp (ns), parent, child and the child's place in its parent of a geometry_msgs/TransformStamped; MessageError
    where its quaternion is none."""
    stamp, parent = stamp_and_frame(transform)
    child, parent = str(transform.child_frame_id).lstrip("/"), parent.lstrip("/")
    T = transform.transform
    return stamp, parent, child, FrameTransform(*_placed(T.rotation, T.translation, f"transform of '{child}'"))


def _placed(q: Any, v: Any, what: str) -> tuple[Float64[NDArray[np.float64], "3 3"], Float64[NDArray[np.float64], "3"]]:
    wxyz = np.array([q.w, q.x, q.y, q.z], dtype=np.float64)
    t = vector_from_message(v)
    norm = float(np.linalg.norm(wxyz))
    if not (norm > 1e-6 and np.isfinite(norm) and np.isfinite(t).all()):
        raise MessageError(
            f"{what} at {t.tolist()} with the quaternion x {q.x}, y {q.y}, z {q.z}, w {q.w} is none: "
            "send finite numbers and a quaternion of length 1"
        )
    return np.asarray(rotation_from_quaternion_wxyz(wxyz / norm), dtype=np.float64), t


def transform_messages(
    header: Any,
    children: Sequence[str],
    rotations: Float[NDArray[np.floating[Any]], "n 3 3"],
    origins: Float[NDArray[np.floating[Any]], "n 3"],
    messages: Messages,
) -> list[Any]:
    """geometry_msgs/TransformStamped of each child, placed in the frame of the header."""
    quaternions = quaternion_wxyz_from_rotation(rotations)
    return [
        messages.make(
            "geometry_msgs/msg/TransformStamped",
            header=header,
            child_frame_id=child,
            transform=messages.make(
                "geometry_msgs/msg/Transform",
                translation=vector_message(t, messages),
                rotation=_quaternion(q, messages),
            ),
        )
        for child, q, t in zip(children, quaternions, origins, strict=True)
    ]


def _quaternion(wxyz: Float[NDArray[np.floating[Any]], "4"], messages: Messages) -> Any:
    w, x, y, z = map(float, wxyz)
    return messages.make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)
