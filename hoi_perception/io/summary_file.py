"""The summary of a run as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hoi_perception.io.sources import Source
from hoi_perception.io.whole_results import whole_file
from hoi_perception.metrics.run_summary import RunSummary


def summary_json(
    summary: RunSummary, source: Source, dropped_frames: int = 0, results: Sequence[str] = ()
) -> dict[str, Any]:
    """Everything that `summary.json` says: the figures, what they rest on, what was left out, what lies beside it."""
    return {
        "source": source.name,
        **_rounded(asdict(summary)),
        "skipped_frames": sum(skip.frames for skip in source.skipped),
        "skipped": [asdict(skip) for skip in source.skipped],
        "dropped_frames": dropped_frames,
        "notes": list(source.notes),
        "results": list(results),
    }


def write_summary(path: Path, content: dict[str, Any]) -> None:
    """Indented JSON; NaN is refused, since JSON has none."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    """Six significant digits are more than any of these figures has."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value
