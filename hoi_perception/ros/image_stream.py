"""What the stamps and frame ids of arriving images tell: period, age, a camera that hangs, two cameras on one topic."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median

WATCHED = 24
"""Latest images that are looked at."""
ALTERNATIONS = 4
"""Changes of the frame id, or jumps back of the stamp, among them from which on two publishers are at work."""
DEFAULT_PERIOD_NS = 33_333_333
STUCK_REPEATS = 3
"""Times in a row that one image comes again from which on the camera hangs."""


class ImageStream:
    """The latest images of one topic by stamp and frame id. Whoever shares it between threads holds a lock.

    `repeats` counts how often the latest image came again.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, str]] = deque(maxlen=WATCHED)
        self._alternations: deque[bool] = deque(maxlen=WATCHED)
        self._ages_s: deque[float] = deque(maxlen=WATCHED)
        self.repeats = 0

    def is_latest(self, stamp_ns: int, frame_id: str) -> bool:
        """Whether the latest image is this very one."""
        return bool(self._seen) and self._seen[-1] == (stamp_ns, frame_id)

    def add(self, stamp_ns: int, frame_id: str, age_s: float = 0.0) -> None:
        """The next image, with its age at its arrival."""
        self.repeats = 0
        self._ages_s.append(age_s)
        if self._seen:
            stamp, name = self._seen[-1]
            self._alternations.append(stamp_ns < stamp or frame_id != name)
        self._seen.append((stamp_ns, frame_id))

    def clear(self) -> None:
        """Start anew."""
        self._seen.clear()
        self._alternations.clear()
        self._ages_s.clear()
        self.repeats = 0

    @property
    def age_s(self) -> float:
        """Median age of the latest images at their arrival; 0 before the first."""
        return median(self._ages_s) if self._ages_s else 0.0

    @property
    def stuck(self) -> bool:
        """Whether nothing comes but the same image again."""
        return self.repeats >= STUCK_REPEATS

    @property
    def period_ns(self) -> int:
        """Median time from image to image; that of 30 Hz until it is known."""
        steps = [b[0] - a[0] for a, b in pairwise(self._seen) if b[0] > a[0]]
        return int(median(steps)) if len(steps) >= 4 else DEFAULT_PERIOD_NS

    @property
    def mixed(self) -> str:
        """Why two publishers seem to share the topic, "" where they do not.

        One jump back is a recording that starts again; many within a second are two clocks or two cameras.
        """
        if sum(self._alternations) < ALTERNATIONS:
            return ""
        names = sorted({name for _, name in self._seen})
        if len(names) > 1:
            return f"images of the frames {', '.join(repr(n) for n in names)} alternate on one topic"
        return "stamps of the images jump back and forth"
