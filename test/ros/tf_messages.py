"""TFMessages for tests, and TF that says what a test wants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from worker_bench import MESSAGES

from hoi_perception.ros import conversions
from hoi_perception.ros.tf import FrameTransform, not_connected


def tf_message(
    stamp: int, parent: str, child: str, place: tuple[float, float, float], about_z_deg: float = 0.0, **q: float
) -> Any:
    """One transform: the child's place (m) in its parent, turned about z; quaternion fields as given in `q`."""
    half = math.radians(about_z_deg) / 2.0
    turn = {"x": 0.0, "y": 0.0, "z": math.sin(half), "w": math.cos(half)} | q
    make = MESSAGES.make
    transform = make(
        "geometry_msgs/msg/Transform",
        translation=make("geometry_msgs/msg/Vector3", x=place[0], y=place[1], z=place[2]),
        rotation=make("geometry_msgs/msg/Quaternion", **turn),
    )
    one = make(
        "geometry_msgs/msg/TransformStamped",
        header=conversions.header_message(stamp, parent, MESSAGES),
        child_frame_id=child,
        transform=transform,
    )
    return make("tf2_msgs/msg/TFMessage", transforms=[one])


def shift(x: float, y: float, z: float) -> FrameTransform:
    """No turn."""
    return FrameTransform(np.eye(3), np.array([x, y, z]))


class FakeTransforms:
    """Says where frames are, whatever the time; `asked` are the questions."""

    def __init__(self, **frames: FrameTransform) -> None:
        self.frames = frames
        self.asked: list[tuple[str, str, int]] = []

    def find(self, target: str, source: str, stamp_ns: int) -> FrameTransform:
        self.asked.append((target, source, stamp_ns))
        if source in self.frames:
            return self.frames[source]
        raise not_connected(target, source)
