"""Records of what was measured: one thing that was to be found in one frame, with its figures."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

Figures = dict[str, float]
HAND, TWO_HANDS, TOOL, GRIP, MOTION, PATH, EXTRA = "hand", "two_hands", "tool", "grip", "motion", "path", "extra"
CLEAR, PARTLY, MOSTLY = "clear", "partly hidden", "mostly hidden"
NOTHING = "none"
"""The instrument of an empty hand."""


@dataclass(frozen=True)
class Record:
    """One thing that was to be found in one frame; `figures` are empty where it was not.

    `instrument` is the one that the hand holds ("none" for an empty hand), `hidden` the share of the hand's joints that
    is not seen. Records of kind `path` are of a whole clip, their frame is 0; `extra` are hands that are nobody's.
    """

    kind: str
    frame: int
    instrument: str
    hidden: float
    found: bool = True
    figures: Figures = field(default_factory=dict)

    @property
    def occlusion(self) -> str:
        """Stratum of the hand."""
        return CLEAR if self.hidden <= 0.2 else PARTLY if self.hidden <= 0.5 else MOSTLY

    def values(self) -> list[Any]:
        """The record as JSON holds it; figures that are not defined become null."""
        figures = {key: float(value) if math.isfinite(value) else None for key, value in self.figures.items()}
        return [self.kind, self.frame, self.instrument, self.hidden, self.found, figures]

    @staticmethod
    def of(values: list[Any]) -> Record:
        """The record of such values; ValueError, TypeError or AttributeError where they are none."""
        kind, frame, instrument, hidden, found, figures = values
        known = {key: math.nan if value is None else float(value) for key, value in figures.items()}
        return Record(str(kind), int(frame), str(instrument), float(hidden), bool(found), known)
