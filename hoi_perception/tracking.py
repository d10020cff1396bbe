"""Tracks of hands: birth, association, prediction, loss, and all that is remembered between frames."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.config import TrackingConfig
from hoi_perception.hands.kinematics import N_STATE, HandState
from hoi_perception.hands.landmarks import region_from_landmarks
from hoi_perception.hands.lifting_terms import MotionPrior
from hoi_perception.hands.proposals import FoundHand, ProposalMemory
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import HandLandmarks, HandRegion, Side, TrackState

Array = NDArray[np.float64]

SIDE_MEMORY = 0.9
"""Share of the handedness evidence that is kept from frame to frame."""
_MAX_LOG_ODDS = 4.0


@dataclass(frozen=True)
class HandTrack:
    """One hand over time. `state_right` and `velocity` are those of the mirrored hand where the side is left.

    `side_evidence` is the decayed sum of the network's log-odds for a right hand. `velocity` is the tangent motion per
    frame, `landmark_velocity` that of the hand in the image (px). `swap_red_blue` is how the network sees the hand.
    """

    track_id: int
    side: Side
    side_evidence: float
    landmarks: HandLandmarks
    landmark_velocity: Float64[Array, "2"]
    swap_red_blue: bool = False
    state_right: HandState | None = None
    velocity: Float64[Array, " n"] = field(default_factory=lambda: np.zeros(N_STATE))
    shape: ShapeEstimate = field(default_factory=ShapeEstimate)
    confirmed: bool = False
    frames: int = 1
    misses: int = 0

    @property
    def measured(self) -> bool:
        """Whether the latest frame saw the hand."""
        return self.misses == 0

    @property
    def expected_landmarks(self) -> HandLandmarks:
        """Landmarks moved on by one frame."""
        return replace(self.landmarks, points_px=self.landmarks.points_px + self.landmark_velocity)

    @property
    def expected_region(self) -> HandRegion:
        """Where to look for the hand in the next frame."""
        return region_from_landmarks(self.expected_landmarks)


@dataclass(frozen=True)
class Memory:
    """Everything that perception remembers between frames."""

    tracks: tuple[HandTrack, ...] = ()
    proposals: ProposalMemory = field(default_factory=ProposalMemory)
    next_id: int = 1
    frame_index: int = 0
    births: int = 0
    stamp_ns: int | None = None


def new_track(track_id: int, found: FoundHand, config: TrackingConfig) -> HandTrack:
    """A track from the first sight of a hand; confirmed at once where the network is sure."""
    evidence = side_log_odds(found.landmarks)
    side = Side.RIGHT if evidence > 0 else Side.LEFT
    sure = found.landmarks.presence >= config.birth_presence
    return HandTrack(
        track_id, side, evidence, found.landmarks, np.zeros(2), swap_red_blue=found.swap_red_blue, confirmed=sure
    )


def side_log_odds(landmarks: HandLandmarks) -> float:
    """Log-odds that the hand is a right one, bounded so that no single frame decides."""
    p = min(max(landmarks.right_score, 1e-6), 1.0 - 1e-6)
    return float(np.clip(np.log(p / (1.0 - p)), -_MAX_LOG_ODDS, _MAX_LOG_ODDS))


def update_seen(track: HandTrack, landmarks: HandLandmarks, config: TrackingConfig) -> HandTrack:
    """The track after a frame that saw its hand.

    A side that the evidence has turned against makes it a hand without a past: the fit starts anew on the other side.
    """
    evidence = SIDE_MEMORY * track.side_evidence + side_log_odds(landmarks)
    side = track.side
    if (evidence > 0) != (side is Side.RIGHT) and abs(evidence) > _MAX_LOG_ODDS:
        side = Side.RIGHT if evidence > 0 else Side.LEFT
    changed = side is not track.side
    motion = landmarks.points_px - track.landmarks.points_px
    frames = track.frames + 1
    return replace(
        track,
        side=side,
        side_evidence=evidence,
        landmarks=landmarks,
        landmark_velocity=motion.mean(axis=0) if track.measured else np.zeros(2),
        state_right=None if changed else track.state_right,
        velocity=np.zeros(N_STATE) if changed else track.velocity,
        shape=ShapeEstimate() if changed else track.shape,
        confirmed=track.confirmed or landmarks.presence >= config.birth_presence or frames >= config.confirm_frames,
        frames=frames,
        misses=0,
    )


def update_missed(track: HandTrack, config: TrackingConfig) -> HandTrack | None:
    """The track after a frame that did not see its hand, None when it is lost."""
    if not track.confirmed or track.misses + 1 > config.predict_frames:
        return None
    moved = replace(track.landmarks, points_px=track.landmarks.points_px + track.landmark_velocity)
    return replace(
        track,
        landmarks=moved,
        landmark_velocity=track.landmark_velocity * config.velocity_decay,
        velocity=track.velocity * config.velocity_decay,
        misses=track.misses + 1,
    )


def expected_state(track: HandTrack) -> HandState:
    """The state one frame on, at constant velocity."""
    assert track.state_right is not None
    return track.state_right.plus(track.velocity[None])


def motion_prior(track: HandTrack, config: TrackingConfig) -> MotionPrior:
    """Expectation for the next frame; it loosens with every frame that missed the hand."""
    slack = 1.0 + track.misses
    sigma = np.concatenate(
        [
            [config.sigma_lateral, config.sigma_lateral, config.sigma_depth],
            np.full(3, config.sigma_rotation),
            np.full(45, config.sigma_angle),
        ]
    )
    return MotionPrior(expected_state(track), 1.0 / (slack * sigma)[None])


def with_solution(track: HandTrack, state: HandState, config: TrackingConfig) -> HandTrack:
    """The track with the solved state of this frame, its velocity blended from the change."""
    if track.state_right is None:
        return replace(track, state_right=state, velocity=np.zeros(N_STATE))
    before = track.state_right
    turn = axis_angle_from_rotation(state.rotation @ np.swapaxes(before.rotation, -1, -2))
    change = np.concatenate([state.wrist - before.wrist, turn, state.angles - before.angles], axis=1)[0]
    velocity = config.velocity_decay * ((1.0 - config.velocity_gain) * track.velocity + config.velocity_gain * change)
    return replace(track, state_right=state, velocity=velocity)


def hand_state(track: HandTrack, share_in_image: float, config: TrackingConfig) -> TrackState:
    """What to tell of the track after this frame."""
    if not track.confirmed:
        return TrackState.INITIALISING
    if not track.measured:
        return TrackState.PREDICTED
    return TrackState.TRACKED if share_in_image >= config.tracked_share else TrackState.OCCLUDED
