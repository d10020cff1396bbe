"""The tables of the synthetic benchmark as JSON: rows, strata, what each stage is worth, the bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from hoi_perception.evaluation.record_statistics import Sums
from hoi_perception.evaluation.record_tables import Table, Values, cell_of, tables_of
from hoi_perception.evaluation.records import EXTRA, GRIP, HAND, MOTION, PATH, TOOL, TWO_HANDS, Record
from hoi_perception.evaluation.synthetic import Report
from hoi_perception.evaluation.synthetic_found_table import found_values
from hoi_perception.evaluation.synthetic_results import Part
from hoi_perception.evaluation.synthetic_rows import (
    CONTACT,
    START,
    TEMPORAL,
    TRACKING,
    UPSAMPLING,
    Row,
)
from hoi_perception.evaluation.synthetic_subset import subset_values

TABLES = (
    Table("hand", "Hands", (HAND,), ("p2d_px", "mpjpe_mm", "pve_mm", "pa_mpjpe_mm", "pa_pve_mm", "mpjpe_xyz_mm")),
    Table(
        "interaction",
        "Interaction",
        (GRIP, MOTION),
        (
            "iv_cm3@5mm",
            "iv_cm3@1mm",
            "iv_exact_cm3",
            "pd_max_mm",
            "pd_mean_mm",
            "pd_tool_max_mm",
            "proximity_mm",
            "contact_f1",
            "ho_motion_mm2",
            "ho_motion_excess_mm2",
        ),
    ),
    Table(
        "two_hands",
        "Two hands",
        (TWO_HANDS,),
        ("mrrpe_mm", "mpjpe_mm", "pve_mm", "mpjpe_xy_mm", "mpjpe_z_mm", "pve_xy_mm", "pve_z_mm"),
    ),
    Table("object", "Objects", (TOOL, GRIP), ("cd_cm", "f5_obj", "f10_obj", "sim_disp_cm")),
    Table("pose", "Poses of instruments", (TOOL,), ("rot_deg", "trans_mm", "tip_mm", "artic_deg")),
    Table("path", "Paths", (PATH,), ("lag_hand_frames", "lag_instrument_frames", "jitter_mm")),
)
_STRATA: Mapping[str, Callable[[Part, Record], str]] = {
    "instrument": lambda _, record: record.instrument,
    "occlusion": lambda _, record: record.occlusion,
    "glove": lambda part, _: part.glove,
    "camera": lambda part, _: part.camera,
}
_STAGES = (START, TRACKING, CONTACT, UPSAMPLING, TEMPORAL)
_BARS = (
    (GRIP, "pd_max_mm", 0.5),
    (GRIP, "pd_tool_max_mm", 0.5),
    (GRIP, "iv_cm3@1mm", 0.5),
    (GRIP, "proximity_mm", 1.0),
    (MOTION, "ho_motion_excess_mm2", 0.1),
    (HAND, "mpjpe_mm", 1.0),
    (HAND, "pve_mm", 1.0),
)
"""What ours may have of the start's mean at most. Proximity is among them because a hand that has come off its
instrument penetrates nothing."""


def as_json(report: Report, rows: Sequence[Row], note: str) -> Values:
    """`{"rows": [{"row", "title", "tables": {table: {key: {"mean", "interval95", "count"}}}, "by": {stratum: {label:
    tables}}}], "found": ..., "subset": ..., "stages": ..., "bars": ...}`. A figure that is not defined is left out."""
    by_row = {row.name: [parts[i] for parts in report.parts] for i, row in enumerate(rows)}
    return {
        "clips": len(report.parts),
        "frames": sum(parts[0].frames for parts in report.parts),
        "note": note,
        "rows": [{"row": row.name, "title": row.title, **_row_values(by_row[row.name])} for row in rows],
        "found": found_values(by_row, rows),
        "subset": subset_values(by_row, rows),
        "stages": _stages(by_row),
        "bars": _bars(by_row),
        "problems": list(report.problems),
    }


def _row_values(parts: Sequence[Part]) -> Values:
    by: dict[str, dict[str, Values]] = {}
    for name, label_of in _STRATA.items():
        labels = sorted({label_of(part, r) for part in parts for r in part.records if r.kind in (HAND, TOOL, GRIP)})
        by[name] = {label: tables_of(parts, TABLES, _only(label_of, label)) for label in labels}
    counts = {
        "births": sum(part.births for part in parts),
        "hands_of_nobody": sum(record.kind == EXTRA for part in parts for record in part.records),
    }
    return {"tables": tables_of(parts, TABLES), "by": by, **counts}


def _only(label_of: Callable[[Part, Record], str], label: str) -> Callable[[Part, Record], bool]:
    return lambda part, record: label_of(part, record) == label


def _stages(by_row: Mapping[str, Sequence[Part]]) -> list[Values]:
    """What each stage changes against the one before, on the same sequences."""
    out = []
    for before, after in pairwise(_STAGES):
        changes: Values = {}
        for table in TABLES:
            for key in table.keys:
                sums = [Sums.of(by_row[name], table.kinds, key) for name in (after, before)]
                cell = cell_of(sums[0].less(sums[1]))
                if cell is not None:
                    changes.setdefault(table.name, {})[key] = cell
        out.append({"stage": after, "against": before, "changes": changes})
    return out


def _bars(by_row: Mapping[str, Sequence[Part]]) -> list[Values]:
    """Ours against the start; `met` is None where the start has nothing to be divided by."""
    out: list[Values] = []
    for kind, key, most in _BARS:
        ours, start = (Sums.of(by_row[name], (kind,), key).summary() for name in (TEMPORAL, START))
        share = ours.mean / start.mean if ours is not None and start is not None and start.mean > 0.0 else None
        out.append({"figure": key, "share": share, "at_most": most, "met": None if share is None else share <= most})
    recall, before = (Sums.found(by_row[name], (HAND,)).summary() for name in (TEMPORAL, START))
    share = recall.mean / before.mean if recall is not None and before is not None and before.mean > 0.0 else None
    out.append({"figure": "recall", "share": share, "at_least": 1.0, "met": None if share is None else share >= 1.0})
    for key in ("lag_hand_frames", "lag_instrument_frames"):
        ours, start = (Sums.of(by_row[name], (PATH,), key).summary() for name in (TEMPORAL, START))
        more = None if ours is None or start is None else abs(ours.mean) - abs(start.mean)
        out.append({"figure": key, "more": more, "at_most": 0.0, "met": more <= 0.0 if more is not None else None})
    return out
