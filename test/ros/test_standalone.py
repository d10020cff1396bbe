"""The node without ROS, through DDS: what it publishes, what it says of bad input, and that it goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("cyclonedds", reason="Cyclone DDS has no wheel for this Python: pip install cyclonedds")

from dds_node import MESSAGES, Log, open_node, own_domain, wait_for
from tf_messages import tf_message
from worker_bench import Pipeline, compressed_message, example_camera, image_message, info_message, plane_message

from hoi_perception.config import NodeConfig
from hoi_perception.ros import standalone, topics
from hoi_perception.ros.conversions import image_bgr, stamp_ns
from hoi_perception.ros.dds.domain import Domain
from hoi_perception.ros.dds.names import NodeSetupError
from hoi_perception.ros.dds.participant import Participant
from hoi_perception.ros.dds.writer import Writer
from hoi_perception.ros.standalone import StandaloneNode
from hoi_perception.ros.topics import Topic
from hoi_perception.types import Frame, TrackState

START_NS = 1_700_000_000_000_000_000


@dataclass
class Bench:
    """A camera that a test speaks for, and a running node whose topics it collects."""

    domain: Domain
    camera: Participant
    node: StandaloneNode
    pipeline: Pipeline
    log: Log
    collected: dict[str, list[Any]] = field(default_factory=dict)
    writers: dict[str, Writer] = field(default_factory=dict)
    stamp: int = 0

    def collect(self, *wanted: Topic) -> None:
        for topic in wanted:
            messages = self.collected.setdefault(topic.name, [])
            self.camera.reader(replace(topic, depth=50), messages.append)

    def send(self, topic: Topic, message: Any) -> None:
        if topic.name not in self.writers:
            self.writers[topic.name] = self.camera.writer(topic)
        self.writers[topic.name].publish(message)

    def tick(self) -> int:
        """The stamp of the next image: now."""
        self.stamp = max(self.stamp + 1, time.time_ns())
        return self.stamp

    def good_image(self, **fields: Any) -> int:
        stamp = self.tick()
        self.send(topics.CAMERA_INFO, info_message(stamp))
        self.send(topics.IMAGE, image_message(stamp, **fields))
        return stamp

    def hands_of(self, stamp: int) -> Any:
        """The HandArray of an image."""
        arrays = self.collected[topics.HANDS.name]
        return wait_for(lambda: [m for m in arrays if stamp_ns(m.header) == stamp], f"hands of {stamp}")[0]

    def diagnostic(self, text: str) -> Any:
        """The first diagnostic from now on that says so."""
        arrays = self.collected[topics.DIAGNOSTICS.name]
        arrays.clear()

        def found() -> list[Any]:
            return [s for array in list(arrays) for s in array.status if text in s.message]

        try:
            return wait_for(found, text)[0]
        except AssertionError:
            raise AssertionError(f"'{text}' not in {sorted({s.message for a in arrays for s in a.status})}") from None


@contextmanager
def running(
    monkeypatch: pytest.MonkeyPatch,
    *remaps: str,
    namespace: str = "",
    frames: Callable[[threading.Event], Iterator[Frame]] | None = None,
    **settings: Any,
) -> Iterator[Bench]:
    monkeypatch.setattr(standalone, "DIAGNOSTICS_PERIOD_S", 0.05)
    pipeline, log, stop = Pipeline(), Log(), threading.Event()
    with (
        own_domain() as domain,
        open_node(domain, "camera") as camera,
        open_node(domain, "hoi_perception", namespace, *remaps, log=log) as participant,
        StandaloneNode(
            participant,
            NodeConfig(**{"silence_s": 60.0, **settings}),
            MESSAGES,
            frames,
            load=lambda _: pipeline,
            log=log,
        ) as node,
    ):
        bench = Bench(domain, camera, node, pipeline, log)
        bench.collect(topics.HANDS, topics.DIAGNOSTICS)
        thread = threading.Thread(target=node.run, args=(stop,))
        thread.start()
        try:
            if frames is None:
                bench.diagnostic("no image yet")
            yield bench
        finally:
            pipeline.gate.set()
            stop.set()
            thread.join()


def test_an_image_becomes_hands_meshes_and_tf(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (topics.HAND_MESHES, topics.TF, topics.FRAME_STATUS, topics.SCENE, topics.INSTRUMENTS, topics.CONTACTS)
    with running(monkeypatch) as bench:
        bench.collect(*wanted)
        stamp = bench.good_image()
        hands = bench.hands_of(stamp)
        for topic in wanted:
            wait_for(lambda topic=topic: bench.collected[topic.name], topic.name)
        bench.collect(topics.MESH_TOPOLOGY)  # who comes late
        wait_for(lambda: len(bench.collected["mesh_topology"]) == 2, "the faces of both hands")
    assert (hands.header.frame_id, hands.camera_assumption) == ("cam", "")
    assert [(h.side, h.track_id) for h in hands.hands] == [(0, 1), (1, 2)]
    np.testing.assert_allclose(hands.hands[0].joints, np.float32(bench.pipeline.hands[0].joints_camera.reshape(-1)))
    (meshes,) = bench.collected["hand_meshes"]
    np.testing.assert_array_equal(meshes.meshes[1].vertices, bench.pipeline.hands[1].vertices_camera.reshape(-1))
    frames = {t.child_frame_id for t in bench.collected["/tf"][0].transforms}
    assert {"hand_left", "hand_right"} <= frames
    assert all(stamp_ns(bench.collected[t.name][0].header) == stamp for t in (topics.SCENE, topics.FRAME_STATUS))


def test_an_instrument_is_described_to_who_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    description = topics.instrument_description("kelly_haemostat")
    with running(monkeypatch, instruments="kelly_haemostat") as bench:
        bench.collect(description, topics.TF)
        (message,) = wait_for(lambda: bench.collected[description.name], "the URDF")
        (tf, *_) = wait_for(lambda: bench.collected["/tf"], "TF of its links at rest")
    assert message.data.startswith("<?xml") and '<link name="instrument_kelly_haemostat_jaw_left">' in message.data
    assert {t.child_frame_id for t in tf.transforms} == {
        f"instrument_kelly_haemostat_jaw_{s}" for s in ("left", "right")
    }


def test_an_instrument_that_is_not_there_is_refused() -> None:
    with own_domain() as domain, open_node(domain, "hoi_perception") as participant:
        config = NodeConfig(instruments="no_such_thing")
        with pytest.raises(NodeSetupError, match="no instrument called 'no_such_thing'"):
            StandaloneNode(participant, config, MESSAGES, load=lambda _: Pipeline())


def test_names_and_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch, "image:=/image", "camera_info:=/camera_info", "hands:=/hands", namespace="left") as bench:
        stamp = bench.good_image()
        assert len(bench.hands_of(stamp).hands) == 2
        told = bench.diagnostic("tracking")
        assert told.name == "left/hoi_perception"


def test_an_array_with_nothing_seen_is_published_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch) as bench:
        bench.pipeline.hands = ()
        assert bench.hands_of(bench.good_image()).hands == []
        assert bench.diagnostic("no hand in view").level == 0


def test_what_nobody_subscribes_to_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    publish = Writer.publish
    monkeypatch.setattr(Writer, "publish", lambda self, m: made.append(self.topic.name) or publish(self, m))
    with running(monkeypatch) as bench:
        bench.hands_of(bench.good_image())
        bench.diagnostic("tracking")
    assert {"hand_meshes", "scene", "markers", "overlay", "detections_3d"}.isdisjoint(made)
    assert {"hands", "frame_status"} <= set(made)


def test_jpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch, "image:=/eye/image_raw", image_transport="compressed") as bench:
        stamp = bench.tick()
        jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
        compressed = replace(topics.COMPRESSED_IMAGE, name="/eye/image_raw/compressed")
        bench.send(topics.CAMERA_INFO, info_message(stamp))
        bench.send(compressed, compressed_message(stamp, jpeg))
        assert len(bench.hands_of(stamp).hands) == 2
        bad = bench.tick()
        bench.send(topics.CAMERA_INFO, info_message(bad))
        bench.send(compressed, compressed_message(bad, jpeg[:20]))
        assert "cannot be decoded" in bench.diagnostic("image refused").message
        stamp = bench.tick()
        bench.send(topics.CAMERA_INFO, info_message(stamp))
        bench.send(compressed, compressed_message(stamp, jpeg))
        assert len(bench.hands_of(stamp).hands) == 2


def zero_size() -> dict[str, Any]:
    return {"height": 0, "width": 0, "step": 0, "data": np.zeros(0, np.uint8)}


@pytest.mark.parametrize(
    ("image", "info", "reason"),
    [
        ({}, None, "no camera_info"),
        ({}, {"camera": example_camera(32, 24)}, "32x24"),
        ({}, {"frame_id": "other"}, "camera_info is of frame 'other', the image of 'cam'"),
        ({"encoding": "bgr12"}, {}, "image encoding 'bgr12' is not supported"),
        ({"data": np.zeros(100, np.uint8)}, {}, "got 100"),
        (zero_size(), {}, "image of 0x0 pixels is empty"),
    ],
    ids=["no camera_info", "other size", "other frame", "unknown encoding", "too few bytes", "zero size"],
)
def test_bad_images_are_told_and_the_next_good_one_works(
    monkeypatch: pytest.MonkeyPatch, image: dict[str, Any], info: dict[str, Any] | None, reason: str
) -> None:
    with running(monkeypatch) as bench:
        stamp = bench.tick()
        if info is not None:
            bench.send(topics.CAMERA_INFO, info_message(stamp, **info))
        bench.send(topics.IMAGE, image_message(stamp, **image))
        told = bench.diagnostic(reason)
        assert told.level == 2
        assert "\n" not in told.message
        assert len(bench.hands_of(bench.good_image()).hands) == 2
        assert bench.diagnostic("tracking").level == 0
        assert [stamp_ns(m.header) for m in bench.collected["hands"]] == [bench.stamp]


def test_a_depth_image_of_nothing_but_nan_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch, use_depth=True, max_wait_s=1.0) as bench:
        stamp = bench.tick()
        depth = np.full((48, 64), np.nan, np.float32)
        bench.send(topics.DEPTH, plane_message(depth, "32FC1", stamp))
        bench.send(topics.CAMERA_INFO, info_message(stamp))
        bench.send(topics.IMAGE, image_message(stamp))
        assert len(bench.hands_of(stamp).hands) == 2
        got = bench.pipeline.seen[-1].depth_m
        assert got is None or np.isnan(got).all()
        assert all(np.isfinite(h.joints).all() for h in bench.hands_of(stamp).hands)


def test_a_stamp_of_zero_is_told_and_the_time_of_arrival_stands_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch) as bench:
        bench.send(topics.CAMERA_INFO, info_message(0))
        bench.send(topics.IMAGE, image_message(0))
        assert bench.diagnostic("image stamps are zero").level == 1
        assert stamp_ns(bench.collected["hands"][0].header) > START_NS, "now, not 1970"


def test_a_camera_that_stops_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch, silence_s=0.1) as bench:
        bench.hands_of(bench.good_image())
        assert bench.diagnostic("the camera is silent").level == 2
        assert len(bench.hands_of(bench.good_image()).hands) == 2


def test_two_publishers_on_one_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cameras that take turns; when one leaves, all is well again."""
    with running(monkeypatch) as bench, open_node(bench.domain, "second") as second:
        other = second.writer(topics.IMAGE)

        def both_until(text: str) -> Any:
            while not (
                found := [s for a in list(bench.collected["/diagnostics"]) for s in a.status if text in s.message]
            ):
                received = bench.node.worker.status().counters.received
                bench.good_image()
                wait_for(lambda n=received: bench.node.worker.status().counters.received > n, "the first camera")
                if not gone:
                    other.publish(image_message(bench.tick(), frame_id="second"))
                    wait_for(lambda n=received: bench.node.worker.status().counters.received > n + 1, "the second")
            return found[0]

        gone = False
        assert both_until("publishers").level == 2
        assert {h.state for h in bench.hands_of(bench.good_image()).hands} == {TrackState.INITIALISING}
        gone = True
        other.close()
        bench.collected["/diagnostics"].clear()
        assert both_until("tracking").level == 0
        assert {h.state for h in bench.hands_of(bench.good_image()).hands} == {TrackState.TRACKED}


def test_two_publishers_that_look_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same frame id, same clock: only DDS tells that there are two."""
    with running(monkeypatch) as bench, open_node(bench.domain, "second") as second:
        bench.hands_of(bench.good_image())
        other = second.writer(topics.IMAGE)
        assert bench.diagnostic("the image topic has 2 publishers: give each camera its own topic").level == 2
        assert {h.state for h in bench.hands_of(bench.good_image()).hands} == {TrackState.INITIALISING}
        other.close()
        wait_for(lambda: bench.node.worker.status().reason == "", "the end of it")
        assert {h.state for h in bench.hands_of(bench.good_image()).hands} == {TrackState.TRACKED}


def test_a_camera_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch) as bench:
        stamp = bench.good_image()
        for received in range(1, 5):
            wait_for(lambda n=received: bench.node.worker.status().counters.received >= n, "the image")
            bench.send(topics.IMAGE, image_message(stamp))
        assert bench.diagnostic("the camera sends one image again and again").level == 2
        assert len(bench.hands_of(bench.good_image()).hands) == 2
        assert [stamp_ns(m.header) for m in bench.collected["hands"]] == [stamp, bench.stamp]


def test_a_clock_that_is_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch) as bench:
        stamp = bench.tick() + 60_000_000_000
        bench.send(topics.CAMERA_INFO, info_message(stamp))
        bench.send(topics.IMAGE, image_message(stamp))
        told = bench.diagnostic("ahead of the node's clock: synchronise the clocks, or set use_sim_time")
        assert told.level == 2
        assert bench.collected["hands"] == []
        assert len(bench.hands_of(bench.good_image()).hands) == 2


def test_an_exception_in_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch) as bench:
        bench.pipeline.failures.append(ZeroDivisionError("division by zero"))
        bench.good_image()
        told = bench.diagnostic("exception in the pipeline: ZeroDivisionError: division by zero")
        assert told.level == 2
        assert ("error", told.message) in bench.log.lines
        assert len(bench.hands_of(bench.good_image()).hands) == 2


def test_garbled_bytes_on_a_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch) as bench:
        data = MESSAGES.encode(image_message(bench.tick()))
        bench.send(topics.CAMERA_INFO, info_message(bench.stamp))
        bench.writers["image"] = bench.camera.writer(topics.IMAGE)
        bench.writers["image"].publish_encoded(data.replace(b"bgr8", b"\xff\xfe\xfd\xfc"))
        wait_for(lambda: [text for _, text in bench.log.lines if "cannot be decoded" in text], "a line in the log")
        assert len(bench.hands_of(bench.good_image()).hands) == 2


def test_a_model_that_is_not_there_ends_the_node() -> None:
    def load(_: NodeConfig) -> Pipeline:
        raise FileNotFoundError(2, "No such file or directory", "hand.npz")

    with (
        own_domain() as domain,
        open_node(domain) as participant,
        StandaloneNode(participant, NodeConfig(), MESSAGES, load=load) as node,
        pytest.raises(NodeSetupError, match=r"hand\.npz"),
    ):
        node.run(threading.Event())


def test_target_frame_needs_ros() -> None:
    with (
        own_domain() as domain,
        open_node(domain) as participant,
        pytest.raises(NodeSetupError, match="target_frame needs TF"),
    ):
        StandaloneNode(participant, NodeConfig(target_frame="world"), MESSAGES)


def test_where_a_robot_has_its_tool_goes_with_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base knows the camera from the start, the tool moves by 1 m/s; one image after that of the last pose."""
    settings: dict[str, Any] = {"instrument_frames": "needle_holder=tool0_tip", "max_wait_s": 1.0}
    with running(monkeypatch, **settings) as bench:
        bench.pipeline.wanted = {3: "needle_holder"}
        bench.send(topics.TF_STATIC, tf_message(0, "base", "cam", (0.0, 0.0, -1.0)))
        bench.writers["/tf"] = bench.camera.writer(topics.TF)
        wait_for(lambda: bench.writers["/tf"].subscribed, "the node to hear TF")
        stamp = bench.tick()
        for off_ns, x in ((-20_000_000, -0.02), (20_000_000, 0.02)):
            bench.send(topics.TF, tf_message(stamp + off_ns, "base", "tool0_tip", (x, 0.1, -0.6), 90.0))
        bench.send(topics.CAMERA_INFO, info_message(stamp))
        bench.send(topics.IMAGE, image_message(stamp))
        bench.hands_of(stamp)
        (pose,) = bench.pipeline.seen[-1].poses
        assert (pose.track_id, pose.source) == (3, "TF tool0_tip")
        np.testing.assert_allclose(pose.t_camera_instrument, [0.0, 0.1, 0.4], atol=1e-9)
        np.testing.assert_allclose(pose.R_camera_instrument @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-12)
        wait_for(lambda: time.time_ns() > stamp + 40_000_000, "a time of which TF has said nothing")
        bench.good_image()
        told = bench.diagnostic("no pose of needle_holder from TF: the latest that TF says of 'tool0_tip' in 'cam' is")
        assert told.level == 1 and bench.pipeline.seen[-1].poses == ()


def test_images_of_a_further_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    image, info = (topics.further_camera("eye", topic) for topic in (topics.IMAGE, topics.CAMERA_INFO))
    with running(monkeypatch, further_cameras="eye", max_wait_s=1.0) as bench:
        bench.send(topics.TF_STATIC, tf_message(0, "cam", "eye_optical", (0.0, 0.06, 0.0)))
        for topic in (image, info):
            bench.writers[topic.name] = bench.camera.writer(topic)
            wait_for(lambda name=topic.name: bench.writers[name].subscribed, "the node to subscribe")
        stamp = bench.good_image()
        bench.send(info, info_message(stamp, frame_id="eye_optical"))
        bench.send(image, image_message(stamp + 2_000_000, frame_id="eye_optical"))
        bench.hands_of(stamp)
        (view,) = bench.pipeline.seen[-1].further
        np.testing.assert_allclose(view.placed.t_own_first, [0.0, -0.06, 0.0])
        late = bench.good_image()
        assert bench.diagnostic("camera 'eye': its nearest image is").level == 1
        bench.hands_of(late)
        assert bench.pipeline.seen[-1].further == ()


def test_a_source_of_its_own_has_no_further_cameras() -> None:
    with own_domain() as domain, open_node(domain) as participant, pytest.raises(NodeSetupError, match="are topics"):
        StandaloneNode(participant, NodeConfig(further_cameras="eye"), MESSAGES, own_frames)


def own_frames(stop: threading.Event) -> Iterator[Frame]:
    """An endless source."""
    for number in range(1_000_000):
        if stop.wait(0.01):
            return
        image = np.full((48, 64, 3), number % 256, np.uint8)
        yield Frame(image, example_camera(), START_NS + number, "eye")


def test_a_source_of_its_own_shows_its_pictures_to_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch, frames=own_frames) as bench:
        wait_for(lambda: bench.collected["hands"], "hands")
        bench.collect(topics.CAMERA_INFO, replace(topics.IMAGE, reliability=topics.Reliability.RELIABLE))
        image = wait_for(lambda: bench.collected["image"], "an image")[0]
        info = wait_for(lambda: bench.collected["camera_info"], "a camera_info")[0]
    assert image.header.frame_id == info.header.frame_id == bench.collected["hands"][0].header.frame_id == "eye"
    assert (image_bgr(image) == (stamp_ns(image.header) - START_NS) % 256).all()
    np.testing.assert_allclose(info.k, example_camera().K.reshape(-1))


@pytest.mark.parametrize("failure", ["", "the camera stopped"])
def test_it_ends_with_its_source_or_tells_why(monkeypatch: pytest.MonkeyPatch, failure: str) -> None:
    monkeypatch.setattr(standalone, "DIAGNOSTICS_PERIOD_S", 0.05)
    pipeline = Pipeline()

    def three(_: threading.Event) -> Iterator[Frame]:
        for number in range(3):
            yield Frame(np.zeros((48, 64, 3), np.uint8), example_camera(), START_NS + number, "eye")
        if failure:
            wait_for(lambda: pipeline.seen, "the first frame")
            raise OSError(failure)

    told = pytest.raises(NodeSetupError, match=failure) if failure else nullcontext()
    with (
        own_domain() as domain,
        open_node(domain) as participant,
        StandaloneNode(participant, NodeConfig(), MESSAGES, three, load=lambda _: pipeline) as node,
        told,
    ):
        node.run(threading.Event())
    assert failure or pipeline.seen[-1].stamp_ns == START_NS + 2, "the last frame too"


def test_a_subscriber_that_does_not_keep_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch) as bench:
        bench.node._writers["hands"].lost += 3
        assert bench.diagnostic("3 messages given up: a subscriber does not keep up").level == 1


def test_closing_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    with running(monkeypatch) as bench:
        bench.hands_of(bench.good_image())
        bench.send(topics.IMAGE, image_message(bench.tick()))
    assert set(threading.enumerate()) == before
