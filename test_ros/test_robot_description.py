"""URDFs of instruments as ROS nodes get them, and TF of their links."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_share_path
from probe import LATCHED, Probe
from test_interop import PLAIN, start

SPACE = "/theatre_3"
NODE = f"{SPACE}/hoi_perception"
KELLY = "instrument_kelly_haemostat"


@contextmanager
def node(*parameters: str) -> Iterator[subprocess.Popen[str]]:
    """The node, without models of its own to wait for."""
    given = [part for parameter in parameters for part in ("-p", parameter)]
    command = ["ros2", "run", "hoi_perception", "perception_node", "--ros-args", "-r", f"__ns:={SPACE}", *given]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)


def test_robot_model_gets_urdf_meshes_and_tf() -> None:
    with Probe(NODE) as probe, node("instruments:=kelly_haemostat"):
        assert probe.transition("configure")
        tf = probe.collect("tf2_msgs/msg/TFMessage", "/tf")
        urdfs = probe.collect("std_msgs/msg/String", f"{SPACE}/{KELLY}/robot_description", LATCHED)
        probe.wait(lambda: urdfs, "who comes late gets no URDF")
        robot = ET.fromstring(urdfs[0].data)
        others = {link.get("name") for link in robot.findall("link")} - {KELLY}
        probe.wait(lambda: others <= {t.child_frame_id for m in tf for t in m.transforms}, "links without TF")
    files = [str(mesh.get("filename")) for mesh in robot.iter("mesh")]
    assert files
    for file in files:
        package, _, rest = file.removeprefix("package://").partition("/")
        assert package == "hoi_perception", file
        assert (get_package_share_path(package) / Path(rest)).is_file(), file


def test_the_node_without_ros_describes_to_ros(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path(PLAIN).exists():
        pytest.skip(f"{PLAIN} is not there: set HOI_PYTHON to the Python of an environment with the package")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(random.SystemRandom().randint(1, 100)))
    with Probe(NODE) as probe:
        process = start("--instruments", "kelly_haemostat")
        try:
            urdfs = probe.collect("std_msgs/msg/String", f"/theatre/{KELLY}/robot_description", LATCHED)
            tf = probe.collect("tf2_msgs/msg/TFMessage", "/tf")
            probe.wait(lambda: urdfs, "no URDF")
            probe.wait(lambda: tf, "no TF")
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    files = [str(mesh.get("filename")) for mesh in ET.fromstring(urdfs[0].data).iter("mesh")]
    assert files and all(Path(file.removeprefix("file://")).is_file() for file in files)
    assert {t.child_frame_id for t in tf[0].transforms} == {f"{KELLY}_jaw_left", f"{KELLY}_jaw_right"}


def test_one_that_is_not_there_is_told_and_can_be_corrected() -> None:
    with Probe(NODE) as probe, node("instruments:=no_such_thing"):
        log = probe.collect("rcl_interfaces/msg/Log", "/rosout")
        assert not probe.transition("configure")
        probe.wait(lambda: any("no instrument called 'no_such_thing'" in m.msg for m in log), "the reason is not told")
        assert probe.state() == "unconfigured"
        assert probe.set_parameter("instruments", "cube").successful
        assert probe.transition("configure")
        urdfs = probe.collect("std_msgs/msg/String", f"{SPACE}/instrument_cube/robot_description", LATCHED)
        probe.wait(lambda: urdfs, "no URDF")
