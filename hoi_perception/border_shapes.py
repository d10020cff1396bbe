"""The shape of a bright area on black: an upright rectangle or a disc, and whether its edge is sharp.

Shapes are first found in a coarse grid of brightness, then moved to where the full image has its edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt8
from numpy.typing import NDArray

from hoi_perception.visible_area import VisibleArea, VisibleDisc, VisibleRectangle

Array = NDArray[np.float64]
Image = UInt8[NDArray[np.uint8], "h w 3"]
Mask = Bool[NDArray[np.bool_], "rows columns"]

_ON_CIRCLE = 1.0  # cells from the circle up to which a point of the edge lies on it
_CIRCLE_SHARE = 0.6  # of the edge's points that must lie on the circle: notches and shadows take the rest
_QUADRANT_SHARE = 0.08  # of the points on the circle that must lie in each of three quadrants
_STRAIGHT_SHARE = 0.85  # of a side's middle that must lie on one line
_SIDE_MIDDLE = 0.6  # share of a side left when its corners, which may be round, are taken off
_TRIPLES = np.random.RandomState(7).rand(64, 3)  # fixed, so that a run repeats exactly
_VOTERS = 128  # points of the edge that choose among the circles
_REACH = 2.0  # cells to either side of the edge in which brightness is read
_LIT = 12.0  # brightness over the border's from which the edge can be judged
_LIT_SHARE = 0.25  # of the edge that must be lit
_SHARP = 1.25  # cells within which brightness rises from a fifth to four fifths; lamps fade over far more
_SHARP_SHARE = 0.6  # of the lit edge that must be sharp


@dataclass(frozen=True)
class Grid:
    """Coarse cells of an image: cell j reaches from pixel `cell` * j to `cell` * (j + 1)."""

    width: int
    height: int
    cell: int

    @staticmethod
    def of(width: int, height: int) -> Grid:
        """About 160 cells along the longer side, an even number of pixels each."""
        return Grid(width, height, max(2, 2 * round(max(width, height) / 320.0)))

    @property
    def columns(self) -> int:
        """Whole cells across."""
        return self.width // self.cell

    @property
    def rows(self) -> int:
        """Whole cells down."""
        return self.height // self.cell

    def centers(self) -> Float64[Array, "n 2"]:
        """Middles of all cells, row by row, px."""
        x, y = np.meshgrid(np.arange(self.columns) + 0.5, np.arange(self.rows) + 0.5)
        return self.cell * np.stack([x.ravel(), y.ravel()], axis=1)


def find_shape(bright: Mask, grid: Grid) -> VisibleArea | None:
    """The rectangle or disc that the largest connected bright area fills, to about half a cell; None for any other."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bright.astype(np.uint8), connectivity=4)
    if count < 2:
        return None
    area: Mask = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return _rectangle(area, grid) or _disc(area, grid)


def _rectangle(area: Mask, grid: Grid) -> VisibleRectangle | None:
    """The area's box where both its left and right or both its upper and lower sides are straight and off the edge."""
    sides = [_line(area, grid.columns), _line(area.T, grid.rows)]
    if sides[0] is None and sides[1] is None:
        return None
    (left, right), (top, bottom) = (side or limits for side, limits in zip(sides, _extent(area), strict=True))
    x0, y0, x1, y1 = (round(grid.cell * v) for v in (left, top, right, bottom))
    x1 = grid.width if right >= grid.columns else x1
    y1 = grid.height if bottom >= grid.rows else y1
    return VisibleRectangle((x0, y0, x1, y1))


def _extent(area: Mask) -> list[tuple[float, float]]:
    """First and one past the last column, then row, that the area reaches."""
    spans = [np.flatnonzero(area.any(axis=axis)) for axis in (0, 1)]
    return [(float(span[0]), float(span[-1] + 1)) for span in spans]


def _line(area: Mask, length: int) -> tuple[float, float] | None:
    """Where all rows of the area begin and end, in cells; None unless both are straight and inside the image."""
    filled = np.flatnonzero(area.any(axis=1))
    drop = int(0.5 * (1.0 - _SIDE_MIDDLE) * len(filled))
    middle = area[filled[drop : len(filled) - drop]]
    if len(middle) == 0:
        return None
    first = middle.argmax(axis=1)
    last = length - middle[:, ::-1].argmax(axis=1)
    begin, end = float(np.median(first)), float(np.median(last))
    straight = min((np.abs(first - begin) <= 1).mean(), (np.abs(last - end) <= 1).mean()) >= _STRAIGHT_SHARE
    return (begin, end) if straight and begin >= 2 and end <= length - 2 else None


def _disc(area: Mask, grid: Grid) -> VisibleDisc | None:
    """The disc whose circle most of the area's edge lies on, from three of the four quadrants at least."""
    points = _edge_points(area)
    if len(points) < 24:
        return None
    center, radius = _best_circle(points[:: math.ceil(len(points) / _VOTERS)], max(area.shape))
    for _ in range(2):
        on = np.abs(np.linalg.norm(points - center, axis=1) - radius) <= _ON_CIRCLE
        if on.sum() < 12:
            return None
        center, radius = fit_circle(points[on])
    on = np.abs(np.linalg.norm(points - center, axis=1) - radius) <= _ON_CIRCLE
    offset = points[on] - center
    quadrants = np.bincount((offset[:, 0] > 0) + 2 * (offset[:, 1] > 0), minlength=4)
    around = (quadrants >= _QUADRANT_SHARE * on.sum()).sum() >= 3
    if not around or on.mean() < _CIRCLE_SHARE or 2.0 * radius < 0.4 * min(area.shape):
        return None
    x, y = grid.cell * center
    return VisibleDisc((float(x), float(y)), grid.cell * radius, grid.width, grid.height)


def _edge_points(area: Mask) -> Float64[Array, "n 2"]:
    """Both ends of every row and column of the area, where they are not the image's own, in cells."""
    points = []
    for flip, mask in enumerate((area, area.T)):
        length = mask.shape[1]
        lines = np.flatnonzero(mask.any(axis=1))
        first = mask[lines].argmax(axis=1)
        last = length - mask[lines][:, ::-1].argmax(axis=1)
        ends = np.concatenate([np.stack([e, lines + 0.5], axis=1)[inner] for e, inner in _inner(first, last, length)])
        points.append(ends[:, ::-1] if flip else ends)
    return np.concatenate(points).astype(np.float64)


def _inner(
    first: Int[NDArray[np.int64], " n"], last: Int[NDArray[np.int64], " n"], length: int
) -> list[tuple[Int[NDArray[np.int64], " n"], Bool[NDArray[np.bool_], " n"]]]:
    return [(first, first > 0), (last, last < length)]


def _best_circle(points: Float64[Array, "n 2"], largest: float) -> tuple[Float64[Array, "2"], float]:
    """Of circles through three points each, the one that most points lie on."""
    a, b, c = points[(_TRIPLES * len(points)).astype(int)].transpose(1, 0, 2)
    u, v = b - a, c - a
    cross = 2.0 * (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    cross = np.where(np.abs(cross) < 1e-6, np.nan, cross)
    uu, vv = (u**2).sum(axis=1), (v**2).sum(axis=1)
    offset = np.stack([v[:, 1] * uu - u[:, 1] * vv, u[:, 0] * vv - v[:, 0] * uu], axis=1) / cross[:, None]
    radius = np.linalg.norm(offset, axis=1)
    centers = np.nan_to_num(a + offset)
    distance = np.abs(np.linalg.norm(points[None] - centers[:, None], axis=2) - np.nan_to_num(radius)[:, None])
    votes = np.where(radius < largest, (distance <= _ON_CIRCLE).sum(axis=1), -1)
    best = int(votes.argmax())
    return centers[best], float(np.nan_to_num(radius[best]))


def fit_circle(points: Float64[Array, "n 2"]) -> tuple[Float64[Array, "2"], float]:
    """Centre and radius of the circle with least squared algebraic distance (Kåsa 1976)."""
    middle = points.mean(axis=0)
    x, y = (points - middle).T
    solution = np.linalg.lstsq(np.stack([x, y, np.ones_like(x)], axis=1), x**2 + y**2, rcond=None)[0]
    center = 0.5 * solution[:2]
    return center + middle, float(np.sqrt(max(solution[2] + center @ center, 0.0)))


def sharpened(area: VisibleArea, image_bgr: Image, cell: int) -> VisibleArea | None:
    """The area moved to where the image has its edge, to about a pixel; None where that edge is not sharp.

    A lamp's cone and a lens's falloff fade over many pixels, the edge of a border within a few.
    """
    points, inward = _edge(area)
    edge = _rise(image_bgr, points, inward, cell)
    if edge.lit.sum() < max(_LIT_SHARE * edge.read.sum(), 8) or edge.sharp[edge.lit].mean() < _SHARP_SHARE:
        return None
    good = edge.lit & edge.sharp
    moved = points[good] + edge.shift_px[good, None] * inward[good]
    if isinstance(area, VisibleDisc):
        return _moved_disc(area, moved)
    return _moved_rectangle(area, moved, inward[good])


def _moved_disc(area: VisibleDisc, points: Float64[Array, "n 2"]) -> VisibleDisc:
    off = np.linalg.norm(points - np.array(area.center_px), axis=1) - area.radius_px
    steady = np.abs(off - np.median(off)) <= 2.0 * np.median(np.abs(off - np.median(off))) + 1.0
    center, radius = fit_circle(points[steady])
    return replace(area, center_px=(float(center[0]), float(center[1])), radius_px=radius)


def _moved_rectangle(
    area: VisibleRectangle, points: Float64[Array, "n 2"], inward: Float64[Array, "n 2"]
) -> VisibleRectangle:
    """Each side at the median of its points; a side without points stays."""
    box = list(area.box_px)
    for side, normal in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)]):
        own = (inward == normal).all(axis=1)
        if own.any():
            box[side] = math.ceil(float(np.median(points[own, side % 2])))
    return VisibleRectangle((box[0], box[1], box[2], box[3]))


def _edge(area: VisibleArea) -> tuple[Float64[Array, "n 2"], Float64[Array, "n 2"]]:
    """Points along the edge and unit normals into the area; a rectangle's corners, which may be round, are left out."""
    if isinstance(area, VisibleDisc):
        points = area.outline_px[::2]
        return points, (np.array(area.center_px) - points) / area.radius_px
    x0, y0, x1, y1 = area.box_px
    along = np.linspace(0.5 - 0.5 * _SIDE_MIDDLE, 0.5 + 0.5 * _SIDE_MIDDLE, 40)
    x, y = x0 + along * (x1 - x0), y0 + along * (y1 - y0)
    sides = [np.stack(np.broadcast_arrays(*side), axis=1) for side in ((x0, y), (x, y0), (x1, y), (x, y1))]
    return np.concatenate(sides), np.repeat([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]], len(along), axis=0)


@dataclass(frozen=True)
class _Rise:
    """How brightness rises across the edge at each of its points: whether it could be read, rises, how fast, where."""

    read: Bool[NDArray[np.bool_], " n"]
    lit: Bool[NDArray[np.bool_], " n"]
    sharp: Bool[NDArray[np.bool_], " n"]
    shift_px: Float64[Array, " n"]


def _rise(image_bgr: Image, points: Float64[Array, "n 2"], inward: Float64[Array, "n 2"], cell: int) -> _Rise:
    """Brightness read across the edge, where the image reaches far enough for that."""
    reach = _REACH * cell
    steps = np.arange(-reach, reach + 0.5, max(1.0, cell / 8.0))
    at = np.rint(points[:, None] + steps[:, None] * inward[:, None]).astype(int)  # (n, s, 2)
    height, width = image_bgr.shape[:2]
    within = np.asarray(((at >= 0) & (at < [width, height])).all(axis=2))
    inside = np.asarray(within[:, len(steps) // 4 :].all(axis=1))  # of the border, half the reach will do
    at = np.clip(at, 0, [width - 1, height - 1])
    profile: Float[Array, "n s"] = image_bgr[at[..., 1], at[..., 0]].max(axis=2).astype(np.float64)
    quarter = len(steps) // 4
    low, high = np.median(profile[:, :quarter], axis=1), np.median(profile[:, -quarter:], axis=1)
    gain = np.maximum(high - low, 1.0)
    begin, half, end = ((profile >= (low + share * gain)[:, None]).argmax(axis=1) for share in (0.2, 0.5, 0.8))
    step = float(steps[1] - steps[0])
    lit, sharp = inside & (high - low > _LIT), (end - begin) * step <= _SHARP * cell
    return _Rise(inside, np.asarray(lit), np.asarray(sharp), steps[half] - 0.5 * step)
