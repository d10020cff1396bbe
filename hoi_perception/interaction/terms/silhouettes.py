"""Silhouettes against observed masks: what stands out of a mask goes back, mask that nothing covers draws a hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.hand_outline import HandOutline, hand_outline
from hoi_perception.interaction.mask_distance import MaskDistance
from hoi_perception.interaction.outline_lookup import NEAREST_M
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.terms.outlines import HIDDEN_MARGIN_PX, covered, supports
from hoi_perception.types import N_VERTICES

Array = NDArray[np.float64]
LEAST_PX = 1.0
"""Distance from the mask below which a place is on its border."""


@dataclass(frozen=True)
class HandSilhouetteTerm:
    """A hand's vertices that project beside its mask are drawn to the mask's nearest pixel, and each point of the
    mask's contour draws the place of the hand's outline that reaches farthest out there.

    Where an instrument may cover the hand (`hidden`, see `MaskDistance.near`) the hand may reach beyond the mask, but
    still has to cover it; `MaskDistance.of(mask, camera, unknown=instrument_mask)` says the same for vertices.
    Neighbouring vertices say the same, so more than `most` of them weigh as much as `most`. Lengths in pixels; `reach`
    shrinks from round to round and with it the Geman-McClure scale.
    """

    hand: int
    mask: MaskDistance
    contour: MaskContour
    hidden: Bool[NDArray[np.bool_], " n"]
    sigma_px: float = 6.0
    reach_px: tuple[float, ...] = (50.0, 20.0, 10.0)
    aside_px: float = 3.0
    most: int = 30
    rows_most: int = 120

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """One row for each vertex beside the mask, one for each contour point that finds a place on the outline."""
        vertices = geometry.hand_points(self.hand)[:N_VERTICES]
        if vertices[:, 2].min() < NEAREST_M:
            return []
        reach = self.reach_px[min(geometry.round, len(self.reach_px) - 1)]
        edge = geometry.mesh(self.hand).surface.loop
        inner = np.setdiff1d(np.arange(N_VERTICES), edge)
        seen = vertices[inner, :2] / vertices[inner, 2:]
        outside = _outside(self.mask, inner, seen, Scales(self.sigma_px, reach, self.most, self.rows_most))
        blocks = [] if outside is None else [outside.block(Points.of_hand(self.hand, outside.index))]
        return blocks + self._contour_rows(geometry, vertices, reach)

    def _contour_rows(self, geometry: Geometry, vertices: Float64[Array, "778 3"], reach: float) -> list[RowBlock]:
        outline = hand_outline(geometry.bodies.hands[self.hand].points, vertices)
        if len(outline.places) == 0 or len(self.contour.points) == 0:
            return []
        seen = outline.places[:, :2] / outline.places[:, 2:]
        pixel = self.contour.pixel
        found = supports(self.contour, seen, self.aside_px * pixel, reach * pixel)
        carrier = vertices[outline.vertices]
        shift = carrier[:, :2] / carrier[:, 2:] - seen
        return [
            self._contour_block(outline, shift, found, use, hinge, 0.5 * reach / self.sigma_px)
            for use, hinge in (
                (np.flatnonzero((found >= 0) & ~self.hidden), 0),
                (np.flatnonzero((found >= 0) & self.hidden), -1),
            )
            if len(use)
        ]

    def _contour_block(
        self,
        outline: HandOutline,
        shift: Float64[Array, "m 2"],
        found: NDArray[np.int32],
        use: NDArray[np.intp],
        hinge: int,
        robust: float,
    ) -> RowBlock:
        chosen, flat = found[use], np.zeros((len(use), 1))
        return RowBlock(
            "silhouette",
            Kind.IMAGE,
            Points.of_hand(self.hand, outline.vertices[chosen]),
            np.full(len(use), 1.0 / (self.sigma_px * self.contour.pixel)),
            np.column_stack([self.contour.normals[use], flat]),
            np.column_stack([self.contour.points[use] + shift[chosen], flat]),
            robust=robust,
            hinge=hinge,
        )


@dataclass(frozen=True)
class InstrumentSilhouetteTerm:
    """Places of an instrument's outline that project beside its mask are drawn to the mask's nearest pixel.

    `InstrumentOutlineTerm` draws the outline to mask that nothing covers. What a hand may hide is `unknown` in
    `MaskDistance.of`, or, where no mask of a hand is known, what the `hands` cover where they are now. Settings as in
    `HandSilhouetteTerm`.
    """

    instrument: int
    mask: MaskDistance
    hands: tuple[int, ...] = ()
    sigma_px: float = 6.0
    reach_px: tuple[float, ...] = (50.0, 20.0, 10.0)
    most: int = 30
    rows_most: int = 120

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """One row for each place beside the mask."""
        edges = geometry.bodies.instruments[self.instrument].edges
        rim, seen = geometry.outline(self.instrument)
        reach = self.reach_px[min(geometry.round, len(self.reach_px) - 1)]
        scales = Scales(self.sigma_px, reach, self.most, self.rows_most)

        def shown(beside: Float64[Array, "m 2"]) -> Bool[NDArray[np.bool_], " m"]:
            return np.asarray(~np.any([self._covered(geometry, hand, beside) for hand in self.hands], axis=0))

        outside = _outside(self.mask, rim, seen, scales, shown if self.hands else None)
        if outside is None:
            return []
        body = len(geometry.bodies.hands) + self.instrument
        at = outside.index
        return [outside.block(Points.of_instrument(body, edges.links[at], edges.places[at]))]

    def _covered(self, geometry: Geometry, hand: int, places: Float64[Array, "m 2"]) -> Bool[NDArray[np.bool_], " m"]:
        """Places that a hand covers in the image, or nearly so."""
        vertices = geometry.hand_points(hand)[:N_VERTICES]
        if vertices[:, 2].min() < NEAREST_M:
            return np.zeros(len(places), dtype=bool)
        margin = HIDDEN_MARGIN_PX / self.mask.camera.focal_px
        return covered(places, vertices[:, :2] / vertices[:, 2:], geometry.bodies.hands[hand].faces, margin)


@dataclass(frozen=True)
class Scales:
    """Standard deviation and reach (px), and numbers of rows: that weigh in full, that are made."""

    sigma_px: float
    reach_px: float
    most: int
    rows_most: int


@dataclass(frozen=True)
class Outside:
    """Places beside a mask (entries `index` of a body), where the mask is nearest and which way out they are."""

    index: Int64[NDArray[np.int64], " n"]
    border: Float64[Array, "n 2"]
    normals: Float64[Array, "n 2"]
    weight: float
    robust: float

    def block(self, p: Points) -> RowBlock:
        """One row a place, 0 once it is back on the mask."""
        n = len(self.index)
        flat = np.zeros((n, 1))
        return RowBlock(
            "silhouette",
            Kind.IMAGE,
            p,
            np.full(n, self.weight),
            np.column_stack([self.normals, flat]),
            np.column_stack([self.border, flat]),
            robust=self.robust,
            hinge=1,
        )


def _outside(
    mask: MaskDistance,
    index: Int64[NDArray[np.int64], " n"],
    seen: Float64[Array, "n 2"],
    scales: Scales,
    shown: Callable[[Float64[Array, "m 2"]], Bool[NDArray[np.bool_], " m"]] | None = None,
) -> Outside | None:
    """The places (on the plane z = 1) beside the mask by less than the reach, evenly thinned out; None for none.

    `shown` tells which of those places count.
    """
    distance = mask.distances(seen)
    beside = np.flatnonzero((distance > LEAST_PX) & (distance < scales.reach_px))
    if shown is not None and len(beside):
        beside = beside[shown(seen[beside])]
    if len(beside) == 0:
        return None
    beside = beside[:: max(1, -(-len(beside) // scales.rows_most))]
    weight = np.sqrt(min(1.0, scales.most / len(beside))) * mask.camera.focal_px / scales.sigma_px
    off = mask.off(seen[beside])
    return Outside(index[beside], off.border, off.normals, float(weight), 0.5 * scales.reach_px / scales.sigma_px)
