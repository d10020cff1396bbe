"""The methods of refinement that are compared, by the name of their row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from hoi_perception.evaluation.ours import Ours
from hoi_perception.evaluation.refiner import Refiner

ADAM, PLAIN, OURS = "adam", "ours_no_upsampling", "ours"


def methods() -> dict[str, Callable[[], Refiner]]:
    """Constructors of the methods beside the truth and the unrefined start; each runs in processes of its own.

    Adam is among them where torch is installed.
    """
    own: dict[str, Callable[[], Refiner]] = {PLAIN: partial(Ours, upsampled=False), OURS: Ours}
    return {ADAM: _adam, **own} if has_torch() else own


def has_torch() -> bool:
    """Whether the extra [torch] is installed."""
    return find_spec("torch") is not None


def _adam() -> Refiner:
    from hoi_perception.evaluation.adam import adam

    return adam()
