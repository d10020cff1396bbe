"""TF in the rclpy node: what tf2 knows, and scenes in another frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.time import Time
from tf2_ros import Buffer, ExtrapolationException, TransformException, TransformListener

from hoi_perception.ros.conversions import MessageError, transform_from_message
from hoi_perception.ros.tf import FrameTransform, NoTransformError, not_at_that_time, not_connected
from hoi_perception.scene_transform import transform_scene
from hoi_perception.types import Scene

WAIT = Duration(seconds=0.05)
"""Longest wait for a transform of the image's stamp, once there is a scene."""
JUMP_BACK_S = 1.0
"""Jump back of the node's clock from which on what was heard is of another recording."""


class TargetFrameError(RuntimeError):
    """TF does not tell where the target frame is."""


class HeardFrames:
    """What tf2 hears while somebody listens. `news` is called for every transform, in the executor's thread."""

    def __init__(self, node: Any, news: Callable[[], None]) -> None:
        self._node, self._news = node, news
        self._buffer: Buffer | None = None
        self._listener: TransformListener | None = None
        self._jumps: Any = None

    def listen(self) -> None:
        """Begin to hear transforms."""
        if self._listener is None:
            self._buffer = buffer = _TellingBuffer(self._news)
            self._listener = TransformListener(buffer, self._node)
            back = JumpThreshold(min_forward=None, min_backward=Duration(seconds=-JUMP_BACK_S), on_clock_change=True)
            self._jumps = self._node.get_clock().create_jump_callback(back, post_callback=lambda _: buffer.clear())

    def stop(self) -> None:
        """Free the subscriptions."""
        if self._listener is not None:
            self._listener.unregister()
            self._jumps.unregister()
        self._buffer = self._listener = self._jumps = None

    def find(
        self,
        target: str,
        source: str,
        stamp_ns: int,
        wait: Duration = Duration(),  # noqa: B008  frozen
    ) -> FrameTransform:
        """Where `source` is in `target` at a time, never at another one; NoTransformError where TF does not tell."""
        buffer = self._buffer
        if buffer is None:
            raise NoTransformError(f"TF is not heard yet, so nothing tells where '{source}' is in '{target}'")
        try:
            found = buffer.lookup_transform(target, source, Time(nanoseconds=stamp_ns), wait)
            return transform_from_message(found)[-1]
        except ExtrapolationException:
            raise _of_another_time(buffer, target, source, stamp_ns) from None
        except (TransformException, MessageError):
            raise not_connected(target, source) from None


def _of_another_time(buffer: Buffer, target: str, source: str, stamp_ns: int) -> NoTransformError:
    """The reason; a buffer that was cleared knows frames of which it has no pose."""
    try:
        latest_ns = int(buffer.get_latest_common_time(target, source).nanoseconds)
    except TransformException:
        return not_connected(target, source)
    return not_at_that_time(target, source, stamp_ns, latest_ns)


class TargetFrame:
    """Scenes in another frame, by TF."""

    def __init__(self, heard: HeardFrames) -> None:
        self._heard = heard

    def transform(self, scene: Scene, target: str) -> Scene:
        """The scene in frame `target` at its own stamp; TargetFrameError where TF does not tell."""
        if target in ("", scene.frame_id):
            return scene
        try:
            T = self._heard.find(target, scene.frame_id, scene.stamp_ns, WAIT)
        except NoTransformError as error:
            what = f"no transform from {scene.frame_id} to target_frame {target} ({error})"
            raise TargetFrameError(f"{what}: publish it, or clear target_frame") from None
        return transform_scene(scene, np.asarray(T.R_target_source), T.t_target_source, target)


class _TellingBuffer(Buffer):
    """Tells of every transform that it takes."""

    def __init__(self, news: Callable[[], None]) -> None:
        super().__init__()
        self._tell = news

    def set_transform(self, transform: Any, authority: str) -> None:
        """One that moves."""
        super().set_transform(transform, authority)
        self._tell()

    def set_transform_static(self, transform: Any, authority: str) -> None:
        """One that stays."""
        super().set_transform_static(transform, authority)
        self._tell()
