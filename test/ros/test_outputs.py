"""What is published for a result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from example_scenes import example_faces, example_hand, example_scene

from hoi_perception.config import NodeConfig
from hoi_perception.ros import topics
from hoi_perception.ros.health import LoadState, Trouble, WorkerStatus
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.outputs import Outputs
from hoi_perception.ros.topics import Topic
from hoi_perception.ros.worker import Result
from hoi_perception.types import Frame, Instrument, ScaleSource, Scene, Side, TrackState

MESSAGES = BagMessages()
PERIOD = 33_333_333
FACES = {side: example_faces() for side in Side}
ALWAYS = {"hands", "instruments", "contacts", "frame_status", "/tf"}


class Wire:
    """Keeps what is published; `listened` are the topics that somebody subscribes to."""

    def __init__(self, *listened: Topic, **settings: Any) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.listened = listened
        self.outputs = Outputs(
            MESSAGES,
            lambda topic, message: self.sent.append((topic.name, message)),
            lambda topic: topic in self.listened,
            NodeConfig(**settings),
            now_ns=lambda: 7_000_000_000,
            name="hoi",
        )

    def send(self, scene: Scene, told: Scene | None = None) -> None:
        image = np.full((48, 64, 3), 30, dtype=np.uint8)
        frame = Frame(image, scene.camera, scene.stamp_ns, scene.frame_id)
        self.outputs.send(Result(frame, scene, 3, 0, FACES), told)
        self.outputs.pictures.finish()

    def of(self, name: str) -> list[Any]:
        return [message for topic, message in self.sent if topic == name]

    @property
    def counts(self) -> Counter[str]:
        return Counter(name for name, _ in self.sent)


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.outputs.close()


def instrument(**changes: Any) -> Instrument:
    made = Instrument(
        name="scalpel 10",
        track_id=5,
        state=TrackState.TRACKED,
        score=0.9,
        R_camera_instrument=np.eye(3),
        t_camera_instrument=np.array([0.1, 0.2, 0.5]),
        covariance=np.eye(6) * 1e-4,
        scale_source=ScaleSource.INSTRUMENT,
        joint_names=("jaw",),
        joint_positions=np.array([0.3]),
        covariance_joints=np.eye(1),
    )
    return replace(made, **changes)


def test_what_is_always_published_and_nothing_else(wire: Wire) -> None:
    wire.send(example_scene(example_hand()))
    assert set(wire.counts) == ALWAYS | {"mesh_topology"}
    (hands,), (status,) = wire.of("hands"), wire.of("frame_status")
    assert (len(hands.hands), status.dropped_frames) == (1, 3)
    assert hands.header.stamp.sec == 12


def test_where_nothing_is_seen_arrays_are_empty_and_no_frame_is_told(wire: Wire) -> None:
    wire.send(example_scene())
    assert set(wire.counts) == ALWAYS - {"/tf"} | {"mesh_topology"}
    assert wire.of("hands")[0].hands == []
    assert wire.of("instruments")[0].instruments == []
    assert len(wire.of("contacts")[0].zones) == 0


def test_a_lost_hand_and_one_that_is_not_finite_are_published_nowhere(wire: Wire) -> None:
    wire.listened = tuple(t for t in topics.OUTPUTS if t is not topics.DETECTIONS_3D)
    broken = example_hand(Side.LEFT, 1, joints_camera=np.full((21, 3), np.nan))
    wire.send(example_scene(example_hand(state=TrackState.LOST), broken))
    assert wire.of("hands")[0].hands == []
    assert wire.of("hand_meshes")[0].meshes == []
    assert wire.of("scene")[0].hands == []
    assert wire.of("markers")[0].markers == []
    assert not wire.of("/tf")


def test_topology_comes_with_the_first_result_and_when_it_is_asked_for(wire: Wire) -> None:
    wire.outputs.send_latched()
    assert wire.sent == []
    wire.send(example_scene())
    wire.send(example_scene())
    assert [m.topology_id for m in wire.of("mesh_topology")] == ["hand_left", "hand_right"]
    wire.outputs.send_latched()
    assert wire.counts["mesh_topology"] == 4


def test_what_is_only_made_when_somebody_listens(wire: Wire) -> None:
    wire.listened = (topics.HAND_MESHES, topics.SCENE)
    wire.send(example_scene(example_hand()))
    assert (wire.counts["hand_meshes"], wire.counts["scene"], wire.counts["markers"]) == (1, 1, 0)
    assert wire.of("scene")[0].status.dropped_frames == 3


def test_markers_and_overlay_keep_to_their_rates(wire: Wire) -> None:
    wire.listened = (topics.MARKERS, topics.OVERLAY)
    for i in range(30):
        wire.send(example_scene(example_hand(), stamp_ns=10**9 + i * PERIOD))
    assert (wire.counts["hands"], wire.counts["markers"], wire.counts["overlay"]) == (30, 10, 15)
    wire.outputs.configure(NodeConfig(markers_rate_hz=120.0))
    for i in range(30, 40):
        wire.send(example_scene(example_hand(), stamp_ns=10**9 + i * PERIOD))
    assert wire.counts["markers"] == pytest.approx(20, abs=1)


def test_a_marker_of_a_hand_that_is_gone_is_deleted(wire: Wire) -> None:
    wire.listened = (topics.MARKERS,)
    wire.send(example_scene(example_hand(), stamp_ns=10**9))
    wire.send(example_scene(stamp_ns=2 * 10**9))
    first, second = wire.of("markers")
    assert [m.action for m in first.markers] == [0]
    assert [(m.action, m.ns, m.id) for m in second.markers] == [(2, "hands", 3)]


def test_the_overlay_is_the_image_with_hands_drawn_scaled_down_to_its_rows(wire: Wire) -> None:
    wire.listened = (topics.OVERLAY,)
    wire.send(example_scene(example_hand()))
    (drawn,) = wire.of("overlay")
    assert (drawn.width, drawn.height, drawn.encoding, drawn.header.frame_id) == (64, 48, "bgr8", "camera_optical")
    assert (np.asarray(drawn.data) != 30).any()


def test_pictures_of_high_images_are_scaled_down() -> None:
    wire = Wire(topics.OVERLAY, overlay_rows=64)
    scene = example_scene()
    camera = replace(scene.camera, width=200, height=128)
    frame = Frame(np.zeros((128, 200, 3), dtype=np.uint8), camera, 0)
    wire.outputs.send(Result(frame, replace(scene, camera=camera), 0, 0, FACES))
    wire.outputs.pictures.finish()
    assert [(m.width, m.height) for m in wire.of("overlay")] == [(100, 64)]
    wire.outputs.close()


def test_an_overlay_that_fails_harms_no_result_and_is_told(wire: Wire) -> None:
    wire.listened = (topics.OVERLAY,)
    wire.outputs.configure(NodeConfig(device="cuda:99"))
    wire.send(example_scene(example_hand()))
    assert wire.counts["hands"] == 1
    wire.outputs.send_diagnostics(None)
    (status,) = wire.of("/diagnostics")[0].status
    assert "the node is not configured; markers or overlay: " in status.message


def test_frames_of_tips_and_prefix_follow_the_settings() -> None:
    wire = Wire(frame_prefix="left_camera/")
    wire.send(example_scene(example_hand()))
    names = [t.child_frame_id for t in wire.of("/tf")[0].transforms]
    assert names[0] == "left_camera/hand_right"
    assert len(names) == 6
    wire.outputs.configure(NodeConfig(publish_tips=False))
    wire.send(example_scene(example_hand()))
    assert [t.child_frame_id for t in wire.of("/tf")[1].transforms] == ["hand_right"]
    wire.outputs.configure(NodeConfig(publish_tf=False))
    wire.send(example_scene(example_hand()))
    assert wire.counts["/tf"] == 2


def test_an_instrument_has_topics_of_its_own(wire: Wire) -> None:
    scene = replace(example_scene(), instruments=(instrument(), instrument(track_id=6)))
    wire.send(scene)
    assert {name for name in wire.counts if name.startswith("instrument_")} == {
        "instrument_scalpel_10/measured_cp",
        "instrument_scalpel_10/measured_js",
        "instrument_scalpel_10_2/measured_cp",
        "instrument_scalpel_10_2/measured_js",
    }
    assert list(wire.of("instrument_scalpel_10/measured_js")[0].position) == [0.3]


def test_a_scene_in_another_frame_is_told_and_the_overlay_stays_with_the_image(wire: Wire) -> None:
    wire.listened = (topics.OVERLAY,)
    scene = example_scene(example_hand())
    wire.send(scene, replace(scene, frame_id="base_link"))
    assert wire.of("hands")[0].header.frame_id == "base_link"
    assert wire.of("overlay")[0].header.frame_id == "camera_optical"


def test_diagnostics_name_the_reason_and_the_figures(wire: Wire) -> None:
    text = "the camera is silent: no image for 3 s"
    status = WorkerStatus(LoadState.READY, "", True, True, Trouble.SILENT, text, warnings=("no depth",), rate_hz=29.97)
    wire.outputs.send_diagnostics(status, ["no setting 'a'"])
    (message,) = wire.of("/diagnostics")
    (told,) = message.status
    assert (told.level, told.name, told.message) == (2, "hoi", f"{text}; no depth; no setting 'a'")
    values = {v.key: v.value for v in told.values}
    assert (values["reason for not tracking"], values["rate (Hz)"], values["images dropped"]) == (text, "29.97", "0")
    assert message.header.stamp.sec == 7


def test_diagnostics_while_all_is_well(wire: Wire) -> None:
    status = WorkerStatus(LoadState.READY, "", True, True, Trouble.NONE, "", hands=("right 3 tracked",))
    wire.outputs.send_diagnostics(status)
    (told,) = wire.of("/diagnostics")[0].status
    assert (told.level, told.message) == (0, "tracking: right 3 tracked")


def test_every_message_can_be_encoded(wire: Wire) -> None:
    wire.listened = tuple(t for t in topics.OUTPUTS if t is not topics.DETECTIONS_3D)
    wire.send(replace(example_scene(example_hand(), example_hand(Side.LEFT, 1)), instruments=(instrument(),)))
    wire.outputs.send_diagnostics(None)
    assert len(wire.sent) >= 13
    for _, message in wire.sent:
        assert MESSAGES.encode(message)
