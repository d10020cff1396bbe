"""Registered depth as evidence of one hand: where its surface was measured, and the fit of the whole hand to that.

Depth is looked up along the bones between landmarks and on the palm, where a hand hides what is behind it. It tells the
distance that landmarks of one camera leave to the size of the hand.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float32, Float64
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.hands.surface import vertex_normals
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.depth_points import DepthPoints
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.hand_descent import Fit, HandProblem, landmark_terms, motion_priors
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.interaction.solver import Term, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.depth import DepthTerm
from hoi_perception.types import N_LANDMARKS, N_VERTICES, Camera, HandLandmarks, Side

Array = NDArray[np.float64]
MOST = 200
"""Measured points of a hand at most."""
FEWEST = 12
"""Measured points below which depth tells nothing of a hand."""
MAX_RATIO = 1.4
"""Ratio of measured distance to that of an average hand beyond which something else was measured."""
ROUNDS = (4, 4, 4)
"""Steps of the fit to depth; points are matched to the surface anew at the start of each round."""
_BONE_SHARE = 0.03
_BESIDE = 0.04
_PALM = (0, 1, 5, 9, 13, 17)
_CHAINS = tuple((0, *range(first, first + 4)) for first in (1, 5, 9, 13, 17))


def measured_points(
    depth_m: Float32[NDArray[np.float32], "h w"], camera: Camera, landmarks: HandLandmarks
) -> Float64[Array, "n 3"]:
    """At most MOST points (m, camera frame) of what was measured where the landmarks say that the hand is.

    Bones of which an end has no confidence are left out.
    """
    px = landmarks.points_px
    counts = (landmarks.confidence > 0.0) & np.isfinite(px).all(axis=1)
    if not counts.any():
        return np.zeros((0, 3))
    mask = np.zeros(depth_m.shape, dtype=np.uint8)
    near = np.clip(np.nan_to_num(px), -4.0 * max(mask.shape), 4.0 * max(mask.shape))
    corners = np.round(near).astype(np.int32)
    width = max(1, round(_BONE_SHARE * float(min(np.ptp(px[counts], axis=0).max(), max(mask.shape)))))
    for chain in _CHAINS:
        for a, b in pairwise(chain):
            if counts[a] and counts[b]:
                cv2.line(mask, corners[a].tolist(), corners[b].tolist(), 1, width)
    if counts[list(_PALM)].all():
        cv2.fillPoly(mask, [corners[list(_PALM)]], 1)
    points = DepthPoints.of(depth_m, camera, [(0, mask > 0)], MOST).points
    chosen = np.linspace(0, len(points) - 1, min(len(points), MOST)).astype(np.int64)
    return points[chosen]


class DepthFitter:
    """Fits one hand at a time to its landmarks and to measured points; holds the surface of each side's right form."""

    def __init__(self, right_forms: dict[Side, HandModel], posture: AnglePrior) -> None:
        self._models, self._posture = right_forms, posture
        self._engines: dict[Side, Engine] = {}

    def fit(
        self,
        problem: HandProblem,
        state: HandState,
        side: Side,
        shape: Float64[Array, "10"],
        points: Float64[Array, "n 3"],
    ) -> Fit | None:
        """The fit of one hand (batch of 1) from a fit to its landmarks; None where too little depth was measured.

        The hand is brought to the measured distance along its ray first.
        """
        if len(points) < FEWEST:
            return None
        engine = self._engine(side, shape)
        seen = np.asarray(mirror_points(points) if side is Side.LEFT else points, dtype=np.float64)
        start = _brought_near(engine, state, seen)
        if start is None:
            return None
        depth = DepthTerm(DepthPoints(seen, np.zeros(len(seen), dtype=np.int64)))
        terms: list[list[Term]] = [[*own, depth] for own in landmark_terms(problem.seen)]
        priors = motion_priors(self._posture, problem.motion, start)
        found = solve(engine, terms, priors, SceneState.of([start]), ROUNDS)
        if not found.finite[0] or found.terms[0].get("depth") is None:
            return None
        return Fit(found.state.hand(0), found.cost, found.matrix)

    def _engine(self, side: Side, shape: Float64[Array, "10"]) -> Engine:
        """The engine of a side, its hand in that shape."""
        if side not in self._engines:
            points = HandPoints.of(self._models[side], upsampled=False)
            bodies = Bodies((HandBody(Side.RIGHT, points),))
            self._engines[side] = Engine(bodies, [shape], capacity=3 * N_LANDMARKS + MOST)
        engine = self._engines[side]
        own = engine.bodies.hands[0].points
        engine.take_rest(0, *own.shaped(shape), own.landmark_model.frames)
        return engine


def _brought_near(engine: Engine, state: HandState, points: Float64[Array, "n 3"]) -> HandState | None:
    """The hand moved along the ray to its middle so that its visible surface has the measured distance in the median.

    A point is compared with the surface next to it in the image that is nearest to the camera, which hides all other;
    None where points and surface are not next to each other, or no hand is of such a size.
    """
    engine.place(SceneState.of([state]), correct=True)
    vertices = np.array(engine.hand_points()[0, 0, :N_VERTICES])
    normals = vertex_normals(vertices, engine.bodies.hands[0].faces)
    surface = vertices[(vertices * normals).sum(axis=1) < 0.0]
    if len(surface) == 0 or surface[:, 2].min() <= 0.0:
        return None
    here, there = surface[:, :2] / surface[:, 2:], points[:, :2] / points[:, 2:]
    squared = ((there[:, None] - here[None]) ** 2).sum(axis=2)
    radius = _BESIDE * float(np.linalg.norm(np.ptp(here, axis=0)))
    ahead = np.where(squared < radius * radius, surface[:, 2], np.inf).min(axis=1)
    beside = np.isfinite(ahead)
    if np.count_nonzero(beside) < FEWEST:
        return None
    ratio = float(np.median(points[beside, 2] / ahead[beside]))
    if not 1.0 / MAX_RATIO < ratio < MAX_RATIO:
        return None
    middle = vertices.mean(axis=0)
    return replace(state, wrist=state.wrist + (ratio - 1.0) * middle)
