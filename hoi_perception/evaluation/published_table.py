"""The outcome on a published data set as JSON and in the form of the published tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hoi_perception.datasets.errors import FileProblem
from hoi_perception.datasets.sample import DatasetInfo
from hoi_perception.evaluation.hand_errors import NEED_VERTICES
from hoi_perception.evaluation.published_bench import ObjectSettings
from hoi_perception.evaluation.published_hands import ANNOTATION_KEY
from hoi_perception.evaluation.published_object_table import objects_as_json, objects_as_markdown
from hoi_perception.evaluation.published_rows import KEYS, rows_of
from hoi_perception.evaluation.published_task import STILL_LOOKS
from hoi_perception.evaluation.sequence_results import HandResult, SequenceResult

OURS = "this package"
HOW = (
    "Ours: whole images, no training on this data set, the true camera; means over the hands that were found (column "
    "found), matched by side and place. Published rows: crops round the true hand, every hand counts."
)
ANNOTATION_LIMIT_MM = 10.0
"""Stated joints further than this from the stated parameters hint at another version of MANO or of the data."""
SHOWN_PROBLEMS = 20


def as_json(
    results: Sequence[SequenceResult],
    info: DatasetInfo,
    split: str,
    problems: Sequence[FileProblem],
    *,
    mano: bool,
    limit: int | None,
    objects: ObjectSettings | None = None,
) -> dict[str, Any]:
    """Our row and the published ones, what they rest on, and every file that was left out; tables of objects where they
    were looked at, with these settings."""
    told = [*problems, *(problem for result in results for problem in result.problems)]
    rows = [{"row": OURS, **_summary(results, lambda _: True)}]
    if info.name == "interhand26m":
        single = _summary(results, lambda hand: hand.hands_in_frame == 1)
        two = _summary(results, lambda hand: hand.hands_in_frame == 2)
        parts = {f"{OURS}, single hands": single, f"{OURS}, two hands": two}
        rows += [{"row": name, **part} for name, part in parts.items() if part["hands"]]
    rows += [
        {"row": row.method, "published": True, "source": row.source, "split": row.split or "not stated", **row.figures}
        for row in rows_of(info.name, split)
    ]
    looked = [result.objects for result in results if result.objects is not None]
    tables = objects_as_json(looked, info, objects, mano=mano) if objects is not None else None
    return {
        "dataset": info.name,
        "split": split,
        "limit": limit,
        "sequences": len(results),
        "frames": sum(result.frames for result in results),
        "seconds": round(sum(result.seconds for result in results), 3),
        "rows": rows,
        "objects": tables,
        "notes": _notes(results, info, split, mano=mano, limit=limit),
        "problems": [{"path": p.path, "reason": p.reason, "frames": p.frames} for p in told],
        "frames_left_out": sum(problem.frames for problem in told),
    }


def as_markdown(values: dict[str, Any]) -> str:
    """One line a method, one column a figure; then sources, notes and the first of the problems."""
    keys = [key for key in KEYS[values["dataset"]] if any(row.get(key) is not None for row in values["rows"])]
    lines = [
        "| method | " + " | ".join(f"`{key}`" for key in keys) + " | found |",
        "|---|" + "---:|" * (len(keys) + 1),
    ]
    sources: list[str] = []
    for row in values["rows"]:
        mark = ""
        if row.get("published"):
            text = f"{row['source']}; split {row['split']}"
            if text not in sources:
                sources.append(text)
            mark = f" [{sources.index(text) + 1}]"
        cells = [_cell(row.get(key)) for key in keys]
        found = "" if row.get("found") is None else f"{100.0 * row['found']:.1f} % of {row['hands']}"
        lines.append(f"| {row['row']}{mark} | " + " | ".join(cells) + f" | {found} |")
    count = f"{values['frames']} frames, sequences: {values['sequences']}, split {values['split']}"
    lines += ["", f"{count}; {values['rows'][0]['hands_of_nobody']} hands found beside the annotated ones."]
    lines += [f"[{i}] {source}" for i, source in enumerate(sources, 1)]
    lines += values["notes"]
    if values["problems"]:
        lines.append(
            f"Left out: {values['frames_left_out']} frames; {len(values['problems'])} files were not as they should be:"
        )
        lines += [f"- {p['path']}: {p['reason']}" for p in values["problems"][:SHOWN_PROBLEMS]]
        if len(values["problems"]) > SHOWN_PROBLEMS:
            lines.append(f"- and {len(values['problems']) - SHOWN_PROBLEMS} more, all in the JSON")
    if values["objects"] is not None:
        lines += ["", *objects_as_markdown(values["objects"])]
    return "\n".join(lines)


def _summary(results: Sequence[SequenceResult], wanted: Any) -> dict[str, Any]:
    """Means over the hands that were found, the share that was, and hands where none is."""
    hands = [hand for result in results for hand in result.hands if wanted(hand)]
    keys = dict.fromkeys(key for hand in hands for key in hand.figures)
    row: dict[str, Any] = {key: _mean(hands, key) for key in keys if key != ANNOTATION_KEY}
    for key in dict.fromkeys(key for result in results for key in result.means):
        parts = [result.means[key] for result in results if key in result.means]
        row[key] = sum(mean * count for mean, count in parts) / sum(count for _, count in parts)
    row["hands"] = len(hands)
    row["found"] = sum(hand.found for hand in hands) / len(hands) if hands else None
    row["hands_of_nobody"] = sum(result.extra for result in results)
    return row


def _mean(hands: Iterable[HandResult], key: str) -> float | None:
    values = [hand.figures[key] for hand in hands if key in hand.figures and not math.isnan(hand.figures[key])]
    return float(np.mean(values)) if values else None


def _notes(
    results: Sequence[SequenceResult], info: DatasetInfo, split: str, *, mano: bool, limit: int | None
) -> list[str]:
    notes = [HOW]
    if info.note:
        notes.append(info.note)
    if not rows_of(info.name, split):
        notes.append("No published row with a source that was read is known for this split.")
    if info.stills:
        notes.append(f"Single images: each is shown {STILL_LOOKS} times to a pipeline that forgot all before.")
    if not mano:
        missing = [key for key in KEYS[info.name] if key in NEED_VERTICES]
        notes.append(
            "Without --hand-model the open hand is fitted: its joints and fingertips are not MANO's, which adds "
            "millimetres to every figure"
            + (f"; not comparable and left out: {', '.join(missing)}." if missing else ".")
        )
    if limit is not None:
        notes.append(f"Only the first {limit} frames (--limit): not the published protocol.")
    off = [h.figures[ANNOTATION_KEY] for r in results for h in r.hands if ANNOTATION_KEY in h.figures]
    if off and np.median(off) > ANNOTATION_LIMIT_MM:
        notes.append(
            f"The stated joints are {np.median(off):.1f} mm (median) from those of the stated MANO parameters: another "
            "version of the data set or of the MANO file?"
        )
    return notes


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if abs(value) < 1.0 else f"{value:.2f}" if abs(value) < 100.0 else f"{value:.1f}"
