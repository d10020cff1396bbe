"""Regions of an image against the projected contour of an instrument.

What a further camera shows is told in the frame of the first one: a line across a contour is a plane through the eye of
its camera there, and the distance of a point from that plane, over the point's depth, is its distance from the line in
the image. So rows of any camera go into any solve.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.instruments.contour import ALIKE, ContourReader
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import PosedLinks
from hoi_perception.instruments.region_lines import (
    LIMITS,
    ContourLines,
    Level,
    LineLimits,
    LineReader,
    LineShifts,
    contour_reader,
    lines_along,
)
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.types import Camera, PlacedCamera

Array = NDArray[np.float64]
LEVELS = (
    Level(40.0, 0.075, 9.0, spacing_px=2.0),
    Level(40.0, 0.075, 9.0, spacing_px=2.0),
    Level(20.0, 0.125, 4.0),
    Level(20.0, 0.125, 4.0),
    Level(10.0, 0.175, 2.0),
    Level(5.0, 0.25, 1.0, spacing_px=0.5),
    Level(5.0, 0.25, 1.0, spacing_px=0.5),
    Level(4.0, 1.0, 0.25, spacing_px=0.5, clear_px=3.0),
    Level(4.0, 1.0, 0.25, spacing_px=0.5, clear_px=3.0),
)
"""How lines are read from round to round."""
AFRESH = (0, 2, 5, 7)
"""Rounds at which the contour is extracted anew; in the others its places are only projected again."""


@dataclass(frozen=True)
class RegionSettings:
    """How the image is read: levels by round, number of lines, and what their information is worth.

    On the way each line is given the share `trust` of its information. From round `settled` on, all lines that look
    the same way, within `ALIKE`, count as at most `alike` lines, each as `most_trust` at most; so the few lines at the
    tip of a long instrument draw it along its length; a share `rare` of the lines is put where few look the same way.
    From round `exact` on each line counts in full, by its variance, and less and less beyond `robust` standard
    deviations.
    """

    levels: tuple[Level, ...] = LEVELS
    afresh: tuple[int, ...] = AFRESH
    n_lines: int = 150
    rare: float = 0.0
    trust: float = 0.05
    alike: float = 5.0
    most_trust: float = 0.5
    settled: int = 5
    exact: int = 7
    robust: float = 3.0
    limits: LineLimits = LIMITS


REGION = RegionSettings()


@dataclass(eq=False)
class RegionTerm:
    """Each line of an instrument's contour draws its place to where the image shows it, as surely as its posterior.

    The image is that of `camera`: of the first one, or of a further one that is `placed`.
    """

    instrument: int
    model: ContourModel
    camera: Camera
    evidence: Any
    """`kernels.region.Evidence` of the image, from a provider of `instruments.colour`."""
    settings: RegionSettings = REGION
    reader: LineReader | None = None
    """What reads the lines; one that stays saves time."""
    placed: PlacedCamera | None = None
    contours: ContourReader | None = None
    """What finds the places of lines, in the same way."""
    lines: ContourLines | None = field(default=None, init=False)
    shifts: LineShifts | None = field(default=None, init=False)
    latest: list[RowBlock] = field(default_factory=list, init=False)
    """The rows of the last round."""

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """One row for each line that counts."""
        self.latest = self._rows(geometry)
        return self.latest

    def _rows(self, geometry: Geometry) -> list[RowBlock]:
        R, t = geometry.links(self.instrument)
        if self.placed is not None:
            R, t = self.placed.R_own_first @ R, self.placed.seen(t)
        level = self.settings.levels[min(geometry.round, len(self.settings.levels) - 1)]
        lines = self._lines(posed_links(R, t), geometry.round)
        if len(lines) == 0:
            return []
        self.reader = self.reader or LineReader(self.settings.n_lines)
        shifts = self.reader.shifts(lines, self.evidence, level, self.settings.limits)
        self.lines, self.shifts = lines, shifts
        use = np.flatnonzero(shifts.counts)
        if len(use) == 0:
            return []
        normals, mean, variance = (
            each.take(use, axis=0) for each in (lines.normals_px, shifts.mean_px, shifts.variance_px2)
        )
        at = lines.places_px.take(use, axis=0) + mean[:, None] * normals
        both = np.asarray(undistort(np.concatenate([at, at + normals]), self.camera), dtype=np.float64)
        target, ahead = both[: len(use)], both[len(use) :] - both[: len(use)]
        per_pixel = ahead / np.maximum((ahead * ahead).sum(axis=1, keepdims=True), 1e-18)
        weight, robust = self._weights(normals, variance, geometry.round)
        body = len(geometry.bodies.hands) + self.instrument
        points = Points.of_instrument(body, lines.links.take(use), lines.points_link.take(use, axis=0))
        if self.placed is not None:
            return [_planes(points, per_pixel, target, lines.depths_m[use], weight, robust, self.placed)]
        flat = np.zeros((len(use), 1))
        direction, target = np.column_stack([per_pixel, flat]), np.column_stack([target, flat])
        return [RowBlock("region", Kind.IMAGE, points, weight, direction, target, robust=robust)]

    def _weights(
        self, normals: Float64[Array, "n 2"], variance_px2: Float64[Array, " n"], round_: int
    ) -> tuple[Float64[Array, " n"], float]:
        """Weights of lines, and the scale beyond which they count less and less."""
        if round_ >= self.settings.exact:
            return 1.0 / np.sqrt(variance_px2), self.settings.robust
        trust = self._trust(normals) if round_ >= self.settings.settled else self.settings.trust
        return np.sqrt(trust / variance_px2), 0.0

    def _trust(self, normals: Float64[Array, "n 2"]) -> Float64[Array, " n"]:
        """Share of the information of each line that counts."""
        crowd = np.count_nonzero(normals @ normals.T > ALIKE, axis=1)
        return np.asarray(np.minimum(self.settings.alike / crowd, self.settings.most_trust))

    def _lines(self, posed: PosedLinks, round_: int) -> ContourLines:
        if self.lines is None or round_ in self.settings.afresh:
            own = self.settings
            self.contours = self.contours or contour_reader(self.model, self.camera, own.n_lines, own.rare)
            return lines_along(self.contours.read(posed))
        return self.lines.moved(posed, self.camera)


def _planes(
    points: Points,
    per_pixel: Float64[Array, "n 2"],
    target: Float64[Array, "n 2"],
    depths_m: Float64[Array, " n"],
    weight: Float64[Array, " n"],
    robust: float,
    placed: PlacedCamera,
) -> RowBlock:
    """Rows of a further camera: n . (u - m), u = (x / z, y / z), is (n, -n . m) . p / z for p in its frame."""
    across = -(per_pixel * target).sum(axis=1, keepdims=True)
    direction = np.column_stack([per_pixel, across]) / depths_m[:, None] @ placed.R_own_first
    eye = Points.fixed(np.tile(-placed.t_own_first @ placed.R_own_first, (len(target), 1)))
    return RowBlock("region", Kind.PLANE, points, weight, direction, np.zeros((len(target), 3)), eye, robust)


def posed_links(R: Float64[Array, "l 3 3"], t: Float64[Array, "l 3"]) -> PosedLinks:
    """Links of one problem, without what Jacobians need."""
    none = np.zeros((1, 0, 3))
    return PosedLinks(R[None], t[None], none, none)
