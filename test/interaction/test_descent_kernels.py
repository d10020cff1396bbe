"""Kernels of the descent: steps against NumPy, blocks of threads that do not get in each other's way, code for GPUs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import warp as wp
from device_scenes import BLOCKS_ON_CPU, DEVICES
from numpy.typing import NDArray
from threads_of_a_block import Watch, Watched, watched_run

from hoi_perception.kernels import bodies, descent, hand_mesh, priors, residuals

Array = NDArray[np.float64]
DAMPING = 1e-3


def problems(n: int) -> tuple[Array, Array]:
    """Matrices and gradients: a sound problem, zeros, an indefinite matrix, one with NaN, infinity, a torn gradient."""
    rng = np.random.default_rng(n)
    J = rng.normal(size=(6, n + 5, n)) * np.exp(rng.normal(size=n))
    matrix, gradient = np.swapaxes(J, 1, 2) @ J, rng.normal(size=(6, n))
    matrix[1] = gradient[1] = 0.0
    matrix[2, -1, -1] *= -1.0
    matrix[3, 1, n - 1] = matrix[3, n - 1, 1] = np.nan
    matrix[4, 1, 1] = np.inf
    gradient[5, 0] = np.nan
    return matrix, gradient


def arrays_of(matrix: Array, gradient: Array) -> dict[str, NDArray[Any]]:
    """All arrays of `Search` and `Equations`, by name."""
    b, n = gradient.shape
    whole = {name: np.zeros(b, dtype=np.int32) for name in ("settled", "steps", "solved")}
    real = {name: np.zeros(b) for name in ("growth", "predicted", "moved", "cost")}
    rest = {"scale": np.zeros((b, n)), "factor": np.zeros((b, n, n + 1)), "step": np.full((b, n), 7.0)}
    own = {"matrix": matrix, "gradient": gradient, "damping": np.full(b, DAMPING), "live": np.ones(b, dtype=np.int32)}
    return {**whole, **real, **rest, **own}


def steps(matrix: Array, gradient: Array, strands: int, device: str) -> tuple[dict[str, Any], Array]:
    """What the kernel finds with so many threads a problem."""
    kept = {
        name: wp.array(a, dtype=wp.int32 if a.dtype == np.int32 else wp.float64, device=device)
        for name, a in arrays_of(matrix, gradient).items()
    }
    best, search = priors.Equations(), descent.Search()
    for struct, kind in ((best, priors.Equations), (search, descent.Search)):
        for name in kind.vars:
            setattr(struct, name, kept[name])
    inputs = [best, search, strands, kept["step"]]
    wp.launch(descent.find_step, (len(gradient), strands), inputs, device=device, block_dim=strands)
    out = {name: array.numpy() for name, array in kept.items()}
    return out, out["step"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("n", [1, 7, 57, 110])
def test_a_step_solves_the_damped_equations(n: int, device: str) -> None:
    matrix, gradient = problems(n + 2)
    out, step = steps(matrix, gradient, 1 if device == "cpu" else 256, device)
    np.testing.assert_array_equal(out["solved"], [1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(step[1:], 0.0)
    scale = DAMPING * np.diag(matrix[0]) + 1e-9
    expected = np.linalg.solve(matrix[0] + np.diag(scale), -gradient[0])
    np.testing.assert_allclose(step[0], expected, rtol=0, atol=1e-11 * np.abs(expected).max())
    fall = -2.0 * gradient[0] @ step[0] - step[0] @ matrix[0] @ step[0]
    assert out["predicted"][0] == pytest.approx(fall, rel=1e-9)
    assert out["moved"][0] == pytest.approx(step[0] @ matrix[0] @ step[0], rel=1e-9)


@BLOCKS_ON_CPU
def test_more_threads_find_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit: every entry sees the same operations in the same order."""
    matrix, gradient = problems(23)
    _, alone = steps(matrix, gradient, 1, "cpu")
    monkeypatch.setattr(wp.config, "enable_cpu_blocks", True)
    _, together = steps(matrix, gradient, 64, "cpu")
    np.testing.assert_array_equal(together, alone)


def watched(names: dict[str, NDArray[Any]], watch: Watch, only: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: Watched(name, names[name], watch) for name in only})


@pytest.mark.parametrize("problem", range(6))
def test_threads_that_find_a_step_do_not_race(problem: int) -> None:
    matrix, gradient = (a[problem : problem + 1] for a in problems(6))
    arrays, watch = arrays_of(matrix.copy(), gradient.copy()), Watch(8)
    best, search = watched(arrays, watch, priors.Equations.vars), watched(arrays, watch, descent.Search.vars)
    with np.errstate(invalid="ignore"):
        watched_run(descent.find_step, [best, search, 8, Watched("step", arrays["step"], watch)], 8, 2, watch)
    assert watch.conflicts == []
    _, expected = steps(matrix, gradient, 1, "cpu")
    np.testing.assert_allclose(arrays["step"], expected, rtol=1e-12, atol=1e-14)
    assert watch.meetings == {0: 14, 1: 14, 2: 7, 3: 7, 4: 3, 5: 14}[problem]


@pytest.mark.parametrize("fall", [0.5, -0.5])
def test_threads_that_judge_a_step_do_not_race(fall: float) -> None:
    rng, watch = np.random.default_rng(0), Watch(8)
    best, trial = ({"cost": np.full(1, c), "gradient": rng.normal(size=(1, 5)), "matrix": rng.normal(size=(1, 5, 5))}
                   for c in (3.0, 3.0 - fall))  # fmt: skip
    arrays = arrays_of(best["matrix"], best["gradient"]) | {"cost": best["cost"], "growth": np.full(1, 2.0)}
    arrays["predicted"][:], arrays["solved"][:], arrays["moved"][:] = 1.0, 1, 1e-7
    costs, row_costs, better = rng.normal(size=(1, 9)), np.zeros((1, 9)), np.zeros(1, dtype=np.int32)
    search = watched(arrays, watch, descent.Search.vars)
    own = SimpleNamespace(**{name: Watched("best " + name, a, watch) for name, a in best.items()})
    tried, rows = watched(trial, watch, trial), SimpleNamespace(cost=Watched("costs", costs, watch))
    count, kept = Watched("count", np.full(1, 7), watch), Watched("row costs", row_costs, watch)
    arguments = [tried, rows, count, 1e-6, 8, own, kept, search, Watched("better", better, watch)]
    watched_run(descent.judge, arguments, 8, 2, watch)
    assert watch.conflicts == []
    assert better[0] == (fall > 0.0)
    assert (best["cost"][0], arrays["growth"][0]) == ((2.5, 2.0) if fall > 0.0 else (3.0, 4.0))
    # A step that brings half of what was promised leaves damping as it is (Nielsen 1999).
    assert arrays["damping"][0] == pytest.approx(DAMPING if fall > 0.0 else 2.0 * DAMPING)
    np.testing.assert_array_equal(row_costs[0], np.where(np.arange(9) < 7, costs[0], 0.0) if fall > 0.0 else 0.0)
    np.testing.assert_array_equal(best["matrix"] == trial["matrix"], fall > 0.0)
    assert (arrays["settled"][0], arrays["live"][0], arrays["steps"][0]) == (1, 0, 1)


def test_a_race_is_found() -> None:
    """Threads that read their neighbour's entry without waiting for it."""

    def careless(values: Any) -> None:
        _, strand = wp.tid()
        values[strand] = 1.0
        values[(strand + 1) % 4] = values[strand] + 1.0

    watch = Watch(4)
    watched_run(SimpleNamespace(func=careless), [Watched("values", np.zeros(4), watch)], 4, 2, watch)
    assert {place for _, place in watch.conflicts} == {(0,), (1,), (2,), (3,)}


@pytest.mark.skipif(not wp.get_cuda_supported_archs(), reason="this Warp cannot compile for GPUs")
@pytest.mark.parametrize(
    "module",
    [descent, *(pytest.param(m, marks=pytest.mark.slow) for m in (bodies, hand_mesh, priors, residuals))],
    ids=lambda m: m.__name__,
)
def test_kernels_compile_for_gpus(module: Any, tmp_path: Path) -> None:
    """No GPU is needed for that; what waits for a block has the barrier in its code."""
    arch = max(80, min(wp.get_cuda_supported_archs()))
    (path,) = wp.compile_aot_module(module, arch=arch, module_dir=tmp_path, use_ptx=True)
    code = path.read_text()
    assert ".visible .entry" in code
    assert ("bar.sync" in code) == (module in (descent, priors))
