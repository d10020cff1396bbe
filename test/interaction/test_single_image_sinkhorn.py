"""Entropic transport against cases whose cost is known, and against exact assignment."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hoi_perception.interaction.single_image.sinkhorn import SinkhornTarget

RNG = np.random.default_rng(3)


def cloud(n: int, d: int = 2) -> NDArray[np.float64]:
    return RNG.normal(size=(n, d))


def test_equal_sets_have_no_divergence_and_no_pull() -> None:
    x = cloud(60)
    found = SinkhornTarget.of(x, epsilon=0.05).divergence(x[::-1].copy())
    assert abs(found.value) < 1e-4
    assert np.abs(found.gradient).max() < 1e-3 / 60


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("d", [2, 3])
def test_a_translated_set_is_its_squared_shift_away_whatever_the_entropy(epsilon: float, d: int) -> None:
    x, shift = cloud(40, d), np.array([3.0, -4.0, 12.0])[:d]
    found = SinkhornTarget.of(x + shift, epsilon=epsilon, iterations=80).divergence(x)
    assert found.value == pytest.approx((shift**2).sum(), rel=1e-3)
    # All points together are pulled along the shift: d/dx |shift|^2 = -2 shift.
    assert found.gradient.sum(axis=0) == pytest.approx(-2.0 * shift, abs=0.05)


def test_with_little_entropy_the_cost_is_that_of_the_best_assignment() -> None:
    x, y = cloud(15), cloud(15) + 0.5
    C = ((x[:, None] - y[None]) ** 2).sum(axis=2)
    best = C[linear_sum_assignment(C)].mean()
    target = SinkhornTarget.of(y, epsilon=2e-3, iterations=2000)
    assert target.transport(x, np.full(15, 1.0 / 15)).value == pytest.approx(best, rel=0.01)
    assert target.divergence(x).value == pytest.approx(best, rel=0.02)


def test_weights_count_like_repeated_points() -> None:
    x, y = cloud(8), cloud(9) + 1.0
    twice = np.concatenate([x, x[:3]])
    weights = np.where(np.arange(8) < 3, 2.0, 1.0)
    target = SinkhornTarget.of(y, epsilon=0.1)
    assert target.divergence(x, weights).value == pytest.approx(target.divergence(twice).value, rel=1e-9)


def test_the_gradient_is_the_derivative_at_convergence() -> None:
    x, y, a = cloud(12), cloud(10) + 0.7, RNG.uniform(0.5, 2.0, 12)
    target = SinkhornTarget.of(y, epsilon=0.2, iterations=400)
    gradient = target.divergence(x, a).gradient
    for i, c in [(0, 0), (3, 1), (11, 0)]:
        step = np.zeros_like(x)
        step[i, c] = 1e-5
        slope = (target.divergence(x + step, a).value - target.divergence(x - step, a).value) / 2e-5
        assert gradient[i, c] == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_it_pulls_where_nothing_overlaps() -> None:
    found = SinkhornTarget.of(cloud(30) + 50.0, epsilon=0.05).divergence(cloud(20))
    assert (found.gradient < 0.0).all()


def test_an_empty_target_is_refused_and_an_empty_set_infinitely_far() -> None:
    with pytest.raises(ValueError, match="positive sum"):
        SinkhornTarget.of(np.zeros((0, 2)))
    far = SinkhornTarget.of(cloud(3)).divergence(np.zeros((0, 2)))
    assert far.value == np.inf and far.gradient.shape == (0, 2)
