"""Figures over the latest frames, in memory that does not grow."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

WINDOW = 300
"""Latest frames that count: ten seconds at 30 Hz."""
RATE_WINDOW_S = 5.0
"""Latest time that the rate is measured over."""


class Ring:
    """The latest `WINDOW` values."""

    def __init__(self) -> None:
        self._values = np.full(WINDOW, np.nan)
        self._count = 0

    def add(self, value: float) -> None:
        """The newest value takes the place of the oldest."""
        self._values[self._count % WINDOW] = value
        self._count += 1

    def clear(self) -> None:
        """Forget every value."""
        self._count = 0

    @property
    def values(self) -> Float64[NDArray[np.float64], " n"]:
        """Those that are there, in no order."""
        return self._values[: min(self._count, WINDOW)].copy()


@dataclass(frozen=True)
class Percentiles:
    """Median and 95th percentile; NaN where nothing was measured."""

    p50: float = float("nan")
    p95: float = float("nan")

    @staticmethod
    def of(ring: Ring) -> Percentiles:
        """Those of the values in a ring."""
        values = ring.values
        if not len(values):
            return Percentiles()
        p50, p95 = np.percentile(values, [50.0, 95.0])
        return Percentiles(float(p50), float(p95))


@dataclass(frozen=True)
class Counters:
    """What became of the images since the worker was made.

    Of those received, `dropped` gave way to a newer one before they were looked at; `repeated` were the latest one once
    more and left out; `late` were older than `late_s` when they came; `failed` could not be used or broke the pipeline;
    `without_depth`, `without_mask`, `without_camera` (a further one) and `without_pose` (of an instrument, by TF) were
    processed without what should have come with them. `restarts` counts jumps back in time.
    """

    received: int = 0
    processed: int = 0
    dropped: int = 0
    repeated: int = 0
    late: int = 0
    failed: int = 0
    without_depth: int = 0
    without_mask: int = 0
    without_camera: int = 0
    without_pose: int = 0
    restarts: int = 0


@dataclass
class FrameFigures:
    """Times of the latest frames in ms. Not safe between threads: whoever shares it holds a lock.

    `latency` is from the image's stamp to its results sent, by the node's clock; `delay` from its arrival to its
    results sent; `processing` without the time it lay waiting.
    """

    stages: dict[str, Ring] = field(default_factory=dict)
    latency: Ring = field(default_factory=Ring)
    delay: Ring = field(default_factory=Ring)
    processing: Ring = field(default_factory=Ring)
    ends: Ring = field(default_factory=Ring)

    def add_stages(self, stage_ms: dict[str, float]) -> None:
        """Times of the stages of one frame."""
        for name, ms in stage_ms.items():
            self.stages.setdefault(name, Ring()).add(ms)

    def clear(self) -> None:
        """Start anew."""
        self.stages.clear()
        for ring in (self.latency, self.delay, self.processing, self.ends):
            ring.clear()

    def rate_hz(self, now_s: float) -> float:
        """Frames a second over the latest seconds; `ends` holds when each frame was done."""
        ends = self.ends.values
        recent = ends[ends > now_s - RATE_WINDOW_S]
        if len(recent) < 2:
            return 0.0
        span = max(float(recent.max() - recent.min()), 1e-9)
        pause = now_s - float(recent.max())
        mean = span / (len(recent) - 1)
        return (len(recent) - 1) / (span + max(pause - mean, 0.0))
