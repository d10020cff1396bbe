"""The whole pipeline, networks included, on rendered frames whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.camera import CameraError, camera_from_fov
from hoi_perception.config import Config
from hoi_perception.hands.landmarks import Colours
from hoi_perception.hands.models import MODELS, model_directory
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.metrics.hand import pa_mpjpe_mm
from hoi_perception.networks.hand_proposers import HeadProposer
from hoi_perception.pipeline import FrameError, Perception
from hoi_perception.synthesis.demo_clip import TrueHand, demo_frames
from hoi_perception.types import Frame, HandLandmarks, HandRegion, Scene, Side, TrackState

Clip = Sequence[tuple[Frame, Sequence[TrueHand]]]
EMPTY = Frame(np.full((480, 640, 3), 90, dtype=np.uint8), camera_from_fov(640, 480, 55.0), 0)


@pytest.fixture(scope="module")
def perception() -> Perception:
    absent = [model.name for model in MODELS if not (model_directory() / model.name).is_file()]
    if absent:
        pytest.skip(f"{', '.join(absent)} not in {model_directory()}: run `hoi-perception models fetch`")
    return Perception()


@pytest.fixture(scope="module")
def clip() -> Clip:
    return list(islice(demo_frames(90, width=640, height=360), 15))


@pytest.fixture
def scenes(perception: Perception, clip: Clip) -> list[Scene]:
    perception.reset()
    return [perception.process(frame) for frame, _ in clip]


def test_both_rendered_hands_are_tracked_where_they_are(scenes: list[Scene], clip: Clip) -> None:
    errors, found = [], 0
    for scene, (_, truth) in zip(scenes, clip, strict=True):
        tracked = {hand.side: hand for hand in scene.hands if hand.state is TrackState.TRACKED}
        for true in truth:
            if true.side in tracked:
                found += 1
                errors.append(pa_mpjpe_mm(tracked[true.side].joints_camera, true.joints_camera))
    assert found >= 0.95 * 2 * len(clip)
    assert np.mean(errors) <= 8.0


def test_tracks_keep_their_names_and_count_two_births(scenes: list[Scene]) -> None:
    assert sum(scene.births for scene in scenes) == 2
    assert len({(hand.side, hand.track_id) for scene in scenes for hand in scene.hands}) == 2


def test_everything_told_is_finite_and_covariances_are_covariances(scenes: list[Scene]) -> None:
    for scene in scenes:
        for hand in scene.hands:
            for array in (hand.joints_camera, hand.vertices_camera, hand.parameters.pose, hand.covariance_wrist):
                assert np.isfinite(array).all()
            np.testing.assert_allclose(hand.covariance_wrist, hand.covariance_wrist.T, atol=1e-12)
            assert np.linalg.eigvalsh(hand.covariance_wrist).min() > 0.0
            depth_sigma = np.sqrt(hand.covariance_wrist[2, 2])
            assert depth_sigma > 0.05 * hand.parameters.wrist_camera[2]


def test_the_mesh_belongs_to_the_joints(scenes: list[Scene], perception: Perception) -> None:
    hand = next(hand for hand in scenes[-1].hands if hand.side is Side.LEFT)
    posed = perception.models[Side.LEFT].posed(hand.parameters)
    np.testing.assert_allclose(posed.vertices, hand.vertices_camera, atol=1e-6)
    shaped = perception.models[Side.LEFT].with_shape(hand.parameters.shape)
    again = shaped.with_pose(hand.parameters.pose, hand.translation_mano)
    np.testing.assert_allclose(again.joints21(), hand.joints_camera, atol=1e-9)


def test_the_same_frames_give_the_same_scenes(perception: Perception, clip: Clip) -> None:
    runs = []
    for _ in range(2):
        perception.reset()
        runs.append([perception.process(frame) for frame, _ in clip[:4]])
    for first, second in zip(*runs, strict=True):
        for a, b in zip(first.hands, second.hands, strict=True):
            assert np.array_equal(a.joints_camera, b.joints_camera)


def test_a_mirrored_picture_gives_the_other_hands(perception: Perception, clip: Clip) -> None:
    perception.reset()
    straight = perception.process(clip[0][0])
    perception.reset()
    mirrored = perception.process(replace(clip[0][0], image_bgr=np.ascontiguousarray(clip[0][0].image_bgr[:, ::-1])))
    for hand in straight.hands:
        other = next(h for h in mirrored.hands if h.side is not hand.side)
        assert pa_mpjpe_mm(other.joints_camera * [-1.0, 1.0, 1.0], hand.joints_camera) < 10.0


def test_hands_that_vanish_are_predicted_and_then_gone(perception: Perception, clip: Clip) -> None:
    perception.reset()
    for frame, _ in clip:
        perception.process(frame)
    camera = clip[0][0].camera
    blank = np.full((camera.height, camera.width, 3), 90, dtype=np.uint8)
    last = clip[-1][0].stamp_ns
    frames = [Frame(blank, camera, last + i * 33_000_000) for i in range(1, 12)]
    states = [{hand.state for hand in perception.process(frame).hands} for frame in frames]
    assert states[0] == {TrackState.PREDICTED}
    assert states[-1] == set()


def test_a_recording_that_starts_again_forgets_the_tracks_and_their_numbers_go_on(
    perception: Perception, clip: Clip
) -> None:
    perception.reset()
    first = [perception.process(frame) for frame, _ in clip[:3]]
    again = perception.process(clip[0][0])
    assert again.births == 2
    known = {hand.track_id for scene in first for hand in scene.hands}
    assert known.isdisjoint(hand.track_id for hand in again.hands)


def test_no_track_outlives_a_gap(perception: Perception, clip: Clip) -> None:
    perception.reset()
    for frame, _ in clip[:5]:
        perception.process(frame)
    camera = clip[0][0].camera
    blank = np.full((camera.height, camera.width, 3), 90, dtype=np.uint8)
    assert perception.process(Frame(blank, camera, clip[4][0].stamp_ns + 600_000_000_000)).hands == ()


def test_frames_that_changed_places_are_no_new_recording(perception: Perception, clip: Clip) -> None:
    perception.reset()
    order = [0, 1, 3, 2, 4]
    births = [perception.process(clip[i][0]).births for i in order]
    assert sum(births) == 2


def test_hands_of_several_people_may_have_one_side(clip: Clip) -> None:
    config = replace(Config(), detection=replace(Config().detection, max_hands=4))
    assert not Perception(config)._one_person


def test_the_head_for_gloves_runs_only_where_it_is_switched_on(
    perception: Perception, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Spy(HeadProposer):
        def propose(self, image_bgr: NDArray[np.uint8]) -> list[HandRegion]:
            asked.append(image_bgr.shape)
            return super().propose(image_bgr)

    monkeypatch.setattr("hoi_perception.pipeline.HeadProposer", Spy)
    Perception().process(clip[0][0])
    assert asked == []
    looking = Perception(replace(Config(), detection=replace(Config().detection, gloves=True)))
    scenes = [looking.process(frame) for frame, _ in clip[:4]]
    assert asked[0] == (360, 640, 3)
    assert {hand.side for hand in scenes[-1].hands} == {Side.LEFT, Side.RIGHT}, "it names bare hands too"
    with pytest.raises(ValueError, match=r"detection.gloves cannot change"):
        looking.retune(Config())


def test_other_networks_can_look(clip: Clip) -> None:
    asked: list[Colours] = []

    class Blind:
        def run(
            self, _: NDArray[np.uint8], region: HandRegion, colours: Colours = Colours.PLAIN, smooth: bool = False
        ) -> HandLandmarks:
            asked.append(colours)
            return HandLandmarks(np.zeros((21, 2)), np.zeros(21), 0.0, 0.5)

    assert Perception(landmarks=Blind()).process(clip[0][0]).hands == ()
    assert asked


def test_an_empty_picture_has_no_hands(perception: Perception) -> None:
    perception.reset()
    scene = perception.process(EMPTY)
    assert scene.hands == () and scene.births == 0


def test_a_frame_of_another_size_is_refused_and_changes_nothing(perception: Perception, clip: Clip) -> None:
    perception.reset()
    perception.process(clip[0][0])
    before = perception.memory
    with pytest.raises(FrameError, match="640x480 but the camera is calibrated for 640x360"):
        perception.process(replace(EMPTY, camera=clip[0][0].camera))
    with pytest.raises(CameraError, match="not calibrated"):
        perception.process(replace(EMPTY, camera=replace(EMPTY.camera, K=np.zeros((3, 3)))))
    assert perception.memory is before


def test_settings_change_from_the_next_frame_on_and_tracks_go_on(clip: Clip, perception: Perception) -> None:
    perception.reset()
    perception.process(clip[0][0])
    before = perception.config
    one = replace(before, measure_heldout=False, detection=replace(before.detection, max_hands=1))
    try:
        perception.retune(one)
        scene = perception.process(clip[1][0])
        assert len(scene.hands) == 1 and scene.births == 0
        assert np.isnan(scene.hands[0].heldout_residual_px)
    finally:
        perception.retune(before)
    scenes = [perception.process(frame) for frame, _ in clip[2:4]]
    assert any(hand.heldout_residual_px > 0.0 for hand in scenes[-1].hands)


def test_the_prior_of_the_fit_can_be_changed(clip: Clip, perception: Perception) -> None:
    before, joints = perception.config, []
    for scale in (before.fitting.prior_scale, 0.1):
        perception.retune(replace(before, fitting=replace(before.fitting, prior_scale=scale)))
        perception.reset()
        joints.append(perception.process(clip[0][0]).hands[0].joints_camera)
    perception.retune(before)
    assert np.abs(joints[0] - joints[1]).max() > 1e-3


def test_what_needs_models_loaded_anew_cannot_be_changed(perception: Perception) -> None:
    before = perception.config
    with pytest.raises(ValueError, match=r"hand_model, detection.threads cannot change"):
        perception.retune(replace(before, hand_model="a.npz", detection=replace(before.detection, threads=7)))
    with pytest.raises(ValueError, match=r"detection.max_hands is 0"):
        perception.retune(replace(before, detection=replace(before.detection, max_hands=0)))
    assert perception.config is before


def test_warming_up_leaves_no_trace(clip: Clip, perception: Perception) -> None:
    perception.reset()
    first = perception.process(clip[0][0])
    perception.reset()
    before = perception.memory
    perception.warm_up()
    assert perception.memory is before
    again = perception.process(clip[0][0])
    assert [
        np.array_equal(a.joints_camera, b.joints_camera) for a, b in zip(first.hands, again.hands, strict=True)
    ] == [
        True,
        True,
    ]


def test_a_known_shape_is_that_of_new_tracks_and_outlives_a_reset(clip: Clip, perception: Perception) -> None:
    shape = np.linspace(-0.5, 0.5, 10)
    perception.set_shape(Side.LEFT, ShapeEstimate(shape, frames=40))
    try:
        for _ in range(2):
            perception.reset()
            scene = [perception.process(frame) for frame, _ in clip[:2]][-1]
            shapes = {hand.side: hand.parameters.shape for hand in scene.hands}
            np.testing.assert_array_equal(shapes[Side.LEFT], shape)
            assert not np.array_equal(shapes[Side.RIGHT], shape)
    finally:
        perception.set_shape(Side.LEFT, None)
    assert perception.shape(Side.LEFT) is None


def test_a_shape_is_calibrated_on_as_many_good_frames_as_wanted_over_several_tracks(
    clip: Clip, perception: Perception
) -> None:
    perception.reset()
    perception.process(clip[0][0])
    perception.set_shape(Side.RIGHT, ShapeEstimate(wanted=6))
    try:
        for frame, _ in clip[1:4]:
            perception.process(frame)
        halfway = perception.shape(Side.RIGHT)
        assert halfway is not None and 1 <= halfway.frames <= 4
        perception.reset()
        scenes = [perception.process(frame) for frame, _ in clip]
        done = perception.shape(Side.RIGHT)
        assert done is not None and done.frozen and done.frames == 6
        right = next(hand for hand in scenes[-1].hands if hand.side is Side.RIGHT)
        np.testing.assert_array_equal(right.parameters.shape, done.shape)
        assert np.abs(done.shape).max() > 0.0
    finally:
        perception.set_shape(Side.RIGHT, None)


def depths(scene: Scene) -> dict[Side, float]:
    return {hand.side: float(hand.parameters.wrist_camera[2]) for hand in scene.hands}


def test_a_corrected_calibration_moves_the_hands_before_they_are_tracked_again(
    clip: Clip, perception: Perception
) -> None:
    wrong = camera_from_fov(640, 360, 90.0)
    perception.reset()
    for frame, _ in clip[:6]:
        guessed = perception.process(replace(frame, camera=wrong))
    corrected = [perception.process(frame) for frame, _ in clip[6:10]]
    perception.reset()
    told = [perception.process(frame) for frame, _ in clip[:10]][-1]
    assert {hand.state for hand in corrected[0].hands} == {TrackState.INITIALISING}
    assert {hand.state for hand in corrected[-1].hands} == {TrackState.TRACKED}
    for side, depth in depths(told).items():
        assert depths(guessed)[side] < 0.8 * depth
        assert depths(corrected[-1])[side] == pytest.approx(depth, rel=0.05)
    assert sum(scene.births for scene in corrected) == 0


def test_a_side_that_passes_to_another_hand_is_not_tracked_at_once(clip: Clip, perception: Perception) -> None:
    """The right hand is taken for the left one until the true left hand is found."""
    perception.reset()
    for frame, _ in clip[:4]:
        perception.process(frame)
    (right,) = (track for track in perception.memory.tracks if track.side is Side.RIGHT)

    def mistake(evidence: float) -> None:
        (track,) = (t for t in perception.memory.tracks if t.track_id == right.track_id)
        mistaken = replace(track, side=Side.LEFT, side_evidence=evidence)
        perception.memory = replace(perception.memory, tracks=(mistaken,), lost=(), layout=0.0)

    mistake(-3.0)
    (alone,) = perception.process(clip[4][0]).hands
    assert (alone.side, alone.track_id) == (Side.LEFT, right.track_id)
    mistake(3.0)
    told = [{h.side: h for h in perception.process(frame).hands} for frame, _ in clip[5:8]]
    assert {h.track_id for h in told[0].values()} > {right.track_id}
    assert told[0][Side.RIGHT].track_id == right.track_id
    assert {h.state for h in told[0].values()} == {TrackState.INITIALISING}
    assert {h.state for h in told[-1].values()} == {TrackState.TRACKED}
