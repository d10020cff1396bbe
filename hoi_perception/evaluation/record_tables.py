"""Tables of records: for each figure the mean with its interval, and the share that was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hoi_perception.evaluation.record_statistics import Part, Summary, Sums
from hoi_perception.evaluation.records import PATH, Record

Values = dict[str, Any]
FOUND = "found"


@dataclass(frozen=True)
class Table:
    """One table: title, kinds of records, keys of figures. The first kind's records tell what was to be found."""

    name: str
    title: str
    kinds: tuple[str, ...]
    keys: tuple[str, ...]


def tables_of(
    parts: Sequence[Part], tables: Sequence[Table], wanted: Callable[[Part, Record], bool] | None = None
) -> Values:
    """`{table: {key: {"mean", "interval95", "count"}}}`; a figure that is not defined is left out."""
    out: Values = {}
    for table in tables:
        cells = {key: cell_of(Sums.of(parts, table.kinds, key, wanted).summary()) for key in table.keys}
        cells[FOUND] = (
            cell_of(Sums.found(parts, table.kinds[:1], wanted).summary()) if PATH not in table.kinds else None
        )
        if any(cell is not None for cell in cells.values()):
            out[table.name] = {key: cell for key, cell in cells.items() if cell is not None}
    return out


def cell_of(summary: Summary | None) -> Values | None:
    """A mean as JSON holds it."""
    if summary is None:
        return None
    interval = None if summary.interval is None else list(summary.interval)
    return {"mean": summary.mean, "interval95": interval, "count": summary.count}
