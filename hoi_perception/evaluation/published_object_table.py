"""Objects of a published data set as JSON and Markdown: ours beside the start and the truth, published rows apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hoi_perception.datasets.sample import DatasetInfo
from hoi_perception.evaluation.published_bench import ObjectSettings
from hoi_perception.evaluation.published_follow import GAP_NS
from hoi_perception.evaluation.published_objects import TITLES, ObjectResult
from hoi_perception.evaluation.published_rows import interaction_rows_of
from hoi_perception.evaluation.record_markdown import head, line, whole_table
from hoi_perception.evaluation.record_statistics import Sums, Tally
from hoi_perception.evaluation.record_tables import Table, Values, tables_of_tallies
from hoi_perception.evaluation.records import GRIP, HAND, MOTION, TOOL

TABLES = (
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
            "contact_dev_mm",
            "contact_f1",
            "ho_motion_mm2",
            "ho_motion_excess_mm2",
        ),
    ),
    Table(
        "object",
        "Objects",
        (TOOL, GRIP),
        ("cd_cm", "cd_cm2", "f5_obj", "f10_obj", "add_mm", "adds_mm", "sim_disp_cm"),
    ),
    Table("pose", "Poses of objects", (TOOL,), ("rot_deg", "trans_mm", "artic_deg")),
    Table("held", "Hands at objects", (HAND,), ("mpjpe_mm", "pa_mpjpe_mm", "mpjpe_xyz_mm")),
)
PUBLISHED = (
    "Published figures of hands with objects, by their authors' protocols, under the names and units of their sources: "
    "nothing here was run that way."
)
SYMMETRY = (
    "No symmetry of an object is known here: `rot_deg` and `add_mm` also count turns of round ones that nobody sees, "
    "`adds_mm` does not."
)
WITHOUT_MANO = (
    "Without --hand-model left out: interaction and hands at objects, since the truth of the hands' surfaces is MANO's."
)
NONE_SEEN = "No tables of objects: none is stated to be in the picture of these frames."


def objects_as_json(
    results: Sequence[ObjectResult], info: DatasetInfo, settings: ObjectSettings, *, mano: bool
) -> Values:
    """`{"rows": [{"row", "title", "tables", "by": {"object": {name: tables}}}], "published", "notes", "left_out"}`."""
    rows = []
    for row, title in TITLES.items():
        parts = [result.tallies.get(row, ()) for result in results]
        names = sorted({tally.instrument for part in parts for tally in part})
        by = {name: tables_of_tallies([_only(name, part) for part in parts], TABLES) for name in names}
        rows.append({"row": row, "title": title, "tables": tables_of_tallies(parts, TABLES), "by": {"object": by}})
    left_out = {path: reason for result in results for path, reason in result.left_out.items()}
    measured = any(row["tables"] for row in rows)
    notes = _notes(results, settings, mano=mano) if measured else [] if left_out else [NONE_SEEN]
    return {
        "rows": rows,
        "published": [
            {"row": row.method, "figures": row.figures, "units": row.units, "source": row.source}
            for row in interaction_rows_of(info.name)
        ],
        "tellings": sum(result.tellings for result in results),
        "notes": notes,
        "left_out": [{"path": path, "reason": reason} for path, reason in left_out.items()],
        "get": info.objects,
    }


def _only(name: str, part: Sequence[Tally]) -> list[Tally]:
    return [tally for tally in part if tally.instrument == name]


def objects_as_markdown(values: Values) -> list[str]:
    """Tables with 95 % intervals over sequences, published rows, notes, and meshes that could not be used."""
    lines: list[str] = []
    for table in TABLES:
        lines += whole_table(table, values["rows"])
    lines += _published(values["published"]) if lines else []
    lines += values["notes"]
    if values["left_out"]:
        lines.append(f"Objects that are not in the tables, since their meshes cannot be used (get {values['get']}):")
        lines += [f"- {one['path']}: {one['reason']}" for one in values["left_out"]]
    return lines


def _published(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    names = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    lines = [PUBLISHED, "", *head("method", names)]
    lines += [line(row["row"], [_text(row["figures"].get(name)) for name in names]) for row in rows]
    sources = dict.fromkeys(f"{row['units']}; {row['source']}" for row in rows)
    return [*lines, "", *(f"Published rows: {source}" for source in sources)]


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _notes(results: Sequence[ObjectResult], settings: ObjectSettings, *, mano: bool) -> list[str]:
    tellings = sum(result.tellings for result in results)
    told = (
        f"Objects: instruments made of the data set's own meshes, told {tellings} times in {len(results)} sequences "
        "(in the first frame that they are in the picture of, and after gaps of more than "
        f"{GAP_NS * 1e-9:g} s, at which the pipeline forgets), followed in between. Found: neither lost nor predicted."
    )
    measured = (
        "Interaction is measured where the true hand is within 10 mm of the object, in every "
        f"{_ordinal(settings.every)} frame, exact volumes and slip in every {_ordinal(2 * settings.every)}, motion in "
        "all; means over what was found, with 95 % intervals over sequences."
    )
    notes = [told, measured, SYMMETRY]
    parts = [tallies for result in results for tallies in result.tallies.values()]
    grips = Sums.found_of_tallies(parts, (GRIP,)).count.sum()
    if not mano:
        notes.append(WITHOUT_MANO)
    elif not grips:
        unknown = sum(result.without_hands for result in results)
        notes.append(
            f"No interaction: in {unknown} frames with objects the surface of no hand is known, in the others no true "
            "hand is within 10 mm of an object."
        )
    if grips and Sums.of_tallies(parts, (GRIP,), "iv_exact_cm3").count.sum() == 0.0:
        notes.append("No exact volumes: they need manifold3d (pip install 'hoi_perception[instruments]') and manifolds")
    if settings.slow and not settings.simulate:
        notes.append("No sim_disp_cm: it needs PyBullet (pip install 'hoi_perception[simulation]').")
    return notes


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
