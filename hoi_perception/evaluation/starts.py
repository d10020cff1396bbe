"""How instruments are found that nobody told of: `hoi-perception evaluate starts`."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from multiprocessing import get_context
from typing import Any

import numpy as np

from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.start_scenes import StartScene
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.hand_view import HandForms
from hoi_perception.instrument_tracking.start_settings import StartSettings
from hoi_perception.instrument_tracking.starter import Starter
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instrument_tracking.wanted import Wanted, watch
from hoi_perception.instruments.library import Library
from hoi_perception.metrics.instrument import instrument_errors
from hoi_perception.synthesis.benchmark_split import SEEN
from hoi_perception.synthesis.grasp_sequences import sample_sequences
from hoi_perception.synthesis.grasp_truth import FRAME_RATE_HZ, GraspSequence
from hoi_perception.types import Side

FRAMES = 30
"""Frames in which an instrument has to be found: a second."""
WRONG_MM, WRONG_DEG = 20.0, 25.0
"""Errors beyond which what was found is wrong."""
SETTLED = 3
"""Frames after which a told pose is judged."""
_TRACK = 1


class Source(Enum):
    """What an instrument is found by. With `EMPTY` it is not there, so that whatever is found is wrong."""

    GRASPS = "grasps in the hand, colours"
    MASK = "mask, with the hand"
    MASK_ALONE = "mask, no hand"
    TOLD = "told pose"
    EMPTY = "not there: grasps, colours"


BARS = {"started": 0.90, "wrong": 0.02}
"""Share that has to be found rightly within a second, and share of what is found that may be wrong."""


@dataclass(frozen=True)
class StartTrial:
    """What is run: each instrument with so many seeds, on drapes and in clutter in turn."""

    seeds: int
    seed: int
    instruments: tuple[str, ...] = SEEN
    sources: tuple[Source, ...] = tuple(Source)
    frames: int = FRAMES

    @staticmethod
    def smoke(seed: int = 0) -> StartTrial:
        """Just enough to see that everything runs."""
        return StartTrial(1, seed, ("scalpel_10",), frames=6)


@dataclass(frozen=True)
class StartResult:
    """One sequence and source: the frame in which it was found (None for never), and the errors there."""

    instrument: str
    cluttered: bool
    source: Source
    frame: int | None = None
    trans_mm: float = float("nan")
    rot_deg: float = float("nan")

    @property
    def wrong(self) -> bool:
        """Found, but not where it is."""
        if self.frame is None:
            return False
        return self.source is Source.EMPTY or not (self.trans_mm <= WRONG_MM and self.rot_deg <= WRONG_DEG)


@dataclass
class Runner:
    """Trackers that stay from sequence to sequence."""

    settings: StartSettings = field(default_factory=StartSettings)

    def __post_init__(self) -> None:
        forms = HandForms(dict.fromkeys(Side, HandModel.load(None, Side.RIGHT)))
        self._tracker = InstrumentTracker(Library.find(), forms, AnglePrior.of(FittingConfig()))
        self._starter = Starter(self._tracker, self.settings)

    def run(self, scene: StartScene, source: Source, name: str, cluttered: bool, frames: int) -> StartResult:
        """Looks for the instrument until it is found or the frames are over."""
        told = scene.told(0) if source is Source.TOLD else None
        wanted: tuple[Wanted, ...] = (Wanted(_TRACK, name, told=told),)
        for k in range(min(frames, len(scene))):
            masked = source in (Source.MASK, Source.MASK_ALONE)
            masks = {_TRACK: scene.mask(k)} if masked else {}
            hands = () if source is Source.MASK_ALONE else (scene.hand(k),)
            view = View(scene.picture(k), scene.stage.camera, round(k * 1e9 / FRAME_RATE_HZ), hands)
            wanted = watch(self._tracker, view, wanted, self._starter, {n: m for n, m in masks.items() if m.any()})
            track = wanted[0].track
            if track is not None and (told is None or k >= SETTLED):
                found = instrument_errors(scene.stage.model, track.state, scene.stage.state(k))
                return StartResult(name, cluttered, source, k, found.trans_mm, found.rot_deg)
        return StartResult(name, cluttered, source)


def evaluate_starts(trial: StartTrial, jobs: int = 1) -> list[StartResult]:
    """All sequences, on several processes if asked; the answer is the same."""
    work = [(trial, number) for number in range(trial.seeds * len(trial.instruments))]
    if jobs == 1:
        return [result for task in work for result in _one(task)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return [result for results in pool.map(_one, work) for result in results]


def _one(task: tuple[StartTrial, int]) -> list[StartResult]:
    """One sequence by all sources; sequence i depends on the seed and i alone."""
    trial, number = task
    name = trial.instruments[number % len(trial.instruments)]
    seed, cluttered = trial.seed + number, (number // len(trial.instruments) + number) % 2 == 1
    sequence = sample_sequences(1, trial.frames, seed, instruments=(name,))[0]
    return run_all(Runner(), sequence, cluttered, seed, trial)


def run_all(
    runner: Runner, sequence: GraspSequence, cluttered: bool, seed: int, trial: StartTrial
) -> list[StartResult]:
    """One sequence by all sources."""
    there, gone = (StartScene(sequence, cluttered, seed, empty=empty) for empty in (False, True))
    name = sequence.instrument
    return [
        runner.run(gone if source is Source.EMPTY else there, source, name, cluttered, trial.frames)
        for source in trial.sources
    ]


def figures(results: list[StartResult]) -> dict[str, float | int | None]:
    """Of one source: sequences, share found rightly, share of what was found that is wrong, and medians of the rest."""
    found = [r for r in results if r.frame is not None]
    right = [r for r in found if not r.wrong]
    return {
        "sequences": len(results),
        "started": len(right) / len(results) if results else None,
        "wrong_of_found": (len(found) - len(right)) / len(found) if found else None,
        "wrong": (len(found) - len(right)) / len(results) if results else None,
        "frames_median": float(np.median([r.frame for r in right if r.frame is not None])) if right else None,
        "trans_mm_median": float(np.median([r.trans_mm for r in right])) if right else None,
        "rot_deg_median": float(np.median([r.rot_deg for r in right])) if right else None,
    }


def as_json(results: list[StartResult], trial: StartTrial) -> dict[str, Any]:
    """Figures by source, on drapes and in clutter too, and every sequence."""
    return {
        "seed": trial.seed,
        "seeds": trial.seeds,
        "frames": trial.frames,
        "instruments": list(trial.instruments),
        "bars": BARS,
        "sources": {
            source.value: {
                "all": figures([r for r in results if r.source is source]),
                "drape": figures([r for r in results if r.source is source and not r.cluttered]),
                "clutter": figures([r for r in results if r.source is source and r.cluttered]),
            }
            for source in trial.sources
        },
        "each": [
            {
                "instrument": r.instrument,
                "cluttered": r.cluttered,
                "source": r.source.value,
                "frame": r.frame,
                "trans_mm": None if r.frame is None else r.trans_mm,
                "rot_deg": None if r.frame is None else r.rot_deg,
                "wrong": r.wrong,
            }
            for r in results
        ],
    }


def as_markdown(results: list[StartResult], trial: StartTrial) -> str:
    """One table; the last row is the bar."""
    lines = [
        "| found by | sequences | rightly within 1 s, % | drape | clutter | wrongly, % of all | frames | mm | ° |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for source in trial.sources:
        own = [r for r in results if r.source is source]
        parts = [own, [r for r in own if not r.cluttered], [r for r in own if r.cluttered]]
        started = ["–" if source is Source.EMPTY else _percent(figures(part)["started"]) for part in parts]
        f = figures(own)
        rest = [_number(f[key]) for key in ("frames_median", "trans_mm_median", "rot_deg_median")]
        cells = [str(f["sequences"]), *started, _percent(f["wrong"]), *rest]
        lines.append(f"| {source.value} | {' | '.join(cells)} |")
    lines.append(f"| bar | | {100 * BARS['started']:.0f} | | | {100 * BARS['wrong']:.0f} | | | |")
    return "\n".join(lines)


def _percent(share: float | int | None) -> str:
    return "–" if share is None else f"{100.0 * share:.1f}"


def _number(value: float | int | None) -> str:
    return "–" if value is None else f"{value:.1f}"
