"""A robot's TF and a further camera at the launched node: what goes with the images, and what is told when it stops."""

from __future__ import annotations

import time
import unittest
from pathlib import Path
from typing import Any

import launch_testing
import launch_testing.actions
import numpy as np
import pytest
from conftest import clip
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from probe import LATCHED, Probe

from hoi_perception.ros.conversions import camera_info_message, image_message
from hoi_perception.ros.rclpy_messages import RclpyMessages, message_class

HERE = Path(__file__).resolve().parent
LAUNCH = HERE.parent / "launch" / "perception.launch.py"
NODE = "/stereo/hoi_perception"
FRAME = clip()[0]
MESSAGES = RclpyMessages()


@pytest.mark.launch_test
def generate_test_description() -> LaunchDescription:
    """A robot that holds a cube where `tool0_tip` is, and a second camera."""
    arguments = {
        "namespace": "stereo",
        "camera_namespace": "/eyes/left",
        "further_cameras": "right=/eyes/right",
        "track_instruments": "cube",
        "instrument_frames": "cube=tool0_tip",
        "config": str(HERE / "options_cameras.yaml"),
    }
    included = IncludeLaunchDescription(PythonLaunchDescriptionSource(str(LAUNCH)), launch_arguments=arguments.items())
    return LaunchDescription([included, launch_testing.actions.ReadyToTest()])


def transforms(stamp_ns: int, *placed: tuple[str, str, tuple[float, float, float]]) -> Any:
    """A TFMessage of parents, children and where they are, none turned."""
    out = message_class("tf2_msgs/msg/TFMessage")()
    for parent, child, (x, y, z) in placed:
        one = message_class("geometry_msgs/msg/TransformStamped")(child_frame_id=child)
        one.header.frame_id = parent
        one.header.stamp.sec, one.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        one.transform.translation.x, one.transform.translation.y, one.transform.translation.z = x, y, z
        out.transforms.append(one)
    return out


class TestTfAndCameras(unittest.TestCase):
    """One story."""

    def test_what_goes_with_the_images_and_what_is_told_when_it_stops(self) -> None:
        with Probe(NODE, "/eyes/left") as probe:
            status = probe.collect("diagnostic_msgs/msg/DiagnosticArray", "/diagnostics")
            static = probe.publisher("tf2_msgs/msg/TFMessage", "/tf_static", LATCHED)
            static.publish(
                transforms(0, ("base", FRAME.frame_id, (0.0, 0.0, 0.0)), (FRAME.frame_id, "right", (0.06, 0.0, 0.0)))
            )
            tf = probe.publisher("tf2_msgs/msg/TFMessage", "/tf", 100)
            right = {
                kind: probe.publisher(f"sensor_msgs/msg/{kind}", f"/eyes/right/{topic}")
                for kind, topic in (("Image", "image_raw"), ("CameraInfo", "camera_info"))
            }
            for one in right.values():
                probe.wait(one.get_subscription_count, "nobody subscribes to the second camera")

            def send(*, whole: bool) -> None:
                stamp = time.time_ns()
                if whole:
                    tf.publish(transforms(stamp, ("base", "tool0_tip", (0.0, 0.0, 0.5))))
                    info = camera_info_message(FRAME.camera, stamp, "right", MESSAGES)
                    right["CameraInfo"].publish(info)
                    right["Image"].publish(
                        image_message(np.ascontiguousarray(FRAME.image_bgr), stamp, "right", MESSAGES)
                    )
                probe.send(FRAME, stamp)

            def told(found: Any, *, whole: bool) -> Any:
                """The first diagnostics, while images come, of which that is true."""
                end = time.monotonic() + 60.0
                del status[:]
                while time.monotonic() < end:
                    send(whole=whole)
                    time.sleep(0.1)
                    for one in [s for m in status[:] for s in m.status if s.name == "stereo.hoi_perception"]:
                        if found(one):
                            return one
                raise AssertionError(sorted({s.message for m in status for s in m.status}))

            def clean(one: Any) -> bool:
                return counted(one, "processed") > 0 and "from TF" not in one.message and "'right'" not in one.message

            good = told(clean, whole=True)
            before = {name: counted(good, name) for name in ("processed", "without camera", "without pose")}
            after = told(lambda one: counted(one, "processed") > before["processed"] + 5, whole=True)
            assert [counted(after, name) - before[name] for name in ("without camera", "without pose")] == [0, 0]
            bad = told(lambda one: "'right'" in one.message and "from TF" in one.message, whole=False)
            assert bad.level == b"\x01"
            assert "no pose of cube from TF: the latest that TF says of 'tool0_tip' in" in bad.message
            assert "camera 'right': its nearest image is" in bad.message
            assert told(clean, whole=True)
            assert probe.set_parameter("instrument_frames", "cube=nowhere").successful
            assert "where 'nowhere' is in" in told(lambda one: "from TF" in one.message, whole=True).message
            refused = probe.set_parameter("instrument_frames", "cube")
            assert not refused.successful and "is no NAME=FRAME" in refused.reason


def counted(status: Any, name: str) -> int:
    """A counter of images in diagnostics."""
    return next((int(v.value) for v in status.values if v.key == f"images {name}"), 0)


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    """After Ctrl-C."""

    def test_it_ends_without_a_traceback(self, proc_output: Any, proc_info: Any) -> None:
        for info in proc_info:
            assert "Traceback" not in "".join(e.text.decode() for e in proc_output[info.process_name])
            assert info.returncode == 0, info.process_name
