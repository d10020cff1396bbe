"""ROS 2 bags in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_recordings import (
    HEIGHT,
    MESSAGES,
    WIDTH,
    camera_of_bag,
    compressed_message,
    images,
    infos,
    number_of,
    numbered_image,
    write_bag,
)
from rosbags.rosbag2 import StoragePlugin

from hoi_perception.camera import camera_from_fov
from hoi_perception.io.camera_choice import CameraChoice
from hoi_perception.io.input_error import InputError
from hoi_perception.io.sources import open_source
from hoi_perception.ros.conversions import camera_info_message, image_message


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_images_keep_stamp_frame_and_camera(tmp_path: Path, storage: StoragePlugin) -> None:
    source = open_source(
        write_bag(tmp_path / "bag", {"/eye/image_raw": images(), "/eye/camera_info": infos()}, storage)
    )
    frames = list(source.frames())
    assert [number_of(f.image_bgr) for f in frames] == [0, 1, 2, 3]
    assert [f.stamp_ns for f in frames] == [5_000_000_000 + 40_000_000 * i for i in range(4)]
    assert {f.frame_id for f in frames} == {"eye"}
    np.testing.assert_allclose(frames[0].camera.K, camera_of_bag().K)
    assert frames[0].camera.assumed == ""
    assert source.frame_count == 4
    assert source.rate_hz == pytest.approx(25.0, rel=1e-3)


@pytest.mark.parametrize("name", ["bag.mcap", "bag.db3"])
def test_the_storage_file_alone_is_a_bag_too(tmp_path: Path, name: str) -> None:
    storage = StoragePlugin.MCAP if name.endswith("mcap") else StoragePlugin.SQLITE3
    folder = write_bag(tmp_path / "bag", {"/image": images()}, storage)
    assert len(list(open_source(folder / name).frames())) == 4
    (folder / "metadata.yaml").unlink()
    assert len(list(open_source(folder).frames())) == 4


def test_compressed_images(tmp_path: Path) -> None:
    messages = [(i, compressed_message(numbered_image(i), 7 + i)) for i in range(3)]
    source = open_source(write_bag(tmp_path / "bag", {"/image/compressed": messages, "/camera_info": infos()}))
    frames = list(source.frames())
    assert [number_of(f.image_bgr) for f in frames] == [0, 1, 2]
    assert [f.stamp_ns for f in frames] == [7, 8, 9]
    assert source.info_topic == "/camera_info"


def test_a_camera_info_of_another_namespace_is_used_and_named(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", {"/left/image": images(), "/right/camera_info": infos()})
    source = open_source(bag)
    assert source.notes[0].startswith("no CameraInfo beside /left/image: that of /right/camera_info is used")
    assert next(iter(source.frames())).camera.K[0, 0] == camera_of_bag().K[0, 0]
    assert open_source(bag, CameraChoice(fov_deg=60.0)).notes == []
    beside = write_bag(tmp_path / "beside", {"/left/image/compressed": images(), "/left/camera_info": infos()})
    assert open_source(beside).notes == []


def test_raw_goes_before_its_compressed_twin_and_depth_is_no_image(tmp_path: Path) -> None:
    small = [(1, compressed_message(numbered_image(0), 7))]
    topics = {"/a/image": images(), "/a/image/compressed": small, "/a/image/compressedDepth": small}
    assert open_source(write_bag(tmp_path / "bag", topics)).topic == "/a/image"


def test_several_topics_have_to_be_chosen_from(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", {"/left/image": images(), "/right/image": images(2)})
    with pytest.raises(InputError, match="choose one with --topic: /left/image, /right/image"):
        open_source(bag)
    assert open_source(bag, topic="/right/image").frame_count == 2
    with pytest.raises(InputError, match="no image topic /up/image: choose one with --topic: /left"):
        open_source(bag, topic="/up/image")


def test_no_camera_topics(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        open_source(write_bag(tmp_path / "bag", {"/camera_info": infos()}))
    assert "bag: no topic with images" in str(error.value)
    assert "record one" in str(error.value)


def test_without_camera_info_the_field_of_view_is_assumed(tmp_path: Path) -> None:
    source = open_source(write_bag(tmp_path / "bag", {"/image": images()}))
    assert next(source.frames()).camera.assumed == "horizontal field of view of 55 deg assumed"
    assert source.notes == ["no CameraInfo beside /image"]


def test_what_the_user_states_goes_before_the_bag(tmp_path: Path) -> None:
    zero = replace(camera_of_bag(), K=np.zeros((3, 3)))
    bag = write_bag(tmp_path / "bag", {"/image": images(), "/camera_info": infos(zero)})
    source = open_source(bag, CameraChoice(fov_deg=90.0))
    assert next(source.frames()).camera.K[0, 0] == pytest.approx(WIDTH / 2)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"K": np.zeros((3, 3))}, "zero or singular"),
        ({"K": np.array([[50.0, 0, 32], [0, 0, 24], [0, 0, 1]])}, "zero or singular"),
        ({"K": np.full((3, 3), np.nan)}, "not finite"),
    ],
)
def test_a_camera_info_that_cannot_be_used(tmp_path: Path, change: dict[str, np.ndarray], text: str) -> None:
    topics = {"/image": images(), "/camera_info": infos(replace(camera_of_bag(), **change))}
    with pytest.raises(InputError) as error:
        list(open_source(write_bag(tmp_path / "bag", topics)).frames())
    assert text in str(error.value)
    assert "/camera_info" in str(error.value)
    assert "--camera or --fov" in str(error.value)


def test_a_distortion_that_is_not_finite(tmp_path: Path) -> None:
    info = camera_info_message(camera_of_bag(), 0, "eye", MESSAGES)
    info.d = np.array([np.inf, 0, 0, 0, 0])
    with pytest.raises(InputError, match="distortion D holds values that are not finite"):
        list(open_source(write_bag(tmp_path / "bag", {"/image": images(), "/camera_info": [(1, info)]})).frames())


def test_a_frame_of_another_size_than_the_camera_info(tmp_path: Path) -> None:
    other = camera_from_fov(640, 480, 60.0, assumed=False)
    with pytest.raises(InputError, match="/image: the image is 64x48, the calibration is for 640x480"):
        list(open_source(write_bag(tmp_path / "bag", {"/image": images(), "/camera_info": infos(other)})).frames())


def test_a_zoom_change_is_followed(tmp_path: Path) -> None:
    zoomed = camera_from_fov(WIDTH, HEIGHT, 20.0, assumed=False)
    later = [(images()[2][0] - 1, camera_info_message(zoomed, 0, "eye", MESSAGES))]
    source = open_source(write_bag(tmp_path / "bag", {"/image": images(), "/camera_info": infos(count=1) + later}))
    focals = [f.camera.K[0, 0] for f in source.frames()]
    np.testing.assert_allclose(focals, [camera_of_bag().K[0, 0]] * 2 + [zoomed.K[0, 0]] * 2)


def test_rectified_images_use_p(tmp_path: Path) -> None:
    info = camera_info_message(camera_of_bag(), 0, "eye", MESSAGES)
    info.p = np.array([77.0, 0, 30, 0, 0, 77, 20, 0, 0, 0, 1, 0])
    topics = {"/image_rect": images(), "/camera_info": [(1, info)]}
    assert next(open_source(write_bag(tmp_path / "a", topics)).frames()).camera.K[0, 0] == 77
    topics = {"/image": images(), "/camera_info": [(1, info)]}
    assert next(open_source(write_bag(tmp_path / "b", topics), rectified=True).frames()).camera.K[0, 0] == 77
    assert next(open_source(tmp_path / "b").frames()).camera.K[0, 0] != 77


def test_wrong_encodings_end_the_reading(tmp_path: Path) -> None:
    message = image_message(numbered_image(0), 5, "eye", MESSAGES)
    message.encoding = "32FC1"
    with pytest.raises(InputError, match="/image: image encoding '32FC1' is not supported: publish one of"):
        list(open_source(write_bag(tmp_path / "bag", {"/image": [(1, message)]})).frames())


def test_a_damaged_image_is_a_stated_skip(tmp_path: Path) -> None:
    damaged = image_message(numbered_image(0), 5, "eye", MESSAGES)
    damaged.data = damaged.data[:100]
    source = open_source(write_bag(tmp_path / "bag", {"/image": [(1, damaged), *images(2)]}))
    assert len(list(source.frames())) == 2
    assert [s.frames for s in source.skipped] == [1]
    assert "needs 9216 bytes, got 100" in source.skipped[0].reason
    only = open_source(write_bag(tmp_path / "only", {"/image": [(1, damaged)]}))
    with pytest.raises(InputError, match=r"no image of /image could be read .*got 100"):
        list(only.frames())


def test_a_cut_off_bag_says_how_to_recover_it(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", {"/image": images(12)}) / "bag.mcap"
    bag.write_bytes(bag.read_bytes()[: bag.stat().st_size // 2])
    with pytest.raises(InputError, match="mcap recover"):
        list(open_source(bag).frames())


def test_a_zero_stamp_is_replaced_by_the_time_of_receipt(tmp_path: Path) -> None:
    message = image_message(numbered_image(0), 0, "", MESSAGES)
    frame = next(open_source(write_bag(tmp_path / "bag", {"/image": [(77, message)]})).frames())
    assert (frame.stamp_ns, frame.frame_id) == (77, "camera")
