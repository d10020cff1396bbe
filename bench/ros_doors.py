"""What ROS adds to a frame, door by door: `python bench/ros_doors.py [--json FILE]`.

A pipeline that takes a stated time and gives two hands stands where perception stands, so that what is left is the
door's: decoding, waiting for what belongs to the image, making messages and publishing them. Each door takes the same
1280x720 images at 30 Hz, of a camera in another process. `worker` is the part that all doors share, in one process, its
messages thrown away; `dds` is `hoi-perception node`; `rclpy` is the lifecycle node, where a ROS 2 is sourced.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import tyro
from camera_process import HEIGHT, RATE_HZ, WIDTH, play

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import Config, NodeConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.ros import conversions, topics
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.outputs import Outputs
from hoi_perception.ros.topics import Topic
from hoi_perception.ros.worker import Result, Worker
from hoi_perception.types import Frame, Hand, HandLandmarks, HandParameters, ScaleSource, Scene, Side, TrackState

HERE = Path(__file__).resolve().parent
MESSAGES = BagMessages()
BAR_ADDED_MS = 3.0


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
    """Of one run. `in_ms` is the time from the image's stamp, just before its camera sends it, to its arrival at the
    worker; `out_ms` from there to its last message published, less processing."""

    door: str
    case: str
    frames: int
    dropped: int
    in_ms_p50: float
    in_ms_p95: float
    out_ms_p50: float
    out_ms_p95: float


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

    def play(self, seconds: float, *, jpeg: bool) -> None:
        """Let a camera publish for so long."""

    def ended_ns(self) -> dict[int, tuple[int, int]]:
        """When each image arrived and its last message came out, by the image's stamp."""


class Clocked:
    """Outputs that note when they are done."""

    def __init__(self, outputs: Outputs) -> None:
        self._send, self.ended = outputs.send, dict[int, tuple[int, int]]()
        outputs.send = self.send  # type: ignore[method-assign]

    def send(self, result: Result, scene: Scene | None = None) -> None:
        """Of the outputs, with the time."""
        self._send(result, scene)
        self.ended[result.scene.stamp_ns] = (result.received_ns, time.time_ns())


class WorkerDoor:
    """The worker and its outputs alone."""

    def __init__(self, processing_s: float, listened: Collection[str]) -> None:
        config = NodeConfig(image_transport="raw")
        self.outputs = Outputs(MESSAGES, lambda *_: None, lambda topic: topic.name in listened, config)
        self._clock = Clocked(self.outputs)
        self.worker = Worker(config, self.outputs.send, load=lambda _: StandIn(processing_s))

    def play(self, seconds: float, *, jpeg: bool) -> None:
        """Straight into the worker."""
        play(self.offer, MESSAGES, seconds, jpeg=jpeg)

    def offer(self, topic: Topic, message: Any) -> None:
        """An input of the worker."""
        (self.worker.offer_camera_info if topic is topics.CAMERA_INFO else self.worker.offer_image)(message)

    def ended_ns(self) -> dict[int, tuple[int, int]]:
        """When each image arrived and its result was out."""
        return self._clock.ended


@contextmanager
def worker_door(processing_s: float, listened: Collection[str], *, jpeg: bool = False) -> Iterator[WorkerDoor]:
    """Ready and active, for images of either kind."""
    del jpeg
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


class NodeDoor:
    """A whole node in this process, its camera in another."""

    def __init__(self, name: str, outputs: Outputs, listened: Collection[str]) -> None:
        self._name, self._listened, self._clock = name, listened, Clocked(outputs)

    def play(self, seconds: float, *, jpeg: bool) -> None:
        """Through the middleware."""
        command = [sys.executable, str(HERE / "camera_process.py"), self._name, str(seconds), "jpeg" if jpeg else "raw"]
        subprocess.run([*command, *self._listened], check=True)

    def ended_ns(self) -> dict[int, tuple[int, int]]:
        """When each image arrived and its result was out."""
        return self._clock.ended


@contextmanager
def dds_door(processing_s: float, listened: Collection[str], *, jpeg: bool = False) -> Iterator[NodeDoor]:
    """`hoi-perception node`."""
    from hoi_perception.ros.dds.domain import Domain, Reach, domain_of_environment
    from hoi_perception.ros.dds.names import NodeNames
    from hoi_perception.ros.dds.participant import Participant
    from hoi_perception.ros.standalone import StandaloneNode

    config = NodeConfig(image_transport="compressed" if jpeg else "raw")
    with (
        Domain(domain_of_environment(), Reach.LOCALHOST) as domain,
        Participant(domain, NodeNames.of("hoi_perception"), MESSAGES, lambda *_: None) as participant,
        StandaloneNode(participant, config, MESSAGES, load=lambda _: StandIn(processing_s)) as node,
    ):
        yield NodeDoor("dds", node.outputs, listened)


@contextmanager
def rclpy_door(processing_s: float, listened: Collection[str], *, jpeg: bool = False) -> Iterator[NodeDoor]:
    """The lifecycle node."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from hoi_perception.ros.node import PerceptionNode

    rclpy.init()
    overrides = [rclpy.parameter.Parameter("image_transport", value="compressed" if jpeg else "raw")]
    node = PerceptionNode(load=lambda _: StandIn(processing_s), parameter_overrides=overrides)
    node.trigger_configure()
    door = NodeDoor("rclpy", node.outputs, listened)
    node.trigger_activate()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    ended = rclpy.task.Future()
    thread = threading.Thread(target=executor.spin_until_future_complete, args=(ended,), name="executor")
    thread.start()
    try:
        yield door
    finally:
        ended.set_result(None)
        thread.join()
        node.close()
        node.destroy_node()
        rclpy.shutdown()


DOORS = {"worker": worker_door, "dds": dds_door, "rclpy": rclpy_door}
if importlib.util.find_spec("rclpy") is None:
    del DOORS["rclpy"]
if importlib.util.find_spec("cyclonedds") is None:
    del DOORS["dds"]
CASES: dict[str, tuple[str, ...]] = {
    "nobody listens": (),
    "meshes and scene": ("hand_meshes", "scene"),
    "all, pictures too": tuple(t.name for t in topics.OUTPUTS if t is not topics.DETECTIONS_3D),
}


def run(case: str, name: str, arguments: Arguments, *, jpeg: bool = False) -> Figures:
    """One run at the camera's rate; the first second, in which kernels compile, does not count."""
    with DOORS[name](arguments.processing_ms * 1e-3, CASES[case], jpeg=jpeg) as door:
        door.play(arguments.seconds, jpeg=jpeg)
        time.sleep(0.5)
        ended = sorted(door.ended_ns().items())
    frames = round(arguments.seconds * RATE_HZ)
    counted = ended[round(RATE_HZ) :]
    way_in = [1e-6 * (arrived - stamp) for stamp, (arrived, _) in counted]
    way_out = [1e-6 * (end - arrived) - arguments.processing_ms for _, (arrived, end) in counted]
    percentiles = [
        float(p) for way in (way_in, way_out) for p in (np.percentile(way, [50, 95]) if way else [np.nan] * 2)
    ]
    return Figures(name, f"{case}{', jpeg' if jpeg else ''}", frames, frames - len(ended), *percentiles)


def memory_mb(frames: int) -> tuple[float, float]:
    """Peak of the process's memory after a quarter of the frames and after all, as fast as they go."""
    camera, image, peaks = camera_from_fov(WIDTH, HEIGHT, 60.0), np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8), []
    with worker_door(0.0, ()) as door:
        for i in range(frames):
            stamp = (i + 1) * 33_333_333
            door.offer(topics.CAMERA_INFO, conversions.camera_info_message(camera, stamp, "camera", MESSAGES))
            door.offer(topics.IMAGE, conversions.image_message(image, stamp, "camera", MESSAGES))
            while stamp not in door.ended_ns():
                time.sleep(0.0001)
            door.ended_ns().clear()
            if i + 1 in (frames // 4, frames):
                peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return peaks[0], peaks[1]


def main(arguments: Arguments) -> int:
    """Measures and prints; 1 where a bar is not held with nobody listening."""
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{WIDTH}x{HEIGHT} at {RATE_HZ:g} Hz, pipeline of {arguments.processing_ms:g} ms; added to it, ms:")
    runs = [run(case, name, arguments) for name in DOORS for case in CASES]
    runs += [run("nobody listens", name, arguments, jpeg=True) for name in DOORS]
    for figures in runs:
        print(
            f"  {figures.door:8s} {figures.case:24s} in p50 {figures.in_ms_p50:5.2f}  p95 {figures.in_ms_p95:5.2f}"
            f"  out p50 {figures.out_ms_p50:5.2f}  p95 {figures.out_ms_p95:5.2f}"
            f"  dropped {figures.dropped} of {figures.frames}"
        )
    first, last = memory_mb(arguments.long_run)
    print(f"memory at its peak: {first:.1f} MB after {arguments.long_run // 4} frames, {last:.1f} after all")
    assert threading.active_count() == 1
    plain = [figures for figures in runs if figures.case == "nobody listens"]
    good = all(f.in_ms_p50 <= BAR_ADDED_MS and f.out_ms_p50 <= BAR_ADDED_MS for f in plain) and last - first < 8.0
    print(f"bars (p50 ≤ {BAR_ADDED_MS:g} ms a direction, no growth): {'held' if good else 'NOT HELD'}")
    if arguments.json:
        outcome = {"runs": [asdict(figures) for figures in runs], "memory_mb": [first, last]}
        arguments.json.write_text(json.dumps(outcome, indent=1), encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
