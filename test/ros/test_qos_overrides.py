"""Qualities of service from a parameter file: how they are written, which are refused, and what they do on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cyclonedds", reason="Cyclone DDS has no wheel for this Python: pip install cyclonedds")

from dds_node import MESSAGES, Log, open_node, own_domain, wait_for
from worker_bench import Pipeline

from hoi_perception.config import NodeConfig
from hoi_perception.ros import topics
from hoi_perception.ros.dds.domain import Domain
from hoi_perception.ros.dds.names import NodeNames
from hoi_perception.ros.dds.participant import Participant
from hoi_perception.ros.dds.qos_overrides import End, QosOverrides, parse_qos_overrides, read_qos_overrides
from hoi_perception.ros.standalone import StandaloneNode
from hoi_perception.ros.topics import Durability, Reliability, Topic
from hoi_perception.settings import SettingsError

NAMES = NodeNames.of("hoi_perception", "left", ("image:=/camera/image_raw", "instrument_saw/measured_cp:=/saw"))
RELIABLE_IMAGES = "/camera/image_raw: {subscription: {reliability: reliable, depth: 3}}"


@pytest.fixture
def domain() -> Iterator[Domain]:
    with own_domain() as domain:
        yield domain


def read(
    folder: Path, parameters: str, *, own_source: bool = False, section: str = "/left/hoi_perception"
) -> QosOverrides:
    """Of a file whose section for these nodes has these parameters."""
    path = folder / "parameters.yaml"
    path.write_text(f"{section}: {{ros__parameters: {{{parameters}}}}}")
    return read_qos_overrides(path, NAMES, own_source=own_source)


@pytest.mark.parametrize(
    "parameters",
    [
        f"fov_deg: 70.0, qos_overrides: {{{RELIABLE_IMAGES}}}",
        f"qos_overrides.{RELIABLE_IMAGES}",
        "qos_overrides: {/camera/image_raw.subscription: {reliability: RELIABLE, history: keep_last, depth: 3}}",
        "qos_overrides: {/camera/image_raw: {subscription.depth: 3, subscription.reliability: reliable}}",
    ],
)
@pytest.mark.parametrize("section", ["/left/hoi_perception", "/**"])
def test_spellings(tmp_path: Path, parameters: str, section: str) -> None:
    overrides = read(tmp_path, parameters, section=section)
    wanted = Topic("image", "sensor_msgs/msg/Image", Reliability.RELIABLE, Durability.VOLATILE, depth=3)
    assert overrides.applied(topics.IMAGE, "/camera/image_raw", End.SUBSCRIPTION) == wanted
    assert overrides.applied(topics.IMAGE, "/camera/image_raw", End.PUBLISHER) == topics.IMAGE
    assert overrides.applied(topics.IMAGE, "/image", End.SUBSCRIPTION) == topics.IMAGE


def test_a_later_section_goes_before(tmp_path: Path) -> None:
    path, name = tmp_path / "a.yaml", "qos_overrides./left/hands.publisher"
    path.write_text(
        f"/**: {{ros__parameters: {{{name}.depth: 2, {name}.durability: transient_local}}}}\n"
        f"/left/hoi_perception: {{ros__parameters: {{{name}.depth: 9}}}}\n"
        f"/right/hoi_perception: {{ros__parameters: {{{name}.depth: 4}}}}\n"
    )
    made = read_qos_overrides(path, NAMES, own_source=False).applied(topics.HANDS, "/left/hands", End.PUBLISHER)
    assert made == replace(topics.HANDS, durability=Durability.TRANSIENT_LOCAL, depth=9)


@pytest.mark.parametrize(
    ("name", "own_source"),
    [
        ("/camera/image_raw/compressed.subscription", False),
        ("/left/depth.subscription", False),
        ("/tf.publisher", False),
        ("/tf_static.subscription", False),
        ("/left/cameras/eye/image/compressed.subscription", False),
        ("/left/instrument_forceps/measured_js.publisher", False),
        ("/saw.publisher", False),
        ("/left/instrument_kelly/robot_description.publisher", False),
        ("/camera/image_raw.publisher", True),
    ],
)
def test_topics_that_the_node_has(tmp_path: Path, name: str, own_source: bool) -> None:
    topic, _, end = name.rpartition(".")
    overrides = read(tmp_path, f"qos_overrides.{name}.depth: 7", own_source=own_source)
    assert overrides.changes == {(topic, End(end)): {"depth": 7}}


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("/left/image.subscription.depth: 1", "does not subscribe to /left/image: give one of /camera/image_raw, "),
        ("image.subscription.depth: 1", "does not subscribe to image: give one of /camera/image_raw, "),
        ("/camera/image_raw.publisher.depth: 1", "does not publish /camera/image_raw: give one of /left/hands, "),
        ("/left/hands.subscription.depth: 1", "does not subscribe to /left/hands"),
        ("/left/cameras/eye/depth.subscription.depth: 1", "does not subscribe to /left/cameras/eye/depth"),
        ("/left/cameras/eye/image.publisher.depth: 1", "does not publish /left/cameras/eye/image"),
        ("/right/instrument_saw/measured_cp.publisher.depth: 1", "does not publish /right/instrument_saw/measured_cp"),
        ("/left/instrument_saw/measured_cp.publisher.depth: 1", "does not publish /left/instrument_saw/measured_cp"),
        ("/tf.publisher.deadline: 1", "/tf.publisher.deadline: no policy 'deadline': there are history, depth, "),
        ("/tf.publisher.depth: 0", "/tf.publisher.depth is 0: give a whole number from 1"),
        ("/tf.publisher.depth: 3000000000", "depth is 3000000000: give a whole number from 1 to 2147483647"),
        ("/tf.publisher.depth: true", "depth is True: give a whole number"),
        ("/tf.publisher.depth: 2.0", "depth is 2.0: give a whole number"),
        ("/tf.publisher.history: keep_all", "history is 'keep_all': give keep_last"),
        ("/tf.publisher.reliability: good", "reliability is 'good': give best_effort or reliable"),
        ("/tf.publisher.durability: 1", "durability is 1: give volatile or transient_local"),
        ("/tf.depth: 1", "qos_overrides./tf.depth: write it as qos_overrides./image.subscription.depth"),
        ("/tf.publisher_2.depth: 1", "qos_overrides./tf.publisher_2.depth: write it as"),
        ("/tf.publisher: 1", "qos_overrides./tf.publisher: write it as"),
    ],
)
def test_what_is_refused(tmp_path: Path, parameter: str, message: str) -> None:
    with pytest.raises(SettingsError, match=r"parameters\.yaml: qos_overrides\.") as error:
        read(tmp_path, f"qos_overrides.{parameter}")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("section", ["/**", "/*/hoi_perception", "/left/*"])
@pytest.mark.parametrize(
    "other",
    [
        "/lidar/points.publisher.depth: 9",
        "/camera/image_raw.publisher.reliability: reliable",
        "/left/hands.subscription.depth: 9",
        "/map.publisher.deadline: 3",
        "/lidar/points.publisher_front.depth: 9",
    ],
)
def test_a_shared_section_may_name_topics_of_other_nodes(
    tmp_path: Path, domain: Domain, section: str, other: str
) -> None:
    name = f"qos_overrides.{other.partition(':')[0]}"
    overrides = read(tmp_path, f"qos_overrides.{other}, qos_overrides./tf.publisher.depth: 3", section=section)
    assert overrides == QosOverrides({("/tf", End.PUBLISHER): {"depth": 3}}, (name,))
    log = Log()
    with Participant(domain, NAMES, MESSAGES, log, overrides):
        assert log.lines == [("info", f"{name} is left out: /left/hoi_perception has no such topic")]


def test_what_a_shared_section_says_of_this_node_has_to_be_right(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"/tf\.publisher\.depth is 0"):
        read(tmp_path, "qos_overrides./tf.publisher.depth: 0", section="/**")


@pytest.mark.parametrize("asked", Reliability)
@pytest.mark.parametrize("offered", Reliability)
def test_a_node_that_asks_for_reliable_images_matches_no_best_effort_camera(
    domain: Domain, offered: Reliability, asked: Reliability
) -> None:
    overrides = parse_qos_overrides({"qos_overrides./camera/image_raw.subscription.reliability": asked.value})
    with (
        open_node(domain, "camera") as camera,
        Participant(domain, NAMES, MESSAGES, Log(), overrides) as participant,
        StandaloneNode(participant, NodeConfig(), MESSAGES, load=lambda _: Pipeline()),
    ):
        info = camera.writer(replace(topics.CAMERA_INFO, name="/left/camera_info"))
        images = camera.writer(replace(topics.IMAGE, name="/camera/image_raw", reliability=offered))
        wait_for(lambda: info.subscribed, "the node")
        assert images.subscribed == (offered is Reliability.RELIABLE or asked is Reliability.BEST_EFFORT)


@pytest.mark.parametrize("offered", Reliability)
def test_an_output_may_be_made_best_effort(domain: Domain, offered: Reliability) -> None:
    overrides = parse_qos_overrides({"qos_overrides./left/hands.publisher.reliability": offered.value})
    with (
        open_node(domain, "planner") as planner,
        Participant(domain, NAMES, MESSAGES, Log(), overrides) as participant,
        StandaloneNode(participant, NodeConfig(), MESSAGES, load=lambda _: Pipeline()),
    ):
        contacts = planner.reader(replace(topics.CONTACTS, name="/left/contacts"), lambda message: None)
        hands = planner.reader(replace(topics.HANDS, name="/left/hands"), lambda message: None)
        wait_for(lambda: contacts.publishers, "the node")
        assert hands.publishers == (offered is Reliability.RELIABLE)


def test_a_deep_queue_is_emptied_in_order(domain: Domain) -> None:
    """Deeper than what Cyclone lets a reader take in one go."""
    overrides = parse_qos_overrides(
        {f"qos_overrides./header.{end.value}.depth": 100_000 for end in End}
        | {"qos_overrides./header.publisher.durability": "transient_local"}
        | {"qos_overrides./header.subscription.durability": "transient_local"}
    )
    received: list[Any] = []
    header = Topic("header", "std_msgs/msg/Header")
    stamp = MESSAGES.make("builtin_interfaces/msg/Time", sec=0, nanosec=0)
    with Participant(domain, NodeNames.of("node"), MESSAGES, Log(), overrides) as node:
        writer = node.writer(header)
        for number in range(350):
            writer.publish(MESSAGES.make("std_msgs/msg/Header", stamp=stamp, frame_id=str(number)))
        node.reader(header, received.append)
        wait_for(lambda: len(received) == 350, "all messages")
    assert [int(m.frame_id) for m in received] == list(range(350))
