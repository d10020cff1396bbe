"""Two cameras at once, compressed images, depth beside them, another target frame, calibration of a hand's shape."""

from __future__ import annotations

import time
import unittest
from pathlib import Path
from typing import Any

import cv2
import launch_testing
import launch_testing.actions
import numpy as np
import pytest
from conftest import clip
from hoi_perception.action import CalibrateHandShape
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from probe import LATCHED, Probe
from rclpy.action import ActionClient

from hoi_perception.ros.rclpy_messages import message_class

LAUNCH = Path(__file__).resolve().parents[1] / "launch" / "perception.launch.py"
PARAMETERS = Path(__file__).resolve().parent / "options.yaml"
FRAMES = clip(24)


@pytest.mark.launch_test
def generate_test_description() -> LaunchDescription:
    """One node with raw images, one with compressed images and depth."""
    launches = [
        {"namespace": "left", "camera_namespace": "/left_camera", "frame_prefix": "left_"},
        {
            "namespace": "right",
            "camera_namespace": "/right_camera",
            "frame_prefix": "right_",
            "image_transport": "compressed",
            "config": str(PARAMETERS),
        },
    ]
    return LaunchDescription(
        [
            *(
                IncludeLaunchDescription(PythonLaunchDescriptionSource(str(LAUNCH)), launch_arguments=given.items())
                for given in launches
            ),
            launch_testing.actions.ReadyToTest(),
        ]
    )


def header_of(stamp_ns: int) -> Any:
    """Header of an image of the clip."""
    header = message_class("std_msgs/msg/Header")(frame_id=FRAMES[0].frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return header


class TestOptions(unittest.TestCase):
    """Each alone."""

    def test_two_cameras_keep_apart(self) -> None:
        with Probe("/left/hoi_perception", "/left_camera") as probe:
            left = probe.collect("hoi_perception/msg/HandArray", "/left/hands")
            right = probe.collect("hoi_perception/msg/HandArray", "/right/hands")
            tf = probe.collect("tf2_msgs/msg/TFMessage", "/tf")
            probe.play(FRAMES, lambda: any(m.hands for m in left[:]) and tf, "no hands from the left camera")
            assert right == []
            names = dict(probe.node.get_topic_names_and_types())
            assert {"/left/bond", "/right/bond"} <= set(names), "nodes of two namespaces share a bond"
            assert {t.child_frame_id.split("hand_")[0] for m in tf for t in m.transforms} == {"left_"}

    def test_compressed_images_with_depth(self) -> None:
        with Probe("/right/hoi_perception", "/right_camera") as probe:
            images = probe.publisher("sensor_msgs/msg/CompressedImage", "/right_camera/image_raw/compressed")
            depths = probe.publisher("sensor_msgs/msg/Image", "/right/depth")
            hands = probe.collect("hoi_perception/msg/HandArray", "/right/hands")
            status = probe.collect("diagnostic_msgs/msg/DiagnosticArray", "/diagnostics")
            depth = np.full(FRAMES[0].image_bgr.shape[:2], np.nan, dtype=np.float32)
            end = time.monotonic() + 60
            while not any(m.hands for m in hands[:]):
                assert time.monotonic() < end, "no hands from compressed images"
                for frame in FRAMES:
                    stamp = time.time_ns()
                    probe.send_info(frame, stamp)
                    jpeg = cv2.imencode(".jpg", frame.image_bgr)[1].tobytes()
                    header = header_of(stamp)
                    images.publish(_compressed(header, jpeg))
                    depths.publish(_depth(header, depth))
                    time.sleep(0.08)
            del status[:]
            values = probe.wait(lambda: _values(status[:], "right"), "no diagnostics")
            assert int(values["images processed"]) > 0
            assert int(values["images failed"]) == 0

    def test_target_frame(self) -> None:
        with Probe("/left/hoi_perception", "/left_camera") as probe:
            hands = probe.collect("hoi_perception/msg/HandArray", "/left/hands")
            probe.play(FRAMES, lambda: any(m.hands for m in hands[:]), "no hands")
            here = next(m for m in hands if m.hands).hands[0].wrist_pose.pose.position
            assert probe.set_parameter("target_frame", "table").successful
            del hands[:]
            for frame in FRAMES:  # TF does not know the table yet: nothing is better than a wrong frame
                probe.send(frame)
                time.sleep(0.05)
            assert not [m for m in hands if m.header.frame_id == "table"]
            status = probe.collect("diagnostic_msgs/msg/DiagnosticArray", "/diagnostics")
            told = lambda: any("no transform" in s.message and s.level == b"\x02" for m in status[:] for s in m.status)  # noqa: E731
            probe.play(FRAMES, told, "diagnostics do not tell that TF lacks the frame")
            static = probe.publisher("tf2_msgs/msg/TFMessage", "/tf_static", LATCHED)
            static.publish(_shift("table", FRAMES[0].frame_id, z=10.0))
            in_table = lambda: next((m for m in hands[:] if m.hands and m.header.frame_id == "table"), None)  # noqa: E731
            moved = probe.play(FRAMES, in_table, "no hands in the target frame")
            assert moved.hands[0].wrist_pose.pose.position.z == pytest.approx(10.0 + here.z, abs=0.15)
            assert probe.set_parameter("target_frame", "").successful

    def test_shape_calibration(self) -> None:
        with Probe("/left/hoi_perception", "/left_camera") as probe:
            hands = probe.collect("hoi_perception/msg/HandArray", "/left/hands")
            probe.play(FRAMES, lambda: any(m.hands for m in hands[:]), "no hands")
            feedback: list[Any] = []
            client = ActionClient(probe.node, CalibrateHandShape, "/left/hoi_perception/calibrate_hand_shape")
            assert client.wait_for_server(10.0)
            goal = CalibrateHandShape.Goal(side=CalibrateHandShape.Goal.RIGHT, frames=5)
            sent = client.send_goal_async(goal, lambda f: feedback.append(f.feedback))
            handle = probe.wait(lambda: sent.done() and sent.result(), "the goal was not taken")
            assert handle.accepted
            result = handle.get_result_async()
            probe.play(FRAMES, result.done, "no result")
            answer = result.result().result
            assert answer.success and answer.frames_used >= 5
            assert np.isfinite(answer.shape).all() and (np.asarray(answer.shape_sigma) <= 1.0).all()
            assert feedback[-1].frames_wanted == 5
            # Then one that is cancelled, with no image coming.
            sent = client.send_goal_async(goal)
            handle = probe.wait(lambda: sent.done() and sent.result(), "the goal was not taken")
            result = handle.get_result_async()
            handle.cancel_goal_async()
            probe.wait(result.done, "not cancelled")
            assert not result.result().result.success
            assert "cancelled" in result.result().result.message
            client.destroy()


def _values(messages: list[Any], node: str) -> dict[str, str]:
    """Key-values of a node's latest diagnostics."""
    found = [s for m in messages for s in m.status if s.name.startswith(node)]
    return {v.key: v.value for v in found[-1].values} if found else {}


def _compressed(header: Any, data: bytes) -> Any:
    return message_class("sensor_msgs/msg/CompressedImage")(header=header, format="jpeg", data=data)


def _depth(header: Any, depth: np.ndarray) -> Any:
    height, width = depth.shape
    return message_class("sensor_msgs/msg/Image")(
        header=header, height=height, width=width, encoding="32FC1", step=4 * width, data=depth.tobytes()
    )


def _shift(parent: str, child: str, z: float) -> Any:
    transform = message_class("geometry_msgs/msg/TransformStamped")(child_frame_id=child)
    transform.header.frame_id = parent
    transform.transform.translation.z = z
    return message_class("tf2_msgs/msg/TFMessage")(transforms=[transform])


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    """After Ctrl-C."""

    def test_both_end_without_a_traceback(self, proc_output: Any, proc_info: Any) -> None:
        for info in proc_info:
            text = "".join(e.text.decode() for e in proc_output[info.process_name])
            assert "Traceback" not in text
            assert info.returncode == 0, info.process_name
