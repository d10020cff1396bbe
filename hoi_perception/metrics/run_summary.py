"""What a run is summed up by; definitions as in the project's list of metrics.

Counted are TRACKED hands with landmark presence of at least 0.5. Steps and jitter look at every hand that was given
out, so that a frozen or restarted output shows.
"""

from __future__ import annotations

import math
import random
from array import array
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.types import Hand, ScaleSource, Scene, Side, TrackState

MIN_PRESENCE = 0.5
MM = 1000.0
KEPT = 1_000_000
"""Values kept of one figure at most, 8 MB: 9 hours of frames at 30 per second."""
METRIC_FIGURES = ("max_joint_step_mm", "jitter_mm")
Joints = Float64[NDArray[np.float64], "21 3"]


@dataclass(frozen=True)
class RunSummary:
    """Figures of a run; None where nothing was measured.

    Every `_rel` is a share of the longer side of the landmarks' tight box.
    """

    frames: int
    hands_per_frame: float
    tracks: int
    births: int
    landmark_residual_px_median: float | None
    landmark_residual_rel_median: float | None
    heldout_residual_rel_median: float | None
    limit_violations_deg: float | None
    """Largest violation of an anatomical limit in a counted hand."""
    limit_violations_deg_p95: float | None
    max_joint_step_mm: dict[str, float | None]
    """Per side, across tracks: root-aligned, between consecutive frames."""
    jitter_mm: float | None
    """RMS of second differences of joints in the camera frame, within tracks."""
    fps: float
    """Frames over the time of the whole run, reading and writing included."""
    stage_ms: dict[str, float]
    """Median per stage."""
    scale_source: str
    camera_assumption: str
    assumed: dict[str, str]
    """What each metric figure rests on that was not measured; empty where all was."""


class RunStatistics:
    """Takes scenes in their order and sums them up."""

    def __init__(self) -> None:
        self._frames = self._counted = self._births = 0
        self._tracked: set[int] = set()
        self._figures: dict[str, Sample] = defaultdict(Sample)
        self._stage_ms: dict[str, Sample] = defaultdict(Sample)
        self._sources: set[ScaleSource] = set()
        self._assumptions: set[str] = set()
        self._steps = StepMeter()
        self._jitter = JitterMeter()

    @property
    def frames(self) -> int:
        """Scenes taken so far."""
        return self._frames

    def add(self, scene: Scene, **stage_ms: float) -> None:
        """One more scene; `stage_ms` are stages outside the pipeline."""
        self._frames += 1
        self._births += scene.births
        self._assumptions.add(scene.camera.assumed)
        for name, ms in {**scene.stage_ms, **stage_ms}.items():
            self._stage_ms[name].add(ms)
        for hand in scene.hands:
            self._sources.add(hand.scale_source)
            if is_counted(hand):
                self._count(hand)
        self._steps.add(scene)
        self._jitter.add(scene)

    def _count(self, hand: Hand) -> None:
        self._counted += 1
        self._tracked.add(hand.track_id)
        assert hand.landmarks is not None
        longer = hand.landmarks.size_px
        self._figures["residual_px"].add(hand.residual_px)
        self._figures["residual_rel"].add(hand.residual_px / longer)
        self._figures["heldout_rel"].add(hand.heldout_residual_px / longer)
        self._figures["limit_deg"].add(hand.limit_violation_deg)

    def summary(self, seconds: float) -> RunSummary:
        """Figures of all scenes so far, which took that long."""
        camera = "; ".join(sorted(filter(None, self._assumptions)))
        figures, limits = self._figures, self._figures["limit_deg"]
        return RunSummary(
            frames=self._frames,
            hands_per_frame=self._counted / self._frames if self._frames else 0.0,
            tracks=len(self._tracked),
            births=self._births,
            landmark_residual_px_median=figures["residual_px"].percentile(50),
            landmark_residual_rel_median=figures["residual_rel"].percentile(50),
            heldout_residual_rel_median=figures["heldout_rel"].percentile(50),
            limit_violations_deg=limits.largest,
            limit_violations_deg_p95=limits.percentile(95),
            max_joint_step_mm={side.label: self._steps.largest_mm[side] for side in Side},
            jitter_mm=self._jitter.rms_mm(),
            fps=self._frames / seconds if seconds > 0 else 0.0,
            stage_ms={name: ms for name, kept in self._stage_ms.items() if (ms := kept.percentile(50)) is not None},
            scale_source=", ".join(sorted(s.value for s in self._sources)) or ScaleSource.UNKNOWN.value,
            camera_assumption=camera,
            assumed=dict.fromkeys(METRIC_FIGURES, self._rests_on(camera)) if self._rests_on(camera) else {},
        )

    def _rests_on(self, camera: str) -> str:
        hand_size = "scale from the average size of hands" if ScaleSource.HAND_PRIOR in self._sources else ""
        return "; ".join(filter(None, (hand_size, camera)))


class Sample:
    """Finite values of one figure: all of them up to `kept`, from then on an even random choice of that many.

    Percentiles are exact until then, and miss the true rank by about 0.05 % with a million. The choice has
    a fixed seed, and the largest value is always the true one.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.largest: float | None = None
        self._kept, self._seen = kept, 0
        self._values = array("d")
        self._random = random.Random(0)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: float) -> None:
        """One more value; what is not finite was not measured."""
        if not math.isfinite(value):
            return
        self.largest = float(value) if self.largest is None else max(self.largest, float(value))
        self._seen += 1
        if len(self._values) < self._kept:
            self._values.append(value)
        elif (place := self._random.randrange(self._seen)) < self._kept:
            self._values[place] = value

    def percentile(self, percent: float) -> float | None:
        """Of the values kept; None where there is none."""
        return float(np.percentile(self._values, percent)) if self._values else None


class StepMeter:
    """Largest root-aligned joint movement between consecutive scenes, per side, whatever the track."""

    def __init__(self) -> None:
        self.largest_mm: dict[Side, float | None] = dict.fromkeys(Side)
        self._previous: dict[Side, Hand] = {}

    def add(self, scene: Scene) -> None:
        """One more scene; of two hands of a side the same track as before counts, else the surer one."""
        now: dict[Side, Hand] = {}
        for side in Side:
            hands = [h for h in scene.hands if h.side is side and h.state is not TrackState.LOST]
            if not hands:
                continue
            before = self._previous.get(side)
            same = [h for h in hands if before is not None and h.track_id == before.track_id]
            now[side] = same[0] if same else max(hands, key=lambda h: h.score)
            if before is not None:
                moved = np.linalg.norm(_rooted(now[side]) - _rooted(before), axis=1).max() * MM
                self.largest_mm[side] = max(self.largest_mm[side] or 0.0, float(moved))
        self._previous = now


class JitterMeter:
    """RMS of second differences of the joints of each track over runs of consecutive scenes."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0
        self._recent: dict[int, list[Joints]] = {}

    def add(self, scene: Scene) -> None:
        """One more scene."""
        recent: dict[int, list[Joints]] = {}
        for hand in scene.hands:
            last = [*self._recent.get(hand.track_id, []), hand.joints_camera][-3:]
            recent[hand.track_id] = last
            if len(last) == 3:
                second = last[2] - 2.0 * last[1] + last[0]
                self._sum += float((second * second).sum())
                self._count += len(second)
        self._recent = recent

    def rms_mm(self) -> float | None:
        """None while no hand was there for three scenes in a row."""
        return float(np.sqrt(self._sum / self._count) * MM) if self._count else None


def is_counted(hand: Hand) -> bool:
    """Whether a hand counts as found."""
    measured = hand.landmarks is not None and hand.landmarks.presence >= MIN_PRESENCE
    return hand.state is TrackState.TRACKED and measured


def _rooted(hand: Hand) -> Joints:
    return np.asarray(hand.joints_camera - hand.joints_camera[0])
