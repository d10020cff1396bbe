"""The command `hoi-perception evaluate`: figures of the methods on simulated evidence."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import tyro


@dataclass(frozen=True)
class Evaluate:
    """`evaluate refinement`: grasps refined by several methods beside the truth and the unrefined start.

    `evaluate coverage`: how often the 95 % regions of the joint solver hold the truth.

    `evaluate region`: from how far an instrument is found again by regions of the image, and followed (docs/region.md).

    `evaluate starts`: how often an instrument is found that nobody told of, rightly and wrongly (docs/starting.md).

    `evaluate synthetic`: the pipeline on rendered surgical sequences with truth, row by row (docs/synthetic.md).

    `evaluate detection --data DIR`: hands found in labelled clips, by what names their regions (docs/networks.md).

    `evaluate clips --data DIR`: instruments followed in real clips, beside references (docs/tracking.md).

    `evaluate NAME --root DIR`: the pipeline on a published data set, beside the published figures (docs/datasets.md).
    """

    what: tyro.conf.Positional[
        Literal[
            "refinement",
            "coverage",
            "region",
            "starts",
            "synthetic",
            "detection",
            "clips",
            "pov-surgery",
            "ho3d-v2",
            "ho3d-v3",
            "dexycb",
            "freihand",
            "interhand26m",
            "arctic",
            "oakink",
            "hot3d",
        ]
    ]
    """What is evaluated."""
    json: Path | None = None
    """File for all figures with their confidence intervals."""
    markdown: Path | None = None
    """File for the tables that are printed."""
    root: Path | None = None
    """Folder of a published data set."""
    data: Path | None = None
    """Folder of clips, for `evaluate detection` and `evaluate clips`."""
    overlay: Path | None = None
    """Folder for pictures of every tenth frame, for `evaluate clips`."""
    labels: Path | None = None
    """Folder of their boxes, one CSV file per clip; those of this package's tests by default."""
    split: str = ""
    """Split of a data set, or train, validation or test of the synthetic one; the usual test split by default."""
    limit: int | None = None
    """Frames of a published data set at most, sequences of the synthetic one; the first ones."""
    fresh: bool = False
    """Start a data set anew, without the results of an earlier run."""
    out: Path | None = None
    """Folder for a data set's results, sequence by sequence; out/evaluate/NAME-SPLIT by default."""
    slow: bool = False
    """The simulated slip too, and Adam's row of the synthetic benchmark, on a subset of the frames."""
    every: int = 10
    """Frames of a data set between two in which hands and objects are measured against each other."""
    hand_model: Path | None = None
    """Your MANO_RIGHT.pkl (or .npz), for a published data set."""
    hand_model_left: Path | None = None
    """Your MANO_LEFT.pkl; the right hand mirrored by default."""
    grasps: int = 500
    """Simulated grasps."""
    sequences: int = 50
    """Simulated sequences."""
    frames: int = 40
    """Frames of a sequence, at 30 Hz."""
    starts: int = 240
    """Starts of each row of `evaluate region`; its sequences have 300 frames unless --frames says more."""
    depth: bool = False
    """In `evaluate region` a sensor of depth stands beside the camera that sees the sequences."""
    seeds: int = 4
    """Sequences of each instrument in `evaluate starts`."""
    smoke: bool = False
    """`evaluate region`, `evaluate starts` or `evaluate synthetic` on a few frames only, to see that it runs."""
    seed: int = 0
    """Seed of everything that is drawn."""
    jobs: int = max(os.cpu_count() or 1, 1)
    """Processes that work at once. Times are only comparable with 1."""
    instruments: tuple[str, ...] = ()
    """Instruments of the library; all that a hand holds by default."""

    def execute(self) -> int:
        """Prints the table and writes the file."""
        if self.what == "region":
            return self._region()
        if self.what == "starts":
            return self._starts()
        if self.what == "detection":
            from hoi_perception.evaluation.detection_clips import evaluate_clips

            return self._told(*evaluate_clips(self.data, self.labels))
        if self.what == "clips":
            from hoi_perception.clip_evaluation import ClipRun
            from hoi_perception.clip_evaluation import evaluate_clips as follow_clips
            from hoi_perception.io.native_noise import start_warp

            start_warp()
            return self._told(*follow_clips(self.data, ClipRun(overlay=self.overlay)))
        if self.what == "synthetic":
            from hoi_perception.synthetic_evaluation import SyntheticEvaluation

            split = self.split or "test"
            synthetic = SyntheticEvaluation(split, self.limit, self.smoke, self.fresh, self.slow, self.out, self.jobs)
            return self._told(*synthetic.run())
        if self.what not in ("refinement", "coverage"):
            from hoi_perception.dataset_evaluation import DatasetEvaluation

            options = DatasetEvaluation(
                self.what,
                self.root,
                self.split,
                self.limit,
                self.fresh,
                self.out,
                self.hand_model,
                self.hand_model_left,
                self.slow,
                self.every,
            )
            return self._told(*options.run())
        from hoi_perception.evaluation import coverage
        from hoi_perception.evaluation.methods import has_torch, methods
        from hoi_perception.evaluation.refinement import Trial, evaluate
        from hoi_perception.evaluation.table import as_json, as_markdown
        from hoi_perception.io.input_error import InputError
        from hoi_perception.io.native_noise import start_warp

        for flag, value, least in (
            ("grasps", self.grasps, 1),
            ("sequences", self.sequences, 1),
            ("frames", self.frames, 2),
        ):
            if value < least:
                raise InputError(f"--{flag} {value}: give {least} or more")
        if self.jobs < 1:
            raise InputError(f"--jobs {self.jobs}: give 1 or more")
        start_warp()
        print(f"making {self.grasps} grasps and {self.sequences} sequences: this takes minutes", file=sys.stderr)
        trial = Trial(self.grasps, self.sequences, self.frames, self.seed, self.instruments)
        if self.what == "coverage":
            rows = coverage.evaluate_coverage(trial, self.jobs)
            return self._told(coverage.as_json(rows, trial), coverage.as_markdown(rows))
        if not has_torch():
            print("no row adam: it needs torch (pip install 'hoi_perception[torch]')", file=sys.stderr)
        values = as_json(evaluate(trial, methods(), jobs=self.jobs), trial)
        return self._told(values, as_markdown(values))

    def _region(self) -> int:
        from hoi_perception.evaluation.region import RegionTrial, as_json, as_markdown, evaluate_region
        from hoi_perception.io.input_error import InputError
        from hoi_perception.io.native_noise import start_warp

        for flag, value in (("starts", self.starts), ("sequences", self.sequences), ("jobs", self.jobs)):
            if value < 1:
                raise InputError(f"--{flag} {value}: give 1 or more")
        start_warp()
        sequences, frames = min(self.sequences, 10), max(self.frames, 300)
        trial = RegionTrial(self.starts, sequences, frames, self.seed, self.instruments, self.depth)
        report = evaluate_region(RegionTrial.smoke(self.seed, self.depth) if self.smoke else trial, self.jobs)
        return self._told(as_json(report), as_markdown(report))

    def _starts(self) -> int:
        from hoi_perception.evaluation.starts import StartTrial, as_json, as_markdown, evaluate_starts
        from hoi_perception.io.input_error import InputError
        from hoi_perception.io.native_noise import start_warp

        for flag, value in (("seeds", self.seeds), ("jobs", self.jobs)):
            if value < 1:
                raise InputError(f"--{flag} {value}: give 1 or more")
        start_warp()
        trial = StartTrial.smoke(self.seed) if self.smoke else StartTrial(self.seeds, self.seed)
        if self.instruments:
            trial = replace(trial, instruments=self.instruments)
        results = evaluate_starts(trial, self.jobs)
        return self._told(as_json(results, trial), as_markdown(results, trial))

    def _told(self, values: dict[str, Any], table: str) -> int:
        from hoi_perception.io.whole_results import whole_file

        texts = {self.json: json.dumps(values, indent=2) if self.json else "", self.markdown: table}
        for path, text in texts.items():
            if path is not None:
                with whole_file(path) as partial:
                    partial.write_text(text + "\n", encoding="utf-8")
        print(table)
        return 0
