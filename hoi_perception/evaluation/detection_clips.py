"""`evaluate detection`: the labelled clips of a folder with every set of networks whose weights are there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hoi_perception.config import DetectionConfig
from hoi_perception.evaluation.detection import PRESENCES, Eyes, as_markdown, evaluate_detection, labelled_pictures
from hoi_perception.hands.detection import PalmNetwork
from hoi_perception.hands.landmarks import LandmarkNetwork
from hoi_perception.hands.models import ModelFileError
from hoi_perception.hands.proposals import PalmProposer
from hoi_perception.metrics.labelled_clip import read_labels
from hoi_perception.networks.hand_proposers import HeadProposer, ParserProposer, SeveralProposers
from hoi_perception.networks.own_landmarks import GlovedLandmarks

_ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".webm")
_TESTS = Path(__file__).resolve().parents[2] / "test"


class LabelError(OSError):
    """A folder in which nothing can be compared; the text says why and what to do."""


def evaluate_clips(data: Path | None, labels: Path | None) -> tuple[dict[str, Any], str]:
    """All figures by clip, networks and budget, and the table."""
    if data is None or not data.is_dir():
        raise LabelError(f"{data}: no such folder of clips: give --data DIR")
    folders = (labels,) if labels is not None else (_TESTS / "labels", _TESTS / "networks" / "labels")
    boxes = {path.stem: path for folder in folders for path in sorted(folder.glob("*.csv"))}
    clips = {p.name: p for p in sorted(data.iterdir()) if p.suffix in _ENDINGS and p.stem in boxes}
    if not clips:
        raise LabelError(f"{data}: no clip has labels in {folders[0]}: give --labels DIR with files CLIP.csv")
    pictures = {name: labelled_pictures(path, read_labels(boxes[path.stem])) for name, path in clips.items()}
    report = evaluate_detection(pictures, _eyes())
    values = {
        f"{clip} {name} {budget}": {
            "labels": row.labels,
            "pictures": row.pictures,
            "right_sides": row.right_sides,
            **{f"hits@{p}": row.hits[p] for p in PRESENCES},
            **{f"false_accepts@{p}": row.false_accepts[p] for p in PRESENCES},
        }
        for (clip, name, budget), row in report.rows.items()
    }
    return values, as_markdown(report)


def _eyes() -> dict[str, Eyes]:
    """The free networks alone, and with each trained network that the package holds."""
    palm, landmarks = PalmProposer(PalmNetwork(), DetectionConfig()), LandmarkNetwork()
    out = {"palm and landmark network": Eyes(palm, landmarks)}
    try:
        own = GlovedLandmarks()
        out["with landmark head"] = Eyes(palm, own)
        head = HeadProposer()
        out["with palm head"] = Eyes(head, landmarks)
        out["with both heads"] = Eyes(head, own)
        out["with both heads and parser"] = Eyes(SeveralProposers([head, ParserProposer()]), own)
    except ModelFileError as error:
        print(f"left out: {error}", file=sys.stderr)  # noqa: T201 - told once, beside the table
    return out
