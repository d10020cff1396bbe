"""Pictures that all tests share."""

from __future__ import annotations

from functools import cache

from hoi_perception.synthesis.demo_clip import demo_frames
from hoi_perception.types import Frame


@cache
def clip(n_frames: int = 8, width: int = 640, height: int = 360) -> tuple[Frame, ...]:
    """Rendered frames of two hands, a left and a right one."""
    return tuple(frame for frame, _ in demo_frames(n_frames, width, height))
