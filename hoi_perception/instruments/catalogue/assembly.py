"""From solid bodies in millimetres to the designs of the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from manifold3d import Manifold

from hoi_perception.instruments import description as told
from hoi_perception.instruments.catalogue.shapes import hulls, solid, union
from hoi_perception.instruments.description import Box, GraspRegion, NamedFrame, Pose, Vector
from hoi_perception.instruments.design import InstrumentDesign, JointDesign, LinkDesign, Material, Part

Bounds = tuple[float, float]


def link(name: str, parts: Mapping[str, tuple[Manifold, Material]], cuts: Sequence[float] = ()) -> LinkDesign:
    """A link of named bodies (mm); `cuts` along x (mm) part it into the convex pieces of its collision mesh."""
    meshes = tuple(Part(part, solid(body), material) for part, (body, material) in parts.items())
    return LinkDesign(name, meshes, (hulls(union(body for body, _ in parts.values()), cuts),) if parts else ())


def jaw_joints(
    upper_deg: float,
    *,
    base: str,
    jaws: tuple[str, str] = ("jaw_left", "jaw_right"),
    at: Vector = (0.0, 0.0, 0.0),
    apart: float = 0.0,
    name: str = "jaw",
) -> tuple[JointDesign, JointDesign]:
    """The joints of two jaws that open about z, each by the driver's angle: the opening angle is twice the position.

    `at` and `apart` are mm: the hinges are side by side, `apart` from each other in y.
    """
    x, y, z = (0.001 * v for v in at)
    places = ((x, y + 0.0005 * apart, z), (x, y - 0.0005 * apart, z))
    upper = float(np.radians(upper_deg))
    driver = JointDesign(name, base, jaws[0], xyz=places[0], upper=upper)
    return driver, JointDesign(f"{name}_mirror", base, jaws[1], xyz=places[1], lower=-upper, mimic=(name, -1.0, 0.0))


def frame(
    name: str, link_name: str, at: Sequence[float], rpy_deg: Vector = (0, 0, 0), *, tip: bool = False
) -> NamedFrame:
    """A named frame at a place in mm."""
    return NamedFrame(name, link_name, Pose(_metres(at), _radians(rpy_deg)), tip)


def tip(name: str, link_name: str, at: Sequence[float], rpy_deg: Vector = (0, 0, 0)) -> NamedFrame:
    """The frame of a tip at a place in mm, x pointing out of the instrument."""
    return frame(name, link_name, at, rpy_deg, tip=True)


def region(name: str, link_name: str, fingers: Sequence[str], x: Bounds, y: Bounds, z: Bounds) -> GraspRegion:
    """The surface within a box (mm) that fingers hold."""
    bounds = np.array([x, y, z], dtype=float)
    middle, size = bounds.mean(axis=1), bounds[:, 1] - bounds[:, 0]
    return GraspRegion(name, link_name, tuple(fingers), Box(Pose(_metres(middle)), _metres(size)))


def design(
    name: str,
    instrument_class: str,
    links: Sequence[LinkDesign],
    joints: Sequence[JointDesign] = (),
    *,
    aliases: Sequence[str] = (),
    sources: Sequence[str],
    symmetries: Sequence[told.Symmetry] = (),
    frames: Sequence[NamedFrame] = (),
    regions: Sequence[GraspRegion] = (),
    grasps: Sequence[told.Grasp] = (),
) -> InstrumentDesign:
    """An instrument with its description; materials are those of its parts."""
    used = {part.material.name: part.material for one in links for part in one.parts}
    materials = tuple(told.Material(m.name, m.finish, m.density) for m in used.values())
    description = told.InstrumentDescription(
        name=name,
        instrument_class=instrument_class,
        aliases=tuple(aliases),
        sources=tuple(sources),
        materials=materials,
        symmetries=tuple(symmetries),
        frames=tuple(frames),
        grasp_regions=tuple(regions),
        grasps=tuple(grasps),
    )
    return InstrumentDesign(tuple(links), tuple(joints), description)


def _metres(at: Sequence[float] | np.ndarray) -> Vector:
    x, y, z = (round(0.001 * float(v), 9) + 0.0 for v in at)
    return x, y, z


def _radians(angles_deg: Vector) -> Vector:
    roll, pitch, yaw = (round(float(np.radians(v)), 9) + 0.0 for v in angles_deg)
    return roll, pitch, yaw
