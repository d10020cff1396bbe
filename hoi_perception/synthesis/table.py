"""Where things stand in a synthetic scene: a camera that looks down on a table at which a person works."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """A table in the camera's optical frame.

    The camera looks down by `pitch_deg` below the horizontal, from `distance` (m) along its axis. The table's own axes
    are right, forward (away from the person) and up, about the point that the optical axis meets.
    """

    pitch_deg: float = 52.0
    distance: float = 0.66

    @property
    def R_camera_table(self) -> Float64[Array, "3 3"]:
        """Columns: right, forward and up in the camera's frame."""
        s, c = np.sin(np.radians(self.pitch_deg)), np.cos(np.radians(self.pitch_deg))
        return np.column_stack([[1.0, 0.0, 0.0], [0.0, -s, c], [0.0, -c, -s]])

    @property
    def height(self) -> float:
        """Distance of the camera from the table's plane, m."""
        return float(self.distance * np.sin(np.radians(self.pitch_deg)))

    def to_camera(self, points_table: Float[Array, "*b 3"]) -> Float64[Array, "*b 3"]:
        """Points given right, forward, up in the camera's frame, m."""
        return np.asarray(points_table @ self.R_camera_table.T + np.array([0.0, 0.0, self.distance]))
