"""Kernels launched again and again with arrays of about the same size: allocated once, grown when needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray


class Shared:
    """A device array with its NumPy side: one and the same memory on a CPU."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, device: Any) -> None:
        self.device = wp.zeros(shape, dtype=dtype, device=device)
        self._on_cpu = bool(wp.get_device(device).is_cpu)
        self.host: NDArray[Any] = self.device.numpy()
        if not self._on_cpu:
            self.host = self.host.copy()

    def push(self) -> None:
        """Bring what NumPy wrote to the device."""
        if not self._on_cpu:
            self.device.assign(self.host)

    def pull(self) -> NDArray[Any]:
        """What the device wrote, for NumPy."""
        if not self._on_cpu:
            self.host[...] = self.device.numpy()
        return self.host

    def clear(self, where: Any) -> None:
        """Set a part to 0, on a device other than a CPU the whole."""
        if self._on_cpu:
            self.host[where] = 0.0
        else:
            self.device.zero_()


class Buffer:
    """A device array of `dtype` with room for the longest input so far; on a CPU NumPy writes to it in place."""

    def __init__(self, dtype: Any, device: str = "cpu") -> None:
        self._dtype, self._device = dtype, wp.get_device(device)
        self._array: Any = None
        self._host: NDArray[Any] = np.zeros(0)

    def take(self, values: NDArray[Any]) -> Any:
        """The device array with the values in its first places."""
        self.room(len(values))
        self._host[: len(values)] = values
        if not self._device.is_cpu:
            self._array.assign(self._host)
        return self._array

    def room(self, n: int) -> Any:
        """The device array, with room for `n` values."""
        if self._array is None or len(self._host) < n:
            self._array = wp.zeros(max(n, 2 * len(self._host), 64), dtype=self._dtype, device=self._device)
            self._host = self._array.numpy()
        return self._array

    def read(self, n: int) -> NDArray[Any]:
        """The first `n` values, copied."""
        host = self._host if self._device.is_cpu else self._array.numpy()
        return np.array(host[:n])


class Launch:
    """A one-dimensional kernel with buffers; `scalars` come after its inputs, then room to work in, then outputs."""

    def __init__(
        self,
        kernel: Any,
        inputs: tuple[Any, ...],
        outputs: tuple[Any, ...],
        device: str = "cpu",
        work: tuple[Any, ...] = (),
    ) -> None:
        self._kernel, self._device = kernel, device
        self._inputs = [Buffer(dtype, device) for dtype in inputs]
        self._work = [Buffer(dtype, device) for dtype in work]
        self._outputs = [Buffer(dtype, device) for dtype in outputs]
        self._command: Any = None
        self._bound: list[Any] = []

    def __call__(
        self,
        n: int,
        inputs: tuple[NDArray[Any], ...],
        scalars: tuple[Any, ...],
        before: tuple[Any, ...] = (),
        threads: int | None = None,
        work: tuple[int, ...] = (),
    ) -> list[NDArray[Any]]:
        """Run `threads` (default `n`) for outputs of length `n`; `before` are parameters (device values) in front of
        the inputs, `work` the lengths of the arrays to work in. Returns the outputs."""
        arrays = [buffer.take(values) for buffer, values in zip(self._inputs, inputs, strict=True)]
        room = [buffer.room(m) for buffer, m in zip(self._work, work, strict=True)]
        parameters = [*before, *arrays, *scalars, *room, *(buffer.room(n) for buffer in self._outputs)]
        bound = [id(p) if isinstance(p, wp.array) else None for p in parameters]
        if self._command is None or bound != self._bound:
            self._command = wp.launch(self._kernel, n, parameters, device=self._device, record_cmd=True)
            self._bound = bound
        else:
            first = len(before) + len(arrays)
            for index, value in enumerate(scalars):
                self._command.set_param_at_index(first + index, value)
        self._command.set_dim(n if threads is None else threads)
        self._command.launch()
        return [buffer.read(n) for buffer in self._outputs]
