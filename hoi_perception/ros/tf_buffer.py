"""TF without ROS: the tree of frames as it was in the latest seconds, asked for one moment.

It answers as tf2 does: poses between two that were sent are interpolated, those of another time are refused.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hoi_perception.ros.conversions import MessageError, transform_from_message
from hoi_perception.ros.tf import FrameTransform, NoTransformError, not_at_that_time, not_connected
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle

KEPT_S = 10.0
"""Time for which poses are kept, as tf2 has it."""
_DEEPEST = 1000
IDENTITY = FrameTransform(np.eye(3), np.zeros(3))


@dataclass
class _Link:
    """Where a frame was in its parent, by time; a static one has one pose for all times."""

    parent: str
    static: bool
    poses: list[tuple[int, FrameTransform]] = field(default_factory=list)

    def add(self, stamp_ns: int, pose: FrameTransform) -> None:
        """One more; a time that jumps back by more than is kept (a bag that starts again) starts anew."""
        if self.static or (self.poses and stamp_ns < self.poses[-1][0] - KEPT_S * 1e9):
            self.poses.clear()
        at = bisect_left(self.poses, stamp_ns, key=_stamp)
        if at < len(self.poses) and self.poses[at][0] == stamp_ns:
            self.poses[at] = stamp_ns, pose
            return
        insort(self.poses, (stamp_ns, pose), key=_stamp)
        oldest = self.poses[-1][0] - KEPT_S * 1e9
        del self.poses[: bisect_left(self.poses, oldest, key=_stamp)]

    def at(self, stamp_ns: int) -> FrameTransform | None:
        """The pose at a time, None where it is of none that was sent or lies between."""
        if self.static:
            return self.poses[0][1]
        after = bisect_left(self.poses, stamp_ns, key=_stamp)
        if after == len(self.poses):
            return None
        late_ns, late = self.poses[after]
        if late_ns == stamp_ns:
            return late
        if after == 0:
            return None
        early_ns, early = self.poses[after - 1]
        return between(early, late, (stamp_ns - early_ns) / (late_ns - early_ns))


class TransformBuffer:
    """Hears TFMessages and answers. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._links: dict[str, _Link] = {}

    def add(self, message: Any, *, static: bool) -> None:
        """What a tf2_msgs/TFMessage says. MessageError for a pose that is none, once the others are taken."""
        refused: MessageError | None = None
        for one in message.transforms:
            try:
                stamp_ns, parent, child, pose = transform_from_message(one)
            except MessageError as error:
                refused = error
                continue
            with self._lock:
                link = self._links.get(child)
                if link is None or (link.parent, link.static) != (parent, static):
                    link = self._links[child] = _Link(parent, static)
                link.add(stamp_ns, pose)
        if refused is not None:
            raise refused

    def find(self, target: str, source: str, stamp_ns: int) -> FrameTransform:
        """Where `source` is in `target` at a time, never at another one; NoTransformError where TF does not tell."""
        with self._lock:
            up, down = list(self._lineage(source)), list(self._lineage(target))
            shared = next((name for name in up if name in down), None)
            if shared is None:
                raise not_connected(target, source)
            rising, falling = up[: up.index(shared)], down[: down.index(shared)]
            T_shared_source = self._risen(rising, stamp_ns)
            T_shared_target = self._risen(falling, stamp_ns)
            if T_shared_source is None or T_shared_target is None:
                raise self._missed(target, source, [*rising, *falling], stamp_ns)
        R = T_shared_target.R_target_source.T
        t = T_shared_source.t_target_source - T_shared_target.t_target_source
        return FrameTransform(R @ T_shared_source.R_target_source, R @ t)

    def _lineage(self, frame: str) -> Iterator[str]:
        """The frame, its parent, and so on; frames that go round in a circle end."""
        for _ in range(_DEEPEST):
            yield frame
            link = self._links.get(frame)
            if link is None:
                return
            frame = link.parent

    def _risen(self, frames: list[str], stamp_ns: int) -> FrameTransform | None:
        """The first of a chain of frames in the parent of the last one."""
        T = IDENTITY
        for frame in frames:
            pose = self._links[frame].at(stamp_ns)
            if pose is None:
                return None
            R, t = pose.R_target_source, pose.t_target_source
            T = FrameTransform(R @ T.R_target_source, R @ T.t_target_source + t)
        return T

    def _missed(self, target: str, source: str, frames: list[str], stamp_ns: int) -> NoTransformError:
        moving = [self._links[frame] for frame in frames if not self._links[frame].static]
        return not_at_that_time(target, source, stamp_ns, min(link.poses[-1][0] for link in moving))


def between(early: FrameTransform, late: FrameTransform, share: float) -> FrameTransform:
    """The pose a share of the way from one to another: along a line, and turning evenly about one axis."""
    turn = axis_angle_from_rotation(early.R_target_source.T @ late.R_target_source)
    R = early.R_target_source @ rotation_from_axis_angle(share * turn)
    t = (1.0 - share) * early.t_target_source + share * late.t_target_source
    return FrameTransform(np.asarray(R, dtype=np.float64), t)


def _stamp(one: tuple[int, FrameTransform]) -> int:
    return one[0]
