"""How well hands are found and fitted in real clips: `python bench/hands_in_clips.py [--gloves] [--json FILE]`.

Reads the clips from the folder named by HOI_TEST_DATA (or `--data`) and the boxes drawn for them from `test`, runs all
frames with a horizontal field of view of 55 degrees assumed, and prints a Markdown table with the bars to be reached.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import tyro

from hoi_perception.cli import load_perception
from hoi_perception.config import Config
from hoi_perception.io.sources import open_source
from hoi_perception.metrics.labelled_clip import ClipScore, read_labels, score_clip
from hoi_perception.types import Frame

_TESTS = Path(__file__).parents[1] / "test"
LABELS = {
    "coffee.mp4": _TESTS / "labels",
    "cups.mp4": _TESTS / "labels",
    "suturing.mkv": _TESTS / "networks" / "labels",
    "suturing_close.mp4": _TESTS / "networks" / "labels",
}


@dataclass(frozen=True)
class Arguments:
    """What to score."""

    data: Path = field(default_factory=lambda: Path(os.environ.get("HOI_TEST_DATA", "")))
    """Folder of the clips; HOI_TEST_DATA by default."""
    clips: tuple[str, ...] = tuple(LABELS)
    """Names of the clips."""
    gloves: bool = False
    """With the setting detection.gloves."""
    json: Path | None = None
    """Where to write all figures."""


def main(arguments: Arguments) -> int:
    """Scores and prints; 2 where a clip is missing."""
    unknown = [name for name in arguments.clips if name not in LABELS]
    if unknown:
        print(f"{unknown[0]}: no boxes are drawn for it: choose of {', '.join(LABELS)}", file=sys.stderr)
        return 2
    missing = [name for name in arguments.clips if not (arguments.data / name).is_file()]
    if missing:
        print(f"{arguments.data / missing[0]}: no such clip: set HOI_TEST_DATA to the folder of clips", file=sys.stderr)
        return 2
    scores = {name: score(arguments.data / name, gloves=arguments.gloves) for name in arguments.clips}
    print_scores(scores)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({n: asdict(s) for n, s in scores.items()}, indent=2), encoding="utf-8")
    return 0


def score(path: Path, *, gloves: bool) -> ClipScore:
    """One clip from a fresh start."""
    usual = Config()
    perception = load_perception(replace(usual, detection=replace(usual.detection, gloves=gloves)))
    frames = shown(open_source(path).frames(), path.name)
    return score_clip(frames, perception.process, read_labels(LABELS[path.name] / f"{path.stem}.csv"))


def shown(frames: Iterator[Frame], name: str) -> Iterator[Frame]:
    """The frames, with their number on stderr every hundred."""
    for index, frame in enumerate(frames):
        if index % 100 == 0:
            print(f"{name}: frame {index}", file=sys.stderr)
        yield frame


def print_scores(scores: dict[str, ClipScore]) -> None:
    """Columns: figures. A bar stands in the header where the figure has one; gloved hands have bars of their own."""
    bars = "recall (≥ 0.97 coffee, 0.92 cups, 0.90 gloves) | precision (≥ 0.97) | box IoU, median"
    fits = "residual (≤ 2 %) | left out (≤ 4 %) | limits (≤ 5°) | step TRACKED (≤ 60 mm) | step left / right, all"
    print(f"| clip | TRACKED hands/frame (≥ 1.8 gloves) | {bars} | {fits} | tracks | births |")
    print("|" + "---|" * 12)
    for name, s in scores.items():
        found = f"{s.recall:.3f} ({s.counts.hits}/{s.counts.labels}) | {s.precision:.3f} | {s.box_iou_median:.2f}"
        fit = f"{percent(s.residual_rel)} | {percent(s.heldout_rel)} | {s.limit_violation_deg:.1f}°"
        steps = s.summary.max_joint_step_mm
        step = f"{number(s.tracked_step_mm)} mm | {number(steps['left'])} / {number(steps['right'])} mm"
        tracks = f"{s.summary.tracks} | {s.summary.births}"
        print(f"| {name} | {s.summary.hands_per_frame:.2f} | {found} | {fit} | {step} | {tracks} |")


def percent(share: float) -> str:
    """A share of one as per cent."""
    return "—" if math.isnan(share) else f"{100 * share:.2f} %"


def number(value: float | None) -> str:
    """A whole number, or a dash."""
    return "—" if value is None or math.isnan(value) else f"{value:.0f}"


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
