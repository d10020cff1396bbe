"""What was found without being told: how much of the time, how much of it wrongly, and after how many frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hoi_perception.evaluation.record_markdown import head, line
from hoi_perception.evaluation.record_statistics import Sums
from hoi_perception.evaluation.record_tables import Values, cell_of
from hoi_perception.evaluation.records import TOOL, Record
from hoi_perception.evaluation.starts import WRONG_DEG, WRONG_MM
from hoi_perception.evaluation.synthetic_found import FIRST_TOLD
from hoi_perception.evaluation.synthetic_results import Part
from hoi_perception.evaluation.synthetic_rows import Row

COLUMNS = (
    "told, % of frames",
    "wrong, % of told",
    "instruments ever told",
    "frames until first told, median of these",
)


def found_values(by_row: Mapping[str, Sequence[Part]], rows: Sequence[Row]) -> list[Values]:
    """`[{"row", "title", "told", "wrong", "instruments", "ever_told", "first_told_frames_median"}]` of the rows that
    are told nothing: shares of the frames in which a hand holds an instrument, and of those told, with intervals."""
    return [{"row": row.name, "title": row.title, **_row_values(by_row[row.name])} for row in rows if row.searches]


def _row_values(parts: Sequence[Part]) -> Values:
    waits = [r.figures[FIRST_TOLD] for part in parts for r in part.records if FIRST_TOLD in r.figures]
    known = [wait for wait in waits if not np.isnan(wait)]
    return {
        "told": cell_of(Sums.found(parts, (TOOL,)).summary()),
        "wrong": cell_of(_wrong(parts).summary()),
        "instruments": len(waits),
        "ever_told": len(known),
        "first_told_frames_median": float(np.median(known)) if known else None,
    }


def _wrong(parts: Sequence[Part]) -> Sums:
    """Of the share of told poses that are wrong as `evaluate starts` has it."""
    told = [[r for r in part.records if r.kind == TOOL and "trans_mm" in r.figures] for part in parts]
    wrong = [sum(map(is_wrong, records)) for records in told]
    return Sums(np.array(wrong, dtype=np.float64), np.array([len(records) for records in told], dtype=np.float64))


def is_wrong(record: Record) -> bool:
    """Whether a told pose is more than 20 mm or 25 degrees off, declared symmetries taken out."""
    return not (record.figures["trans_mm"] <= WRONG_MM and record.figures["rot_deg"] <= WRONG_DEG)


def found_markdown(values: Sequence[Values]) -> list[str]:
    """The table."""
    lines = ["### Found by itself", "", *head("row", COLUMNS)]
    for row in values:
        wait = row["first_told_frames_median"]
        ever = f"{row['ever_told']} of {row['instruments']}"
        lines.append(
            line(row["title"], [_share(row["told"]), _share(row["wrong"]), ever, "" if wait is None else f"{wait:g}"])
        )
    return [*lines, ""]


def _share(cell: Values | None) -> str:
    """A share in percent, with its interval and of how many."""
    if cell is None:
        return ""
    interval = cell["interval95"]
    between = "" if interval is None else f" [{100.0 * interval[0]:.1f}, {100.0 * interval[1]:.1f}]"
    return f"{100.0 * cell['mean']:.1f}{between} of {cell['count']}"
