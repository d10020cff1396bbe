"""Where everything is when the rows of a round are chosen: worked out once, read by all terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int32, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.engine import EVERYWHERE, Engine
from hoi_perception.interaction.hand_mesh import HandMesh, NearestOnHand
from hoi_perception.types import N_VERTICES

Array = NDArray[np.float64]
Distances = tuple[Float64[Array, "b n"], Float64[Array, "b n 3"], Int32[NDArray[np.int32], "b n"]]
Outline = tuple[Int64[NDArray[np.int64], " m"], Float64[Array, "m 2"]]
REACH = 0.012
"""Distance from a hand up to which an instrument's samples are followed, m."""
SAME = 1e-9
"""Differences (m, rad) of how a hand and an instrument lie to each other that come from rounding."""


@dataclass(eq=False)
class Snapshot:
    """Bodies of all problems at the start of a round; camera frame, metres."""

    engine: Engine
    round: int
    hands: Float64[Array, "b h p 3"] = field(init=False)
    _distances: dict[tuple[int, int], tuple[float, Distances]] = field(default_factory=dict)
    _outlines: dict[int, list[Outline]] = field(default_factory=dict)
    _fixed: dict[tuple[int, int], tuple[Array, Distances]] = field(default_factory=dict)
    _samples: dict[int, tuple[Array, Array]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hands = np.array(self.engine.hand_points())

    @cached_property
    def normals(self) -> Float64[Array, "b h 778 3"]:
        """Outward normals of the meshes' vertices."""
        return np.array(self.engine.hand_normals())

    def samples(self, k: int) -> tuple[Float64[Array, "b s 3"], Float64[Array, "b s 3"]]:
        """Surface samples of instrument `k` and their outward normals."""
        if k not in self._samples:
            body, (R, t) = self.engine.bodies.instruments[k], self.engine.links(k)
            places, normals = np.empty((2, len(R), *body.samples.shape))
            for link, own, at, outward in body.samples_of_links:
                back = np.swapaxes(R[:, link], 1, 2)
                places[:, own] = at @ back + t[:, link, None]
                normals[:, own] = outward @ back
            self._samples[k] = places, normals
        return self._samples[k]

    def distances(self, h: int, k: int, within: float = EVERYWHERE) -> Distances:
        """Signed distances of a hand's surface points to instrument `k`, gradients, nearest links.

        Of points that are not nearer than `within` it only says that they are not.
        """
        within = max(within, REACH)
        known, found = self._distances.get((h, k), (0.0, None))
        if found is None or known < within:
            n = self.engine.bodies.hands[h].points.n_surface
            found = self.engine.distances(k, self.hands[:, h, :n], within)
            self._distances[h, k] = within, found
        return found

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

    def outlines(self, k: int) -> list[Outline]:
        """Places on the outline of instrument `k` in front of the camera: indices into its `Edges`, and where on the
        plane z = 1."""
        if k not in self._outlines:
            self._outlines[k] = self.engine.outlines(k)
        return self._outlines[k]


class Geometry:
    """One problem of a snapshot, entry `b` of the batch."""

    def __init__(self, snapshot: Snapshot, b: int) -> None:
        self._snapshot, self.b = snapshot, b
        self._nearest: dict[tuple[int, int], NearestOnHand] = {}
        self._closed: dict[int, Array] = {}

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
        return np.asarray(self._snapshot.normals[self.b, h])

    def closed_normals(self, h: int) -> Float64[Array, "v 3"]:
        """Those of the closed mesh: 0 for the middle of the wrist."""
        if h not in self._closed:
            self._closed[h] = np.zeros((len(self.mesh(h)), 3))
            self._closed[h][:N_VERTICES] = self.hand_normals(h)
        return self._closed[h]

    def distances(
        self, h: int, k: int, within: float = EVERYWHERE
    ) -> tuple[Float64[Array, " n"], Float64[Array, "n 3"], Int32[NDArray[np.int32], " n"]]:
        """Signed distances of a hand's surface points to instrument `k`, gradients, nearest links.

        Of points that are not nearer than `within` it only says that they are not.
        """
        distance, gradient, link = self._snapshot.distances(h, k, within)
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
            engine = self._snapshot.engine
            relation, known = engine.relation(h, k, self.b), engine.found_before.get((h, k, self.b))
            if known is None or len(known[0]) != len(relation) or np.abs(known[0] - relation).max() > SAME:
                vertices, thought = self.hand_points(h)[:N_VERTICES], None if known is None else known[1]
                found = self.mesh(h).nearest(vertices, self.hand_normals(h), self.samples(k)[0], REACH, thought)
                known = relation, found
                engine.found_before[h, k, self.b] = known
            self._nearest[h, k] = known[1]
        return self._nearest[h, k]

    def links(self, k: int) -> tuple[Float64[Array, "l 3 3"], Float64[Array, "l 3"]]:
        """Rotations and origins of an instrument's links."""
        turn, place = self._snapshot.engine.links(k)
        return turn[self.b], place[self.b]

    def outline(self, k: int) -> tuple[Int64[NDArray[np.int64], " m"], Float64[Array, "m 2"]]:
        """Places on the outline of instrument `k` in front of the camera: indices into its `Edges`, and where on the
        plane z = 1."""
        return self._snapshot.outlines(k)[self.b]

    def samples(self, k: int) -> tuple[Float64[Array, "s 3"], Float64[Array, "s 3"]]:
        """Surface samples of an instrument and their outward normals."""
        places, normals = self._snapshot.samples(k)
        return places[self.b], normals[self.b]
