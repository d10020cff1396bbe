"""A video file with no camera driver, through to a simple consumer; the downstream example; both nodes by launch."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import launch_testing
import launch_testing.actions
import launch_testing.asserts
import pytest
from conftest import clip
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node
from probe import Probe, stamp_of

from hoi_perception.io.video_writer import SUFFIX, open_video

LAUNCH = Path(__file__).resolve().parents[1] / "launch" / "camera.launch.py"
FOLDER = tempfile.TemporaryDirectory(prefix="hoi_perception_")


@pytest.mark.launch_test
def generate_test_description() -> LaunchDescription:
    """The launch file with a short video, the PoseArray node and the example."""
    video = Path(FOLDER.name) / f"clip{SUFFIX}"
    with open_video(video, 10.0) as writer:
        for frame in clip():
            writer.write(frame.image_bgr)
    arguments = {"source": str(video), "frame_id": "eye", "respawn": "false"}
    included = IncludeLaunchDescription(PythonLaunchDescriptionSource(str(LAUNCH)), launch_arguments=arguments.items())
    poses = Node(package="hoi_perception", executable="hand_poses", name="hand_poses")
    planner = Node(package="hoi_perception", executable="grasp_planner_example", name="planner", output="screen")
    return LaunchDescription([included, poses, planner, launch_testing.actions.ReadyToTest()])


class TestCamera(unittest.TestCase):
    """Nothing is started by hand: autostart brings the node up."""

    def test_hands_come_from_a_video(self, proc_output: Any) -> None:
        with Probe("/hoi_perception") as probe:
            images = probe.collect("sensor_msgs/msg/Image", "/camera/image_raw", 5)
            poses = probe.collect("geometry_msgs/msg/PoseArray", "/hand_left/joints")
            hands = probe.collect("hoi_perception/msg/HandArray", "/hands")
            left = probe.wait(lambda: next((p for p in poses[:] if p.poses), None), "no joints of a left hand")
            assert len(left.poses) == 21
            assert left.header.frame_id == "eye"
            same = [m for m in hands if stamp_of(m.header) == stamp_of(left.header)]
            wrist = next(h for h in same[0].hands if h.side == 0).wrist_pose.pose.position
            assert left.poses[0].position.x == pytest.approx(wrist.x, abs=1e-6)
            assert stamp_of(left.header) in {stamp_of(m.header) for m in images}
            assert "55" in same[0].camera_assumption
        proc_output.assertWaitFor("wrist at", process="grasp_planner_example", timeout=30, stream="stderr")


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    """After Ctrl-C."""

    def test_the_nodes_end_without_a_traceback(self, proc_output: Any, proc_info: Any) -> None:
        for info in proc_info:
            text = "".join(e.text.decode() for e in proc_output[info.process_name])
            assert "Traceback" not in text
            assert info.returncode == 0, info.process_name
