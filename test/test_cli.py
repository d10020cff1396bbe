"""The command line: exit statuses, one line for every error, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from example_scenes import FakePerception

from hoi_perception import cli
from hoi_perception.config import Config

TEST = Path(__file__).parent
sys.path.insert(0, str(TEST / "io"))
from example_recordings import (  # noqa: E402 - the folder has to be known first
    images,
    infos,
    numbered_image,
    write_bag,
    write_video,
)


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """Settings that the pipeline was made with; a stand-in takes its place."""
    import hoi_perception.pipeline

    made: list[Config] = []

    def perception(config: Config) -> FakePerception:
        made.append(config)
        return FakePerception()

    monkeypatch.setattr(hoi_perception.pipeline, "Perception", perception)
    return made


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("hoi-perception: ")
    return lines[0]


def test_run(tmp_path: Path, configs: list[Config], capsys: pytest.CaptureFixture[str]) -> None:
    video, out = write_video(tmp_path / "a.webm", 4), tmp_path / "out"
    assert cli.main(["run", str(video), "--out", str(out), "--fov", "70", "--max-hands", "1", "--no-video"]) == 0
    assert configs[0].detection.max_hands == 1
    printed = capsys.readouterr().out
    assert "4 frames at" in printed
    assert "horizontal field of view of 70 deg assumed" in printed
    assert str(out / "summary.json") in printed
    assert json.loads((out / "summary.json").read_text())["frames"] == 4


def test_flags_go_before_the_file_of_settings(tmp_path: Path, configs: list[Config]) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump({"detection": {"palm_threshold": 0.2, "threads": 7}}))
    arguments = ["run", str(write_video(tmp_path / "a.webm", 2)), "--out", str(tmp_path / "out"), "--no-video"]
    assert cli.main([*arguments, "--config", str(settings), "--detection.threads", "3"]) == 0
    assert cli.main([*arguments, f"--config={settings}"]) == 0
    assert cli.main(arguments) == 0
    assert [(c.detection.palm_threshold, c.detection.threads) for c in configs] == [(0.2, 3), (0.2, 7), (0.1, 2)]


def test_bag_with_its_own_camera(tmp_path: Path, configs: list[Config], capsys: pytest.CaptureFixture[str]) -> None:
    bag = write_bag(tmp_path / "bag", {"/eye/image_raw": images(), "/eye/camera_info": infos()})
    assert cli.main(["run", str(bag), "--out", str(tmp_path / "out"), "--topic", "/eye/image_raw"]) == 0
    assert "every length rests on: scale from the average size of hands\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        (("--camera", "c.yaml", "--fov", "50"), "--camera and --fov exclude each other"),
        (("--camera", "c.yaml"), "c.yaml: no such calibration file"),
        (("--fov", "500"), "field of view 500.0 deg is outside 1 to 175"),
        (("--config", "c.yaml"), "c.yaml: no such settings file"),
        (("--detection.max-hands", "9"), "detection.max_hands is 9: give 1 to 8"),
        (("--tracking.predict-frames", "-1"), "tracking.predict_frames is -1: give 0 to 300"),
        (("--topic", "/image"), "leave out --topic"),
    ],
)
def test_options_that_do_not_fit(
    tmp_path: Path, configs: list[Config], capsys: pytest.CaptureFixture[str], extra: tuple[str, ...], text: str
) -> None:
    video = write_video(tmp_path / "a.webm", 2)
    assert text in error_of(capsys, "run", str(video), "--out", str(tmp_path / "out"), *extra)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_a_source_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = error_of(capsys, "run", str(tmp_path / "a.mp4"), "--out", str(tmp_path / "out"))
    assert "a.mp4: no such file or folder: give a video" in line


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, configs: list[Config], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file")
    line = error_of(capsys, "run", str(write_video(tmp_path / "a.webm", 2)), "--out", str(tmp_path / "out"))
    assert "out: file exists: choose another --out" in line


def test_networks_with_a_wrong_checksum(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hoi_perception.hands.models import MODELS

    monkeypatch.setenv("HOI_MODELS", str(tmp_path))
    arguments = ("run", str(write_video(tmp_path / "a.webm", 2)), "--out", str(tmp_path / "out"))
    assert "the network is not there: run `hoi-perception models fetch`" in error_of(capsys, *arguments)
    for model in MODELS:
        (tmp_path / model.name).write_bytes(b"altered")
    line = error_of(capsys, *arguments)
    assert str(tmp_path) in line
    assert "models fetch" in line
    assert not (tmp_path / "out").exists()


def test_convert_of_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no.pkl: no such file" in error_of(capsys, "hand", "convert", str(tmp_path / "no.pkl"))


def test_unknown_options_end_with_2() -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["run", "a.mp4"])
    assert end.value.code == 2


def test_an_error_of_our_own_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "parse", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main([])


@pytest.mark.parametrize("command", [(), ("run",), ("demo",), ("node",), ("models",), ("hand",), ("doctor",)])
def test_help_is_instant_and_imports_nothing_heavy(command: tuple[str, ...]) -> None:
    code = (
        "import sys; from hoi_perception.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'cv2', 'torch', 'warp', 'ai_edge_litert', 'rosbags', 'yaml', 'cyclonedds'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, *command, "--help"], check=True, capture_output=True)


SLOW_RUN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background without it
sys.path[:0] = [{test!r}]
import hoi_perception.pipeline
from example_scenes import FakePerception

class Slow(FakePerception):
    def __init__(self, config):
        super().__init__()
    def process(self, frame):
        time.sleep(0.05)
        if len(self.seen) == 3:
            print("under way", flush=True)
        return super().process(frame)

hoi_perception.pipeline.Perception = Slow
from hoi_perception.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_an_interrupted_demo_does_not_deny_its_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.Demo, "execute", interrupted)
    assert cli.main(["demo", "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == f"hoi-perception: interrupted, files that were whole by then stay in {tmp_path}\n"


def test_ctrl_c_half_way(tmp_path: Path) -> None:
    video, out = write_video(tmp_path / "a.webm", 200), tmp_path / "out"
    command = [sys.executable, "-c", SLOW_RUN.format(test=str(TEST)), "run", str(video), "--out", str(out), "--meshes"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "under way\n"
    assert any(out.iterdir())  # it is half way
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert errors.strip().splitlines()[-1] == "hoi-perception: interrupted, nothing was written"
    assert "Traceback" not in errors
    assert list(out.iterdir()) == []


def test_a_live_camera_ends_with_its_results(
    tmp_path: Path, configs: list[Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hoi_perception.camera import camera_from_fov
    from hoi_perception.io import sources
    from hoi_perception.types import Frame

    class Webcam:
        name, frame_count, rate_hz, live = "camera 0", None, 30.0, True

        def __init__(self) -> None:
            self.skipped: list[sources.Skip] = []
            self.notes: list[str] = []

        def frames(self):
            camera = camera_from_fov(64, 48, 55.0)
            for index in range(1000):
                time.sleep(0.005)
                if index == 20:
                    os.kill(os.getpid(), signal.SIGINT)
                yield Frame(numbered_image(index), camera, index)

    monkeypatch.setattr(sources, "open_source", lambda *_, **__: Webcam())
    before = signal.getsignal(signal.SIGINT)
    try:
        assert cli.main(["run", "0", "--out", str(tmp_path / "out"), "--no-video"]) == 0
    finally:
        signal.signal(signal.SIGINT, before)
    assert 0 < json.loads((tmp_path / "out" / "summary.json").read_text())["frames"] < 1000


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--max-frames", "0"], "--max-frames 0: give 1 or more"),
        (["--max-frames", "-1"], "--max-frames -1: give 1 or more"),
        (["--max-hands", "0"], "--max-hands 0: give 1 or more"),
        (["--fov", "0"], "field of view 0.0 deg is outside 1 to 175"),
        (["--rate", "0"], "a rate of 0 Hz: give --rate a number above 0"),
        (["--rate", "nan"], "a rate of nan Hz"),
    ],
)
def test_a_number_that_makes_no_sense_is_bad_input(
    tmp_path: Path, configs: list[Config], capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    video, out = write_video(tmp_path / "a.webm", 4), tmp_path / "out"
    assert part in error_of(capsys, "run", str(video), "--out", str(out), *arguments)
    assert not list(out.glob("*"))


def test_a_demo_of_no_frames_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--frames 0: give 1 or more" in error_of(capsys, "demo", "--out", str(tmp_path), "--frames", "0")


def test_an_error_is_one_line_and_nothing_else(
    tmp_path: Path, configs: list[Config], capfd: pytest.CaptureFixture[str]
) -> None:
    """No empty line of a progress bar where nobody watches, and no remark of a native library."""
    cli.main(["run", str(write_video(tmp_path / "a.webm", 4)), "--out", str(tmp_path / "out"), "--fov", "500"])
    assert len(capfd.readouterr().err.splitlines()) == 1
