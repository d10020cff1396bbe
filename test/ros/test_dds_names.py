"""Names, domains and reach: ROS's rules."""

from __future__ import annotations

import re

import pytest

from hoi_perception.ros.dds.domain import Domain, Reach, configuration, domain_of_environment, peers_of_environment
from hoi_perception.ros.dds.names import NodeNames, NodeSetupError, Remap, dds_topic, dds_type


@pytest.mark.parametrize(
    ("namespace", "remaps", "topic", "full"),
    [
        ("", (), "hands", "/hands"),
        ("left", (), "hands", "/left/hands"),
        ("/robot/left/", (), "hands", "/robot/left/hands"),
        ("left", (), "/tf", "/tf"),
        ("left", (), "~/reset", "/left/eye/reset"),
        ("", (), "~/reset", "/eye/reset"),
        ("left", ("image:=/camera/image_raw",), "image", "/camera/image_raw"),
        ("left", ("image:=image_raw",), "image", "/left/image_raw"),
        ("left", ("/left/image:=~/raw",), "image", "/left/eye/raw"),
        ("left", ("/image:=/other",), "image", "/left/image"),
        ("left", ("/tf:=tf",), "/tf", "/left/tf"),
        ("", ("image:=/camera/image_raw",), "image/compressed", "/camera/image_raw/compressed"),
        ("", ("image:=/a", "image/compressed:=/b"), "image/compressed", "/b"),
        ("", ("depth:=/d",), "depth/compressedDepth", "/d/compressedDepth"),
        ("", ("image:=/first", "image:=/second"), "image", "/first"),
        ("", ("image:=/a",), "camera_info", "/camera_info"),
    ],
)
def test_resolving(namespace: str, remaps: tuple[str, ...], topic: str, full: str) -> None:
    assert NodeNames.of("eye", namespace, remaps).resolve(topic) == full


def test_names_in_dds() -> None:
    assert dds_topic("/left/hands") == "rt/left/hands"
    assert dds_type("sensor_msgs/msg/Image") == "sensor_msgs.msg.dds_.Image_"


@pytest.mark.parametrize("text", ["image", "image:=", ":=image", "image:=a b", "image:=1a", "im age:=a", "a:=b:=c"])
def test_remaps_that_are_none(text: str) -> None:
    with pytest.raises(NodeSetupError, match=re.escape(f"remap '{text}'")):
        Remap.parse(text)


@pytest.mark.parametrize(("node", "namespace"), [("my node", ""), ("1st", ""), ("eye", "a-b"), ("eye", "/a//b")])
def test_names_that_ros_refuses(node: str, namespace: str) -> None:
    with pytest.raises(NodeSetupError, match=r"use letters|write it as"):
        NodeNames.of(node, namespace)


def test_domain_of_the_environment() -> None:
    assert domain_of_environment({}) == 0
    assert domain_of_environment({"ROS_DOMAIN_ID": "42"}) == 42
    assert domain_of_environment({"ROS_DOMAIN_ID": ""}) == 0
    with pytest.raises(NodeSetupError, match="ROS_DOMAIN_ID=none"):
        domain_of_environment({"ROS_DOMAIN_ID": "none"})
    with pytest.raises(NodeSetupError, match="domain 233: give a number from 0 to 232"):
        Domain(233)


@pytest.mark.parametrize(
    ("environment", "reach"),
    [
        ({}, Reach.SUBNET),
        ({"ROS_LOCALHOST_ONLY": "1"}, Reach.LOCALHOST),
        ({"ROS_LOCALHOST_ONLY": "0", "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, Reach.LOCALHOST),
        ({"ROS_LOCALHOST_ONLY": "1", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, Reach.LOCALHOST),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, Reach.SUBNET),
    ],
)
def test_reach_of_the_environment(environment: dict[str, str], reach: Reach) -> None:
    assert Reach.of_environment(environment) is reach


def test_a_reach_that_is_not_offered() -> None:
    with pytest.raises(NodeSetupError, match="ROS_AUTOMATIC_DISCOVERY_RANGE=OFF"):
        Reach.of_environment({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"})


def test_peers() -> None:
    peers = peers_of_environment({"ROS_STATIC_PEERS": "10.0.0.2;robot.local"})
    assert peers == ("10.0.0.2", "robot.local")
    text = configuration(Reach.SUBNET, peers)
    assert '<Peers><Peer address="10.0.0.2"/><Peer address="robot.local"/></Peers>' in text
    assert "NetworkInterface" not in text
    with pytest.raises(NodeSetupError, match="ROS_STATIC_PEERS"):
        peers_of_environment({"ROS_STATIC_PEERS": 'a"/><b'})


def test_a_configuration_that_cyclone_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", "<CycloneDDS><Domain><Nonsense/></Domain></CycloneDDS>")
    with pytest.raises(NodeSetupError, match="check CYCLONEDDS_URI"):
        Domain(211, Reach.LOCALHOST)
