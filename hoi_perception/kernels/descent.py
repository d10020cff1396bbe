"""Steps of Levenberg-Marquardt as Warp kernels: problems stay on their device from the first step of a round on.

One block of `strands` threads works on each problem; a CPU has one thread. The decisions are those of
`interaction.solver`, taken in the same order.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.block import LANES, wait_for_block
from hoi_perception.kernels.elimination import eliminate, substitute
from hoi_perception.kernels.priors import Equations
from hoi_perception.kernels.residuals import Sums

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

LEAST = wp.constant(wp.float64(1.0e-9))
"""What is added to each diagonal entry at least, and the least damping."""
MOST = wp.constant(wp.float64(1.0e9))


@wp.struct
class Search:
    """Where each problem's descent is. `live`: it still takes steps; `solved`: there was a step down.

    `scale` (b, n) was added to the diagonal of the matrix, `factor` (b, n, n + 1) is what elimination makes of that
    matrix and, last column, the right-hand side. `predicted` is the fall in cost that the step promises, `moved` its
    squared length in standard deviations of the solution.
    """

    live: wp.array(dtype=wp.int32)
    settled: wp.array(dtype=wp.int32)
    steps: wp.array(dtype=wp.int32)
    damping: wp.array(dtype=wp.float64)
    growth: wp.array(dtype=wp.float64)
    scale: wp.array2d(dtype=wp.float64)
    factor: wp.array3d(dtype=wp.float64)
    solved: wp.array(dtype=wp.int32)
    predicted: wp.array(dtype=wp.float64)
    moved: wp.array(dtype=wp.float64)


@wp.kernel
def begin(search: Search) -> None:
    """All problems take steps again."""
    b = wp.tid()
    search.live[b] = 1
    search.settled[b] = 0


@wp.kernel
def sum_up(count: wp.array(dtype=wp.int32), rows: Sums, live: wp.array(dtype=wp.int32), out: Equations) -> None:
    """Products of the rows of live problems: a thread for each entry of matrix and gradient and one for the cost."""
    b, entry = wp.tid()
    if live[b] == 0:
        return
    n = out.gradient.shape[1]
    total = wp.float64(0.0)
    if entry < n * n:
        i = entry // n
        j = entry - i * n
        if i > j:
            return
        for row in range(count[b]):
            total += rows.jacobian[b, row, i] * rows.jacobian[b, row, j]
        out.matrix[b, i, j] = total
        out.matrix[b, j, i] = total
    elif entry < n * n + n:
        for row in range(count[b]):
            total += rows.residual[b, row] * rows.jacobian[b, row, entry - n * n]
        out.gradient[b, entry - n * n] = total
    else:
        for row in range(count[b]):
            total += rows.cost[b, row]
        out.cost[b] = total


@wp.func
def copy_equations(source: Equations, to: Equations, b: int, strand: int, strands: int) -> None:
    """This thread's share of gradient and matrix."""
    n = source.gradient.shape[1]
    for i in range(strand, n, strands):
        to.gradient[b, i] = source.gradient[b, i]
    lanes = wp.min(strands, LANES)
    for i in range(strand // lanes, n, strands // lanes):
        for j in range(strand % lanes, n, lanes):
            to.matrix[b, i, j] = source.matrix[b, i, j]


@wp.kernel
def find_step(best: Equations, search: Search, strands: int, step: wp.array2d(dtype=wp.float64)) -> None:
    """The damped step down of each live problem, zero where the matrix is singular or not finite."""
    b, strand = wp.tid()
    if search.live[b] == 0:
        return
    n = best.gradient.shape[1]
    lanes = wp.min(strands, LANES)
    for i in range(strand // lanes, n, strands // lanes):
        for j in range(i + strand % lanes, n, lanes):
            search.factor[b, i, j] = best.matrix[b, i, j]
            if i == j:
                search.scale[b, i] = best.matrix[b, i, i] * search.damping[b] + LEAST
                search.factor[b, i, i] = best.matrix[b, i, i] + search.scale[b, i]
    for i in range(strand, n, strands):
        search.factor[b, i, n] = -best.gradient[b, i]
    wait_for_block()
    fine = eliminate(search.factor, b, n, strand, strands)
    if fine == 1:
        fine = substitute(search.factor, b, n, strand, strands, step)
    if fine == 0:
        for i in range(strand, n, strands):
            step[b, i] = wp.float64(0.0)
    if strand > 0:
        return
    # The step solves (matrix + diag(scale)) step = -gradient, so matrix step is known.
    predicted = wp.float64(0.0)
    moved = wp.float64(0.0)
    for i in range(n * fine):
        across = search.scale[b, i] * step[b, i]
        predicted += step[b, i] * (across - best.gradient[b, i])
        moved -= step[b, i] * (across + best.gradient[b, i])
    search.solved[b] = fine
    search.predicted[b] = predicted
    search.moved[b] = moved


@wp.kernel
def take(
    trial: Equations,
    rows: Sums,
    count: wp.array(dtype=wp.int32),
    strands: int,
    best: Equations,
    row_costs: wp.array2d(dtype=wp.float64),
) -> None:
    """Each problem is where its round begins: that is the best so far."""
    b, strand = wp.tid()
    copy_equations(trial, best, b, strand, strands)
    for row in range(strand, count[b], strands):
        row_costs[b, row] = rows.cost[b, row]
    if strand == 0:
        best.cost[b] = trial.cost[b]


@wp.kernel
def judge(
    trial: Equations,
    rows: Sums,
    count: wp.array(dtype=wp.int32),
    settled2: wp.float64,
    strands: int,
    best: Equations,
    row_costs: wp.array2d(dtype=wp.float64),
    search: Search,
    better: wp.array(dtype=wp.int32),
) -> None:
    """Whether each live problem is better off after its step; damping by the gain ratio (Nielsen 1999).

    A problem has settled once its step is shorter than the root of `settled2`, in standard deviations of the solution.
    """
    b, strand = wp.tid()
    if search.live[b] == 0:
        if strand == 0:
            better[b] = 0
        return
    fall = best.cost[b] - trial.cost[b]
    fine = int(0)
    if trial.cost[b] < best.cost[b]:
        fine = 1
    for i in range(best.gradient.shape[1]):
        if not wp.isfinite(trial.gradient[b, i]):
            fine = 0
    wait_for_block()
    if fine == 1:
        copy_equations(trial, best, b, strand, strands)
        for row in range(strand, count[b], strands):
            row_costs[b, row] = rows.cost[b, row]
    if strand > 0:
        return
    one = wp.float64(1.0)
    two = wp.float64(2.0)
    better[b] = fine
    factor = search.growth[b]
    search.growth[b] = search.growth[b] * two
    if fine == 1:
        best.cost[b] = trial.cost[b]
        gain = wp.clamp(fall / wp.max(search.predicted[b], wp.float64(1.0e-300)), -one, one)
        bend = two * gain - one
        factor = wp.max(one / wp.float64(3.0), one - bend * bend * bend)
        search.growth[b] = two
    search.damping[b] = wp.clamp(search.damping[b] * factor, LEAST, MOST)
    search.steps[b] = search.steps[b] + 1
    if search.solved[b] == 1 and search.moved[b] < settled2:
        search.settled[b] = 1
        search.live[b] = 0
