"""The work on one image, from its arrival to its results."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from hoi_perception.config import NodeConfig
from hoi_perception.ros.inbox import Arrival


@dataclass
class Assembly:
    """The work on one image: what is noted of it, and the time that decoding takes without any waiting."""

    arrival: Arrival
    config: NodeConfig
    deadline_s: float
    notes: list[str] = field(default_factory=list)
    decode_ms: float = 0.0

    def decode(self, function: Callable[[Any], NDArray[Any]], message: Any) -> NDArray[Any]:
        """What `function` makes of a message, with its time counted."""
        begin = time.perf_counter()
        try:
            return function(message)
        finally:
            self.decode_ms += 1e3 * (time.perf_counter() - begin)
