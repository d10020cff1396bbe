"""How a process with an rclpy node lives and ends: in order, with one line where it cannot start, never a traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

BAD_INPUT = 2
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

    `make_node` is given a function that ends the process with a reason. Errors of the types `told` and refused
    parameters are told in one line, with status 2. A second signal ends the process at once.
    """
    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    end: Future[str] = Future()
    node = None
    try:
        with _Signals(lambda: end.done() or end.set_result("")):
            node = make_node(lambda reason: end.done() or end.set_result(reason))
            executor = SingleThreadedExecutor()
            executor.add_node(node)
            _spin(executor, node, end)
            executor.remove_node(node)
            if end.done() and end.result():
                node.get_logger().info(str(end.result()))
    except (ParameterException, NameValidationException, *told) as error:
        print(f"hoi_perception: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201 - no logger yet
        return BAD_INPUT
    except ExternalShutdownException:
        pass
    finally:
        if node is not None:
            node.close()
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


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
        self._handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        self._wakeup = signal.set_wakeup_fd(self._write)
        self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._write)
        self._thread.join()
        os.close(self._read)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _listen(self) -> None:
        seen = 0
        while numbers := os.read(self._read, 16):
            seen += sum(number in _SIGNALS for number in numbers)
            if seen > 1:
                os._exit(128 + signal.SIGINT)
            if seen:
                self._on_signal()
