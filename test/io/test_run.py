"""The whole loop with a stand-in for the pipeline."""

from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from example_recordings import write_noise_video, write_video
from example_scenes import FakePerception, example_hand

from hoi_perception.io import bag_writer, run, video_writer
from hoi_perception.io.input_error import InputError
from hoi_perception.io.run import RunOptions
from hoi_perception.io.sources import Skip, open_source
from hoi_perception.types import Frame, Scene

KEYS = {
    "frames",
    "hands_per_frame",
    "tracks",
    "births",
    "landmark_residual_px_median",
    "landmark_residual_rel_median",
    "heldout_residual_rel_median",
    "limit_violations_deg",
    "max_joint_step_mm",
    "jitter_mm",
    "fps",
    "stage_ms",
    "scale_source",
}


def test_everything_is_written(tmp_path: Path) -> None:
    source, perception = open_source(write_video(tmp_path / "a.webm", 6)), FakePerception()
    results = run.run(source, perception, tmp_path / "out", RunOptions(meshes=True))
    assert len(perception.seen) == 6
    assert [p.name for p in results.files] == ["scene.mcap", "overlay.webm", "meshes", "summary.json"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in results.files)
    meshes = sorted(p.name for p in (tmp_path / "out" / "meshes").iterdir())
    assert len(meshes) == 12
    assert meshes[:2] == ["000000_left_1.ply", "000000_right_2.ply"]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary.keys() >= KEYS
    assert (summary["frames"], summary["hands_per_frame"], summary["births"]) == (6, 2.0, 2)
    assert summary["max_joint_step_mm"] == {"left": 0.0, "right": 0.0}
    assert {"read", "draw", "write", "total"} == summary["stage_ms"].keys()
    assert "55 deg assumed" in summary["assumed"]["jitter_mm"]
    overlay = open_source(tmp_path / "out" / "overlay.webm")
    assert sum(1 for _ in overlay.frames()) == 6


def test_results_of_an_earlier_run_that_are_not_made_again_go(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.webm", 3)
    for options in (RunOptions(meshes=True), RunOptions(video=False)):
        run.run(open_source(video), FakePerception(), tmp_path / "out", options)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["scene.mcap", "summary.json"]


@pytest.mark.parametrize(
    "name", ["meshes/thesis.stl", "meshes/notes.ply", "overlay.webm", "scene.mcap", "summary.json"]
)
def test_a_file_of_the_users_in_the_way_is_refused_before_the_first_frame(tmp_path: Path, name: str) -> None:
    mine = tmp_path / "out" / name
    mine.parent.mkdir(parents=True)
    mine.write_text('{"mine": true}')
    perception = FakePerception()
    with pytest.raises(InputError, match=f"{name}: .*: move it away or choose another --out"):
        run.run(Tape(two_frames(tmp_path)), perception, tmp_path / "out", RunOptions(meshes=True))
    assert not perception.seen
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == [mine]


def test_what_no_run_wrote_stays_where_it_is_not_in_the_way(tmp_path: Path) -> None:
    frames, out = two_frames(tmp_path), tmp_path / "out"
    run.run(Tape(frames), FakePerception(), out, RunOptions(video=False, meshes=True))
    (out / "overlay.webm").write_text("mine")
    (out / "meshes" / "thesis.stl").write_text("mine")
    run.run(Tape(frames), FakePerception(), out, RunOptions(video=False))
    left = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    assert left == ["meshes/thesis.stl", "overlay.webm", "scene.mcap", "summary.json"]


def test_meshes_of_an_earlier_longer_run_go(tmp_path: Path) -> None:
    frames, out = two_frames(tmp_path), tmp_path / "out"
    for number in (2, 1):
        run.run(Tape(frames[:number]), FakePerception(), out, RunOptions(meshes=True))
        assert len(list((out / "meshes").iterdir())) == 2 * number


def test_frames_without_hands(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "a.webm", 3))
    results = run.run(source, FakePerception(hands=()), tmp_path / "out")
    assert (results.summary.frames, results.summary.hands_per_frame, results.summary.tracks) == (3, 0.0, 0)
    content = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert content["landmark_residual_px_median"] is None


def test_figures_that_are_not_finite_do_not_break_the_summary(tmp_path: Path) -> None:
    hands = (example_hand(residual_px=float("nan"), heldout_residual_px=float("nan")),)
    run.run(open_source(write_video(tmp_path / "a.webm", 3)), FakePerception(hands), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["landmark_residual_px_median"] is None


def test_a_cut_off_video_is_stated_in_the_summary(tmp_path: Path) -> None:
    whole = write_noise_video(tmp_path / "whole.webm", 60)
    (tmp_path / "cut.webm").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    run.run(open_source(tmp_path / "cut.webm"), FakePerception(), tmp_path / "out", RunOptions(video=False))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["skipped_frames"] == 60 - summary["frames"] > 0
    assert "it is truncated or damaged" in summary["skipped"][0]["reason"]


def test_it_stops_when_told(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.webm", 10)
    results = run.run(open_source(video), FakePerception(), tmp_path / "out", RunOptions(max_frames=4))
    assert results.summary.frames == 4
    seen: list[Scene] = []
    results = run.run(
        open_source(video), FakePerception(), tmp_path / "out", on_frame=seen.append, should_stop=lambda: len(seen) == 2
    )
    assert results.summary.frames == 2


class Tape:
    """A source that does what the test wants."""

    name, frame_count, rate_hz, live = "tape", 3, 30.0, False

    def __init__(self, frames: list[Frame], error: BaseException | None = None) -> None:
        self.skipped: list[Skip] = []
        self.notes: list[str] = []
        self._frames, self._error = frames, error

    def frames(self) -> Iterator[Frame]:
        yield from self._frames
        if self._error is not None:
            raise self._error


def two_frames(tmp_path: Path) -> list[Frame]:
    return list(open_source(write_video(tmp_path / "a.webm", 2)).frames())


@pytest.mark.parametrize("error", [InputError("torn"), OSError(errno.EIO, "torn"), KeyboardInterrupt()])
def test_nothing_is_left_when_the_source_fails(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        run.run(Tape(two_frames(tmp_path), error), FakePerception(), tmp_path / "out", RunOptions(meshes=True))
    assert list((tmp_path / "out").iterdir()) == []


def test_an_earlier_result_outlives_a_failed_run(tmp_path: Path) -> None:
    frames = two_frames(tmp_path)
    run.run(Tape(frames), FakePerception(), tmp_path / "out")
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    with pytest.raises(InputError):
        run.run(Tape(frames, InputError("torn")), FakePerception(), tmp_path / "out")
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before


def broken(*_: object) -> None:
    raise OSError(errno.EIO, "torn at the end")


@pytest.mark.parametrize(("writer", "end"), [(video_writer, "check_video"), (bag_writer.Writer, "close")])
def test_earlier_results_outlive_a_failure_at_the_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: object, end: str
) -> None:
    frames, out, options = two_frames(tmp_path), tmp_path / "out", RunOptions(meshes=True)
    run.run(Tape(frames), FakePerception(), out, options)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    monkeypatch.setattr(writer, end, broken)
    with pytest.raises(OSError, match="torn at the end"):
        run.run(Tape(frames[:1]), FakePerception(hands=()), out, options)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_a_source_without_frames(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tape: it gave no frame"):
        run.run(Tape([]), FakePerception(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_while_the_bag_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "scene.mcap")

    monkeypatch.setattr(bag_writer.SceneBag, "_put", full)
    with pytest.raises(OSError, match="No space left"):
        run.run(Tape(two_frames(tmp_path)), FakePerception(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("options", [RunOptions(), RunOptions(video=False, compressed_bag=False)])
def test_a_disk_that_really_is_full(tmp_path: Path, options: RunOptions) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here (not root)")
    try:
        frames = two_frames(tmp_path)
        many = [replace(frame, stamp_ns=i) for i, frame in enumerate(frames * 60)]
        with pytest.raises(OSError, match=r"(?i)no space left") as error:
            run.run(Tape(many), FakePerception(), small / "out", options)
        assert error.value.errno == errno.ENOSPC
        assert list((small / "out").iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
