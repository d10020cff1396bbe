"""Calibrations that change while hands are followed: no hand stays TRACKED where it never was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.camera_change import MAX_FOCAL_CHANGE, after_camera_change
from hoi_perception.config import Config
from hoi_perception.hands.anatomy import grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.proposals import FoundHand
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.tracked_fit import solve_tracks
from hoi_perception.tracking import Memory, hand_state, new_track, update_seen
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Distortion, HandLandmarks, Side, TrackState

CONFIG = Config()
CAMERA = camera_from_fov(1280, 720, 55.0)
TRUTH = HandState(
    np.array([[0.0, 0.0, 0.5]]),
    np.asarray(rotation_from_axis_angle(np.array([[0.3, 0.2, 1.0]])), dtype=np.float64),
    grasp_angles()["tripod"].reshape(1, 45),
)


@pytest.fixture(scope="module")
def fitter() -> HandFitter:
    right = HandModel.load(None, Side.RIGHT)
    return HandFitter(dict.fromkeys(Side, right), CONFIG.fitting)


def zoomed(factor: float) -> Camera:
    """The camera with that many times its focal length."""
    K = CAMERA.K.copy()
    K[[0, 1], [0, 1]] *= factor
    return replace(CAMERA, K=K, assumed="")


def seen_by(fitter: HandFitter, camera: Camera) -> HandLandmarks:
    """Landmarks of the true hand."""
    px = fitter.project(Side.RIGHT, TRUTH, np.zeros(10), camera)
    return HandLandmarks(px, np.full(21, np.nan), 1.0, 1.0)


def step(fitter: HandFitter, memory: Memory, camera: Camera, landmarks: HandLandmarks) -> Memory:
    """One frame of one hand."""
    memory = after_camera_change(memory, camera)
    tracks = [update_seen(t, landmarks, 4.0, CONFIG.tracking) for t in memory.tracks]
    tracks = tracks or [new_track(memory.next_id, FoundHand(landmarks), (), CONFIG.tracking)]
    (solved,) = solve_tracks(fitter, tracks, camera, 0, 1.0 / 30.0, CONFIG)
    return replace(memory, tracks=(solved.track,))


def followed(fitter: HandFitter, camera: Camera = CAMERA, frames: int = 6) -> Memory:
    memory = Memory()
    for _ in range(frames):
        memory = step(fitter, memory, camera, seen_by(fitter, CAMERA))
    assert state(memory) is TrackState.TRACKED
    return memory


def state(memory: Memory) -> TrackState:
    return hand_state(memory.tracks[0], 1.0, CONFIG.tracking)


def depth(memory: Memory) -> float:
    right = memory.tracks[0].state_right
    assert right is not None
    return float(right.wrist[0, 2])


@pytest.mark.parametrize("factor", [0.6, 1.5])
def test_a_corrected_calibration_corrects_the_depth_before_the_hand_is_tracked_again(
    fitter: HandFitter, factor: float
) -> None:
    memory = followed(fitter, zoomed(factor))
    assert depth(memory) == pytest.approx(0.5 * factor, rel=0.05)
    memory = step(fitter, memory, CAMERA, seen_by(fitter, CAMERA))
    assert state(memory) is TrackState.INITIALISING
    memory = step(fitter, memory, CAMERA, seen_by(fitter, CAMERA))
    assert state(memory) is TrackState.TRACKED
    assert depth(memory) == pytest.approx(0.5, rel=0.02)
    assert memory.tracks[0].track_id == 1


@pytest.mark.parametrize("rate", [0.98, 1.02, 1.04])
def test_a_calibration_that_drifts_takes_the_depth_with_it(fitter: HandFitter, rate: float) -> None:
    """The image stays, so the depth is as many times larger as the focal length."""
    memory, factor = followed(fitter), 1.0
    for _ in range(20):
        factor *= rate
        memory = step(fitter, memory, zoomed(factor), seen_by(fitter, CAMERA))
        assert state(memory) is TrackState.TRACKED
        assert depth(memory) == pytest.approx(0.5 * factor, rel=0.03)


@pytest.mark.parametrize("rate", [0.97, 1.03])
def test_a_zoom_leaves_the_depth_where_it_is(fitter: HandFitter, rate: float) -> None:
    """The image grows with the focal length."""
    memory, factor = followed(fitter), 1.0
    for _ in range(20):
        factor *= rate
        memory = step(fitter, memory, zoomed(factor), seen_by(fitter, zoomed(factor)))
        assert state(memory) is TrackState.TRACKED
        assert depth(memory) == pytest.approx(0.5, rel=0.02)


def test_the_same_camera_changes_nothing(fitter: HandFitter) -> None:
    memory = followed(fitter)
    again = after_camera_change(memory, replace(CAMERA, K=CAMERA.K.copy()))
    assert again.tracks[0].state_right is memory.tracks[0].state_right
    assert again.tracks[0].focal_change == 0.0


@pytest.mark.parametrize("larger", [False, True])
def test_what_counts_as_a_jump(fitter: HandFitter, larger: bool) -> None:
    memory = followed(fitter)
    change = MAX_FOCAL_CHANGE * (1.1 if larger else 0.9)
    (track,) = after_camera_change(memory, zoomed(1.0 + change)).tracks
    assert (track.state_right is None, track.depth is None) == (larger, larger)
    assert track.focal_change == (0.0 if larger else pytest.approx(change))


def test_another_lens_model_starts_fits_anew(fitter: HandFitter) -> None:
    lens = replace(CAMERA, distortion=Distortion.PLUMB_BOB, D=np.zeros(5))
    (track,) = after_camera_change(followed(fitter), lens).tracks
    assert track.state_right is None


def test_an_image_of_another_size_leaves_ids_and_calibrated_shapes(fitter: HandFitter) -> None:
    calibrated = {Side.LEFT: ShapeEstimate(frames=40)}
    memory = replace(followed(fitter), next_id=7, shapes=calibrated)
    small = after_camera_change(memory, camera_from_fov(640, 360, 55.0))
    assert (small.tracks, small.next_id, small.shapes) == ((), 7, calibrated)
    assert small.camera is not None and small.camera.width == 640
