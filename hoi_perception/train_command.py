"""The command `hoi-perception train`: networks of our own, trained on the hand model and the library alone."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import tyro

GRASPS = 48


@dataclass(frozen=True)
class Train:
    """`train lifting`: from 2D landmarks to the pose of a hand; needs no pictures, and fits your own hand file.

    `train proposals`: a head on the palm network that names gloved hands and hands that hold instruments.

    `train landmarks`: a head on the landmark network that sees hands in gloves that hold instruments.

    `train parser`: hands and instruments of a whole picture. All need the extra [torch] (docs/networks.md).
    """

    what: tyro.conf.Positional[Literal["lifting", "proposals", "landmarks", "parser"]]
    """Which network."""
    out: Path | None = None
    """Folder for checkpoint, history, curves and weights; out/train/WHAT by default. A run there is gone on with."""
    steps: int | None = None
    """Batches; those of the shipped weights by default."""
    pool: int | None = None
    """Rendered pictures (of hands, for `landmarks`) to train on; they stay in memory, 0.25 MB each (0.35 MB)."""
    seed: int = 0
    """Seed of everything that is drawn."""
    device: str = "cpu"
    """cpu, or cuda where there is a GPU."""
    threads: int = 2
    """Threads of the CPU; for `landmarks` as many processes render."""
    hand_model: Path | None = None
    """Your MANO_RIGHT.pkl (or .npz), for `train lifting`."""
    fresh: bool = False
    """Start anew, whatever lies in the folder."""

    @property
    def folder(self) -> Path:
        """Where everything goes."""
        return self.out or Path("out") / "train" / self.what

    def execute(self) -> int:
        """Trains, and names the file of weights."""
        from hoi_perception.io.input_error import InputError
        from hoi_perception.io.native_noise import start_warp

        for flag, value in (("steps", self.steps), ("pool", self.pool), ("threads", self.threads)):
            if value is not None and value < 1:
                raise InputError(f"--{flag} {value}: give 1 or more")
        try:
            import torch
        except ModuleNotFoundError:
            raise InputError("training needs torch: pip install 'hoi_perception[torch]'") from None
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise InputError(f"--device {self.device}: torch sees no such GPU: use --device cpu")
        torch.set_num_threads(self.threads)
        start_warp()
        path = self.folder / f"{self.what}.safetensors"
        begin = time.monotonic()
        _tell("making grasps of the library's instruments, unless they are in the cache")
        if self.what == "lifting":
            self._lifting(path)
        elif self.what == "landmarks":
            self._landmarks(path)
        else:
            self._pictures(path)
        _tell(f"{time.monotonic() - begin:.0f} s in all")
        print(path)
        return 0

    def _lifting(self, path: Path) -> None:
        from hoi_perception.evaluation.refinement import Trial, truth_grasps
        from hoi_perception.networks.lifting_training import LiftingRun, held_angles, train_lifting, write_lifting

        grasps, _ = truth_grasps(Trial(grasps=GRASPS, seed=self.seed))
        run = LiftingRun(seed=self.seed, device=self.device, hand_model=self.hand_model)
        if self.steps is not None:
            run = replace(run, steps=self.steps)
        network, _ = train_lifting(run, held_angles(grasps), self.folder, resume=not self.fresh, told=_tell)
        write_lifting(network, path, {"run": repr(run)})

    def _landmarks(self, path: Path) -> None:
        from hoi_perception.evaluation.refinement import Trial, truth_grasps
        from hoi_perception.networks import landmark_training as training

        grasps, _ = truth_grasps(Trial(grasps=GRASPS, seed=self.seed))
        run = replace(training.LandmarkRun(seed=self.seed, device=self.device), **self._changes())
        patches = training.rendered_patches(grasps, run, _tell, self.threads)
        looks = training.looks_at(patches, run, _tell, self.threads)
        head, _ = training.train_landmarks(run, looks, self.folder, resume=not self.fresh, told=_tell)
        training.write_landmarks(head, path, {"run": repr(run)})

    def _pictures(self, path: Path) -> None:
        from hoi_perception.evaluation.refinement import Trial, truth_grasps
        from hoi_perception.networks import picture_training as training

        grasps, _ = truth_grasps(Trial(grasps=GRASPS, seed=self.seed))
        usual = training.PROPOSALS if self.what == "proposals" else training.PARSER
        run = replace(usual, seed=self.seed, device=self.device, **self._changes())
        pool = training.rendered_pool(grasps, run, _tell)
        if self.what == "proposals":
            head, _ = training.train_proposals(run, pool, self.folder, resume=not self.fresh, told=_tell)
            training.write_proposals(head, path, {"run": repr(run)})
        else:
            network, _ = training.train_parser(run, pool, self.folder, resume=not self.fresh, told=_tell)
            training.write_parser(network, path, {"run": repr(run)})

    def _changes(self) -> dict[str, Any]:
        """What was asked for in place of the usual run."""
        return {k: v for k, v in (("steps", self.steps), ("pool", self.pool)) if v is not None}


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
