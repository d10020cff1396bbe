"""The node without ROS beside real ROS nodes: images from rclpy in, hands to rclpy out.

`HOI_PYTHON` names the Python of an environment without ROS where the package is installed; by default that of `.venv`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import clip
from probe import LATCHED, Probe, stamp_of
from rclpy.qos import QoSProfile, ReliabilityPolicy

ROOT = Path(__file__).resolve().parents[1]
PLAIN = os.environ.get("HOI_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
NODE = "/theatre/hoi_perception"
SENSOR = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
OUTPUTS = {
    "hands": "HandArray",
    "hand_meshes": "MeshVerticesArray",
    "mesh_topology": "MeshTopology",
    "instruments": "InstrumentArray",
    "contacts": "ContactArray",
    "scene": "Scene",
    "frame_status": "FrameStatus",
}


CALIBRATION = """
image_width: 640
image_height: 360
camera_matrix: {rows: 3, cols: 3, data: [600.0, 0.0, 320.0, 0.0, 600.0, 180.0, 0.0, 0.0, 1.0]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.0, 0.0, 0.0, 0.0, 0.0]}
"""
KEPT = ("HOME", "PATH", "HOI_MODELS", "XDG_CACHE_HOME", "ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE")


def start(*arguments: str) -> subprocess.Popen[str]:
    """`hoi-perception node` with nothing of ROS in its environment but the domain and its reach."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    command = [PLAIN, "-m", "hoi_perception.cli", "node", "--namespace", "/theatre", *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.fixture(scope="module", params=["LOCALHOST", "SUBNET"])
def probe(request: pytest.FixtureRequest) -> Iterator[Probe]:
    """A ROS node that finds others on this machine alone, or as ROS does by default."""
    if not Path(PLAIN).exists():
        pytest.skip(f"{PLAIN} is not there: set HOI_PYTHON to the Python of an environment with the package")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(random.SystemRandom().randint(1, 100)))
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", request.param)
        with Probe(NODE) as probe:
            yield probe


@pytest.fixture(scope="module")
def standalone(probe: Probe) -> Iterator[Probe]:
    """The node listens to the images of `probe`."""
    remaps = ("--remap", "image:=/camera/image_raw", "--remap", "camera_info:=/camera/camera_info")
    process = start(*remaps)
    try:
        probe.wait(lambda: probe.node.count_subscribers("/camera/image_raw") == 1, "the node does not subscribe")
        yield probe
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def test_images_in_and_hands_out(standalone: Probe) -> None:
    hands = standalone.collect("hoi_perception/msg/HandArray", "/theatre/hands")
    transforms = standalone.collect("tf2_msgs/msg/TFMessage", "/tf")
    meshes = standalone.collect("hoi_perception/msg/MeshVerticesArray", "/theatre/hand_meshes")
    scenes = standalone.collect("hoi_perception/msg/Scene", "/theatre/scene")

    def two() -> Any:
        return next((m for m in hands[:] if len(m.hands) == 2), None)

    message = standalone.play(clip(), two, "no message with two hands")
    assert sorted(hand.side for hand in message.hands) == [0, 1]
    assert message.header.frame_id == clip()[0].frame_id
    assert 0.2 < message.hands[0].wrist_pose.pose.position.z < 1.5
    standalone.play(clip(), lambda: scenes and meshes and transforms, "meshes, scene or TF do not come")
    assert any(len(m.meshes[0].vertices) == 3 * 778 for m in meshes if m.meshes)
    assert {t.child_frame_id for m in transforms for t in m.transforms} >= {"hand_left", "hand_right"}
    topology = standalone.collect("hoi_perception/msg/MeshTopology", "/theatre/mesh_topology", LATCHED)
    standalone.wait(lambda: len(topology) == 2, "who comes late does not get the faces of both hands")


def test_diagnostics(standalone: Probe) -> None:
    arrays = standalone.collect("diagnostic_msgs/msg/DiagnosticArray", "/diagnostics")
    standalone.wait(lambda: arrays, "no diagnostics")
    assert {status.name for array in arrays for status in array.status} == {NODE.lstrip("/")}


def test_ros_knows_the_node_and_its_endpoints(standalone: Probe) -> None:
    node = standalone.node
    standalone.wait(lambda: ("hoi_perception", "/theatre") in node.get_node_names_and_namespaces(), "no such node")
    published = dict(node.get_publisher_names_and_types_by_node("hoi_perception", "/theatre"))
    assert published["/theatre/hands"] == ["hoi_perception/msg/HandArray"]
    assert published["/tf"] == ["tf2_msgs/msg/TFMessage"]
    subscribed = dict(node.get_subscriber_names_and_types_by_node("hoi_perception", "/theatre"))
    assert subscribed["/camera/image_raw"] == ["sensor_msgs/msg/Image"]
    (image,) = node.get_subscriptions_info_by_topic("/camera/image_raw")
    assert (image.node_name, image.node_namespace) == ("hoi_perception", "/theatre")
    assert image.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT


@pytest.mark.parametrize(("topic", "kind"), OUTPUTS.items())
def test_types_have_the_hash_that_ros_computes(standalone: Probe, topic: str, kind: str) -> None:
    node = standalone.node
    mine = standalone.publisher(f"hoi_perception/msg/{kind}", f"/reference/{topic}")
    standalone.wait(lambda: node.count_publishers(f"/reference/{topic}") == 1, "the own publisher")
    standalone.wait(lambda: node.count_publishers(f"/theatre/{topic}") == 1, "the publisher of the node")
    (expected,) = node.get_publishers_info_by_topic(f"/reference/{topic}")
    (told,) = node.get_publishers_info_by_topic(f"/theatre/{topic}")
    assert told.topic_type_hash.value == expected.topic_type_hash.value
    node.destroy_publisher(mine)


def test_ros_has_nothing_to_warn_of(standalone: Probe) -> None:
    """`ros2 topic echo` in a process of its own, which meets every endpoint anew."""
    command = ["ros2", "topic", "echo", "--once", "--no-daemon", "/theatre/hands"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        standalone.play(clip(), lambda: process.poll() is not None, "ros2 topic echo heard nothing")
        out, errors = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "frame_id:" in out
    assert "type hash" not in errors.lower()
    assert "warn" not in errors.lower(), errors


def test_a_source_of_its_own_is_seen_by_ros(probe: Probe, tmp_path: Path) -> None:
    """A folder of pictures, played again and again."""
    import cv2

    for index, frame in enumerate(clip()):
        cv2.imwrite(str(tmp_path / f"{index:03}.png"), frame.image_bgr)
    file = tmp_path / "calibration" / "camera.yaml"
    file.parent.mkdir()
    file.write_text(CALIBRATION)
    process = start(str(tmp_path), "--camera-file", str(file), "--loop", "--name", "eye", "--frame-id", "optical")
    try:
        images = probe.collect("sensor_msgs/msg/Image", "/theatre/image", SENSOR)
        infos = probe.collect("sensor_msgs/msg/CameraInfo", "/theatre/camera_info", SENSOR)
        probe.wait(lambda: images and infos, "no image or camera_info")
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert (images[0].width, images[0].height, images[0].header.frame_id) == (640, 360, "optical")
    assert stamp_of(infos[0].header) > 0
    assert (infos[0].width, infos[0].k[0]) == (640, 600.0)
