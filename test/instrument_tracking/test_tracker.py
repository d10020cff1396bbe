"""Instruments followed with the hand that holds them, in pictures that show nothing of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from carried import NAME, SMALLER, forms, sequence, true_state, view_of

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import FittingConfig
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.tracker import InstrumentTracker, View
from hoi_perception.instrument_tracking.tracks import ToolTrack
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.transforms import axis_angle_from_rotation


@pytest.fixture(scope="module")
def tracker() -> InstrumentTracker:
    return InstrumentTracker(Library.find(), forms(), AnglePrior.of(FittingConfig()))


def views(frames: int = 10) -> list[View]:
    shown = sequence(frames).frames
    camera = shown[0].camera
    image = np.full((camera.height, camera.width, 3), 128, dtype=np.uint8)
    return [View(image, camera, round(k * 1e9 / 30.0), (view_of(truth),)) for k, truth in enumerate(shown)]


def followed(tracker: InstrumentTracker, shown: list[View], start: InstrumentState) -> list[ToolTrack]:
    tracks = [tracker.begin(shown[0], 5, NAME, start)]
    out = []
    for view in shown:
        tracks = tracker.step(view, tracks)
        out.append(tracks[0])
    return out


@pytest.fixture(scope="module")
def run(tracker: InstrumentTracker) -> list[ToolTrack]:
    return followed(tracker, views(), true_state(sequence().frames[0]))


def test_a_hand_takes_the_size_that_its_instrument_tells(run: list[ToolTrack], tracker: InstrumentTracker) -> None:
    for track, truth in zip(run, sequence().frames, strict=True):
        assert track.grip is not None and track.grip.hand == 1
        hand = tracker.held_hand(track.grip)
        right, taken = (float(np.linalg.norm(truth.hand.wrist_camera)), float(np.linalg.norm(hand.wrist_camera)))
        assert abs(taken / right - 1.0) < 0.5 * (1.0 - SMALLER), "the view alone errs by all of it"


def test_an_instrument_that_nothing_shows_goes_with_its_hand(run: list[ToolTrack]) -> None:
    moved = np.linalg.norm(sequence().frames[-1].t_camera_instrument - sequence().frames[0].t_camera_instrument)
    assert moved > 0.02, "it hardly moves: the test says nothing"
    for track, truth in zip(run, sequence().frames, strict=True):
        turn = axis_angle_from_rotation(track.state.R[0] @ truth.R_camera_instrument.T)
        assert np.linalg.norm(track.state.t[0] - truth.t_camera_instrument) < 0.6 * moved
        assert np.degrees(np.linalg.norm(turn)) < 15.0


def test_hand_and_instrument_move_as_one_body(run: list[ToolTrack]) -> None:
    places = [track.grip.solver.in_hand(track.grip.fit.state).t[0] for track in run if track.grip is not None]
    assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() < 0.0015


def test_a_hand_that_is_found_anew_goes_on_with_its_grip(tracker: InstrumentTracker) -> None:
    shown = views()[:4]
    shown[2:] = [replace(view, hands=(replace(view.hands[0], track_id=9),)) for view in shown[2:]]
    tracks = followed(tracker, shown, true_state(sequence().frames[0]))
    grips = [track.grip for track in tracks]
    assert [grip.hand if grip else None for grip in grips] == [1, 1, 9, 9]
    assert len({id(grip.solver) for grip in grips if grip}) == 1, "the same grasp all the time"


def test_without_its_hand_an_instrument_stays_and_its_grip_ends(tracker: InstrumentTracker) -> None:
    shown = views()[:2]
    gone = [replace(shown[1], hands=(), stamp_ns=shown[1].stamp_ns + (k + 1) * 33_000_000) for k in range(10)]
    tracks = followed(tracker, [*shown, *gone], true_state(sequence().frames[0]))
    patience = tracker.settings.patience
    assert [track.grip is not None for track in tracks[2:]] == [k < patience for k in range(10)]
    np.testing.assert_allclose(tracks[-1].state.t, tracks[1].state.t, atol=1e-9)


def test_landmarks_without_sense_leave_a_finite_pose_that_is_not_called_explained(
    tracker: InstrumentTracker,
) -> None:
    shown = views()[:3]
    hand = shown[2].hands[0]
    scattered = np.random.default_rng(0).permutation(hand.landmarks.points)
    shown[2] = replace(shown[2], hands=(replace(hand, landmarks=replace(hand.landmarks, points=scattered)),))
    tracks = followed(tracker, shown, true_state(sequence().frames[0]))
    assert [track.grip.explained for track in tracks if track.grip] == [True, True, False]
    assert np.isfinite(tracks[2].state.t).all() and np.isfinite(tracks[2].state.R).all()


def test_an_instrument_behind_the_camera_is_not_held(tracker: InstrumentTracker) -> None:
    camera = camera_from_fov(160, 120, 60.0)
    view = View(np.zeros((120, 160, 3), dtype=np.uint8), camera, 0)
    behind = InstrumentState(np.eye(3)[None], np.array([[0.0, 0.0, -0.5]]), np.zeros((1, 0)))
    track = tracker.step(view, [tracker.begin(view, 1, NAME, behind)])[0]
    assert track.grip is None and np.isfinite(track.state.t).all()
