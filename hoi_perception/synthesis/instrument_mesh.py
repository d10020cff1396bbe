"""The mesh of a posed instrument."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.kinematics import InstrumentState, JointTree, joint_tree, pose_links
from hoi_perception.instruments.model import InstrumentModel, joined

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InstrumentMesh:
    """All links' meshes as one: `link` of each vertex, vertices in their link's frame (m)."""

    model: InstrumentModel
    tree: JointTree
    faces: Int64[NDArray[np.int64], "m 3"]
    link: Int64[NDArray[np.int64], " n"]
    local: Float64[Array, "n 3"]

    @staticmethod
    def of(model: InstrumentModel) -> InstrumentMesh:
        """The true shape of an instrument."""
        surfaces = [link.surface() for link in model.links]
        local, faces = joined(surfaces)
        link = np.repeat(np.arange(len(surfaces)), [len(vertices) for vertices, _ in surfaces])
        return InstrumentMesh(model, joint_tree(model), faces, link, local)

    def vertices(
        self, R: Float64[Array, "3 3"], t: Float64[Array, "3"], joint_positions: Float64[Array, " j"]
    ) -> Float64[Array, "n 3"]:
        """Vertices with the base link at `R`, `t` (m)."""
        posed = pose_links(self.tree, InstrumentState(R[None], t[None], joint_positions[None]))
        turned = (posed.R[0, self.link] @ self.local[..., None])[..., 0]
        return np.asarray(turned + posed.t[0, self.link], dtype=np.float64)

    @property
    def joint_limits(self) -> Float64[Array, "j 2"]:
        """Lowest and highest joint angles (rad)."""
        return np.stack([self.tree.lower, self.tree.upper], axis=1)
