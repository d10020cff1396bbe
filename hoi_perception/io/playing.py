"""A source as a camera: its frames at their own pace, stamped with the time at which they are shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from hoi_perception.io.sources import Source
from hoi_perception.types import Frame

DEFAULT_RATE_HZ = 30.0


def play(
    source: Source,
    *,
    loop: bool = False,
    frame_id: str = "",
    now_ns: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Frame]:
    """Frames of a recording when they are due, again from the start with `loop`; those of a camera as they come.

    A frame that is overdue is shown at once. `frame_id` takes the place of the source's own where it is given.
    """
    while True:
        start, first = now_ns(), None
        for frame in source.frames():
            stamp = frame.stamp_ns
            if not source.live:
                first = stamp if first is None else first
                stamp = start + frame.stamp_ns - first
                if (wait := stamp - now_ns()) > 0:
                    sleep(wait * 1e-9)
            yield replace(frame, stamp_ns=stamp, frame_id=frame_id or frame.frame_id)
        if source.live or not loop:
            return
        sleep(1.0 / (source.rate_hz or DEFAULT_RATE_HZ))
