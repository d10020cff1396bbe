"""The live node without ROS: the worker behind DDS topics that ROS sees as those of any other node."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Any

from hoi_perception.config import NodeConfig
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.ros import topics
from hoi_perception.ros.dds.names import NodeSetupError
from hoi_perception.ros.dds.participant import Participant
from hoi_perception.ros.dds.reader import Reader
from hoi_perception.ros.dds.writer import Writer
from hoi_perception.ros.health import LoadState
from hoi_perception.ros.inputs import inputs_of
from hoi_perception.ros.live_perception import LivePerception, load_perception
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.node_settings import needs_tf
from hoi_perception.ros.outputs import Outputs
from hoi_perception.ros.own_source import OwnSource
from hoi_perception.ros.reasons import Log
from hoi_perception.ros.robot_descriptions import RobotDescriptions
from hoi_perception.ros.tf_buffer import TransformBuffer
from hoi_perception.ros.topics import Topic
from hoi_perception.ros.worker import Result, Worker
from hoi_perception.types import Frame

DIAGNOSTICS_PERIOD_S = 1.0


class StandaloneNode:
    """Images of topics, or `frames` of a source of its own, in; hands and all that belongs to them out.

    It loads its models and works from the moment it is made. NodeSetupError for settings that need ROS.
    """

    def __init__(
        self,
        participant: Participant,
        config: NodeConfig,
        messages: BagMessages,
        frames: Callable[[threading.Event], Iterator[Frame]] | None = None,
        *,
        load: Callable[[NodeConfig], LivePerception] = load_perception,
        log: Log = lambda _, __: None,
    ) -> None:
        if config.target_frame:
            raise NodeSetupError(
                "target_frame needs TF as ROS has it, which is for the node of `ros2 launch`: leave it out"
            )
        if config.further_cameras and frames is not None:
            raise NodeSetupError("further_cameras are topics: leave them or the source of the node's own out")
        self._participant, self._config = participant, config
        self._lost = 0
        self._images: Reader | None = None
        self._writers = {
            t.name: participant.writer(t) for t in topics.OUTPUTS if t.type in messages.typestore.fielddefs
        }
        name = participant.names.full.lstrip("/")
        self.outputs = Outputs(messages, self._publish, self._subscribed, config, name=name)
        self.outputs.describe(self._instruments(config))
        self._log, self._tf = log, TransformBuffer()
        self.worker = Worker(config, self._deliver, load=load, log=self._tell, transforms=self._tf)
        self.worker.load()
        self.worker.start()
        self._source: OwnSource | None = None
        if needs_tf(config):
            self._listen()
        if frames is None:
            self._subscribe()
        else:
            self._source = OwnSource(frames, self._ready, self.worker.offer_frame, participant, messages)

    def run(self, stop: threading.Event, on_second: Callable[[], None] = lambda: None) -> None:
        """Send diagnostics every second until `stop`, or until its own source has ended.

        NodeSetupError where the models cannot be loaded or the source fails.
        """
        next_s = time.monotonic()
        while not stop.wait(max(0.0, next_s - time.monotonic())):
            next_s += DIAGNOSTICS_PERIOD_S
            if self._images is not None:
                self.worker.set_publishers(self._images.publishers)
            status = self.worker.status()
            self.outputs.send_diagnostics(status, self._warnings())
            if status.load is LoadState.FAILED:
                raise NodeSetupError(status.load_failure)
            on_second()
            if self._source is not None and self._source.ended:
                if self._source.failure:
                    raise NodeSetupError(self._source.failure)
                if self._idle():
                    return

    def close(self) -> None:
        """End the source, then the worker, then the drawing; the participant is left to its owner. Idempotent."""
        if self._source is not None:
            self._source.close()
        self.worker.close()
        self.outputs.close()

    def __enter__(self) -> StandaloneNode:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def _instruments(config: NodeConfig) -> RobotDescriptions:
        try:
            return RobotDescriptions.of(config)
        except InstrumentError as error:
            raise NodeSetupError(str(error)) from None

    def _subscribe(self) -> None:
        self._images, *_ = [self._participant.reader(i.topic, i.offer) for i in inputs_of(self._config, self.worker)]

    def _listen(self) -> None:
        """Hear TF."""

        def hear(message: Any, *, static: bool) -> None:
            self._tf.add(message, static=static)
            self.worker.notice()

        self._participant.reader(topics.TF, partial(hear, static=False))
        self._participant.reader(topics.TF_STATIC, partial(hear, static=True))

    def _deliver(self, result: Result) -> None:
        """In the worker's thread."""
        self.outputs.send(result)

    def _publish(self, topic: Topic, message: Any) -> None:
        """Topics of instruments come into being with the first message."""
        if topic.name not in self._writers:
            self._writers[topic.name] = self._participant.writer(topic)
        self._writers[topic.name].publish(message)

    def _subscribed(self, topic: Topic) -> bool:
        writer: Writer | None = self._writers.get(topic.name)
        return writer is not None and writer.subscribed > 0

    def _tell(self, level: str, text: str) -> None:
        """That the models cannot be loaded is told by the end of `run`."""
        if self.worker.status().load is not LoadState.FAILED:
            self._log(level, text)

    def _ready(self) -> bool:
        return self.worker.status().load is LoadState.READY

    def _idle(self) -> bool:
        """Whether every image came to something."""
        counters = self.worker.status().counters
        return counters.received == counters.processed + counters.dropped + counters.failed + counters.repeated

    def _warnings(self) -> list[str]:
        """What was given up since the last time."""
        lost, before = sum(writer.lost for writer in self._writers.values()), self._lost
        self._lost = lost
        return [f"{lost - before} messages given up: a subscriber does not keep up"] if lost > before else []
