"""The table of keys: complete, and the same in the documentation."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from hoi_perception.metrics import keys
from hoi_perception.metrics.instrument import InstrumentErrors
from hoi_perception.metrics.keys import METRICS
from hoi_perception.metrics.object_shape import EasyHoiScores

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
UNITS = {
    "_mm": "mm",
    "_mm2": "mm²",
    "_cm": "cm",
    "_cm2": "cm²",
    "_cm3": "cm³",
    "_px": "px",
    "_deg": "°",
    "_s2": "mm/s²",
}


@pytest.mark.parametrize("key", METRICS)
def test_a_key_ends_in_its_unit(key: str) -> None:
    name = key.split("@")[0]
    unit = next(
        (unit for ending, unit in sorted(UNITS.items(), key=lambda u: -len(u[0])) if name.endswith(ending)), "1"
    )
    assert METRICS[key].unit == ("cm²/10" if key == "cd_easyhoi" else unit)
    assert METRICS[key].better == ("higher" if METRICS[key].unit == "1" else "lower")


def test_functions_bear_the_name_of_their_key() -> None:
    """Where one function serves several keys it has the name of the first."""
    shared = {"pve_xyz_mm", "pa_pve_mm", "pa_pve_reflect_mm", "auc_v", "pa_auc_v"}
    for key, metric in METRICS.items():
        function = getattr(metric.function, "func", metric.function)
        if key not in shared:
            assert function.__name__ == key.split("@")[0]


def test_every_figure_of_an_instrument_and_of_easyhoi_has_a_key() -> None:
    assert {f.name for kind in (InstrumentErrors, EasyHoiScores) for f in fields(kind)} <= METRICS.keys()


def test_functions_of_the_table_can_be_called_by_key() -> None:
    truth = np.random.default_rng(0).normal(size=(21, 3))
    for key in (
        "mpjpe_mm",
        "mpjpe_xyz_mm",
        "pa_mpjpe_mm",
        "pa_mpjpe_reflect_mm",
        "scale_trans_mpjpe_mm",
        "add_mm",
        "cd_cm",
    ):
        assert METRICS[key].function(truth, truth) == pytest.approx(0.0, abs=1e-4)
    for key in ("f5", "f15", "pa_f5", "pa_f15", "f5_obj", "f10_obj"):
        assert METRICS[key].function(truth, truth) == 1.0


@pytest.mark.parametrize("part", [keys.HAND, keys.OBJECT, keys.INTERACTION], ids=["hand", "object", "interaction"])
def test_the_document_has_the_table(part: dict[str, keys.Metric]) -> None:
    assert keys.markdown(part) in DOCUMENT.read_text()
