"""Tables of records as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hoi_perception.evaluation.record_tables import FOUND, Table, Values

NOTHING = 1e-6
"""What is less than this comes of rounding."""


def whole_table(table: Table, rows: Sequence[Values]) -> list[str]:
    """All rows of a table, nothing where no row has a figure. Rows are `{"title", "tables"}`."""
    keys = [key for key in table.keys if any(key in row["tables"].get(table.name, {}) for row in rows)]
    if not keys:
        return []
    lines = [f"### {table.title}", "", *head("row", [*keys, FOUND])]
    for row in rows:
        cells = row["tables"].get(table.name)
        if cells:
            lines.append(
                line(row["title"], [cell_text(cells.get(key)) for key in keys] + [found_text(cells.get(FOUND))])
            )
    return [*lines, ""]


def head(first: str, names: Sequence[str]) -> list[str]:
    """The first two lines of a table."""
    return ["| " + " | ".join([first, *names]) + " |", "|---|" + "---:|" * len(names)]


def line(first: str, cells: Sequence[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join([first, *cells]) + " |"


def cell_text(cell: dict[str, Any] | None) -> str:
    """A mean with its interval."""
    if cell is None:
        return ""
    interval = cell["interval95"]
    text = digits(cell["mean"])
    return text if interval is None else f"{text} [{digits(interval[0])}, {digits(interval[1])}]"


def mean_text(cell: dict[str, Any] | None) -> str:
    """A mean alone."""
    return "" if cell is None else digits(cell["mean"])


def found_text(cell: dict[str, Any] | None) -> str:
    """The share that was found, of how many."""
    return "" if cell is None else f"{100.0 * cell['mean']:.1f} % of {cell['count']}"


def digits(value: float) -> str:
    """Three digits."""
    if abs(value) < NOTHING:
        return "0"
    return f"{value:.3g}" if abs(value) < 100.0 else f"{value:.0f}"
