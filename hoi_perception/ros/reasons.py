"""The lines of a worker's log: one when the reason for not tracking changes, never a stream of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from hoi_perception.ros.conversions import Level
from hoi_perception.ros.health import Reason, Trouble

Log = Callable[[str, str], None]
"""Takes a level ("info", "warning" or "error") and one line."""
INTERVAL_S = 5.0
"""Time for which the same kind of trouble is not logged again."""
_GRAVE = (Trouble.LOAD_FAILED, Trouble.PIPELINE, Trouble.SENDING)
_DURATION = re.compile(r"[\d.]+ s\b")


class ReasonLog:
    """Logs changes of the reason, in kind or in what it says beside durations. Seeing no hand is no trouble."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._latest = Trouble.NONE, ""
        self._logged_s: dict[Trouble, float] = {}

    def tell(self, reason: Reason, now_s: float) -> None:
        """The reason at this moment."""
        kind = Trouble.NONE if reason.trouble is Trouble.NO_HAND else reason.trouble
        told = kind, "" if kind is Trouble.NONE else _DURATION.sub("", reason.text)
        before_s = self._logged_s.get(kind)
        if told == self._latest or (before_s is not None and now_s - before_s < INTERVAL_S):
            return
        self._latest, self._logged_s[kind] = told, now_s
        if kind is Trouble.NONE:
            self._log("info", "images are processed")
        elif kind in _GRAVE:
            self._log("error", reason.text)
        else:
            self._log("warning" if kind.level is Level.ERROR else "info", reason.text)
