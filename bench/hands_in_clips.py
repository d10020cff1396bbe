"""How well hands are found and fitted in real clips: `python bench/hands_in_clips.py [--json FILE]`.

Reads the clips from the folder named by HOI_TEST_DATA (or `--data`) and the boxes from `test/labels`, runs every frame
with a horizontal field of view of 55 degrees assumed, and prints two Markdown tables: the labelled clips with the bars
that they have to reach, and hands per frame of clips without labels.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import tyro

from hoi_perception.cli import load_perception
from hoi_perception.config import Config
from hoi_perception.io.sources import open_source
from hoi_perception.metrics.labelled_clip import ClipScore, read_labels, score_clip
from hoi_perception.types import Frame

LABELS = Path(__file__).parents[1] / "test" / "labels"
LABELLED = ("coffee.mp4", "cups.mp4")
UNLABELLED = ("suturing.mkv", "suturing_close.mp4")


@dataclass(frozen=True)
class Arguments:
    """What to score."""

    data: Path = field(default_factory=lambda: Path(os.environ.get("HOI_TEST_DATA", "")))
    """Folder of the clips; HOI_TEST_DATA by default."""
    clips: tuple[str, ...] = (*LABELLED, *UNLABELLED)
    """Names of the clips."""
    json: Path | None = None
    """Where to write all figures."""


def main(arguments: Arguments) -> int:
    """Scores and prints; 2 where a clip is missing."""
    missing = [name for name in arguments.clips if not (arguments.data / name).is_file()]
    if missing:
        print(f"{arguments.data / missing[0]}: no such clip: set HOI_TEST_DATA to the folder of clips", file=sys.stderr)
        return 2
    scores = {name: score(arguments.data / name) for name in arguments.clips}
    labelled = {name: result for name, result in scores.items() if result.labelled_frames}
    print_labelled(labelled)
    print_unlabelled({name: result for name, result in scores.items() if name not in labelled})
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({n: asdict(s) for n, s in scores.items()}, indent=2), encoding="utf-8")
    return 0


def score(path: Path) -> ClipScore:
    """One clip from a fresh start."""
    labels = LABELS / f"{path.stem}.csv"
    perception = load_perception(Config())
    frames = shown(open_source(path).frames(), path.name)
    return score_clip(frames, perception.process, read_labels(labels) if labels.is_file() else None)


def shown(frames: Iterator[Frame], name: str) -> Iterator[Frame]:
    """The frames, with their number on stderr every hundred."""
    for index, frame in enumerate(frames):
        if index % 100 == 0:
            print(f"{name}: frame {index}", file=sys.stderr)
        yield frame


def print_labelled(scores: dict[str, ClipScore]) -> None:
    """Columns: figures. A bar stands in the header where the figure has one."""
    if not scores:
        return
    bars = "recall (≥ 0.95 coffee, 0.80 cups) | precision (≥ 0.98) | box IoU, median"
    fits = "residual (≤ 2 %) | left out (≤ 4 %) | limits (≤ 5°) | step TRACKED (≤ 60 mm) | step left / right, all"
    print(f"| clip | hands/frame | {bars} | {fits} | tracks | births |")
    print("|" + "---|" * 12)
    for name, s in scores.items():
        found = f"{s.recall:.3f} ({s.counts.hits}/{s.counts.labels}) | {s.precision:.3f} | {s.box_iou_median:.2f}"
        fit = f"{percent(s.residual_rel)} | {percent(s.heldout_rel)} | {s.limit_violation_deg:.1f}°"
        steps = s.summary.max_joint_step_mm
        step = f"{s.tracked_step_mm:.0f} mm | {number(steps['left'])} / {number(steps['right'])} mm"
        tracks = f"{s.summary.tracks} | {s.summary.births}"
        print(f"| {name} | {s.summary.hands_per_frame:.2f} | {found} | {fit} | {step} | {tracks} |")
    print()


def print_unlabelled(scores: dict[str, ClipScore]) -> None:
    """Two gloved hands are visible in every frame of the suturing clips."""
    if not scores:
        return
    print("| clip | frames | hands/frame | residual | left out | limits | tracks | births |")
    print("|" + "---|" * 8)
    for name, s in scores.items():
        fit = f"{percent(s.residual_rel)} | {percent(s.heldout_rel)} | {s.limit_violation_deg:.1f}°"
        run = s.summary
        print(f"| {name} | {run.frames} | {run.hands_per_frame:.2f} | {fit} | {run.tracks} | {run.births} |")


def percent(share: float) -> str:
    """A share of one as per cent."""
    return "—" if math.isnan(share) else f"{100 * share:.2f} %"


def number(value: float | None) -> str:
    """A whole number, or a dash."""
    return "—" if value is None else f"{value:.0f}"


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
