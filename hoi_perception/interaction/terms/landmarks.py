"""Landmarks of a hand where a camera saw them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.hands.lifting_terms import ROBUST_SCALE
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.rows import Kind, Points, RowBlock

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LandmarkTerm:
    """Landmarks of hand `hand` on the plane z = 1 of a view, and where known their depth behind the wrist.

    `depth` is the distance behind the wrist's landmark along the ray to the hand's centre, over the wrist's depth.
    Weights are 1 / standard deviation, 0 leaves a landmark out. What is not finite is left out too.
    """

    hand: int
    points: Float64[Array, "21 2"]
    weight: Float64[Array, "21"]
    depth: Float64[Array, "21"] | None = None
    depth_weight: Float64[Array, "21"] | None = None
    view: int = 0
    robust: float = ROBUST_SCALE

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """Two rows a landmark, three where its depth is known."""
        first = geometry.bodies.hands[self.hand].points.first_landmark
        seen = np.flatnonzero(_usable(self.weight) & np.isfinite(self.points).all(axis=1))
        p = Points.of_hand(self.hand, first + seen)
        target = np.column_stack([self.points[seen], np.zeros(len(seen))])
        blocks = [
            RowBlock(
                "landmarks",
                Kind.LANDMARK,
                p,
                self.weight[seen],
                np.broadcast_to(axis, (len(seen), 3)),
                target,
                robust=self.robust,
                view=self.view,
            )
            for axis in np.eye(3)[:2]
        ]
        if self.depth is not None and self.depth_weight is not None:
            blocks.append(self._depth_rows(first, self.depth, self.depth_weight))
        return blocks

    def _depth_rows(self, first: int, depth: Float64[Array, "21"], weight: Float64[Array, "21"]) -> RowBlock:
        known = np.isfinite(self.points).all(axis=1)
        seen = np.flatnonzero(_usable(weight) & np.isfinite(depth) & known.any())
        n = len(seen)
        ray = np.append(self.points[known].mean(axis=0) if n else np.zeros(2), 1.0)
        direction = np.broadcast_to(ray / np.linalg.norm(ray), (n, 3))
        target = np.column_stack([depth[seen], np.zeros((n, 2))])
        wrist = Points.of_hand(self.hand, np.full(n, first))
        p = Points.of_hand(self.hand, first + seen)
        return RowBlock(
            "depth order", Kind.DEPTH, p, weight[seen], direction, target, wrist, self.robust, view=self.view
        )


def _usable(weight: Float64[Array, "21"]) -> Bool[NDArray[np.bool_], "21"]:
    return np.asarray(np.isfinite(weight) & (weight > 0.0))
