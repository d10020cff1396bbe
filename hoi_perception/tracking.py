"""Tracks of hands: birth, association, prediction, loss, and all that is remembered between frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.config import TrackingConfig
from hoi_perception.hands.following import FollowedHand, named_for, side_of
from hoi_perception.hands.kinematics import N_STATE, HandState
from hoi_perception.hands.landmarks import Colours, region_from_landmarks
from hoi_perception.hands.lifting_terms import MotionPrior
from hoi_perception.hands.plausibility import mean_distance, same_hand, same_neighbourhood
from hoi_perception.hands.proposals import FoundHand, ProposalMemory
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.hands.sides import SideEvidence, assign_sides, side_log_odds, with_look
from hoi_perception.image_border import BorderMemory
from hoi_perception.instrument_tracking.wanted import Wanted, unseen
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import Camera, HandLandmarks, HandRegion, Side, TrackState

Array = NDArray[np.float64]


RESTART_SIGMA_DEPTH = 0.02
"""Standard deviation of a hand's distance across a new start of its fit, m."""


@dataclass(frozen=True)
class HandTrack:
    """One hand over time. `state_right` and `velocity` are those of the mirrored hand where the side is left.

    `side_evidence` is the bounded sum of the network's log-odds for a right hand, `latest_evidence` its last term.
    `velocity` is the tangent motion per frame, `landmark_velocity` that of the hand in the image (px).
    `colours` and `smooth` are how the network sees the hand. `steady` counts frames since the fit last started
    anew; `unsure_frames` those since a fit last agreed with its landmarks. `depth` is the wrist's latest distance
    along the optical axis, m, and outlives a new start. `focal_change` is the relative change of the focal length since
    the frame before. `takes_over` says that another track had the side in the frame before.
    """

    track_id: int
    side: Side
    side_evidence: float
    latest_evidence: float
    landmarks: HandLandmarks
    landmark_velocity: Float64[Array, "2"]
    colours: Colours = Colours.PLAIN
    smooth: bool = False
    state_right: HandState | None = None
    velocity: Float64[Array, " n"] = field(default_factory=lambda: np.zeros(N_STATE))
    depth: float | None = None
    shape: ShapeEstimate = field(default_factory=ShapeEstimate)
    confirmed: bool = False
    frames: int = 1
    misses: int = 0
    steady: int = 0
    unsure_frames: int = 0
    focal_change: float = 0.0
    takes_over: bool = False

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
class LostHand:
    """What is remembered of a track for a while after it ended: where the hand was and which side it showed."""

    landmarks: HandLandmarks
    side_evidence: float
    frame_index: int


@dataclass(frozen=True)
class Memory:
    """Everything that perception remembers between frames. `layout` is that of `sides.assign_sides`.

    `camera` is that of the latest frame. `shapes` are those that a side's new tracks start from, calibrated or being
    calibrated. `instruments` are those that are looked for.
    """

    tracks: tuple[HandTrack, ...] = ()
    proposals: ProposalMemory = field(default_factory=ProposalMemory)
    next_id: int = 1
    frame_index: int = 0
    lost: tuple[LostHand, ...] = ()
    layout: float = 0.0
    stamp_ns: int | None = None
    camera: Camera | None = None
    border: BorderMemory = field(default_factory=BorderMemory)
    shapes: Mapping[Side, ShapeEstimate] = field(default_factory=dict)
    instruments: tuple[Wanted, ...] = ()
    next_instrument_id: int = 1


def forgotten(memory: Memory) -> Memory:
    """Nothing is left but what outlives every track: counts of ids, hands' calibrated shapes, what is looked for."""
    return Memory(
        next_id=memory.next_id,
        shapes=memory.shapes,
        instruments=unseen(memory.instruments),
        next_instrument_id=memory.next_instrument_id,
    )


def with_shape(memory: Memory, side: Side, estimate: ShapeEstimate | None) -> Memory:
    """The memory with a side's hands of that shape, or with shapes of their own."""
    shapes = {known: shape for known, shape in memory.shapes.items() if known is not side}
    if estimate is not None:
        shapes[side] = estimate
    tracks = tuple(replace(t, shape=estimate or ShapeEstimate()) if t.side is side else t for t in memory.tracks)
    return replace(memory, shapes=shapes, tracks=tracks)


def with_known_shapes(tracks: Sequence[HandTrack], shapes: Mapping[Side, ShapeEstimate]) -> tuple[HandTrack, ...]:
    """The tracks; those that know nothing of their shape have the known one of their side."""
    return tuple(replace(t, shape=shapes[t.side]) if not t.shape.frames and t.side in shapes else t for t in tracks)


def shapes_after(shapes: Mapping[Side, ShapeEstimate], tracks: Sequence[HandTrack]) -> dict[Side, ShapeEstimate]:
    """The shapes after a frame: a calibration that is under way is as far as the track that did most for it."""

    def latest(side: Side, before: ShapeEstimate) -> ShapeEstimate:
        learned = [t.shape for t in tracks if t.side is side]
        return before if before.frozen else max([before, *learned], key=lambda shape: shape.frames)

    return {side: latest(side, before) for side, before in shapes.items()}


def new_track(track_id: int, found: FoundHand, lost: Sequence[LostHand], config: TrackingConfig) -> HandTrack:
    """A track from the first sight of a hand; confirmed at once where the network is sure of a plain look.

    Where a hand was lost lately, it is most likely the same one, so the evidence for its side counts again, by half.
    """
    near = [old for old in lost if same_neighbourhood(found.landmarks, old.landmarks)]
    before = max((old.side_evidence for old in near), key=abs, default=0.0)
    evidence = side_log_odds(found.landmarks) + 0.5 * before
    side = Side.RIGHT if evidence > 0 else Side.LEFT
    return HandTrack(
        track_id,
        side,
        evidence,
        side_log_odds(found.landmarks),
        named_for(found.landmarks, side),
        np.zeros(2),
        colours=found.colours,
        smooth=found.smooth,
        confirmed=found.landmarks.presence >= config.birth_presence and not found.smooth,
    )


def remember_lost(memory: Memory, kept: Sequence[HandTrack | None], config: TrackingConfig) -> tuple[LostHand, ...]:
    """The lost hands worth remembering after this frame; `kept` is None for each track of the memory that ended."""
    recent = [old for old in memory.lost if memory.frame_index - old.frame_index <= config.lost_frames]
    ended = [t for t, after in zip(memory.tracks, kept, strict=True) if after is None and t.confirmed]
    return (*recent, *(LostHand(t.landmarks, t.side_evidence, memory.frame_index) for t in ended))


def update_seen(track: HandTrack, landmarks: HandLandmarks, evidence: float, config: TrackingConfig) -> HandTrack:
    """The track after a frame that saw its hand and gave `evidence` (log-odds) for a right hand.

    Evidence adds up to a bound, and against the side that the track has it counts less: the network mistakes the side
    of a half hidden hand for many frames in a row, so a side seen well for a while has to outlast that.
    """
    against = (evidence > 0) != (track.side is Side.RIGHT)
    term = config.side_doubt * evidence if against else evidence
    total = with_look(track.side_evidence, term, config.side_bound)
    motion = (landmarks.points_px - track.landmarks.points_px).mean(axis=0)
    frames = track.frames + 1
    sure = landmarks.presence >= config.birth_presence
    return replace(
        track,
        side_evidence=total,
        latest_evidence=evidence,
        landmarks=landmarks,
        landmark_velocity=motion if track.measured else np.zeros(2),
        confirmed=track.confirmed or frames >= config.confirm_frames or (not track.smooth and sure),
        frames=frames,
        misses=0,
    )


def one_hand_each(tracks: Sequence[HandTrack], hands: Sequence[FollowedHand]) -> list[HandLandmarks | None]:
    """Landmarks for each track so that no hand serves two: of rivals, the one seen as expected keeps it."""
    taken: list[HandLandmarks] = []
    out: list[HandLandmarks | None] = [None] * len(tracks)

    def misfit(i: int) -> tuple[bool, float]:
        seen = hands[i].landmarks
        assert seen is not None
        return not hands[i].agrees, mean_distance(seen, tracks[i].expected_landmarks)

    for i in sorted((i for i, hand in enumerate(hands) if hand.landmarks is not None), key=misfit):
        seen = hands[i].landmarks
        if seen is not None and not any(same_hand(seen, other) for other in taken):
            out[i] = seen
            taken.append(seen)
    return out


def track_of(landmarks: HandLandmarks, missing: Sequence[HandTrack]) -> HandTrack | None:
    """The missing track whose hand has been found again, if any."""
    side = side_of(landmarks)
    near = [
        t
        for t in missing
        if same_hand(landmarks, t.landmarks) or (t.side is side and same_neighbourhood(landmarks, t.landmarks))
    ]
    return min(near, key=lambda t: (t.side is not side, t.misses), default=None)


def decide_sides(tracks: Sequence[HandTrack], layout: float, one_person: bool) -> tuple[tuple[HandTrack, ...], float]:
    """The tracks with the sides that their evidence is for, and the evidence on the layout of the hands."""
    if one_person and len(tracks) == 2:
        sides, layout = assign_sides([_side_evidence(t) for t in tracks], layout)
    else:
        sides = [Side.RIGHT if t.side_evidence > 0 else Side.LEFT for t in tracks]
    decided = tuple(t if t.side is side else _as_side(t, side) for t, side in zip(tracks, sides, strict=True))
    return decided, layout


def _side_evidence(track: HandTrack) -> SideEvidence:
    region = region_from_landmarks(track.landmarks)
    present = track.latest_evidence if track.measured else 0.0
    forward = (math.sin(region.angle_rad), -math.cos(region.angle_rad))
    return SideEvidence(track.side_evidence, present, region.center_px[0], region.size_px, forward)


def _as_side(track: HandTrack, side: Side) -> HandTrack:
    """The track as a hand of the other side, which has no past: its fit starts anew."""
    return replace(restarted(track), side=side, landmarks=named_for(track.landmarks, side), shape=ShapeEstimate())


def with_takeovers(tracks: Sequence[HandTrack], before: Sequence[HandTrack]) -> tuple[HandTrack, ...]:
    """The tracks; those know it whose side was another track's in the frame before and is not that one's any more.

    Whoever follows the hand of a side, not a track, would see it jump from one hand to the other.
    """
    now, then = {(t.track_id, t.side) for t in tracks}, {(t.track_id, t.side) for t in before}
    given_up = {side for _, side in then - now}
    return tuple(replace(t, takes_over=(t.track_id, t.side) not in then and t.side in given_up) for t in tracks)


def restarted(track: HandTrack) -> HandTrack:
    """The track with a fit that starts anew and has to be confirmed by the next frames."""
    return replace(track, state_right=None, velocity=np.zeros(N_STATE), steady=0)


def update_missed(track: HandTrack, config: TrackingConfig) -> HandTrack | None:
    """The track after a frame that did not see its hand, None when it is lost.

    A hand is predicted for no more frames than it was seen before.
    """
    if not track.confirmed or track.misses + 1 > min(config.predict_frames, track.frames - 1):
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


def held_state(track: HandTrack) -> HandState:
    """The state one frame on for a hand that was not measured: its posture held, its wrist moved on."""
    assert track.state_right is not None
    return replace(track.state_right, wrist=track.state_right.wrist + track.velocity[None, :3])


def motion_prior(track: HandTrack, config: TrackingConfig, stiffness: float = 1.0) -> MotionPrior:
    """Expectation for the next frame; it loosens with every frame that did not see the hand or did not explain it.

    With the focal length the depth changes as much where the image stays (a calibration that is corrected), and not at
    all where the image grows with it (a zoom): the expectation allows both.
    """
    slack = (1.0 + track.unsure_frames) / stiffness
    expected = expected_state(track)
    sigma_depth = np.hypot(config.sigma_depth, track.focal_change * expected.wrist[0, 2])
    sigma = np.concatenate(
        [
            [config.sigma_lateral, config.sigma_lateral, sigma_depth],
            np.full(3, config.sigma_rotation),
            np.full(45, config.sigma_angle),
        ]
    )
    return MotionPrior(expected, 1.0 / (slack * sigma)[None])


def depth_prior(track: HandTrack) -> MotionPrior:
    """Expectation for a fit that starts anew: the distance that the hand had, nothing else."""
    wrist = np.array([[0.0, 0.0, track.depth or 0.0]])
    weight = np.zeros((1, N_STATE))
    weight[0, 2] = 0.0 if track.depth is None else 1.0 / RESTART_SIGMA_DEPTH
    return MotionPrior(HandState(wrist, np.eye(3)[None], np.zeros((1, 45))), weight)


def with_solution(track: HandTrack, state: HandState, config: TrackingConfig) -> HandTrack:
    """The track with the solved state of this frame, its velocity blended from the change since the frame before."""
    if track.state_right is None:
        return replace(track, state_right=state, velocity=np.zeros(N_STATE), depth=float(state.wrist[0, 2]), steady=1)
    before = track.state_right
    turn = axis_angle_from_rotation(state.rotation @ np.swapaxes(before.rotation, -1, -2))
    change = np.concatenate([state.wrist - before.wrist, turn, state.angles - before.angles], axis=1)[0]
    velocity = config.velocity_decay * ((1.0 - config.velocity_gain) * track.velocity + config.velocity_gain * change)
    if track.unsure_frames:
        velocity = np.zeros(N_STATE)
    depth = float(state.wrist[0, 2])
    return replace(track, state_right=state, velocity=velocity, depth=depth, steady=track.steady + 1)


def hand_state(track: HandTrack, share_in_image: float, config: TrackingConfig) -> TrackState:
    """What to tell of the track after this frame.

    A track whose fit has started anew is INITIALISING until the next frames agree with it, however long the hand has
    been followed; so is one for a frame that takes over a side.
    """
    if not track.measured:
        return TrackState.PREDICTED
    if not track.confirmed or track.takes_over or (track.steady < config.settle_frames and track.frames > track.steady):
        return TrackState.INITIALISING
    whole = track.unsure_frames == 0 and share_in_image >= config.tracked_share
    return TrackState.TRACKED if whole else TrackState.OCCLUDED
