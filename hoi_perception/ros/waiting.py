"""Bounded waits of the worker's thread for what belongs to an image."""

from __future__ import annotations

import threading
from collections.abc import Callable

VAIN = 3
"""Waits in vain, one after the other, from which on only one image in `SELDOM` waits; and images for which a source
has nothing new from which on it stands still."""
SELDOM = 30


class Waiting:
    """Waits for what comes in; `changed` guards it and tells of it, `stopped` (asked with the lock held) ends every
    wait."""

    def __init__(
        self, changed: threading.Condition, stopped: Callable[[], bool], monotonic_s: Callable[[], float]
    ) -> None:
        self._changed, self._stopped, self._monotonic_s = changed, stopped, monotonic_s

    def until(self, ready: Callable[[], bool], deadline_s: float) -> None:
        """Until it is ready (asked with the lock held, once at least), stopped or too late."""
        with self._changed:
            while not (ready() or self._stopped()):
                left_s = deadline_s - self._monotonic_s()
                if left_s <= 0.0 or not self._changed.wait(left_s):
                    return


class Hope:
    """Whether it is worth while to wait for something.

    What did not come with the latest images costs no frame rate: it is waited for again when its source, which stood
    still, goes on, and now and then.
    """

    def __init__(self) -> None:
        self._vain = self._still = 0
        self._latest_ns: int | None = None

    @property
    def waits(self) -> bool:
        """Whether the next image is to wait for it."""
        return self._vain < VAIN or self._vain % SELDOM == 0

    def learn(self, came: bool, latest_ns: int | None) -> None:
        """What became of it, and the latest stamp of its source, None before the first."""
        moved = latest_ns != self._latest_ns
        goes_on = moved and self._still >= VAIN
        self._latest_ns, self._still = latest_ns, 0 if moved else self._still + 1
        self._vain = 0 if came or goes_on else self._vain + 1
