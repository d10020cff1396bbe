"""The descent of a round in the memory of its device: nothing comes back to the host between its steps.

The kernels of a round are launched one after the other; on a GPU they are captured once as a graph, for each number of
steps, and launched as a whole from then on. Decisions are those of `solver.HostDescent`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.priors import NormalEquations
from hoi_perception.kernels import descent as kernels
from hoi_perception.kernels.block import LANES
from hoi_perception.kernels.priors import Equations

Array = NDArray[np.float64]
SETTLED = 1e-3
"""Length of a step, in standard deviations of the solution, below which a problem has converged."""
DAMPING, GROWTH = 1e-3, 2.0
"""What damping begins with, and the factor by which it grows after a first step that was none."""
LEAST = float(kernels.LEAST)
"""Least damping, and what is added to the diagonal at least; one over it is the most damping."""


@dataclass(frozen=True)
class Reached:
    """Where each problem is after a round: sums, costs of its rows, whether it converged, steps since the start."""

    best: NormalEquations
    row_costs: Float64[Array, "b m"]
    settled: Bool[NDArray[np.bool_], " b"]
    steps: Int64[NDArray[np.int64], " b"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """What an engine launches on its device, and the arrays of theirs that a descent reads and writes.

    `move` puts bodies `step` away from where they were kept and `evaluate` the rows of problems that are `active`;
    `add_priors` adds to `trial`; `keep` keeps the places of those that are `better`.
    """

    device: Any
    move: tuple[Any, ...]
    evaluate: Any
    add_priors: Any
    keep: Any
    step: wp.array
    active: wp.array
    better: wp.array
    row_count: wp.array
    rows: Any
    trial: Any


class DeviceDescent:
    """Rounds of one engine's problems; the best so far is what the engine keeps.

    `strands` threads share a problem, up to 32 or a multiple of that. `captured` rounds are launched as a graph; by
    default they are on a GPU.
    """

    def __init__(self, sweep: Sweep, strands: int, captured: bool | None = None) -> None:
        assert strands <= LANES or strands % LANES == 0, strands
        self._sweep, self._strands = sweep, strands
        self._captured = not sweep.device.is_cpu if captured is None else captured
        self._graphs: dict[int, Any] = {}
        batch, n = sweep.trial.gradient.shape
        self._arrays = _arrays(batch, n, sweep.rows.cost.shape[1], sweep.device)
        self._arrays["live"] = sweep.active
        self._search = _filled(kernels.Search, self._arrays)
        self._best = _filled(Equations, self._arrays)
        self._first, self._next = self._launches()

    def restart(self) -> None:
        """Forget what was learned of damping: the next round is the first of a solve."""
        self._arrays["damping"].fill_(DAMPING)
        self._arrays["growth"].fill_(GROWTH)
        self._arrays["steps"].zero_()

    def forget(self) -> None:
        """Capture rounds anew: parameters of the engine's launches have changed."""
        self._graphs.clear()

    def round(self, steps: int) -> None:
        """So many steps from where the engine placed and kept all bodies, on the rows that it holds."""
        if not self._captured:
            self._launch(steps)
            return
        if steps not in self._graphs:
            with wp.ScopedCapture(self._sweep.device) as capture:
                self._launch(steps)
            self._graphs[steps] = capture.graph
        wp.capture_launch(self._graphs[steps])

    def reached(self, rows: int) -> Reached:
        """Where the last round ended, with the costs of the first so many rows of each problem."""
        out = {name: self._arrays[name].numpy() for name in ("cost", "gradient", "matrix", "row_costs", "settled")}
        best = NormalEquations(*(np.array(out[name]) for name in ("cost", "gradient", "matrix")))
        steps = self._arrays["steps"].numpy().astype(np.int64)
        return Reached(best, np.array(out["row_costs"][:, :rows]), out["settled"] != 0, steps)

    def _launch(self, steps: int) -> None:
        for command in self._first:
            command.launch()
        for _ in range(steps):
            for command in self._next:
                command.launch()

    def _launches(self) -> tuple[list[Any], list[Any]]:
        """What a round begins with, and what makes a step."""
        own, search, strands, best = self._sweep, self._search, self._strands, self._best
        batch, n = own.trial.gradient.shape
        together = _recorder(own.device, (batch, strands), strands)
        begin = _recorder(own.device, (batch,))(kernels.begin, [search])
        entries = _recorder(own.device, (batch, n * n + n + 1))
        sum_up = entries(kernels.sum_up, [own.row_count, own.rows, own.active, own.trial])
        costs = self._arrays["row_costs"]
        take = together(kernels.take, [own.trial, own.rows, own.row_count, strands, best, costs])
        find_step = together(kernels.find_step, [best, search, strands, own.step])
        tried = [own.trial, own.rows, own.row_count, SETTLED * SETTLED, strands, best, costs, search, own.better]
        judge = together(kernels.judge, tried)
        evaluate = [own.evaluate, sum_up, own.add_priors]
        return [begin, *evaluate, take], [find_step, *own.move, *evaluate, judge, own.keep]


def _recorder(device: Any, dim: tuple[int, ...], block: int = 0) -> Callable[[Any, Sequence[Any]], Any]:
    """Makes launches of that size; `block` threads come together in a block, 0: as many as Warp likes."""
    return lambda kernel, inputs: wp.launch(
        kernel, dim, list(inputs), device=device, record_cmd=True, block_dim=block or None
    )


def _arrays(batch: int, n: int, rows: int, device: Any) -> dict[str, Any]:
    """What a descent remembers, by the names in `kernels.Search` and `Equations`."""
    sizes: dict[str, tuple[Any, tuple[int, ...]]] = {
        **dict.fromkeys(("settled", "steps", "solved"), (wp.int32, (batch,))),
        **dict.fromkeys(("damping", "growth", "predicted", "moved", "cost"), (wp.float64, (batch,))),
        **dict.fromkeys(("scale", "gradient"), (wp.float64, (batch, n))),
        "matrix": (wp.float64, (batch, n, n)),
        "factor": (wp.float64, (batch, n, n + 1)),
        "row_costs": (wp.float64, (batch, rows)),
    }
    return {name: wp.zeros(shape, dtype=dtype, device=device) for name, (dtype, shape) in sizes.items()}


def _filled(kind: Any, arrays: dict[str, Any]) -> Any:
    """A struct for kernels with those arrays."""
    struct = kind()
    for name in kind.vars:
        setattr(struct, name, arrays[name])
    return struct
