"""What a live node subscribes to, the same through every door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from hoi_perception.config import NodeConfig
from hoi_perception.ros import topics
from hoi_perception.ros.further_setup import further_names
from hoi_perception.ros.topics import Topic
from hoi_perception.ros.worker import Worker


@dataclass(frozen=True)
class Input:
    """A topic whose messages go to `offer`; remapping `twin_of` remaps it too."""

    topic: Topic
    offer: Callable[[Any], None]
    twin_of: Topic | None = None


def inputs_of(config: NodeConfig, worker: Worker) -> Iterator[Input]:
    """Those that the settings ask for, the images of the first camera first; TF is heard elsewhere."""
    compressed = config.image_transport == "compressed"
    image = topics.COMPRESSED_IMAGE if compressed else topics.IMAGE
    yield Input(image, worker.offer_image, topics.IMAGE)
    yield Input(topics.CAMERA_INFO, worker.offer_camera_info)
    if config.use_depth:
        compressed = config.depth_transport == "compressedDepth"
        yield Input(topics.COMPRESSED_DEPTH if compressed else topics.DEPTH, worker.offer_depth, topics.DEPTH)
    if config.use_instrument_mask:
        yield Input(topics.INSTRUMENT_MASK, worker.offer_instrument_mask)
    for name in further_names(config):
        of = partial(topics.further_camera, name)
        yield Input(of(image), partial(worker.offer_further_image, name), of(topics.IMAGE))
        yield Input(of(topics.CAMERA_INFO), partial(worker.offer_further_info, name))
