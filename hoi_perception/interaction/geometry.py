"""Where everything is when the rows of a round are chosen: worked out once, read by all terms."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int32, Int64
from numpy.typing import NDArray

from hoi_perception.hands.surface import vertex_normals
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.hand_mesh import HandMesh, NearestOnHand
from hoi_perception.types import N_VERTICES

Array = NDArray[np.float64]
Distances = tuple[Float64[Array, "b n"], Float64[Array, "b n 3"], Int32[NDArray[np.int32], "b n"]]
REACH = 0.012
"""Distance from a hand up to which an instrument's samples are followed, m."""


@dataclass(eq=False)
class Snapshot:
    """Bodies of all problems at the start of a round; camera frame, metres."""

    engine: Engine
    round: int
    hands: Float64[Array, "b h p 3"] = field(init=False)
    _distances: dict[tuple[int, int], Distances] = field(default_factory=dict)
    _outlines: dict[int, list[Int64[NDArray[np.int64], " m"]]] = field(default_factory=dict)
    _fixed: dict[tuple[int, int], tuple[Array, Distances]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hands = np.array(self.engine.hand_points())

    def distances(self, h: int, k: int) -> Distances:
        """Signed distances of a hand's surface points to instrument `k`, gradients, nearest links."""
        if (h, k) not in self._distances:
            n = self.engine.bodies.hands[h].points.n_surface
            self._distances[h, k] = self.engine.distances(k, self.hands[:, h, :n])
        return self._distances[h, k]

    def distances_of(self, k: int, points: Float64[Array, "n 3"]) -> Distances:
        """Signed distances of points in the camera frame to instrument `k`, gradients, nearest links.

        Looked up once for all problems when asked with the same array again.
        """
        key = (k, id(points))
        if key not in self._fixed:
            # The engine keeps arrays for each number of points: let there be few such numbers.
            room = 1 << max(6, len(points).bit_length())
            padded = np.concatenate([points, np.zeros((room - len(points), 3))])
            found = self.engine.distances(k, np.broadcast_to(padded, (self.engine.batch, room, 3)))
            self._fixed[key] = (
                points,
                (found[0][:, : len(points)], found[1][:, : len(points)], found[2][:, : len(points)]),
            )
        return self._fixed[key][1]

    def outlines(self, k: int) -> list[Int64[NDArray[np.int64], " m"]]:
        """Places on the outline of instrument `k`, as indices into its `Edges`."""
        if k not in self._outlines:
            R, t = self.engine.links(k)
            self._outlines[k] = self.engine.bodies.instruments[k].edges.outlines(R, t)
        return self._outlines[k]


class Geometry:
    """One problem of a snapshot, entry `b` of the batch."""

    def __init__(self, snapshot: Snapshot, b: int) -> None:
        self._snapshot, self.b = snapshot, b
        self._normals: dict[int, Array] = {}
        self._nearest: dict[tuple[int, int], NearestOnHand] = {}

    @property
    def round(self) -> int:
        """Number of the round, from 0."""
        return self._snapshot.round

    @property
    def bodies(self) -> Bodies:
        """What takes part."""
        return self._snapshot.engine.bodies

    def hand_points(self, h: int) -> Float64[Array, "p 3"]:
        """Points of a hand in the order of `HandPoints`."""
        return np.asarray(self._snapshot.hands[self.b, h])

    def hand_normals(self, h: int) -> Float64[Array, "778 3"]:
        """Outward normals of the mesh's vertices."""
        if h not in self._normals:
            self._normals[h] = vertex_normals(self.hand_points(h)[:N_VERTICES], self.bodies.hands[h].faces)
        return self._normals[h]

    def distances(
        self, h: int, k: int
    ) -> tuple[Float64[Array, " n"], Float64[Array, "n 3"], Int32[NDArray[np.int32], " n"]]:
        """Signed distances of a hand's surface points to instrument `k`, gradients, nearest links."""
        distance, gradient, link = self._snapshot.distances(h, k)
        return distance[self.b], gradient[self.b], link[self.b]

    def distances_of(
        self, k: int, points: Float64[Array, "n 3"]
    ) -> tuple[Float64[Array, " n"], Float64[Array, "n 3"], Int32[NDArray[np.int32], " n"]]:
        """Signed distances of points in the camera frame to instrument `k`, gradients, nearest links."""
        distance, gradient, link = self._snapshot.distances_of(k, points)
        return distance[self.b], gradient[self.b], link[self.b]

    def mesh(self, h: int) -> HandMesh:
        """The closed mesh of a hand, for queries."""
        return self._snapshot.engine.mesh(h)

    def nearest_on_hand(self, h: int, k: int) -> NearestOnHand:
        """Where the samples of instrument `k` are with respect to hand `h`, where within `REACH`."""
        if (h, k) not in self._nearest:
            vertices, normals = self.hand_points(h)[:N_VERTICES], self.hand_normals(h)
            self._nearest[h, k] = self.mesh(h).nearest(vertices, normals, self.samples(k)[0], REACH)
        return self._nearest[h, k]

    def links(self, k: int) -> tuple[Float64[Array, "l 3 3"], Float64[Array, "l 3"]]:
        """Rotations and origins of an instrument's links."""
        turn, place = self._snapshot.engine.links(k)
        return turn[self.b], place[self.b]

    def outline(self, k: int) -> Int64[NDArray[np.int64], " m"]:
        """Places on the outline of instrument `k`, as indices into its `Edges`."""
        return self._snapshot.outlines(k)[self.b]

    def samples(self, k: int) -> tuple[Float64[Array, "s 3"], Float64[Array, "s 3"]]:
        """Surface samples of an instrument and their outward normals."""
        body = self.bodies.instruments[k]
        turn, place = self.links(k)
        R, t = turn[body.sample_links], place[body.sample_links]
        return (R @ body.samples[..., None])[..., 0] + t, (R @ body.sample_normals[..., None])[..., 0]
