"""Instruments followed with the hand that holds them, in pictures that show nothing of them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from carried import NAME, SMALLER, forms, sequence, true_state, view_of

from hoi_perception.camera import camera_from_fov, project, undistort
from hoi_perception.config import FittingConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.tracks import ToolTrack
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Camera, HandParameters, Side


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


def test_without_its_hand_an_instrument_comes_to_rest_and_its_grip_ends(tracker: InstrumentTracker) -> None:
    shown = views()[:2]
    gone = [replace(shown[1], hands=(), stamp_ns=shown[1].stamp_ns + (k + 1) * 33_000_000) for k in range(10)]
    tracks = followed(tracker, [*shown, *gone], true_state(sequence().frames[0]))
    patience = tracker.settings.patience
    assert [track.grip is not None for track in tracks[2:]] == [k < patience for k in range(10)]
    assert np.linalg.norm(tracks[-1].state.t - tracks[-2].state.t) < 0.0005
    assert np.linalg.norm(tracks[-1].state.t - tracks[1].state.t) < 0.02


@pytest.mark.parametrize("broad", [False, True])
def test_only_several_images_in_a_row_take_a_thin_instrument_out_of_its_hand(
    broad: bool, tracker: InstrumentTracker, run: list[ToolTrack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InstrumentTracker, "_are_apart", lambda *_: True)
    tracks = [replace(run[-1], broad=broad)]
    colours, held = run[-1].region.colours, []
    for k in range(tracker.settings.doubts + 1):
        view = replace(views()[-1], stamp_ns=views()[-1].stamp_ns + (k + 1) * 33_000_000)
        tracks = tracker.step(view, tracks)
        held.append(tracks[0].grip is not None)
        assert tracks[0].region.colours is colours, "colours of another thing were learned"
    assert held == ([False] * len(held) if broad else [True] * tracker.settings.doubts + [False])


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


def drawn(track_x: float, hand: bool) -> View:
    """A red cup at 0.7 m, its middle so far to the right (m), on white; a hand beside it that does not touch it."""
    camera = camera_from_fov(320, 240, 60.0)
    state = cup(track_x)
    vertices, faces = tracker_for_cups().shapes.surface("cup_16oz", state)
    image = np.full((240, 320, 3), 230, dtype=np.uint8)
    image[rasterise(vertices, faces, camera).mask] = (40, 30, 200)
    return View(image, camera, 0, (beside(camera),) if hand else ())


def cup(x: float) -> InstrumentState:
    """Upright, seen from the side and a little from above."""
    R = np.asarray(rotation_from_axis_angle(np.array([0.35, 0.0, 0.0]))) @ np.array(
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]
    )
    return InstrumentState(R[None], np.array([[x, -0.05, 0.7]]), np.zeros((1, 0)))


@lru_cache(maxsize=1)
def tracker_for_cups() -> InstrumentTracker:
    return InstrumentTracker(Library.find(), forms(), AnglePrior.of(FittingConfig()))


def beside(camera: Camera) -> HandView:
    """An open hand whose landmarks lie at the cup in the image."""
    truth = HandParameters(np.zeros((16, 3)), np.zeros(10), np.array([0.06, 0.0, 0.7]))
    posed = HandModel.load(None, Side.RIGHT).posed(truth)
    px = np.asarray(project(posed.joints21(), camera), dtype=np.float64)
    term = LandmarkTerm(0, np.asarray(undistort(px, camera)), np.full(21, camera.focal_px / 2.0))
    return HandView(Side.RIGHT, 1, truth, term, px, np.asarray(posed.vertices, dtype=np.float64))


def at(view: View, k: int) -> View:
    return replace(view, stamp_ns=k * 33_333_333)


def test_a_hand_beside_what_stands_still_in_clear_view_does_not_hold_it() -> None:
    tracker = tracker_for_cups()
    tracks = [tracker.begin(drawn(0.0, hand=False), 1, "cup_16oz", cup(0.0))]
    for k in range(6):
        tracks = tracker.step(at(drawn(0.0, hand=k > 1), k), tracks)
        assert tracks[0].grip is None and tracks[0].region.rows
    assert np.linalg.norm(tracks[0].state.t[0, :2] - cup(0.0).t[0, :2]) < 0.003


def test_what_is_gone_is_found_elsewhere() -> None:
    """A third of the picture away, far beyond the reach of the lines."""
    tracker = tracker_for_cups()
    tracks = [tracker.begin(drawn(0.0, hand=False), 1, "cup_16oz", cup(0.0))]
    for k in range(tracker.settings.known + 1):
        tracks = tracker.step(at(drawn(0.0, hand=False), k), tracks)
    tracks = tracker.step(at(drawn(0.22, hand=False), k + 1), tracks)
    assert tracks[0].region.rows
    assert np.linalg.norm(tracks[0].state.t[0, :2] - cup(0.22).t[0, :2]) < 0.01
