"""A Warp kernel run as Python by real threads: finds out whether they ever get in each other's way."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
import warp as wp

from hoi_perception.kernels.block import wait_for_block

Place = tuple[str, tuple[int, ...]]


class Watch:
    """Who read and wrote which entry since all threads last met."""

    def __init__(self, threads: int) -> None:
        self.barrier = threading.Barrier(threads, action=self.meet, timeout=5.0)
        self.of_thread = threading.local()
        self.read: dict[Place, set[int]] = defaultdict(set)
        self.written: dict[Place, set[int]] = defaultdict(set)
        self.conflicts: list[Place] = []
        self.meetings = 0

    def meet(self) -> None:
        """Entries written by one thread and touched by another, in any order, are conflicts."""
        for place, by in self.written.items():
            if len(by | self.read[place]) > 1:
                self.conflicts.append(place)
        self.read.clear()
        self.written.clear()
        self.meetings += 1


class Watched:
    """An array whose entries are watched."""

    def __init__(self, name: str, values: np.ndarray, watch: Watch) -> None:
        self.name, self.values, self.shape, self.watch = name, values, values.shape, watch

    def _place(self, index: Any) -> Place:
        return self.name, index if isinstance(index, tuple) else (index,)

    def __getitem__(self, index: Any) -> Any:
        self.watch.read[self._place(index)].add(self.watch.of_thread.number)
        return self.values[index].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        self.watch.written[self._place(index)].add(self.watch.of_thread.number)
        self.values[index] = value


def watched_run(kernel: Any, arguments: list[Any], threads: int, lanes: int, watch: Watch) -> None:
    """Problem 0 of a kernel by so many threads, all its arrays being `Watched`; a thread that fails raises here."""
    names = SimpleNamespace(
        tid=lambda: (0, watch.of_thread.number),
        float64=float,
        min=min,
        max=max,
        isfinite=math.isfinite,
        clamp=lambda x, low, high: min(max(x, low), high),
    )

    def run(number: int) -> None:
        watch.of_thread.number = number
        _as_python(kernel, {"wp": names, "LANES": lanes, "wait_for_block": watch.barrier.wait})(*arguments)

    with ThreadPoolExecutor(threads) as pool:
        for ended in [pool.submit(run, number) for number in range(threads)]:
            ended.result()
    watch.meet()


def _as_python(function: Any, own: dict[str, Any]) -> Callable[..., Any]:
    """The Python source of a kernel or function, with other names for what it reads and calls."""
    source = function.func
    seen = dict(source.__globals__) | own
    for name, value in source.__globals__.items():
        if isinstance(value, wp.Function) and value is not wait_for_block and name in source.__code__.co_names:
            seen[name] = _as_python(value, own)
        elif isinstance(value, wp.float64):
            seen[name] = float(value.value)
    return FunctionType(source.__code__, seen, source.__name__)
