"""Rows of a joint problem as plain arrays: what `kernels.residuals` evaluates.

A term is a function that turns evidence and the present geometry into a `RowBlock`; the solver knows nothing else of
it. The table keeps which term each row came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
CAMERA = -1
"""The body that a fixed point belongs to."""


class Kind(IntEnum):
    """Kinds of rows, as `kernels.residuals` numbers and describes them."""

    LANDMARK = 0
    DEPTH = 1
    IMAGE = 2
    PLANE = 3
    FIELD = 4


@dataclass(frozen=True, eq=False)
class Points:
    """Points of bodies: the body, a hand's point or an instrument's link, the place in that link (or camera frame).

    `only` names the body that all of them are known to belong to.
    """

    body: Int[NDArray[np.integer], " n"]
    point: Int[NDArray[np.integer], " n"]
    local: Float[Floats, "n 3"]
    only: int | None = None

    @staticmethod
    def of_hand(h: int, points: Int[NDArray[np.integer], " n"]) -> Points:
        """Points of hand `h`."""
        n = len(points)
        return Points(np.full(n, h), np.asarray(points), np.zeros((n, 3)), h)

    @staticmethod
    def anywhere_on(body: int, n: int) -> Points:
        """The instrument that is body number `body`, `n` times: where, its distance field says."""
        return Points(np.full(n, body), np.zeros(n, dtype=int), np.zeros((n, 3)), body)

    @staticmethod
    def of_instrument(body: int, links: Int[NDArray[np.integer], " n"], local: Float[Floats, "n 3"]) -> Points:
        """Places (m) in links of the instrument that is body number `body`."""
        return Points(np.full(len(links), body), np.asarray(links), local, body)

    @staticmethod
    def fixed(places: Float[Floats, "n 3"]) -> Points:
        """Places in the camera frame."""
        n = len(places)
        return Points(np.full(n, CAMERA), np.zeros(n, dtype=int), places, CAMERA)


@dataclass(frozen=True, eq=False)
class RowBlock:
    """Rows of one kind and one term. `q` is left out where a kind has one point only; 0 in `robust` is none."""

    term: str
    kind: Kind
    p: Points
    weight: Float[Floats, " n"]
    direction: Float[Floats, "n 3"] | None = None
    target: Float[Floats, "n 3"] | None = None
    q: Points | None = None
    robust: float = 0.0
    hinge: int = 0
    view: int = 0

    def __len__(self) -> int:
        return len(self.weight)


@dataclass(eq=False)
class RowTable:
    """Room for `capacity` rows of `batch` problems; arrays as in `kernels.residuals.Rows`."""

    batch: int
    capacity: int
    arrays: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    terms: list[list[tuple[str, slice]]] = field(default_factory=list)

    def fill(self, blocks: Sequence[Sequence[RowBlock]]) -> None:
        """Take the rows of each problem. Raises ValueError where they are more than there is room for."""
        self.terms = []
        for b, of_problem in enumerate(blocks):
            start = 0
            places: list[tuple[str, slice]] = []
            total = sum(len(block) for block in of_problem)
            if total > self.capacity:
                raise ValueError(f"{total} residuals, but room for {self.capacity}: make the solver with more rows")
            for block in of_problem:
                rows = slice(start, start + len(block))
                self._put(b, rows, block)
                places.append((block.term, rows))
                start = rows.stop
            self.arrays["count"][b] = start
            self.terms.append(places)

    def _put(self, b: int, rows: slice, block: RowBlock) -> None:
        a = self.arrays
        a["kind"][b, rows], a["view"][b, rows] = block.kind, block.view
        a["body_p"][b, rows], a["point_p"][b, rows], a["local_p"][b, rows] = block.p.body, block.p.point, block.p.local
        if block.q is not None:
            a["body_q"][b, rows], a["point_q"][b, rows] = block.q.body, block.q.point
            a["local_q"][b, rows] = block.q.local
        a["direction"][b, rows] = 0.0 if block.direction is None else block.direction
        a["target"][b, rows] = 0.0 if block.target is None else block.target
        a["weight"][b, rows], a["robust"][b, rows], a["hinge"][b, rows] = block.weight, block.robust, block.hinge
