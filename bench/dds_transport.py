"""What DDS adds to a frame without ROS: publishing, receiving, loss at 30 Hz, memory over 20 000 frames.

`python bench/dds_transport.py` prints one line of JSON. Two processes on this machine, through its loopback interface.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

from hoi_perception.ros import topics
from hoi_perception.ros.conversions import image_bgr, image_message, stamp_ns
from hoi_perception.ros.dds.domain import Domain, Reach
from hoi_perception.ros.dds.names import NodeNames
from hoi_perception.ros.dds.participant import Participant
from hoi_perception.ros.messages import BagMessages
from hoi_perception.types import N_VERTICES

SIZES = {"640x480": (480, 640), "1280x720": (720, 1280)}
FRAMES, RATE_HZ, MANY = 300, 30.0, 20_000
MESSAGES = BagMessages()


def log(level: str, text: str) -> None:
    """Nothing should be told."""
    print(level, text, file=sys.stderr)


def receive(domain: Domain) -> None:
    """The other process: prints its figures when the publisher has gone.

    Latency reaches from before an image is encoded until after it is decoded.
    """
    ages_ms: list[float] = []

    def take(message: Any) -> None:
        image_bgr(message)
        ages_ms.append(1e-6 * (time.time_ns() - stamp_ns(message.header)))

    with Participant(domain, NodeNames("receiver"), MESSAGES, log) as node:
        reader = node.reader(topics.IMAGE, take)
        while not reader.publishers:
            time.sleep(0.05)
        start = time.process_time()
        while reader.publishers:
            time.sleep(0.05)
        cpu_ms = 1e3 * (time.process_time() - start) / max(1, len(ages_ms))
    figures = {"received": len(ages_ms), "latency_ms": spread(ages_ms), "receive_cpu_ms": round(cpu_ms, 3)}
    print(json.dumps(figures))


def images(domain: Domain, height: int, width: int, frames: int, rate_hz: float) -> dict[str, Any]:
    """Publishes images to the other process; the figures of both."""
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    command = [sys.executable, __file__, "receive", str(domain.number)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    publish_ms: list[float] = []
    publish_cpu_ms: list[float] = []
    with Participant(domain, NodeNames("sender"), MESSAGES, log) as node:
        writer = node.writer(topics.IMAGE)
        while not writer.subscribed:
            time.sleep(0.05)
        time.sleep(0.5)
        due = time.perf_counter()
        for _ in range(frames):
            start, start_cpu = time.perf_counter(), time.thread_time()
            writer.publish(image_message(image, time.time_ns(), "camera", MESSAGES))
            publish_ms.append(1e3 * (time.perf_counter() - start))
            publish_cpu_ms.append(1e3 * (time.thread_time() - start_cpu))
            due += 1.0 / rate_hz
            time.sleep(max(0.0, due - time.perf_counter()))
        time.sleep(0.5)
    told = json.loads(other.communicate()[0])
    return {"sent": frames, **told, "publish_ms": spread(publish_ms), "publish_cpu_ms": spread(publish_cpu_ms)}


def mesh(domain: Domain) -> dict[str, float]:
    """Publishing the vertices of two hands to a subscriber."""
    make = MESSAGES.make
    header = MESSAGES.make(
        "std_msgs/msg/Header", stamp=make("builtin_interfaces/msg/Time", sec=0, nanosec=0), frame_id="c"
    )
    one = {"side": 0, "track_id": 1, "topology_id": "open_hand_right", "vertices": np.zeros(3 * N_VERTICES, np.float32)}
    fields = {f[0] for f in MESSAGES.typestore.fielddefs["hoi_perception/msg/MeshVertices"][1]}
    hands = [make("hoi_perception/msg/MeshVertices", **{k: v for k, v in one.items() if k in fields})] * 2
    message = make(topics.HAND_MESHES.type, header=header, meshes=hands)
    took: list[float] = []
    with Participant(domain, NodeNames("meshes"), MESSAGES, log) as node:
        node.reader(topics.HAND_MESHES, lambda _: None)
        writer = node.writer(topics.HAND_MESHES)
        for _ in range(500):
            start = time.perf_counter()
            writer.publish(message)
            took.append(1e3 * (time.perf_counter() - start))
    return spread(took)


def growth(domain: Domain) -> dict[str, float]:
    """Resident memory after 1 000 and after 20 000 small images through a standing node."""
    image = np.zeros((48, 64, 3), np.uint8)
    rss = {}
    with Participant(domain, NodeNames("many"), MESSAGES, log) as node:
        seen: list[int] = [0]
        node.reader(topics.IMAGE, lambda _: seen.__setitem__(0, seen[0] + 1))
        writer = node.writer(topics.IMAGE)
        for number in range(1, MANY + 1):
            writer.publish(image_message(image, number, "camera", MESSAGES))
            if number in (1000, MANY):
                rss[f"rss_mib_after_{number}"] = rss_mib()
            time.sleep(0.0002)
    return {**rss, "received": seen[0]}


def rss_mib() -> float:
    """Resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file of ours
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    if not values:
        return {}
    return {"p50": round(float(np.median(values)), 3), "p95": round(float(np.quantile(values, 0.95)), 3)}


def main() -> None:
    """Everything, or the other process's part of it."""
    if sys.argv[1:2] == ["receive"]:
        with Domain(int(sys.argv[2]), Reach.LOCALHOST) as domain:
            receive(domain)
        return
    with Domain(random.SystemRandom().randint(1, 200), Reach.LOCALHOST) as domain:
        figures: dict[str, Any] = {f"image {n}": images(domain, *s, FRAMES, RATE_HZ) for n, s in SIZES.items()}
        figures |= {"two meshes, publish_ms": mesh(domain), "memory": growth(domain)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
