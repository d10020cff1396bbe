"""A run over a clip scored against boxes that a person drew, in the figures that decide whether it is good enough."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from hoi_perception.camera import project
from hoi_perception.metrics.detection import DetectionCounts, SidedBox, count_detections, iou
from hoi_perception.metrics.run_summary import RunStatistics, RunSummary, StepMeter, is_counted
from hoi_perception.types import Camera, Frame, Hand, Scene, Side

MIN_SCORE = 0.5
FLESH_M = 0.008
"""How far skin lies around the joints of a finger: labels are drawn round the skin, joints are inside."""
Labels = Mapping[int, Sequence[SidedBox]]


@dataclass(frozen=True)
class ClipScore:
    """Figures of one clip; NaN where nothing was measured."""

    labelled_frames: int
    counts: DetectionCounts
    box_iou_median: float
    """Over the hands that have to be found: best overlap with a detection of the same side, 0 where there is none."""
    tracked_step_mm: float
    """Largest root-aligned joint movement between consecutive frames in which a side is TRACKED."""
    summary: RunSummary

    @property
    def recall(self) -> float:
        """Share of the labelled hands that were found."""
        return self.counts.recall

    @property
    def precision(self) -> float:
        """Share of the detections in labelled frames that are right."""
        return self.counts.precision

    @property
    def residual_rel(self) -> float:
        """Median residual of the fit over the longer side of the landmarks' box."""
        return _number(self.summary.landmark_residual_rel_median)

    @property
    def heldout_rel(self) -> float:
        """The same on the landmarks left out of the fit."""
        return _number(self.summary.heldout_residual_rel_median)

    @property
    def limit_violation_deg(self) -> float:
        """Largest violation of an anatomical limit."""
        return _number(self.summary.limit_violations_deg)


class ClipScorer:
    """Takes the scenes of a clip in their order. `labels` are those of the labelled frames; none for clips without."""

    def __init__(self, labels: Labels | None = None) -> None:
        self._labels = labels or {}
        self._counts = DetectionCounts()
        self._overlaps: list[float] = []
        self._statistics = RunStatistics()
        self._steps = StepMeter()

    def add(self, scene: Scene) -> None:
        """One more scene."""
        labels = self._labels.get(self._statistics.frames)
        if labels is not None:
            found = detections(scene)
            self._counts += count_detections(found, labels)
            self._overlaps += [_best_overlap(label, found) for label in labels if label.required]
        self._statistics.add(scene)
        self._steps.add(replace(scene, hands=tuple(filter(is_counted, scene.hands))))

    def score(self, seconds: float) -> ClipScore:
        """Figures of all scenes so far, which took that long."""
        steps = [step for step in self._steps.largest_mm.values() if step is not None]
        return ClipScore(
            labelled_frames=sum(frame < self._statistics.frames for frame in self._labels),
            counts=self._counts,
            box_iou_median=float(np.median(self._overlaps)) if self._overlaps else float("nan"),
            tracked_step_mm=max(steps, default=float("nan")),
            summary=self._statistics.summary(seconds),
        )


def score_clip(frames: Iterable[Frame], process: Callable[[Frame], Scene], labels: Labels | None = None) -> ClipScore:
    """All frames of a clip through `Perception.process`, scored."""
    scorer = ClipScorer(labels)
    begin = perf_counter()
    for frame in frames:
        scorer.add(process(frame))
    return scorer.score(perf_counter() - begin)


def read_labels(path: Path) -> dict[int, list[SidedBox]]:
    """Boxes by frame, from rows of `frame,side,x0,y0,x1,y1,required`."""
    labels: dict[int, list[SidedBox]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            x0, y0, x1, y1 = (float(row[name]) for name in ("x0", "y0", "x1", "y1"))
            box = SidedBox(Side[row["side"].upper()], (x0, y0, x1, y1), row["required"] == "1")
            labels[int(row["frame"])].append(box)
    return dict(labels)


def detections(scene: Scene) -> list[SidedBox]:
    """Boxes round the projected joints and their flesh, inside the image, of the hands that count as found."""
    counted = [hand for hand in scene.hands if is_counted(hand) and hand.score >= MIN_SCORE]
    return [_joint_box(hand, scene.camera) for hand in counted]


def _joint_box(hand: Hand, camera: Camera) -> SidedBox:
    joints = project(hand.joints_camera, camera)
    flesh = FLESH_M * camera.K[0, 0] / hand.joints_camera[:, 2].mean()
    corners = np.clip([joints.min(axis=0) - flesh, joints.max(axis=0) + flesh], 0.0, [camera.width, camera.height])
    x0, y0, x1, y1 = (float(v) for v in corners.reshape(4))
    return SidedBox(hand.side, (x0, y0, x1, y1))


def _best_overlap(label: SidedBox, found: Sequence[SidedBox]) -> float:
    return max((iou(box.box_px, label.box_px) for box in found if box.side is label.side), default=0.0)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
