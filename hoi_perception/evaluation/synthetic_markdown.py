"""The tables of the synthetic benchmark as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from hoi_perception.evaluation.record_markdown import cell_text, found_text, head, line, mean_text, whole_table
from hoi_perception.evaluation.record_tables import FOUND, Table, Values
from hoi_perception.evaluation.records import PATH
from hoi_perception.evaluation.synthetic_found_table import found_markdown
from hoi_perception.evaluation.synthetic_rows import START, TEMPORAL, TRUTH
from hoi_perception.evaluation.synthetic_subset import subset_markdown
from hoi_perception.evaluation.synthetic_table import TABLES

_IN_STRATA = (TRUTH, START, TEMPORAL)
"""Rows that are shown by strata; all are in the JSON."""
SHOWN_PROBLEMS = 20


def as_markdown(values: Values) -> str:
    """Every table with 95 % intervals over sequences, what was found, subset, stages, bars, strata of three rows."""
    lines = [f"{values['clips']} sequences, {values['frames']} frames. {values['note']}", ""]
    for table in TABLES:
        lines += whole_table(table, values["rows"])
    lines += found_markdown(values["found"])
    lines += subset_markdown(values["subset"])
    lines += _stages(values["stages"]) + _bars(values["bars"])
    for stratum in values["rows"][0]["by"]:
        for table in (table for table in TABLES if PATH not in table.kinds):
            lines += _strata(table, stratum, values["rows"])
    lines += [
        f"- {row['title']}: births {row['births']}, hands of nobody {row['hands_of_nobody']}" for row in _own(values)
    ]
    if values["problems"]:
        lines += ["", f"{len(values['problems'])} files or sequences were not as they should be:"]
        lines += [f"- {problem}" for problem in values["problems"][:SHOWN_PROBLEMS]]
    return "\n".join(lines)


def _own(values: Values) -> list[Values]:
    return [row for row in values["rows"] if row["row"] in (START, TEMPORAL)]


def _strata(table: Table, stratum: str, rows: Sequence[Values]) -> list[str]:
    shown = [row for row in rows if row["row"] in _IN_STRATA]
    keys = [key for key in table.keys if any(key in row["tables"].get(table.name, {}) for row in shown)]
    labels = sorted({label for row in shown for label, tables in row["by"][stratum].items() if table.name in tables})
    if not keys or len(labels) < 2:
        return []
    lines = [f"### {table.title} by {stratum}", "", *head(f"{stratum}: row", [*keys, FOUND])]
    for label in labels:
        for row in shown:
            cells = row["by"][stratum].get(label, {}).get(table.name)
            if cells:
                means = [mean_text(cells.get(key)) for key in keys]
                lines.append(line(f"{label}: {row['row']}", [*means, found_text(cells.get(FOUND))]))
    return [*lines, ""]


def _stages(stages: Sequence[Values]) -> list[str]:
    lines = ["### What each stage changes", "", "Differences to the row before, same sequences, 95 % intervals.", ""]
    lines += head("figure", [f"{stage['stage']} less {stage['against']}" for stage in stages])
    for table in TABLES:
        for key in table.keys:
            cells = [stage["changes"].get(table.name, {}).get(key) for stage in stages]
            if any(cells):
                lines.append(line(f"{table.title}: `{key}`", [cell_text(cell) for cell in cells]))
    return [*lines, ""]


def _bars(bars: Sequence[Values]) -> list[str]:
    lines = ["### Ours against the start", "", *head("figure", ["share of the start's", "bar", "met"])]
    for bar in bars:
        value = bar.get("share", bar.get("more"))
        limit = f"≤ {bar['at_most']:g}" if "at_most" in bar else f"≥ {bar['at_least']:g}"
        told = f"{limit} more" if "more" in bar else limit
        met = {True: "yes", False: "no", None: ""}[bar["met"]]
        lines.append(line(f"`{bar['figure']}`", ["" if value is None else f"{value:.3g}", told, met]))
    return [*lines, ""]
