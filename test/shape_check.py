"""The run-time check of annotations that the tests put round every function of the package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep3119Exception

_CHECK = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float, as PEP 484 has it


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its arguments and result checked.

    A parameter whose type is a Protocol that is not @runtime_checkable cannot be checked, and beartype refuses the
    whole function: such a function stays as it is.
    """
    try:
        return _CHECK(function)
    except BeartypeDecorHintPep3119Exception:
        return function
