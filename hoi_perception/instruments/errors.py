"""The error of instruments that cannot be read, written or added."""

from __future__ import annotations


class InstrumentError(ValueError):
    """One line that names the file or the field, what is wrong and what is allowed."""
