"""The whole pipeline on two real clips against labelled boxes, at the bars that the first release has to reach.

A bar that is not reached yet stands in MISSED: its test is expected to fail and a second one holds what was measured,
with room for other processors: on `cups` hands that are half hidden tip over from tiny differences.
To switch a bar on, delete its row there. `python bench/hands_in_clips.py` prints the same figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hoi_perception.hands.models import MODELS, model_directory
from hoi_perception.io.sources import open_source
from hoi_perception.metrics.labelled_clip import ClipScore, read_labels, score_clip
from hoi_perception.pipeline import Perception

LABELS = Path(__file__).with_name("labels")
CLIPS = ("coffee", "cups")


@dataclass(frozen=True)
class Bar:
    """What a figure has to reach, on one clip or on both."""

    of: Callable[[ClipScore], float]
    bar: float
    at_least: bool = False
    clips: tuple[str, ...] = CLIPS

    def reached(self, score: ClipScore, bar: float | None = None) -> bool:
        """False where nothing was measured."""
        value, bar = self.of(score), self.bar if bar is None else bar
        return value >= bar if self.at_least else value <= bar


BARS = {
    "recall of coffee": Bar(lambda s: s.recall, 0.95, at_least=True, clips=("coffee",)),
    "recall of cups": Bar(lambda s: s.recall, 0.80, at_least=True, clips=("cups",)),
    "precision": Bar(lambda s: s.precision, 0.98, at_least=True),
    "residual": Bar(lambda s: s.residual_rel, 0.02),
    "left-out residual": Bar(lambda s: s.heldout_rel, 0.04),
    "limits": Bar(lambda s: s.limit_violation_deg, 5.0),
    "joint step": Bar(lambda s: s.tracked_step_mm, 60.0),
}


@dataclass(frozen=True)
class Missed:
    """A bar not reached yet: what was measured, and what it must not fall behind."""

    measured: str
    floor: float


MISSED = {
    ("coffee", "residual"): Missed("2.19 %", 0.024),
    ("coffee", "left-out residual"): Missed("5.15 %", 0.060),
    ("cups", "recall of cups"): Missed("0.750", 0.60),
    ("cups", "precision"): Missed("0.933", 0.80),
    ("cups", "residual"): Missed("2.85 %", 0.036),
}

FIGURES = [(clip, name) for name, bar in BARS.items() for clip in bar.clips]


@pytest.fixture(scope="module")
def scores(real_data: Path) -> dict[str, ClipScore]:
    """Both clips, each run once from a fresh start."""
    absent = [model.name for model in MODELS if not (model_directory() / model.name).is_file()]
    if absent:
        pytest.skip(f"{', '.join(absent)} not in {model_directory()}: run `hoi-perception models fetch`")
    return {
        clip: score_clip(
            open_source(real_data / f"{clip}.mp4").frames(), Perception().process, read_labels(LABELS / f"{clip}.csv")
        )
        for clip in CLIPS
    }


def acceptance(clip: str, name: str) -> object:
    """The case as a parameter, expected to fail where the bar is missed."""
    missed = MISSED.get((clip, name))
    marks = (
        [pytest.mark.xfail(strict=False, raises=AssertionError, reason=f"measured {missed.measured}")] if missed else []
    )
    return pytest.param(clip, name, marks=marks, id=f"{clip}-{name}")


@pytest.mark.slow
@pytest.mark.parametrize(("clip", "name"), [acceptance(*figure) for figure in FIGURES])
def test_bar(scores: dict[str, ClipScore], clip: str, name: str) -> None:
    assert BARS[name].reached(scores[clip]), f"{name}: {BARS[name].of(scores[clip]):.4f}, bar {BARS[name].bar}"


@pytest.mark.slow
@pytest.mark.parametrize(("clip", "name"), list(MISSED))
def test_missed_bar_is_no_worse_than_measured(scores: dict[str, ClipScore], clip: str, name: str) -> None:
    value, floor = BARS[name].of(scores[clip]), MISSED[clip, name].floor
    assert BARS[name].reached(scores[clip], floor), f"{name}: {value:.4f}, floor {floor}"


@pytest.mark.slow
def test_every_labelled_frame_was_scored(scores: dict[str, ClipScore]) -> None:
    assert {clip: score.labelled_frames for clip, score in scores.items()} == {"coffee": 29, "cups": 30}
