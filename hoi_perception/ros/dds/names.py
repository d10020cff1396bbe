"""Names of topics and types: ROS's rules for namespaces and remaps, and what they are called in DDS."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = r"[A-Za-z_][A-Za-z0-9_]*"
_NODE = re.compile(_TOKEN)
_NAMESPACE = re.compile(rf"/|(/{_TOKEN})+")
_NAME = re.compile(rf"(~|~/|/)?{_TOKEN}(/{_TOKEN})*")
_TRANSPORTS = ("/compressed", "/compressedDepth")
"""Topics of image_transport, which follow the topic that they belong to."""


class NodeSetupError(ValueError):
    """A node that cannot be set up as asked; the text says why and what to do."""


@dataclass(frozen=True)
class Remap:
    """One rule `old:=new`, each relative, absolute or private (`~/name`)."""

    old: str
    new: str

    @staticmethod
    def parse(text: str) -> Remap:
        """The rule that `old:=new` states; NodeSetupError if it states none."""
        old, sign, new = text.partition(":=")
        for name in (old, new):
            if not sign or not _NAME.fullmatch(name):
                raise NodeSetupError(
                    f"remap '{text}': write it as image:=/camera/image_raw, with ROS names on both sides"
                )
        return Remap(old, new)


@dataclass(frozen=True)
class NodeNames:
    """What a node is called, and what that makes of the names of its topics.

    `namespace` begins with a slash ("/" for none).
    """

    node: str
    namespace: str = "/"
    remaps: tuple[Remap, ...] = ()

    def __post_init__(self) -> None:
        if not _NODE.fullmatch(self.node):
            raise NodeSetupError(f"node name '{self.node}': use letters, digits and underscores, no digit first")
        if not _NAMESPACE.fullmatch(self.namespace):
            raise NodeSetupError(f"namespace '{self.namespace}': write it as /left or /robot/left")

    @staticmethod
    def of(node: str, namespace: str = "", remaps: tuple[str, ...] = ()) -> NodeNames:
        """From a command line: a namespace with or without its first slash, remaps as `old:=new`."""
        return NodeNames(node, "/" + namespace.strip("/"), tuple(map(Remap.parse, remaps)))

    @property
    def full(self) -> str:
        """Namespace and name of the node."""
        return self._join(self.node)

    def resolve(self, topic: str) -> str:
        """Full name of a topic after remapping. A remapped image takes its compressed twin along."""
        remapped = self._remapped(topic)
        if remapped is not None:
            return remapped
        for transport in _TRANSPORTS:
            if topic.endswith(transport):
                return self.resolve(topic[: -len(transport)]) + transport
        return self._expand(topic)

    def _remapped(self, topic: str) -> str | None:
        full = self._expand(topic)
        return next((self._expand(rule.new) for rule in self.remaps if self._expand(rule.old) == full), None)

    def _expand(self, name: str) -> str:
        if name.startswith("/"):
            return name
        if name.startswith("~"):
            return f"{self.full}/{name[1:].lstrip('/')}"
        return self._join(name)

    def _join(self, name: str) -> str:
        return f"{self.namespace.rstrip('/')}/{name}"


def dds_topic(full_name: str) -> str:
    """DDS name of a ROS topic."""
    return "rt" + full_name


def dds_type(ros_type: str) -> str:
    """DDS name of a ROS message type ("sensor_msgs/msg/Image"), with the dots that Cyclone's Python takes for `::`."""
    package, kind, name = ros_type.split("/")
    return f"{package}.{kind}.dds_.{name}_"
