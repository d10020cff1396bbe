"""All figures of one frame of a hand with an object, by the keys of `METRICS`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray

from hoi_perception.metrics import interaction
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.intersection import iv_cm3, iv_exact_cm3, iv_surface_cm3
from hoi_perception.metrics.sampling import SurfaceSamples

Vertices = Float[NDArray[np.floating], "_ 3"]
Faces = Int[NDArray[np.integer], "_ 3"]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GraspFrame:
    """Where a hand and an object are: vertices (m, one frame for both), and what is measured from the one to the other.

    `signed` are the signed distances of the hand's vertices to the object, `depths` those of the object's samples to
    the hand, 0 outside it.
    """

    hand: ClosedMesh
    body: ClosedMesh
    hand_vertices: Float64[Array, "v 3"]
    object_samples: Float64[Array, "s 3"]
    signed: Float64[Array, " v"]
    depths: Float64[Array, " s"]

    @staticmethod
    def of(hand: ClosedMesh, body: ClosedMesh, samples: SurfaceSamples | None = None) -> GraspFrame:
        """Measures the meshes where they are now. `samples` of the object are made 0.5 mm apart if not given.

        Meshes that are placed anew spoil frames made of them before, but not their figures.
        """
        samples = SurfaceSamples.apart(body.vertices, body.faces) if samples is None else samples
        vertices, places = hand.own_vertices, samples.on(body.vertices)
        return GraspFrame(hand, body, vertices, places, body.signed_distance(vertices), hand.depth(places))

    @staticmethod
    def of_meshes(
        hand_vertices: Vertices, hand_faces: Faces, object_vertices: Vertices, object_faces: Faces
    ) -> GraspFrame:
        """From plain meshes; the hand's wrist may be open."""
        hand, body = ClosedMesh.of_hand(hand_vertices, hand_faces), ClosedMesh(object_vertices, object_faces)
        return GraspFrame.of(hand, body)

    def metrics(self, exact: bool = True) -> dict[str, float]:
        """Figures that need no truth; `exact` adds the boolean volume, which needs manifold3d."""
        volumes = {
            "iv_cm3@5mm": iv_cm3(self.hand, self.body, 0.005),
            "iv_cm3@1mm": iv_cm3(self.hand, self.body, 0.001),
            "iv_surface_cm3@5mm": iv_surface_cm3(self.hand, self.body, 0.005),
        }
        if exact:
            volumes["iv_exact_cm3"] = iv_exact_cm3(self.hand, self.body)
        return volumes | {
            "pd_max_mm": interaction.pd_max_mm(self.signed),
            "pd_mean_mm": interaction.pd_mean_mm(self.signed),
            "pd_tool_max_mm": interaction.pd_tool_max_mm(self.depths),
            "pd_tool_mean_mm": interaction.pd_tool_mean_mm(self.depths),
        }

    def metrics_against(self, truth: GraspFrame) -> dict[str, float]:
        """Figures against a truth with the same hand topology and the same samples of the object."""
        pairs = self.hand_vertices, self.object_samples, truth.hand_vertices, truth.object_samples
        return {
            "proximity_mm": interaction.proximity_mm(self.signed, truth.signed),
            "contact_dev_mm": interaction.contact_dev_mm(*pairs),
            "contact_f1": interaction.contact_f1(self.signed, truth.signed),
        }
