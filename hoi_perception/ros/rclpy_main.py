"""How a process with an rclpy node lives and ends: in order, with one line where it cannot start, never a traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

BAD_INPUT = 2
IMPATIENT_S = 2.0
"""Time after a signal from which on another one ends the process at once."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Closing(Protocol):
    """A node that frees what it holds."""

    def close(self) -> None:
        """Stop threads and destroy the node's parts."""


def live(
    make_node: Callable[[Callable[[str], None]], Any],
    arguments: Sequence[str] | None = None,
    told: tuple[type[Exception], ...] = (),
) -> int:
    """Spin the node until SIGINT or SIGTERM, then close it; the exit status.

    `make_node` is given a function that ends the process with a reason. Errors of the types `told`, refused parameters
    and files that cannot be read are told in one line, with status 2. Another signal two seconds after the first ends
    the process at once.
    """
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # rcl reads the arguments and the files that they name
        return _refused(error)
    end: Future[str] = Future()
    with _Signals(lambda: end.done() or end.set_result("")):
        try:
            return _live(make_node, end, told)
        finally:
            rclpy.try_shutdown()


def _live(
    make_node: Callable[[Callable[[str], None]], Any], end: Future[str], told: tuple[type[Exception], ...]
) -> int:
    try:
        node = make_node(lambda reason: end.done() or end.set_result(reason))
    except (ParameterException, NameValidationException, *told) as error:
        return _refused(error)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        _spin(executor, node, end)
        if end.done() and end.result():
            node.get_logger().info(str(end.result()))
    except ExternalShutdownException:
        pass
    finally:
        node.close()
        _finish(executor)
        executor.remove_node(node)
        node.destroy_node()
    return 0


def _refused(error: Exception) -> int:
    print(f"hoi_perception: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201 - no logger yet
    return BAD_INPUT


def _finish(executor: SingleThreadedExecutor) -> None:
    """What closing the node has left to be sent, e.g. the result of an action that was cut short."""
    for _ in range(20):
        executor.spin_once(timeout_sec=0.01)


def _spin(executor: SingleThreadedExecutor, node: Any, end: Future[str]) -> None:
    """Until the end. What a callback raises is told, and the node lives on.

    rclpy raises out of its executor where a lifecycle transition is asked for that the present state does not allow.
    """
    while not end.done():
        try:
            executor.spin_until_future_complete(end)
        except ExternalShutdownException:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the node lives on and tells it
            node.get_logger().error(f"{type(error).__name__}: {' '.join(str(error).split())}")


class _Signals:
    """Calls `on_signal` from a thread of its own: Python's handlers wait while rclpy waits in C.

    The interpreter writes a signal's number into a pipe at once, whatever the main thread does.
    """

    def __init__(self, on_signal: Callable[[], object]) -> None:
        self._on_signal = on_signal

    def __enter__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        self._wakeup = signal.set_wakeup_fd(self._write)
        self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the process is ending in order: a late signal changes nothing
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._write)
        self._thread.join()
        os.close(self._read)

    def _listen(self) -> None:
        first_s: float | None = None
        while numbers := os.read(self._read, 16):
            now_s = time.monotonic()
            if not any(number in _SIGNALS for number in numbers):
                continue
            if first_s is None:
                first_s = now_s
                self._on_signal()
            elif now_s - first_s > IMPATIENT_S:  # a launcher sends it once more right after the terminal did
                os._exit(128 + signal.SIGINT)
