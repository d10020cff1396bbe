"""Small instruments of known measures, as designs."""

from __future__ import annotations

import numpy as np
import trimesh

from hoi_perception.instruments.description import (
    Box,
    Fiducial,
    FiducialMount,
    Grasp,
    GraspRegion,
    InstrumentDescription,
    NamedFrame,
    Pose,
    Symmetry,
)
from hoi_perception.instruments.design import InstrumentDesign, JointDesign, LinkDesign, Material, Part, Solid
from hoi_perception.types import Side

STEEL = Material("steel", (0.7, 0.72, 0.75, 1.0), "matt", 7900.0)


def solid_box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Solid:
    """A box between two corners."""
    mesh = trimesh.creation.box(bounds=np.array([low, high]))
    return Solid(np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64))


def link_of(name: str, *solids: Solid) -> LinkDesign:
    """A steel link of solids that is its own collision shape."""
    return LinkDesign(name, tuple(Part(f"part{k}", s, STEEL) for k, s in enumerate(solids)), solids)


def clamp() -> InstrumentDesign:
    """A shaft of 100 x 6 x 4 mm along x with two jaws of 40 x 3 x 4 mm that open by mimic, the lower one pitched."""
    jaws = [
        link_of(f"{which}_jaw", solid_box((0.0, y, -0.002), (0.04, y + 0.003, 0.002)))
        for which, y in (("upper", 0.0), ("lower", -0.003))
    ]
    shaft = link_of("shaft", solid_box((-0.1, -0.003, -0.002), (0.0, 0.003, 0.002)))
    joints = (
        JointDesign("jaw", "shaft", "upper_jaw", xyz=(0.001, 0.0, 0.0), upper=0.6),
        JointDesign(
            "lower",
            "shaft",
            "lower_jaw",
            xyz=(0.001, 0.0, 0.0005),
            rpy=(0.1, -0.2, 0.3),
            axis=(0.0, 0.6, 0.8),
            lower=-0.9,
            upper=0.0,
            mimic=("jaw", -1.5, 0.02),
        ),
        JointDesign("mount", "upper_jaw", "pad", kind="fixed", xyz=(0.03, 0.002, 0.0), rpy=(0.0, 0.0, 1.0 / 3.0)),
    )
    pad = link_of("pad", solid_box((-0.002, 0.0, -0.001), (0.002, 0.002, 0.001)))
    description = InstrumentDescription(
        name="example_clamp",
        instrument_class="clamp",
        aliases=("Beispielklemme", "example"),
        sources=("made up: the numbers are round",),
        symmetries=(Symmetry("shaft", (1.0, 0.0, 0.0), 2),),
        frames=(
            NamedFrame("upper_tip", "upper_jaw", Pose((0.04, 0.0, 0.0)), tip=True),
            NamedFrame("lower_tip", "lower_jaw", Pose((0.04, 0.0, 1e-05), (0.1, 0.2, 0.3)), tip=True),
            NamedFrame("grip", "shaft", Pose((-0.05, 0.0, 0.0))),
        ),
        grasp_regions=(
            GraspRegion("shaft_sides", "shaft", ("thumb", "index"), Box(Pose((-0.05, 0, 0)), (0.04, 0.008, 0.006))),
            GraspRegion("jaw_end", "upper_jaw", ("middle",), vertices=(0, 3, 5)),
        ),
        grasps=(
            Grasp("held", Side.RIGHT, Pose((-0.09, -0.02, 0.03), (0.4, 1e-7, -2.0)), "tripod", (), (("jaw", 0.25),)),
            Grasp("other", Side.LEFT, Pose(), "", tuple(np.linspace(-0.3, 0.7, 45).tolist())),
        ),
        fiducial_mount=FiducialMount("shaft", Pose((-0.09, 0.0, 0.01)), 0.012),
        fiducials=(
            Fiducial("DICT_APRILTAG_36h11", 586, 0.012, "shaft", Pose((-0.09, 0.0, 0.01), (0.0, 0.1, 1e-07))),
            Fiducial("DICT_4X4_50", 3, 0.0075, "upper_jaw"),
        ),
    )
    return InstrumentDesign((shaft, *jaws, pad), joints, description)
