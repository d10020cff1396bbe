"""Diagnostics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from hoi_perception.ros.conversions.headers import header_message
from hoi_perception.ros.messages import Messages


class Level(IntEnum):
    """How something is, with the values of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Diagnostic:
    """One line of diagnostics; `values` are shown as they print, floats with four digits."""

    name: str
    level: Level
    message: str
    values: Mapping[str, object] = field(default_factory=dict)
    hardware_id: str = ""


def diagnostics_message(diagnostics: Iterable[Diagnostic], stamp: int, messages: Messages) -> Any:
    """diagnostic_msgs/DiagnosticArray."""
    return messages.make(
        "diagnostic_msgs/msg/DiagnosticArray",
        header=header_message(stamp, "", messages),
        status=[_status_message(diagnostic, messages) for diagnostic in diagnostics],
    )


def _status_message(diagnostic: Diagnostic, messages: Messages) -> Any:
    return messages.make(
        "diagnostic_msgs/msg/DiagnosticStatus",
        level=messages.byte(int(diagnostic.level)),
        name=diagnostic.name,
        message=diagnostic.message,
        hardware_id=diagnostic.hardware_id,
        values=[
            messages.make("diagnostic_msgs/msg/KeyValue", key=key, value=_text(value))
            for key, value in diagnostic.values.items()
        ],
    )


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
