"""What speaks for hypotheses of poses, and how it is weighed."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.look import Look
from hoi_perception.instrument_tracking.outline_fit import Outline
from hoi_perception.instrument_tracking.outline_views import OutlineViews
from hoi_perception.instruments.kinematics import InstrumentState

Array = NDArray[np.float64]
ON_PX = np.linspace(-1.5, 1.5, 5)
"""How near a border has to be to be that of an outline."""
BESIDE_PX = np.array([5.0, 7.0, 9.0])
"""How far beside it surroundings are looked at."""
DEEP_M = 0.004
"""How deep inside it colours are looked at, at most, m."""
SLACK_PX = 2.5
INWARD = np.array([0.5, 1.0])
"""Places inside, as shares of the way to the middle."""


@dataclass(frozen=True, eq=False)
class Signs:
    """What speaks for or against b hypotheses; all are means over the whole outline, so what is hidden says nothing.

    Borders of the map, and edges of the picture, on the outline; the map inside it, away from hands and at hands; what
    the map lacks inside, away from hands; what it shows beside it; the share of the outline that is seen. `missed` is
    the share of what the map shows at all that is outside of the outline. Then how far it is from where a hand has it
    (standard deviations), and how far the hand's posture is from that of the grasp (m).
    """

    border: Float64[Array, " b"]
    edge: Float64[Array, " b"]
    inside: Float64[Array, " b"]
    over_hand: Float64[Array, " b"]
    lacking: Float64[Array, " b"]
    beside: Float64[Array, " b"]
    seen: Float64[Array, " b"]
    missed: Float64[Array, " b"]
    pull: Float64[Array, " b"]
    misfit: Float64[Array, " b"]

    @property
    def columns(self) -> Float64[Array, "b s"]:
        """All of them, in order."""
        return np.stack([getattr(self, field.name) for field in fields(self)], axis=1)


N_SIGNS = len(fields(Signs))


def signs_of(
    look: Look,
    views: OutlineViews,
    state: InstrumentState,
    pull: Float64[Array, " b"],
    misfit: Float64[Array, " b"],
    rough: bool = False,
) -> Signs:
    """What speaks for hypotheses in one frame; `rough` leaves out what they miss, which takes longest."""
    outline = Outline.of(look, views, state)
    border, edge = (_share(outline.strengths(f, ON_PX).max(axis=2), outline.seen) for f in (look.border, look.edges))
    per_m = look.camera.focal_px / np.maximum(outline.placed.points[..., 2], 1e-3)
    half = outline.placed.inward * per_m
    deep = np.minimum(outline.placed.inward, DEEP_M) * per_m
    rows, columns, there = look.border.index(outline.shifted(-deep[..., None] * INWARD))
    shown, hand = look.shown[rows, columns], look.hands[rows, columns]
    inside, over = _share(shown, there & ~hand), _share(shown, there & hand)
    lacking = _share(1.0 - shown, there & ~hand)
    rows, columns, there = look.border.index(outline.shifted(np.broadcast_to(BESIDE_PX, (*outline.seen.shape, 3))))
    beside = _share(look.shown[rows, columns], there & ~look.hands[rows, columns])
    missed = np.zeros(len(half)) if rough else _missed(look, outline.shifted(-half[..., None])[:, :, 0], half)
    return Signs(border, edge, inside, over, lacking, beside, outline.seen.mean(axis=1), missed, pull, misfit)


def _missed(look: Look, middles: Float64[Array, "b p 2"], half: Float64[Array, "b p"]) -> Float64[Array, " b"]:
    """Share of the map's places that are in none of the circles about middles within the outline."""
    places = look.places
    if len(places) == 0:
        return np.zeros(len(half))
    off = np.square(places[:, 0] - middles[..., :1]) + np.square(places[:, 1] - middles[..., 1:])  # (b, p, places)
    within = (off < np.square(half + SLACK_PX)[..., None]).any(axis=1)
    return np.asarray(1.0 - within.mean(axis=1), dtype=np.float64)


def first_look(look: Look, views: OutlineViews, state: InstrumentState) -> Float64[Array, " b"]:
    """How well borders near the outlines run along them (-1 to 1), before anything is moved."""
    outline = Outline.of(look, views, state)
    return _share(look.border.near(outline.places, outline.normals), outline.seen)


def _share(values: NDArray[np.floating], counted: NDArray[np.bool_]) -> Float64[Array, " b"]:
    """Mean over all places, those that do not count as 0."""
    return np.asarray(np.where(counted, values, 0.0).reshape(len(values), -1).mean(axis=1), dtype=np.float64)
