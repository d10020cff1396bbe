"""How often 95 % regions of the joint solve hold the truth, and the inflations with which they would."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.evaluation.refinement import Trial, truth_grasps, truth_sequences
from hoi_perception.evaluation.statistics import mean_and_interval
from hoi_perception.evaluation.uncertainty_samples import Regime, Samples, collect
from hoi_perception.interaction.calibration import COLD, FOLLOWED, NEAR, Calibration, Inflation
from hoi_perception.synthesis.grasp_truth import GraspTruth

Array = NDArray[np.float64]
LEVEL = 0.95
CHI2_95 = {1: 3.841, 3: 7.815, 6: 12.592}
"""Quantiles of chi-squared at `LEVEL`, by degrees of freedom."""
_CHI2_50 = {1: 0.455, 3: 2.366, 6: 5.348}
FAR = 3.0
"""Beyond a region this many times as wide the truth lies far outside: the solve found another pose."""
CALIBRATIONS = {Regime.NOISE: NEAR, Regime.COLD: COLD, Regime.FOLLOWED: FOLLOWED}
DRAWS = {Regime.NOISE: 3, Regime.COLD: 2, Regime.FOLLOWED: 2}
"""Times that each grasp is seen, each time with other noise."""
_PLACES = (0.0, 0.0005, 0.001, 0.002, 0.005)
_TURNS = (0.0, 0.005, 0.01, 0.02, 0.05)
_GAIN = 0.1
"""Model errors are added where they make the logarithm of the regions' volume less by at least this."""


@dataclass(frozen=True)
class Coverage:
    """Shares of the truth within 95 % regions of one quantity, by grasp; `spread` is 1 where the middle of the errors
    is that of a Gaussian. `fitted` is the inflation with which just 95 % would lie within.
    """

    regime: str
    quantity: str
    errors: int
    uncalibrated: float
    covered: float
    low: float
    high: float
    spread: float
    far: float
    inflation: Inflation
    fitted: Inflation


def evaluate_coverage(trial: Trial, jobs: int = 1) -> list[Coverage]:
    """All regimes on the simulated grasps and sequences of a trial."""
    alone: list[tuple[GraspTruth, ...]] = [(truth,) for truth in truth_grasps(trial, jobs=jobs)[0]]
    carried = [sequence.frames for sequence in truth_sequences(trial, jobs)]
    groups = {Regime.NOISE: alone, Regime.COLD: alone, Regime.FOLLOWED: carried}
    rows = []
    for regime, own in groups.items():
        for name, samples in collect(own * DRAWS[regime], regime, trial.seed, jobs).items():
            rows.append(measured(regime, name, replace(samples, grasps=samples.grasps % len(own))))
    return rows


def measured(regime: Regime, quantity: str, samples: Samples) -> Coverage:
    """Figures of one quantity with the calibration of its regime."""
    inflation = calibrated(CALIBRATIONS[regime], quantity)
    ratio = ratios(samples, inflation)
    own = np.array([(ratio[samples.grasps == g] <= 1.0).mean() for g in np.unique(samples.grasps)])
    _, low, high = mean_and_interval(own)
    d = samples.errors.shape[1]
    return Coverage(
        regime=regime.value,
        quantity=quantity,
        errors=len(ratio),
        uncalibrated=float((ratios(samples, Inflation()) <= 1.0).mean()),
        covered=float((ratio <= 1.0).mean()),
        low=low,
        high=high,
        spread=float(np.sqrt(np.median(ratio) * CHI2_95[d] / _CHI2_50[d])),
        far=float((ratio > FAR**2).mean()),
        inflation=inflation,
        fitted=fitted(samples),
    )


def calibrated(calibration: Calibration, quantity: str) -> Inflation:
    """The inflation of a quantity of `uncertainty_samples`."""
    inflation = getattr(calibration, quantity)
    assert isinstance(inflation, Inflation)
    return inflation


def ratios(samples: Samples, inflation: Inflation) -> Float64[Array, " n"]:
    """Squared errors over those at the border of their 95 % regions."""
    covariances = inflation.widened(samples.covariances, _places(samples))
    squared = np.einsum("nd,nd->n", samples.errors, np.linalg.solve(covariances, samples.errors[..., None])[..., 0])
    return np.asarray(squared / CHI2_95[samples.errors.shape[1]])


def fitted(samples: Samples) -> Inflation:
    """The inflation with which 95 % of the errors lie within their regions, and these are smallest in the mean."""
    places, d = _places(samples), samples.errors.shape[1]
    best, least = Inflation(), np.inf
    for place, turn in product(_PLACES if places else (0.0,), _TURNS if d > places else (0.0,)):
        factor = float(np.quantile(ratios(samples, Inflation(1.0, place, turn)), LEVEL))
        inflation = Inflation(factor, place, turn)
        volume = 0.5 * float(np.linalg.slogdet(inflation.widened(samples.covariances, places))[1].mean())
        if volume < least - _GAIN:
            best, least = inflation, volume
    return best


def as_json(rows: list[Coverage], trial: Trial) -> dict[str, Any]:
    """`{"rows": [{"regime": ..., "quantity": ..., "covered": ..., ...}, ...]}` with what they rest on."""
    counts = {"grasps": trial.grasps, "sequences": trial.sequences, "frames": trial.frames, "seed": trial.seed}
    return {"rows": [asdict(row) for row in rows], "level": LEVEL, "far": FAR, **counts}


def as_markdown(rows: list[Coverage]) -> str:
    """A table, shares in percent, intervals of 95 % over grasps in brackets."""
    lines = [
        "| regime | quantity | errors | uncalibrated | calibrated | spread | far outside | inflation | fitted here |",
        "|---|---|---:|---:|---:|---:|---:|---|---|",
    ]
    for row in rows:
        covered = f"{100 * row.covered:.1f} [{100 * row.low:.1f}, {100 * row.high:.1f}]"
        lines.append(
            f"| {row.regime} | {row.quantity} | {row.errors} | {100 * row.uncalibrated:.1f} | {covered} "
            f"| {row.spread:.2f} | {100 * row.far:.1f} | {_text(row.inflation)} | {_text(row.fitted)} |"
        )
    return "\n".join(lines)


def _text(inflation: Inflation) -> str:
    text = f"{inflation.factor:.2f}"
    if inflation.place > 0.0:
        text += f", {1000.0 * inflation.place:g} mm"
    return text if inflation.turn == 0.0 else f"{text}, {inflation.turn:g} rad"


def _places(samples: Samples) -> int:
    return 0 if samples.errors.shape[1] == 1 else 3
