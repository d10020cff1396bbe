"""DDS for tests: domains of their own, nodes that collect what they receive, and patience."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hoi_perception.ros.dds.domain import Domain, Reach
from hoi_perception.ros.dds.names import NodeNames
from hoi_perception.ros.dds.participant import Participant
from hoi_perception.ros.messages import BagMessages

MESSAGES = BagMessages()
PATIENCE_S = 30.0


def own_domain() -> Domain:
    """A domain of this machine that no other test is likely to use at the same time."""
    return Domain(random.SystemRandom().randint(1, 200), Reach.LOCALHOST)


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """What the condition gives as soon as that is true; fails if it never is."""
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {PATIENCE_S:g} s in vain for {what}"
        time.sleep(0.01)
    return value


@dataclass
class Log:
    """Lines of a log."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, level: str, text: str) -> None:
        self.lines.append((level, text))


def open_node(
    domain: Domain, name: str = "probe", namespace: str = "", *remaps: str, log: Log | None = None
) -> Participant:
    """A node with rosbags' messages."""
    return Participant(domain, NodeNames.of(name, namespace, remaps), MESSAGES, log or Log())
