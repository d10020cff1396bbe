"""An instrument as read from its folder: links with meshes, joints, description."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.description import IDENTITY, InstrumentDescription, Pose, Vector
from hoi_perception.instruments.design import JointDesign, MassProperties


@dataclass(frozen=True)
class MeshFile:
    """Where a mesh comes from, and how the URDF places it in the link: scale first, then pose."""

    path: Path
    pose: Pose = IDENTITY
    scale: Vector = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Primitive:
    """A URDF box (x, y, z), cylinder (radius, length along z) or sphere (radius), in metres, with its pose."""

    kind: str
    size: tuple[float, ...]
    pose: Pose = IDENTITY


@dataclass(frozen=True)
class Look:
    """A material of the URDF: its name and colour (sRGB and opacity, 0 to 1)."""

    name: str = ""
    rgba: tuple[float, float, float, float] = (0.7, 0.7, 0.7, 1.0)


@dataclass(frozen=True)
class LinkMesh:
    """One visual or collision body in its link's frame (m), with the element of the URDF it stands for."""

    vertices: Float64[NDArray[np.float64], "n 3"]
    faces: Int64[NDArray[np.int64], "m 3"]
    source: MeshFile | Primitive
    look: Look = Look()


@dataclass(frozen=True)
class Link:
    """A rigid link; one without meshes is only a frame."""

    name: str
    visual: tuple[LinkMesh, ...] = ()
    collision: tuple[LinkMesh, ...] = ()
    mass: MassProperties | None = None

    @property
    def meshes(self) -> tuple[LinkMesh, ...]:
        """What the link's true shape is: the visual meshes, or the collision meshes where there are none."""
        return self.visual or self.collision

    def surface(self) -> tuple[Float64[NDArray[np.float64], "n 3"], Int64[NDArray[np.int64], "m 3"]]:
        """Vertices and faces of `meshes` as one, in order; empty for a link that is only a frame."""
        return joined([(mesh.vertices, mesh.faces) for mesh in self.meshes])


@dataclass(frozen=True)
class InstrumentModel:
    """A whole instrument. `links[0]` is the base; every joint comes after the one that carries its parent."""

    description: InstrumentDescription
    links: tuple[Link, ...]
    joints: tuple[JointDesign, ...]
    folder: Path = field(default_factory=Path)

    @property
    def name(self) -> str:
        """Name in the library."""
        return self.description.name

    @property
    def link_names(self) -> tuple[str, ...]:
        """Names of the links, base first."""
        return tuple(link.name for link in self.links)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Joints with an angle of their own, in the order of every array of joint angles: revolute, not mimic."""
        return tuple(joint.name for joint in self.joints if joint.kind == "revolute" and joint.mimic is None)

    def link(self, name: str) -> Link:
        """The link of that name; KeyError if there is none."""
        return {link.name: link for link in self.links}[name]


def joined(
    meshes: list[tuple[Float64[NDArray[np.float64], "_ 3"], Int64[NDArray[np.int64], "_ 3"]]],
) -> tuple[Float64[NDArray[np.float64], "n 3"], Int64[NDArray[np.int64], "m 3"]]:
    """Several meshes as one; none give an empty mesh."""
    if not meshes:
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in meshes[:-1])])
    faces = [faces + start for (_, faces), start in zip(meshes, starts, strict=True)]
    return np.concatenate([vertices for vertices, _ in meshes]), np.concatenate(faces)
