"""What `evaluate clips` tells of one real clip: figures with their bars, printed as one table for all clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ClipFigure:
    """One figure: its value, and the bar that it is held against (None where it only informs).

    `at_least` says on which side of the bar it has to be; `digits` is how many it is printed with.
    """

    key: str
    value: float
    bar: float | None = None
    at_least: bool = False
    digits: int = 3

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar


@dataclass(frozen=True)
class ClipReport:
    """The figures of one clip; `reference` is what they are compared with, `assumed` what is assumed of the camera."""

    clip: str
    frames: int
    reference: str
    assumed: str
    figures: tuple[ClipFigure, ...]
    each: dict[str, tuple[float, ...]]
    """What the figures are made of, one value per frame compared."""


def as_json(reports: Sequence[ClipReport], missing: Sequence[str]) -> dict[str, Any]:
    """`{"clips": {clip: {...}}, "missing": [...]}`; what is not finite is null."""
    return {
        "clips": {
            report.clip: {
                "frames": report.frames,
                "reference": report.reference,
                "assumed": report.assumed,
                "figures": {
                    figure.key: {
                        "value": _number(figure.value),
                        "bar": figure.bar,
                        "bar_is": None if figure.bar is None else ("at least" if figure.at_least else "at most"),
                        "reached": figure.reached,
                    }
                    for figure in report.figures
                },
                "each": {name: [_number(value) for value in values] for name, values in report.each.items()},
            }
            for report in reports
        },
        "missing": list(missing),
    }


def as_markdown(reports: Sequence[ClipReport], missing: Sequence[str]) -> str:
    """One row for each figure, then what the references are."""
    lines = ["| clip | frames | figure | ours | bar |  |", "|---|---:|---|---:|---:|---|"]
    for report in reports:
        for figure in report.figures:
            bar = "–" if figure.bar is None else f"{'≥' if figure.at_least else '≤'} {figure.bar:g}"
            verdict = {None: "", True: "reached", False: "missed"}[figure.reached]
            value = f"{figure.value:.{figure.digits}f}" if math.isfinite(figure.value) else "none"
            lines.append(f"| {report.clip} | {report.frames} | `{figure.key}` | {value} | {bar} | {verdict} |")
    lines += ["", *(f"- {r.clip}: {r.reference}; {r.assumed or 'calibrated camera'}." for r in reports)]
    lines += [f"- {name}: not in the folder, left out." for name in missing]
    return "\n".join(lines)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
