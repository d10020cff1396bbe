"""`hoi-perception run --no-video` over a video, timed, for `bench/speed.py`.

`python hoi_runner.py VIDEO --started SECONDS [--frames N]` prints one line of JSON. It is the command's own loop:
decoding ahead, the pipeline, scene.mcap written.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from hoi_perception.cli import load_perception
from hoi_perception.config import Config
from hoi_perception.io.run import RunOptions, run
from hoi_perception.io.sources import Skip, Source, open_source
from hoi_perception.types import Frame, Scene


@dataclass(frozen=True)
class Arguments:
    """One run."""

    video: tyro.conf.Positional[Path]
    """What to run over."""
    started: float
    """When this process was asked for, seconds of the system's clock."""
    frames: int | None = None
    """Frames at most."""


class TimedSource:
    """A source whose decoding is timed, in milliseconds per frame."""

    def __init__(self, source: Source) -> None:
        self.name, self.frame_count, self.rate_hz, self.live = (
            source.name,
            source.frame_count,
            source.rate_hz,
            source.live,
        )
        self.skipped: list[Skip] = source.skipped
        self.notes: list[str] = source.notes
        self.decode_ms: list[float] = []
        self._source = source

    def frames(self) -> Iterator[Frame]:
        """The source's frames."""
        frames = self._source.frames()
        while True:
            start = time.perf_counter()
            frame = next(frames, None)
            if frame is None:
                return
            self.decode_ms.append(1e3 * (time.perf_counter() - start))
            yield frame


def main(arguments: Arguments) -> None:
    """Runs and prints."""
    source = TimedSource(open_source(arguments.video))
    stage_ms: dict[str, list[float]] = defaultdict(list)
    firsts: list[float] = []

    def note(scene: Scene) -> None:
        firsts.append(time.time() - arguments.started)
        for name, ms in scene.stage_ms.items():
            stage_ms[name].append(ms)

    options = RunOptions(video=False, max_frames=arguments.frames)
    perception = load_perception(Config())
    with tempfile.TemporaryDirectory() as out:
        summary = run(source, perception, Path(out), options, on_frame=note).summary
    outcome = {
        "fps": summary.fps,
        "first_result_s": firsts[0],
        "peak_mb": peak_mb(),
        "hands_per_frame": summary.hands_per_frame,
        "stage_ms": {**stage_ms, "decode": source.decode_ms},
    }
    print(json.dumps(outcome))


def peak_mb() -> float:
    """Largest resident memory so far. Not from getrusage, which counts the process that started this one too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024.0


if __name__ == "__main__":
    main(tyro.cli(Arguments))
