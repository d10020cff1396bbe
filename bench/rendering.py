"""How fast synthetic scenes are rendered: `python bench/rendering.py`.

Times are CPU time of the process that renders, so that other work on the machine disturbs them little; "two at once"
is the wall-clock rate of two processes together. A fresh picture has a new place (ground, light, lens); a further one
shows other hands in the same place, as pictures of a sequence do.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import tyro

from hoi_perception.evaluation.refinement import Trial, truth_grasps
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.scene import Scene
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.scene_sampler import Sample, sample_scene


@dataclass(frozen=True)
class Arguments:
    """What to render."""

    scenes: int = 20
    further: int = 4
    """Further pictures of each place."""
    grasps: int = 48
    seed: int = 0


@dataclass(frozen=True)
class Times:
    """Milliseconds of CPU per picture, and the pictures rendered."""

    sampling: list[float]
    fresh: list[float]
    further: list[float]


def measure(arguments: Arguments, grasps: list[GraspTruth]) -> Times:
    """Times of one process."""
    cv2.setNumThreads(1)
    renderer = SceneRenderer()
    warm = sample_scene(0, grasps, arguments.seed)
    renderer.render(warm.scene, warm.earlier)
    times = Times([], [], [])
    for number in range(1, arguments.scenes + 1):
        start = time.process_time()
        sample = sample_scene(number, grasps, arguments.seed)
        sampled = time.process_time()
        renderer.render(sample.scene, sample.earlier)
        times.sampling.append(1e3 * (sampled - start))
        times.fresh.append(1e3 * (time.process_time() - sampled))
        for k in range(arguments.further):
            scene = reseeded(sample, k)
            start = time.process_time()
            renderer.render(scene, sample.earlier)
            times.further.append(1e3 * (time.process_time() - start))
    return times


def reseeded(sample: Sample, seed: int) -> Scene:
    """The same place with other noise."""
    look = sample.scene.look
    return sample.scene.with_look(replace(look, sensor=replace(look.sensor, seed=seed)))


def rate_of_two(arguments: Arguments, grasps: list[GraspTruth]) -> float:
    """Further pictures a second of two processes together, by the wall clock of their slower half."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        ends = list(pool.map(wall_time, [arguments] * 2, [grasps] * 2))
    return sum(count / seconds for count, seconds in ends)


def wall_time(arguments: Arguments, grasps: list[GraspTruth]) -> tuple[int, float]:
    """Further pictures and the seconds they took."""
    cv2.setNumThreads(1)
    renderer = SceneRenderer()
    count, seconds = 0, 0.0
    for number in range(1, arguments.scenes + 1):
        sample = sample_scene(number, grasps, arguments.seed)
        renderer.render(sample.scene, sample.earlier)
        start = time.perf_counter()
        for k in range(arguments.further):
            renderer.render(reseeded(sample, k), sample.earlier)
        seconds += time.perf_counter() - start
        count += arguments.further
    return count, seconds


def main(arguments: Arguments) -> int:
    """Prints one table."""
    grasps, _ = truth_grasps(Trial(grasps=arguments.grasps, seed=arguments.seed))
    times = measure(arguments, grasps)
    print("| 640×480 picture | median, ms of one core | mean | slowest |")
    print("|" + "---|" * 4)
    for name in ("sampling", "fresh", "further"):
        ms = np.array(getattr(times, name))
        print(f"| {name} | {np.median(ms):.0f} | {ms.mean():.0f} | {ms.max():.0f} |")
    print(f"\ntwo at once: {rate_of_two(arguments, grasps):.1f} further pictures a second")
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
