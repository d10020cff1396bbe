"""Tables of records: for each figure the mean with its interval, and the share that was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hoi_perception.evaluation.record_statistics import Part, Summary, Sums, Tally
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
    return _filled(
        tables,
        lambda kinds, key: Sums.of(parts, kinds, key, wanted),
        lambda kinds: Sums.found(parts, kinds, wanted),
    )


def tables_of_tallies(parts: Sequence[Sequence[Tally]], tables: Sequence[Table]) -> Values:
    """The same of the tallies of sequences."""
    return _filled(
        tables,
        lambda kinds, key: Sums.of_tallies(parts, kinds, key),
        lambda kinds: Sums.found_of_tallies(parts, kinds),
    )


def _filled(
    tables: Sequence[Table], sums: Callable[[tuple[str, ...], str], Sums], found: Callable[[tuple[str, ...]], Sums]
) -> Values:
    out: Values = {}
    for table in tables:
        cells = {key: cell_of(sums(table.kinds, key).summary()) for key in table.keys}
        if PATH not in table.kinds:
            cells[FOUND] = cell_of(found(table.kinds[:1]).summary())
        if any(cell is not None for cell in cells.values()):
            out[table.name] = {key: cell for key, cell in cells.items() if cell is not None}
    return out


def cell_of(summary: Summary | None) -> Values | None:
    """A mean as JSON holds it."""
    if summary is None:
        return None
    interval = None if summary.interval is None else list(summary.interval)
    return {"mean": summary.mean, "interval95": interval, "count": summary.count}
