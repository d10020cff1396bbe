"""Files appear under their final names whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A name to write to, renamed to `target` when the context ends well and removed when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(target)
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _partial(target: Path) -> Path:
    """Hidden name beside the target, with its suffix, since some writers choose the format by it."""
    return target.with_name(f".{target.stem}.partial-{os.getpid()}{target.suffix}")
