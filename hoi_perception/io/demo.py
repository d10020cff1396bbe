"""The demo: a rendered clip through the same path as a user's own video, measured against its truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hoi_perception.camera import project
from hoi_perception.config import Config
from hoi_perception.io.calibration_file import read_camera_file, write_camera_file
from hoi_perception.io.camera_choice import CameraChoice
from hoi_perception.io.native_noise import start_warp
from hoi_perception.io.run import Results, RunOptions
from hoi_perception.io.sources import Source, open_source
from hoi_perception.io.summary_file import write_summary
from hoi_perception.io.video_writer import SUFFIX, open_video
from hoi_perception.metrics.hand import mpjpe_mm, p2d_px, pa_mpjpe_mm
from hoi_perception.metrics.run_summary import is_counted
from hoi_perception.types import Frame, Scene

if TYPE_CHECKING:
    from hoi_perception.synthesis.demo_clip import TrueHand

CLIP, CAMERA, ERRORS = f"clip{SUFFIX}", "clip_camera.yaml", "errors.json"
RATE_HZ = 30.0


class Runner(Protocol):
    """`run` with a progress bar round it."""

    def __call__(
        self, source: Source, config: Config, out: Path, options: RunOptions, on_frame: Callable[[Scene], None]
    ) -> Results:
        """Results of the whole source."""


@dataclass(frozen=True)
class DemoErrors:
    """Against the truth, means over the hands that were found; NaN where none was."""

    found_share: float
    """Hands found (TRACKED, presence of at least 0.5, right side) of all that were rendered."""
    pa_mpjpe_mm: float
    mpjpe_mm: float
    p2d_px: float


@dataclass
class TruthMeter:
    """Takes scenes in their order and measures each hand against the rendered one of its side."""

    truth: list[tuple[TrueHand, ...]]
    scenes: int = 0
    errors: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, scene: Scene) -> None:
        """One more scene."""
        true_hands = {hand.side: hand for hand in self.truth[self.scenes]}
        self.scenes += 1
        for hand in filter(is_counted, scene.hands):
            true = true_hands.pop(hand.side, None)
            if true is None:
                continue
            pixels = project(hand.joints_camera, scene.camera), project(true.joints_camera, scene.camera)
            joints = hand.joints_camera, true.joints_camera
            self.errors.append((pa_mpjpe_mm(*joints), mpjpe_mm(*joints), p2d_px(*pixels)))

    def means(self) -> DemoErrors:
        """Over all scenes so far."""
        rendered = sum(len(hands) for hands in self.truth[: self.scenes])
        means = np.mean(self.errors, axis=0) if self.errors else np.full(3, np.nan)
        return DemoErrors(len(self.errors) / max(rendered, 1), *(float(v) for v in means))


def run_demo(out: Path, runner: Runner, *, frames: int = 90, video: bool = True) -> tuple[DemoErrors, Results, Source]:
    """Writes the clip and its calibration, runs it as a user would, and stores the errors."""
    truth = write_clip(out, frames)
    source = open_source(out / CLIP, CameraChoice(read_camera_file(out / CAMERA)))
    meter = TruthMeter(truth)
    results = runner(source, Config(), out, RunOptions(video=video), on_frame=meter.add)
    errors = meter.means()
    content = {name: value if np.isfinite(value) else None for name, value in asdict(errors).items()}
    write_summary(out / ERRORS, content)
    clip = (out / CLIP, out / CAMERA)
    return errors, Results(results.summary, (*clip, *results.files, out / ERRORS)), source


def write_clip(out: Path, frames: int) -> list[tuple[TrueHand, ...]]:
    """The clip as a video with its calibration beside it; returns the truth of every frame."""
    from hoi_perception.synthesis.demo_clip import demo_frames

    start_warp()
    truth: list[tuple[TrueHand, ...]] = []
    first: Frame | None = None
    with open_video(out / CLIP, RATE_HZ) as video:
        for frame, hands in demo_frames(frames):
            first = first or frame
            video.write(frame.image_bgr)
            truth.append(hands)
    if first is not None:
        write_camera_file(out / CAMERA, first.camera, "demo")
    return truth


def print_errors(errors: DemoErrors) -> None:
    """The errors in one line."""
    found = f"{100 * errors.found_share:.1f} % of the hands found"
    joints = f"PA-MPJPE {errors.pa_mpjpe_mm:.1f} mm, MPJPE {errors.mpjpe_mm:.1f} mm"
    print(f"against the truth: {found}, {joints}, joints off by {errors.p2d_px:.1f} px")  # noqa: T201 - what it is for
