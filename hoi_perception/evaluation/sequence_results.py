"""Results of one sequence of a data set, as a file that is there whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hoi_perception.datasets.errors import FileProblem
from hoi_perception.evaluation.published_objects import ObjectResult
from hoi_perception.evaluation.record_statistics import Tally


@dataclass(frozen=True)
class HandResult:
    """One annotated hand that had to be found. `figures` are empty where it was not."""

    frame: int
    side: str
    hands_in_frame: int
    found: bool
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SequenceResult:
    """What one sequence gave.

    `frames` were read, `complete` is false where a limit cut the sequence. `extra` hands were found where none is.
    `means` are figures of the whole sequence with the count they rest on; `objects` is None where none were looked at.
    """

    sequence: str
    frames: int
    complete: bool
    hands: tuple[HandResult, ...] = ()
    extra: int = 0
    means: dict[str, tuple[float, int]] = field(default_factory=dict)
    problems: tuple[FileProblem, ...] = ()
    seconds: float = 0.0
    objects: ObjectResult | None = None


VERSION = "2"
"""To be raised with every change of what a result holds, so that results of before are not taken."""


def result_path(folder: Path, sequence: str) -> Path:
    """File of a sequence: its name with what no file name may hold replaced."""
    return folder / "sequences" / (re.sub(r"[^A-Za-z0-9._-]+", "__", sequence) + ".json")


def save_result(folder: Path, result: SequenceResult, identity: dict[str, str]) -> None:
    """Write under another name, then rename. Figures that are not defined become null."""
    path = result_path(folder, result.sequence)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        content = {"identity": identity, **asdict(result)}
        partial.write_text(json.dumps(_without_nan(content), allow_nan=False), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_result(folder: Path, sequence: str, identity: dict[str, str], limit: int | None) -> SequenceResult | None:
    """A result that was kept, where it answers what is asked now: same identity, and as many frames as `limit` lets.

    None where there is none, where it is damaged, or where it is of another hand, package or data set.
    """
    try:
        content = json.loads(result_path(folder, sequence).read_text(encoding="utf-8"))
        if content.pop("identity") != identity or content["sequence"] != sequence:
            return None
        content["hands"] = tuple(_hand(hand) for hand in content["hands"])
        content["problems"] = tuple(FileProblem(**problem) for problem in content["problems"])
        content["means"] = {key: (float(mean), int(n)) for key, (mean, n) in content["means"].items()}
        content["objects"] = None if content["objects"] is None else _objects(content["objects"])
        result = SequenceResult(**content)
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None
    fits = result.frames <= limit if limit is not None else True
    return result if (result.complete and fits) or (not result.complete and result.frames == limit) else None


def clear_results(folder: Path) -> None:
    """Remove kept results, nothing else."""
    for path in (folder / "sequences").glob("*"):
        if path.suffix in (".json", ".npz", ".partial"):
            path.unlink()


def _objects(content: dict[str, Any]) -> ObjectResult:
    rows = {row: tuple(_tally(one) for one in tallies) for row, tallies in content["tallies"].items()}
    return ObjectResult(**{**content, "tallies": rows})


def _tally(content: dict[str, Any]) -> Tally:
    sums = {key: (float(total), int(count)) for key, (total, count) in content["sums"].items()}
    return Tally(**{**content, "sums": sums})


def _hand(content: dict[str, Any]) -> HandResult:
    figures = {key: math.nan if value is None else float(value) for key, value in content["figures"].items()}
    return HandResult(**{**content, "figures": figures})


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value
