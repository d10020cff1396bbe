"""Instruments that are looked for: how they come, go, are lost and forgotten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import FittingConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.hand_view import HandForms
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instrument_tracking.wanted import (
    FORGET_FRAMES,
    PREDICT_FRAMES,
    Wanted,
    stated_pose,
    unseen,
    watch,
    with_pose,
    without,
)
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.types import Side, TrackState

NAME = "bone_curette"
CAMERA = camera_from_fov(160, 120, 60.0)


@pytest.fixture(scope="module")
def tracker() -> InstrumentTracker:
    forms = HandForms(dict.fromkeys(Side, HandModel.load(None, Side.RIGHT)))
    return InstrumentTracker(Library.find(), forms, AnglePrior.of(FittingConfig()))


def pose(z: float = 0.5, joints: int = 0) -> InstrumentState:
    return InstrumentState(np.eye(3)[None], np.array([[0.0, 0.0, z]]), np.zeros((1, joints)))


def blank(k: int) -> View:
    """A frame that shows nothing."""
    return View(np.full((120, 160, 3), 90, dtype=np.uint8), CAMERA, k * 33_333_333)


def test_without_a_pose_an_instrument_is_lost(tracker: InstrumentTracker) -> None:
    (one,) = watch(tracker, blank(0), [Wanted(1, NAME)])
    assert one.track is None and one.state is TrackState.LOST


def test_one_that_nothing_shows_is_predicted_lost_and_forgotten(tracker: InstrumentTracker) -> None:
    wanted = with_pose([Wanted(1, NAME)], 1, pose())
    states = []
    for k in range(FORGET_FRAMES + 1):
        wanted = watch(tracker, blank(k), wanted)
        states.append(wanted[0].state)
    assert states[:PREDICT_FRAMES] == [TrackState.PREDICTED] * PREDICT_FRAMES
    assert set(states[PREDICT_FRAMES:]) == {TrackState.LOST}
    assert wanted[0].track is None, "its place is forgotten, it is still looked for"
    assert watch(tracker, blank(0), with_pose(wanted, 1, pose()))[0].state is TrackState.PREDICTED


def test_states_tell_what_was_seen(tracker: InstrumentTracker) -> None:
    (one,) = watch(tracker, blank(0), with_pose([Wanted(1, NAME)], 1, pose()))
    seen = replace(one, unseen=0)
    assert replace(seen, frames=3).state is TrackState.INITIALISING
    assert replace(seen, frames=4).state is TrackState.OCCLUDED, "no row of the image: the hand told of it"


def test_numbers_that_nobody_has_are_refused_and_nothing_changes() -> None:
    wanted = (Wanted(3, NAME), Wanted(4, "cube"))
    with pytest.raises(InstrumentError, match=r"number 7.*3 \(bone_curette\), 4 \(cube\)"):
        without(wanted, 7)
    with pytest.raises(InstrumentError, match="number 7"):
        with_pose(wanted, 7, pose())
    assert [w.track_id for w in without(wanted, 3)] == [4]


@pytest.mark.parametrize(("bad", "why"), [(pose(-0.1), "behind the camera"), (pose(np.nan), "not finite")])
def test_poses_that_cannot_be_are_refused(bad: InstrumentState, why: str) -> None:
    with pytest.raises(InstrumentError, match=why):
        with_pose([Wanted(1, NAME)], 1, bad)


def test_joints_by_name() -> None:
    model = Library.find().get("mosquito_haemostat")
    (joint,) = model.joint_names
    state = stated_pose(np.eye(3), np.array([0.0, 0.0, 0.4]), model, {joint: 0.1})
    assert state.angles.tolist() == [[0.1]]
    with pytest.raises(InstrumentError, match=f"no joint 'elbow': there are {joint}"):
        stated_pose(np.eye(3), np.zeros(3), model, {"elbow": 0.1})
    with pytest.raises(InstrumentError, match="outside of"):
        stated_pose(np.eye(3), np.zeros(3), model, {joint: 3.0})


def test_after_a_reset_it_is_still_looked_for(tracker: InstrumentTracker) -> None:
    wanted = watch(tracker, blank(0), with_pose([Wanted(1, NAME)], 1, pose()))
    assert wanted[0].track is not None
    assert [(w.name, w.track) for w in unseen(wanted)] == [(NAME, None)]
