"""Scenes to messages and back."""

from __future__ import annotations

import logging
from dataclasses import fields, replace

import numpy as np
import pytest
from example_scenes import example_faces, example_hand, example_scene

from hoi_perception.ros import conversions
from hoi_perception.ros.messages import BagMessages
from hoi_perception.types import HandParameters, ScaleSource, Scene, Side, TrackState

MESSAGES = BagMessages()


def through_bytes(message: object) -> object:
    return MESSAGES.decode(MESSAGES.encode(message), message.__msgtype__)


def round_trip(scene: Scene) -> Scene:
    hands = conversions.sendable_hands(scene)
    return conversions.scene_from_messages(
        through_bytes(conversions.hand_array_message(scene, MESSAGES)),
        through_bytes(conversions.mesh_vertices_message(hands, scene.stamp_ns, scene.frame_id, MESSAGES)),
        through_bytes(conversions.frame_status_message(scene, MESSAGES)),
        scene.camera,
    )


@pytest.mark.parametrize("source", list(ScaleSource))
def test_scene_survives_the_messages(source: ScaleSource) -> None:
    hands = (example_hand(Side.LEFT, 1, scale_source=source), example_hand(Side.RIGHT, 2, state=TrackState.OCCLUDED))
    back = round_trip(example_scene(*hands, births=2))
    assert (back.stamp_ns, back.frame_id, back.births) == (12_000_000_034, "camera_optical", 2)
    assert back.stage_ms == {"detect": 4.0, "lift": 2.0, "total": 7.0}
    for got, want in zip(back.hands, hands, strict=True):
        assert (got.side, got.track_id, got.state, got.scale_source) == (
            want.side,
            want.track_id,
            want.state,
            want.scale_source,
        )
        np.testing.assert_array_equal(got.vertices_camera, want.vertices_camera)
        np.testing.assert_array_equal(got.covariance_wrist, want.covariance_wrist)
        for name in ("joints_camera", "joint_confidence", "translation_mano"):
            np.testing.assert_allclose(getattr(got, name), getattr(want, name), rtol=1e-6)
        for field in fields(HandParameters):
            np.testing.assert_allclose(
                getattr(got.parameters, field.name), getattr(want.parameters, field.name), rtol=1e-6
            )
        np.testing.assert_allclose(got.landmarks.points_px, want.landmarks.points_px, rtol=1e-6)
        assert np.isnan(got.landmarks.depth_relative).all()  # no message holds it
        assert got.residual_px == pytest.approx(want.residual_px)
        assert got.heldout_residual_px == pytest.approx(want.heldout_residual_px)


def test_nothing_seen_is_an_empty_array_with_the_stamp_of_the_image() -> None:
    message = through_bytes(conversions.hand_array_message(example_scene(stamp_ns=3_000_000_007), MESSAGES))
    assert message.hands == []
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (3, 7)
    assert message.camera_assumption == "horizontal field of view of 55 deg assumed"
    assert conversions.tf_message(example_scene(), MESSAGES).transforms == []


def test_wrist_pose_is_a_quarter_turn_about_z() -> None:
    pose = np.zeros((16, 3))
    pose[0] = [0.0, 0.0, np.pi / 2]
    hand = example_hand(parameters=HandParameters(pose, np.zeros(10), np.array([0.1, 0.2, 0.3])))
    message = conversions.hand_array_message(example_scene(hand), MESSAGES).hands[0]
    q, p = message.wrist_pose.pose.orientation, message.wrist_pose.pose.position
    np.testing.assert_allclose([q.x, q.y, q.z, q.w], [0, 0, np.sqrt(0.5), np.sqrt(0.5)], atol=1e-12)
    assert [p.x, p.y, p.z] == [0.1, 0.2, 0.3]
    assert message.pose_convention == message.ZERO_IS_FLAT_HAND
    assert message.wrist_pose.covariance[7] == pytest.approx(2e-4)  # variance along y, row-major


def test_tf_names_are_stable_and_numbered_from_the_second_of_a_kind() -> None:
    hands = (example_hand(Side.LEFT, 9), example_hand(Side.RIGHT, 4), example_hand(Side.LEFT, 5))
    transforms = conversions.tf_message(example_scene(*hands), MESSAGES).transforms
    assert [t.child_frame_id for t in transforms] == ["hand_left_2", "hand_right", "hand_left"]
    assert {t.header.frame_id for t in transforms} == {"camera_optical"}


def test_a_lost_hand_is_sent_nowhere() -> None:
    scene = example_scene(example_hand(state=TrackState.LOST))
    assert conversions.hand_array_message(scene, MESSAGES).hands == []
    assert conversions.tf_message(scene, MESSAGES).transforms == []


@pytest.mark.parametrize("name", ["joints_camera", "vertices_camera", "covariance_wrist", "translation_mano"])
def test_a_hand_that_is_not_finite_is_left_out_and_named(name: str, caplog: pytest.LogCaptureFixture) -> None:
    hand = example_hand()
    broken = np.array(getattr(hand, name))
    broken.flat[0] = np.nan
    scene = example_scene(replace(hand, **{name: broken}), example_hand(Side.LEFT, 1))
    with caplog.at_level(logging.WARNING):
        message = conversions.hand_array_message(scene, MESSAGES)
    assert [h.side for h in message.hands] == [Side.LEFT]
    assert "right hand 3 is not finite" in caplog.text


def test_numbers_that_were_not_measured_are_minus_one_never_nan() -> None:
    hand = example_hand(
        residual_px=np.nan, heldout_residual_px=np.nan, landmarks=None, joint_confidence=np.full(21, np.nan)
    )
    message = conversions.hand_array_message(example_scene(hand, x=float("nan")), MESSAGES).hands[0]
    assert (message.residual_px, message.heldout_residual_px, message.has_landmarks) == (-1.0, -1.0, False)
    assert not message.joint_confidence.any()
    status = conversions.frame_status_message(example_scene(hand, x=float("nan")), MESSAGES)
    assert status.total_ms == 0.0
    back = round_trip(example_scene(hand)).hands[0]
    assert np.isnan(back.residual_px)
    assert back.landmarks is None


def test_faces_survive() -> None:
    message = through_bytes(conversions.mesh_topology_message(Side.LEFT, example_faces(), MESSAGES))
    assert (message.topology_id, message.vertex_count) == ("hand_left", 778)
    np.testing.assert_array_equal(conversions.faces_from_message(message), example_faces())


def test_frame_status_names_what_ran() -> None:
    status = through_bytes(
        conversions.frame_status_message(example_scene(births=1), MESSAGES, device="cpu", dropped_frames=4)
    )
    assert (status.stages, status.device, status.dropped_frames, status.births) == (
        ["detect", "lift", "total"],
        "cpu",
        4,
        1,
    )
    assert status.total_ms == 7.0
