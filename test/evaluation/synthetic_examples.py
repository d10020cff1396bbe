"""A clip that the tests of the synthetic benchmark share."""

from __future__ import annotations

from functools import lru_cache

from hoi_perception.evaluation.synthetic_clip import CarriedGrasps, Clip


@lru_cache(maxsize=1)
def carried_clip() -> Clip:
    """Twelve frames of a hand that carries a curette, pictures 320 wide."""
    return CarriedGrasps(1, 12, instruments=("bone_curette",), width=320).clip(0)
