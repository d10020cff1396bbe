"""Contact: points of the hand's contact zones are drawn to the surface of the instrument that they nearly touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.rows import Kind, Points, RowBlock

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ContactTerm:
    """Attraction between a hand and an instrument.

    Of each zone whose nearest point is within `reach` of the surface, the points no more than `depth` farther than that
    point are drawn to it: a rigid pad touches with a few points, not as a whole. `reach` shrinks from round to round,
    and with it the Geman-McClure scale, so that fingers that do not touch are let go. Lengths in m.
    """

    hand: int
    instrument: int
    sigma: float = 0.001
    reach: tuple[float, ...] = (0.02, 0.012, 0.008)
    depth: float = 0.001
    most: int = 6
    """Points of one zone."""
    upsampled: bool = True
    """Use the finer points of the pads too."""

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """One row a point."""
        points = self.active(geometry)
        n = len(points)
        if n == 0:
            return []
        reach = self.reach[min(geometry.round, len(self.reach) - 1)]
        q = Points.anywhere_on(len(geometry.bodies.hands) + self.instrument, n)
        zones = geometry.bodies.hands[self.hand].points.zones[points]
        share = 1.0 / np.sqrt(np.bincount(zones, minlength=16)[zones])
        weight = share / self.sigma
        p = Points.of_hand(self.hand, points)
        return [RowBlock("contact", Kind.FIELD, p, weight, q=q, robust=0.5 * reach / self.sigma)]

    def active(self, geometry: Geometry) -> Int64[NDArray[np.int64], " n"]:
        """Points that are drawn."""
        reach = self.reach[min(geometry.round, len(self.reach) - 1)]
        body = geometry.bodies.hands[self.hand]
        distance = geometry.distances(self.hand, self.instrument, reach + self.depth)[0]
        last = len(distance) if self.upsampled else 778
        zones = body.points.zones[:last]
        near = np.flatnonzero((zones >= 0) & (distance[:last] < reach + self.depth))
        near = near[np.lexsort((distance[near], zones[near]))]
        zone, d = zones[near], distance[near]
        first = np.flatnonzero(np.diff(zone, prepend=-1))
        place = np.arange(len(near)) - np.repeat(first, np.diff(first, append=len(near)))
        least = np.repeat(d[first], np.diff(first, append=len(near)))
        return near[(place < self.most) & (least < reach) & (d < np.maximum(least, 0.0) + self.depth)]
