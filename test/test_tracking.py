"""Birth, sides, rivalry, prediction and loss of tracks, from landmarks that the tests make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hoi_perception import tracking
from hoi_perception.config import TrackingConfig
from hoi_perception.hands.following import FollowedHand
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.proposals import FoundHand
from hoi_perception.tracking import HandTrack, LostHand, Memory
from hoi_perception.types import HandLandmarks, Side, TrackState

CONFIG = TrackingConfig()
SHAPE = np.column_stack([np.linspace(0.0, 100.0, 21), np.linspace(120.0, 0.0, 21)])


def landmarks(x: float = 200.0, right: float = 1.0, presence: float = 0.95) -> HandLandmarks:
    return HandLandmarks(SHAPE + [x, 200.0], np.zeros(21), presence, right)


def track(
    x: float = 200.0, right: float = 1.0, track_id: int = 1, frames: int = 10, evidence: float = 0.0
) -> HandTrack:
    made = tracking.new_track(track_id, FoundHand(landmarks(x, right)), (), CONFIG)
    return replace(made, frames=frames, side_evidence=evidence or made.side_evidence)


def state(z: float = 0.5) -> HandState:
    return HandState(np.array([[0.0, 0.0, z]]), np.eye(3)[None], np.zeros((1, 45)))


@pytest.mark.parametrize(
    ("presence", "smooth", "confirmed"), [(0.85, False, True), (0.6, False, False), (0.95, True, False)]
)
def test_only_a_sure_plain_look_confirms_at_once(presence: float, smooth: bool, confirmed: bool) -> None:
    made = tracking.new_track(1, FoundHand(landmarks(presence=presence), smooth=smooth), (), CONFIG)
    assert made.confirmed is confirmed


def test_a_faint_hand_is_confirmed_by_its_third_frame() -> None:
    faint = landmarks(presence=0.6)
    made = tracking.new_track(1, FoundHand(faint), (), CONFIG)
    second = tracking.update_seen(made, faint, 0.0, CONFIG)
    third = tracking.update_seen(second, faint, 0.0, CONFIG)
    assert [t.confirmed for t in (made, second, third)] == [False, False, True]


def test_an_unconfirmed_hand_that_is_missed_is_gone() -> None:
    assert tracking.update_missed(replace(track(), confirmed=False), CONFIG) is None


def test_a_hand_is_predicted_for_a_while_and_then_lost() -> None:
    current: HandTrack | None = track()
    predicted = 0
    while current is not None and predicted < 50:
        current = tracking.update_missed(current, CONFIG)
        predicted += current is not None
    assert predicted == CONFIG.predict_frames


def test_a_hand_is_predicted_no_longer_than_it_was_seen() -> None:
    assert tracking.update_missed(track(frames=1), CONFIG) is None
    second = tracking.update_missed(track(frames=2), CONFIG)
    assert second is not None and tracking.update_missed(second, CONFIG) is None


def test_a_moving_hand_is_expected_further_on() -> None:
    moved = tracking.update_seen(track(200.0), landmarks(215.0), 4.0, CONFIG)
    np.testing.assert_allclose(moved.expected_landmarks.points_px, landmarks(230.0).points_px)


def test_a_side_seen_long_outlasts_a_stretch_of_contrary_evidence() -> None:
    current = track(right=1.0)
    for _ in range(30):
        current = tracking.update_seen(current, landmarks(), 4.0, CONFIG)
    for _ in range(60):
        current = tracking.update_seen(current, landmarks(right=0.0), -4.0, CONFIG)
    (decided,), _ = tracking.decide_sides([current], 0.0, one_person=True)
    assert decided.side is Side.RIGHT


def test_a_first_mistake_about_the_side_is_corrected_and_the_fit_starts_anew() -> None:
    current = tracking.with_solution(track(right=0.0, frames=1), state(), CONFIG)
    assert current.side is Side.LEFT
    for _ in range(10):
        current = tracking.update_seen(current, landmarks(right=1.0), 4.0, CONFIG)
    (decided,), _ = tracking.decide_sides([current], 0.0, one_person=True)
    assert decided.side is Side.RIGHT and decided.state_right is None
    assert tracking.hand_state(tracking.with_solution(decided, state(), CONFIG), 1.0, CONFIG) is TrackState.INITIALISING


def test_two_hands_of_one_person_differ_in_side() -> None:
    sure, doubtful = track(200.0, evidence=50.0), track(600.0, track_id=2, evidence=3.0)
    decided, _ = tracking.decide_sides([sure, doubtful], 0.0, one_person=True)
    assert [t.side for t in decided] == [Side.RIGHT, Side.LEFT]
    several, _ = tracking.decide_sides([sure, doubtful], 0.0, one_person=False)
    assert [t.side for t in several] == [Side.RIGHT, Side.RIGHT]


def test_one_hand_serves_one_track_the_one_that_expected_it() -> None:
    tracks = [track(200.0), track(420.0, right=0.0, track_id=2)]
    found = FollowedHand(landmarks(205.0), True, 4.0, 1)
    stolen = FollowedHand(landmarks(208.0), False, 4.0, 1)
    assert [seen is None for seen in tracking.one_hand_each(tracks, [found, stolen])] == [False, True]
    assert [seen is None for seen in tracking.one_hand_each(tracks[::-1], [stolen, found])] == [True, False]


def test_a_hand_found_near_a_missing_track_is_that_track() -> None:
    missing = tracking.update_missed(track(200.0), CONFIG)
    assert missing is not None
    assert tracking.track_of(landmarks(205.0), [missing]) is missing
    assert tracking.track_of(landmarks(700.0), [missing]) is None


def test_a_hand_that_comes_back_is_a_new_track_that_remembers_the_side() -> None:
    memory = Memory(tracks=(track(evidence=80.0),), frame_index=5)
    lost = tracking.remember_lost(memory, [None], CONFIG)
    back = tracking.new_track(7, FoundHand(landmarks(210.0, right=0.1)), lost, CONFIG)
    assert back.track_id == 7 and back.side is Side.RIGHT
    elsewhere = tracking.new_track(8, FoundHand(landmarks(900.0, right=0.1)), lost, CONFIG)
    assert elsewhere.side is Side.LEFT
    late = replace(memory, tracks=(), lost=lost, frame_index=5 + CONFIG.lost_frames + 1)
    assert tracking.remember_lost(late, [], CONFIG) == ()


def test_states_are_told_honestly() -> None:
    steady = replace(track(), steady=5)
    assert tracking.hand_state(steady, 1.0, CONFIG) is TrackState.TRACKED
    assert tracking.hand_state(steady, 0.4, CONFIG) is TrackState.OCCLUDED
    assert tracking.hand_state(replace(steady, unsure_frames=1), 1.0, CONFIG) is TrackState.OCCLUDED
    assert tracking.hand_state(replace(steady, misses=1), 1.0, CONFIG) is TrackState.PREDICTED
    assert tracking.hand_state(replace(steady, confirmed=False), 1.0, CONFIG) is TrackState.INITIALISING
    assert tracking.hand_state(replace(steady, steady=1), 1.0, CONFIG) is TrackState.INITIALISING


def test_constant_velocity_is_predicted_and_fades_while_the_hand_is_missing() -> None:
    current = tracking.with_solution(track(), state(0.50), CONFIG)
    for z in (0.51, 0.52, 0.53):
        current = tracking.with_solution(current, state(z), CONFIG)
    ahead = tracking.expected_state(current).wrist[0, 2]
    assert 0.535 < ahead < 0.541
    missed = tracking.update_missed(current, CONFIG)
    assert missed is not None
    assert abs(missed.velocity[2]) < abs(current.velocity[2])


def test_expectations_loosen_with_every_unsure_frame() -> None:
    current = tracking.with_solution(track(), state(), CONFIG)
    sure = tracking.motion_prior(current, CONFIG).weight
    unsure = tracking.motion_prior(replace(current, unsure_frames=3), CONFIG).weight
    np.testing.assert_allclose(unsure, sure / 4.0)


def test_a_new_start_keeps_the_distance() -> None:
    current = tracking.with_solution(track(), state(0.62), CONFIG)
    prior = tracking.depth_prior(tracking.restarted(current))
    assert prior.state.wrist[0, 2] == pytest.approx(0.62)
    assert np.count_nonzero(prior.weight) == 1
    assert not tracking.depth_prior(track()).weight.any()


def test_lost_hands_do_not_pile_up() -> None:
    memory = Memory(lost=tuple(LostHand(landmarks(), 1.0, i) for i in range(5)), frame_index=200)
    assert tracking.remember_lost(memory, [], CONFIG) == ()


def test_a_hand_found_again_after_doubt_has_no_velocity() -> None:
    current = replace(tracking.with_solution(track(), state(0.5), CONFIG), unsure_frames=3)
    assert not tracking.with_solution(current, state(0.6), CONFIG).velocity.any()


def test_a_hand_further_on_continues_the_missing_track_of_its_side_only() -> None:
    missing = tracking.update_missed(track(200.0), CONFIG)
    assert missing is not None
    assert tracking.track_of(landmarks(320.0), [missing]) is missing
    assert tracking.track_of(landmarks(320.0, right=0.0), [missing]) is None


def test_whoever_takes_over_a_side_is_not_tracked_at_once() -> None:
    first = replace(track(200.0, track_id=1), steady=9)
    born = replace(track(600.0, track_id=2, frames=1), steady=1)
    assert (first.side, born.side) == (Side.RIGHT, Side.RIGHT)
    gone = tracking.with_takeovers([born], [first])
    renamed = tracking.with_takeovers([replace(first, side=Side.LEFT), born], [first])
    assert [t.takes_over for t in gone] == [True]
    assert [t.takes_over for t in renamed] == [False, True]
    assert tracking.hand_state(renamed[1], 1.0, CONFIG) is TrackState.INITIALISING
    (later,) = tracking.with_takeovers([renamed[1]], renamed[1:])
    assert tracking.hand_state(later, 1.0, CONFIG) is TrackState.TRACKED


def test_two_tracks_that_change_names_take_over_both_sides() -> None:
    right, left = track(track_id=1), track(600.0, right=0.0, track_id=2)
    changed = tracking.with_takeovers([replace(right, side=Side.LEFT), replace(left, side=Side.RIGHT)], [right, left])
    assert all(t.takes_over for t in changed)


def test_a_new_hand_beside_the_others_takes_nothing_over() -> None:
    right, left = track(track_id=1), track(600.0, right=0.0, track_id=2)
    assert not any(t.takes_over for t in tracking.with_takeovers([right, left], [right]))
    another = track(900.0, track_id=3)
    assert not any(t.takes_over for t in tracking.with_takeovers([right, another], [right]))
