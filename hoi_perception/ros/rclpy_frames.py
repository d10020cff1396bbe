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


class TargetFrame:
    """Listens to TF while a target frame is set.

    `failure` tells why the latest scene could not be transformed; "" if it could.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._buffer: Buffer | None = None
        self._listener: TransformListener | None = None
        self.failure = ""

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
        self.failure = ""

    def transform(self, scene: Scene, target: str) -> Scene | None:
        """The scene in frame `target` at its own stamp; None where TF does not tell, with the reason in `failure`."""
        if target in ("", scene.frame_id):
            self.failure = ""
            return scene
        buffer = self._buffer
        if buffer is None:
            return None
        try:
            found = buffer.lookup_transform(target, scene.frame_id, Time(nanoseconds=scene.stamp_ns), WAIT)
        except TransformException as error:
            self.failure = f"no transform from {scene.frame_id} to target_frame {target}: {error}"
            return None
        self.failure = ""
        t, q = found.transform.translation, found.transform.rotation
        R = rotation_from_quaternion_wxyz(np.array([q.w, q.x, q.y, q.z]))
        return transform_scene(scene, R, np.array([t.x, t.y, t.z]), target)
