"""Figures of the hands of a data set: frame by frame, and of their paths."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.datasets.sample import HandTruth, Sample
from hoi_perception.evaluation.hand_errors import Points, counts, hand_figures, match_hands
from hoi_perception.evaluation.published_task import Task
from hoi_perception.evaluation.sequence_results import HandResult
from hoi_perception.metrics.sequence import accel_mm_s2
from hoi_perception.metrics.two_hands import mrrpe_mm
from hoi_perception.types import Hand, Scene, Side

ANNOTATION_KEY = "annotation_mm"
"""Mean distance of stated joints from those of the stated MANO parameters with the user's file: a check of both."""
Array = NDArray[np.float64]
Joints = Float64[Array, "21 3"]


@dataclass(frozen=True, eq=False)
class Matched:
    """Annotated hands of a frame, completed, the found ones beside them, and how many were found where none is."""

    truths: list[HandTruth]
    found: list[Hand | None]
    extra: int


@dataclass
class Paths:
    """Joints of one side, frame by frame, for figures of sequences."""

    frames: list[int] = field(default_factory=list)
    found: list[Joints] = field(default_factory=list)
    stated: list[Joints] = field(default_factory=list)


def matched_hands(task: Task, sample: Sample, scene: Scene) -> Matched:
    """Annotated hands of a sample with the found ones put to them."""
    truths = [task.completed(truth) for truth in sample.hands]
    found, nobodys = match_hands(scene.hands, truths, sample.camera)
    return Matched(truths, found, len(nobodys))


def judge_hands(task: Task, sample: Sample, matched: Matched, paths: dict[Side, Paths]) -> list[HandResult]:
    """Figures of the frame's annotated hands."""
    truths, found = matched.truths, matched.found
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
    return results


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


def _remember(path: Paths, frame: int, points: Points, truth: HandTruth) -> None:
    if truth.joints_camera is not None and truth.joints_valid is None:
        path.frames.append(frame)
        path.found.append(points.joints)
        path.stated.append(truth.joints_camera)


def accelerations(paths: dict[Side, Paths], task: Task) -> dict[str, tuple[float, int]]:
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
