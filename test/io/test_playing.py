"""Sources shown as cameras, with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.io.playing import play
from hoi_perception.io.sources import Skip
from hoi_perception.types import Frame

CAMERA = camera_from_fov(8, 6, 55.0)
IMAGE = np.zeros((6, 8, 3), dtype=np.uint8)


class Recording:
    name, live = "recording", False
    frame_count: int | None = None
    rate_hz: float | None = 10.0

    def __init__(self, stamps: list[int], live: bool = False) -> None:
        self.stamps, self.live = stamps, live
        self.skipped: list[Skip] = []
        self.notes: list[str] = []

    def frames(self) -> Iterator[Frame]:
        for stamp in self.stamps:
            yield Frame(IMAGE, CAMERA, stamp, "eye")


class Clock:
    def __init__(self, ns: int) -> None:
        self.ns = ns
        self.slept: list[float] = []

    def now(self) -> int:
        return self.ns

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ns += round(seconds * 1e9)


def test_frames_are_shown_when_due_and_stamped_with_that_time() -> None:
    clock = Clock(1_000_000_000)
    frames = play(Recording([500, 100_000_500, 300_000_500]), now_ns=clock.now, sleep=clock.sleep)
    assert [f.stamp_ns for f in frames] == [1_000_000_000, 1_100_000_000, 1_300_000_000]
    assert clock.slept == pytest.approx([0.1, 0.2])


def test_an_overdue_frame_is_shown_at_once() -> None:
    clock = Clock(0)
    shown = []
    for frame in play(Recording([0, 100_000_000, 200_000_000]), now_ns=clock.now, sleep=clock.sleep):
        shown.append(frame.stamp_ns)
        clock.ns += 150_000_000  # whoever takes the frames is slower than they come
    assert shown == [0, 100_000_000, 200_000_000]
    assert clock.slept == []


def test_a_loop_goes_on_in_time() -> None:
    clock = Clock(0)
    frames = play(Recording([0, 100_000_000]), loop=True, frame_id="left_eye", now_ns=clock.now, sleep=clock.sleep)
    first = list(islice(frames, 5))
    assert [f.stamp_ns for f in first] == [0, 100_000_000, 200_000_000, 300_000_000, 400_000_000]
    assert {f.frame_id for f in first} == {"left_eye"}


def test_a_live_camera_keeps_its_stamps() -> None:
    clock = Clock(0)
    frames = list(play(Recording([7, 9], live=True), loop=True, now_ns=clock.now, sleep=clock.sleep))
    assert [f.stamp_ns for f in frames] == [7, 9] and frames[0].frame_id == "eye"
    assert clock.slept == []
