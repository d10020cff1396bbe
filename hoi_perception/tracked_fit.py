"""The fit of all tracked hands of a frame: new ones from several starts, followed ones from their prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hoi_perception.config import Config
from hoi_perception.hands.fitter import FitFigures, HandFitter
from hoi_perception.hands.following import enlarged
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.landmarks import region_from_landmarks
from hoi_perception.hands.lifting import Fit, Problem
from hoi_perception.hands.lifting_terms import MotionPrior
from hoi_perception.tracking import HandTrack, expected_state, motion_prior, restarted, with_solution
from hoi_perception.types import Camera, HandRegion

GOOD_RESIDUAL = 0.03
"""Mean residual over the hand's box below which a frame may calibrate the shape."""

SMALLEST_REGION = 0.22
"""Side of the smallest region in which a hand is looked for, m: a crop that shrinks to what shows makes the hand shrink."""
STIFFNESSES = (1.0, 3.0, 9.0)
"""Weights of the predicted motion, tried in turn until a fit is believed."""
MAX_RESIDUAL = 0.08
"""Mean residual over the hand's box above which a fit is not believed."""


@dataclass(frozen=True)
class SolvedHand:
    """A track with the state of this frame; `figures` is None where the hand was only predicted."""

    track: HandTrack
    figures: FitFigures | None


def solve_tracks(
    fitter: HandFitter, tracks: Sequence[HandTrack], camera: Camera, fold: int, period_s: float, config: Config
) -> tuple[SolvedHand, ...]:
    """Every track with its state of this frame, in the order given.

    `fold` chooses the landmarks that are left out, `period_s` is the time since the frame before. A followed hand that its
    landmarks do not fit any more, or that moved faster than hands do, starts anew; one that fits from no start is only
    predicted.
    """
    solve = partial(_solve_group, fitter, camera=camera, fold=fold, config=config)
    believed = partial(_believed, fitter, period_s=period_s, config=config)
    solved: dict[int, SolvedHand] = {}
    doubtful = [t for t in tracks if t.state_right is not None and t.measured]
    for stiffness in STIFFNESSES:
        attempts = solve(doubtful, stiffness=stiffness)
        solved |= {hand.track.track_id: hand for hand in attempts}
        doubtful = [t for t, hand in zip(doubtful, attempts, strict=True) if not believed(t, hand)]
    before = {t.track_id: t for t in doubtful}
    for hand in solve([t for t in tracks if t.state_right is None] + [restarted(t) for t in doubtful], stiffness=0.0):
        old = before.get(hand.track.track_id)
        if old is not None and believed(old, hand):
            hand = replace(hand, track=replace(hand.track, steady=old.steady + 1))
        solved[hand.track.track_id] = hand
    hands = (
        solved[t.track_id] if t.track_id in solved and _explained(solved[t.track_id]) else _unmeasured(fitter, t, camera)
        for t in tracks
    )
    return tuple(hand for hand in hands if hand is not None)


def _believed(fitter: HandFitter, before: HandTrack, solved: SolvedHand, period_s: float, config: Config) -> bool:
    """Whether a fit agrees with its landmarks and with the frame before."""
    assert before.state_right is not None and solved.track.state_right is not None
    moved = fitter.posture_change(before.side, before.state_right, solved.track.state_right, before.shape.shape)
    return _explained(solved) and moved <= config.tracking.max_joint_speed * period_s * (1 + before.unsure_frames)


def _explained(solved: SolvedHand) -> bool:
    """Whether the fit and the landmarks can both be right."""
    assert solved.figures is not None
    x0, y0, x1, y1 = solved.track.landmarks.box_px
    return solved.figures.residual_px < MAX_RESIDUAL * max(x1 - x0, y1 - y0)


def _unmeasured(fitter: HandFitter, track: HandTrack, camera: Camera) -> SolvedHand | None:
    """The track moved on by its prediction; None where there is nothing to predict from.

    A hand that is seen but not explained moves with its landmarks and keeps its posture.
    """
    if track.state_right is None:
        return None
    state = expected_state(track)
    if track.measured:
        state = fitter.carry(track.side, state, track.shape.shape, track.landmarks, camera)
    return SolvedHand(replace(track, state_right=state, unsure_frames=track.unsure_frames + 1), None)


def expected_regions(fitter: HandFitter, track: HandTrack, camera: Camera) -> list[HandRegion]:
    """Where to look for a tracked hand: round its predicted model, round its moved landmarks, and wider.

    The model knows the size of the hand and the parts that are hidden; landmarks of a hidden hand shrink to what shows.
    """
    regions = [track.expected_region, enlarged(track.expected_region)]
    if track.state_right is not None:
        points = fitter.project(track.side, expected_state(track), track.shape.shape, camera)
        if np.isfinite(points).all():
            region = region_from_landmarks(replace(track.landmarks, points_px=points))
            smallest = SMALLEST_REGION * camera.K[0, 0] / track.state_right.wrist[0, 2]
            regions.insert(0, replace(region, size_px=max(region.size_px, float(smallest))))
    return regions


def _solve_group(
    fitter: HandFitter, tracks: Sequence[HandTrack], camera: Camera, fold: int, config: Config, stiffness: float
) -> list[SolvedHand]:
    """Fits of tracks, from several starts or (stiffness above 0) from their predictions, which hold with that weight."""
    if not tracks:
        return []
    sides = [t.side for t in tracks]
    seen = fitter.observe([t.landmarks for t in tracks], sides, camera)
    motion = _stack([motion_prior(t, config.tracking, stiffness) for t in tracks]) if stiffness > 0.0 else None
    problem = fitter.problem(seen, sides, np.stack([t.shape.shape for t in tracks]), motion)
    fit = fitter.start(problem) if motion is None else fitter.follow(problem, motion.state)
    focal_px = 0.5 * float(camera.K[0, 0] + camera.K[1, 1])
    figures = fitter.figures(problem, fit, fold, focal_px)
    return [
        SolvedHand(_remember(fitter, track, problem, fit, i, figures[i], config), figures[i])
        for i, track in enumerate(tracks)
    ]


def _remember(
    fitter: HandFitter, track: HandTrack, problem: Problem, fit: Fit, i: int, figures: FitFigures, config: Config
) -> HandTrack:
    one = np.array([i])
    state = fit.state.take(one)
    track = replace(with_solution(track, state, config.tracking), unsure_frames=0)
    x0, y0, x1, y1 = track.landmarks.box_px
    good = figures.residual_px < GOOD_RESIDUAL * max(x1 - x0, y1 - y0)
    whole = bool(track.landmarks.confidence.all())
    if good and whole and track.confirmed and not track.shape.frozen:
        shape = fitter.refine_shape(track.shape, track.side, problem.take(one), state)
        track = replace(track, shape=shape)
    return track


def _stack(priors: Sequence[MotionPrior]) -> MotionPrior:
    states = [p.state for p in priors]
    return MotionPrior(
        HandState(
            np.concatenate([s.wrist for s in states]),
            np.concatenate([s.rotation for s in states]),
            np.concatenate([s.angles for s in states]),
        ),
        np.concatenate([p.weight for p in priors]),
    )
