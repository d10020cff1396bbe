"""Sums of products of derivatives: the Gauss-Newton matrix of rows most of which concern one hand only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.rows import Points, RowBlock

Array = NDArray[np.float64]


NO_HAND, SEVERAL = -2, -1


@dataclass(frozen=True)
class Products:
    """Runs of rows with the hand that they concern beside instruments, `SEVERAL` or `NO_HAND`, for tangents of
    `bodies`."""

    bodies: Bodies
    runs: tuple[tuple[int, int, int], ...]

    @staticmethod
    def of(bodies: Bodies, blocks: Sequence[RowBlock]) -> Products:
        """The runs of the rows of one problem; with one body there is nothing to tell apart."""
        runs: list[tuple[int, int, int]] = []
        first = 0
        alone = len(bodies.hands) + len(bodies.instruments) < 2
        for block in blocks:
            last = first + len(block)
            hand = SEVERAL if alone else _hand(block, len(bodies.hands))
            if runs and runs[-1][2] == hand:
                runs[-1] = runs[-1][0], last, hand
            else:
                runs.append((first, last, hand))
            first = last
        return Products(bodies, tuple(runs))

    def sum_up(self, J: Float64[Array, "m n"], out: Float64[Array, "n n"]) -> None:
        """Jᵀ J of the rows that were given to `of`, or 0 where there are none."""
        out[...] = 0.0
        if len(J) == 0:
            return
        rest = slice(self.bodies.first_columns[len(self.bodies.hands)], None)
        for first, last, hand in self.runs:
            rows = J[first:last]
            if hand == NO_HAND:
                of_rest = rows[:, rest]
                out[rest, rest] += of_rest.T @ of_rest
            elif hand == SEVERAL or len(self.bodies.hands) == 1:
                out += rows.T @ rows
            else:
                self._add_hand(hand, rows, rest, out)

    def _add_hand(self, hand: int, rows: Float64[Array, "m n"], rest: slice, out: Float64[Array, "n n"]) -> None:
        own = self.bodies.columns(hand)
        of_hand, of_rest = rows[:, own], rows[:, rest]
        out[own, own] += of_hand.T @ of_hand
        across = of_hand.T @ of_rest
        out[own, rest] += across
        out[rest, own] += across.T
        out[rest, rest] += of_rest.T @ of_rest


def _hand(block: RowBlock, n_hands: int) -> int:
    """The only hand that a block's rows concern, or that there are several, or none."""
    hands = {_hand_of(points, n_hands) for points in (block.p, block.q) if points is not None} - {NO_HAND}
    return NO_HAND if not hands else hands.pop() if len(hands) == 1 else SEVERAL


def _hand_of(points: Points, n_hands: int) -> int:
    if points.only is not None:
        return points.only if 0 <= points.only < n_hands else NO_HAND
    hands = points.body[(points.body >= 0) & (points.body < n_hands)]
    if len(hands) == 0:
        return NO_HAND
    return int(hands[0]) if (hands == hands[0]).all() else SEVERAL
