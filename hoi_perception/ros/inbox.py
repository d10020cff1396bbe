"""What has come in and waits for the worker: the newest image, and what may belong to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hoi_perception.ros.companions import Companions, Stamped
from hoi_perception.ros.image_stream import ImageStream
from hoi_perception.ros.statistics import Counters
from hoi_perception.types import Frame

INFOS_KEPT, IMAGES_KEPT = 32, 4
"""Messages kept of `camera_info`, and of `depth` and `instrument_mask` each."""
FURTHER_KEPT = 8
"""Images kept of each further camera: one whose images come sooner than those of the first camera is not too soon."""


@dataclass(frozen=True)
class Arrival:
    """An image, as message or as Frame, with the time of its arrival by the node's clock (ns) and since boot (s)."""

    content: Any
    stamp_ns: int
    frame_id: str
    received_ns: int
    arrived_s: float
    stamp_was_zero: bool = False

    @property
    def age_s(self) -> float:
        """Time from the image's stamp to its arrival, by the node's clock."""
        return (self.received_ns - self.stamp_ns) * 1e-9


@dataclass(frozen=True)
class CameraBox:
    """What came from one further camera."""

    images: Companions = field(default_factory=lambda: Companions(FURTHER_KEPT))
    infos: Companions = field(default_factory=lambda: Companions(INFOS_KEPT))


class Inbox:
    """A slot for the newest image and short memories beside it, also of `further` cameras by their names.

    Not safe between threads: the worker holds a lock.
    """

    def __init__(self, further: Sequence[str] = ()) -> None:
        self.image: Arrival | None = None
        self.infos = Companions(INFOS_KEPT)
        self.depths = Companions(IMAGES_KEPT)
        self.masks = Companions(IMAGES_KEPT)
        self.cameras = {name: CameraBox() for name in further}
        self.stream = ImageStream()
        self.counters = Counters()
        self.latest_s: float | None = None

    def put_image(self, arrival: Arrival, late_s: float) -> None:
        """The newest image; the one before it, if nobody took it, is dropped. One that came before is left out."""
        self.latest_s = arrival.arrived_s
        if self.stream.is_latest(arrival.stamp_ns, arrival.frame_id) and not arrival.stamp_was_zero:
            self.stream.repeats += 1
            self.count(received=1, repeated=1)
            return
        self.count(received=1, dropped=int(self.image is not None), late=int(arrival.age_s > late_s))
        self.image = arrival
        self.stream.add(arrival.stamp_ns, arrival.frame_id, arrival.age_s)

    def take_image(self) -> Arrival | None:
        """The newest image, once."""
        image, self.image = self.image, None
        return image

    def count(self, **more: int) -> None:
        """Add to counters by name."""
        self.counters = replace(self.counters, **{name: getattr(self.counters, name) + n for name, n in more.items()})

    def clear(self) -> None:
        """Forget everything but the counters; an image that nobody took is dropped."""
        if self.take_image() is not None:
            self.count(dropped=1)
        boxes = [companions for box in self.cameras.values() for companions in (box.images, box.infos)]
        for companions in (self.infos, self.depths, self.masks, *boxes):
            companions.clear()
        self.stream.clear()
        self.latest_s = None


def arrival_of(content: Any, stamp_ns: int, frame_id: str, received_ns: int, arrived_s: float) -> Arrival:
    """An image as it came; the time of its arrival stands in for a stamp of zero."""
    zero = stamp_ns == 0
    stamp = received_ns if zero else stamp_ns
    if zero and isinstance(content, Frame):
        content = replace(content, stamp_ns=stamp)
    return Arrival(content, stamp, frame_id, received_ns, arrived_s, zero)


def stamped(message: Any, stamp_and_frame: Callable[[Any], tuple[int, str]], now_ns: int) -> Stamped:
    """A message that goes with images; the time of its arrival stands in for a stamp of zero."""
    stamp, frame_id = stamp_and_frame(message)
    return Stamped(message, stamp or now_ns, frame_id)
