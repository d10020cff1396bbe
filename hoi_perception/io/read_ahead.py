"""Decoding while the frame before is still being worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hoi_perception.types import Frame

_AHEAD = 4


class _End:
    """The reader is through, with the error that stopped it, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


@contextmanager
def read_ahead(frames: Callable[[], Iterator[Frame]], *, latest_only: bool = False) -> Iterator[FrameQueue]:
    """Frames of `frames()`, decoded in a thread of its own that ends with the context.

    With `latest_only` (live cameras) a frame that was not fetched is replaced by the next; else the reader waits.
    """
    reader = FrameQueue(frames, latest_only)
    try:
        yield reader
    finally:
        reader.stop()


class FrameQueue:
    """Iterator over frames of another thread; `dropped` counts those that a newer one replaced."""

    def __init__(self, frames: Callable[[], Iterator[Frame]], latest_only: bool) -> None:
        self.dropped = 0
        self._queue: queue.Queue[Frame | _End] = queue.Queue(1 if latest_only else _AHEAD)
        self._latest_only, self._stopped = latest_only, threading.Event()
        self._thread = threading.Thread(target=self._read, args=(frames,), name="read_ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        item = self._queue.get()
        if isinstance(item, _End):
            self._queue.put(item)
            if item.error is not None:
                raise item.error
            raise StopIteration
        return item

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        self._thread.join(timeout=5.0)

    def _read(self, frames: Callable[[], Iterator[Frame]]) -> None:
        error: BaseException | None = None
        try:
            for frame in frames():
                self._put(frame)
                if self._stopped.is_set():
                    break
        except BaseException as raised:  # noqa: BLE001 - raised again in the thread that fetches
            error = raised
        self._put(_End(error))

    def _put(self, item: Frame | _End) -> None:
        """Hands over, or gives up once stopped; a live frame takes the place of one that waits."""
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.0 if self._latest_only else 0.1)
                return
            except queue.Full:
                if self._latest_only and isinstance(item, Frame):
                    self._drop_one()
                else:
                    self._stopped.wait(0.01)

    def _drop_one(self) -> None:
        try:
            self._queue.get_nowait()
            self.dropped += 1
        except queue.Empty:
            pass
