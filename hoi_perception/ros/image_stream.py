"""What the stamps and frame ids of arriving images tell: their period, and whether two cameras share one topic."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median

WATCHED = 24
"""Latest images that are looked at."""
ALTERNATIONS = 4
"""Changes of the frame id, or jumps back of the stamp, among them from which on two publishers are at work."""
DEFAULT_PERIOD_NS = 33_333_333


class ImageStream:
    """The latest images of one topic by stamp and frame id. Whoever shares it between threads holds a lock."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, str]] = deque(maxlen=WATCHED)
        self._alternations: deque[bool] = deque(maxlen=WATCHED)

    def add(self, stamp_ns: int, frame_id: str) -> None:
        """The next image."""
        if self._seen:
            stamp, name = self._seen[-1]
            self._alternations.append(stamp_ns < stamp or frame_id != name)
        self._seen.append((stamp_ns, frame_id))

    def clear(self) -> None:
        """Start anew."""
        self._seen.clear()
        self._alternations.clear()

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
