"""The pipeline on a published data set: images in, errors of hands and objects out, one result file per sequence.

An interrupted run goes on where it stopped: sequences whose file is there are not looked at again. A sequence that is
cut by a limit is kept as such. Files that cannot be read are told and left out; no frame is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter

from hoi_perception.datasets.errors import FileProblem, ReadError
from hoi_perception.datasets.sample import Sample
from hoi_perception.evaluation.published_hands import Matched, Paths, accelerations, judge_hands, matched_hands
from hoi_perception.evaluation.published_judge import HandKey, HandSurface
from hoi_perception.evaluation.published_objects import SampleHands, SequenceObjects
from hoi_perception.evaluation.published_task import Task, look
from hoi_perception.evaluation.sequence_results import HandResult, SequenceResult, load_result, save_result
from hoi_perception.types import Camera, Hand, Side


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
        if kept is not None and kept.objects is not None and task.objects is not None:
            kept = kept if task.objects.unchanged(kept.objects.files) else None
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
    paths = {side: Paths() for side in Side}
    frames, extra, complete = 0, 0, True
    objects = None if task.objects is None else SequenceObjects(task.objects, sequence, task.reader.info)
    task.pipeline.reset()
    for item in each_once(task.reader.read(sequence)):
        if isinstance(item, FileProblem):
            problems.append(item)
            continue
        if frames == limit:
            complete = False
            break
        try:
            seen = look(task.pipeline, item, still=task.reader.info.stills)
        except ValueError as error:
            problems.append(problem_of(item, error))
            continue
        matched = matched_hands(task, item, seen.scene)
        hands += judge_hands(task, item, matched, paths)
        extra += matched.extra
        if objects is not None:
            objects.step(frames, item, seen.frame, seen.scene, sample_hands(task, matched, item.camera))
        frames += 1
    if objects is not None:
        problems += objects.problems
    means = {} if task.reader.info.stills else accelerations(paths, task)
    seconds = perf_counter() - start
    result = SequenceResult(sequence, frames, complete, tuple(hands), extra, means, tuple(problems), seconds)
    return result if objects is None else replace(result, objects=objects.result())


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


def sample_hands(task: Task, matched: Matched, camera: Camera) -> SampleHands:
    """Hands of a frame as objects are measured with them."""
    true: dict[HandKey, HandSurface] = {}
    found: dict[HandKey, Hand] = {}
    for place, (truth, hand) in enumerate(zip(matched.truths, matched.found, strict=True)):
        key = truth.side, sum(other.side is truth.side for other in matched.truths[:place])
        surface = task.true_surface(truth, camera)
        if surface is not None:
            true[key] = surface
        if hand is not None:
            found[key] = hand
    return SampleHands(true, found, task.surface)


def problem_of(sample: Sample, error: ValueError) -> FileProblem:
    """What a picture that cannot be read, or that the pipeline refused, is told as."""
    return FileProblem.of(error) if isinstance(error, ReadError) else FileProblem(sample.picture.name, str(error))
