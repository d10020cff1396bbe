"""ROS parameters: the settings of a live node by flat names, from a node's parameters or a YAML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hoi_perception.config import NodeConfig, Range
from hoi_perception.ros.node_settings import check_node_settings
from hoi_perception.settings import (
    SettingsError,
    Value,
    When,
    from_values,
    nested_values,
    settings_of,
    unknown_setting,
    values_of,
)

NODE_NAME = "/hoi_perception"
SECTION = "ros__parameters"
QOS_OVERRIDES = "qos_overrides."
"""What the names of parameters for qualities of service begin with."""
OTHERS = ("use_sim_time", "start_type_description_service", "autostart")
"""Parameters of a ROS node that are no settings of perception."""


@dataclass(frozen=True)
class Parameter:
    """One ROS parameter: `default` is the value to declare, `choices` the texts that are allowed (all where empty).

    `when` tells which change of it takes effect: at the next frame, at the next configure, at the next start.
    """

    name: str
    default: Value
    kind: type[Value]
    description: str
    range: Range | None
    choices: tuple[str, ...]
    when: When

    @property
    def at_start(self) -> bool:
        """Whether it is read-only once the process lives."""
        return self.when == "at_start"

    @property
    def constraints(self) -> str:
        """What a descriptor says beside range and type."""
        parts = [f"one of {', '.join(self.choices)}"] if self.choices else []
        if self.when != "tunable":
            parts.append("takes effect at the next " + ("configure" if self.when == "at_configure" else "start"))
        return "; ".join(parts)


def flatten(config: NodeConfig) -> list[Parameter]:
    """Every parameter with its value in `config`, in the order of the table in docs/ros.md."""
    values = values_of(config)
    return [
        Parameter(s.name, values[s.name], s.kind, s.description, s.range, s.choices, s.when)
        for s in settings_of(NodeConfig).values()
    ]


def from_flat(values: Mapping[str, Any]) -> NodeConfig:
    """Settings from values by flat name; what is left out has its default.

    SettingsError (a ValueError) names an unknown parameter and the nearest known ones, or a value that is not allowed
    and what is.
    """
    return check_node_settings(from_values(NodeConfig, values))


def unknown_name(name: str) -> str:
    """What to say of a parameter that does not exist."""
    return unknown_setting(name, settings_of(NodeConfig))


def is_other(name: str) -> bool:
    """Whether a ROS node has such a parameter beside the settings of perception."""
    return name in OTHERS or name.startswith(QOS_OVERRIDES)


def read_parameter_file(path: Path, node: str = NODE_NAME) -> NodeConfig:
    """Settings of a YAML file, by the rules of `read_parameter_values`. SettingsError names what is wrong."""
    values = read_parameter_values(path, node)
    try:
        return from_flat({name: value for name, value in values.items() if not is_other(name)})
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None


def read_parameter_values(path: Path, node: str = NODE_NAME) -> dict[str, Any]:
    """Values by flat name of a YAML file: ROS parameters of the node named `node`, or plain nested settings.

    In a file of ROS parameters the sections that fit the node count, a later one before an earlier one: `/**`,
    `hoi_perception`, `/camera_1/hoi_perception`, `/*/hoi_perception`, or names nested in names. SettingsError names
    what is wrong.
    """
    if not path.is_file():
        raise SettingsError(f"{path}: no such parameter file: check the path")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not YAML ({' '.join(str(error).split())}): correct it") from None
    try:
        return _values_for(content, node)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None


def read_own_names(path: Path, node: str = NODE_NAME) -> set[str]:
    """Names of the values that a YAML file gives in sections without wildcards: meant for this node alone."""
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    sections = list(_sections(content, "")) or [(node, content)]
    own = [nested_values(values) for pattern, values in sections if fits(pattern, node) and "*" not in pattern]
    return {name for values in own for name in values}


def _values_for(content: Any, node: str) -> dict[str, Any]:
    sections = list(_sections(content, ""))
    if not sections:
        return nested_values(content)
    fitting = [nested_values(values) for pattern, values in sections if fits(pattern, node)]
    if not fitting:
        names = ", ".join(pattern for pattern, _ in sections)
        raise SettingsError(f"no section for the node {node}: there are {names}; /** fits every node")
    return {name: value for values in fitting for name, value in values.items()}


def _sections(content: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Full names of nodes, wildcards and all, with their parameters, in the order of the file."""
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        if key == SECTION:
            yield name or "/**", value if value is not None else {}
        else:
            yield from _sections(value, f"{name}/{str(key).strip('/')}")


def fits(pattern: str, node: str) -> bool:
    """Whether a node's full name fits a pattern: `*` stands for one name, `**` for any number of them."""
    return _fits(pattern.strip("/").split("/"), node.strip("/").split("/"))


def _fits(pattern: list[str], names: list[str]) -> bool:
    if not pattern:
        return not names
    first, *rest = pattern
    if first == "**":
        return any(_fits(rest, names[i:]) for i in range(len(names) + 1))
    return bool(names) and first in ("*", names[0]) and _fits(rest, names[1:])


def parameter_table() -> str:
    """The parameters as a table in Markdown, for docs/ros.md."""
    rows = ["| parameter | type | default | allowed | changes take effect | meaning |", "|---|---|---|---|---|---|"]
    when = {"tunable": "next frame", "at_configure": "next configure", "at_start": "next start"}
    for name, s in settings_of(NodeConfig).items():
        default = "true" if s.default is True else "false" if s.default is False else s.default
        shown = f"`{default}`" if default != "" else "empty"
        rows.append(f"| `{name}` | {s.kind.__name__} | {shown} | {s.allowed} | {when[s.when]} | {s.description} |")
    return "\n".join(rows) + "\n"
