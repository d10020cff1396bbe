"""`tweezers_stereo`: two shiny tweezers by two cameras that are not rectified, beside dots painted near their tips."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.evaluation.clip_frame import STARTS, FollowsClips
from hoi_perception.evaluation.clip_report import ClipFigure, ClipReport
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.types import Instrument

Array = NDArray[np.float64]
CLIP, POSITIONS = "tweezers_stereo", "positions.csv"
INSTRUMENT = "microsurgical_forceps"
HANDS = ("right", "left")
"""Whose tweezers, in the order of the poses by eye."""
FITTED = 10
"""Pairs at the beginning that offsets are fitted on."""
REFERENCE = (
    "painted dots by colour in both images (a regression reference, whole pixels of disparity); one shift for both "
    "tweezers fitted on the first ten pairs; motion since the mean place of each in those; poses and dots of the first "
    "pair by eye; the dots' colours are not known to the tracker"
)
CAMERAS = "stated calibration: f 1430 px, baseline 31 mm, parallel axes"


@dataclass(frozen=True, eq=False)
class Mark:
    """A point (m) in the frame of a link of an instrument."""

    link: int
    point: Float64[Array, "3"]

    def place(self, model: InstrumentModel, instrument: Instrument | None) -> Float64[Array, "3"]:
        """Where it is (m, camera frame); not a number where the instrument is not told."""
        if instrument is None:
            return np.full(3, np.nan)
        R, t = instrument.R_camera_instrument[None], instrument.t_camera_instrument[None]
        posed = pose_links(joint_tree(model), InstrumentState(R, t, instrument.joint_positions[None]))
        return np.asarray(posed.R[0, self.link] @ self.point + posed.t[0, self.link])


def tweezers_stereo(folder: Path, run: FollowsClips) -> ClipReport:
    """Both from the first pair on."""
    model = Library.find().get(INSTRUMENT)
    marks = read_marks(STARTS / f"{CLIP}_dots.yaml", model)
    frames = run.frames(folder / CLIP, STARTS / f"{CLIP}.yaml", cameras=STARTS / f"{CLIP}_cameras.yaml")
    places = [[mark.place(model, one.instrument(k)) for k, mark in enumerate(marks, start=1)] for one in frames]
    reference = read_positions(folder / CLIP / POSITIONS)[: len(places)]
    return report(np.array(places), reference)


def report(places: Float64[Array, "n 2 3"], reference: Float64[Array, "n 2 3"]) -> ClipReport:
    """Figures of marked points beside their reference, both in metres in the frame of the left camera."""
    apart = 1e3 * (places - reference)
    first = apart[:FITTED]
    error = np.nan_to_num(np.linalg.norm(apart - np.nanmean(first, axis=(0, 1)), axis=2), nan=np.inf)
    moved = np.nan_to_num(np.linalg.norm(apart - np.nanmean(first, axis=0), axis=2), nan=np.inf)[FITTED:]
    figures = [
        ClipFigure("marked_mm_median", float(np.median(error)), 2.0, digits=2),
        ClipFigure("motion_mm_rms", _rms(moved), 0.5, digits=2),
    ]
    for k, hand in enumerate(HANDS):
        figures.append(ClipFigure(f"motion_mm_rms_{hand}", _rms(moved[:, k]), digits=2))
        figures.append(ClipFigure(f"told_share_{hand}", float(np.isfinite(apart[:, k, 0]).mean()), digits=2))
    each = {f"marked_mm_{hand}": tuple(error[:, k].tolist()) for k, hand in enumerate(HANDS)}
    return ClipReport(CLIP, len(places), REFERENCE, CAMERAS, tuple(figures), each)


def read_marks(path: Path, model: InstrumentModel) -> tuple[Mark, ...]:
    """The painted dots of both instruments, in the order of `HANDS`."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    links = [link.name for link in model.links]
    return tuple(
        Mark(links.index(content[hand]["link"]), np.array(content[hand]["point"], dtype=np.float64)) for hand in HANDS
    )


def read_positions(path: Path) -> Float64[Array, "n 2 3"]:
    """The dots of both tweezers (m, optical frame of the left camera).

    The file has them in cm, x down the image and y to the right.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return np.array([[[float(row[f"{hand}_{axis}_cm"]) / 100.0 for axis in "yxz"] for hand in HANDS] for row in rows])


def _rms(distances: Float64[Array, "*n"]) -> float:
    return float(np.sqrt((distances**2).mean())) if distances.size else float("nan")
