"""Publishing and receiving ROS messages through Cyclone DDS: what arrives, what is refused, what is left behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cyclonedds", reason="Cyclone DDS has no wheel for this Python: pip install cyclonedds")

from cyclonedds.core import DDSException, Entity
from cyclonedds.qos import Policy
from dds_node import MESSAGES, Log, open_node, own_domain, wait_for

from hoi_perception.ros import topics
from hoi_perception.ros.conversions import header_message, image_bgr, image_message, stamp_ns
from hoi_perception.ros.dds.domain import Domain
from hoi_perception.ros.dds.names import NodeSetupError
from hoi_perception.ros.dds.writer import Encoder
from hoi_perception.ros.topics import Durability, Reliability, Topic

IMAGE_HASH = "RIHS01_d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47"
"""Of sensor_msgs/msg/Image, from share/sensor_msgs/msg/Image.json of ROS 2 Jazzy."""
HEADER = Topic("header", "std_msgs/msg/Header", depth=10)
GRAPH = Topic("graph", "rmw_dds_common/msg/ParticipantEntitiesInfo", durability=Durability.TRANSIENT_LOCAL)


@pytest.fixture
def domain() -> Iterator[Domain]:
    with own_domain() as domain:
        yield domain


def header(stamp: int, frame_id: str = "camera") -> Any:
    return header_message(stamp, frame_id, MESSAGES)


@pytest.mark.parametrize("width", [64, 5, 6, 7])
def test_an_image_arrives_as_it_was(domain: Domain, width: int) -> None:
    sent = np.random.default_rng(0).integers(0, 256, (3, width, 3), dtype=np.uint8)
    received: list[Any] = []
    with open_node(domain, "camera") as camera, open_node(domain, "eye") as eye:
        eye.reader(topics.IMAGE, received.append)
        assert camera.writer(topics.IMAGE).publish(image_message(sent, 1_500_000_007, "optical", MESSAGES))
        wait_for(lambda: received, "the image")
    np.testing.assert_array_equal(image_bgr(received[0]), sent)
    assert (stamp_ns(received[0].header), received[0].header.frame_id) == (1_500_000_007, "optical")


def test_names_are_resolved(domain: Domain) -> None:
    received: list[Any] = []
    with open_node(domain, "camera", "rig") as camera, open_node(domain, "eye", "left", "image:=/rig/image") as eye:
        eye.reader(topics.IMAGE, received.append)
        eye.reader(topics.CAMERA_INFO, received.append)
        assert camera.writer(topics.IMAGE).subscribed == 1
        assert camera.writer(topics.CAMERA_INFO).subscribed == 0


@pytest.mark.parametrize("offered", Reliability)
@pytest.mark.parametrize("asked", Reliability)
def test_a_reliable_reader_takes_no_best_effort_writer(
    domain: Domain, offered: Reliability, asked: Reliability
) -> None:
    with open_node(domain) as node:
        node.reader(replace(HEADER, reliability=asked), lambda message: None)
        writer = node.writer(replace(HEADER, reliability=offered))
        assert writer.subscribed == (offered is Reliability.RELIABLE or asked is Reliability.BEST_EFFORT)


def test_who_comes_late_gets_the_latest_of_a_latched_topic(domain: Domain) -> None:
    latched = replace(HEADER, durability=Durability.TRANSIENT_LOCAL, depth=2)
    received: list[Any] = []
    with open_node(domain, "early") as early, open_node(domain, "late") as late:
        writer = early.writer(latched)
        for name in "123":
            writer.publish(header(0, name))
        late.reader(latched, received.append)
        wait_for(lambda: len(received) == 2, "the latched messages")
    assert [m.frame_id for m in received] == ["2", "3"]


def test_an_input_keeps_only_the_newest(domain: Domain) -> None:
    """While the callback is busy with one message, those that it misses are replaced, not queued."""
    received: list[str] = []
    entered, go_on = threading.Event(), threading.Event()

    def slow(message: Any) -> None:
        received.append(message.frame_id)
        entered.set()
        go_on.wait(30)

    with open_node(domain) as node:
        node.reader(replace(HEADER, depth=1), slow)
        writer = node.writer(HEADER)
        writer.publish(header(0, "first"))
        assert entered.wait(30)
        for number in range(50):
            writer.publish(header(0, str(number)))
        go_on.set()
        wait_for(lambda: len(received) == 2, "the newest")
        writer.publish(header(0, "last"))
        wait_for(lambda: len(received) == 3, "the last")
    assert received == ["first", "49", "last"]


def test_memory_that_is_used_again_holds_the_same_bytes() -> None:
    """Longer and shorter messages, with and without gaps between fields, as rosbags itself encodes them."""
    encoder = Encoder(MESSAGES, HEADER.type)
    for name in ("a", "camera_optical_frame", "", "eye"):
        wanted = MESSAGES.encode(header(7, name))
        assert bytes(encoder.encode(header(7, name)))[: len(wanted)] == wanted
        assert len(encoder.encode(header(7, name))) == len(wanted) + -len(wanted) % 4


@pytest.mark.parametrize("cut", [0, 3, 5, 20, 40])
def test_cut_off_bytes_are_not_sent(domain: Domain, cut: int) -> None:
    whole = MESSAGES.encode(image_message(np.zeros((4, 4, 3), np.uint8), 1, "camera", MESSAGES))
    with open_node(domain) as node:
        writer = node.writer(topics.IMAGE)
        with pytest.raises((DDSException, ValueError)):
            writer.publish_encoded(whole[:cut])
        assert writer.publish_encoded(whole)


def test_a_message_that_cannot_be_decoded_is_left_out(domain: Domain) -> None:
    """A text that is not UTF-8 passes Cyclone's check of the bytes."""
    received, log = [], Log()
    good = MESSAGES.encode(header(1, "camera"))
    with open_node(domain, log=log) as node:
        node.reader(HEADER, received.append)
        writer = node.writer(HEADER)
        writer.publish_encoded(good.replace(b"camera", b"\xff\xfe\xffera"))
        writer.publish_encoded(good)
        wait_for(lambda: received, "the good message")
    assert [m.frame_id for m in received] == ["camera"]
    assert [level for level, _ in log.lines] == ["warning"]
    assert "header: a message that cannot be decoded" in log.lines[0][1]


def test_an_exception_in_a_callback_is_told_and_the_next_message_comes(domain: Domain) -> None:
    received, log = [], Log()

    def callback(message: Any) -> None:
        if message.frame_id == "bad":
            raise RuntimeError("no such frame")
        received.append(message.frame_id)

    with open_node(domain, log=log) as node:
        node.reader(HEADER, callback)
        writer = node.writer(HEADER)
        for name in ("bad", "good"):
            writer.publish(header(1, name))
        wait_for(lambda: received, "the good message")
    assert received == ["good"]
    assert log.lines == [("error", "header: RuntimeError: no such frame")]


def test_ros_is_told_the_hash_of_the_type(domain: Domain) -> None:
    with open_node(domain) as node:
        reader, writer = node.reader(topics.IMAGE, lambda message: None), node.writer(topics.IMAGE)
        assert reader._reader is not None and writer._writer is not None
        for entity in (reader._reader, writer._writer):
            assert entity.get_qos()[Policy.Userdata].data == f"typehash={IMAGE_HASH};".encode()


def test_ros_is_told_the_endpoints_of_the_node(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[Any] = []
    with open_node(domain, "eye", "left") as eye, open_node(domain, "tool") as tool:
        reader, writer = eye.reader(topics.IMAGE, received.append), eye.writer(HEADER)
        monkeypatch.setattr("hoi_perception.ros.dds.participant.dds_topic", lambda name: "ros_discovery_info")
        graph: list[Any] = []
        tool.reader(GRAPH, graph.append)
        wait_for(lambda: [m for m in graph if m.node_entities_info_seq[0].node_name == "eye"], "the graph")
    told = next(m for m in graph if m.node_entities_info_seq[0].node_name == "eye")
    (node,) = told.node_entities_info_seq
    assert node.node_namespace == "/left"
    assert [bytes(g.data) for g in node.reader_gid_seq] == [reader.gid]
    assert [bytes(g.data) for g in node.writer_gid_seq] == [writer.gid]
    assert bytes(told.gid.data)[:12] == reader.gid[:12] == writer.gid[:12], "one participant, one prefix"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left_behind() -> None:
    threads, files = set(threading.enumerate()), open_files()
    entities = set(Entity._entities)
    with own_domain() as domain, open_node(domain) as node:
        node.reader(HEADER, lambda message: None)
        writer = node.writer(HEADER)
        writer.publish(header(1))
        assert open_files() > files
        node.close()
        assert writer.publish(header(2)) is False
        assert writer.subscribed == 0
        with pytest.raises(NodeSetupError, match="/probe is closed"):
            node.writer(HEADER)
    assert set(threading.enumerate()) == threads
    assert open_files() == files
    assert set(Entity._entities) == entities


def test_a_domain_is_opened_once(domain: Domain) -> None:
    with pytest.raises(NodeSetupError, match=f"domain {domain.number} is open already"):
        Domain(domain.number)


def test_between_processes(domain: Domain) -> None:
    """Through sockets, in fragments: five images of 2.7 MB, reliably."""
    reliable = replace(topics.IMAGE, reliability=Reliability.RELIABLE, depth=5)
    received: list[Any] = []
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import numpy as np\n"
        "from dataclasses import replace\n"
        "from dds_node import MESSAGES, open_node, wait_for\n"
        "from hoi_perception.ros import topics\n"
        "from hoi_perception.ros.conversions import image_message\n"
        "from hoi_perception.ros.dds.domain import Domain, Reach\n"
        "from hoi_perception.ros.topics import Reliability\n"
        "reliable = replace(topics.IMAGE, reliability=Reliability.RELIABLE, depth=5)\n"
        f"with Domain({domain.number}, Reach.LOCALHOST) as domain, open_node(domain) as node:\n"
        "    writer = node.writer(reliable)\n"
        "    wait_for(lambda: writer.subscribed, 'the reader')\n"
        "    for i in range(5):\n"
        "        assert writer.publish(image_message(np.full((720, 1280, 3), i, np.uint8), i, 'far', MESSAGES))\n"
        "    wait_for(lambda: not writer.subscribed, 'the end of the reader')\n"
    )
    with open_node(domain) as node:
        node.reader(reliable, received.append)
        other = subprocess.Popen([sys.executable, "-c", code])
        try:
            wait_for(lambda: len(received) == 5, "the images")
        finally:
            node.close()
            assert other.wait(30) == 0
    for i, message in enumerate(received):
        assert (image_bgr(message) == i).all() and message.width == 1280
