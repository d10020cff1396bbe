"""The synthetic benchmark from end to end on one very short clip: resumed, repeated, damaged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_examples import carried_clip

from hoi_perception.cli import main
from hoi_perception.evaluation.records import HAND, TOOL
from hoi_perception.evaluation.synthetic import Done, Trial, evaluate, evaluate_clip
from hoi_perception.evaluation.synthetic_clip import Clip
from hoi_perception.evaluation.synthetic_results import part_path
from hoi_perception.evaluation.synthetic_rows import (
    ADAM,
    JUDGED_EVERY,
    ORACLE,
    SINGLE,
    START,
    TEMPORAL,
    TRUTH,
    subset_frames,
)
from hoi_perception.evaluation.synthetic_sight import watch
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.synthesis.benchmark_split import FRAMES, SIZES, Split
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthetic_evaluation import fresh_pipeline, fresh_seeker
from hoi_perception.types import Frame, Scene


def test_the_fixed_subset_is_300_frames_spread_evenly_over_the_test_split() -> None:
    clips = [subset_frames(clip, FRAMES) for clip in range(SIZES[Split.TEST])]
    assert sum(map(len, clips)) == 300 and {len(frames) for frames in clips} == {6, 7}
    line = sorted(FRAMES * clip + frame for clip, frames in enumerate(clips) for frame in frames)
    assert set(np.diff(line)) == {20, 30} and all(frame % JUDGED_EVERY == 0 for frame in line)
    assert np.mean([frame for frames in clips for frame in frames]) == pytest.approx(70.0, abs=2.0), "early and late"


@dataclass(frozen=True)
class OneClip:
    """A source of a clip that is there already."""

    one: Clip
    identity: str = "one clip"

    def names(self) -> tuple[str, ...]:
        return (self.one.name,)

    def clip(self, index: int) -> Clip:
        return self.one


@pytest.fixture(scope="module")
def clip() -> Clip:
    whole = carried_clip()
    return replace(whole, moments=whole.moments[:6])


@pytest.fixture(scope="module")
def trial(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(
        OneClip(clip), fresh_pipeline, fresh_seeker, tmp_path_factory.mktemp("synthetic"), adam=True, exact=False
    )


@pytest.fixture(scope="module")
def first(trial: Trial) -> Done:
    return evaluate_clip(trial, 0)


def test_every_row_answers_and_the_truth_is_right(first: Done) -> None:
    errors = {}
    for part in first.parts:
        hands = [record for record in part.records if record.kind == HAND]
        errors[part.row] = [record.figures.get("mpjpe_mm", np.nan) for record in hands]
    assert max(errors[TRUTH]) < 1e-4
    assert np.nanmean(errors[ORACLE]) < 10.0 and np.isfinite(errors[ORACLE]).all()
    assert np.isfinite(errors[START]).any() and np.isfinite(errors[TEMPORAL]).any()
    for row in (SINGLE, ADAM):
        part = next(part for part in first.parts if part.row == row)
        assert {record.frame for record in part.records} == {0}, "the only frame of the fixed subset"
        assert 0.0 < np.nanmean(errors[row]) < 60.0
    assert not np.array_equal(errors[SINGLE], errors[ADAM])
    start = next(part for part in first.parts if part.row == START)
    turns = [record.figures["rot_deg"] for record in start.records if record.kind == TOOL]
    assert 5.0 < np.mean(turns) < 15.0


def test_an_interrupted_run_ends_as_one_that_was_not(trial: Trial, first: Done) -> None:
    """Two results are missing and one is cut off: these are made anew, equal to the last figure, all others kept."""
    for row in (START, TEMPORAL):
        part_path(trial.folder, "carried-0-0000", row).unlink()
    broken = part_path(trial.folder, "carried-0-0000", TRUTH)
    broken.write_text(broken.read_text()[:-200])
    heard: list[Done] = []
    report = evaluate(trial, told=heard.append)
    assert set(heard[0].made) == {TRUTH, START, TEMPORAL}
    assert len(report.problems) == 1 and "truth.json" in report.problems[0]
    assert repr(report.parts[0]) == repr(first.parts)
    again = evaluate(trial)
    assert repr(again.parts) == repr(report.parts) and not again.problems


def test_a_sequence_that_cannot_be_made_is_told_and_left_out(clip: Clip, tmp_path: Path) -> None:
    class Broken(OneClip):
        def clip(self, index: int) -> Clip:
            raise InstrumentError("no grasp")

    heard: list[Done] = []
    report = evaluate(Trial(Broken(clip), fresh_pipeline, fresh_seeker, tmp_path, exact=False), told=heard.append)
    assert report.parts == () and heard[0].parts == ()
    assert len(report.problems) == 1 and "no grasp" in report.problems[0] and clip.name in report.problems[0]


def test_rows_see_what_the_pipeline_sees_images_alone(clip: Clip) -> None:
    class Watcher:
        frames: list[Frame]

        def __init__(self) -> None:
            self.frames = []

        def process(self, frame: Frame) -> Scene:
            self.frames.append(frame)
            return Scene(frame.stamp_ns, frame.frame_id, frame.camera, (), 0, {})

        def reset(self) -> None:
            self.frames.clear()

    watcher = Watcher()
    shown = list(watch(clip, watcher, SceneRenderer()))
    frame = watcher.frames[2]
    assert frame.instrument_mask is None and frame.depth_m is None, "that would be telling"
    assert (shown[2].sight.image_bgr == frame.image_bgr).all() and frame.image_bgr.std() > 5.0
    assert [f.stamp_ns for f in watcher.frames[:2]] == [0, 33_333_333]


@pytest.mark.parametrize(
    ("flags", "told"),
    [(["--split", "all"], "--split all"), (["--limit", "0"], "--limit 0"), (["--jobs", "0"], "--jobs 0")],
)
def test_bad_options_are_told(flags: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "synthetic", *flags]) == 2
    assert told in capsys.readouterr().err
