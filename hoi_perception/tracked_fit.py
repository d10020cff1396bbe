"""The fit of all tracked hands of a frame: new ones from several starts, followed ones from their prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64
from numpy.typing import NDArray

from hoi_perception.config import Config, TrackingConfig
from hoi_perception.hands.following import enlarged
from hoi_perception.hands.landmarks import region_from_landmarks
from hoi_perception.hands.lifting_terms import MotionPrior
from hoi_perception.interaction.hand_depth import measured_points
from hoi_perception.interaction.hand_descent import Fit, HandProblem
from hoi_perception.interaction.hand_fitter import FitFigures, HandFitter
from hoi_perception.tracking import (
    HandTrack,
    depth_prior,
    expected_state,
    held_state,
    motion_prior,
    restarted,
    with_solution,
)
from hoi_perception.types import Camera, HandRegion

DepthImage = Float32[NDArray[np.float32], "h w"]
GOOD_RESIDUAL = 0.03
"""Mean residual over the hand's box below which a frame may calibrate the shape."""
SMALLEST_REGION = 0.18
"""Side of the smallest region in which a hand is looked for, m: a crop that shrinks to what shows makes the hand
shrink."""
FRESH = 0.0
"""Stiffness of a fit that starts anew."""
STIFFNESSES = (1.0, 3.0, 9.0)
"""Weights of the predicted motion, tried in turn until a fit is believed."""
MAX_RESIDUAL = 0.1
"""Mean residual over the hand's box above which a fit is not believed."""
MAX_VIOLATION_DEG = 5.0
"""Degrees beyond an anatomical limit from which on a fit is not believed."""


@dataclass(frozen=True)
class SolvedHand:
    """A track with the state of this frame; `figures` is None where the hand was only predicted.

    `by_depth` says that its distance is that of measured depth.
    """

    track: HandTrack
    figures: FitFigures | None
    by_depth: bool = False


@dataclass(frozen=True)
class Attempt:
    """The fit of one track (batches of 1) and its mean residual over the hand's box. The track is as it was before."""

    track: HandTrack
    problem: HandProblem
    fit: Fit
    residual: float
    limit_violation_deg: float
    stiffness: float
    by_depth: bool = False

    @property
    def explained(self) -> bool:
        """Whether the fit can be right: near its landmarks, and a posture that a hand can take."""
        return self.residual < MAX_RESIDUAL and self.limit_violation_deg < MAX_VIOLATION_DEG


def solve_tracks(
    fitter: HandFitter,
    tracks: Sequence[HandTrack],
    camera: Camera,
    fold: int,
    period_s: float,
    config: Config,
    depth_m: DepthImage | None = None,
) -> tuple[SolvedHand, ...]:
    """Every track with its state of this frame, in the order given.

    `fold` chooses the landmarks that are left out where that is measured, `period_s` is the time since the frame
    before, `depth_m` is registered to the image. A followed hand that its landmarks do not fit any more, or that moved
    faster than hands do, starts anew; one that fits from no start is only predicted.
    """
    final: dict[int, Attempt] = {}
    doubtful = [t for t in tracks if t.state_right is not None and t.measured]
    for stiffness in STIFFNESSES:
        priors = [motion_prior(t, config.tracking, stiffness) for t in doubtful]
        attempts = attempt(fitter, doubtful, camera, priors, stiffness, depth_m)
        believed = [steady(fitter, a, period_s, config) for a in attempts]
        final |= {a.track.track_id: a for a, good in zip(attempts, believed, strict=True) if good}
        doubtful = [t for t, good in zip(doubtful, believed, strict=True) if not good]
    new = [t for t in tracks if t.state_right is None and t.measured] + doubtful
    for started in attempt(fitter, new, camera, [depth_prior(t) for t in new], FRESH, depth_m):
        held = started.track.state_right is not None and steady(fitter, started, period_s, config)
        track = started.track if held else restarted(started.track)
        final[track.track_id] = replace(started, track=track)
    explained = [a for a in final.values() if a.explained]
    figures = fitter_figures(fitter, explained, camera, fold if config.measure_heldout else None)
    hands = (
        told(fitter, final[t.track_id], figures[t.track_id], config)
        if t.track_id in figures
        else _unmeasured(fitter, t, camera, config.tracking)
        for t in tracks
    )
    return tuple(hand for hand in hands if hand is not None)


def attempt(
    fitter: HandFitter,
    tracks: Sequence[HandTrack],
    camera: Camera,
    priors: Sequence[MotionPrior],
    stiffness: float,
    depth_m: DepthImage | None = None,
) -> list[Attempt]:
    """Fits of tracks, in one batch, from what their priors expect or, where FRESH, from several starts.

    `stiffness` is the factor on the priors' weights.
    """
    if not tracks:
        return []
    sides = [t.side for t in tracks]
    seen = fitter.observe([t.landmarks for t in tracks], sides, camera)
    motion = MotionPrior.stack(priors)
    problem = fitter.problem(seen, sides, np.stack([t.shape.shape for t in tracks]), motion)
    fit = fitter.start(problem) if stiffness == FRESH else fitter.follow(problem, motion.state)
    fit, by_depth = _with_depth(fitter, tracks, camera, problem, fit, depth_m)
    residuals = fitter.residuals(problem, fit.state)
    counts = np.maximum((seen.point_weight > 0.0).sum(axis=1), 1)
    spans = np.array([t.landmarks.size_px / camera.focal_px for t in tracks])
    shares = residuals.sum(axis=1) / counts / spans
    violations = fitter.limit_violations_deg(fit.state)
    ones = [np.array([i]) for i in range(len(tracks))]
    return [
        Attempt(t, problem.take(i), fit.take(i), float(shares[i[0]]), float(violations[i[0]]), stiffness, measured)
        for t, i, measured in zip(tracks, ones, by_depth, strict=True)
    ]


def _with_depth(
    fitter: HandFitter,
    tracks: Sequence[HandTrack],
    camera: Camera,
    problem: HandProblem,
    fit: Fit,
    depth_m: DepthImage | None,
) -> tuple[Fit, list[bool]]:
    """The fits with measured depth where there is any of a hand, and for which hands there is."""
    if depth_m is None:
        return fit, [False] * len(tracks)
    fits, by_depth = [], []
    for index, track in enumerate(tracks):
        one = np.array([index])
        before = fit.take(one)
        points = measured_points(depth_m, camera, track.landmarks)
        after = fitter.with_depth(problem.take(one), before.state, track.side, track.shape.shape, points)
        fits.append(after or before)
        by_depth.append(after is not None)
    return Fit.stack(fits), by_depth


def steady(fitter: HandFitter, made: Attempt, period_s: float, config: Config) -> bool:
    """Whether a fit agrees with its landmarks and with the frames before."""
    track = made.track
    if not made.explained or track.state_right is None:
        return False
    moved = fitter.posture_change(track.side, track.state_right, made.fit.state, track.shape.shape)
    return moved <= config.tracking.max_joint_speed * period_s * (1 + track.unsure_frames)


def fitter_figures(
    fitter: HandFitter, attempts: Sequence[Attempt], camera: Camera, fold: int | None
) -> dict[int, FitFigures]:
    """Figures of the final fits by track id. A stiffer prior makes no fit surer: covariances are those at stiffness 1.

    Landmarks are left out of one hand a frame, in turn; of none without a fold.
    """
    figures = {}
    for turn, made in enumerate(attempts):
        motion = made.problem.motion
        assert motion is not None
        expected = None if made.stiffness == FRESH else motion.state
        fit = made.fit
        if made.stiffness > 1.0:
            relaxed = replace(made.problem, motion=replace(motion, weight=motion.weight / made.stiffness))
            stiff, loose = (fitter.at(problem, fit.state).matrix for problem in (made.problem, relaxed))
            fit = replace(fit, matrix=fit.matrix + loose - stiff)
        left_out = fold if fold is not None and fold % len(attempts) == turn else None
        figures[made.track.track_id] = fitter.figures(made.problem, fit, expected, left_out, camera.focal_px)
    return figures


def told(fitter: HandFitter, made: Attempt, figures: FitFigures, config: Config) -> SolvedHand:
    """The track after its fit; good frames go on to calibrate the shape until it is frozen."""
    state = made.fit.state
    track = replace(with_solution(made.track, state, config.tracking), unsure_frames=0)
    whole = bool(track.landmarks.confidence.all())
    if made.residual < GOOD_RESIDUAL and whole and track.confirmed and not track.shape.frozen:
        track = replace(track, shape=fitter.refine_shape(track.shape, track.side, made.problem.seen, state))
    return SolvedHand(track, figures, made.by_depth)


def _unmeasured(fitter: HandFitter, track: HandTrack, camera: Camera, config: TrackingConfig) -> SolvedHand | None:
    """The track moved on with its posture held; None where there is nothing to predict from or not for so long.

    A hand that is seen but not explained moves with its landmarks, a missed one by its velocity, which fades.
    """
    if track.state_right is None or track.unsure_frames >= config.predict_frames:
        return None
    state = held_state(track)
    if track.measured:
        state = fitter.carry(track.side, track.state_right, track.shape.shape, track.landmarks, camera)
    velocity = np.zeros_like(track.velocity)
    velocity[:3] = 0.0 if track.measured else track.velocity[:3]
    return SolvedHand(replace(track, state_right=state, velocity=velocity, unsure_frames=track.unsure_frames + 1), None)


def expectation(
    fitter: HandFitter, track: HandTrack, camera: Camera
) -> tuple[Float64[NDArray[np.float64], "21 2"], list[HandRegion]]:
    """Where a tracked hand's landmarks should be (px), and the regions in which to look for it, in turn.

    They lie round the predicted model, round the moved landmarks, and wider. The model knows the size of the hand and
    the parts that are hidden; landmarks of a hidden hand shrink to what shows.
    """
    moved = track.expected_landmarks
    regions = [track.expected_region, enlarged(track.expected_region)]
    if track.state_right is None:
        return moved.points_px, regions
    points = fitter.project(track.side, expected_state(track), track.shape.shape, camera)
    if not np.isfinite(points).all():
        return moved.points_px, regions
    region = region_from_landmarks(replace(moved, points_px=points))
    smallest = SMALLEST_REGION * camera.focal_px / float(track.state_right.wrist[0, 2])
    return points, [replace(region, size_px=max(region.size_px, smallest)), *regions]
