"""Refinement of a hand on a held instrument: the joint solver with the four terms of the single-image method.

Global pose and articulation minimise lambda_1 (1 - IoU of the mask) + lambda_2 penetration + lambda_3 contact +
lambda_4 |theta - theta_0|_1. All four grow linearly, and the solver minimises squares: |r| is taken as
r^2 / (2 |r_0|) + |r_0| / 2 with r_0 the residual at the start of a round, which meets it there in value and slope
(iteratively reweighted least squares).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.mask_distance import MaskDistance
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.solver import Term, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.contact import ContactTerm
from hoi_perception.interaction.terms.silhouettes import HandSilhouetteTerm
from hoi_perception.rendering import rasterise
from hoi_perception.types import N_VERTICES, Camera

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]
MASK_REACH_PX = (40.0, 15.0)
"""How far off its mask a hand is looked for, first and then."""
HELD = 1e5
"""1 / standard deviation of what stands still."""


@dataclass(frozen=True)
class RefinementSettings:
    """Weights of the four terms, and how they are solved. Lengths in m, angles in rad.

    Penetration is the mean over the points inside, contact the mean over the points that are drawn: of each contact
    zone of the hand whose nearest point is within `reach`, the nearest ones. The published sums run over fixed sets in
    an object's own units; means over those concerned keep the weights' balance for hands and instruments of any mesh.
    """

    mask: float = 5.0
    penetration: float = 10.0
    contact: float = 5.0
    pose: float = 0.1
    length: float = 0.01
    """Length that counts as 1 in penetration and contact."""
    reach: tuple[float, ...] = (0.03, 0.025, 0.02, 0.015, 0.012, 0.01)
    """Round by round."""
    reach_px: tuple[float, ...] = (25.0, 15.0, 10.0)
    steps: int = 8
    least_inside: int = 20
    """The mean over fewer points inside is taken as if they were so many: others enter while it is minimised."""
    least_distance: float = 0.0005
    least_angle: float = 0.01
    least_px: float = 1.0
    """Residuals below which a term is taken as quadratic."""
    margin: float = 0.004
    """Distance from the instrument below which a point may enter it during a round."""


@dataclass(frozen=True)
class Energies:
    """The four terms without their weights: 1 - IoU; penetration and contact in `RefinementSettings.length`; rad."""

    mask: float
    penetration: float
    contact: float
    pose: float

    def weighted(self, settings: RefinementSettings) -> float:
        """What refinement minimises."""
        s = settings
        return s.mask * self.mask + s.penetration * self.penetration + s.contact * self.contact + s.pose * self.pose


@dataclass(frozen=True, eq=False)
class HandMasks:
    """Visible hand and visible instrument, which may cover it."""

    camera: Camera
    hand: Mask
    instrument: Mask

    def silhouette(self, reach_px: float, sigma_px: float = 6.0) -> HandSilhouetteTerm:
        """The term of the joint solver for this mask."""
        distance = MaskDistance.of(self.hand, self.camera, self.instrument)
        contour = MaskContour.of(self.hand, self.camera)
        hidden = MaskDistance.of(self.instrument, self.camera).near(contour)
        return HandSilhouetteTerm(0, distance, contour, hidden, sigma_px, (reach_px,))

    def lack_of_overlap(self, vertices: Float64[Array, "778 3"], faces: NDArray[np.int32]) -> float:
        """1 - IoU with a rendered hand, but for what the instrument may cover."""
        own = rasterise(vertices, faces, self.camera).mask & ~self.instrument
        return 1.0 - float((own & self.hand).sum()) / max(float((own | self.hand).sum()), 1.0)


@dataclass(frozen=True)
class MaskOverlapTerm:
    """1 - IoU of a hand's mask: a border that is off by d pixels over a length l adds l d / (area)."""

    masks: HandMasks
    silhouette: HandSilhouetteTerm
    weight: float
    least_px: float

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """The rows of the silhouette, each for its share of the contour's length.

        What is as far off as half of the reach probably belongs to another finger and weighs less (Geman-McClure).
        """
        area, length = _area_and_length(self.masks.hand)
        focal = self.masks.camera.focal_px
        share = self.weight * length / (area * max(len(self.silhouette.contour.points), 1))
        out = []
        for block in self.silhouette.rows(geometry):
            assert block.direction is not None and block.target is not None
            at = geometry.hand_points(self.silhouette.hand)[block.p.point]
            off = ((at[:, :2] / at[:, 2:] - block.target[:, :2]) * block.direction[:, :2]).sum(axis=1) * focal
            far2 = (0.5 * self.silhouette.reach_px[0]) ** 2
            weight = focal * np.sqrt(share / _twice(off, self.least_px)) * far2 / (far2 + off * off)
            out.append(replace(block, weight=weight, robust=0.0))
        return out


@dataclass(frozen=True)
class LinearContactTerm:
    """Penetration and contact that grow linearly with the distance."""

    settings: RefinementSettings
    reach: float

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """A row for each point that may be inside, and for each that is drawn to the surface."""
        s = self.settings
        distance = geometry.distances(0, 0)[0]
        drawn = _drawn(geometry, self.reach)
        near = np.flatnonzero(distance < s.margin)
        near = near[:: max(1, len(near) // 500)]
        inside = max(int((distance[near] < 0.0).sum()), s.least_inside)
        return [
            self._block("penetration", near, distance, s.penetration / inside, -1),
            self._block("contact", drawn, distance, s.contact / max(len(drawn), 1), 1),
        ]

    def _block(
        self,
        name: str,
        points: Int64[NDArray[np.int64], " n"],
        distance: Float64[Array, " m"],
        share: float,
        hinge: int,
    ) -> RowBlock:
        n = len(points)
        off = distance[points] / self.settings.length
        least = self.settings.least_distance / self.settings.length
        weight = np.sqrt(share / _twice(off, least)) / self.settings.length
        q = Points(np.full(n, 1), np.zeros(n, dtype=int), np.zeros((n, 3)))
        return RowBlock(name, Kind.FIELD, Points.of_hand(0, points), weight, q=q, hinge=hinge)


class Refiner:
    """One hand with one instrument that stands still; `shape` is the hand's."""

    def __init__(self, bodies: Bodies, shape: Float64[Array, "10"], posture: AnglePrior) -> None:
        self.bodies = bodies
        self.engine = Engine(bodies, [shape], 1)
        self._limits = replace(posture, sqrt_information=1e-6 * np.eye(45))

    def refine(self, masks: HandMasks, start: SceneState, settings: RefinementSettings | None = None) -> SceneState:
        """The hand where the four terms are least, from an aligned start."""
        s, state = settings or RefinementSettings(), start
        for index, reach in enumerate(s.reach):
            silhouette = masks.silhouette(s.reach_px[min(index, len(s.reach_px) - 1)])
            terms: list[Term] = [MaskOverlapTerm(masks, silhouette, s.mask, s.least_px), LinearContactTerm(s, reach)]
            weight = self._still()
            weight[6:51] = np.sqrt(s.pose / _twice((state.angles - start.angles)[0, 0], s.least_angle))
            state = self._solve(terms, start, weight, state, s.steps)
        return state

    def fit_mask(
        self, masks: HandMasks, start: SceneState, depth_sigma: float = 0.01, turn_sigma: float = 0.02
    ) -> SceneState:
        """The hand moved as one piece so that it covers its mask, its depth as expected within `depth_sigma` (m)."""
        weight = self._still()
        weight[6:51] = HELD
        weight[2], weight[3:6] = 1.0 / depth_sigma, 1.0 / turn_sigma
        state = start
        for reach in MASK_REACH_PX:
            state = self._solve([masks.silhouette(reach)], start, weight, state, 6)
        return state

    def energies(
        self, masks: HandMasks, state: SceneState, start: SceneState, settings: RefinementSettings | None = None
    ) -> Energies:
        """The four terms at a state; what is drawn is that of the last round."""
        s, geometry = settings or RefinementSettings(), self.geometry(state)
        distance = geometry.distances(0, 0)[0]
        inside = distance < 0.0
        drawn = _drawn(geometry, s.reach[0])
        return Energies(
            masks.lack_of_overlap(geometry.hand_points(0)[:N_VERTICES], self.bodies.hands[0].faces),
            float(-distance[inside].mean() / s.length) if inside.any() else 0.0,
            float(np.maximum(distance[drawn], 0.0).mean() / s.length) if len(drawn) else s.reach[0] / s.length,
            float(np.abs(state.angles - start.angles).sum()),
        )

    def geometry(self, state: SceneState) -> Geometry:
        """Where everything is in a state."""
        self.engine.place(state, correct=True)
        return Geometry(Snapshot(self.engine, 0), 0)

    def _still(self) -> Float64[Array, " n"]:
        weight = np.zeros(self.bodies.n_columns)
        weight[51:] = HELD
        return weight

    def _solve(
        self, terms: list[Term], expected: SceneState, weight: Float64[Array, " n"], state: SceneState, steps: int
    ) -> SceneState:
        priors = Priors(self._limits, expected, weight[None])
        return solve(self.engine, [terms], priors, state, (steps,)).state


def _drawn(geometry: Geometry, reach: float) -> Int64[NDArray[np.int64], " n"]:
    return ContactTerm(0, 0, reach=(reach,)).active(geometry)


def _twice(off: Float64[Array, " n"], least: float) -> Float64[Array, " n"]:
    return np.asarray(2.0 * np.maximum(np.abs(off), least))


def _area_and_length(mask: Mask) -> tuple[float, float]:
    """Pixels of a mask and of its border."""
    inner = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    area = float(mask.sum())
    return max(area, 1.0), area - float(inner.sum())
