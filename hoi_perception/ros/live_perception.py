"""What a worker needs of `Perception`, and how it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.config import Config, NodeConfig, listed
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.hands.shape_file import kept_shapes
from hoi_perception.pipeline import Perception
from hoi_perception.types import Frame, Scene, Side

Array = NDArray[np.float64]


@runtime_checkable
class LivePerception(Protocol):
    """`Perception`, or what stands in its place in tests."""

    faces: dict[Side, NDArray[np.int32]]

    @property
    def wanted(self) -> Mapping[int, str]:
        """Names of the instruments that are looked for, by the numbers of their tracks."""

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame."""

    def reset(self) -> None:
        """Forget every track."""

    def retune(self, config: Config) -> None:
        """Other settings from the next frame on."""

    def shape(self, side: Side) -> ShapeEstimate | None:
        """The shape that a side's new tracks start from, calibrated or under way."""

    def set_shape(self, side: Side, estimate: ShapeEstimate | None) -> None:
        """The shape that a side's hands have from now on; one that is not frozen goes on to be calibrated."""

    def add_instrument(self, name: str) -> int:
        """Look for an instrument of the library; the number of its track."""

    def remove_instrument(self, track_id: int) -> None:
        """Look for it no longer."""

    def set_instrument_pose(
        self,
        track_id: int,
        R_camera_instrument: Float64[Array, "3 3"],
        t_camera_instrument: Float64[Array, "3"],
        positions: Mapping[str, float] | None = None,
    ) -> None:
        """Where an instrument is in the next frame."""


def load_perception(config: NodeConfig) -> LivePerception:
    """The pipeline with its networks, the hand shapes that were kept and what is looked for, warmed up: no frame waits
    for a compiler."""
    shapes = kept_shapes(config)
    perception = Perception(config)
    perception.warm_up()
    for side, estimate in shapes.items():
        perception.set_shape(side, estimate)
    for name in listed(config.track_instruments):
        perception.add_instrument(name)
    return perception
