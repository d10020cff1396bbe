"""The node as users launch it: lifecycle, topics, TF, parameters, diagnostics, bad input, death and respawn."""

from __future__ import annotations

import math
import os
import signal
import time
import unittest
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import launch_testing
import launch_testing.actions
import launch_testing.asserts
import pytest
from conftest import clip
from hoi_perception.msg import HandState
from hoi_perception.srv import AddInstrument, RemoveInstrument, SetInstrumentPose
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from probe import BEST_EFFORT, LATCHED, Probe, stamp_of
from std_srvs.srv import SetBool, Trigger

from hoi_perception.ros.rclpy_images import CvBridgeDecoder
from hoi_perception.ros.rclpy_messages import message_class

LAUNCH = Path(__file__).resolve().parents[1] / "launch" / "perception.launch.py"
SPACE = "/theatre_1"
NODE = f"{SPACE}/hoi_perception"
KILLED: list[int] = []


@pytest.mark.launch_test
def generate_test_description() -> LaunchDescription:
    """The launch file itself, in a namespace, without autostart."""
    arguments = {
        "namespace": SPACE,
        "camera_namespace": "/camera",
        "autostart": "false",
        "respawn": "true",
    }
    included = IncludeLaunchDescription(PythonLaunchDescriptionSource(str(LAUNCH)), launch_arguments=arguments.items())
    return LaunchDescription([included, launch_testing.actions.ReadyToTest()])


class TestNode(unittest.TestCase):
    """One story, in the order of the names."""

    probe: Probe

    @classmethod
    def setUpClass(cls) -> None:
        cls.probe = Probe(NODE).__enter__()
        cls.hands = cls.probe.collect("hoi_perception/msg/HandArray", f"{SPACE}/hands")
        cls.tf = cls.probe.collect("tf2_msgs/msg/TFMessage", "/tf")
        cls.diagnostics = cls.probe.collect("diagnostic_msgs/msg/DiagnosticArray", "/diagnostics")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.probe.__exit__(None, None, None)

    def two_hands(self) -> Any:
        """A message with both hands measured, after sending frames until there is one."""
        del self.hands[:]
        return self.probe.play(clip(), self._measured_pair, "no message with both hands TRACKED")

    def _measured_pair(self) -> Any:
        for message in self.hands[:]:
            if sorted(h.side for h in message.hands if h.state == HandState.TRACKED) == [0, 1]:
                return message
        return None

    def told(self, text: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Diagnostics hold a text within ten seconds from now, while something goes on ten times a second."""
        del self.diagnostics[:]
        end = time.monotonic() + 10.0
        while time.monotonic() < end:
            meanwhile()
            time.sleep(0.1)
            messages = [status.message for array in self.diagnostics[:] for status in array.status]
            if any(text in message for message in messages):
                return
        raise AssertionError(f"diagnostics never said '{text}': {messages}")

    def test_01_waits_unconfigured_and_says_so(self) -> None:
        assert self.probe.state() == "unconfigured"
        self.told("not configured")

    def test_02_configure_answers_while_models_load(self) -> None:
        assert self.probe.transition("configure")
        assert self.probe.state() == "inactive"
        assert self.probe.node.count_subscribers("/camera/image_raw") == 0

    def test_03_active_tells_what_it_waits_for(self) -> None:
        assert self.probe.transition("activate")
        assert self.probe.state() == "active"
        self.probe.wait(lambda: self.probe.node.count_subscribers("/camera/image_raw") == 1, "no subscription")
        self.told("no image")

    def test_04_hands_with_the_image_stamp_and_frame(self) -> None:
        message = self.two_hands()
        assert message.header.frame_id == clip()[0].frame_id
        assert abs(time.time_ns() - stamp_of(message.header)) < 5000000000.0
        for hand in message.hands:
            assert all(map(math.isfinite, (*hand.pose, *hand.joints, *hand.wrist_pose.covariance)))
            q = hand.wrist_pose.pose.orientation
            assert q.x**2 + q.y**2 + q.z**2 + q.w**2 == pytest.approx(1.0, abs=1e-6)
            assert 0.2 < hand.wrist_pose.pose.position.z < 1.5
        sent = {stamp_of(m.header) for m in self.hands}
        assert len(sent) == len(self.hands), "an image was answered twice"

    def test_05_types_of_all_topics(self) -> None:
        found = dict(self.probe.node.get_topic_names_and_types())
        expected = {
            "hands": "hoi_perception/msg/HandArray",
            "hand_meshes": "hoi_perception/msg/MeshVerticesArray",
            "mesh_topology": "hoi_perception/msg/MeshTopology",
            "instruments": "hoi_perception/msg/InstrumentArray",
            "contacts": "hoi_perception/msg/ContactArray",
            "scene": "hoi_perception/msg/Scene",
            "markers": "visualization_msgs/msg/MarkerArray",
            "overlay": "sensor_msgs/msg/Image",
            "frame_status": "hoi_perception/msg/FrameStatus",
        }
        for name, kind in expected.items():
            assert found.get(f"{SPACE}/{name}") == [kind], name

    def test_06_tf_of_hands_and_tips(self) -> None:
        message = self.two_hands()
        frames = {t.child_frame_id: t for m in self.tf for t in m.transforms}
        assert {"hand_left", "hand_right", "hand_left_thumb_tip", "hand_right_index_tip"} <= set(frames)
        left = next(h for h in message.hands if h.side == HandState.LEFT)
        stamp = stamp_of(message.header)

        def same() -> list[Any]:
            transforms = [t for m in self.tf[:] for t in m.transforms if t.child_frame_id == "hand_left"]
            return [t for t in transforms if stamp_of(t.header) == stamp]

        self.probe.wait(same, "no transform with the stamp of the message")
        (transform,) = same()
        assert transform.header.frame_id == message.header.frame_id
        assert transform.transform.translation.x == left.wrist_pose.pose.position.x
        assert transform.transform.rotation == left.wrist_pose.pose.orientation

    def test_07_what_only_subscribers_get(self) -> None:
        topologies = self.probe.collect("hoi_perception/msg/MeshTopology", f"{SPACE}/mesh_topology", LATCHED)
        meshes = self.probe.collect("hoi_perception/msg/MeshVerticesArray", f"{SPACE}/hand_meshes")
        markers = self.probe.collect("visualization_msgs/msg/MarkerArray", f"{SPACE}/markers")
        overlays = self.probe.collect("sensor_msgs/msg/Image", f"{SPACE}/overlay", BEST_EFFORT)
        scenes = self.probe.collect("hoi_perception/msg/Scene", f"{SPACE}/scene")
        self.probe.wait(lambda: len(topologies) == 2, "faces of both hands are not latched")
        assert {len(t.faces) for t in topologies} == {3 * 1538}
        detections = self.probe.collect("vision_msgs/msg/Detection3DArray", f"{SPACE}/detections_3d")
        every = lambda: all((meshes, markers, overlays, scenes, detections))  # noqa: E731
        self.probe.play(clip(), every, "meshes, markers, overlay or scene did not come")
        assert (overlays[0].height, overlays[0].width, overlays[0].encoding) == (360, 640, "bgr8")
        assert len(scenes[-1].instruments) == 0
        assert {r.hypothesis.class_id for d in detections[-1].detections for r in d.results} <= {
            "hand_left",
            "hand_right",
        }
        assert scenes[-1].status.total_ms > 0.0

    def test_08_parameters_have_meaning_and_bounds(self) -> None:
        described = self.probe.describe("detection.palm_threshold")
        assert "palm network" in described.description
        assert described.floating_point_range[0].to_value == 1.0
        assert self.probe.describe("device").read_only
        refused = self.probe.set_parameter("detection.palm_threshold", 2.0)
        assert not refused.successful
        assert "palm_threshold" in refused.reason
        assert self.probe.set_parameter("fov_deg", 0).successful, "a whole number is a number"
        refused = self.probe.set_parameter("hand_model", "/nowhere.npz")
        assert not refused.successful
        assert "ros2 lifecycle set" in refused.reason
        assert self.probe.parameter("hand_model") == ""

    def test_09_a_tunable_takes_effect(self) -> None:
        self.two_hands()
        assert self.probe.set_parameter("detection.max_hands", 1).successful
        del self.hands[:]
        self.probe.play(clip(), lambda: len(self.hands) > 5, "no results")
        assert {len(m.hands) for m in self.hands[2:]} == {1}
        assert self.probe.set_parameter("detection.max_hands", 2).successful
        self.two_hands()

    def test_10_services(self) -> None:
        assert self.probe.call(Trigger, "~/reset", Trigger.Request()).success
        assert self.probe.call(SetBool, "~/set_enabled", SetBool.Request(data=False)).success
        self.told("disabled")
        del self.hands[:]
        for frame in clip():
            self.probe.send(frame)
            time.sleep(0.05)
        assert self.hands == []
        assert self.probe.call(SetBool, "~/set_enabled", SetBool.Request(data=True)).success
        self.two_hands()

    def test_11_instruments_come_and_go(self) -> None:
        """One that nothing shows is told as PREDICTED where it was said to be, for a few frames."""
        found = self.probe.collect("hoi_perception/msg/InstrumentArray", f"{SPACE}/instruments")
        unknown = self.probe.call(AddInstrument, "~/add_instrument", AddInstrument.Request(name="excalibur"))
        assert not unknown.success
        assert "excalibur" in unknown.message
        added = self.probe.call(AddInstrument, "~/add_instrument", AddInstrument.Request(name="scalpel_10"))
        assert added.success, added.message
        request = SetInstrumentPose.Request(track_id=added.track_id)
        request.pose.pose.pose.position.z = 0.9
        request.pose.pose.pose.position.x = 0.3
        request.pose.pose.pose.orientation.w = 0.5
        refused = self.probe.call(SetInstrumentPose, "~/set_instrument_pose", request)
        assert not refused.success
        assert "unit quaternion" in refused.message
        request.pose.pose.pose.orientation.w = 1.0
        request.pose.header.frame_id = "the_moon"
        refused = self.probe.call(SetInstrumentPose, "~/set_instrument_pose", request)
        assert not refused.success
        assert "the_moon" in refused.message
        request.pose.header.frame_id = ""
        stated = self.probe.call(SetInstrumentPose, "~/set_instrument_pose", request)
        assert stated.success, stated.message
        for frame in clip()[:3]:
            self.probe.send(frame)
            time.sleep(0.2)
        self.probe.wait(lambda: any(m.instruments for m in found), "the instrument is not told")
        tool = next(m for m in found if m.instruments).instruments[0]
        assert (tool.name, tool.track_id) == ("scalpel_10", added.track_id)
        assert abs(tool.pose.pose.position.z - 0.9) < 0.1
        taken = RemoveInstrument.Request(track_id=added.track_id)
        assert self.probe.call(RemoveInstrument, "~/remove_instrument", taken).success
        again = self.probe.call(RemoveInstrument, "~/remove_instrument", taken)
        assert not again.success
        assert str(added.track_id) in again.message

    def test_12_bad_input_is_told_and_survived(self) -> None:
        image = message_class("sensor_msgs/msg/Image")
        frame = clip()[0]
        for bad, reason in (
            (image(height=0, width=0, encoding="bgr8"), "empty"),
            (image(height=2, width=2, encoding="klingon", step=6, data=bytes(12)), "klingon"),
            (image(height=360, width=640, encoding="bgr8", step=1920, data=bytes(100)), "bytes"),
            (image(height=100, width=100, encoding="bgr8", step=300, data=bytes(30000)), "100x100"),
        ):
            bad.header.frame_id = frame.frame_id
            self.told(reason, partial(self._send_now, bad))
            self.two_hands()

    def _send_now(self, image: Any) -> None:
        image.header.stamp.sec, image.header.stamp.nanosec = divmod(time.time_ns(), 1_000_000_000)
        self.probe.send_raw(image)

    def test_13_a_silent_camera_is_told_and_comes_back(self) -> None:
        self.two_hands()
        self.told("no image for")
        self.two_hands()

    def test_14_time_that_jumps_back_starts_anew(self) -> None:
        before = {h.track_id for h in self.two_hands().hands}
        del self.hands[:]
        stamps = iter(range(1_000_000_000, 1_000_000_000_000, 33_000_000))
        after: set[int] = set()
        while len(after) < 2:
            self.probe.send(clip()[0], stamp_ns=next(stamps))
            time.sleep(0.05)
            early = [m for m in self.hands[:] if stamp_of(m.header) < 1_000_000_000_000]
            after = {h.track_id for m in early for h in m.hands}
        assert not before & after, "tracks went on across the jump"

    def test_15_other_encodings_by_cv_bridge(self) -> None:
        if not CvBridgeDecoder().available:
            self.skipTest("cv_bridge is not installed")
        del self.hands[:]
        end = time.monotonic() + 30.0
        while self._measured_pair() is None:
            assert time.monotonic() < end, "no hands in bgr16"
            for frame in clip():
                wide = frame.image_bgr.astype("uint16") * 256
                stamp = time.time_ns()
                self.probe.send_info(frame, stamp)
                data = wide.tobytes()
                image = message_class("sensor_msgs/msg/Image")(
                    height=360, width=640, encoding="bgr16", step=6 * 640, data=data
                )
                image.header.frame_id = frame.frame_id
                self._send_now(image)
                time.sleep(0.07)

    def test_16_two_cameras_on_one_topic_are_never_tracked(self) -> None:
        self.two_hands()
        other = self.probe.publisher("sensor_msgs/msg/Image", "/camera/image_raw")
        frames = cycle(clip())
        self.told("2 publishers: give each camera its own topic", lambda: self.probe.send(next(frames)))
        del self.hands[:]
        told = lambda: [h.state for m in self.hands[:] for h in m.hands]  # noqa: E731
        states = self.probe.play(clip(), lambda: len(told()) > 10 and told(), "no hands")
        assert set(states) == {HandState.INITIALISING}
        self.probe.node.destroy_publisher(other)
        self.two_hands()

    def test_21_down_and_up_again(self) -> None:
        assert self.probe.transition("deactivate")
        self.probe.wait(lambda: self.probe.node.count_subscribers("/camera/image_raw") == 0, "still subscribed")
        del self.hands[:], self.tf[:]
        for frame in clip():
            self.probe.send(frame)
            time.sleep(0.05)
        assert (self.hands, self.tf) == ([], [])
        assert self.probe.transition("activate")
        self.two_hands()
        assert self.probe.transition("deactivate")
        assert self.probe.transition("cleanup")
        assert self.probe.state() == "unconfigured"
        self.probe.wait(lambda: self.probe.node.count_publishers(f"{SPACE}/hands") == 0, "still publishing")

    def test_22_a_missing_model_is_told_at_configure(self) -> None:
        assert self.probe.set_parameter("hand_model", "/nowhere/MANO_RIGHT.npz").successful
        assert self.probe.transition("configure")
        self.told("/nowhere/MANO_RIGHT.npz")
        assert not self.probe.transition("activate")
        assert self.probe.state() == "inactive"
        assert self.probe.transition("cleanup")
        assert self.probe.set_parameter("hand_model", "").successful
        assert self.probe.transition("configure")
        assert self.probe.transition("activate")
        self.two_hands()

    def test_31_killed_and_respawned(self, proc_info: Any) -> None:
        pid = self._pid(proc_info)
        os.kill(pid, signal.SIGKILL)
        KILLED.append(pid)
        self.probe.wait(lambda: self.probe.node.count_publishers(f"{SPACE}/hands") == 0, "the dead node lingers")
        self.probe.wait(lambda: self._pid(proc_info) != pid, "not started again")
        assert self.probe.transition("configure")
        assert self.probe.transition("activate")
        self.two_hands()

    def _pid(self, proc_info: Any) -> int:
        return max(int(info.pid) for info in proc_info if "perception_node" in info.process_name)


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    """After Ctrl-C."""

    def test_ends_without_a_traceback(self, proc_output: Any, proc_info: Any) -> None:
        for info in proc_info:
            text = "".join(e.text.decode() for e in proc_output[info.process_name])
            assert "Traceback" not in text
        codes = [info.returncode for info in proc_info if "perception_node" in info.process_name]
        assert codes[-1] in (0, None)
