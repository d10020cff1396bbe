"""What `hoi-perception evaluate synthetic` does: the benchmark by the package's own pipeline, and its tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoi_perception.evaluation.published_task import Pipeline
from hoi_perception.io.input_error import InputError
from hoi_perception.io.native_noise import quiet_stderr, start_warp
from hoi_perception.types import Frame, Scene

if TYPE_CHECKING:
    from hoi_perception.evaluation.synthetic import Done, Trial
    from hoi_perception.evaluation.synthetic_clip import ClipSource
    from hoi_perception.instrument_perception import InstrumentPerception
    from hoi_perception.pipeline import Perception

SMOKE_FRAMES, SMOKE_WIDTH, SMOKE_CLIPS = 30, 320, (0, 1, 3)
SPLITS = ("train", "validation", "test")
NOTE = (
    "Rendered by this package, so easier or harder than life in ways that nobody has measured. Images 640 wide through "
    "the whole pipeline, landmarks by the networks, the true camera; hands start from the mean shape. Instruments are "
    "followed by the images and the hands alone; only the first pose is told, with 10 mm and 10° of error, and to the "
    "rows of what was found none. "
    "Bodies are measured against each other in every 10th frame, exact volumes, slip and single images in 5 of 12 of "
    "these."
)


@dataclass(frozen=True)
class SyntheticEvaluation:
    """One evaluation, as the command line asks for it."""

    split: str = "test"
    limit: int | None = None
    smoke: bool = False
    fresh: bool = False
    slow: bool = False
    out: Path | None = None
    jobs: int = 1

    def run(self) -> tuple[dict[str, Any], str]:
        """All figures and the tables. Raises InputError where an option is not as it should be."""
        if self.limit is not None and self.limit < 1:
            raise InputError(f"--limit {self.limit}: give 1 or more, or leave it out")
        if self.jobs < 1:
            raise InputError(f"--jobs {self.jobs}: give 1 or more")
        if self.split not in SPLITS:
            raise InputError(f"--split {self.split}: there are {', '.join(SPLITS)}")
        start_warp()
        from hoi_perception.evaluation.synthetic import evaluate
        from hoi_perception.evaluation.synthetic_markdown import as_markdown
        from hoi_perception.evaluation.synthetic_plots import write_plots
        from hoi_perception.evaluation.synthetic_results import clear_parts
        from hoi_perception.evaluation.synthetic_table import as_json

        trial = self.trial()
        names = trial.source.names()
        if self.fresh:
            clear_parts(trial.folder, names, [row.name for row in trial.rows])
        with _progress(len(names)) as told:
            report = evaluate(trial, min(self.jobs, len(names)), told)
        if not report.parts:
            raise InputError(f"no sequence could be made: {'; '.join(report.problems[:3])}")
        values = as_json(report, trial.rows, NOTE)
        values["split"] = "smoke" if self.smoke else self.split
        values["plots"] = [str(path) for path in write_plots(report, trial.rows, trial.folder / "plots")]
        return values, as_markdown(values)

    def trial(self) -> Trial:
        """What is evaluated, and where its results are kept."""
        from hoi_perception.evaluation.synthetic import Trial

        folder = self.out or Path("out/evaluate") / f"synthetic-{'smoke' if self.smoke else self.split}"
        exact = find_spec("manifold3d") is not None
        simulate = self.slow and find_spec("pybullet") is not None
        return Trial(
            self._source(), fresh_pipeline, fresh_seeker, folder, adam=self.slow, simulate=simulate, exact=exact
        )

    def _source(self) -> ClipSource:
        """Sequences of the split; for `smoke` two short ones with small pictures."""
        from hoi_perception.evaluation.synthetic_surgery import SurgeryClips
        from hoi_perception.synthesis.benchmark_split import Split

        if self.smoke:
            return SurgeryClips(Split(self.split), self.limit, SMOKE_FRAMES, SMOKE_WIDTH, SMOKE_CLIPS)
        return SurgeryClips(Split(self.split), self.limit)


def fresh_pipeline() -> Pipeline:
    """The package's pipeline with one thread; `reset` forgets everything. Its import takes a second."""
    start_warp()
    with quiet_stderr():
        from hoi_perception.config import Config, DetectionConfig
        from hoi_perception.pipeline import Perception

        return _Fresh(Perception(Config(detection=DetectionConfig(threads=1))))


def fresh_seeker() -> InstrumentPerception:
    """What finds and follows instruments in the package's pipeline, by masks, hands and colours."""
    from hoi_perception.config import FittingConfig
    from hoi_perception.hands.hand_model import HandModel
    from hoi_perception.instrument_perception import InstrumentPerception
    from hoi_perception.types import Side

    models = {side: HandModel.load(None, side) for side in Side}
    right_forms = dict.fromkeys(Side, models[Side.RIGHT])
    return InstrumentPerception(right_forms, models, FittingConfig(), (), find="all")


class _Fresh:
    """A pipeline that starts each clip as if it had just been made, so that clips do not depend on their order."""

    def __init__(self, perception: Perception) -> None:
        self._perception = perception

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame."""
        return self._perception.process(frame)

    def reset(self) -> None:
        """Forget everything."""
        from hoi_perception.tracking import Memory

        self._perception.memory = Memory()


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A bar over the sequences on stderr, with the frames done; the function given takes what is done of one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("synthetic"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[frames]}"))
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=total, frames="")
        frames = [0]

        def told(done: Done) -> None:
            frames[0] += done.parts[0].frames if done.parts else 0
            progress.update(task, advance=1, frames=f"{frames[0]} frames")
            for problem in done.problems:
                progress.console.print(problem)

        yield told
