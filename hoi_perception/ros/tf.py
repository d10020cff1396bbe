"""Where TF frames are to one another, whoever hears it: tf2 of ROS, or a buffer of our own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class FrameTransform:
    """What is at p in the source frame (m) is at R p + t in the target frame."""

    R_target_source: Float64[NDArray[np.float64], "3 3"]
    t_target_source: Float64[NDArray[np.float64], "3"]


class NoTransformError(LookupError):
    """TF does not tell where two frames are to one another at that time; the text says which, why and what to do.

    `latest_ns` is the latest time of which it does, None where there is none.
    """

    def __init__(self, text: str, latest_ns: int | None = None) -> None:
        super().__init__(text)
        self.latest_ns = latest_ns


class Transforms(Protocol):
    """What TF says. May be asked from any thread."""

    def find(self, target: str, source: str, stamp_ns: int) -> FrameTransform:
        """Where `source` is in `target` at a time, never at another one; NoTransformError where TF does not tell."""


class NoTransforms:
    """Where nobody listens to TF."""

    def find(self, target: str, source: str, stamp_ns: int) -> FrameTransform:
        """Raises NoTransformError."""
        del stamp_ns
        raise NoTransformError(f"TF is not heard here, so nothing tells where '{source}' is in '{target}'")


def not_connected(target: str, source: str) -> NoTransformError:
    """Nobody tells how two frames are connected."""
    return NoTransformError(
        f"TF does not say where '{source}' is in '{target}': start what publishes both (robot_state_publisher, the "
        "calibration of the camera to the robot), or correct the name"
    )


def not_at_that_time(target: str, source: str, stamp_ns: int, latest_ns: int) -> NoTransformError:
    """What is known is of another time, at the latest of `latest_ns`."""
    behind_s = (stamp_ns - latest_ns) * 1e-9
    if behind_s > 0.0:
        return NoTransformError(
            f"the latest that TF says of '{source}' in '{target}' is {behind_s:.3g} s older than the image: see to its "
            "publisher and its clock, or raise max_wait_s",
            latest_ns,
        )
    return NoTransformError(
        f"the image is older than all that TF says of '{source}' in '{target}': see to the clocks of camera and robot",
        latest_ns,
    )
