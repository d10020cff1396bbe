"""Scenes in another frame, by TF."""

from __future__ import annotations

from typing import Any

import numpy as np
from rclpy.duration import Duration
from rclpy.time import Time
from tf2_ros import Buffer, TransformException, TransformListener

from hoi_perception.scene_transform import transform_scene
from hoi_perception.transforms import rotation_from_quaternion_wxyz
from hoi_perception.types import Scene

WAIT = Duration(seconds=0.05)
"""Longest wait for a transform of the image's stamp."""


class TargetFrameError(RuntimeError):
    """TF does not tell where the target frame is."""


class TargetFrame:
    """Listens to TF while a target frame is set."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._buffer: Buffer | None = None
        self._listener: TransformListener | None = None

    def listen(self) -> None:
        """Begin to hear transforms."""
        if self._listener is None:
            self._buffer = Buffer()
            self._listener = TransformListener(self._buffer, self._node)

    def stop(self) -> None:
        """Free the subscriptions."""
        if self._listener is not None:
            self._listener.unregister()
        self._buffer = self._listener = None

    def transform(self, scene: Scene, target: str) -> Scene:
        """The scene in frame `target` at its own stamp; TargetFrameError where TF does not tell."""
        if target in ("", scene.frame_id):
            return scene
        buffer = self._buffer
        if buffer is None:
            raise TargetFrameError(f"TF is not heard yet, so nothing can be told in {target}")
        try:
            found = buffer.lookup_transform(target, scene.frame_id, Time(nanoseconds=scene.stamp_ns), WAIT)
        except TransformException as error:
            what = f"no transform from {scene.frame_id} to target_frame {target} ({error})"
            raise TargetFrameError(f"{what}: publish it, or clear target_frame") from None
        t, q = found.transform.translation, found.transform.rotation
        R = rotation_from_quaternion_wxyz(np.array([q.w, q.x, q.y, q.z]))
        return transform_scene(scene, R, np.array([t.x, t.y, t.z]), target)
