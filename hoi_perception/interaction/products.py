"""Sums of products of derivatives: the Gauss-Newton matrix of rows most of which concern one hand only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.rows import RowBlock

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Products:
    """Runs of rows with the hand that they concern beside instruments (-1: several), for tangents of `bodies`."""

    bodies: Bodies
    runs: tuple[tuple[int, int, int], ...]

    @staticmethod
    def of(bodies: Bodies, blocks: Sequence[RowBlock]) -> Products:
        """The runs of the rows of one problem; with fewer than two hands there is nothing to tell apart."""
        if len(bodies.hands) < 2:
            return Products(bodies, ())
        runs: list[tuple[int, int, int]] = []
        first = 0
        for block in blocks:
            last = first + len(block)
            hand = _hand(block, len(bodies.hands))
            if runs and runs[-1][2] == hand:
                runs[-1] = runs[-1][0], last, hand
            else:
                runs.append((first, last, hand))
            first = last
        return Products(bodies, tuple(runs))

    def sum_up(self, J: Float64[Array, "m n"], out: Float64[Array, "n n"]) -> None:
        """Jᵀ J of the rows that were given to `of`, or 0 where there are none."""
        if not self.runs or len(J) == 0:
            np.matmul(J.T, J, out=out)
            return
        out[...] = 0.0
        rest = slice(self.bodies.first_columns[len(self.bodies.hands)], None)
        for first, last, hand in self.runs:
            rows = J[first:last]
            if hand < 0:
                out += rows.T @ rows
                continue
            own = self.bodies.columns(hand)
            of_hand, of_rest = rows[:, own], rows[:, rest]
            out[own, own] += of_hand.T @ of_hand
            across = of_hand.T @ of_rest
            out[own, rest] += across
            out[rest, own] += across.T
            out[rest, rest] += of_rest.T @ of_rest


def _hand(block: RowBlock, n_hands: int) -> int:
    """The only hand that a block's rows concern, -1 where they concern several."""
    bodies = block.p.body if block.q is None else np.concatenate([block.p.body, block.q.body])
    hands = bodies[(bodies >= 0) & (bodies < n_hands)]
    if len(hands) == 0:
        return 0
    return int(hands[0]) if (hands == hands[0]).all() else -1
