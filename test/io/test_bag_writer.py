"""The recording of results, read by rosbags and by the MCAP project's own reader."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_scenes import example_contacts, example_faces, example_hand, example_instrument, example_scene
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from hoi_perception.io.bag_writer import TOPICS, open_scene_bag, topic_names
from hoi_perception.ros import topics
from hoi_perception.ros.conversions import faces_from_message, scene_from_message, scene_from_messages
from hoi_perception.types import Side

TYPES = {name: topic.type for topic, name in topic_names({}).items()}
FACES = {side: example_faces() for side in Side}
SCENES = [
    example_scene(example_hand(Side.LEFT, 1), example_hand(Side.RIGHT, 2), stamp_ns=1_000_000_000, births=2),
    example_scene(stamp_ns=1_040_000_000),
    example_scene(
        example_hand(Side.RIGHT, 2),
        stamp_ns=1_080_000_000,
        instruments=(example_instrument(),),
        contacts=(example_contacts(2, 11),),
    ),
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
    messages: dict[str, list[tuple[int, object]]] = {topic: [] for topic in TYPES}
    with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
        for connection, stamp, data in reader.messages():
            messages[connection.topic].append((stamp, reader.deserialize(data, connection.msgtype)))
    assert {topic: len(rows) for topic, rows in messages.items()} == {**dict.fromkeys(TYPES, 3), "/mesh_topology": 2}
    for index, scene in enumerate(SCENES):
        stamp, hands = messages["/hands"][index]
        rest = messages["/hand_meshes"][index][1], messages["/frame_status"][index][1]
        back = scene_from_messages(hands, *rest, scene.camera)
        assert stamp == back.stamp_ns == scene.stamp_ns
        assert [h.track_id for h in back.hands] == [h.track_id for h in scene.hands]
        for got, want in zip(back.hands, scene.hands, strict=True):
            np.testing.assert_array_equal(got.vertices_camera, want.vertices_camera)
        whole = scene_from_message(messages["/scene"][index][1], scene.camera, rest[0])
        assert [i.name for i in whole.instruments] == [i.name for i in scene.instruments]
        assert [c.instrument_track_id for c in whole.contacts] == [c.instrument_track_id for c in scene.contacts]
        np.testing.assert_array_equal([h.vertices_camera for h in whole.hands], [h.vertices_camera for h in back.hands])
    np.testing.assert_array_equal(faces_from_message(messages["/mesh_topology"][0][1]), example_faces())
    frames = [[t.child_frame_id for t in message.transforms] for _, message in messages["/tf"]]
    assert [name for name in frames[0] if "tip" not in name] == ["hand_left", "hand_right"]
    assert "hand_left_thumb_tip" in frames[0]
    assert frames[1] == []
    assert messages["/frame_status"][0][1].dropped_frames == 3


def test_the_mcap_project_reads_it(tmp_path: Path) -> None:
    mcap = pytest.importorskip("mcap.reader", reason="the extra [test] brings mcap")
    with write(tmp_path / "scene.mcap").open("rb") as stream:
        reader = mcap.make_reader(stream, validate_crcs=True)
        assert reader.get_header().profile == "ros2"
        summary = reader.get_summary()
        assert {c.topic: summary.schemas[c.schema_id].name for c in summary.channels.values()} == TYPES
        assert {
            (s.encoding, c.message_encoding) for s in summary.schemas.values() for c in summary.channels.values()
        } == {("ros2msg", "cdr")}
        text = next(s.data.decode() for s in summary.schemas.values() if s.name.endswith("HandArray"))
        assert "MSG: hoi_perception/HandState" in text
        assert summary.statistics.message_count == 3 * 8 + 2
        times = [m.log_time for _, _, m in reader.iter_messages(topics=["/hands"])]
        assert times == [s.stamp_ns for s in SCENES]


def test_numbers_of_frames_stay_from_scene_to_scene(tmp_path: Path) -> None:
    """The second left hand keeps its number when the first is gone, and when it is itself left out for once."""
    second = example_hand(Side.LEFT, 2)
    broken = replace(second, joints_camera=np.full((21, 3), np.nan))
    hands = [(example_hand(Side.LEFT, 1), second), (broken,), (second,)]
    with open_scene_bag(tmp_path / "scene.mcap", FACES) as bag:
        for stamp, seen in enumerate(hands, start=1):
            bag.write(example_scene(*seen, stamp_ns=stamp))
    with AnyReader([tmp_path / "scene.mcap"]) as reader:
        tf = [reader.deserialize(d, c.msgtype) for c, _, d in reader.messages() if c.topic == "/tf"]
    assert tf[1].transforms == []
    assert tf[2].transforms[0].child_frame_id == "hand_left_2"


def test_a_scene_is_received_when_its_image_was(tmp_path: Path) -> None:
    with open_scene_bag(tmp_path / "scene.mcap", FACES) as bag:
        bag.write(SCENES[0], received_ns=9_000_000_000)
    with AnyReader([tmp_path / "scene.mcap"]) as reader:
        rows = [(t, c, reader.deserialize(d, c.msgtype)) for c, t, d in reader.messages()]
    assert {t for t, _, _ in rows} == {9_000_000_000}
    assert next(m for _, c, m in rows if c.topic == "/hands").header.stamp.sec == 1


@pytest.mark.parametrize(
    ("taken", "renamed"),
    [
        ({"/eye/image": "sensor_msgs/msg/Image", "/tf": "tf2_msgs/msg/TFMessage"}, {}),
        ({"/camera_info": "sensor_msgs/msg/CameraInfo"}, {"camera_info": "/hoi_perception/camera_info"}),
        ({"/tf": "std_msgs/msg/String"}, {"/tf": "/hoi_perception/tf"}),
        (
            {"/camera_info": "sensor_msgs/msg/CameraInfo", "/hoi_perception/x": "std_msgs/msg/String"},
            {"camera_info": "/hoi_perception_2/camera_info"},
        ),
    ],
)
def test_names_beside_those_of_a_recording(taken: dict[str, str], renamed: dict[str, str]) -> None:
    usual = topic_names({})
    assert {topic.name: name for topic, name in topic_names(taken).items() if name != usual[topic]} == renamed


def test_after_an_earlier_run_all_names_are_new() -> None:
    again = topic_names({"/hands": topics.HANDS.type})
    assert set(again.values()) == {f"/hoi_perception{name}" for name in TYPES}
    third = topic_names({"/hands": topics.HANDS.type, **{name: topic.type for topic, name in again.items()}})
    assert set(third.values()) == {f"/hoi_perception_2{name}" for name in TYPES}
    assert third.keys() == set(TOPICS)


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
