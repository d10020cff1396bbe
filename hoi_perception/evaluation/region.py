"""Figures of region tracking on simulated frames and sequences: `hoi-perception evaluate region`."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.evaluation.region_depth import Sensor
from hoi_perception.evaluation.region_frames import DEFAULT, SETTINGS, FrameResult, Setting, run_trial
from hoi_perception.evaluation.region_sequences import HandError, SequenceResult, run_sequence
from hoi_perception.instruments.library import Library
from hoi_perception.synthesis.grasp_sampler import held_instruments
from hoi_perception.synthesis.grasp_sequences import sample_sequences

Array = NDArray[np.float64]
BARS = {
    "drape, within 20 px": 0.95,
    "clutter, within 20 px": 0.85,
    "drape, 30 px": 0.75,
    "drape, 75 % covered": 0.90,
}
"""Shares of starts that have to be found."""


@dataclass(frozen=True)
class RegionTrial:
    """What is run: starts of each setting, sequences and their frames, all by the seed."""

    starts: int
    sequences: int
    frames: int
    seed: int
    instruments: tuple[str, ...] = ()
    depth: bool = False
    """Whether a sensor of depth stands beside the camera in sequences."""

    @staticmethod
    def smoke(seed: int = 0, depth: bool = False) -> RegionTrial:
        """Just enough to see that everything runs."""
        return RegionTrial(1, 1, 4, seed, ("scalpel_10",), depth)


@dataclass(frozen=True, eq=False)
class RegionReport:
    """All results: frames by the name of their setting, sequences on drape and in clutter by turns."""

    trial: RegionTrial
    frames: dict[str, list[FrameResult]]
    sequences: list[SequenceResult]


def evaluate_region(trial: RegionTrial, jobs: int = 1) -> RegionReport:
    """Runs frames and sequences, on several processes if asked; the answer is the same."""
    names = trial.instruments or held_instruments(Library.find())
    work = [(setting, names[k % len(names)], trial.seed + k) for setting in SETTINGS for k in range(trial.starts)]
    if jobs == 1:
        found = [_one_start(task) for task in work]
        followed = [_one_sequence(trial, names, number) for number in range(trial.sequences)]
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            found = list(pool.map(_one_start, work, chunksize=4))
            followed = list(pool.map(partial(_one_sequence, trial, names), range(trial.sequences)))
    frames = {s.name: found[k * trial.starts : (k + 1) * trial.starts] for k, s in enumerate(SETTINGS)}
    return RegionReport(trial, frames, followed)


def _one_start(task: tuple[Setting, str, int]) -> FrameResult:
    return run_trial(*task)


def _one_sequence(trial: RegionTrial, names: tuple[str, ...], number: int) -> SequenceResult:
    """Every second sequence in clutter; sequence i depends on the seed and i alone."""
    seed = trial.seed + number
    name = names[(7 * number) % len(names)]
    sequence = sample_sequences(1, trial.frames, seed, instruments=(name,))[0]
    sensor = Sensor() if trial.depth else None
    return run_sequence(sequence, number % 2 == 1, DEFAULT, seed, HandError(), sensor=sensor)


def as_json(report: RegionReport) -> dict[str, Any]:
    """`{"frames": {setting: {...}}, "sequences": {...}, "each": [...]}` with what they rest on."""
    trial = report.trial
    return {
        "starts": trial.starts,
        "sequences_run": trial.sequences,
        "frames_each": trial.frames,
        "seed": trial.seed,
        "depth": trial.depth,
        "frames": {name: _frame_figures(results) for name, results in report.frames.items()},
        "sequences": _sequence_figures(report.sequences),
        "each": [{"instrument": r.instrument, **_sequence_figures([r])} for r in report.sequences],
    }


def _frame_figures(results: list[FrameResult]) -> dict[str, float | None]:
    """Share found; of those found, the share that a track would go on with, of the others, that it would doubt."""
    locked = np.array([r.locked for r in results])
    share = float(locked.mean())
    return {
        "locked": share,
        "locked_half_interval": float(1.96 * np.sqrt(share * (1.0 - share) / len(results))),
        "found_agrees": _share([r.agreement >= DEFAULT.lost for r in results if r.locked]),
        "missed_disagrees": _share([r.agreement < DEFAULT.lost for r in results if not r.locked]),
        "before_px": float(np.median([r.before_px for r in results])),
        "after_px": float(np.median([r.after_px for r in results])),
    }


def _share(values: list[bool]) -> float | None:
    return float(np.mean(values)) if values else None


def _sequence_figures(results: list[SequenceResult]) -> dict[str, Any]:
    """Medians over all frames; losses per thousand frames; how well covariances and flags fit."""
    if not results:
        return {}

    def all_of(name: str) -> Float64[Array, " n"]:
        return np.concatenate([getattr(r, name) for r in results])

    count = len(all_of("tip"))
    squared = all_of("nees")
    flags = Counter(name for r in results for frame in r.unobserved for name in frame)
    lost, told = sum(len(r.lost_at) for r in results), sum(len(r.told_lost) for r in results)
    return {
        "frames": count,
        "lateral_mm": 1e3 * float(np.median(all_of("lateral"))),
        "depth_mm": 1e3 * float(np.median(all_of("depth"))),
        "axis_deg": float(np.degrees(np.median(all_of("axis")))),
        "tip_mm": 1e3 * float(np.median(all_of("tip"))),
        "joint_deg": float(np.degrees(np.median(all_of("joint")))),
        "lost_per_1000": 1e3 * lost / count,
        "told_lost_per_1000": 1e3 * told / count,
        "nees": float(squared.mean()),
        "nees_median": float(np.median(squared)),
        "unobserved": {name: flags[name] / count for name in ("depth", "tilt", "roll")},
    }


def as_markdown(report: RegionReport) -> str:
    """Both tables, with the bars."""
    lines = [
        "| start | found, % | bar | of these agree, % | of others disagree, % | outlines apart before, px | after |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, results in report.frames.items():
        f = _frame_figures(results)
        bar = f"{100 * BARS[name]:.0f}" if name in BARS else "–"
        found = f"{_percent(f['locked'])} ± {_percent(f['locked_half_interval'])}"
        cells = [_percent(f["found_agrees"]), _percent(f["missed_disagrees"])]
        cells += [f"{f['before_px']:.1f}", f"{f['after_px']:.2f}"]
        lines.append(f"| {name} | {found} | {bar} | {' | '.join(cells)} |")
    lines += [
        "",
        "| sequence | lateral, mm | depth, mm | axis, ° | tip, mm | joint, ° | lost / 1000 | said so | NEES | median |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rows = [(f"{r.instrument}, {'clutter' if k % 2 else 'drape'}", [r]) for k, r in enumerate(report.sequences)]
    for name, own in [*rows, ("all", report.sequences), ("bar", [])]:
        s = _sequence_figures(own)
        if not s:
            lines.append("| bar | 1 | – | 3 | 5 | – | 1 | – | 0.5–2 | – |")
            continue
        cells = [f"{s[key]:.2f}" for key in ("lateral_mm", "depth_mm", "axis_deg", "tip_mm", "joint_deg")]
        cells += [f"{s[key]:.1f}" for key in ("lost_per_1000", "told_lost_per_1000")]
        lines.append(f"| {name} | {' | '.join(cells)} | {s['nees']:.2f} | {s['nees_median']:.2f} |")
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100.0 * share:.1f}"
