"""Instruments of one link with a plain shape, their distance fields exact but for sampling."""

from __future__ import annotations

from functools import cache

import numpy as np
import trimesh

from hoi_perception.instruments.description import InstrumentDescription
from hoi_perception.instruments.distance_field import FieldLimits
from hoi_perception.instruments.field_building import build_field
from hoi_perception.instruments.field_lookup import InstrumentFields
from hoi_perception.instruments.kinematics import joint_tree
from hoi_perception.instruments.model import InstrumentModel, Link, LinkMesh, Primitive
from hoi_perception.interaction.bodies import InstrumentBody

SHAPES = {
    "sphere": lambda: trimesh.creation.icosphere(subdivisions=3, radius=0.02),
    "box": lambda: trimesh.creation.box((0.10, 0.06, 0.02)),
    "cylinder": lambda: trimesh.creation.cylinder(0.01, 0.08, sections=32),
    "rod": lambda: trimesh.creation.cylinder(0.002, 0.15, sections=16),
    "thick cylinder": lambda: trimesh.creation.cylinder(0.08, 0.30, sections=64),
}


@cache
def model(shape: str) -> InstrumentModel:
    """A rigid instrument of one shape about its origin."""
    mesh = SHAPES[shape]()
    vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
    solid = LinkMesh(vertices, faces, Primitive("box", (1.0, 1.0, 1.0)))
    return InstrumentModel(InstrumentDescription(shape.replace(" ", "_"), "plain"), (Link("base", (solid,)),), ())


@cache
def body(shape: str, samples: int = 300) -> InstrumentBody:
    """The same with a field of 1 mm (4 mm for large shapes)."""
    own = model(shape)
    vertices, faces = own.links[0].surface()
    spacing = 0.001 if np.ptp(vertices) < 0.2 else 0.004
    field = build_field(vertices, faces, FieldLimits(spacing=spacing, margin=0.01, tolerance=0.0001))
    return InstrumentBody.of(own, InstrumentFields(joint_tree(own), (field,)), samples)
