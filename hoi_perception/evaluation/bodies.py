"""Meshes of hands and instruments as they are measured against each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from jaxtyping import Float64, Int
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel, PosedHand
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.grasp_frame import GraspFrame
from hoi_perception.metrics.sampling import SurfaceSamples
from hoi_perception.metrics.simulation import Mesh, convex_parts
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.types import HandParameters, Side

Array = NDArray[np.float64]
SPREAD = 5_000
"""Points of a surface for the object table."""
_COARSE_M = 0.002


class Skin(Protocol):
    """The surface of a hand in the camera frame (m): a posed hand, or any other."""

    @property
    def vertices(self) -> Float64[Array, "778 3"]:
        """MANO's vertices."""
        ...

    @property
    def faces(self) -> Int[NDArray[np.integer], "f 3"]:
        """Triangles; the wrist may be open."""
        ...


@dataclass(frozen=True, eq=False)
class Body:
    """One instrument with the samples of its surface."""

    model: InstrumentModel
    mesh: InstrumentMesh
    samples: SurfaceSamples
    apart: SurfaceSamples
    points: SurfaceSamples

    @staticmethod
    def of(model: InstrumentModel) -> Body:
        """Everything that does not change from pose to pose."""
        mesh = InstrumentMesh.of(model)
        still = mesh.vertices(np.eye(3), np.zeros(3), np.zeros(len(model.joint_names)))
        return Body(
            model,
            mesh,
            SurfaceSamples.apart(still, mesh.faces),
            SurfaceSamples.apart(still, mesh.faces, _COARSE_M),
            SurfaceSamples.spread(still, mesh.faces, SPREAD),
        )

    def vertices(self, state: InstrumentState) -> Float64[Array, "n 3"]:
        """Vertices in the camera frame, m."""
        return self.mesh.vertices(state.R[0], state.t[0], state.angles[0])

    def spread(self, state: InstrumentState) -> Float64[Array, "p 3"]:
        """Points of the surface, as many per area everywhere."""
        return self.points.on(self.vertices(state))

    def coarse(self, state: InstrumentState) -> Float64[Array, "p 3"]:
        """Points of the surface 2 mm apart, for motion."""
        return self.apart.on(self.vertices(state))

    def measured(self, hand: Skin, state: InstrumentState) -> GraspFrame:
        """Hand and instrument in the base link's frame, in which voxels are counted."""
        body = self.mesh.vertices(np.eye(3), np.zeros(3), state.angles[0])
        vertices = (hand.vertices - state.t[0]) @ state.R[0]
        faces = np.asarray(hand.faces)
        return GraspFrame.of(ClosedMesh.of_hand(vertices, faces), ClosedMesh(body, self.mesh.faces), self.samples)

    def closed(self, state: InstrumentState) -> ClosedMesh:
        """The mesh in the camera frame."""
        return ClosedMesh(self.vertices(state), self.mesh.faces)

    def closed_hand(self, hand: Skin) -> ClosedMesh:
        """The hand in the camera frame."""
        return ClosedMesh.of_hand(hand.vertices, np.asarray(hand.faces))

    def convex(self, state: InstrumentState) -> list[Mesh]:
        """Convex parts in the camera frame; the first call takes seconds, all further ones only move them."""
        links = pose_links(self.mesh.tree, state)
        return [
            (vertices @ R.T + t, faces)
            for R, t, parts in zip(links.R[0], links.t[0], self._parts, strict=True)
            for vertices, faces in parts
        ]

    @cached_property
    def _parts(self) -> tuple[list[Mesh], ...]:
        """Convex parts of each link in its own frame, none of a link that is only a frame."""
        return tuple(convex_parts(*link.surface()) if link.meshes else [] for link in self.model.links)


class Bodies:
    """Hand models of both sides and the instruments that were asked for."""

    def __init__(self) -> None:
        self._models = {side: HandModel.load(None, side) for side in Side}
        self._library = Library.find()
        self._bodies: dict[str, Body] = {}

    def hand(self, side: Side, parameters: HandParameters) -> PosedHand:
        """A hand in its pose."""
        return self._models[side].posed(parameters)

    def body(self, name: str) -> Body:
        """An instrument."""
        if name not in self._bodies:
            self._bodies[name] = Body.of(self._library.get(name))
        return self._bodies[name]
