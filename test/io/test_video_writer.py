"""Videos out."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from example_recordings import number_of, numbered_image, write_video

from hoi_perception.io import video_writer
from hoi_perception.io.video_writer import open_video


def test_it_reads_back_as_vp8_in_webm(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.webm", 11, 30.0)
    assert path.read_bytes()[:4] == b"\x1a\x45\xdf\xa3"  # EBML, which WebM is made of
    assert b"webm" in path.read_bytes()[:64]
    capture = cv2.VideoCapture(str(path))
    assert int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little") == b"VP80"
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(30.0)
    assert [number_of(capture.read()[1]) for _ in range(11)] == list(range(11))
    assert not capture.read()[0]


def test_sizes_must_not_change(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32x48 in a video of"), open_video(tmp_path / "a.webm", 30.0) as video:
        video.write(numbered_image(0))
        video.write(numbered_image(0, width=32))
    assert list(tmp_path.iterdir()) == []


def test_interrupted(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_video(tmp_path / "a.webm", 30.0) as video:
        for index in range(20):
            video.write(numbered_image(index))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV itself would go on without a word."""
    monkeypatch.setattr(video_writer.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match="no space left") as error, open_video(tmp_path / "a.webm", 30.0) as video:
        for index in range(50):
            video.write(numbered_image(index))
    assert error.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_frames_that_did_not_reach_the_disk_are_noticed(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.webm", 5)
    video_writer.check_video(path, 5)
    with pytest.raises(OSError, match="only 5 of 9 video frames reached the disk"):
        video_writer.check_video(path, 9)


def test_an_encoder_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_writer, "_FOURCC", "ZZZZ")
    with pytest.raises(OSError, match="cannot write VP8 here"), open_video(tmp_path / "a.webm", 30.0) as video:
        video.write(np.zeros((48, 64, 3), dtype=np.uint8))
    assert list(tmp_path.iterdir()) == []
