"""Looking for an instrument over several frames: hypotheses are drawn, fitted, weighed, and the best are kept.

Kept candidates go with the hand that would hold them. What is behind does not, so that what speaks for a wrong
candidate seldom lasts. One is accepted when enough frames speak for it and against every other one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.grasp_hypotheses import Template, beside, drawn_about
from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instrument_tracking.look import Look
from hoi_perception.instrument_tracking.mask_hypotheses import Shown, mask_poses, one_part, shown_by
from hoi_perception.instrument_tracking.outline_fit import (
    REACHES_PX,
    between,
    fit_outlines,
    pull,
    stacked,
    taken,
    unsure,
)
from hoi_perception.instrument_tracking.outline_views import OutlineViews
from hoi_perception.instrument_tracking.start_settings import StartSettings, Test
from hoi_perception.instrument_tracking.weighing import N_SIGNS, first_look, signs_of
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.metrics.instrument import nearest_equivalent
from hoi_perception.transforms import align_similarity, axis_angle_from_rotation

Array = NDArray[np.float64]
NO_HAND = -1
NO_GRASP_M = 0.02
"""How far a hand's posture is taken to be from a grasp where an instrument beside it is in none."""
BESIDE, FARTHER = 0.4, 1.25
"""How near to a hand, over its size in the image, a mask has to be to show what it holds; and the ratio of distances up
to which an instrument in a hand is looked for."""
TURNS = 3
"""New hypotheses come from a mask, from hands and from the best candidates in turn, to share the time of frames."""
SETTLED_PX = (2.5,)
"""Reach of the round in which a candidate is fitted to a further frame."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """b poses that an instrument may have: where they are, where they are held to, the track of the hand that would
    hold them (`NO_HAND` for none), whether in a grasp, and how far its posture is from that (m); the mean of what spoke
    for them, and over how many frames; how far their ends may be off in the latest one (m)."""

    state: InstrumentState
    home: InstrumentState
    hands: Int64[NDArray[np.int64], " b"]
    grasped: Bool[NDArray[np.bool_], " b"]
    misfit: Float64[Array, " b"]
    signs: Float64[Array, "b s"]
    frames: Int64[NDArray[np.int64], " b"]
    unsure: Float64[Array, " b"]

    def __len__(self) -> int:
        return len(self.hands)

    def taken(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Candidates:
        """Some of them."""
        state, home = taken(self.state, rows), taken(self.home, rows)
        return Candidates(
            state,
            home,
            self.hands[rows],
            self.grasped[rows],
            self.misfit[rows],
            self.signs[rows],
            self.frames[rows],
            self.unsure[rows],
        )


@dataclass(frozen=True, eq=False)
class Search:
    """What is remembered of an instrument that is looked for: frames so far, candidates, hands of the frame before."""

    steps: int = 0
    candidates: Candidates | None = None
    hands: tuple[HandView, ...] = ()


@dataclass(frozen=True, eq=False)
class Sought:
    """An instrument as it is looked for: its outlines, its grasps, and the symmetries of its base link."""

    model: ContourModel
    views: OutlineViews
    templates: tuple[Template, ...]
    symmetries: tuple[Symmetry, ...] = ()

    @property
    def limits(self) -> tuple[Float64[Array, " j"], Float64[Array, " j"]]:
        """Lower and upper limits of its joints, rad."""
        return self.views.tree.lower, self.views.tree.upper


def searched(
    sought: Sought, look: Look, hands: tuple[HandView, ...], search: Search, settings: StartSettings
) -> Search:
    """The search one frame later."""
    rng = np.random.default_rng([search.steps, 17])
    test = settings.of_masks if look.told else settings.of_colours
    kept = None if search.candidates is None else _carried(search.candidates, search.hands, hands)
    turn = search.steps % TURNS
    fresh: list[Candidates | None] = []
    if turn == TURNS - 1 and kept is not None and len(kept):
        fresh = [_varied(sought, kept, hands, rng, settings, test)]
    elif (look.told or look.parted) and (turn == 0 or not hands):
        fresh = [_from_mask(sought, look, hands, rng, settings)]
    else:
        fresh = [_drawn(sought, look, hand, rng, settings, len(hands)) for hand in hands]
    parts = [_fitted(sought, look, part, settings, None) for part in fresh if part is not None]
    if kept is not None and len(kept):
        parts.append(_fitted(sought, look, kept, settings, SETTLED_PX))
    if not parts:
        return Search(search.steps + 1, None, hands)
    found = _best(sought, _joined(parts), settings, test)
    found = replace(found, unsure=_unsure(sought, look, found, settings))
    return Search(search.steps + 1, found, hands)


def values(candidates: Candidates, test: Test) -> Float64[Array, " b"]:
    """What speaks for candidates, all in all."""
    return np.asarray(candidates.signs @ np.array(test.weights))


def _drawn(
    sought: Sought, look: Look, hand: HandView, rng: np.random.Generator, settings: StartSettings, hands: int
) -> Candidates | None:
    """The best looking hypotheses of grasps in a hand."""
    many = drawn_about(sought.templates, hand, max(settings.looked // hands, 1), rng, settings.spread, sought.limits)
    if many is None:
        return None
    seen = signs_of(look, sought.views, many.state, np.zeros(len(many.misfit)), many.misfit, rough=True)
    worth = first_look(look, sought.views, many.state) + 0.5 * (seen.inside + seen.over_hand - seen.lacking)
    best = np.argsort(-(worth - 0.25 * seen.beside - 10.0 * many.misfit), kind="stable")
    rows = best[: max(settings.tried // hands, 1)]
    return _new(taken(many.state, rows), taken(many.home, rows), many.misfit[rows], hand.track_id, grasped=True)


def _from_mask(
    sought: Sought, look: Look, hands: tuple[HandView, ...], rng: np.random.Generator, settings: StartSettings
) -> Candidates | None:
    """The best looking hypotheses of a mask, or of a part of a map; they go with the nearest hand, without a grasp."""
    mask = look.shown > 0.5
    shown = shown_by(look, one_part(mask, rng) if look.parted else mask)
    if shown is None:
        return None
    holder = _holder(shown, hands)
    poses = mask_poses(sought.model, shown, () if holder is None else (holder,))
    if look.parted:
        poses = _within_reach(poses, sought.views.middle, settings.reach_m)
    if holder is not None:
        poses = _as_far_as(holder, poses, sought.views.middle)
    if len(poses.t) == 0:
        return None
    many = taken(poses, rng.permutation(len(poses.t))[: settings.looked])
    none = np.zeros(len(many.t))
    seen = signs_of(look, sought.views, many, none, none, rough=True)
    worth = seen.inside + seen.over_hand - seen.lacking - seen.beside + 0.5 * seen.border
    state = taken(many, np.argsort(-worth, kind="stable")[: settings.tried])
    misfit = np.full(len(state.t), 0.0 if holder is None else NO_GRASP_M)
    return _new(state, state, misfit, NO_HAND if holder is None else holder.track_id, grasped=False)


def _holder(shown: Shown, hands: tuple[HandView, ...]) -> HandView | None:
    """The hand that may hold what a mask shows: the nearest one, if it is near."""
    found: tuple[float, HandView | None] = (BESIDE, None)
    ends = shown.middle + np.linspace(*shown.ends, 9)[:, None] * shown.along
    for hand in hands:
        flesh = hand.vertices[::4, :2] / hand.vertices[::4, 2:]
        size = float(np.ptp(flesh, axis=0).max())
        off = np.linalg.norm(flesh[:, None] - ends[None], axis=2).min() / max(size, 1e-9)
        found = min(found, (float(off), hand), key=lambda one: one[0])
    return found[1]


def _within_reach(poses: InstrumentState, middle: Float64[Array, "3"], reach_m: tuple[float, float]) -> InstrumentState:
    """Those whose middle is neither too near nor too far: a speck of a map looks like an instrument far away."""
    depth = np.einsum("bj,j->b", poses.R[:, 2], middle) + poses.t[:, 2]
    return taken(poses, (depth >= reach_m[0]) & (depth <= reach_m[1]))


def _as_far_as(hand: HandView, poses: InstrumentState, middle: Float64[Array, "3"]) -> InstrumentState:
    """Those whose middle is about as far away as a hand."""
    depth = np.einsum("bj,j->b", poses.R[:, 2], middle) + poses.t[:, 2]
    ratio = depth / float(np.median(hand.vertices[:, 2]))
    near = (ratio > 1.0 / FARTHER) & (ratio < FARTHER)
    return taken(poses, near) if near.any() else poses


def _varied(
    sought: Sought,
    kept: Candidates,
    hands: tuple[HandView, ...],
    rng: np.random.Generator,
    settings: StartSettings,
    test: Test,
) -> Candidates:
    """Variations of the best candidates."""
    order = np.argsort(-values(kept, test), kind="stable")
    rows = order[np.arange(settings.varied) % min(len(order), max(settings.varied // 2, 1))]
    some = kept.taken(rows)
    middles = {hand.track_id: hand.vertices.mean(axis=0) for hand in hands}
    places = np.stack([middles.get(int(h), t) for h, t in zip(some.hands, some.state.t, strict=True)])
    state = beside(some.state, places, rng, settings.nearby, sought.limits)
    return replace(some, state=state, signs=0.0 * some.signs, frames=0 * some.frames)


def _fitted(
    sought: Sought, look: Look, some: Candidates, settings: StartSettings, reaches: tuple[float, ...] | None
) -> Candidates:
    """Candidates fitted to a frame, with what speaks for them in it added to what did before."""
    views = sought.views
    state = _moved_to_borders(sought, look, some, settings, REACHES_PX if reaches is None else reaches)
    signs = signs_of(look, views, state, pull(state, some.home, settings.held), some.misfit).columns
    before = np.minimum(some.frames, settings.memory - 1.0)[:, None]
    mean = (before * some.signs + signs) / (before + 1.0)
    state = between(some.state, state, 1.0 / (before[:, 0] + 1.0))
    return replace(some, state=state, signs=mean, frames=some.frames + 1)


def _moved_to_borders(
    sought: Sought, look: Look, some: Candidates, settings: StartSettings, reaches: tuple[float, ...]
) -> InstrumentState:
    """Candidates fitted to a map: those in a grasp are held by it, those of a mask but loosely."""
    rows = [np.flatnonzero(some.grasped), np.flatnonzero(~some.grasped)]
    parts = [
        fit_outlines(look, sought.views, taken(some.state, own), taken(some.home, own), held, reaches)
        for own, held in zip(rows, (settings.held, settings.held_by_mask), strict=True)
    ]
    return taken(stacked(*parts), np.argsort(np.concatenate(rows)))


def _unsure(sought: Sought, look: Look, some: Candidates, settings: StartSettings) -> Float64[Array, " b"]:
    """How far their ends may be off, m."""
    parts = [unsure(look, sought.views, some.state, some.home, h) for h in (settings.held, settings.held_by_mask)]
    return np.where(some.grasped, *parts)


def _best(sought: Sought, some: Candidates, settings: StartSettings, test: Test) -> Candidates:
    """The best of them, those that are alike once, known as long as any of these."""
    chosen: list[int] = []
    frames = some.frames.copy()
    for row in map(int, np.argsort(-values(some, test), kind="stable")):
        twin = next((k for k in chosen if _alike(sought, some, row, k, settings)), None)
        if twin is not None:
            frames[twin] = max(frames[twin], frames[row])
        elif len(chosen) < settings.kept:
            chosen.append(row)
    return replace(some, frames=frames).taken(np.array(chosen, dtype=np.int64))


def _alike(sought: Sought, some: Candidates, a: int, b: int, settings: StartSettings) -> bool:
    """Whether two candidates are one, or look the same by the instrument's symmetries."""
    state = some.state
    R, t = state.R[b], state.t[b]
    if sought.symmetries:
        R, t = nearest_equivalent(state.R[a], R, t, sought.symmetries)
    near = np.linalg.norm(state.t[a] - t) < settings.same_m
    return bool(near and np.linalg.norm(axis_angle_from_rotation(state.R[a] @ R.T)) < settings.same_rad)


def _carried(some: Candidates, before: tuple[HandView, ...], now: tuple[HandView, ...]) -> Candidates:
    """Candidates moved with their hands; those whose hand is gone are dropped."""
    old, new = ({hand.track_id: hand for hand in hands} for hands in (before, now))
    rows, R, t = [], [], []
    for row, hand in enumerate(some.hands):
        if hand == NO_HAND:
            motion = np.eye(3), np.zeros(3)
        elif hand in old and hand in new:
            motion = _motion(old[int(hand)], new[int(hand)])
        else:
            continue
        rows.append(row)
        R.append(motion[0])
        t.append(motion[1])
    kept = some.taken(np.array(rows, dtype=np.int64))
    if not rows:
        return kept
    turns, shifts = np.stack(R), np.stack(t)
    return replace(kept, state=_moved(kept.state, turns, shifts), home=_moved(kept.home, turns, shifts))


def _motion(before: HandView, now: HandView) -> tuple[Float64[Array, "3 3"], Float64[Array, "3"]]:
    """How a hand moved from one frame to the next, as a rigid body."""
    R = np.asarray(align_similarity(before.vertices, now.vertices)[1], dtype=np.float64)
    return R, now.vertices.mean(axis=0) - R @ before.vertices.mean(axis=0)


def _moved(state: InstrumentState, R: Float64[Array, "b 3 3"], t: Float64[Array, "b 3"]) -> InstrumentState:
    return InstrumentState(R @ state.R, np.einsum("bij,bj->bi", R, state.t) + t, state.angles)


def _new(
    state: InstrumentState, home: InstrumentState, misfit: Float64[Array, " b"], hand: int, *, grasped: bool
) -> Candidates:
    n = len(misfit)
    signs, count = np.zeros((n, N_SIGNS)), np.zeros(n, dtype=np.int64)
    return Candidates(state, home, np.full(n, hand), np.full(n, grasped), misfit, signs, count, np.full(n, np.inf))


def _joined(parts: list[Candidates]) -> Candidates:
    names = ("hands", "grasped", "misfit", "signs", "frames", "unsure")
    rest = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
    return Candidates(stacked(*(p.state for p in parts)), stacked(*(p.home for p in parts)), *rest)
