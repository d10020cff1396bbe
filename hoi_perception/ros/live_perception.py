"""What a worker needs of `Perception`, and how it is loaded."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hoi_perception.config import Config, NodeConfig
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.hands.shape_file import kept_shapes
from hoi_perception.pipeline import Perception
from hoi_perception.types import Frame, Scene, Side


@runtime_checkable
class LivePerception(Protocol):
    """`Perception`, or what stands in its place in tests."""

    faces: dict[Side, NDArray[np.int32]]

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


def load_perception(config: NodeConfig) -> LivePerception:
    """The pipeline with its networks and the hand shapes that were kept, warmed up: no frame waits for a compiler."""
    shapes = kept_shapes(config)
    perception = Perception(config)
    perception.warm_up()
    for side, estimate in shapes.items():
        perception.set_shape(side, estimate)
    return perception
