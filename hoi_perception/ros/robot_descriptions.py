"""Instruments of the library as RViz's RobotModel shows them: their URDF, and TF of the links below the base link.

Links bear the names of TF frames: `instrument_<name>` for the base link, `instrument_<name>_<link>` for the others, all
with `frame_prefix` before them. RobotModel's own TF prefix stays empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.config import NodeConfig, listed
from hoi_perception.instruments.kinematics import InstrumentState, JointTree, joint_tree, pose_links
from hoi_perception.instruments.library import SHIPPED, Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.instruments.urdf_text import urdf_text
from hoi_perception.ros import topics
from hoi_perception.ros.conversions.headers import header_message
from hoi_perception.ros.conversions.poses import transform_messages
from hoi_perception.ros.frame_names import INSTRUMENT, FrameNames, instrument_frame, instrument_link_frame
from hoi_perception.ros.messages import PACKAGE, Messages
from hoi_perception.ros.topics import Topic
from hoi_perception.types import Scene


@dataclass(frozen=True)
class Robot:
    """One instrument with its URDF; `frame` is that of its base link, without prefix."""

    model: InstrumentModel
    tree: JointTree
    frame: str
    urdf: str

    def angles(self, positions: Mapping[str, float]) -> Float64[NDArray[np.float64], " j"]:
        """Joint angles (rad): those given, the others at rest, as near to zero as the limits allow."""
        rest = np.clip(0.0, self.tree.lower, self.tree.upper)
        return np.array([positions.get(n, a) for n, a in zip(self.model.joint_names, rest, strict=True)], dtype=float)

    def links(self, frame: str, positions: Mapping[str, float], stamp_ns: int, messages: Messages) -> list[Any]:
        """TransformStamped of the links below the base link, whose frame is `frame`."""
        angles = self.angles(positions)[None]
        posed = pose_links(self.tree, InstrumentState(np.eye(3)[None], np.zeros((1, 3)), angles))
        children = [instrument_link_frame(frame, name) for name in self.model.link_names[1:]]
        parent = header_message(stamp_ns, frame, messages)
        return transform_messages(parent, children, posed.R[0, 1:], posed.t[0, 1:], messages)


@dataclass(frozen=True)
class RobotDescriptions:
    """The instruments that are described, and what goes before their frames."""

    robots: tuple[Robot, ...]
    prefix: str = ""

    @staticmethod
    def of(config: NodeConfig) -> RobotDescriptions:
        """Those that the settings name; InstrumentError for one that is not there or cannot be read."""
        names = listed(config.instruments)
        if not names:
            return RobotDescriptions(())
        library = Library.find(listed(config.instrument_folders))
        models = {model.name: model for model in map(library.get, names)}
        robots = (_robot(model, config.frame_prefix, library.packages) for model in models.values())
        return RobotDescriptions(tuple(robots), config.frame_prefix)

    def messages(self, messages: Messages) -> Iterable[tuple[Topic, Any]]:
        """A std_msgs/String with the URDF of each, and its topic."""
        for robot in self.robots:
            topic = topics.instrument_description(robot.frame.removeprefix(INSTRUMENT))
            yield topic, messages.make(topic.type, data=robot.urdf)

    def tracked_links(self, scene: Scene, names: FrameNames, messages: Messages) -> list[Any]:
        """TransformStamped of the links of every described instrument in a scene, at its joint angles."""
        robots = {robot.model.name: robot for robot in self.robots}
        transforms: list[Any] = []
        for instrument in scene.instruments:
            robot = robots.get(instrument.name)
            if robot is not None:
                positions = dict(zip(instrument.joint_names, map(float, instrument.joint_positions), strict=True))
                frame = self.prefix + names.instrument(instrument.track_id)
                transforms += robot.links(frame, positions, scene.stamp_ns, messages)
        return transforms

    def resting_links(self, names: FrameNames, stamp_ns: int, messages: Messages) -> list[Any]:
        """The same, joints at rest, of those that are not in the latest scene: RViz shows them in their own frame."""
        seen = {str(name) for name in names.instruments.values()}
        resting = [robot for robot in self.robots if robot.frame not in seen]
        return [t for robot in resting for t in robot.links(self.prefix + robot.frame, {}, stamp_ns, messages)]


def mesh_uri(path: Path, packages: Mapping[str, Path]) -> str:
    """`package://…` for a mesh that a ROS package installs, as ours does with the library; `file://…` for any other."""
    path = path.resolve()
    if path.is_relative_to(SHIPPED) and PACKAGE in packages:
        installed = Path("instruments") / path.relative_to(SHIPPED)
        if (packages[PACKAGE] / installed).is_file():
            return f"package://{PACKAGE}/{quote(installed.as_posix())}"
    for name, share in packages.items():
        if path.is_relative_to(share.resolve()):
            return f"package://{name}/{quote(path.relative_to(share.resolve()).as_posix())}"
    return path.as_uri()


def _robot(model: InstrumentModel, prefix: str, packages: Mapping[str, Path]) -> Robot:
    frame = instrument_frame(model.name)
    base, *others = model.link_names
    frames = {base: prefix + frame} | {name: instrument_link_frame(prefix + frame, name) for name in others}
    urdf = urdf_text(model, frames=frames, mesh_uri=lambda path: mesh_uri(path, packages))
    return Robot(model, joint_tree(model), frame, urdf)
