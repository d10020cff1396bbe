"""What is drawn for people, in a thread of its own: results never wait for it, and only the newest scene is drawn."""

from __future__ import annotations

import threading
from collections.abc import Callable

Job = Callable[[], None]


class Pictures:
    """Does the newest job of each kind. The thread starts with the first job and ends with `close`.

    `failure` says what went wrong with the latest job, "" where nothing did.
    """

    def __init__(self) -> None:
        self.failure = ""
        self._changed = threading.Condition()
        self._waiting: dict[str, Job] = {}
        self._closing = self._busy = False
        self._thread: threading.Thread | None = None

    def offer(self, kind: str, job: Job) -> None:
        """Do the job soon, in the place of one of its kind that still waits."""
        with self._changed:
            if self._closing:
                return
            self._waiting[kind] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until nothing is left to do."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._busy)

    def close(self) -> None:
        """Leave out what waits, end the current job and the thread; may be called again."""
        with self._changed:
            self._closing = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
                self.failure = ""
            except Exception as error:  # noqa: BLE001  whatever it is, results go on and diagnostics tell it
                self.failure = f"markers or overlay: {type(error).__name__}: {' '.join(str(error).split())}"

    def _next(self) -> Job | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closing or bool(self._waiting))
            if self._closing:
                return None
            self._busy = True
            return self._waiting.pop(next(iter(self._waiting)))
