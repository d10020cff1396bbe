"""Registered depth as evidence of an instrument that is followed by regions: how far the surface within its outline is.

Depth of metal has holes, pixels that fly between surfaces, and what lies behind where the sensor sees nothing of the
metal. So a pixel counts where it is seen, belongs to the instrument by its colour, and has no step beside it; and all
of them together only where they stand out from what lies around the outline and are as far away as the pose allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.instruments.colour import said_at, seen_at
from hoi_perception.instruments.region_lines import ContourLines
from hoi_perception.interaction.depth_points import STEP_M
from hoi_perception.interaction.front_surface import front_surface
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.terms.region import RegionTerm

Array = NDArray[np.float64]
Pixels = Int64[NDArray[np.int64], "n 2"]
DepthImage = Float32[NDArray[np.float32], "h w"]
DEPTH_TERM = "depth"


@dataclass(frozen=True)
class DepthSettings:
    """What is believed of depth; lengths in m.

    `sigma` and `sigma_per_m2` are as in `DepthTerm`; more than `most` points weigh as much as `most`. All depths of a
    frame err alike by `shared`. `reach` is how far the middle of them may be from the pose, `around` how far one of
    them may then be from the middle. Fewer than `fewest` say nothing, `looked_at` is how
    many are looked at. They have to be nearer than what lies beside the
    outline by `standing` at least.
    """

    sigma: float = 0.001
    sigma_per_m2: float = 0.003
    shared: float = 0.002
    most: int = 60
    fewest: int = 12
    looked_at: int = 120
    reach: float = 0.03
    around: float = 0.02
    standing: float = 0.0015
    first: int = 5
    """The round in which depths are looked up; from it on they count."""
    robust: tuple[float, ...] = (0.010, 0.010, 0.004)
    """Geman-McClure's scale in the rounds from the first on, then the last one."""


DEPTH = DepthSettings()


@dataclass(frozen=True, eq=False)
class Matched:
    """Measured points (m, camera frame), each with the place of an instrument's front that its pixel should show."""

    measured: Float64[Array, "n 3"]
    links: Int64[NDArray[np.int64], " n"]
    points_link: Float64[Array, "n 3"]
    normals: Float64[Array, "n 3"]


@dataclass(eq=False)
class InstrumentDepthTerm:
    """Distances of measured points from the front of instrument `region.instrument`, along its normals.

    `region` is a term of the same solve that comes first: its lines say where the instrument is in the image.
    ValueError where depth has another size than that.
    """

    region: RegionTerm
    depth_m: DepthImage
    settings: DepthSettings
    latest: list[RowBlock] = field(default_factory=list, init=False)
    """The rows of the last round."""
    _matched: Matched | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        size = tuple(self.region.evidence.cover.shape)
        if self.depth_m.shape != size:
            raise ValueError(f"depth of {self.depth_m.shape} for an image of {size}: register it to the image")

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """One row for each point that counts."""
        own = self.settings
        if geometry.round == own.first:
            self._matched = None if self.region.lines is None else self._found(geometry, self.region.lines)
        self.latest = []
        if self._matched is not None:
            scale = own.robust[min(geometry.round - own.first, len(own.robust) - 1)]
            body = len(geometry.bodies.hands) + self.region.instrument
            self.latest = [_block(self._matched, body, own, scale)]
        return self.latest

    def _found(self, geometry: Geometry, lines: ContourLines) -> Matched | None:
        own, camera = self.settings, self.region.camera
        inside, around = pixels_inside(lines), pixels_around(lines)
        z, beside = unmixed(self.depth_m, inside), unmixed(self.depth_m, around)
        use = _evenly(np.isfinite(z) & self._shows_it(inside, lines), own.looked_at)
        if len(use) < own.fewest:
            return None
        known = _evenly(np.isfinite(beside), own.looked_at)
        around, beside, inside, z = around[known], beside[known], inside[use], z[use]
        plane = np.asarray(undistort(inside.astype(np.float64), camera), dtype=np.float64)
        rays = np.column_stack([plane, np.ones(len(use))])
        front = front_surface(geometry, self.region.instrument, rays, float(lines.depths_m.min()) - own.around)
        off = z - front.points[:, 2]
        good = front.met & standing_out(inside, z, around, beside, own.standing)
        middle = float(np.median(off[good])) if good.any() else np.inf
        good &= np.abs(off - middle) < own.around
        if abs(middle) > own.reach or np.count_nonzero(good) < own.fewest:
            return None
        R, t = geometry.links(self.region.instrument)
        links = front.links[good]
        local = np.einsum("nji,nj->ni", R[links], front.points[good] - t[links])
        return Matched(rays[good] * z[good, None], links, local, front.normals[good])

    def _shows_it(self, px: Pixels, lines: ContourLines) -> Bool[NDArray[np.bool_], " n"]:
        """Which pixels nothing hides and are the instrument's by their colours rather than its surroundings'."""
        evidence = self.region.evidence
        depths = np.tile(lines.depths_m, len(px) // len(lines))
        return np.asarray(seen_at(evidence, px, depths) & (said_at(evidence, px) > 0.0))


def pixels_inside(lines: ContourLines) -> Pixels:
    """Pixels within the outline: in the middle of each line's part in the instrument, and half-way to the outline."""
    length = lines.profiles[:, :1].astype(np.float64)
    return _pixels(np.concatenate([lines.places_px - share * length * lines.normals_px for share in (0.5, 0.25)]))


def pixels_around(lines: ContourLines) -> Pixels:
    """Pixels outside of it, 6 and 10 px away where no other part of the instrument begins before."""
    length = lines.profiles[:, 1]
    parts = [(lines.places_px + px * lines.normals_px)[length > px + 2.0] for px in (6.0, 10.0)]
    return _pixels(np.concatenate(parts))


def _evenly(which: Bool[NDArray[np.bool_], " n"], most: int) -> Int64[NDArray[np.int64], " m"]:
    """Indices of at most so many of those that are true, spread evenly."""
    found = np.flatnonzero(which)
    return found if len(found) <= most else found[np.linspace(0, len(found) - 1, most).astype(np.int64)]


def _pixels(places: Float64[Array, "n 2"]) -> Pixels:
    return np.floor(np.nan_to_num(places, nan=-1e6).clip(-1e6, 1e6) + 0.5).astype(np.int64)


def unmixed(depth_m: DepthImage, px: Pixels) -> Float64[Array, " n"]:
    """Depths of pixels (m), NaN where there is none, at the rim, and where a neighbour is on another surface."""
    height, width = depth_m.shape
    x, y = px.T
    inside = (x >= 1) & (y >= 1) & (x < width - 1) & (y < height - 1)
    x, y = np.where(inside, x, 1), np.where(inside, y, 1)
    here = depth_m[y, x].astype(np.float64)
    bad = ~(inside & (here > 0.0) & (here < np.inf))
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        beside = depth_m[y + dy, x + dx]
        known = (beside > 0.0) & (beside < np.inf) & ~bad  # a hole beside it says nothing
        bad |= np.abs(np.where(known, beside, 0.0) - np.where(known, here, 0.0)) > STEP_M
    return np.where(bad, np.nan, here)


def standing_out(
    px: Pixels,
    z: Float64[Array, " n"],
    around: Int64[NDArray[np.int64], "m 2"],
    beside: Float64[Array, " m"],
    least: float,
    near_px: float = 12.0,
) -> Bool[NDArray[np.bool_], " n"]:
    """Which depths are nearer than those around them, by half as much as the middle one at least; none where that is
    less than `least` (m).

    Where a sensor sees nothing of metal it often tells what lies behind. All count where nothing around has one.
    """
    if len(beside) == 0:
        return np.ones(len(z), dtype=bool)
    x, y = (px[:, None, axis].astype(np.float64) - around[None, :, axis] for axis in range(2))
    apart = x * x + y * y
    weight = np.exp(-0.5 * (apart - apart.min(axis=1, keepdims=True)) / near_px**2)
    behind = weight.sum(axis=1) / (weight @ (1.0 / beside))  # a plane's inverse depth is linear in the image
    step = behind - z
    middle = float(np.median(step))
    return np.asarray((step > 0.5 * middle) & (middle > least))


def _block(matched: Matched, body: int, own: DepthSettings, scale: float) -> RowBlock:
    """Rows of points against the planes of the surface that they should lie on."""
    n = len(matched.links)
    sigma = own.sigma + own.sigma_per_m2 * matched.measured[:, 2] ** 2
    share = np.sqrt(min(1.0, own.most / n))
    points = Points.of_instrument(body, matched.links, matched.points_link)
    fixed, robust = Points.fixed(matched.measured), float(scale * share / np.median(sigma))
    return RowBlock(DEPTH_TERM, Kind.PLANE, points, share / sigma, matched.normals, np.zeros((n, 3)), fixed, robust)
