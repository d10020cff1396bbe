"""Speed and memory, beside MediaPipe's own runner: `python bench/speed.py [VIDEO ...] [--mediapipe-python PATH]`.

Without videos it takes the demo clip, which it renders first, and coffee.mp4 and cups.mp4 of the folder named by
HOI_TEST_DATA where that is set. Every run is a process of its own on the same cores; ours and MediaPipe's take turns,
so that a busy machine slows both. MediaPipe needs an environment of its own with mediapipe==0.10.21 (it asks for older
NumPy); PATH is the interpreter there. Without it, its columns hold dashes.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from hoi_perception.io.demo import CLIP, write_clip

HERE = Path(__file__).parent
STAGES = ("landmarks", "detection", "fit", "mesh", "decode")
FIGURES = {
    "hands_per_frame": ("hands per frame", ".2f"),
    "peak_mb": ("resident memory at its peak, MB (ours ≤ 1536)", ".0f"),
    "first_result_s": ("start of the process to first result, warm, s (ours ≤ 10)", ".2f"),
}
Outcome = dict[str, Any]


@dataclass(frozen=True)
class Arguments:
    """What to measure."""

    videos: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Videos to run over."""
    mediapipe_python: Path | None = None
    """Interpreter of an environment with mediapipe==0.10.21."""
    repetitions: int = 3
    """Runs of each; figures are medians over them."""
    frames: int | None = None
    """Frames of each video at most."""
    cores: int = 2
    """Cores that a run may use."""
    json: Path | None = None
    """Where to write all figures."""
    data: Path = field(default_factory=lambda: Path(os.environ.get("HOI_TEST_DATA", "")))
    """Folder of coffee.mp4 and cups.mp4; HOI_TEST_DATA by default."""


def main(arguments: Arguments) -> int:
    """Measures and prints; 2 where a video is missing or a run fails."""
    cores = sorted(os.sched_getaffinity(0))[: arguments.cores]
    print(
        f"{cpu_name()}, {len(cores)} cores used, load {os.getloadavg()[0]:.1f} at the start; medians of repetitions\n"
    )
    results = {}
    with tempfile.TemporaryDirectory(prefix="hoi_speed_") as scratch:
        for video in arguments.videos or default_videos(arguments.data, Path(scratch)):
            if not video.is_file():
                print(f"{video}: no such video: check the path", file=sys.stderr)
                return 2
            try:
                results[video.name] = measure(video, arguments, cores)
            except subprocess.CalledProcessError as error:
                print(f"{' '.join(map(str, error.cmd))} failed:\n{error.stderr}", file=sys.stderr)
                return 2
    print_table(results)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(results, indent=2), encoding="utf-8")
    return 0


def default_videos(data: Path, scratch: Path) -> list[Path]:
    """The demo clip, rendered here, and the real clips that are there."""
    write_clip(scratch, 90)
    real = [data / name for name in ("coffee.mp4", "cups.mp4")] if str(data) != "." else []
    return [scratch / CLIP, *real]


def measure(video: Path, arguments: Arguments, cores: list[int]) -> tuple[list[Outcome], list[Outcome]]:
    """Outcomes of our runs and MediaPipe's, in turns, after one short run of each that warms the caches."""
    ours = runner(Path(sys.executable), "hoi_runner.py", video, cores)
    theirs = None
    if arguments.mediapipe_python is not None:
        theirs = runner(arguments.mediapipe_python, "mediapipe_runner.py", video, cores)
    runners = [one for one in (ours, theirs) if one is not None]
    outcomes: list[list[Outcome]] = [[], []]
    for one in runners:
        one(3)
    for repetition in range(arguments.repetitions):
        for index, one in enumerate(runners):
            print(f"{video.name}: repetition {repetition + 1}, {('ours', 'MediaPipe')[index]}", file=sys.stderr)
            outcomes[index].append(one(arguments.frames))
    return outcomes[0], outcomes[1]


def runner(python: Path, script: str, video: Path, cores: list[int]) -> Callable[[int | None], Outcome]:
    """A function that runs a script over the video for so many frames, on those cores."""

    def one(frames: int | None) -> Outcome:
        command = [str(python), str(HERE / script), str(video), "--started", repr(time.time())]
        command += [] if frames is None else ["--frames", str(frames)]
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)  # children inherit it
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=True)
        finally:
            os.sched_setaffinity(0, allowed)
        outcome: Outcome = json.loads(result.stdout.splitlines()[-1])
        return outcome

    return one


def print_table(results: dict[str, tuple[list[Outcome], list[Outcome]]]) -> None:
    """A column per video: the whole beside MediaPipe, then our stages."""
    row("", list(results))
    row("---", ["---"] * len(results))
    pairs = list(results.values())
    row("frames/s end to end, no video written, ours (≥ 20)", [f"{median(ours, 'fps'):.1f}" for ours, _ in pairs])
    row("the same, MediaPipe", [f"{median(theirs, 'fps'):.1f}" if theirs else "—" for _, theirs in pairs])
    ratios = [f"{median(ours, 'fps') / median(theirs, 'fps'):.2f}" if theirs else "—" for ours, theirs in pairs]
    row("ours / MediaPipe", ratios)
    for key, (title, shape) in FIGURES.items():
        both = [[f"{median(o, key):{shape}}" if o else "—" for o in pair] for pair in pairs]
        row(f"{title}, ours / MediaPipe", [" / ".join(texts) for texts in both])
    for stage in STAGES:
        times = [np.concatenate([outcome["stage_ms"][stage] for outcome in ours]) for ours, _ in pairs]
        row(f"{stage}, median / p95, ms", [f"{np.median(ms):.1f} / {np.percentile(ms, 95):.1f}" for ms in times])


def row(title: str, cells: list[str]) -> None:
    """One line of a Markdown table."""
    print(f"| {' | '.join([title, *cells])} |")


def median(outcomes: list[Outcome], key: str) -> float:
    """Over repetitions."""
    return float(statistics.median(outcome[key] for outcome in outcomes))


def cpu_name() -> str:
    """The processor, as the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
