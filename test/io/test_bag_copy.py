"""Results beside the topics that they came from."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from example_recordings import MESSAGES, camera_of_bag, compressed_message, images, infos, numbered_image, write_bag
from example_scenes import FakePerception, example_hand, example_scene
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from hoi_perception.io import run
from hoi_perception.io.bag_writer import topic_names
from hoi_perception.io.input_error import InputError
from hoi_perception.io.run import RunOptions
from hoi_perception.io.sources import open_source
from hoi_perception.ros.conversions import hand_array_message, tf_message
from hoi_perception.types import Side

Row = tuple[int, bytes]
OURS = set(topic_names({}).values())


def rows_of(path: Path) -> dict[str, list[Row]]:
    """Receive times and bytes of each topic, as recorded."""
    rows: dict[str, list[Row]] = {}
    with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
        for connection, received, data in reader.messages():
            rows.setdefault(connection.topic, []).append((received, bytes(data)))
    return rows


def order_of(path: Path) -> list[tuple[int, str]]:
    with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
        return [(received, connection.topic) for connection, received, _ in reader.messages()]


def tf_of_the_robot(stamp: int) -> object:
    message = tf_message(example_scene(example_hand(), stamp_ns=stamp), MESSAGES)
    message.transforms[0].child_frame_id = "gripper"
    return message


def recording(tmp_path: Path, storage: StoragePlugin = StoragePlugin.MCAP, **more: object) -> Path:
    """Images, their calibration and TF, whose last message is later than the last image."""
    tf = [(received + 5_000_000, tf_of_the_robot(received)) for received, _ in images()]
    return write_bag(
        tmp_path / "bag", {"/eye/image_raw": images(), "/eye/camera_info": infos(), "/tf": tf, **more}, storage
    )


def results(source: Path, out: Path, **options: object) -> tuple[Path, dict]:
    run.run(open_source(source), FakePerception(), out, RunOptions(video=False, **options))
    return out / "scene.mcap", json.loads((out / "summary.json").read_text())


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_the_originals_are_there_byte_for_byte_with_their_times(tmp_path: Path, storage: StoragePlugin) -> None:
    bag = recording(tmp_path, storage)
    scene, summary = results(bag, tmp_path / "out")
    before, after = rows_of(bag), rows_of(scene)
    assert after["/eye/image_raw"] == before["/eye/image_raw"]
    assert after["/eye/camera_info"] == before["/eye/camera_info"]
    assert set(before["/tf"]) < set(after["/tf"])
    assert after.keys() == before.keys() | OURS
    assert any("--no-copy-topics" in note for note in summary["notes"])


def test_a_result_follows_its_image(tmp_path: Path) -> None:
    scene, _ = results(recording(tmp_path), tmp_path / "out")
    order = [(t, topic) for t, topic in order_of(scene) if topic in ("/eye/image_raw", "/hands")]
    received = [t for t, _ in images()]
    assert order == [(t, topic) for t in received for topic in ("/eye/image_raw", "/hands")]
    with AnyReader([scene]) as reader:
        hands = [reader.deserialize(d, c.msgtype) for c, _, d in reader.messages() if c.topic == "/hands"]
    assert [h.header.stamp.sec * 10**9 + h.header.stamp.nanosec for h in hands] == [t - 10**9 for t in received]
    assert {h.header.frame_id for h in hands} == {"eye"}


def test_our_frames_are_on_the_same_tf(tmp_path: Path) -> None:
    scene, _ = results(recording(tmp_path), tmp_path / "out")
    with AnyReader([scene]) as reader:
        assert [c.topic for c in reader.connections].count("/tf") == 1
        tf = [reader.deserialize(d, c.msgtype) for c, _, d in reader.messages() if c.topic == "/tf"]
    children = Counter(t.child_frame_id for message in tf for t in message.transforms)
    assert children["gripper"] == children["hand_left"] == children["hand_right"] == 4


def test_without_the_copy_only_results_are_there(tmp_path: Path) -> None:
    scene, summary = results(recording(tmp_path), tmp_path / "out", copy_topics=False)
    assert rows_of(scene).keys() == OURS
    assert [t for t, _ in rows_of(scene)["/hands"]] == [t for t, _ in images()]  # still by the bag's clock
    assert not any("copy" in note for note in summary["notes"])


def test_a_run_that_stops_early_copies_no_further(tmp_path: Path) -> None:
    scene, _ = results(recording(tmp_path), tmp_path / "out", max_frames=2)
    assert len(rows_of(scene)["/eye/image_raw"]) == len(rows_of(scene)["/hands"]) == 2


def test_results_of_results_have_names_of_their_own(tmp_path: Path) -> None:
    first, _ = results(recording(tmp_path), tmp_path / "out")
    second, summary = results(first, tmp_path / "again")
    before, after = rows_of(first), rows_of(second)
    assert {topic: rows for topic, rows in after.items() if topic in before} == before
    assert after.keys() - before.keys() == {f"/hoi_perception{name}" for name in OURS}
    assert any("/hoi_perception/hands" in note for note in summary["notes"])


def test_compressed_images_are_copied_too(tmp_path: Path) -> None:
    pictures = [(i + 1, compressed_message(numbered_image(i), 7 + i)) for i in range(3)]
    bag = write_bag(tmp_path / "bag", {"/image/compressed": pictures})
    scene, _ = results(bag, tmp_path / "out")
    assert rows_of(scene)["/image/compressed"] == rows_of(bag)["/image/compressed"]


def test_a_type_that_ros_does_not_know_is_copied_with_its_definition(tmp_path: Path) -> None:
    typestore = get_typestore(Stores.ROS2_JAZZY)
    typestore.register(get_types_from_msg("float64 volts  # of the battery\n", "robot/msg/Battery"))
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        battery = writer.add_connection("/battery", "robot/msg/Battery", typestore=typestore)
        picture = writer.add_connection("/image", "sensor_msgs/msg/Image", typestore=typestore)
        for received, message in images():
            writer.write(picture, received, MESSAGES.encode(message))
            data = typestore.serialize_cdr(typestore.types["robot/msg/Battery"](12.5), "robot/msg/Battery")
            writer.write(battery, received, data)
    scene, _ = results(tmp_path / "bag", tmp_path / "out")
    with AnyReader([scene]) as reader:
        volts = [reader.deserialize(d, c.msgtype).volts for c, _, d in reader.messages() if c.topic == "/battery"]
    assert volts == [12.5] * 4


def test_another_version_of_our_messages_is_left_out_and_named(tmp_path: Path) -> None:
    typestore = get_typestore(Stores.ROS2_JAZZY)
    typestore.register(get_types_from_msg("uint8 hands\n", "hoi_perception/msg/HandArray"))
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        old = writer.add_connection("/old/hands", "hoi_perception/msg/HandArray", typestore=typestore)
        picture = writer.add_connection("/image", "sensor_msgs/msg/Image", typestore=typestore)
        for received, message in images():
            writer.write(picture, received, MESSAGES.encode(message))
            writer.write(old, received, b"\x00\x01\x00\x00\x02")
    scene, summary = results(tmp_path / "bag", tmp_path / "out")
    assert "/old/hands" not in rows_of(scene)
    assert len(rows_of(scene)["/hands"]) == 4
    assert any("not copied: /old/hands: hoi_perception/msg/HandArray" in note for note in summary["notes"])


def test_hands_of_the_live_node_stay_where_they_were(tmp_path: Path) -> None:
    live = [(t, hand_array_message(example_scene(example_hand(Side.LEFT, 77)), MESSAGES)) for t, _ in images()]
    scene, _ = results(recording(tmp_path, **{"/hands": live}), tmp_path / "out")
    with AnyReader([scene]) as reader:
        rows = [
            (c.topic, reader.deserialize(d, c.msgtype)) for c, _, d in reader.messages() if c.topic.endswith("hands")
        ]
    assert {tuple(h.track_id for h in m.hands) for topic, m in rows if topic == "/hands"} == {(77,)}
    assert {tuple(h.track_id for h in m.hands) for topic, m in rows if topic == "/hoi_perception/hands"} == {(1, 2)}


def test_a_disk_without_room_is_told_before_the_first_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bag = recording(tmp_path)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(run.shutil, "disk_usage", lambda _: usage)
    perception = FakePerception()
    with pytest.raises(InputError, match="--no-copy-topics"):
        run.run(open_source(bag), perception, tmp_path / "out", RunOptions(video=False))
    assert not perception.seen
    run.run(open_source(bag), perception, tmp_path / "out", RunOptions(video=False, copy_topics=False))
    assert len(perception.seen) == 4


def test_a_damaged_bag_is_copied_as_far_as_it_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bag, whole = recording(tmp_path), AnyReader.messages

    def torn(reader: AnyReader, connections: tuple[Connection, ...] = ()) -> Iterator[tuple[Connection, int, bytes]]:
        for row in whole(reader, connections):
            if row[1] > images()[1][0]:
                raise AnyReaderError("torn")
            yield row

    with monkeypatch.context() as patch:
        patch.setattr(AnyReader, "messages", torn)
        scene, summary = results(bag, tmp_path / "out")
    assert [skip["reason"] for skip in summary["skipped"]] == ["the bag is damaged from here on: torn"]
    assert rows_of(scene)["/eye/image_raw"] == rows_of(bag)["/eye/image_raw"][:2]


def test_camera_of_the_bag_is_the_camera_of_the_results(tmp_path: Path) -> None:
    scene, _ = results(recording(tmp_path), tmp_path / "out")
    with AnyReader([scene]) as reader:
        ours = next(reader.deserialize(d, c.msgtype) for c, _, d in reader.messages() if c.topic == "/camera_info")
    assert ours.k.tolist() == camera_of_bag().K.reshape(-1).tolist()
