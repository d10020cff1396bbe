"""Coverage of 95 % regions: by hand, on errors drawn from known Gaussians, on simulated grasps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.evaluation.coverage import (
    CHI2_95,
    as_json,
    as_markdown,
    fitted,
    measured,
    ratios,
)
from hoi_perception.evaluation.refinement import Trial, truth_grasps
from hoi_perception.evaluation.uncertainty_samples import Regime, Samples, collect
from hoi_perception.interaction.calibration import Inflation

Array = NDArray[np.float64]
INSTRUMENTS = ("kelly_haemostat", "scalpel_10", "cube", "yankauer_suction", "mug", "mayo_scissors")


def drawn(n: int, d: int, extra: Array, factor: float = 1.0, seed: int = 0) -> Samples:
    """Errors whose covariances are `factor` times the sum of those told and of `extra`."""
    rng = np.random.default_rng(seed)
    root = 0.001 * (np.eye(d) + 0.3 * rng.normal(size=(n, d, d)))
    told = root @ np.swapaxes(root, 1, 2)
    real = np.linalg.cholesky(factor * (told + np.diag(extra)))
    return Samples((real @ rng.normal(size=(n, d, 1)))[..., 0], told, np.arange(n))


def test_the_border_of_a_region_by_hand() -> None:
    # 2 mm along x, 1 mm along y and z: the 95 % ellipsoid reaches sqrt(7.815) = 2.7955 standard deviations far
    covariance = np.diag([4e-6, 1e-6, 1e-6])
    errors = np.array([[0.005591, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.005591, 0.0]])
    samples = Samples(errors, np.tile(covariance, (3, 1, 1)), np.arange(3))
    np.testing.assert_allclose(ratios(samples, Inflation()), [1.0, 0.0, 4.0], rtol=1e-3)
    np.testing.assert_allclose(ratios(samples, Inflation(4.0)), [0.25, 0.0, 1.0], rtol=1e-3)


def test_quantiles_are_those_of_chi_squared() -> None:
    stats = pytest.importorskip("scipy.stats")
    for d, quantile in CHI2_95.items():
        assert quantile == pytest.approx(stats.chi2.ppf(0.95, d), abs=1e-3)


@pytest.mark.parametrize("d", [1, 3, 6])
def test_a_factor_is_found_again(d: int) -> None:
    found = fitted(drawn(2000, d, np.zeros(d), factor=2.5))
    assert found.factor == pytest.approx(2.5, rel=0.12)
    assert (found.place, found.turn) == (0.0, 0.0)


def test_a_model_error_is_found_again() -> None:
    extra = np.array([0.0, 0.0, 0.0, 4e-4, 4e-4, 4e-4])
    found = fitted(drawn(2000, 6, extra, factor=1.5))
    assert found.turn == 0.02
    assert found.factor == pytest.approx(1.5, rel=0.12)
    assert found.place <= 0.001


def test_what_is_fitted_covers_other_errors_as_often_as_it_says() -> None:
    extra = np.array([0.0, 0.0, 0.0, 4e-4, 4e-4, 4e-4])
    first, other = drawn(1500, 6, extra, 3.0, seed=1), drawn(1500, 6, extra, 3.0, seed=2)
    assert (ratios(other, fitted(first)) <= 1.0).mean() == pytest.approx(0.95, abs=0.02)


def test_the_table_and_the_json_tell_the_same() -> None:
    samples = drawn(200, 3, np.zeros(3))
    row = measured(Regime.NOISE, "tip", samples)
    assert row.uncalibrated == pytest.approx(0.95, abs=0.03)
    assert row.spread == pytest.approx(1.0 / np.sqrt(row.inflation.factor), rel=0.1)
    values = json.loads(json.dumps(as_json([row], Trial(1, 1, 2, 0))))
    assert values["rows"][0]["covered"] == row.covered
    assert f"| noise | tip | 200 | {100 * row.uncalibrated:.1f} |" in as_markdown([row])


def check_noise(grasps: int, draws: int, seed: int) -> None:
    """Coverage within 92 to 98 %, or as far from that as chance allows: two standard deviations of so many cases."""
    truths, _ = truth_grasps(Trial(grasps, 1, 2, seed, INSTRUMENTS))
    for name, samples in collect([(truth,) for truth in truths] * draws, Regime.NOISE, seed).items():
        own = measured(Regime.NOISE, name, samples)
        chance = 2.0 * np.sqrt(0.95 * 0.05 / len(np.unique(samples.grasps)))
        assert 0.92 - chance <= own.covered <= 0.98 + chance, f"{name}: {own.covered:.3f}"


def test_coverage_on_a_few_simulated_grasps_with_known_noise() -> None:
    check_noise(3, 8, 5)


@pytest.mark.slow
def test_coverage_on_simulated_grasps_with_known_noise() -> None:
    check_noise(18, 3, 6)
