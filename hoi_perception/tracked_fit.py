"""The fit of all tracked hands of a frame: new ones from several starts, followed ones from their prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hoi_perception.config import Config
from hoi_perception.hands.fitter import FitFigures, HandFitter
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.lifting import Fit, Problem
from hoi_perception.hands.lifting_terms import MotionPrior
from hoi_perception.tracking import HandTrack, expected_state, motion_prior, with_solution
from hoi_perception.types import Camera

GOOD_RESIDUAL = 0.03
"""Mean residual over the hand's box below which a frame may calibrate the shape."""


@dataclass(frozen=True)
class SolvedHand:
    """A track with the state of this frame; `figures` is None where the hand was only predicted."""

    track: HandTrack
    figures: FitFigures | None


def solve_tracks(
    fitter: HandFitter, tracks: Sequence[HandTrack], camera: Camera, fold: int, config: Config
) -> tuple[SolvedHand, ...]:
    """Every track with its state of this frame, in the order given. `fold` chooses the landmarks that are left out."""
    groups = {
        "new": [t for t in tracks if t.state_right is None],
        "followed": [t for t in tracks if t.state_right is not None and t.measured],
    }
    solved: dict[int, SolvedHand] = {}
    for name, group in groups.items():
        if group:
            for hand in _solve_group(fitter, group, camera, fold, config, fresh=name == "new"):
                solved[hand.track.track_id] = hand
    return tuple(solved.get(t.track_id) or _predict(t) for t in tracks)


def _predict(track: HandTrack) -> SolvedHand:
    return SolvedHand(replace(track, state_right=expected_state(track)), None)


def _solve_group(
    fitter: HandFitter, tracks: Sequence[HandTrack], camera: Camera, fold: int, config: Config, *, fresh: bool
) -> list[SolvedHand]:
    sides = [t.side for t in tracks]
    seen = fitter.observe([t.landmarks for t in tracks], sides, camera)
    motion = None if fresh else _stack([motion_prior(t, config.tracking) for t in tracks])
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
    track = with_solution(track, state, config.tracking)
    x0, y0, x1, y1 = track.landmarks.box_px
    good = figures.residuals_px.mean() < GOOD_RESIDUAL * max(x1 - x0, y1 - y0)
    if good and track.confirmed and not track.shape.frozen:
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
