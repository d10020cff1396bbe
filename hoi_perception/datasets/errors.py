"""What can be wrong with a data set on disk: as a whole, or one of its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class DatasetError(ValueError):
    """A data set that cannot be read at all; one line that names what is missing, where to get it and where it goes."""


class ReadError(ValueError):
    """One file that cannot be used, and why; the rest of the data set is not concerned."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


@dataclass(frozen=True)
class FileProblem:
    """A file that was left out, and why. `frames` is how many frames of the split it costs."""

    path: str
    reason: str
    frames: int = 1

    @staticmethod
    def of(error: ReadError, frames: int = 1) -> FileProblem:
        """The problem that an error tells of."""
        return FileProblem(error.path, error.reason, frames)
