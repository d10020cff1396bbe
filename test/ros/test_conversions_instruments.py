"""Instruments, contacts and whole scenes to messages and back."""

from __future__ import annotations

import logging
from dataclasses import fields, replace

import numpy as np
import pytest
from example_scenes import example_contacts, example_hand, example_instrument, example_scene

from hoi_perception.ros import conversions
from hoi_perception.ros.conversions import MessageError
from hoi_perception.ros.messages import BagMessages
from hoi_perception.types import Contacts, HandZone, Instrument, ScaleSource, Scene, Side, TrackState

MESSAGES = BagMessages()


def through_bytes(message: object) -> object:
    return MESSAGES.decode(MESSAGES.encode(message), message.__msgtype__)


def full_scene() -> Scene:
    hands = (example_hand(Side.LEFT, 1), example_hand(Side.RIGHT, 2))
    tools = (example_instrument("forceps", 11), example_instrument("scalpel_10", 12, **rigid()))
    contacts = (example_contacts(1, 11), example_contacts(2, 11), example_contacts(2, 12))
    return example_scene(*hands, births=1, instruments=tools, contacts=contacts)


def rigid() -> dict[str, object]:
    """An instrument with neither joints nor tips."""
    return {
        "joint_names": (),
        "joint_positions": np.zeros(0),
        "covariance_joints": np.zeros((0, 0)),
        "tip_names": (),
        "tips_camera": np.zeros((0, 3)),
        "state": TrackState.PREDICTED,
        "scale_source": ScaleSource.DEPTH,
    }


def assert_same(got: object, want: object) -> None:
    """Equal values; numbers to the precision of float32."""
    for field in fields(want):
        a, b = getattr(got, field.name), getattr(want, field.name)
        if isinstance(b, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7, err_msg=field.name)
        else:
            assert a == b, field.name


def test_instruments_survive() -> None:
    scene = full_scene()
    message = through_bytes(conversions.instrument_array_message(scene, MESSAGES))
    assert (message.header.stamp.sec, message.header.frame_id) == (12, "camera_optical")
    back = conversions.instruments_from_message(message)
    assert len(back) == 2
    for got, want in zip(back, scene.instruments, strict=True):
        assert_same(got, want)
    np.testing.assert_array_equal(back[0].covariance, scene.instruments[0].covariance)


def test_contacts_survive() -> None:
    scene = full_scene()
    message = through_bytes(conversions.contact_array_message(scene, MESSAGES))
    assert message.hand_track_ids.tolist() == [1, 1, 1, 2, 2, 2, 2, 2, 2]
    assert message.instrument_track_ids.tolist() == [11] * 6 + [12] * 3
    assert message.zones.tolist() == [HandZone.THUMB, HandZone.INDEX, HandZone.PALM] * 3
    np.testing.assert_allclose(message.points[3:6], scene.contacts[0].points_camera[1], rtol=1e-6)
    back = conversions.contacts_from_message(message)
    for got, want in zip(back, scene.contacts, strict=True):
        assert_same(got, want)


def placed_contacts(hand: int, instrument: int) -> Contacts:
    """Contacts whose places on hand and instrument are known, with covariances."""
    half = np.random.default_rng(instrument).normal(size=(3, 3, 3)) * 1e-3
    return example_contacts(
        hand,
        instrument,
        faces=np.array([0, 700, 1537]),
        barycentric=np.array([[1.0, 0.0, 0.0], [0.25, 0.25, 0.5], [0.1, 0.6, 0.3]]),
        links=np.array([0, 2, 1]),
        covariances=half @ np.swapaxes(half, 1, 2),
    )


def test_places_of_contacts_survive_beside_unknown_ones() -> None:
    scene = replace(full_scene(), contacts=(example_contacts(1, 11), placed_contacts(2, 11), placed_contacts(2, 12)))
    message = through_bytes(conversions.contact_array_message(scene, MESSAGES))
    assert message.faces.tolist() == [-1, -1, -1, 0, 700, 1537, 0, 700, 1537]
    assert message.links.tolist() == [-1, -1, -1, 0, 2, 1, 0, 2, 1]
    np.testing.assert_allclose(message.barycentric.reshape(9, 3)[4], [0.25, 0.25, 0.5])
    np.testing.assert_array_equal(message.barycentric.reshape(9, 3)[:3], 0.0)
    rows = message.covariances.reshape(9, 3, 3)
    np.testing.assert_array_equal(rows[:3, 0, 0], -1.0)
    np.testing.assert_allclose(rows[8], scene.contacts[2].covariances[2], rtol=1e-6)
    back = conversions.contacts_from_message(message)
    assert back[0].faces is None and back[0].barycentric is None
    assert back[0].links is None and back[0].covariances is None
    for got, want in zip(back, scene.contacts, strict=True):
        assert_same(got, want)


def test_a_whole_scene_survives() -> None:
    scene = full_scene()
    message = through_bytes(conversions.scene_message(scene, MESSAGES, device="gpu", dropped_frames=3))
    assert (message.status.device, message.status.dropped_frames) == ("gpu", 3)
    assert message.camera_assumption == scene.camera.assumed
    meshes = conversions.mesh_vertices_message(scene.hands, scene.stamp_ns, scene.frame_id, MESSAGES)
    back = conversions.scene_from_message(message, scene.camera, through_bytes(meshes))
    assert (back.stamp_ns, back.frame_id, back.births, back.stage_ms) == (
        scene.stamp_ns,
        scene.frame_id,
        1,
        scene.stage_ms,
    )
    for got, want in zip(back.hands, scene.hands, strict=True):
        assert (got.side, got.track_id, got.state) == (want.side, want.track_id, want.state)
        np.testing.assert_array_equal(got.vertices_camera, want.vertices_camera)
        np.testing.assert_allclose(got.joints_camera, want.joints_camera, rtol=1e-6)
    for got, want in zip((*back.instruments, *back.contacts), (*scene.instruments, *scene.contacts), strict=True):
        assert_same(got, want)


def test_vertices_that_no_message_holds_are_not_invented() -> None:
    scene = full_scene()
    back = conversions.scene_from_message(conversions.scene_message(scene, MESSAGES), scene.camera)
    assert all(np.isnan(hand.vertices_camera).all() for hand in back.hands)
    assert back.hands[0].vertices_camera.shape == (778, 3)


def test_nothing_seen_is_sent_as_nothing() -> None:
    message = through_bytes(conversions.scene_message(example_scene(), MESSAGES))
    assert (message.hands, message.instruments, message.contacts.zones.size) == ([], [], 0)
    assert conversions.contacts_from_message(message.contacts) == ()
    assert through_bytes(conversions.instrument_array_message(example_scene(), MESSAGES)).instruments == []


@pytest.mark.parametrize(
    "name",
    [
        "R_camera_instrument",
        "t_camera_instrument",
        "covariance",
        "joint_positions",
        "covariance_joints",
        "tips_camera",
    ],
)
def test_an_instrument_that_is_not_finite_is_left_out_with_its_contacts(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene = full_scene()
    broken = np.array(getattr(scene.instruments[0], name))
    broken.flat[-1] = np.inf
    scene = replace(scene, instruments=(replace(scene.instruments[0], **{name: broken}), scene.instruments[1]))
    with caplog.at_level(logging.WARNING):
        message = conversions.instrument_array_message(scene, MESSAGES)
    assert [i.name for i in message.instruments] == ["scalpel_10"]
    assert "instrument forceps (11) is not finite" in caplog.text
    assert set(conversions.contact_array_message(scene, MESSAGES).instrument_track_ids.tolist()) == {12}


def test_a_lost_instrument_is_sent_nowhere() -> None:
    scene = full_scene()
    lost = replace(scene, instruments=tuple(replace(i, state=TrackState.LOST) for i in scene.instruments))
    message = conversions.scene_message(lost, MESSAGES)
    assert (message.instruments, message.contacts.zones.size) == ([], 0)
    assert len(conversions.tf_message(lost, MESSAGES).transforms) == 2


@pytest.mark.parametrize(
    "name", ["points_camera", "normals_camera", "signed_distances", "confidences", "barycentric", "covariances"]
)
def test_a_contact_that_is_not_finite_is_left_out(name: str, caplog: pytest.LogCaptureFixture) -> None:
    contacts = placed_contacts(1, 11)
    broken = np.array(getattr(contacts, name))
    broken[1] = np.nan
    scene = replace(full_scene(), contacts=(replace(contacts, **{name: broken}),))
    with caplog.at_level(logging.WARNING):
        message = conversions.contact_array_message(scene, MESSAGES)
    assert message.zones.tolist() == [HandZone.THUMB, HandZone.PALM]
    assert "1 contacts of hand 1 with instrument 11 are not finite" in caplog.text


def test_contacts_of_a_hand_that_is_not_sent_are_not_sent() -> None:
    scene = full_scene()
    broken = replace(scene.hands[0], joints_camera=np.full((21, 3), np.nan))
    scene = replace(scene, hands=(broken, scene.hands[1]))
    assert set(conversions.contact_array_message(scene, MESSAGES).hand_track_ids.tolist()) == {2}


def test_a_sendable_scene_is_complained_about_once(caplog: pytest.LogCaptureFixture) -> None:
    scene = full_scene()
    broken = replace(scene.hands[0], joints_camera=np.full((21, 3), np.nan))
    with caplog.at_level(logging.WARNING):
        sendable = conversions.sendable_scene(replace(scene, hands=(broken, scene.hands[1])))
        conversions.scene_message(sendable, MESSAGES)
        conversions.tf_message(sendable, MESSAGES)
    assert caplog.text.count("is not finite") == 1
    assert [h.track_id for h in sendable.hands] == [2]


def test_pose_and_joints_of_one_instrument() -> None:
    instrument = example_instrument()
    pose = through_bytes(conversions.instrument_pose_message(instrument, 3_000_000_007, "eye", MESSAGES))
    assert (pose.header.stamp.sec, pose.header.stamp.nanosec, pose.header.frame_id) == (3, 7, "eye")
    R, t = conversions.pose_from_message(pose.pose)
    np.testing.assert_allclose(R, instrument.R_camera_instrument, atol=1e-12)
    np.testing.assert_array_equal(t, instrument.t_camera_instrument)
    joints = through_bytes(conversions.joint_state_message(instrument, 3_000_000_007, "eye", MESSAGES))
    assert (joints.name, joints.position.tolist()) == (["jaw"], [0.3])
    assert (joints.velocity.size, joints.effort.size) == (0, 0)


@pytest.mark.parametrize("wxyz", [(0.0, 0.0, 0.0, 0.0), (float("nan"), 0.0, 0.0, 1.0)])
def test_a_pose_that_is_none(wxyz: tuple[float, ...]) -> None:
    pose = conversions.instrument_pose_message(example_instrument(), 0, "eye", MESSAGES).pose
    pose.orientation.w, pose.orientation.x, pose.orientation.y, pose.orientation.z = wxyz
    with pytest.raises(MessageError, match="a quaternion of length 1"):
        conversions.pose_from_message(pose)


def test_equal_types() -> None:
    """The values that come back are what the types say."""
    scene = full_scene()
    back = conversions.scene_from_message(through_bytes(conversions.scene_message(scene, MESSAGES)), scene.camera)
    assert {type(i) for i in back.instruments} == {Instrument}
    assert {type(c) for c in back.contacts} == {Contacts}
    assert {type(i.name) for i in back.instruments} == {str}
