"""The error of everything that is read or written for the user."""

from __future__ import annotations


class InputError(ValueError):
    """Input that cannot be worked with; one line that names the thing, what is wrong and what to do."""
