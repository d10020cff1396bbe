"""Hands told where there are none: `python bench/false_hands.py [--pictures N]`.

Renders pictures of instruments, drapes, trays and things of the colours of skin and gloves, shows each one six times
in a row to the pipeline, and counts hands with a presence of at least 0.5 and 0.8 a picture: in the first frame, and in
the mean of all six.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import tyro

from hoi_perception.cli import load_perception
from hoi_perception.config import Config
from hoi_perception.evaluation.refinement import Trial, truth_grasps
from hoi_perception.hands.landmarks import LandmarkNetwork
from hoi_perception.pipeline import Perception
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.scene_sampler import Stratum, sample_scene
from hoi_perception.synthesis.training_clutter import cluttered
from hoi_perception.synthesis.training_labels import labelled
from hoi_perception.types import Frame

REPEATS, PRESENCES = 6, (0.5, 0.8)
GLOVES = replace(Config(), detection=replace(Config().detection, gloves=True))
WAYS: dict[str, Callable[[], Perception]] = {
    "free networks": lambda: Perception(landmarks=LandmarkNetwork(threads=2)),
    "with the landmark head (default)": lambda: load_perception(Config()),
    "with both heads (`detection.gloves`)": lambda: load_perception(GLOVES),
}


@dataclass(frozen=True)
class Arguments:
    """What to show."""

    pictures: int = 70
    """Pictures without hands."""
    seed: int = 900
    """Seed of the pictures; the trained networks saw those of seed 0."""


def main(arguments: Arguments) -> None:
    """Prints a row for each way."""
    pictures = handless(arguments)
    print("| networks | first frame ≥ 0.5 | ≥ 0.8 | mean of six ≥ 0.5 | ≥ 0.8 |\n|---|---|---|---|---|")
    for name, made in WAYS.items():
        perception = made()
        counts = np.array([told(perception, picture) for picture in pictures], dtype=float)
        first, mean = counts[:, 0].mean(axis=0), counts.mean(axis=(0, 1))
        print(f"| {name} | {first[0]:.2f} | {first[1]:.2f} | {mean[0]:.2f} | {mean[1]:.2f} |", flush=True)


def handless(arguments: Arguments) -> list[Frame]:
    """Pictures of instruments alone, with clutter."""
    grasps, _ = truth_grasps(Trial(grasps=48, seed=0))
    renderer, rng = SceneRenderer(), np.random.default_rng(arguments.seed)
    frames = []
    for number in range(arguments.pictures):
        sample = sample_scene(number, grasps, arguments.seed, stratum=Stratum.INSTRUMENTS)
        shown = renderer.render(sample.scene, sample.earlier)
        frames.append(replace(shown.frame(), image_bgr=cluttered(labelled(shown), rng).image_bgr))
    return frames


def told(perception: Perception, frame: Frame) -> list[list[int]]:
    """Hands told in each showing, by the least presence."""
    perception.reset()
    out = []
    for k in range(REPEATS):
        hands = perception.process(replace(frame, stamp_ns=k * 33_000_000)).hands
        presences = [hand.landmarks.presence for hand in hands if hand.landmarks is not None]
        out.append([sum(p >= least for p in presences) for least in PRESENCES])
    return out


if __name__ == "__main__":
    main(tyro.cli(Arguments))
