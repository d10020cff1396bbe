"""What is shown: markers, diagnostics, detections."""

from __future__ import annotations

import numpy as np
import pytest
from example_scenes import example_contacts, example_faces, example_hand, example_instrument, example_scene

from hoi_perception.ros import conversions
from hoi_perception.ros.conversions import Diagnostic, Level
from hoi_perception.ros.messages import BagMessages
from hoi_perception.types import Scene, Side, TrackState

MESSAGES = BagMessages()
FACES = {side: example_faces() for side in Side}


def through_bytes(message: object) -> object:
    return MESSAGES.decode(MESSAGES.encode(message), message.__msgtype__)


def markers(scene: Scene, **options: object) -> object:
    return through_bytes(conversions.markers_message(scene, FACES, MESSAGES, **options))


def test_a_hand_is_a_surface_in_its_colour() -> None:
    hand = example_hand(Side.LEFT, 5)
    (marker,) = markers(example_scene(hand), lifetime_s=0.25).markers
    assert (marker.ns, marker.id, marker.type, marker.action) == ("hands", 5, marker.TRIANGLE_LIST, marker.ADD)
    assert (marker.header.frame_id, marker.header.stamp.sec) == ("camera_optical", 12)
    corners = np.array([[p.x, p.y, p.z] for p in marker.points], dtype=np.float32)
    np.testing.assert_array_equal(corners, hand.vertices_camera[example_faces().reshape(-1)])
    assert (marker.color.r, marker.color.a) == (1.0, 1.0)
    assert marker.color.r > marker.color.g > marker.color.b  # amber
    assert (marker.scale.x, marker.pose.orientation.w) == (1.0, 1.0)
    assert (marker.lifetime.sec, marker.lifetime.nanosec) == (0, 250_000_000)


def test_the_less_is_measured_the_more_transparent() -> None:
    states = (TrackState.TRACKED, TrackState.OCCLUDED, TrackState.PREDICTED)
    hands = (example_hand(track_id=i, state=state) for i, state in enumerate(states))
    alphas = [m.color.a for m in markers(example_scene(*hands)).markers]
    assert 1.0 == alphas[0] > alphas[1] > alphas[2] > 0.0


def test_instruments_are_lines_to_their_tips_and_contacts_balls() -> None:
    tool, contacts = example_instrument(), example_contacts()
    scene = example_scene(example_hand(), instruments=(tool,), contacts=(contacts,))
    _, line, balls = markers(scene).markers
    assert (line.ns, line.id, line.type) == ("instruments", 11, line.LINE_LIST)
    ends = np.array([[p.x, p.y, p.z] for p in line.points])
    np.testing.assert_allclose(ends[0::2], [tool.t_camera_instrument] * 2)
    np.testing.assert_allclose(ends[1::2], tool.tips_camera)
    assert (balls.ns, balls.type) == ("contacts", balls.SPHERE_LIST)
    np.testing.assert_allclose([[p.x, p.y, p.z] for p in balls.points], contacts.points_camera)


def test_what_is_gone_is_deleted_once() -> None:
    both = markers(example_scene(example_hand(Side.LEFT, 1), example_hand(Side.RIGHT, 2)))
    assert conversions.shown_markers(both) == {("hands", 1), ("hands", 2)}
    one = markers(example_scene(example_hand(Side.RIGHT, 2)), shown=conversions.shown_markers(both))
    assert [(m.action, m.ns, m.id) for m in one.markers] == [(2, "hands", 1), (0, "hands", 2)]
    again = markers(example_scene(), shown=conversions.shown_markers(one))
    assert [(m.action, m.id) for m in again.markers] == [(again.markers[0].DELETE, 2)]
    assert markers(example_scene(), shown=conversions.shown_markers(again)).markers == []


def test_what_may_not_be_sent_is_not_shown() -> None:
    broken = example_hand(vertices_camera=np.full((778, 3), np.nan, dtype=np.float32))
    assert markers(example_scene(broken, example_hand(state=TrackState.LOST))).markers == []


def test_diagnostics() -> None:
    lines = [
        Diagnostic("hoi_perception: tracking", Level.OK, "2 hands"),
        Diagnostic(
            "hoi_perception: camera", Level.WARN, "no image for 3 s", {"rate_hz": 29.96999, "dropped": 3}, "eye"
        ),
    ]
    message = through_bytes(conversions.diagnostics_message(lines, 7_000_000_001, MESSAGES))
    assert (message.header.stamp.sec, message.header.stamp.nanosec, message.header.frame_id) == (7, 1, "")
    first, second = message.status
    assert (first.level, first.name, first.message, first.values) == (0, "hoi_perception: tracking", "2 hands", [])
    assert (second.level, second.hardware_id) == (second.WARN, "eye")
    assert [(v.key, v.value) for v in second.values] == [("rate_hz", "29.97"), ("dropped", "3")]


@pytest.mark.parametrize("level", list(Level))
def test_levels_are_those_of_the_message(level: Level) -> None:
    kind = MESSAGES.typestore.types["diagnostic_msgs/msg/DiagnosticStatus"]
    assert getattr(kind, level.name) == level
