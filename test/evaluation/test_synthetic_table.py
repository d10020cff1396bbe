"""Results as files, means over sequences, tables and curves of the synthetic benchmark, on made-up records."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from hoi_perception.evaluation.record_statistics import Sums
from hoi_perception.evaluation.records import GRIP, HAND, MOTION, PATH, TOOL, Record
from hoi_perception.evaluation.synthetic import Report
from hoi_perception.evaluation.synthetic_markdown import as_markdown
from hoi_perception.evaluation.synthetic_plots import cumulative, over_occlusion, write_plots
from hoi_perception.evaluation.synthetic_results import (
    DamagedResultError,
    Part,
    clear_parts,
    load_part,
    part_path,
    save_part,
)
from hoi_perception.evaluation.synthetic_rows import SINGLE, START, TEMPORAL, TRUTH, rows
from hoi_perception.evaluation.synthetic_subset import subset_markdown, subset_values
from hoi_perception.evaluation.synthetic_table import as_json

ROWS = rows(adam=False)


def part(clip: str, row: str, error: float, *, missed: int = 0, frames: int = 4, glove: str = "bare") -> Part:
    """A clip whose figures are all the same; of its hands the first so many are missed."""
    records = []
    for i in range(frames):
        found = i >= missed
        records.append(Record(HAND, i, "mug", 0.1 * i, found, {"mpjpe_mm": error, "pve_mm": error} if found else {}))
        records.append(Record(TOOL, i, "mug", 0.0, True, {"tip_mm": error, "artic_deg": float("nan")}))
        volumes = {"pd_max_mm": error, "pd_tool_max_mm": error, "iv_cm3@1mm": error}
        records.append(Record(GRIP, i, "mug", 0.0, True, volumes))
        records.append(Record(MOTION, i, "mug", 0.0, True, {"ho_motion_excess_mm2": error**2}))
    records.append(Record(PATH, 0, "none", 0.0, True, {"lag_hand_frames": 0.0}))
    return Part(clip, row, frames, "room", glove, 1, tuple(records))


def report(errors: dict[str, float]) -> Report:
    """Two clips; the second one errs by three times as much, and is as long."""
    return Report(
        tuple(
            tuple(part(name, row.name, scale * errors.get(row.name, 9.0), glove=glove) for row in ROWS)
            for name, scale, glove in (("a", 1.0, "bare"), ("b", 3.0, "blue"))
        )
    )


def test_a_result_comes_back_as_it_was_and_only_to_who_asks_for_it(tmp_path: Path) -> None:
    saved = part("a", TRUTH, 0.1 + 0.2)
    save_part(tmp_path, saved, "me")
    back = load_part(tmp_path, "a", TRUTH, "me")
    assert back is not None and repr(back) == repr(saved)
    assert load_part(tmp_path, "a", TRUTH, "somebody else") is None
    assert load_part(tmp_path, "a", START, "me") is None
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["truth.json"]
    clear_parts(tmp_path, ["a"], [TRUTH])
    assert load_part(tmp_path, "a", TRUTH, "me") is None


@pytest.mark.parametrize(
    "damage",
    [lambda text: text[: len(text) // 2], lambda text: text.replace("0.30000000000000004", "0.2", 1), str.upper],
)
def test_damaged_results_are_told(tmp_path: Path, damage: object) -> None:
    save_part(tmp_path, part("a", TRUTH, 0.1 + 0.2), "me")
    path = part_path(tmp_path, "a", TRUTH)
    path.write_text(damage(path.read_text()))  # type: ignore[operator]
    with pytest.raises(DamagedResultError, match=r"truth\.json.*made anew"):
        load_part(tmp_path, "a", TRUTH, "me")


def test_means_weigh_values_and_intervals_draw_sequences() -> None:
    """Of two sequences with means 1 and 3 a draw has one, the other or both: the mean lies between 1 and 3."""
    parts = [part("a", TRUTH, 1.0, frames=4), part("b", TRUTH, 3.0, frames=12)]
    summary = Sums.of(parts, (HAND,), "mpjpe_mm").summary()
    assert summary is not None and summary.mean == pytest.approx((4 * 1.0 + 12 * 3.0) / 16) and summary.count == 16
    assert summary.interval == pytest.approx((1.0, 3.0))
    assert Sums.of(parts[:1], (HAND,), "mpjpe_mm").summary().interval is None  # type: ignore[union-attr]
    assert Sums.of(parts, (TOOL,), "artic_deg").summary() is None
    better = [part("a", START, 0.5, frames=4), part("b", START, 2.5, frames=12)]
    difference = Sums.of(better, (HAND,), "mpjpe_mm").less(Sums.of(parts, (HAND,), "mpjpe_mm"))
    assert difference is not None and difference.mean == pytest.approx(-0.5)
    assert difference.interval == pytest.approx((-0.5, -0.5))


def test_the_tables_state_what_the_records_hold() -> None:
    values = as_json(report({TRUTH: 0.0, START: 4.0, TEMPORAL: 1.0}), ROWS, "made up")
    by_name = {row["row"]: row for row in values["rows"]}
    assert by_name[START]["tables"]["hand"]["mpjpe_mm"]["mean"] == pytest.approx(8.0)
    assert by_name[START]["by"]["glove"]["blue"]["hand"]["mpjpe_mm"]["mean"] == pytest.approx(12.0)
    assert by_name[START]["by"]["instrument"]["mug"]["pose"]["tip_mm"]["count"] == 8
    assert by_name[TRUTH]["tables"]["hand"]["found"]["mean"] == 1.0
    bars = {bar["figure"]: bar for bar in values["bars"]}
    assert bars["pd_max_mm"]["share"] == pytest.approx(0.25) and bars["pd_max_mm"]["met"]
    assert bars["ho_motion_excess_mm2"]["share"] == pytest.approx(1 / 16) and bars["ho_motion_excess_mm2"]["met"]
    assert bars["recall"]["met"] and bars["lag_hand_frames"]["met"]
    assert bars["lag_instrument_frames"]["met"] is None
    text = as_markdown(values)
    assert "### Hands\n" in text and "### Hands by glove" in text and "| `pd_max_mm` | 0.25 | ≤ 0.5 | yes |" in text
    assert "Hands by camera" not in text
    json.dumps(values, allow_nan=False)


def test_the_subset_holds_all_rows_in_the_frames_of_single_images() -> None:
    """Single images answered in frames 0 and 3 of each clip: what is larger in the frames between counts for no row."""

    def only(row: str, frames: dict[int, float]) -> Part:
        records = [Record(GRIP, i, "mug", 0.0, True, {"sim_disp_cm": value}) for i, value in frames.items()]
        return Part("a", row, 4, "room", "bare", 0, tuple(records))

    by_row = {row.name: [only(row.name, {0: 1.0, 1: 50.0, 2: 50.0, 3: 3.0})] for row in ROWS}
    by_row[SINGLE] = [only(SINGLE, {0: 4.0, 3: 6.0})]
    values = subset_values(by_row, ROWS)
    cells = {row["row"]: row["tables"]["subset"]["sim_disp_cm"] for row in values["rows"]}
    assert values["frames"] == 2 and {cell["count"] for cell in cells.values()} == {2}
    assert cells[TEMPORAL]["mean"] == pytest.approx(2.0) and cells[SINGLE]["mean"] == pytest.approx(5.0)
    assert "2 frames, the same for all rows." in "\n".join(subset_markdown(values))


def test_a_worse_row_does_not_meet_its_bars() -> None:
    values = as_json(report({TRUTH: 0.0, START: 4.0, TEMPORAL: 4.1}), ROWS, "made up")
    assert not any(bar["met"] for bar in values["bars"] if bar["figure"].endswith("_mm"))


def test_what_was_missed_never_reaches_the_curve() -> None:
    line = cumulative("x", [part("a", TRUTH, 2.0, missed=1)], HAND, "mpjpe_mm", 4.0)
    assert line.y[line.x < 2.0].max() == 0.0
    assert line.y[line.x >= 2.0].min() == line.y.max() == pytest.approx(0.75)


def test_errors_over_occlusion_are_means_of_their_bins() -> None:
    records = [Record(HAND, i, "mug", 0.05 if i < 6 else 0.45, True, {"mpjpe_mm": float(i)}) for i in range(12)]
    line = over_occlusion("x", [Part("a", TRUTH, 12, "room", "bare", 0, tuple(records))], "mpjpe_mm")
    assert line.x == pytest.approx([0.05, 0.45]) and line.y == pytest.approx([2.5, 8.5])


def test_plots_are_pictures_with_their_lines(tmp_path: Path) -> None:
    paths = write_plots(report({TRUTH: 0.0, START: 4.0, TEMPORAL: 1.0}), ROWS, tmp_path)
    assert len(paths) == 4 == len(list(tmp_path.iterdir()))
    for path in paths:
        image = cv2.imread(str(path))
        assert image is not None and len(np.unique(image.reshape(-1, 3), axis=0)) > 10
