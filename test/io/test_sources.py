"""Videos, images and folders of images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from example_recordings import HEIGHT, WIDTH, number_of, numbered_image, write_noise_video, write_video

from hoi_perception.camera import camera_from_fov
from hoi_perception.io.camera_choice import CameraChoice
from hoi_perception.io.input_error import InputError
from hoi_perception.io.sources import Source, open_source


def one_line(error: pytest.ExceptionInfo[InputError], *parts: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    assert all(part in text for part in parts), text


def test_video_gives_its_frames_and_times(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "a.webm", 10, 25.0))
    frames = list(source.frames())
    assert isinstance(source, Source)
    assert (source.frame_count, source.rate_hz, source.skipped, source.live) == (10, 25.0, [], False)
    assert [number_of(f.image_bgr) for f in frames] == list(range(10))
    np.testing.assert_allclose([f.stamp_ns for f in frames], 40_000_000 * np.arange(10), atol=1_000_000)
    assert frames[0].camera.assumed == "horizontal field of view of 55 deg assumed"


def test_stated_field_of_view(tmp_path: Path) -> None:
    frame = next(open_source(write_video(tmp_path / "a.webm"), CameraChoice(fov_deg=90.0)).frames())
    assert frame.camera.K[0, 0] == pytest.approx(WIDTH / 2)
    assert frame.camera.assumed == "horizontal field of view of 90 deg assumed"


def test_calibrated_camera_is_no_assumption(tmp_path: Path) -> None:
    camera = camera_from_fov(WIDTH, HEIGHT, 70.0, assumed=False)
    frame = next(open_source(write_video(tmp_path / "a.webm"), CameraChoice(camera)).frames())
    assert frame.camera is camera


def test_calibration_of_another_size_is_refused(tmp_path: Path) -> None:
    choice = CameraChoice(camera_from_fov(640, 480, 70.0, assumed=False))
    with pytest.raises(InputError) as error:
        list(open_source(write_video(tmp_path / "a.webm"), choice).frames())
    one_line(error, "a.webm", "the image is 64x48, the calibration is for 640x480", "give the calibration")


def test_a_cut_off_video_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write_noise_video(tmp_path / "whole.webm", 60)
    cut = tmp_path / "cut.webm"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    source = open_source(cut)
    read = len(list(source.frames()))
    assert 10 < read < 50
    assert [s.frames for s in source.skipped] == [60 - read]
    assert f"ends after {read} of 60 announced frames: it is truncated" in source.skipped[0].reason


def test_real_videos_are_whole(real_data: Path) -> None:
    """The announced count of suturing.mkv is only an estimate of its container."""
    for name, frames in {"suturing.mkv": 83, "suturing_close.mp4": 29}.items():
        source = open_source(real_data / name)
        assert sum(1 for _ in source.frames()) == frames
        assert source.skipped == []


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("missing.mp4", None, ("missing.mp4: no such file", "give a video")),
        ("empty.mp4", b"", ("empty.mp4: the file is empty", "record it again")),
        ("junk.mp4", b"junk" * 500, ("junk.mp4: not a video that can be opened", "record it again")),
        ("text.csv", b"a,b\n", ("text.csv: not a video",)),
        ("empty.mcap", b"", ("empty.mcap: the file is empty",)),
        ("junk.mcap", b"junk" * 500, ("junk.mcap: not a ROS 2 bag that can be read", "mcap recover")),
        ("junk.db3", b"junk" * 500, ("junk.db3: not a ROS 2 bag that can be read",)),
    ],
)
def test_what_cannot_be_opened(tmp_path: Path, name: str, content: bytes | None, parts: tuple[str, ...]) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        open_source(path)
    one_line(error, *parts)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(InputError) as error:
        open_source("93")
    one_line(error, "camera 93: cannot be opened", "/dev/video*")


def test_a_topic_of_a_video_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave out --topic"):
        open_source(write_video(tmp_path / "a.webm"), topic="/image")


def test_folder_in_natural_order(tmp_path: Path) -> None:
    for index in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"frame{index}.png"), numbered_image(index))
    (tmp_path / "notes.txt").write_text("not an image")
    source = open_source(tmp_path)
    frames = list(source.frames())
    assert [number_of(f.image_bgr) for f in frames] == [1, 2, 10]
    assert [f.stamp_ns for f in frames] == [0, 33_333_333, 66_666_667]
    assert source.notes == ["images carry no time: 30 Hz assumed"]
    assert [f.stamp_ns for f in open_source(tmp_path, rate_hz=10.0).frames()] == [0, 100_000_000, 200_000_000]


def test_one_image(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), numbered_image(3))
    source = open_source(tmp_path / "a.png")
    assert [number_of(f.image_bgr) for f in source.frames()] == [3]
    assert source.notes == []


def test_a_damaged_image_is_a_stated_skip(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), numbered_image(1))
    (tmp_path / "2.png").write_bytes(b"broken")
    cv2.imwrite(str(tmp_path / "3.png"), numbered_image(3))
    source = open_source(tmp_path)
    frames = list(source.frames())
    assert [number_of(f.image_bgr) for f in frames] == [1, 3]
    assert frames[1].stamp_ns == 66_666_667  # its place in time is kept
    assert [(s.frames, s.reason) for s in source.skipped] == [(1, "2.png: not an image that can be decoded")]


def test_images_of_different_sizes_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), numbered_image(1))
    cv2.imwrite(str(tmp_path / "2.png"), numbered_image(2, width=32))
    with pytest.raises(InputError) as error:
        list(open_source(tmp_path).frames())
    one_line(error, "2.png", "the image is 32x48, the calibration is for 64x48")


def test_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no images in it"):
        open_source(tmp_path)
    (tmp_path / "1.png").write_bytes(b"broken")
    with pytest.raises(InputError, match="none of its 1 images can be decoded"):
        list(open_source(tmp_path).frames())
