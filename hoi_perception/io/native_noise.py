"""Remarks that native libraries write past Python and past their own log levels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def start_warp() -> None:
    """Warp remarks at its first use that there is no GPU: this is its first use."""
    import warp

    warp.config.log_level = warp.LOG_WARNING
    with quiet_stderr():
        warp.init()


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Nothing that is written to the error stream of the process in the meantime is seen; errors still raise."""
    saved, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nothing)
