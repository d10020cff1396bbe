"""What is told of an instrument in a hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from carried import NAME, hand_of, sequence, true_state

from hoi_perception.config import FittingConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instrument_perception import InstrumentPerception
from hoi_perception.instrument_telling import Told
from hoi_perception.instrument_tracking.wanted import Wanted, with_pose
from hoi_perception.types import Frame, Hand, ScaleSource, Side, ToldPose, TrackState

FRAMES = 5


@pytest.fixture(scope="module")
def perception() -> InstrumentPerception:
    right = HandModel.load(None, Side.RIGHT)
    models = {side: HandModel.load(None, side) for side in Side}
    return InstrumentPerception(dict.fromkeys(Side, right), models, FittingConfig(), [])


def run(perception: InstrumentPerception, gone: bool = False) -> list[tuple[tuple[Hand, ...], Told]]:
    """Frames that show nothing but a hand; the last one not even that."""
    frames = sequence(FRAMES).frames
    wanted = with_pose([Wanted(4, NAME)], 4, true_state(frames[0]))
    out = []
    for k, truth in enumerate(frames):
        image = np.full((truth.camera.height, truth.camera.width, 3), 128, dtype=np.uint8)
        hands = () if gone and k == FRAMES - 1 else (hand_of(truth),)
        wanted, told = perception.step(Frame(image, truth.camera, k * 33_333_333), hands, wanted)
        out.append((hands, told))
    return out


def test_hand_and_instrument_are_told_together(perception: InstrumentPerception) -> None:
    for hands, told in run(perception):
        (tool,), (hand,), (contacts,) = told.instruments, told.hands, told.contacts
        assert (tool.name, tool.track_id, tool.scale_source) == (NAME, 4, ScaleSource.INSTRUMENT)
        assert hand.scale_source is ScaleSource.INSTRUMENT and hand.track_id == hands[0].track_id
        assert (contacts.hand_track_id, contacts.instrument_track_id) == (hand.track_id, 4)
        assert len(contacts.zones) >= 2 and np.abs(contacts.signed_distances).max() < 0.01
        for covariance in (tool.covariance, hand.covariance_wrist):
            assert np.isfinite(covariance).all() and np.linalg.eigvalsh(covariance).min() > 0.0
        along = tool.t_camera_instrument / np.linalg.norm(tool.t_camera_instrument)
        assert np.sqrt(along @ tool.covariance[:3, :3] @ along) > 0.025 * np.linalg.norm(tool.t_camera_instrument)
        np.testing.assert_allclose(hand.joints_camera[0], hand.parameters.wrist_camera, atol=1e-6)


def test_states(perception: InstrumentPerception) -> None:
    states = [told.instruments[0].state for _, told in run(perception, gone=True)]
    assert states == [TrackState.INITIALISING] * 3 + [TrackState.OCCLUDED, TrackState.PREDICTED]


def test_a_prediction_is_less_sure_and_touches_nothing(perception: InstrumentPerception) -> None:
    told = [told for _, told in run(perception, gone=True)]
    before, after = told[-2].instruments[0], told[-1].instruments[0]
    assert np.trace(after.covariance[:3, :3]) > np.trace(before.covariance[:3, :3])
    assert after.score == 0.0 and told[-1].contacts == ()


def test_a_hand_that_holds_nothing_is_told_as_it_was(perception: InstrumentPerception) -> None:
    truth = sequence(FRAMES).frames[0]
    frame = Frame(np.zeros((truth.camera.height, truth.camera.width, 3), dtype=np.uint8), truth.camera, 0)
    hand = hand_of(truth)
    wanted, told = perception.step(frame, (hand,), [Wanted(4, NAME)])
    assert told.hands == (hand,) and told.instruments == () and wanted[0].state is TrackState.LOST
    unseen = replace(hand, state=TrackState.PREDICTED)
    begun = with_pose([Wanted(4, NAME)], 4, true_state(truth))
    assert perception.step(frame, (unseen,), begun)[1].hands == (unseen,), "a predicted hand holds nothing"


def test_a_hand_and_what_it_holds_are_where_a_source_has_the_instrument(perception: InstrumentPerception) -> None:
    """The hand is taken to be too small, so that it alone has the instrument nearer than it is."""
    frames = sequence(FRAMES).frames
    sure = np.diag([4e-6] * 3 + [1e-4] * 3)
    wanted: tuple[Wanted, ...] = (Wanted(4, NAME),)
    for k, truth in enumerate(frames):
        image = np.full((truth.camera.height, truth.camera.width, 3), 128, dtype=np.uint8)
        R, t = truth.R_camera_instrument, truth.t_camera_instrument
        poses = (ToldPose(4, R, t, sure, "a robot", truth.joint_positions),)
        frame = Frame(image, truth.camera, k * 33_333_333, poses=poses)
        wanted, told = perception.step(frame, (hand_of(truth),), wanted)
        (tool,), (hand,), (contacts,) = told.instruments, told.hands, told.contacts
        assert np.linalg.norm(tool.t_camera_instrument - truth.t_camera_instrument) < 0.003
        off = np.linalg.norm(hand.parameters.wrist_camera - truth.hand.wrist_camera)
        assert off < 0.5 * np.linalg.norm(hand_of(truth).parameters.wrist_camera - truth.hand.wrist_camera)
        assert np.linalg.eigvalsh(sure - tool.covariance).min() > -1e-9, "two sources are at least as sure as one"
        assert len(contacts.zones) >= 2 and told.notes == ()
    assert tool.state is TrackState.OCCLUDED


def test_a_hand_that_stays_while_a_source_moves_the_instrument_away_holds_it_no_longer(
    perception: InstrumentPerception,
) -> None:
    truth = sequence(FRAMES).frames[0]
    image = np.full((truth.camera.height, truth.camera.width, 3), 128, dtype=np.uint8)
    wanted: tuple[Wanted, ...] = (Wanted(4, NAME),)
    held = []
    for k in range(16):
        t = truth.t_camera_instrument + np.array([0.0, -0.006 * max(k - 3, 0), 0.0])
        pose = ToldPose(4, truth.R_camera_instrument, t, np.diag([1e-6] * 3 + [1e-4] * 3), "a robot")
        frame = Frame(image, truth.camera, k * 33_333_333, poses=(pose,))
        wanted, told = perception.step(frame, (hand_of(truth),), wanted)
        assert np.linalg.norm(told.instruments[0].t_camera_instrument - t) < 0.007
        track = wanted[0].track
        held.append(track is not None and track.grip is not None)
    assert held[3] and not held[-1]
    assert np.linalg.norm(told.instruments[0].t_camera_instrument - t) < 0.001
