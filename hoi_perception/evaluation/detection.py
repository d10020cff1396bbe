"""How many hands of real pictures are found: by the palm and landmark networks alone, or with those trained here.

Each labelled picture is searched by itself, without a past and without the background scan: proposers name regions, the
landmark network verifies them within a budget of evaluations, as `hands.proposals.Verifier` does live.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from hoi_perception.config import DetectionConfig
from hoi_perception.hands.proposals import FoundHand, LandmarkLook, ProposalMemory, Proposer, Verifier
from hoi_perception.metrics.detection import Box, SidedBox, iou
from hoi_perception.types import HandRegion, Side

Image = UInt8[NDArray[np.uint8], "h w 3"]
BUDGETS = (8, 32)
"""Evaluations of the landmark network for a picture: what a live frame may cost, and as many as are of use."""
PRESENCES = (0.5, 0.8)
_MATCH_IOU = 0.5
_FLESH = 0.04
"""Of the box of the landmarks that skin reaches beyond it on each side."""


@dataclass(frozen=True)
class LabelledPicture:
    """A picture with the boxes of its hands."""

    image_bgr: Image
    labels: tuple[SidedBox, ...]


@dataclass(frozen=True)
class Eyes:
    """What names regions, and what looks at them."""

    proposer: Proposer
    landmarks: LandmarkLook


@dataclass
class DetectionRow:
    """Counts of one set of networks on one clip with one budget.

    `hits` and `false_accepts` go by the least presence; a hand that need not be found counts neither way.
    """

    labels: int = 0
    pictures: int = 0
    proposed: int = 0
    right_sides: int = 0
    hits: dict[float, int] = field(default_factory=lambda: dict.fromkeys(PRESENCES, 0))
    false_accepts: dict[float, int] = field(default_factory=lambda: dict.fromkeys(PRESENCES, 0))
    milliseconds: list[float] = field(default_factory=list)

    def add(self, found: Sequence[FoundHand], picture: LabelledPicture) -> None:
        """One more picture."""
        height, width = picture.image_bgr.shape[:2]
        self.pictures += 1
        self.labels += sum(label.required for label in picture.labels)
        for presence in PRESENCES:
            boxes = [_box(hand, width, height) for hand in found if hand.landmarks.presence >= presence]
            matched = match(boxes, [label.box_px for label in picture.labels])
            self.hits[presence] += sum(picture.labels[j].required for j in matched.values())
            self.false_accepts[presence] += len(boxes) - len(matched)
        boxes = [_box(hand, width, height) for hand in found]
        for i, j in match(boxes, [label.box_px for label in picture.labels]).items():
            side = Side.RIGHT if found[i].landmarks.right_score >= 0.5 else Side.LEFT
            self.right_sides += picture.labels[j].required and side is picture.labels[j].side


@dataclass(frozen=True)
class DetectionReport:
    """Rows by clip, name of the networks and budget."""

    rows: Mapping[tuple[str, str, int], DetectionRow]


def evaluate_detection(
    clips: Mapping[str, Sequence[LabelledPicture]], eyes: Mapping[str, Eyes], budgets: Sequence[int] = BUDGETS
) -> DetectionReport:
    """Every clip with every set of networks."""
    config = replace(DetectionConfig(), scan_regions=0, scan_regions_idle=0)
    rows: dict[tuple[str, str, int], DetectionRow] = {}
    for clip, pictures in clips.items():
        for name, pair in eyes.items():
            for budget in budgets:
                row = rows[clip, name, budget] = DetectionRow()
                for picture in pictures:
                    timed = _Timed(pair.proposer)
                    verifier = Verifier(pair.landmarks, [timed], config)
                    found, _ = verifier.step(picture.image_bgr, (), ProposalMemory(), wanted=4, budget=budget)
                    row.add(found, picture)
                    row.proposed += timed.count
                    row.milliseconds.append(timed.milliseconds)
    return DetectionReport(rows)


class _Timed:
    """A proposer with a clock of CPU time."""

    def __init__(self, proposer: Proposer) -> None:
        self._proposer = proposer
        self.milliseconds = 0.0
        self.count = 0

    def propose(self, image_bgr: Image) -> list[HandRegion]:
        """What the proposer names."""
        begin = time.process_time()
        regions = self._proposer.propose(image_bgr)
        self.milliseconds = 1e3 * (time.process_time() - begin)
        self.count = len(regions)
        return regions


def match(found: Sequence[Box], labels: Sequence[Box]) -> dict[int, int]:
    """Which label each found box is, one to one, the best overlaps first."""
    pairs = sorted(((iou(a, b), i, j) for i, a in enumerate(found) for j, b in enumerate(labels)), reverse=True)
    out: dict[int, int] = {}
    for overlap, i, j in pairs:
        if overlap >= _MATCH_IOU and i not in out and j not in out.values():
            out[i] = j
    return out


def _box(hand: FoundHand, width: int, height: int) -> Box:
    """Box of the hand's skin within the picture."""
    x0, y0, x1, y1 = hand.landmarks.box_px
    rim = _FLESH * max(x1 - x0, y1 - y0)
    return max(x0 - rim, 0.0), max(y0 - rim, 0.0), min(x1 + rim, float(width)), min(y1 + rim, float(height))


def labelled_pictures(clip: Path, labels: Mapping[int, Sequence[SidedBox]]) -> list[LabelledPicture]:
    """The labelled frames of a clip."""
    capture = cv2.VideoCapture(str(clip))
    pictures: list[LabelledPicture] = []
    index = 0
    while True:
        good, image = capture.read()
        if not good:
            return pictures
        if index in labels:
            pictures.append(LabelledPicture(np.asarray(image, dtype=np.uint8), tuple(labels[index])))
        index += 1


def as_markdown(report: DetectionReport) -> str:
    """One row a clip, networks and budget."""
    lines = [
        "| clip | networks | looks | recall ≥ 0.5 | ≥ 0.8 | right side | false ≥ 0.5 | ≥ 0.8 | regions | CPU ms |",
        "|" + "---|" * 10,
    ]
    for (clip, name, budget), row in report.rows.items():
        shares = " | ".join(f"{row.hits[p]}/{row.labels}" for p in PRESENCES)
        false = " | ".join(f"{row.false_accepts[p] / max(row.pictures, 1):.2f}" for p in PRESENCES)
        cost = f"{row.proposed / max(row.pictures, 1):.1f} | {np.median(row.milliseconds):.1f}"
        lines.append(
            f"| {clip} | {name} | {budget} | {shares} | {row.right_sides}/{row.hits[0.5]} | {false} | {cost} |"
        )
    return "\n".join(lines)
