"""What ROS adds to a frame, door by door: `python bench/ros_doors.py [--json FILE]`.

A pipeline that takes a stated time and gives two hands stands where perception stands, so that what is left is the
door's: decoding, waiting for what belongs to the image, making messages and publishing them. Each door takes the same
1280x720 images at 30 Hz. `worker` is the part that all doors share, its messages thrown away.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import tyro

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import Config, NodeConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.ros import conversions
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.outputs import Outputs
from hoi_perception.ros.worker import Result, Worker
from hoi_perception.types import Frame, Hand, HandLandmarks, HandParameters, ScaleSource, Scene, Side, TrackState

WIDTH, HEIGHT, RATE_HZ = 1280, 720, 30.0
MESSAGES = BagMessages()
BAR_ADDED_MS, BAR_LATENCY_MS = 3.0, 5.0


@dataclass(frozen=True)
class Arguments:
    """What to measure."""

    seconds: float = 10.0
    """Length of each run."""
    processing_ms: float = 15.0
    """Time that the pipeline takes, asleep, so that it uses no core."""
    long_run: int = 20_000
    """Frames of the run that watches memory."""
    json: Path | None = None
    """Where to write all figures."""


@dataclass(frozen=True)
class Figures:
    """Of one run. `added_ms` is the time from the image's stamp to its last message published, less processing."""

    door: str
    case: str
    frames: int
    dropped: int
    added_ms_p50: float
    added_ms_p95: float


class StandIn:
    """Two hands in every frame, after `seconds`."""

    def __init__(self, seconds: float) -> None:
        models = {side: HandModel.load("", side) for side in Side}
        self.faces = {side: model.faces for side, model in models.items()}
        self._hands = tuple(example_hand(side, models[side]) for side in Side)
        self._seconds = seconds

    def process(self, frame: Frame) -> Scene:
        """The two hands."""
        if self._seconds:
            time.sleep(self._seconds)
        stage_ms = {"landmarks": 1.0, "detection": 0.0, "fit": 1.0, "mesh": 1.0}
        return Scene(frame.stamp_ns, frame.frame_id, frame.camera, self._hands, 0, stage_ms)

    def reset(self) -> None:
        """There is nothing to forget."""

    def retune(self, config: Config) -> None:
        """There is nothing to tune."""

    def shape(self, side: Side) -> ShapeEstimate | None:
        """No shape is calibrated."""

    def set_shape(self, side: Side, estimate: ShapeEstimate | None) -> None:
        """No shape is calibrated."""


def example_hand(side: Side, model: HandModel) -> Hand:
    """A hand half a metre off, whole in the picture."""
    parameters = HandParameters(np.zeros((16, 3)), np.zeros(10), np.array([0.1 - 0.2 * side, 0.0, 0.5]))
    posed = model.posed(parameters)
    points = np.stack([np.linspace(400, 500, 21), np.linspace(300, 400, 21)], axis=1)
    return Hand(
        side=side,
        track_id=int(side) + 1,
        state=TrackState.TRACKED,
        score=0.9,
        parameters=parameters,
        translation_mano=posed.shaped.translation_from_wrist(parameters.wrist_camera),
        joints_camera=posed.joints21(),
        joint_confidence=np.ones(21),
        vertices_camera=posed.vertices.astype(np.float32),
        covariance_wrist=np.eye(6) * 1e-4,
        scale_source=ScaleSource.HAND_PRIOR,
        landmarks=HandLandmarks(points, np.zeros(21), 0.9, float(side)),
        residual_px=1.0,
        heldout_residual_px=float("nan"),
        limit_violation_deg=0.0,
    )


@runtime_checkable
class Door(Protocol):
    """A way into the worker and out of it."""

    name: str

    def offer(self, image: Any, info: Any) -> None:
        """Publish an image with its CameraInfo, as a camera would."""

    def ended_ns(self) -> dict[int, int]:
        """When the last message of each image came out, by the image's stamp."""


class WorkerDoor:
    """The worker and its outputs alone."""

    name = "worker"

    def __init__(self, processing_s: float, listened: Callable[[str], bool]) -> None:
        config = NodeConfig(image_transport="raw")
        self._ended: dict[int, int] = {}
        self.outputs = Outputs(MESSAGES, lambda *_: None, lambda topic: listened(topic.name), config)
        self.worker = Worker(config, self._deliver, load=lambda _: StandIn(processing_s))

    def _deliver(self, result: Result) -> None:
        self.outputs.send(result)
        self._ended[result.scene.stamp_ns] = time.time_ns()

    def offer(self, image: Any, info: Any) -> None:
        """Straight into the worker."""
        self.worker.offer_camera_info(info)
        self.worker.offer_image(image)

    def ended_ns(self) -> dict[int, int]:
        """When each result was out."""
        return self._ended


@contextmanager
def worker_door(processing_s: float, listened: Callable[[str], bool]) -> Iterator[WorkerDoor]:
    """Ready and active."""
    door = WorkerDoor(processing_s, listened)
    door.worker.load()
    while door.worker.status().load.value != "ready":
        time.sleep(0.01)
    door.worker.start()
    try:
        yield door
    finally:
        door.worker.close()
        door.outputs.close()


DOORS = {"worker": worker_door}
CASES: dict[str, Callable[[str], bool]] = {
    "nobody listens": lambda _: False,
    "meshes and scene": lambda name: name in ("hand_meshes", "scene"),
    "all, pictures too": lambda name: name != "detections_3d",
}


def run(case: str, name: str, arguments: Arguments, *, jpeg: bool = False) -> Figures:
    """One run at the camera's rate; the first second, in which kernels compile, does not count."""
    camera = camera_from_fov(WIDTH, HEIGHT, 60.0)
    image = np.random.default_rng(1).integers(60, 90, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    coded = cv2.imencode(".jpg", cv2.GaussianBlur(image, (9, 9), 0))[1].reshape(-1)
    period_s, frames = 1.0 / RATE_HZ, round(arguments.seconds * RATE_HZ)
    with DOORS[name](arguments.processing_ms * 1e-3, CASES[case]) as door:
        begin = time.monotonic() + 0.1
        for i in range(frames):
            time.sleep(max(0.0, begin + i * period_s - time.monotonic()))
            stamp = time.time_ns()
            info = conversions.camera_info_message(camera, stamp, "camera", MESSAGES)
            message = jpeg_message(coded, stamp) if jpeg else raw_message(image, stamp)
            door.offer(message, info)
        time.sleep(0.5)
        ended = sorted(door.ended_ns().items())
    latencies = np.array([1e-6 * (end - stamp) for stamp, end in ended[round(RATE_HZ) :]]) - arguments.processing_ms
    p50, p95 = np.percentile(latencies, [50, 95])
    return Figures(name, f"{case}{', jpeg' if jpeg else ''}", frames, frames - len(ended), float(p50), float(p95))


def raw_message(image: Any, stamp: int) -> Any:
    """bgr8."""
    return conversions.image_message(image, stamp, "camera", MESSAGES)


def jpeg_message(coded: Any, stamp: int) -> Any:
    """JPEG."""
    header = conversions.header_message(stamp, "camera", MESSAGES)
    return MESSAGES.make("sensor_msgs/msg/CompressedImage", header=header, format="jpeg", data=coded)


def memory_mb(frames: int) -> tuple[float, float]:
    """Peak of the process's memory after a quarter of the frames and after all, as fast as they go."""
    camera, image, peaks = camera_from_fov(WIDTH, HEIGHT, 60.0), np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8), []
    with worker_door(0.0, lambda _: False) as door:
        for i in range(frames):
            stamp = (i + 1) * 33_333_333
            info = conversions.camera_info_message(camera, stamp, "camera", MESSAGES)
            door.offer(raw_message(image, stamp), info)
            while stamp not in door.ended_ns():
                time.sleep(0.0001)
            door.ended_ns().clear()
            if i + 1 in (frames // 4, frames):
                peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return peaks[0], peaks[1]


def main(arguments: Arguments) -> int:
    """Measures and prints; 1 where a bar is not held by the worker's own path."""
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{WIDTH}x{HEIGHT} at {RATE_HZ:g} Hz, pipeline of {arguments.processing_ms:g} ms; added to it, ms:")
    runs = [run(case, name, arguments) for name in DOORS for case in CASES]
    runs += [run("nobody listens", name, arguments, jpeg=True) for name in DOORS]
    for figures in runs:
        print(
            f"  {figures.door:12s} {figures.case:24s} p50 {figures.added_ms_p50:5.2f}  p95 {figures.added_ms_p95:5.2f}"
            f"  dropped {figures.dropped} of {figures.frames}"
        )
    first, last = memory_mb(arguments.long_run)
    print(f"memory at its peak: {first:.1f} MB after {arguments.long_run // 4} frames, {last:.1f} after all")
    assert threading.active_count() == 1
    good = runs[0].added_ms_p50 <= BAR_ADDED_MS and runs[0].added_ms_p95 <= BAR_LATENCY_MS and last - first < 8.0
    print(f"bars (p50 ≤ {BAR_ADDED_MS:g}, p95 ≤ {BAR_LATENCY_MS:g}, no growth): {'held' if good else 'NOT HELD'}")
    if arguments.json:
        outcome = {"runs": [asdict(figures) for figures in runs], "memory_mb": [first, last]}
        arguments.json.write_text(json.dumps(outcome, indent=1), encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
