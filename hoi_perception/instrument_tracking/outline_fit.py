"""Poses of one instrument brought to the borders of a map, many hypotheses at once.

Each place of an outline looks along its normal for a border that runs as the outline does. Where several are near, the
mean of their places counts, weighed by strength and nearness, and what is called near becomes less from round to round
(soft assignment, as in Granger and Pennec 2002, EM-ICP). One Gauss-Newton step of the pose follows, held by where the
hypothesis came from: an outline alone does not tell depth, tilt and roll of a thin rod.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.instrument_tracking.edge_field import EdgeField
from hoi_perception.instrument_tracking.look import Look
from hoi_perception.instrument_tracking.outline_views import OutlineViews, PlacedOutlines
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.transforms import axis_angle_from_rotation, skew

Array = NDArray[np.float64]
REACHES_PX = (8.0, 6.0, 4.0, 3.0, 2.0)
"""Standard deviation of what is near, round by round."""
_SAMPLES = 2.0
"""How far places look, over that."""
_DOUBT = 0.12
"""Strength of the border that may be nowhere: places with less beside it hardly count."""
_ERR = 1.2
"""Error of a place that finds a border, over the reach."""
_INDEPENDENT = 12.0
"""Places of an outline that count at most: neighbours err alike."""
SURE_REACH_PX = 2.0
NEAR_M = 0.02


@dataclass(frozen=True)
class Held:
    """How far hypotheses are off, standard deviations: across the view (m) and along it (over the distance), of any
    turn (rad), of joints (rad)."""

    across: float = 0.02
    along: float = 0.06
    turn: float = float(np.radians(14.0))
    joint: float = float(np.radians(6.0))


def taken(state: InstrumentState, rows: NDArray[np.integer] | NDArray[np.bool_]) -> InstrumentState:
    """Some of a batch."""
    return InstrumentState(state.R[rows], state.t[rows], state.angles[rows])


def stacked(*states: InstrumentState) -> InstrumentState:
    """Batches as one."""
    R, t, angles = (np.concatenate([getattr(s, name) for s in states]) for name in ("R", "t", "angles"))
    return InstrumentState(R, t, angles)


@dataclass(frozen=True, eq=False)
class Outline:
    """Outlines in a picture: places (px), outward unit normals, and which are in the picture and not at a hand."""

    placed: PlacedOutlines
    places: Float64[Array, "b p 2"]
    normals: Float64[Array, "b p 2"]
    seen: Bool[NDArray[np.bool_], "b p"]

    @staticmethod
    def of(look: Look, views: OutlineViews, state: InstrumentState) -> Outline:
        """Those of hypotheses."""
        placed = views.placed(state)
        depth = placed.points[..., 2]
        ahead = placed.points + 1e-3 * np.maximum(depth, NEAR_M)[..., None] * placed.normals
        places, beyond = (np.asarray(project(p, look.camera), dtype=np.float64) for p in (placed.points, ahead))
        normals = beyond - places
        length = np.linalg.norm(normals, axis=2, keepdims=True)
        normals = np.nan_to_num(normals / np.where(length > 0.0, length, 1.0))
        rows, columns, inside = look.border.index(places)
        seen = inside & (depth > NEAR_M) & np.isfinite(length[..., 0]) & ~look.hands[rows, columns]
        return Outline(placed, np.nan_to_num(places, nan=-1e6), normals, seen)

    def shifted(self, shifts: Float64[Array, "*b_p s"]) -> Float64[Array, "b p s 2"]:
        """Places so far outward, px."""
        return np.asarray(self.places[:, :, None] + shifts[..., None] * self.normals[:, :, None])

    def strengths(self, field: EdgeField, shifts: Float64[Array, " s"]) -> Float32[NDArray[np.float32], "b p s"]:
        """Edges along the normals, so many pixels outward."""
        return field.along(self.shifted(shifts), self.normals[:, :, None])


def fit_outlines(
    look: Look,
    views: OutlineViews,
    start: InstrumentState,
    home: InstrumentState,
    held: Held,
    reaches: tuple[float, ...] = REACHES_PX,
) -> InstrumentState:
    """The hypotheses moved to the borders near them; `home` is where each is held."""
    state = start
    for reach in reaches:
        state = _stepped(look, views, state, home, held, reach)
    return state


def between(a: InstrumentState, b: InstrumentState, rate: Float64[Array, " b"]) -> InstrumentState:
    """So far along the way from one batch to another."""
    return a.plus(rate[:, None] * _off(b, a))


def pull(state: InstrumentState, home: InstrumentState, held: Held) -> Float64[Array, " b"]:
    """How far hypotheses are from home, root mean square over the coordinates, in standard deviations."""
    off = _off(state, home)
    return np.asarray(np.sqrt(np.einsum("bk,bkl,bl->b", off, _information(state, held), off) / off.shape[1]))


def _stepped(
    look: Look, views: OutlineViews, state: InstrumentState, home: InstrumentState, held: Held, reach: float
) -> InstrumentState:
    """One Gauss-Newton step of every hypothesis."""
    A, g = _equations(look, views, state, home, held, reach)
    step = np.linalg.solve(A, g[..., None])[..., 0]
    moved = state.plus(np.where(np.isfinite(step), step, 0.0))
    return InstrumentState(moved.R, moved.t, np.clip(moved.angles, views.tree.lower, views.tree.upper))


def unsure(
    look: Look, views: OutlineViews, state: InstrumentState, home: InstrumentState, held: Held
) -> Float64[Array, " b"]:
    """How far the worse known end of each instrument may be off, one standard deviation, m.

    Turns about its length are left out: they move neither end.
    """
    A, _ = _equations(look, views, state, home, held, SURE_REACH_PX)
    covariance = np.linalg.inv(A)[:, :6, :6]
    ends = np.einsum("bij,ej->bei", state.R, views.ends)  # from the base link's origin
    J = np.concatenate([np.broadcast_to(np.eye(3), (*ends.shape[:2], 3, 3)), -skew(ends)], axis=3)
    places = J @ covariance[:, None] @ np.swapaxes(J, 2, 3)
    return np.asarray(np.sqrt(np.linalg.eigvalsh(places)[..., -1]).max(axis=1), dtype=np.float64)


def _equations(
    look: Look, views: OutlineViews, state: InstrumentState, home: InstrumentState, held: Held, reach: float
) -> tuple[Float64[Array, "b k k"], Float64[Array, "b k"]]:
    """Normal equations of a step."""
    outline = Outline.of(look, views, state)
    half = max(round(_SAMPLES * reach), 2)
    shifts = np.arange(-half, half + 1.0)
    near = np.exp(-0.5 * (shifts / reach) ** 2).astype(np.float32)
    weight = outline.strengths(look.border, shifts) ** 2 * near
    total = weight.sum(axis=2)
    mean = (weight * shifts.astype(np.float32)).sum(axis=2) / np.maximum(total, 1e-9)
    trust = np.where(outline.seen, total / (total + _DOUBT * reach), 0.0) / (_ERR * reach) ** 2
    trust = trust * (_INDEPENDENT / np.maximum(outline.seen.sum(axis=1), _INDEPENDENT))[:, None]
    J = _jacobian(look, views, state, outline)
    weighed = J * trust[..., None]
    information, off = _information(state, held), _off(state, home)
    g = np.einsum("bpk,bp->bk", weighed, mean) - np.einsum("bkl,bl->bk", information, off)
    return np.swapaxes(weighed, 1, 2) @ J + information, g


def _jacobian(look: Look, views: OutlineViews, state: InstrumentState, outline: Outline) -> Float64[Array, "b p k"]:
    """How far places move outward (px) along the state's tangent; lens distortion is left out."""
    placed, K = outline.placed, look.camera.K
    x, y, z = np.moveaxis(placed.points, 2, 0)
    z = np.maximum(z, NEAR_M)
    n = outline.normals * np.array([K[0, 0], K[1, 1]])
    gradient = np.stack([n[..., 0] / z, n[..., 1] / z, -(n[..., 0] * x + n[..., 1] * y) / (z * z)], axis=2)
    parts = [gradient, np.cross(placed.points - state.t[:, None], gradient)]
    if views.tree.n_joints:
        arms = placed.points[:, :, None] - placed.posed.anchors[:, None]
        turned = np.cross(placed.posed.axes[:, None], arms)
        along = (turned * gradient[:, :, None]).sum(axis=3) * views.tree.moves[placed.links]
        parts.append(along @ views.tree.multipliers)
    return np.concatenate(parts, axis=2)


def _off(state: InstrumentState, home: InstrumentState) -> Float64[Array, "b k"]:
    """Steps from home to the states."""
    turn = axis_angle_from_rotation(state.R @ np.swapaxes(home.R, 1, 2))
    return np.concatenate([state.t - home.t, turn, state.angles - home.angles], axis=1)


def _information(state: InstrumentState, held: Held) -> Float64[Array, "b k k"]:
    """What is known of where hypotheses are: less of it along the view."""
    sigmas = np.repeat([held.across, held.turn, held.joint], [3, 3, state.angles.shape[1]])
    A = np.tile(np.diag(1.0 / sigmas**2), (len(state.t), 1, 1))
    distance = np.maximum(np.linalg.norm(state.t, axis=1), NEAR_M)
    ray = state.t / distance[:, None]
    less = 1.0 / held.across**2 - 1.0 / np.maximum(held.along * distance, held.across) ** 2
    A[:, :3, :3] -= less[:, None, None] * ray[:, :, None] * ray[:, None, :]
    return A
