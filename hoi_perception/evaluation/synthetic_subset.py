"""All rows of the synthetic benchmark on the fixed subset of frames alone: there each has every figure.

Single images answer on it only, and exact volumes and the simulated slip are of it, so that rows can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hoi_perception.evaluation.record_markdown import whole_table
from hoi_perception.evaluation.record_tables import Table, Values, tables_of
from hoi_perception.evaluation.records import GRIP, HAND, TOOL, Record
from hoi_perception.evaluation.synthetic_results import Part
from hoi_perception.evaluation.synthetic_rows import SINGLE, Row

TABLE = Table(
    "subset",
    "The fixed subset of frames",
    (GRIP, HAND, TOOL),
    (
        "mpjpe_mm",
        "trans_mm",
        "rot_deg",
        "iv_exact_cm3",
        "pd_max_mm",
        "pd_tool_max_mm",
        "proximity_mm",
        "contact_f1",
        "sim_disp_cm",
    ),
)


def subset_values(by_row: Mapping[str, Sequence[Part]], rows: Sequence[Row]) -> Values:
    """`{"frames": number, "rows": [{"row", "title", "tables"}]}`: the frames in which single images answered."""
    frames = {part.clip: {record.frame for record in part.records} for part in by_row[SINGLE]}

    def within(part: Part, record: Record) -> bool:
        return record.frame in frames[part.clip]

    found = [
        {"row": row.name, "title": row.title, "tables": tables_of(by_row[row.name], (TABLE,), within)} for row in rows
    ]
    return {"frames": sum(map(len, frames.values())), "rows": found}


def subset_markdown(values: Values) -> list[str]:
    """The table, with the number of frames."""
    first, *rest = whole_table(TABLE, values["rows"])
    return [first, "", f"{values['frames']} frames, the same for all rows.", *rest]
