"""The pipeline on a published data set: images in, errors of the hands out, one result file per sequence.

An interrupted run goes on where it stopped: sequences whose file is there are not looked at again. A sequence that is
cut by a limit is kept as such. Files that cannot be read are told and left out; no frame is counted twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.datasets.errors import DatasetError, FileProblem, ReadError
from hoi_perception.datasets.sample import DatasetInfo, HandTruth, Reader, Sample
from hoi_perception.evaluation.hand_errors import Points, counts, hand_figures, match_hands
from hoi_perception.evaluation.sequence_results import HandResult, SequenceResult, load_result, save_result
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.metrics.sequence import accel_mm_s2
from hoi_perception.metrics.two_hands import mrrpe_mm
from hoi_perception.types import Frame, Hand, Scene, Side

STILL_LOOKS = 4
"""How often a still is shown before its hands are taken: a track has to settle."""
STILL_PERIOD_NS = 33_333_333
ANNOTATION_KEY = "annotation_mm"
"""Mean distance of stated joints from those of the stated MANO parameters with the user's file: a check of both."""
MANO_ONLY = ("pov-surgery", "arctic", "hot3d")
"""Data sets that state no joints."""
Array = NDArray[np.float64]
Joints = Float64[Array, "21 3"]


class Pipeline(Protocol):
    """What is evaluated: `hoi_perception.pipeline.Perception`, or anything else that does the same."""

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame."""
        ...

    def reset(self) -> None:
        """Forget what was seen."""
        ...


@dataclass(frozen=True)
class Task:
    """What is evaluated on what.

    `models` pose the annotations. `mano`: they and the pipeline's hand are the user's MANO file, so that vertices mean
    something. `identity` names everything that a kept result has to agree with.
    """

    reader: Reader
    pipeline: Pipeline
    models: Mapping[Side, HandModel]
    mano: bool
    keys: tuple[str, ...]
    folder: Path
    identity: dict[str, str] = field(default_factory=dict)

    def points(self, hand: Hand) -> Points:
        """A hand that was found with the data set's own joints and fingertips, as far as it is MANO's."""
        if not self.mano:
            return Points.of(hand, None)
        info = self.reader.info
        regressor = self.models[hand.side].joint_regressor if info.regressed else None
        return Points.of(hand, info.tips_of(hand.side), regressor)

    def completed(self, truth: HandTruth) -> HandTruth:
        """An annotated hand with its joints and vertices."""
        info = self.reader.info
        return truth.completed(self.models[truth.side], info.tips_of(truth.side), regressed=info.regressed)


@dataclass
class _Paths:
    """Joints of one side, frame by frame, for figures of sequences."""

    frames: list[int] = field(default_factory=list)
    found: list[Joints] = field(default_factory=list)
    stated: list[Joints] = field(default_factory=list)


def evaluate(
    task: Task, limit: int | None = None, on_sequence: Callable[[SequenceResult, bool], None] | None = None
) -> list[SequenceResult]:
    """Results of the split's sequences, kept ones and new ones, `limit` frames at most.

    `on_sequence` hears of each result and whether it was kept from before.
    """
    results = []
    left = limit
    for sequence in task.reader.sequences():
        if left == 0:
            break
        kept = load_result(task.folder, sequence, task.identity, left)
        result = kept or run_sequence(task, sequence, left)
        if kept is None:
            save_result(task.folder, result, task.identity)
        left = None if left is None else left - result.frames
        results.append(result)
        if on_sequence is not None:
            on_sequence(result, kept is not None)
    return results


def run_sequence(task: Task, sequence: str, limit: int | None = None) -> SequenceResult:
    """One sequence through the pipeline, `limit` frames at most."""
    start = perf_counter()
    hands: list[HandResult] = []
    problems: list[FileProblem] = []
    paths = {side: _Paths() for side in Side}
    frames, extra, complete = 0, 0, True
    task.pipeline.reset()
    for item in each_once(task.reader.read(sequence)):
        if isinstance(item, FileProblem):
            problems.append(item)
            continue
        if frames == limit:
            complete = False
            break
        try:
            scene = look(task.pipeline, item, still=task.reader.info.stills)
        except ValueError as error:
            problems.append(problem_of(item, error))
            continue
        frames += 1
        results, nobodys = _judge(task, item, scene, paths)
        hands += results
        extra += nobodys
    means = {} if task.reader.info.stills else _accelerations(paths, task)
    seconds = perf_counter() - start
    return SequenceResult(sequence, frames, complete, tuple(hands), extra, means, tuple(problems), seconds)


def look(pipeline: Pipeline, sample: Sample, *, still: bool) -> Scene:
    """The scene of a sample; a still is shown several times to a pipeline that forgot all before."""
    image = sample.picture.read()
    if not still:
        return pipeline.process(Frame(image, sample.camera, sample.stamp_ns))
    pipeline.reset()
    for step in range(STILL_LOOKS - 1):
        pipeline.process(Frame(image, sample.camera, step * STILL_PERIOD_NS))
    return pipeline.process(Frame(image, sample.camera, (STILL_LOOKS - 1) * STILL_PERIOD_NS))


def each_once(items: Iterator[Sample | FileProblem]) -> Iterator[Sample | FileProblem]:
    """The items, with a problem in place of a frame that comes again."""
    seen: set[int] = set()
    for item in items:
        if isinstance(item, Sample) and item.frame in seen:
            yield FileProblem(item.picture.name, f"frame {item.frame} comes again, counted once", 0)
            continue
        if isinstance(item, Sample):
            seen.add(item.frame)
        yield item


def check_models(info: DatasetInfo, *, mano: bool) -> None:
    """DatasetError where the annotations cannot be understood without the user's MANO file."""
    if not mano and info.name in MANO_ONLY:
        raise DatasetError(
            f"{info.title} states its hands as MANO parameters only: give --hand-model MANO_RIGHT.pkl "
            "(https://mano.is.tue.mpg.de, its licence is non-commercial)"
        )


def _judge(task: Task, sample: Sample, scene: Scene, paths: dict[Side, _Paths]) -> tuple[list[HandResult], int]:
    """Figures of the frame's annotated hands, and how many hands were found where none is."""
    truths = [task.completed(truth) for truth in sample.hands]
    found, nobodys = match_hands(scene.hands, truths, sample.camera)
    pair = _root_error(found, truths)
    results = []
    for stated, truth, hand in zip(sample.hands, truths, found, strict=True):
        if not counts(truth, sample.camera):
            continue
        figures: dict[str, float] = {}
        if hand is not None:
            points = task.points(hand)
            figures = hand_figures(points, truth, sample.camera, task.keys, mano=task.mano)
            if not math.isnan(pair) and truth.side is Side.RIGHT:
                figures["mrrpe_mm"] = pair
            _remember(paths[truth.side], sample.frame, points, truth)
        figures |= _annotation_check(task, stated)
        results.append(HandResult(sample.frame, truth.side.label, len(truths), hand is not None, figures))
    return results, len(nobodys)


def _root_error(found: list[Hand | None], truths: list[HandTruth]) -> float:
    """`mrrpe_mm` of a frame with one hand of each side in it, both found; NaN else."""
    sides = sorted(truth.side for truth in truths)
    if sides != [Side.LEFT, Side.RIGHT] or None in found:
        return math.nan
    rows = {truth.side: (hand, truth) for hand, truth in zip(found, truths, strict=True)}
    wrists: list[Array] = []
    for side in (Side.LEFT, Side.RIGHT):
        hand, truth = rows[side]
        if hand is None or truth.joints_camera is None:
            return math.nan
        wrists += [hand.joints_camera[0], truth.joints_camera[0]]
    return mrrpe_mm(wrists[0][None], wrists[2][None], wrists[1][None], wrists[3][None])


def _annotation_check(task: Task, stated: HandTruth) -> dict[str, float]:
    """How far the stated joints are from the stated parameters, where both are there and MANO's file is."""
    if not task.mano or stated.mano is None or stated.joints_camera is None:
        return {}
    only = task.completed(HandTruth(stated.side, stated.mano))
    assert only.joints_camera is not None
    return {ANNOTATION_KEY: float(np.linalg.norm(only.joints_camera - stated.joints_camera, axis=1).mean() * 1000.0)}


def _remember(path: _Paths, frame: int, points: Points, truth: HandTruth) -> None:
    if truth.joints_camera is not None and truth.joints_valid is None:
        path.frames.append(frame)
        path.found.append(points.joints)
        path.stated.append(truth.joints_camera)


def _accelerations(paths: dict[Side, _Paths], task: Task) -> dict[str, tuple[float, int]]:
    """Error of acceleration over all runs of three frames in a row, each set moved to its own wrist."""
    if "accel_mm_s2" not in task.keys:
        return {}
    errors = [
        accel_mm_s2(_rooted(path.found[i : i + 3]), _rooted(path.stated[i : i + 3]), task.reader.info.rate_hz)
        for path in paths.values()
        for i in range(len(path.frames) - 2)
        if path.frames[i + 2] - path.frames[i] == 2
    ]
    return {"accel_mm_s2": (float(np.mean(errors)), len(errors))} if errors else {}


def _rooted(joints: list[Joints]) -> Float64[Array, "t 21 3"]:
    stacked = np.stack(joints)
    return stacked - stacked[:, :1]


def problem_of(sample: Sample, error: ValueError) -> FileProblem:
    """What a picture that cannot be read, or that the pipeline refused, is told as."""
    return FileProblem.of(error) if isinstance(error, ReadError) else FileProblem(sample.picture.name, str(error))
