"""`suturing.mkv`: needle holder and tweezers in gloved hands and scissors that lie still, beside tips set by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.evaluation.clip_frame import STARTS, ClipFrame, FollowsClips
from hoi_perception.evaluation.clip_report import ClipFigure, ClipReport

Array = NDArray[np.float64]
CLIP, TIPS = "suturing.mkv", "suturing_tips.csv"
NAMES = ("needle_holder", "tweezers", "scissors")
"""Names in the file of tips, in the order of the poses by eye."""
BARS = {"needle_holder": 25.0, "tweezers": 25.0, "scissors": 6.0}
REFERENCE = (
    "tips of the rows that a person set (`annotated`), against the middle of the projected tips of both jaws; poses of "
    "the first frame by eye, not fitted to the tips; an instrument that is not told errs without bound"
)


def follow_suturing(folder: Path, run: FollowsClips) -> ClipReport:
    """All three from the first frame on."""
    truth = read_tips(folder / TIPS)
    errors: dict[str, list[float]] = {name: [] for name in NAMES}
    told = dict.fromkeys(NAMES, 0)
    frames, camera = 0, ""
    for one in run.frames(folder / CLIP, STARTS / "suturing.yaml"):
        frames += 1
        camera = one.frame.camera.assumed
        for track, name in enumerate(NAMES, start=1):
            tip = tip_px(one, track)
            told[name] += tip is not None
            if (one.index, name) in truth:
                off = np.inf if tip is None else float(np.linalg.norm(tip - truth[one.index, name]))
                errors[name].append(off)
    figures = []
    for name in NAMES:
        figures.append(ClipFigure(f"tip_px_median_{name}", _median(errors[name]), BARS[name], digits=1))
        figures.append(ClipFigure(f"told_share_{name}", told[name] / max(frames, 1), digits=2))
    each = {f"tip_px_{name}": tuple(values) for name, values in errors.items()}
    return ClipReport("suturing", frames, REFERENCE, camera, tuple(figures), each)


def tip_px(one: ClipFrame, track: int) -> Float64[Array, "2"] | None:
    """Middle of an instrument's tips in the image, px; None where it is not told."""
    instrument = one.instrument(track)
    if instrument is None or len(instrument.tips_camera) == 0:
        return None
    middle = instrument.tips_camera.mean(axis=0, keepdims=True)
    return np.asarray(project(middle, one.frame.camera)[0], dtype=np.float64)


def read_tips(path: Path) -> dict[tuple[int, str], Float64[Array, "2"]]:
    """Tips (px) that a person set, by frame and instrument."""
    with path.open(encoding="utf-8", newline="") as lines:
        return {
            (int(row["frame"]), row["instrument"]): np.array([float(row["x_px"]), float(row["y_px"])])
            for row in csv.DictReader(lines)
            if row["annotated"] == "1"
        }


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else float("nan")
