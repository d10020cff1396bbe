"""What `hoi-perception evaluate NAME --root DIR` does: opens the data set, runs the pipeline, gives the table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoi_perception import __version__
from hoi_perception.config import Config
from hoi_perception.datasets.catalogue import open_dataset
from hoi_perception.datasets.conventions import annotation_models
from hoi_perception.datasets.errors import DatasetError, ReadError
from hoi_perception.evaluation.published import evaluate
from hoi_perception.evaluation.published_bench import Follower, ObjectBench, ObjectSettings
from hoi_perception.evaluation.published_rows import KEYS
from hoi_perception.evaluation.published_table import as_json, as_markdown
from hoi_perception.evaluation.published_task import Pipeline, Task, check_models
from hoi_perception.evaluation.sequence_results import VERSION, clear_results
from hoi_perception.evaluation.submission import TAKES, predict, write_submission
from hoi_perception.evaluation.synthetic_rows import JUDGED_EVERY
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.io.input_error import InputError
from hoi_perception.types import Side


@dataclass(frozen=True)
class DatasetEvaluation:
    """One evaluation on a published data set, as the command line asks for it."""

    name: str
    root: Path | None
    split: str = ""
    limit: int | None = None
    fresh: bool = False
    out: Path | None = None
    hand_model: Path | None = None
    hand_model_left: Path | None = None
    slow: bool = False
    every: int = JUDGED_EVERY

    def run(
        self, pipeline: Pipeline | None = None, follower: Callable[[Path], Follower] | None = None
    ) -> tuple[dict[str, Any], str]:
        """All figures and the table. Raises InputError where the data set or an option is not as it should be."""
        try:
            task = self.task(pipeline, follower)
            return self.measure(task) if task.reader.has_truth else self.submit(task)
        except (DatasetError, ReadError) as error:
            raise InputError(str(error)) from error

    def task(self, pipeline: Pipeline | None = None, follower: Callable[[Path], Follower] | None = None) -> Task:
        """The data set, the annotations' hands, the pipeline (default: the package's own) and what follows objects
        (default: the package's own, none beside another pipeline)."""
        if self.root is None:
            raise InputError(f"evaluate {self.name}: give --root DIR, the folder of the data set")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"--limit {self.limit}: give 1 or more, or leave it out")
        if self.every < 1:
            raise InputError(f"--every {self.every}: give 1 or more")
        if self.hand_model is None and self.hand_model_left is not None:
            raise InputError("--hand-model-left needs --hand-model, the right hand of the same model")
        reader = open_dataset(self.name, self.root, self.split)
        mano = self.hand_model is not None
        identity = {
            "dataset": self.name,
            "split": reader.split,
            "root": str(self.root.resolve()),
            "package": __version__,
            "results": VERSION,
            "hand": f"{_fingerprint(self.hand_model)} {_fingerprint(self.hand_model_left)}",
        }
        check_models(reader.info, mano=mano)
        models = annotation_models(self.hand_model, self.hand_model_left, left_uncorrected=reader.info.left_uncorrected)
        folder = self.out or Path("out/evaluate") / f"{self.name}-{reader.split}"
        if self.fresh:
            clear_results(folder)
        objects = None
        if reader.info.objects and reader.has_truth and (follower is not None or pipeline is None):
            settings = ObjectSettings(self.every, self.slow)
            objects = ObjectBench(self.root, follower or self._follower, settings)
            identity["objects"] = settings.identity
        return Task(reader, pipeline or self._pipeline(), models, mano, KEYS[self.name], folder, identity, objects)

    def measure(self, task: Task) -> tuple[dict[str, Any], str]:
        """Figures against the truth."""
        total = len(task.reader.sequences())
        with _progress(self.name, total) as advance:
            results = evaluate(task, self.limit, lambda result, _: advance(result.frames))
        info, split, problems = task.reader.info, task.reader.split, list(task.reader.problems)
        if not any(result.frames for result in results):
            first = next((p for r in results for p in r.problems), None)
            told = f": the first problem is {first.path}: {first.reason}" if first else ""
            raise DatasetError(f"{self.root}: no frame of split {split} could be read{told}")
        settings = None if task.objects is None else task.objects.settings
        values = as_json(results, info, split, problems, mano=task.mano, limit=self.limit, objects=settings)
        return values, as_markdown(values)

    def submit(self, task: Task) -> tuple[dict[str, Any], str]:
        """The challenge's file, where the truth is hidden."""
        info, reader = task.reader.info, task.reader
        order = getattr(reader, "order", None)
        if info.name not in TAKES or order is None:
            raise DatasetError(f"{info.title}: the truth of split {reader.split} is not there: get {info.get}")
        if not task.mano:
            raise DatasetError(
                f"{info.title}: the truth of split {reader.split} is not there ({info.get}), and the challenge's file "
                "wants MANO's vertices: give --hand-model MANO_RIGHT.pkl"
            )
        if self.limit is not None:
            raise DatasetError(f"{info.title}: the challenge wants every image: leave out --limit")
        with _progress(self.name, len(reader.sequences())) as advance:
            predicted = predict(task, lambda _, frames: advance(frames))
        path = task.folder / "pred.json"
        unread = write_submission(path, task, predicted, order())
        problems = [*reader.problems, *predicted.problems]
        values = {
            "dataset": info.name,
            "split": reader.split,
            "submission": str(path),
            "images": len(order()),
            "hands_found": predicted.found,
            "images_not_read": unread,
            "problems": [{"path": p.path, "reason": p.reason, "frames": p.frames} for p in problems],
        }
        text = (
            f"The truth of {info.title}, split {reader.split}, is not there: wrote the challenge's file {path}: "
            f"{len(order())} images, hands found in {predicted.found}, {unread} not read; the rest hold the flat hand."
        )
        return values, "\n".join([text, *(f"- {p.path}: {p.reason}" for p in problems[:20])])

    def _pipeline(self) -> Pipeline:
        """The package's own pipeline with the user's hand. Its import takes a second, so it comes last."""
        from hoi_perception.io.native_noise import quiet_stderr, start_warp

        start_warp()
        with quiet_stderr():
            from hoi_perception.pipeline import Perception

            return Perception(
                Config(hand_model=str(self.hand_model or ""), hand_model_left=str(self.hand_model_left or ""))
            )

    def _follower(self, library: Path) -> Follower:
        """The package's own follower of instruments, which knows those of a folder, with the user's hand."""
        from hoi_perception.instrument_perception import InstrumentPerception

        right, left = self.hand_model, self.hand_model_left or self.hand_model
        models = {Side.LEFT: HandModel.load(left, Side.LEFT), Side.RIGHT: HandModel.load(right, Side.RIGHT)}
        forms = {Side.LEFT: HandModel.load(left, Side.RIGHT), Side.RIGHT: models[Side.RIGHT]}
        return InstrumentPerception(forms, models, Config().fitting, (str(library),))


def _fingerprint(path: Path | None) -> str:
    if path is None:
        return "-"
    if not path.is_file():
        raise InputError(f"{path}: no such file: give MANO_RIGHT.pkl or a .npz made by `hoi-perception hand convert`")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@contextmanager
def _progress(name: str, total: int) -> Iterator[Any]:
    """A bar over the sequences on stderr; the function given takes the frames of one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[frames]}"))
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(name, total=total, frames="")
        seen = [0]

        def advance(frames: int) -> None:
            seen[0] += frames
            progress.update(task, advance=1, frames=f"{seen[0]} frames")

        yield advance
