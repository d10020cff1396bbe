"""A worker with a pipeline that does what a test says, and messages for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from example_scenes import HEIGHT, WIDTH, FakePerception

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import Config, NodeConfig
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.ros import conversions
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.tf import Transforms
from hoi_perception.ros.worker import Result, Worker
from hoi_perception.types import Camera, Frame, Scene, Side

MESSAGES = BagMessages()
SECOND = 1_000_000_000
PERIOD = 33_333_333


class Pipeline(FakePerception):
    """Every frame gives two hands; `gate` holds it up, `failures` are raised one after the other.

    `refusals` are raised by the other methods, by name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.failures: list[Exception] = []
        self.refusals: dict[str, Exception] = {}
        self.resets = 0
        self.configs: list[Config] = []
        self.shapes: dict[Side, ShapeEstimate] = {}
        self.instruments: dict[int, Any] = {}

    def process(self, frame: Frame) -> Scene:
        self.entered.set()
        assert self.gate.wait(10.0)
        if self.failures:
            raise self.failures.pop(0)
        for side, shape in self.shapes.items():
            if not shape.frozen and any(hand.side is side for hand in self.hands):
                self.shapes[side] = ShapeEstimate(
                    shape.shape + 0.125, 4.0 * np.eye(10), frames=shape.frames + 1, wanted=shape.wanted
                )
        return super().process(frame)

    def reset(self) -> None:
        self._refuse("reset")
        self.resets += 1

    def retune(self, config: Config) -> None:
        self._refuse("retune")
        self.configs.append(config)

    def _refuse(self, name: str) -> None:
        if name in self.refusals:
            raise self.refusals[name]

    def shape(self, side: Side) -> ShapeEstimate | None:
        self._refuse("shape")
        return self.shapes.get(side)

    def add_instrument(self, name: str) -> int:
        self._refuse("add_instrument")
        self.instruments[len(self.instruments) + 1] = name
        return len(self.instruments)

    def remove_instrument(self, track_id: int) -> None:
        del self.instruments[track_id]

    def set_instrument_pose(self, track_id: int, *pose: Any) -> None:
        self.instruments[track_id] = pose

    def set_shape(self, side: Side, estimate: ShapeEstimate | None) -> None:
        self.shapes.pop(side, None)
        if estimate is not None:
            self.shapes[side] = estimate


class WorkerBench:
    """An active worker, its pipeline, and all that it delivered and logged.

    `clock_s` is added to both clocks, so that a test need not wait for time to pass.
    """

    def __init__(self, transforms: Transforms | None = None, **settings: Any) -> None:
        self.pipeline = Pipeline()
        self.results: list[Result] = []
        self.lines: list[tuple[str, str]] = []
        self.clock_s = 0.0
        self.deliver: Callable[[Result], None] = self.results.append
        self.config = NodeConfig(**settings)
        self.worker = Worker(
            self.config,
            self._deliver,
            load=lambda _: self.pipeline,
            now_ns=lambda: time.time_ns() + round(self.clock_s * 1e9),
            monotonic_s=lambda: time.monotonic() + self.clock_s,
            log=lambda level, text: self.lines.append((level, text)),
            transforms=transforms,
        )

    def _deliver(self, result: Result) -> None:
        self.deliver(result)

    def now(self) -> int:
        """Stamp of an image that is taken now."""
        return time.time_ns() + round(self.clock_s * 1e9)

    def offer(self, stamp: int | None = None, *, frame_id: str = "cam", info: bool = True, **image: Any) -> int:
        """An image, with its CameraInfo before it; the stamp."""
        stamp = self.now() if stamp is None else stamp
        if info:
            self.worker.offer_camera_info(info_message(stamp, frame_id=frame_id))
        self.worker.offer_image(image_message(stamp, frame_id=frame_id, **image))
        return stamp

    def settle(self, images: int) -> None:
        """Wait until that many images since the start came to something."""
        wait_for(lambda: sum_of(self.worker) >= images)

    def process(self, *stamps: int, **image: Any) -> None:
        """Offer images one by one, each after the one before came to something."""
        for stamp in stamps or (self.now(),):
            done = sum_of(self.worker)
            self.offer(stamp, **image)
            self.settle(done + 1)

    @property
    def reason(self) -> str:
        return self.worker.status().reason


@contextmanager
def active_worker(transforms: Transforms | None = None, **settings: Any) -> Iterator[WorkerBench]:
    """A worker that waits for images."""
    bench = WorkerBench(transforms, **settings)
    bench.worker.load()
    wait_for(lambda: bench.worker.status().load.value == "ready")
    bench.worker.start()
    try:
        yield bench
    finally:
        bench.pipeline.gate.set()
        bench.worker.close()


def sum_of(worker: Worker) -> int:
    """Images that came to something."""
    counters = worker.status().counters
    return counters.processed + counters.failed + counters.repeated


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Until it is so; a test that waits in vain fails."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.001)


def example_camera(width: int = WIDTH, height: int = HEIGHT, fov_deg: float = 60.0) -> Camera:
    """Calibrated, not assumed."""
    return camera_from_fov(width, height, fov_deg, assumed=False)


def image_message(stamp: int, *, frame_id: str = "cam", width: int = WIDTH, height: int = HEIGHT, **fields: Any) -> Any:
    """bgr8, with fields replaced as a test wants them."""
    image = np.full((height, width, 3), 90, dtype=np.uint8)
    message = conversions.image_message(image, stamp, frame_id, MESSAGES)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def info_message(stamp: int, *, frame_id: str = "cam", camera: Camera | None = None) -> Any:
    """CameraInfo of the example camera."""
    return conversions.camera_info_message(camera or example_camera(), stamp, frame_id, MESSAGES)


def compressed_message(stamp: int, data: bytes, *, frame_id: str = "cam") -> Any:
    """A CompressedImage of any bytes."""
    return MESSAGES.make(
        "sensor_msgs/msg/CompressedImage",
        header=conversions.header_message(stamp, frame_id, MESSAGES),
        format="jpeg",
        data=np.frombuffer(data, dtype=np.uint8),
    )


def plane_message(values: np.ndarray, encoding: str, stamp: int, frame_id: str = "cam") -> Any:
    """A depth image or a mask."""
    height, width = values.shape
    return MESSAGES.make(
        "sensor_msgs/msg/Image",
        header=conversions.header_message(stamp, frame_id, MESSAGES),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=values.itemsize * width,
        data=values.reshape(-1).view(np.uint8),
    )
