"""The command `hoi-perception node`: settings, names and a source from the command line, and a node that runs on
them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from hoi_perception.config import NodeConfig

if TYPE_CHECKING:
    from hoi_perception.ros.dds.domain import Domain
    from hoi_perception.ros.dds.names import NodeNames
    from hoi_perception.ros.dds.qos_overrides import QosOverrides
    from hoi_perception.ros.live_perception import LivePerception
    from hoi_perception.ros.worker import Worker
    from hoi_perception.types import Frame

Frames = Callable[[threading.Event], "Iterator[Frame]"]
STATUS_PERIOD_S = 5


@dataclass(frozen=True)
class Node:
    """Live, with no ROS installed: the topics of the ROS node, on the wire as ROS 2 has them, through Cyclone DDS.

    `ros2 topic`, `ros2 node` and RViz see it like any other node. Services, the action, lifecycle transitions and
    parameter services are only offered by the node of `ros2 launch hoi_perception perception.launch.py`.
    """

    source: tyro.conf.Positional[str | None] = None
    """The index of a camera, a video or a folder of images; left out: the topic `image`."""
    params_file: Path | None = None
    """YAML file of ROS parameters, the same as for the ROS node; flags go before it."""
    namespace: str = ""
    """Namespace of the node, such as /left."""
    name: str = "hoi_perception"
    """Name of the node."""
    remap: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Another name for a topic, such as image:=/camera/image_raw; may be given several times."""
    domain: int | None = None
    """DDS domain; ROS_DOMAIN_ID or 0 by default."""
    localhost: bool = False
    """Only this machine; also by ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST."""
    loop: bool = False
    """Start a recording again at its end."""
    frame_id: str = "camera"
    """Optical frame of the images of a source of its own."""
    settings: Annotated[NodeConfig, tyro.conf.arg(name="")] = field(default_factory=NodeConfig)

    def execute(self) -> int:
        """Runs until Ctrl-C, or until its source has ended."""
        from hoi_perception.settings import check_settings

        config, names = check_settings(self.settings), self.names()
        overrides, frames = self.qos_overrides(names), self.open_source(config)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: _stop_once(stop))
        with self.open_domain() as domain:
            live(domain, names, config, frames, stop, overrides)
        return 0

    def names(self) -> NodeNames:
        """Names of the node and its topics."""
        from hoi_perception.ros.dds.names import NodeNames

        return NodeNames.of(self.name, self.namespace, self.remap)

    def qos_overrides(self, names: NodeNames) -> QosOverrides:
        """What the parameter file says of qualities of service."""
        from hoi_perception.ros.dds.qos_overrides import QosOverrides, read_qos_overrides

        if self.params_file is None:
            return QosOverrides()
        return read_qos_overrides(self.params_file, names, own_source=self.source is not None)

    def open_domain(self) -> Domain:
        """The DDS domain by the flags, else by ROS's environment variables."""
        from hoi_perception.ros.dds.domain import Domain, Reach, domain_of_environment, peers_of_environment

        number = domain_of_environment() if self.domain is None else self.domain
        return Domain(number, Reach.LOCALHOST if self.localhost else Reach.of_environment(), peers_of_environment())

    def open_source(self, config: NodeConfig) -> Frames | None:
        """Frames of a source of its own, each when it is due; None for topics."""
        if self.source is None:
            return None
        from hoi_perception.io.calibration_file import read_camera_file
        from hoi_perception.io.camera_choice import CameraChoice
        from hoi_perception.io.playing import play
        from hoi_perception.io.sources import open_source

        file = Path(config.camera_file) if config.camera_file else None
        camera = read_camera_file(file, rectified=config.rectified) if file else None
        source = open_source(self.source, CameraChoice(camera, config.fov_deg or None))

        def frames(stop: threading.Event) -> Iterator[Frame]:
            yield from play(source, loop=self.loop, frame_id=self.frame_id, sleep=stop.wait)
            if source.live and not stop.is_set():
                raise ConnectionError(f"{source.name}: the camera stopped: check its cable and start again")

        return frames


def live(
    domain: Domain,
    names: NodeNames,
    config: NodeConfig,
    frames: Frames | None,
    stop: threading.Event,
    overrides: QosOverrides,
) -> None:
    """Runs a node until `stop` or the end of its source."""
    from hoi_perception.ros.dds.participant import Participant
    from hoi_perception.ros.messages import BagMessages
    from hoi_perception.ros.standalone import StandaloneNode

    messages, told = BagMessages(), Telling()
    with (
        Participant(domain, names, messages, told.log, overrides) as participant,
        StandaloneNode(participant, config, messages, frames, load=load_quietly, log=told.log) as node,
    ):
        told.log("info", f"{names.full} in domain {domain.number}, images from {_origin(names, config, frames)}")
        node.run(stop, lambda: told.status(node.worker))
        told.fall_silent()


class Telling:
    """Lines for a person at a terminal; where there is none, only warnings and errors."""

    def __init__(self) -> None:
        # A stream of its own: native remarks on the process's error stream are shut out while models load.
        self._stream = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", buffering=1)
        self._watched = self._stream.isatty()
        self._seconds = 0

    def log(self, level: str, text: str) -> None:
        """One line of the log."""
        if level != "info":
            self._stream.write(f"{level}: {text}\n")
        elif self._watched:
            self._stream.write(f"{text}\n")

    def fall_silent(self) -> None:
        """No more of what is only of interest while it runs."""
        self._watched = False

    def status(self, worker: Worker) -> None:
        """Called every second: tells now and then how fast it is and what it sees."""
        self._seconds += 1
        if not self._watched or self._seconds % STATUS_PERIOD_S:
            return
        status = worker.status()
        seen = status.reason or ", ".join(status.hands)
        self.log("info", f"{status.rate_hz:.1f} images/s, {status.processing_ms.p50:.0f} ms each: {seen}")


def load_quietly(config: NodeConfig) -> LivePerception:
    """The pipeline without Warp's and LiteRT's remarks on what this machine has not got."""
    from hoi_perception.io.native_noise import quiet_stderr, start_warp
    from hoi_perception.ros.live_perception import load_perception

    start_warp()
    with quiet_stderr():
        return load_perception(config)


def settings_of(arguments: Sequence[str]) -> NodeConfig:
    """Settings of the file named by --params-file for the node that the arguments name; the defaults without one."""
    path = _value(arguments, "--params-file")
    if path is None:
        return NodeConfig()
    from hoi_perception.ros.dds.names import NodeNames
    from hoi_perception.ros.parameters import read_parameter_file

    names = NodeNames.of(_value(arguments, "--name") or Node.name, _value(arguments, "--namespace") or "")
    return read_parameter_file(Path(path), names.full)


def _value(arguments: Sequence[str], flag: str) -> str | None:
    """What is given to a flag, written with hyphens or underscores, in one word or two."""
    found = None
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name.replace("_", "-") == flag and (equals or index + 1 < len(arguments)):
            found = value if equals else arguments[index + 1]
    return found


def _origin(names: NodeNames, config: NodeConfig, frames: Frames | None) -> str:
    if frames is not None:
        return "its own source"
    return names.resolve("image/compressed" if config.image_transport == "compressed" else "image")


def _stop_once(stop: threading.Event) -> None:
    """The first signal asks for the end, a second one forces it."""
    if stop.is_set():
        os._exit(128 + signal.SIGINT)
    stop.set()
