"""The outcome of an evaluation as JSON and as a Markdown table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hoi_perception.evaluation.methods import OURS, PLAIN
from hoi_perception.evaluation.refinement import ADAM_EVERY, Figures, Outcome, Trial
from hoi_perception.evaluation.statistics import mean_and_interval

SHOWN = (
    "mpjpe_mm",
    "mpjpe_xyz_mm",
    "pve_mm",
    "iv_cm3@1mm",
    "iv_exact_cm3",
    "pd_max_mm",
    "pd_tool_max_mm",
    "pd_mean_mm",
    "proximity_mm",
    "contact_f1",
    "tip_mm",
    "rot_deg",
    "trans_mm",
    "artic_deg",
    "ho_motion_mm2",
    "ho_motion_excess_mm2",
    "lag_hand_frames",
    "lag_instrument_frames",
)
_OF_MOTION = ("ho_motion_mm2", "ho_motion_excess_mm2", "jitter_mm", "lag_hand_frames", "lag_instrument_frames")
NOTE = (
    "Means over {grasps} simulated grasps; figures of motion and lags over {sequences} sequences of {frames} frames at "
    "30 Hz. Truth grasps: {made}. Every method has the true shape of the hand, as a calibrated user has it. Landmarks "
    "are off by {landmark:g} px and the outlines of masks by {boundary:g} px (standard deviation, picture 1280 wide), "
    "the instrument by {bias:g} mm and {turn:g} deg about its middle throughout, and by a process with {wander:g} mm, "
    "{wander_turn:g} deg along each axis and a memory of {memory:g} s; its joints by {joint:g} deg. The row "
    "adam, where there is one, is over every {adam}th grasp and sequence."
)


def as_json(outcome: Outcome, trial: Trial) -> dict[str, Any]:
    """`{"rows": [{"row": name, key: mean, ..., "interval95": {key: [low, high]}, "sequences": {...}}, ...]}`.

    The keys beside the row's name are means over grasps, those of motion over sequences; "sequences" holds the means
    over sequences of all keys. A figure that is not defined is null. "upsampling" holds what finer points of the finger
    pads change: `{key: {"mean": ..., "interval95": [low, high]}}` of `ours` less `ours_no_upsampling`, grasp by grasp.
    """
    rows = []
    for name, grasps in outcome.grasps.items():
        means, intervals = _summary(grasps)
        over, over_intervals = _summary(outcome.sequences.get(name, []))
        for key in (*_OF_MOTION, "ms_per_frame"):
            if key in over:
                means[key], intervals[key] = over[key], over_intervals[key]
        sequences = {**over, "interval95": over_intervals}
        rows.append({"row": name, **means, "interval95": intervals, "sequences": sequences})
    counts = {
        "grasps": len(next(iter(outcome.grasps.values()))),
        "sequences": len(next(iter(outcome.sequences.values()))),
        "frames": trial.frames,
        "seed": trial.seed,
    }
    return {
        "rows": rows,
        **counts,
        "upsampling": _paired(outcome, OURS, PLAIN),
        "made_by": outcome.made_by,
        "closings_tried": outcome.tries,
        "note": note(outcome, trial),
    }


def _paired(outcome: Outcome, one: str, other: str) -> dict[str, Any]:
    """Differences of two rows on the same grasps, and of figures of motion on the same sequences."""
    if one not in outcome.grasps or other not in outcome.grasps:
        return {}
    differences: dict[str, Any] = {}
    for key in SHOWN:
        of = outcome.sequences if key in _OF_MOTION else outcome.grasps
        if not of[one]:
            continue
        pairs = zip(of[one], of[other], strict=True)
        mean, low, high = mean_and_interval(np.array([a.get(key, math.nan) - b.get(key, math.nan) for a, b in pairs]))
        if not math.isnan(mean):
            differences[key] = {"mean": mean, "interval95": [low, high]}
    return differences


def note(outcome: Outcome, trial: Trial) -> str:
    """What the figures rest on, for beneath the table."""
    noise = trial.noise
    return NOTE.format(
        grasps=len(next(iter(outcome.grasps.values()))),
        sequences=len(next(iter(outcome.sequences.values()))),
        frames=trial.frames,
        made=", ".join(f"{count} by {how}" for how, count in outcome.made_by.items()),
        landmark=noise.landmark_px,
        boundary=noise.boundary_px,
        bias=1000.0 * noise.bias_m,
        turn=noise.bias_deg,
        wander=1000.0 * noise.wander_m,
        wander_turn=noise.wander_deg,
        memory=noise.wander_s,
        joint=noise.joint_deg,
        adam=ADAM_EVERY,
    )


def as_markdown(values: dict[str, Any]) -> str:
    """The table of what `as_json` gives: one line a figure, one column a row of it, 95 % intervals in brackets."""
    rows = values["rows"]
    keys = [key for key in (*SHOWN, *_timings(rows)) if any(row.get(key) is not None for row in rows)]
    lines = ["| figure | " + " | ".join(str(row["row"]) for row in rows) + " |", "|---|" + "---:|" * len(rows)]
    lines += [f"| `{key}` | " + " | ".join(_cell(row, key) for row in rows) + " |" for key in keys]
    return "\n".join([*lines, "", *_ablation(values["upsampling"]), values["note"]])


def _ablation(differences: dict[str, Any]) -> list[str]:
    """The table of what upsampling changes, if both rows are there."""
    if not differences:
        return []
    head = ["| figure | with upsampling less without, same grasps |", "|---|---:|"]
    lines = [
        f"| `{key}` | {_digits(own['mean'])} [{_digits(own['interval95'][0])}, {_digits(own['interval95'][1])}] |"
        for key, own in differences.items()
    ]
    return [*head, *lines, ""]


def _timings(rows: list[dict[str, Any]]) -> list[str]:
    return sorted({key for row in rows for key in row if key.startswith("ms_")})


def _cell(row: dict[str, Any], key: str) -> str:
    mean = row.get(key)
    if mean is None:
        return ""
    low, high = row["interval95"].get(key, (None, None))
    text = _digits(mean)
    return text if low is None or low == high else f"{text} [{_digits(low)}, {_digits(high)}]"


def _digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _summary(figures: list[Figures]) -> tuple[dict[str, Any], dict[str, Any]]:
    means: dict[str, Any] = {}
    intervals: dict[str, Any] = {}
    for key in figures[0] if figures else ():
        mean, low, high = mean_and_interval(np.array([one.get(key, math.nan) for one in figures]))
        means[key] = None if math.isnan(mean) else mean
        intervals[key] = None if math.isnan(mean) else [low, high]
    return means, intervals
