"""The recording of results, read by rosbags and by the MCAP project's own reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from example_scenes import example_faces, example_hand, example_scene
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from hoi_perception.io.bag_writer import TOPICS, open_scene_bag
from hoi_perception.ros.conversions import faces_from_message, scene_from_messages
from hoi_perception.types import Side

FACES = {side: example_faces() for side in Side}
SCENES = [
    example_scene(example_hand(Side.LEFT, 1), example_hand(Side.RIGHT, 2), stamp_ns=1_000_000_000, births=2),
    example_scene(stamp_ns=1_040_000_000),
    example_scene(example_hand(Side.RIGHT, 2), stamp_ns=1_080_000_000),
]


def write(path: Path, *, compressed: bool = True) -> Path:
    with open_scene_bag(path, FACES, compressed=compressed) as bag:
        for scene in SCENES:
            bag.write(scene, dropped_frames=3)
    return path


@pytest.mark.parametrize("compressed", [True, False])
def test_scenes_read_back_with_the_definitions_in_the_file(tmp_path: Path, compressed: bool) -> None:
    """A reader that knows only ROS's own messages gets ours from the file."""
    path = write(tmp_path / "scene.mcap", compressed=compressed)
    assert [p.name for p in tmp_path.iterdir()] == ["scene.mcap"]
    messages: dict[str, list[tuple[int, object]]] = {topic: [] for topic in TOPICS}
    with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
        for connection, stamp, data in reader.messages():
            messages[connection.topic].append((stamp, reader.deserialize(data, connection.msgtype)))
    assert {topic: len(rows) for topic, rows in messages.items()} == {**dict.fromkeys(TOPICS, 3), "/mesh_topology": 2}
    for index, scene in enumerate(SCENES):
        stamp, hands = messages["/hands"][index]
        rest = messages["/hand_meshes"][index][1], messages["/frame_status"][index][1]
        back = scene_from_messages(hands, *rest, scene.camera)
        assert stamp == back.stamp_ns == scene.stamp_ns
        assert [h.track_id for h in back.hands] == [h.track_id for h in scene.hands]
        for got, want in zip(back.hands, scene.hands, strict=True):
            np.testing.assert_array_equal(got.vertices_camera, want.vertices_camera)
    np.testing.assert_array_equal(faces_from_message(messages["/mesh_topology"][0][1]), example_faces())
    assert [t.child_frame_id for t in messages["/tf"][0][1].transforms] == ["hand_left", "hand_right"]
    assert messages["/frame_status"][0][1].dropped_frames == 3


def test_the_mcap_project_reads_it(tmp_path: Path) -> None:
    mcap = pytest.importorskip("mcap.reader", reason="the extra [test] brings mcap")
    with write(tmp_path / "scene.mcap").open("rb") as stream:
        reader = mcap.make_reader(stream, validate_crcs=True)
        assert reader.get_header().profile == "ros2"
        summary = reader.get_summary()
        assert {c.topic: summary.schemas[c.schema_id].name for c in summary.channels.values()} == TOPICS
        assert {
            (s.encoding, c.message_encoding) for s in summary.schemas.values() for c in summary.channels.values()
        } == {("ros2msg", "cdr")}
        text = next(s.data.decode() for s in summary.schemas.values() if s.name.endswith("HandArray"))
        assert "MSG: hoi_perception/HandState" in text
        assert summary.statistics.message_count == 17
        times = [m.log_time for _, _, m in reader.iter_messages(topics=["/hands"])]
        assert times == [s.stamp_ns for s in SCENES]


def test_topology_is_latched(tmp_path: Path) -> None:
    with AnyReader([write(tmp_path / "scene.mcap")]) as reader:
        durability = {c.topic: c.ext.offered_qos_profiles[0].durability.name for c in reader.connections}
    assert durability.pop("/mesh_topology") == "TRANSIENT_LOCAL"
    assert set(durability.values()) == {"VOLATILE"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_nothing_is_left_of_an_interrupted_recording(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), open_scene_bag(tmp_path / "scene.mcap", FACES) as bag:
        bag.write(SCENES[0])
        raise error
    assert list(tmp_path.iterdir()) == []
