"""What belongs to an image: the calibration, depth or mask with its stamp."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stamped:
    """A message with its stamp and frame id."""

    message: Any
    stamp_ns: int
    frame_id: str


class Companions:
    """The latest messages of one topic that goes with the images, in the order in which they came.

    Not safe between threads: whoever shares it holds a lock.
    """

    def __init__(self, kept: int) -> None:
        self._kept: deque[Stamped] = deque(maxlen=kept)

    def add(self, one: Stamped) -> None:
        """The newest; the oldest goes."""
        self._kept.append(one)

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)

    def nearest(self, stamp_ns: int, tolerance_ns: int) -> Stamped | None:
        """The one whose stamp is nearest, if it is no further off than `tolerance_ns`."""
        near = min(self._kept, key=lambda one: abs(one.stamp_ns - stamp_ns), default=None)
        return near if near is not None and abs(near.stamp_ns - stamp_ns) <= tolerance_ns else None

    def off_ns(self, stamp_ns: int) -> int | None:
        """How far the nearest stamp is off; None where there is none."""
        return min((abs(one.stamp_ns - stamp_ns) for one in self._kept), default=None)

    @property
    def latest_ns(self) -> int | None:
        """Stamp of the one that came last; None where there is none."""
        return self._kept[-1].stamp_ns if self._kept else None

    def has(self, stamp_ns: int) -> bool:
        """Whether one has exactly this stamp."""
        return any(one.stamp_ns == stamp_ns for one in self._kept)

    def valid_at(self, stamp_ns: int, frame_id: str) -> Stamped | None:
        """The latest of this frame whose stamp is not after `stamp_ns`, else the latest of this frame.

        One without a frame id goes with every image, and an image without one takes every one.
        """
        fitting = [one for one in self._kept if not one.frame_id or not frame_id or one.frame_id == frame_id]
        before = [one for one in fitting if one.stamp_ns <= stamp_ns]
        return before[-1] if before else fitting[-1] if fitting else None

    @property
    def frame_ids(self) -> list[str]:
        """Of all that are kept."""
        return sorted({one.frame_id for one in self._kept})
