"""Recordings of several cameras as one source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from hoi_perception.camera import camera_from_fov
from hoi_perception.camera_rig import CameraRig, read_rig
from hoi_perception.cli import main
from hoi_perception.io.input_error import InputError
from hoi_perception.io.sources import Skip, Source
from hoi_perception.io.synchronised import SynchronisedSources, open_sources
from hoi_perception.types import Frame

ASIDE = np.eye(4)
ASIDE[0, 3] = 0.1
CAMERAS = {"a": camera_from_fov(8, 6, 50.0), "b": camera_from_fov(10, 6, 50.0)}
RIG = CameraRig.of(CAMERAS, np.array([np.eye(4), ASIDE]), 20.0)


def folder(path: Path, values: list[int], width: int) -> Path:
    """Grey images of these values."""
    path.mkdir()
    for k, value in enumerate(values):
        cv2.imwrite(str(path / f"{k}.png"), np.full((6, width, 3), value, dtype=np.uint8))
    return path


@dataclass
class Played:
    """Frames at these times (ms)."""

    name: str
    times_ms: list[int]
    live: bool = False
    frame_count: int | None = None
    rate_hz: float | None = 20.0
    skipped: list[Skip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def frames(self) -> Iterator[Frame]:
        """Blank ones."""
        for time in self.times_ms:
            yield Frame(np.zeros((6, 8, 3), dtype=np.uint8), CAMERAS["a"], time * 1_000_000)


def values(source: Source) -> list[tuple[int, int]]:
    """Grey values of the frames of two cameras."""
    return [(int(f.image_bgr[0, 0, 0]), int(f.further[0].image_bgr[0, 0, 0])) for f in source.frames()]


def test_images_of_one_time_come_together(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", [10, 20, 30], 8), folder(tmp_path / "two", [11, 21, 31], 10)
    source = open_sources([one, two], RIG, tmp_path / "rig.yaml")
    assert (source.frame_count, source.rate_hz) == (3, 20.0)
    frames = list(source.frames())
    assert values(source) == [(10, 11), (20, 21), (30, 31)]
    assert [frame.stamp_ns for frame in frames] == [0, 50_000_000, 100_000_000]
    assert frames[0].camera is CAMERAS["a"]
    assert frames[0].further[0].placed is RIG.further[0]
    np.testing.assert_allclose(frames[0].further[0].placed.seen(np.array([0.1, 0.0, 1.0])), [0.0, 0.0, 1.0])


def test_image_that_one_camera_has_not_leaves_out_that_of_the_other(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", [10, 20, 30], 8), folder(tmp_path / "two", [11, 21, 31], 10)
    (two / "1.png").write_bytes(b"broken")
    source = open_sources([one, two], RIG, tmp_path / "rig.yaml")
    assert values(source) == [(10, 11), (30, 31)]
    assert [skip.frames for skip in source.skipped] == [1, 1]
    assert "1.png" in source.skipped[0].reason


def test_the_last_image_may_be_the_one_that_is_missing(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", [10, 20], 8), folder(tmp_path / "two", [11, 21], 10)
    (two / "1.png").write_bytes(b"broken")
    assert values(open_sources([one, two], RIG, tmp_path / "rig.yaml")) == [(10, 11)]


def test_what_does_not_go_together_is_named(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", [10, 20], 8), folder(tmp_path / "two", [11], 10)
    with pytest.raises(InputError, match=r"one has 2 frames, .*two has 1"):
        open_sources([one, two], RIG, tmp_path / "rig.yaml")
    with pytest.raises(InputError, match=r"rig.yaml: is for a, b, and there are 3 sources"):
        open_sources([one, two, two], RIG, tmp_path / "rig.yaml")
    with pytest.raises(InputError, match=r"the image is 8x6, the calibration is for 10x6"):
        list(open_sources([one, one], RIG, tmp_path / "rig.yaml").frames())


@pytest.mark.parametrize(
    ("times_ms", "text"),
    [([0, 50, 160], "x and y: their times differ by 0.060 s"), ([0, 50], "x goes on where y ends")],
)
def test_times_that_differ_are_an_error(times_ms: list[int], text: str) -> None:
    source = SynchronisedSources([Played("x", [0, 50, 100]), Played("y", times_ms)], RIG)
    with pytest.raises(InputError, match=text):
        list(source.frames())


def test_cameras_may_be_a_little_late() -> None:
    source = SynchronisedSources([Played("x", [0, 50, 100]), Played("y", [5, 61, 98])], RIG)
    assert [frame.stamp_ns // 1_000_000 for frame in source.frames()] == [0, 50, 100]


def test_live_cameras_are_refused() -> None:
    with pytest.raises(InputError, match="camera 1: a live camera is not synchronised"):
        SynchronisedSources([Played("x", []), Played("camera 1", [], live=True)], RIG)


def test_command_line_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = folder(tmp_path / "one", [10], 8), folder(tmp_path / "two", [11], 10)
    command = ["run", str(one), str(two), "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert "2 sources: say where their cameras stand, with --camera FILE" in capsys.readouterr().err
    matrix = [8.0, 0.0, 4.0, 0.0, 8.0, 3.0, 0.0, 0.0, 1.0]
    camera = {"image_width": 8, "image_height": 6, "camera_matrix": matrix, "T_common_camera": np.eye(4).tolist()}
    rig = tmp_path / "rig.yaml"
    rig.write_text(yaml.safe_dump({"cameras": {"only": camera}}))
    assert read_rig(rig).names == ("only",)
    assert main([*command, "--camera", str(rig)]) == 2
    assert "is for only, and there are 2 sources" in capsys.readouterr().err
    assert main(["run", str(one), "--out", str(tmp_path / "out"), "--camera", str(rig)]) == 2
    assert "several cameras: give as many sources" in capsys.readouterr().err
