"""How a worker is: its state and figures, and the one line that says why it is not tracking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from hoi_perception.ros.conversions import Diagnostic, Level
from hoi_perception.ros.statistics import Counters, Percentiles
from hoi_perception.types import Hand


class LoadState(Enum):
    """Where the models are."""

    NOT_LOADED = "not loaded"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class Trouble(Enum):
    """What keeps a worker from tracking, with its level in diagnostics."""

    def __init__(self, order: int, level: Level) -> None:
        self.order, self.level = order, level

    NONE = (0, Level.OK)
    NO_HAND = (1, Level.OK)
    NOT_LOADED = (2, Level.WARN)
    LOADING = (3, Level.WARN)
    LOAD_FAILED = (4, Level.ERROR)
    NOT_ACTIVE = (5, Level.WARN)
    DISABLED = (6, Level.WARN)
    NO_IMAGE = (7, Level.WARN)
    SILENT = (8, Level.ERROR)
    MIXED = (9, Level.ERROR)
    NO_CAMERA_INFO = (10, Level.ERROR)
    CAMERA_INFO = (11, Level.ERROR)
    IMAGE = (12, Level.ERROR)
    PIPELINE = (13, Level.ERROR)
    SENDING = (14, Level.ERROR)
    STAMPS = (15, Level.ERROR)
    STUCK = (16, Level.ERROR)


GOOD = (Trouble.NONE, Trouble.NO_HAND)
"""What is no trouble: images are processed."""


@dataclass(frozen=True)
class Reason:
    """Why nothing is tracked, in one line; `trouble` is NONE and the text empty where something is."""

    trouble: Trouble = Trouble.NONE
    text: str = ""


@dataclass(frozen=True)
class WorkerStatus:
    """A worker at one moment.

    `reason` is one line that says why nothing is tracked, "" where something is. `warnings` name what is wrong though
    it goes on. Times are in ms over the latest frames, see `FrameFigures`. `hands` are told as "right 3 tracked".
    """

    load: LoadState
    load_failure: str
    active: bool
    enabled: bool
    trouble: Trouble
    reason: str
    warnings: tuple[str, ...] = ()
    counters: Counters = field(default_factory=Counters)
    rate_hz: float = 0.0
    stage_ms: Mapping[str, Percentiles] = field(default_factory=dict)
    latency_ms: Percentiles = field(default_factory=Percentiles)
    delay_ms: Percentiles = field(default_factory=Percentiles)
    processing_ms: Percentiles = field(default_factory=Percentiles)
    hands: tuple[str, ...] = ()
    camera_assumption: str = ""

    @property
    def level(self) -> Level:
        """ERROR, WARN or OK, as diagnostics tell it; seeing no hand is OK."""
        return max(self.trouble.level, Level.WARN if self.warnings else Level.OK)


def hand_text(hand: Hand) -> str:
    """One hand in a summary."""
    return f"{hand.side.label} {hand.track_id} {hand.state.name.lower()}"


def diagnostic_of(status: WorkerStatus | None, name: str, more: Sequence[str] = ()) -> Diagnostic:
    """The node's line in /diagnostics; no status is that of a node that is not configured.

    `more` are warnings of the door itself.
    """
    if status is None:
        return Diagnostic(name, Level.WARN, "; ".join(["the node is not configured", *more]), hardware_id=name)
    told = [status.reason, *status.warnings, *more]
    message = "; ".join(text for text in told if text) or f"tracking: {', '.join(status.hands)}"
    level = max(status.level, Level.WARN if more else Level.OK)
    return Diagnostic(name, level, message, diagnostic_values(status), hardware_id=name)


def diagnostic_values(status: WorkerStatus) -> dict[str, object]:
    """Everything in a status by name."""
    times = {
        "camera-to-result latency": status.latency_ms,
        "arrival-to-result delay": status.delay_ms,
        "processing": status.processing_ms,
        **{f"stage {name}": percentiles for name, percentiles in status.stage_ms.items()},
    }
    return {
        "models": status.load.value,
        "active": status.active,
        "enabled": status.enabled,
        "reason for not tracking": status.reason,
        "hands": ", ".join(status.hands),
        "camera assumption": status.camera_assumption,
        "rate (Hz)": status.rate_hz,
        **{f"images {name.replace('_', ' ')}": count for name, count in vars(status.counters).items()},
        **{f"{name} {p} (ms)": getattr(value, p) for name, value in times.items() for p in ("p50", "p95")},
    }
