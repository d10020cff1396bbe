"""Reading in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from example_scenes import example_camera

from hoi_perception.io.input_error import InputError
from hoi_perception.io.read_ahead import read_ahead
from hoi_perception.types import Frame

IMAGE = np.zeros((48, 64, 3), dtype=np.uint8)


def frames(count: int, made: list[int] | None = None) -> Iterator[Frame]:
    for index in range(count):
        if made is not None:
            made.append(index)
        yield Frame(IMAGE, example_camera(), index)


def test_all_frames_in_order() -> None:
    with read_ahead(lambda: frames(50)) as ahead:
        assert [f.stamp_ns for f in ahead] == list(range(50))
        assert next(ahead, None) is None
    assert ahead.dropped == 0


def test_only_a_few_frames_wait() -> None:
    made: list[int] = []
    with read_ahead(lambda: frames(1000, made)) as ahead:
        next(ahead)
        time.sleep(0.2)
        assert len(made) <= 8


def test_an_error_comes_out_after_the_frames_before_it() -> None:
    def broken() -> Iterator[Frame]:
        yield from frames(2)
        raise InputError("the tape tore")

    with read_ahead(broken) as ahead:
        assert [next(ahead).stamp_ns, next(ahead).stamp_ns] == [0, 1]
        for _ in range(2):
            with pytest.raises(InputError, match="the tape tore"):
                next(ahead)


def test_the_thread_ends_with_the_context() -> None:
    closed = threading.Event()

    def endless() -> Iterator[Frame]:
        try:
            while True:
                yield from frames(10)
        finally:
            closed.set()

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), read_ahead(endless) as ahead:
        next(ahead)
        raise KeyboardInterrupt
    assert closed.wait(2.0)
    assert threading.active_count() == before


def test_the_latest_live_frame_wins() -> None:
    go_on = threading.Event()

    def live() -> Iterator[Frame]:
        yield from frames(20)
        go_on.wait(2.0)

    with read_ahead(live, latest_only=True) as ahead:
        time.sleep(0.3)
        assert next(ahead).stamp_ns == 19
        assert ahead.dropped == 19
        go_on.set()
        assert next(ahead, None) is None
