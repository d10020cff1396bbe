"""Cost of region tracking: one instrument, one frame, one core; each part of it and the whole.

Times are of the processor (user and system) beside those of the clock, so that other work on the machine does not
count. The picture shows the instrument on a drape, found anew from 10 px off.

    python bench/region.py [--instruments scalpel_10 bone_curette kelly_haemostat] [--width 1280] [--repeats 40]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hoi_perception.camera import camera_from_fov
from hoi_perception.evaluation.region_scenes import Body, Steel, drape, drawn, filmed
from hoi_perception.instruments.colour import no_cover
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.region_lines import contour_lines, contour_reader, count_colours, shift_lines
from hoi_perception.interaction.bodies import InstrumentBody
from hoi_perception.interaction.region_tracker import RegionTracker, TrackerSettings
from hoi_perception.transforms import rotation_from_axis_angle


def median_ms(run: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median time of the processor and of the clock, ms."""
    for _ in range(3):
        run()
    times = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu_s, wall_s = np.median(times, axis=0)
    return 1e3 * float(cpu_s), 1e3 * float(wall_s)


def bench(name: str, width: int, repeats: int) -> str:
    """A row of the table."""
    model = Library.find().get(name)
    contour = ContourModel.of(model)
    camera = camera_from_fov(width, width * 3 // 4, 55.0)
    tracker = RegionTracker(InstrumentBody.of(model), contour, camera, TrackerSettings())
    R = np.asarray(rotation_from_axis_angle(np.array([0.3, 0.4, 0.5])), dtype=np.float64)
    t = np.array([0.0, 0.0, 0.4]) - R @ contour.middle
    state = InstrumentState(R[None], t[None], contour.tree.lower[None] + 0.1)
    posed = pose_links(contour.tree, state)
    rng = np.random.default_rng(0)
    image = filmed(
        drawn(drape(camera, rng), [Body(contour.placed(posed), contour.faces, Steel.sampled(rng))], camera), rng
    )
    cover = no_cover(image)
    track = tracker.begin(image, cover, state, 0)
    assert track is not None
    off = replace(state, t=state.t + [[10.0 / camera.focal_px * 0.4, 0.0, 0.0]])
    evidence = track.colours.evidence(image, cover)
    lines = contour_lines(contour, posed, camera)
    level = tracker.settings.region.levels[0]
    reader = contour_reader(contour, camera)
    parts: tuple[Callable[[], object], ...] = (
        lambda: reader.read(posed),
        lambda: shift_lines(lines, evidence, level),
        lambda: track.colours.blended(track.colours, 0.1).evidence(image, cover),
        lambda: count_colours(lines, evidence),
        lambda: tracker.refine(track.colours, image, cover, off),
        lambda: tracker.follow(replace(track, state=off), image, cover, 33_000_000),
    )
    times = [median_ms(part, repeats) for part in parts]
    cells = " | ".join(f"{cpu:.2f}" for cpu, _ in times)
    return f"| {name} | {len(contour.faces)} | {cells} | {times[-1][1]:.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instruments", nargs="+", default=["scalpel_10", "bone_curette", "kelly_haemostat", "mug"])
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    print("| instrument | faces | contour | lines | table | colours | refine | follow | follow, clock |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name in options.instruments:
        print(bench(name, options.width, options.repeats), flush=True)


if __name__ == "__main__":
    main()
