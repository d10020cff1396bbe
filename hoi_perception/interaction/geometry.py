"""Where everything is when the rows of a round are chosen: read once by all terms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int32
from numpy.typing import NDArray

from hoi_perception.hands.surface import vertex_normals
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.hand_mesh import HandMesh, NearestOnHand

Array = NDArray[np.float64]
REACH = 0.012
"""Distance from a hand up to which an instrument's samples are followed, m."""


@dataclass(eq=False)
class Geometry:
    """Bodies of one problem (entry `b` of the batch) at the start of a round; camera frame, metres."""

    engine: Engine
    b: int
    round: int

    @property
    def bodies(self) -> Bodies:
        """What takes part."""
        return self.engine.bodies

    def hand_points(self, h: int) -> Float64[Array, "p 3"]:
        """Points of a hand in the order of `HandPoints`."""
        return np.asarray(self._hands[h])

    def hand_normals(self, h: int) -> Float64[Array, "778 3"]:
        """Outward normals of the mesh's vertices."""
        if h not in self._normals:
            body = self.bodies.hands[h]
            self._normals[h] = vertex_normals(self._hands[h][:778], body.faces)
        return np.asarray(self._normals[h])

    def distances(
        self, h: int, k: int
    ) -> tuple[Float64[Array, " n"], Float64[Array, "n 3"], Int32[NDArray[np.int32], " n"]]:
        """Signed distances of a hand's surface points to instrument `k`, gradients, nearest links."""
        if (h, k) not in self._distances:
            points = self._hands[h][: self.bodies.hands[h].points.n_surface]
            d, g, link = self.engine.distances(k, points[None].repeat(self.engine.batch, axis=0))
            self._distances[h, k] = d[self.b], g[self.b], link[self.b]
        return self._distances[h, k]

    def mesh(self, h: int) -> HandMesh:
        """The closed mesh of a hand, for queries."""
        return self.engine.mesh(h)

    def nearest_on_hand(self, h: int, k: int) -> NearestOnHand:
        """Where the samples of instrument `k` are with respect to hand `h`, where within `REACH`."""
        if (h, k) not in self._nearest:
            places, _ = self.samples(k)
            vertices, normals = self.hand_points(h)[:778], self.hand_normals(h)
            self._nearest[h, k] = self.mesh(h).nearest(vertices, normals, places, REACH)
        return self._nearest[h, k]

    def links(self, k: int) -> tuple[Float64[Array, "l 3 3"], Float64[Array, "l 3"]]:
        """Rotations and origins of an instrument's links."""
        turn, place = self.engine.links(k)
        return turn[self.b], place[self.b]

    def samples(self, k: int) -> tuple[Float64[Array, "s 3"], Float64[Array, "s 3"]]:
        """Surface samples of an instrument and their outward normals."""
        body = self.bodies.instruments[k]
        turn, place = self.links(k)
        R, t = turn[body.sample_links], place[body.sample_links]
        return (R @ body.samples[..., None])[..., 0] + t, (R @ body.sample_normals[..., None])[..., 0]

    @cached_property
    def _hands(self) -> Float64[Array, "h p 3"]:
        return np.array(self.engine.hand_points()[self.b])

    @cached_property
    def _normals(self) -> dict[int, Array]:
        return {}

    @cached_property
    def _nearest(self) -> dict[tuple[int, int], NearestOnHand]:
        return {}

    @cached_property
    def _distances(self) -> dict[tuple[int, int], tuple[Array, Array, NDArray[np.int32]]]:
        return {}
