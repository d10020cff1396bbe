"""Correspondence lines: where, along the normals of its projected contour, an image shows an instrument to be.

Each line gives a mean and a variance of how far its contour place lies from the image's (px along the normal), from the
pixels' likelihoods of instrument against surroundings (Stoiber, Pfanne, Strobl, Triebel, Albu-Schaeffer 2020; SRT3D
2022). Beyond those sources, the whole profile of instrument and gaps along a line can be moved instead of one step:
the step at one side of a thin shaft is found just as well at its other side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.instruments.colour import AMPLITUDE, Colours
from hoi_perception.instruments.contour import Contour, ContourReader
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import PosedLinks
from hoi_perception.kernels import region as kernels
from hoi_perception.kernels.border import RUNS
from hoi_perception.types import Camera

Array = NDArray[np.float64]
GAP_PX = 1.5
"""Distance from the contour within which colours are mixed, px."""
LEARN_PX = 20.0
"""Distance up to which colours are learned, px."""
PROFILE_PX = 60.0
"""Distance up to which the profile of instrument and gaps along a line is read, px."""


@dataclass(frozen=True)
class Level:
    """How lines are read in one iteration: half-length (px), exponent of the likelihood, floor of the variance (px^2).

    `whole` moves the whole profile of a line, else the step at the contour alone. `beyond_px` is how far samples go on
    past the farthest shift; `spacing_px` is the distance between them. Where something hides a sample nearer than
    `clear_px` to the place, the line does not count: what is seen of one side only draws the place to the other side.
    """

    half_px: float
    exponent: float
    floor_px2: float
    whole: bool = True
    beyond_px: float = 10.0
    spacing_px: float = 1.0
    clear_px: float = 0.0


@dataclass(frozen=True)
class LineLimits:
    """Which lines count: those of which at least `least_told` of the samples are not hidden, and whose variance is at
    most `widest` of that of an even distribution."""

    least_told: float = 0.5
    widest: float = 0.7


LIMITS = LineLimits()


@dataclass(frozen=True, eq=False)
class ContourLines:
    """n lines, one at each contour place, as the instrument was when its contour was extracted.

    Places are fixed to links (m) with their normals lifted to the links' frames. Columns of `profiles` (px along the
    normal): how far instrument and surroundings go on, number of stretches of instrument, beginning and end of each.
    """

    links: Int64[NDArray[np.int64], " n"]
    points_link: Float64[Array, "n 3"]
    normals_link: Float64[Array, "n 3"]
    places_px: Float64[Array, "n 2"]
    normals_px: Float64[Array, "n 2"]
    depths_m: Float64[Array, " n"]
    profiles: Float32[NDArray[np.float32], "n p"]

    def __len__(self) -> int:
        return len(self.links)

    def moved(self, posed: PosedLinks, camera: Camera) -> ContourLines:
        """The same lines where the links are now."""
        n, R = len(self), posed.R[0].take(self.links, axis=0)  # `take` is quicker than an index
        points = np.einsum("nij,nj->ni", R, self.points_link) + posed.t[0].take(self.links, axis=0)
        turned = np.einsum("nij,nj->ni", R, self.normals_link)
        both = np.concatenate([points, points + 1e-3 * points[:, 2:] * turned])
        px = np.asarray(project(both, camera), dtype=np.float64)
        along = px[n:] - px[:n]
        length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
        return replace(self, places_px=px[:n], normals_px=along / length[:, None], depths_m=points[:, 2])


@dataclass(frozen=True, eq=False)
class LineShifts:
    """Of each line: where the image shows its place, mean (px) and variance (px^2) along the normal, and whether it
    counts."""

    mean_px: Float64[Array, " n"]
    variance_px2: Float64[Array, " n"]
    counts: Bool[NDArray[np.bool_], " n"]


def contour_lines(
    model: ContourModel, posed: PosedLinks, camera: Camera, n_lines: int = 150, rare: float = 0.0
) -> ContourLines:
    """Up to `n_lines` lines of the first hypothesis, a share `rare` of them where few look the same way; none where the
    instrument is not in the image."""
    return lines_along(contour_reader(model, camera, n_lines, rare).read(posed))


def contour_reader(model: ContourModel, camera: Camera, n_lines: int = 150, rare: float = 0.0) -> ContourReader:
    """What finds the places of lines in one image after the other."""
    return ContourReader(model, camera, n_lines, PROFILE_PX, rare)


def lines_along(found: Contour) -> ContourLines:
    """Lines at all places of a contour."""
    return ContourLines(
        found.links,
        found.points_link,
        found.normals_link,
        found.places_px,
        found.normals_px,
        found.points_camera[:, 2],
        found.profiles,
    )


_EVIDENCE, _OF_LEVEL = 0, range(3, 8)
"""Parameters of `kernels.region.shift_lines`: evidence; whole, shifts, beyond, spacing and exponent."""


class LineReader:
    """Reads lines, up to `capacity`, with arrays that stay: one for each instrument that is followed."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._columns = np.zeros((capacity, 5), dtype=np.float32)
        self._profiles = np.zeros((capacity, 3 + 2 * RUNS), dtype=np.float32)
        self._out = np.zeros((capacity, 4), dtype=np.float32)
        self._room = 0
        self._launch: Any = None
        self._level: Level | None = None
        self._evidence: Any = None

    def shifts(self, lines: ContourLines, evidence: Any, level: Level, limits: LineLimits = LIMITS) -> LineShifts:
        """Where the image shows the contour along each line."""
        n = len(lines)
        shifts, beyond = (round(px / level.spacing_px) for px in (level.half_px, level.beyond_px))
        self._prepare(2 * (shifts + beyond) + 1)
        _fill(self._columns[:n], lines)
        self._profiles[:n] = lines.profiles
        if level != self._level:
            values = int(level.whole), shifts, beyond, level.spacing_px, level.exponent
            for parameter, value in zip(_OF_LEVEL, values, strict=True):
                self._launch.set_param_at_index(parameter, value)
            self._level = level
        if evidence is not self._evidence:
            self._launch.set_param_at_index(_EVIDENCE, evidence)
            self._evidence = evidence
        self._launch.set_dim(n)
        self._launch.launch()
        mean, variance, told, clear = self._out[:n].T.astype(np.float64)
        even = shifts * (shifts + 1.0) / 3.0 * level.spacing_px**2
        counts = (told >= limits.least_told) & (variance <= limits.widest * even) & (clear >= level.clear_px)
        return LineShifts(mean, variance + level.floor_px2, counts)

    def _prepare(self, samples: int) -> None:
        """Room for so many samples of each line."""
        if samples <= self._room:
            return
        self._room, self._level, self._evidence = samples, None, None
        arrays = [_numbers(self._columns), _numbers(self._profiles)]
        room = [wp.empty((self.capacity, samples), dtype=wp.float32, device="cpu") for _ in range(2)]
        inputs = [kernels.Evidence(), *arrays, 0, 0, 0, 0.0, 0.0, *room, _numbers(self._out)]
        self._launch = wp.launch(kernels.shift_lines, dim=1, inputs=inputs, device="cpu", record_cmd=True)


def shift_lines(lines: ContourLines, evidence: Any, level: Level, limits: LineLimits = LIMITS) -> LineShifts:
    """Where the image shows the contour along each line."""
    return LineReader(len(lines)).shifts(lines, evidence, level, limits)


def count_colours(lines: ContourLines, evidence: Any) -> Colours | None:
    """Colours along the lines, inside and outside; None where a side shows nothing."""
    counts = wp.zeros((2, kernels.BINS**3), dtype=wp.float32, device="cpu")
    inputs = [*_on_device(lines, evidence), GAP_PX, LEARN_PX, counts]
    wp.launch(kernels.count_colours, dim=(len(lines), 2), inputs=inputs, device="cpu")
    return Colours.counted(counts.numpy())


@dataclass(frozen=True)
class Agreement:
    """How well an image agrees with the lines where they are: mean of what pixels say for their side (-1 to 1 of what
    they could say at most) inside and outside, NaN where nothing is seen of a side; and the share of what could be seen
    that is not hidden."""

    inside: float
    outside: float
    seen: float

    @property
    def both(self) -> float:
        """The smaller one of the sides that are seen, 0 where none is."""
        return min((side for side in (self.inside, self.outside) if side == side), default=0.0)


NOTHING_SEEN = Agreement(float("nan"), float("nan"), 0.0)


@dataclass(frozen=True, eq=False)
class Tally:
    """Pixels beside lines, inside and outside: sums of what they say for their side, and of how much for either side,
    their number, and the number of all that would be seen if nothing hid them."""

    right: Float32[NDArray[np.float32], "2"]
    said: Float32[NDArray[np.float32], "2"]
    counts: Float32[NDArray[np.float32], "2"]
    whole: float

    def __add__(self, other: Tally) -> Tally:
        """Those of several images together."""
        return Tally(
            self.right + other.right, self.said + other.said, self.counts + other.counts, self.whole + other.whole
        )

    @property
    def agreement(self) -> Agreement:
        """How well they agree with the lines."""
        return self.agreed(1.0)

    def agreed(self, least_said: float) -> Agreement:
        """The same over what they say for either side, which has to be so much of what they could say.

        Colours of something that lies on the instrument as well as beside it, such as a glove, say little for either
        side, and then they do not count.
        """
        most = np.log((0.5 + AMPLITUDE) / (0.5 - AMPLITUDE))
        could = np.maximum(self.said, least_said * most * np.maximum(self.counts, 1.0))
        share = np.where(self.counts > 0.0, self.right / could, np.nan)
        seen = min(self.counts.sum() / max(self.whole, 1.0), 1.0)
        return Agreement(float(share[0]), float(share[1]), float(seen))


_NONE = np.zeros(2, np.float32)
NOTHING_COUNTED = Tally(_NONE, _NONE, _NONE, 0.0)


def agreement(lines: ContourLines, evidence: Any, reach_px: float = 8.0) -> Agreement:
    """Over the pixels up to `reach_px` to each side."""
    return tally(lines, evidence, reach_px).agreement


def tally(lines: ContourLines, evidence: Any, reach_px: float = 8.0) -> Tally:
    """What the pixels up to `reach_px` to each side say."""
    n = len(lines)
    if n == 0:
        return NOTHING_COUNTED
    sums = [wp.empty((n, 2), dtype=wp.float32, device="cpu") for _ in range(3)]
    inputs = [*_on_device(lines, evidence), GAP_PX, reach_px]
    wp.launch(kernels.agree, dim=(n, 2), inputs=inputs, outputs=sums, device="cpu")
    right, said, counts = (each.numpy().sum(axis=0) for each in sums)
    lengths = lines.profiles[:, :2].astype(np.float64)
    whole = np.maximum(np.floor(np.minimum(lengths - GAP_PX, reach_px) - GAP_PX) + 1.0, 0.0).sum()
    return Tally(right, said, counts, float(whole))


def _on_device(lines: ContourLines, evidence: Any) -> list[Any]:
    return [evidence, _numbers(_columns(lines)), _numbers(lines.profiles)]


def _columns(lines: ContourLines) -> Float32[NDArray[np.float32], "n 5"]:
    """Places (px), normals and depths (m)."""
    columns = np.empty((len(lines), 5), dtype=np.float32)
    _fill(columns, lines)
    return columns


def _fill(columns: Float32[NDArray[np.float32], "n 5"], lines: ContourLines) -> None:
    columns[:, :2], columns[:, 2:4], columns[:, 4] = lines.places_px, lines.normals_px, lines.depths_m


def _numbers(values: Float32[NDArray[np.float32], "n c"]) -> wp.array:
    """The same memory for kernels."""
    return wp.array(values, dtype=wp.float32, device="cpu", copy=False)
