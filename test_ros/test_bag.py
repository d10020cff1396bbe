"""A bag that is played into the node gives what `hoi-perception run` gives on it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
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
from probe import Probe, stamp_of
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from std_srvs.srv import Trigger

from hoi_perception.ros.conversions import camera_info_message, image_message
from hoi_perception.ros.messages import BagMessages

LAUNCH = Path(__file__).resolve().parents[1] / "launch" / "perception.launch.py"
START_NS = 1_700_000_000_000_000_000


@pytest.mark.launch_test
def generate_test_description() -> LaunchDescription:
    """The node with defaults."""
    included = IncludeLaunchDescription(PythonLaunchDescriptionSource(str(LAUNCH)))
    return LaunchDescription([included, launch_testing.actions.ReadyToTest()])


def write_bag(folder: Path) -> None:
    """The clip with its calibration."""
    messages = BagMessages()
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        store = messages.typestore
        image = writer.add_connection("/camera/image_raw", "sensor_msgs/msg/Image", typestore=store)
        info = writer.add_connection("/camera/camera_info", "sensor_msgs/msg/CameraInfo", typestore=store)
        for frame in clip(12):
            stamp = START_NS + frame.stamp_ns
            made = camera_info_message(frame.camera, stamp, frame.frame_id, messages)
            writer.write(info, stamp, messages.encode(made))
            writer.write(image, stamp, messages.encode(image_message(frame.image_bgr, stamp, "eye", messages)))


def hands_of_run(bag: Path, out: Path) -> dict[int, list[Any]]:
    """Hands by stamp that `hoi-perception run` writes."""
    command = [sys.executable, "-m", "hoi_perception.cli", "run", str(bag), "--out", str(out), "--no-video"]
    subprocess.run(command, check=True, capture_output=True)
    with AnyReader([out / "scene.mcap"], default_typestore=BagMessages().typestore) as reader:
        wanted = [c for c in reader.connections if c.topic == "/hands"]
        arrays = [reader.deserialize(data, c.msgtype) for c, _, data in reader.messages(wanted)]
    return {stamp_of(a.header): list(a.hands) for a in arrays}


class TestBag(unittest.TestCase):
    """Frame by frame, so that none is dropped."""

    def test_played_and_processed_agree(self) -> None:
        with tempfile.TemporaryDirectory() as folder, Probe("/hoi_perception") as probe:
            bag = Path(folder) / "bag"
            write_bag(bag)
            expected = hands_of_run(bag, Path(folder) / "out")
            probe.wait(lambda: probe.state() == "active", "not active")
            hands = probe.collect("hoi_perception/msg/HandArray", "/hands")
            status = probe.collect("diagnostic_msgs/msg/DiagnosticArray", "/diagnostics")
            ready = lambda: any("no image" in s.message for m in status[:] for s in m.status)  # noqa: E731
            probe.wait(ready, "models are not loaded")
            empty = replace(clip(1)[0], image_bgr=np.full_like(clip(1)[0].image_bgr, 128))
            probe.play([empty], lambda: len(hands), "the node does not hear the camera yet")
            probe.settle(hands)
            assert probe.call(Trigger, "~/reset", Trigger.Request()).success
            hands.clear()
            for frame in clip(12):
                count = len(hands)
                probe.send(frame, START_NS + frame.stamp_ns)
                probe.wait(lambda count=count: len(hands) > count, "no result")
        assert [stamp_of(m.header) for m in hands] == sorted(expected)
        compared = 0
        for message in hands:
            for played, run in zip(message.hands, expected[stamp_of(message.header)], strict=True):
                assert (played.side, played.state) == (run.side, run.state)
                np.testing.assert_allclose(played.joints, run.joints, atol=1e-4)
                np.testing.assert_allclose(played.pose, run.pose, atol=1e-4)
                compared += 1
        assert compared > 12
