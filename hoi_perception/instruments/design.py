"""What a generator of instruments makes: links of solid parts, the joints between them, and their description.

Frames: the base link's x axis runs along the shaft to the tip, its z axis out of the plane in which jaws open; y
completes a right-handed frame. Its origin is the pivot where there is one. Metres, radians, kilograms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.description import InstrumentDescription, Pose
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """What a part is made of.

    `finish` is one of polished, matt, plastic, rubber, clear; `rgba` (0 to 1, as sRGB) goes into the URDF.
    """

    name: str
    rgba: tuple[float, float, float, float]
    finish: str
    density: float
    """kg/m³."""


@dataclass(frozen=True)
class Solid:
    """A closed triangle mesh in metres, faces counter-clockwise seen from outside."""

    vertices: Float64[Array, "n 3"]
    faces: Int64[NDArray[np.int64], "m 3"]


@dataclass(frozen=True)
class Part:
    """One solid of one material; parts of a link touch, but do not overlap."""

    name: str
    solid: Solid
    material: Material


@dataclass(frozen=True)
class MassProperties:
    """Mass (kg), centre of mass (m) and inertia about it (kg m²), axes of the link's frame."""

    mass: float
    center: Float64[Array, "3"]
    inertia: Float64[Array, "3 3"]


@dataclass(frozen=True)
class LinkDesign:
    """A rigid link, its parts in its own frame; `collision` is a coarse closed mesh made of convex pieces.

    A link without parts is only a frame.
    """

    name: str
    parts: tuple[Part, ...]
    collision: tuple[Solid, ...]

    def mass_properties(self) -> MassProperties:
        """Exact integrals over the parts' meshes, each of uniform density; zero for a link without parts."""
        moments = [_moments(part.solid) * part.material.density for part in self.parts]
        return _mass_properties(np.sum(moments, axis=0) if moments else np.zeros((4, 4)))


@dataclass(frozen=True)
class JointDesign:
    """A joint from `parent` to `child`, in URDF's convention.

    `kind` is revolute or fixed. `xyz` and `rpy` place the child's frame in the parent's at position zero; `axis` is in
    the child's frame. `mimic` is (joint, multiplier, offset): position = multiplier * position of that joint + offset.
    """

    name: str
    parent: str
    child: str
    kind: str = "revolute"
    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    lower: float = 0.0
    upper: float = 0.0
    mimic: tuple[str, float, float] | None = None


@dataclass(frozen=True)
class InstrumentDesign:
    """A whole instrument; the first link is the base, and joints come after those of their parents."""

    links: tuple[LinkDesign, ...]
    joints: tuple[JointDesign, ...]
    description: InstrumentDescription

    @property
    def name(self) -> str:
        """Name in the library."""
        return self.description.name

    @property
    def mass(self) -> float:
        """Mass of all links, kg."""
        return sum(link.mass_properties().mass for link in self.links)


def _moments(solid: Solid) -> Float64[Array, "4 4"]:
    """Integral of (x, y, z, 1)(x, y, z, 1)ᵀ over a solid, as signed tetrahedra between the origin and each face."""
    a, b, c = (solid.vertices[solid.faces[:, k]] for k in range(3))
    six_volumes = np.einsum("mi,mi->m", a, np.cross(b, c))
    corners = np.stack([a, b, c, np.zeros_like(a)], axis=1)
    homogeneous = np.concatenate([corners, np.ones((*corners.shape[:2], 1))], axis=2)
    total = homogeneous.sum(axis=1)
    products = np.einsum("mki,mkj->mij", homogeneous, homogeneous) + total[:, :, None] * total[:, None, :]
    return np.asarray(np.einsum("m,mij->ij", six_volumes / 120.0, products))


def _mass_properties(moments: Float64[Array, "4 4"]) -> MassProperties:
    mass = float(moments[3, 3])
    if mass == 0.0:
        return MassProperties(0.0, np.zeros(3), np.zeros((3, 3)))
    center = moments[:3, 3] / mass
    spread = moments[:3, :3] - mass * np.outer(center, center)
    return MassProperties(mass, center, np.asarray(np.trace(spread) * np.eye(3) - spread))


def link_poses(
    design: InstrumentDesign, positions: Mapping[str, float] | None = None
) -> dict[str, Float64[Array, "4 4"]]:
    """Pose of each link in the base link, for joint positions (rad; zero where not given, mimics follow)."""
    given = dict(positions or {})
    poses = {design.links[0].name: np.eye(4)}
    for joint in design.joints:
        if joint.mimic is not None:
            source, multiplier, offset = joint.mimic
            given[joint.name] = multiplier * given.get(source, 0.0) + offset
        axis_angle = np.array(joint.axis) * given.get(joint.name, 0.0)
        origin = Pose(joint.xyz, joint.rpy)
        turn = np.eye(4)
        turn[:3, :3], turn[:3, 3] = origin.R @ rotation_from_axis_angle(axis_angle), origin.t
        poses[joint.child] = poses[joint.parent] @ turn
    return poses
