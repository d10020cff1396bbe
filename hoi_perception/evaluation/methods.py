"""The methods of refinement that are compared, by the name of their row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hoi_perception.evaluation.ours import Ours
from hoi_perception.evaluation.refiner import Refiner


def methods() -> dict[str, Callable[[], Refiner]]:
    """Constructors of the methods beside the truth and the unrefined start; each runs in processes of its own."""
    return {"ours_no_upsampling": partial(Ours, upsampled=False), "ours": Ours}
