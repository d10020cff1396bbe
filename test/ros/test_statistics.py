"""Figures, streams and paces with numbers known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.ros.image_stream import DEFAULT_PERIOD_NS, ImageStream
from hoi_perception.ros.outputs import Pace
from hoi_perception.ros.statistics import WINDOW, FrameFigures, Percentiles, Ring

MS = 1_000_000


def test_a_ring_keeps_the_latest_values() -> None:
    ring = Ring()
    assert len(ring.values) == 0
    for i in range(WINDOW + 3):
        ring.add(i)
    assert sorted(ring.values) == list(range(3, WINDOW + 3))
    ring.clear()
    assert len(ring.values) == 0


def test_percentiles() -> None:
    ring = Ring()
    assert np.isnan(Percentiles.of(ring).p50)
    for i in range(101):
        ring.add(float(i))
    assert Percentiles.of(ring) == Percentiles(50.0, 95.0)


def test_rate_of_a_steady_stream_and_of_one_that_stops() -> None:
    figures = FrameFigures()
    assert figures.rate_hz(0.0) == 0.0
    for i in range(100):
        figures.ends.add(i / 20.0)
    assert figures.rate_hz(99 / 20.0) == pytest.approx(20.0)
    assert figures.rate_hz(99 / 20.0 + 2.0) < 14.0
    assert figures.rate_hz(20.0) == 0.0


def test_period_of_a_stream() -> None:
    stream = ImageStream()
    assert stream.period_ns == DEFAULT_PERIOD_NS
    for i in (0, 1, 2, 4, 5, 6):
        stream.add(i * 20 * MS, "a")
    assert stream.period_ns == 20 * MS


def test_a_single_jump_back_is_no_second_publisher() -> None:
    stream = ImageStream()
    for i in [*range(10), *range(10)]:
        stream.add(i * 33 * MS, "a")
    assert stream.mixed == ""
    for i in range(4):
        stream.add((i % 2) * 1000 * MS, "b" if i % 2 else "a")
    assert "'a', 'b' alternate" in stream.mixed


@pytest.mark.parametrize(("rate_hz", "wanted"), [(10.0, 100), (15.0, 150), (20.0, 200), (30.0, 300), (120.0, 300)])
def test_a_pace_lets_through_as_many_as_it_should(rate_hz: float, wanted: int) -> None:
    pace, rng = Pace(), np.random.default_rng(3)
    stamps = np.arange(300) * 1e9 / 30.0 + rng.uniform(-2e6, 2e6, 300)
    assert sum(pace.due(int(stamp), rate_hz) for stamp in stamps) == pytest.approx(wanted, abs=3)


def test_a_pace_starts_anew_when_time_jumps_back() -> None:
    pace = Pace()
    assert pace.due(5000 * MS, 10.0)
    assert not pace.due(5033 * MS, 10.0)
    assert pace.due(0, 10.0)
