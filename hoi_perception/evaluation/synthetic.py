"""The synthetic benchmark: clips rendered, run through the pipeline and judged, row by row, resumable.

A clip is rendered and looked at once for all rows that lack a result; each row's result is a file of its own. An
interrupted run goes on where it stopped, a damaged file is told and made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

from hoi_perception.evaluation.bodies import Bodies
from hoi_perception.evaluation.published_task import Pipeline
from hoi_perception.evaluation.refinement import one_thread_each
from hoi_perception.evaluation.synthetic_clip import Clip, ClipSource
from hoi_perception.evaluation.synthetic_follow import Estimate, Runner
from hoi_perception.evaluation.synthetic_found import Seeker, first_told, found, masks_of
from hoi_perception.evaluation.synthetic_judge import Judge
from hoi_perception.evaluation.synthetic_results import DamagedResultError, Part, load_part, package_digest, save_part
from hoi_perception.evaluation.synthetic_rows import TRUTH, Hands, Row, Tools, rows, subset_frames
from hoi_perception.evaluation.synthetic_sight import Shown, watch
from hoi_perception.evaluation.synthetic_told import Oracle, rough_poses
from hoi_perception.evaluation.synthetic_truth import true_answers
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.synthesis.scene_renderer import SceneRenderer


@dataclass(frozen=True)
class Trial:
    """What is evaluated. It is sent to other processes: `pipeline` and `seeker` are plain functions of a module; what
    the latter makes finds and follows instruments with the hands of the pipeline.

    `simulate` adds the simulated slip, which needs PyBullet, and `adam` a row, both on the subset of frames; `exact` is
    the exact volume there, which needs manifold3d.
    """

    source: ClipSource
    pipeline: Callable[[], Pipeline]
    seeker: Callable[[], Seeker]
    folder: Path
    adam: bool = False
    simulate: bool = False
    exact: bool = True
    package: str = field(default_factory=package_digest)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows in the tables' order."""
        return rows(adam=self.adam)

    @property
    def identity(self) -> str:
        """Everything that a kept result has to agree with."""
        return f"{self.source.identity} simulate={self.simulate} exact={self.exact} package={self.package}"


@dataclass(frozen=True)
class Done:
    """One clip's results in the rows' order (none for a clip that cannot be made), what was made anew, and problems."""

    index: int
    parts: tuple[Part, ...]
    made: tuple[str, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Results of all clips in their order, row by row."""

    parts: tuple[tuple[Part, ...], ...]
    problems: tuple[str, ...] = field(default=())


def evaluate(trial: Trial, jobs: int = 1, told: Callable[[Done], None] | None = None) -> Report:
    """Results of all clips, kept ones and new ones; `told` hears of each as it is done."""
    done: dict[int, Done] = {}
    for one in _each(trial, range(len(trial.source.names())), jobs):
        done[one.index] = one
        if told is not None:
            told(one)
    ordered = [done[index] for index in sorted(done)]
    parts = tuple(one.parts for one in ordered if one.parts)
    return Report(parts, tuple(problem for one in ordered for problem in one.problems))


def evaluate_clip(trial: Trial, index: int) -> Done:
    """One clip: what is kept is read, the rest is made."""
    name = trial.source.names()[index]
    parts: dict[str, Part] = {}
    problems = []
    for row in trial.rows:
        try:
            kept = load_part(trial.folder, name, row.name, trial.identity)
        except DamagedResultError as error:
            problems.append(str(error))
            kept = None
        if kept is not None:
            parts[row.name] = kept
    missing = [row for row in trial.rows if row.name not in parts]
    try:
        for part in _make(trial, index, missing):
            save_part(trial.folder, part, trial.identity)
            parts[part.row] = part
    except InstrumentError as error:
        return Done(index, (), (), (*problems, f"{name}: left out, it cannot be made: {error}"))
    made = tuple(row.name for row in missing)
    return Done(index, tuple(parts[row.name] for row in trial.rows), made, tuple(problems))


def _make(trial: Trial, index: int, missing: Sequence[Row]) -> Iterator[Part]:
    if not missing:
        return
    bench = _bench(trial.pipeline, trial.seeker)
    clip = trial.source.clip(index)
    shown = list(watch(clip, bench.pipeline, bench.renderer))
    visible = [one.visible for one in shown]
    subset = subset_frames(index, len(shown))
    judge = Judge(clip, visible, bench.bodies, subset, exact=trial.exact, simulate=trial.simulate)
    births = sum(one.sight.births for one in shown)
    for row in missing:
        given = answers(row, clip, shown, judge, bench, subset)
        records = judge.records(given)
        if row.searches:
            records += first_told(judge.truth, given, clip.instruments)
        own = births if row.hands is Hands.NETWORK else 0
        yield Part(clip.name, row.name, len(shown), clip.camera, clip.glove, own, tuple(records))


def answers(
    row: Row, clip: Clip, shown: Sequence[Shown], judge: Judge, bench: Bench, subset: Collection[int]
) -> Sequence[Estimate | None]:
    """What a row answers for each frame of a clip; those of single images for the frames of the subset."""
    if row.name == TRUTH:
        return true_answers(clip)
    if row.searches:
        masks = masks_of(clip, shown) if row.tools is Tools.FOUND_BY_MASK else repeat(None)
        return found(bench.seeker, clip.instruments, shown, masks)
    sights = [one.sight for one in shown]
    if row.hands is Hands.ORACLE:
        sights = bench.oracle.sights(clip, judge.truth, sights)
    return bench.runner.run(row, sights, rough_poses(clip), clip.instruments, subset)


class Bench:
    """What a process keeps from clip to clip: models and meshes, nothing that was seen."""

    def __init__(self, pipeline: Pipeline, seeker: Seeker) -> None:
        self.pipeline, self.seeker, self.renderer = pipeline, seeker, SceneRenderer()
        self.runner, self.oracle, self.bodies = Runner(), Oracle(), Bodies()


@lru_cache(maxsize=1)
def _bench(pipeline: Callable[[], Pipeline], seeker: Callable[[], Seeker]) -> Bench:
    return Bench(pipeline(), seeker())


def _each(trial: Trial, indices: Sequence[int], jobs: int) -> Iterator[Done]:
    """Clips as they are done, by so many processes at once."""
    if jobs == 1:
        yield from (evaluate_clip(trial, index) for index in indices)
        return
    with one_thread_each(jobs), ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(evaluate_clip, trial, index) for index in indices}
        try:
            while waiting:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ready)
        finally:
            for future in waiting:
                future.cancel()
