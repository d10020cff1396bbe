"""Qualities of service that a parameter file puts before those of the topic table, named as rclpy names them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from hoi_perception.ros import topics
from hoi_perception.ros.dds.names import NodeNames
from hoi_perception.ros.parameters import QOS_OVERRIDES, read_own_names, read_parameter_values
from hoi_perception.ros.topics import Durability, Reliability, Topic
from hoi_perception.settings import SettingsError

_DEEPEST = 2**31 - 1
_INSTRUMENT_TOPIC = re.compile(r"instrument_\w+/(measured_(cp|js)|robot_description)")
_CAMERA_TOPIC = re.compile(r"cameras/[A-Za-z_]\w*/(image(/compressed)?|camera_info)", re.ASCII)


class End(Enum):
    """Which end of a topic a node holds."""

    PUBLISHER = "publisher"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True)
class QosOverrides:
    """Fields of `Topic` by the full name of a topic and the end of it that they are meant for.

    `left_out` names parameters of shared sections that are for other nodes' topics.
    """

    changes: Mapping[tuple[str, End], Mapping[str, Any]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def applied(self, topic: Topic, full_name: str, end: End) -> Topic:
        """The topic with what is overridden."""
        return replace(topic, **self.changes.get((full_name, end), {}))


def read_qos_overrides(path: Path, names: NodeNames, *, own_source: bool) -> QosOverrides:
    """The overrides of a YAML file for the node of these names; with `own_source` it publishes images itself.

    A section for several nodes (`/**`) may name topics of the others, which are left out. SettingsError for a policy or
    a value that does not exist, and where a section for this node alone names a topic that it has in no setting.
    """
    values = read_parameter_values(path, names.full)
    given = {n: v for n, v in values.items() if n.startswith(QOS_OVERRIDES)}
    shared = set(given) - read_own_names(path, names.full)
    left_out = tuple(n for n in given if n in shared and not _is_meant(n, names, own_source))
    try:
        overrides = parse_qos_overrides({n: v for n, v in given.items() if n not in left_out})
        check_topics(overrides, names, own_source=own_source)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None
    return replace(overrides, left_out=left_out)


def parse_qos_overrides(values: Mapping[str, Any]) -> QosOverrides:
    """Overrides from parameters such as `qos_overrides./image.subscription.depth`; SettingsError names a wrong one."""
    changes: dict[tuple[str, End], dict[str, Any]] = {}
    for name, value in values.items():
        topic, end, policy = _parts(name)
        changes.setdefault((topic, end), {}).update(_change(name, policy, value))
    return QosOverrides(changes)


def check_topics(overrides: QosOverrides, names: NodeNames, *, own_source: bool) -> None:
    """SettingsError for a topic that the node has in no setting, or of which it has the other end only."""
    for topic, end in overrides.changes:
        if not _is_ours(topic, end, names, own_source):
            known = map(names.resolve, _topics_of(end, own_source))
            verb = "publish" if end is End.PUBLISHER else "subscribe to"
            raise SettingsError(
                f"{QOS_OVERRIDES}{topic}.{end.value}: this node does not {verb} {topic}: give one of {', '.join(known)}"
            )


def _is_meant(name: str, names: NodeNames, own_source: bool) -> bool:
    """Whether a parameter is for an end of a topic that this node has."""
    try:
        topic, end, _ = _parts(name)
    except SettingsError:
        return False
    return _is_ours(topic, end, names, own_source)


def _is_ours(topic: str, end: End, names: NodeNames, own_source: bool) -> bool:
    known = map(names.resolve, _topics_of(end, own_source))
    named = {End.PUBLISHER: _INSTRUMENT_TOPIC, End.SUBSCRIPTION: _CAMERA_TOPIC}[end]
    return topic in known or _is_named_like(named, topic, names)


def _parts(name: str) -> tuple[str, End, str]:
    parts = name.removeprefix(QOS_OVERRIDES).rsplit(".", 2)
    if len(parts) < 3 or parts[1] not in [end.value for end in End]:
        raise SettingsError(f"{name}: write it as {QOS_OVERRIDES}/image.subscription.depth, or with publisher")
    return parts[0], End(parts[1]), parts[2]


def _change(name: str, policy: str, value: Any) -> dict[str, Any]:
    """The field of `Topic` that a policy stands for; none for the history, which is always keep_last."""
    match policy:
        case "depth":
            if type(value) is not int or not 1 <= value <= _DEEPEST:  # bool is a kind of int
                raise SettingsError(f"{name} is {value!r}: give a whole number from 1 to {_DEEPEST}")
            return {"depth": value}
        case "reliability":
            return {"reliability": Reliability(_choice(name, value, [r.value for r in Reliability]))}
        case "durability":
            return {"durability": Durability(_choice(name, value, [d.value for d in Durability]))}
        case "history":
            _choice(name, value, ["keep_last"])
            return {}
    raise SettingsError(f"{name}: no policy '{policy}': there are history, depth, reliability, durability")


def _choice(name: str, value: Any, choices: list[str]) -> str:
    """The value in lower case: rclpy takes either."""
    if not isinstance(value, str) or value.lower() not in choices:
        raise SettingsError(f"{name} is {value!r}: give {' or '.join(choices)}")
    return value.lower()


def _topics_of(end: End, own_source: bool) -> Iterator[str]:
    """Names in the topic table, whether the settings ask for the topic or not: one file serves several settings."""
    if end is End.SUBSCRIPTION:
        yield from (topic.name for topic in (*topics.INPUTS, topics.TF, topics.TF_STATIC))
        return
    yield from (topic.name for topic in topics.OUTPUTS)
    if own_source:
        yield from (topics.IMAGE.name, topics.CAMERA_INFO.name)


def _is_named_like(pattern: re.Pattern[str], full_name: str, names: NodeNames) -> bool:
    """Whether a topic of some instrument or of a further camera, which come and go, would have this name."""
    as_named = replace(names, remaps=())
    own = names.namespace.rstrip("/") + "/"
    for name in (full_name, *(rule.old for rule in names.remaps)):
        local = as_named.resolve(name).removeprefix(own)
        if pattern.fullmatch(local) and names.resolve(local) == full_name:
            return True
    return False
