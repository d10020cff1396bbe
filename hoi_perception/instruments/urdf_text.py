"""URDF of an instrument: the text of its file, and of a `robot_description` whose links bear the names of TF frames."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from hoi_perception.instruments.description import Pose
from hoi_perception.instruments.design import JointDesign, MassProperties
from hoi_perception.instruments.model import InstrumentModel, Link, LinkMesh, MeshFile, Primitive

EFFORT, VELOCITY = "10.0", "10.0"
"""Required by URDF for revolute joints; nothing here depends on them."""


def urdf_text(
    model: InstrumentModel,
    *,
    frames: Mapping[str, str] | None = None,
    mesh_uri: Callable[[Path], str] = Path.as_uri,
) -> str:
    """URDF for `robot_description`; `frames` renames links, joints keep their names.

    `mesh_uri` makes the URI of a mesh file, `file://…` by default; another maps it into a package
    (`package://my_robot/…`).
    """
    renamed = {link.name: link.name for link in model.links} | dict(frames or {})
    return _robot(model.name, model.links, model.joints, renamed, mesh_uri)


def urdf_file_text(name: str, links: Iterable[Link], joints: Iterable[JointDesign], folder: Path) -> str:
    """URDF for a file in `folder`, meshes named relative to it."""

    def relative(path: Path) -> str:
        return path.relative_to(folder).as_posix()

    links = tuple(links)
    return _robot(name, links, joints, {link.name: link.name for link in links}, relative)


def _robot(
    name: str,
    links: Iterable[Link],
    joints: Iterable[JointDesign],
    renamed: dict[str, str],
    mesh_uri: Callable[[Path], str],
) -> str:
    robot = ET.Element("robot", name=name)
    for link in links:
        element = ET.SubElement(robot, "link", name=renamed[link.name])
        if link.mass is not None:
            _add_mass(element, link.mass)
        for tag, meshes in (("visual", link.visual), ("collision", link.collision)):
            for mesh in meshes:
                _add_body(element, tag, mesh, mesh_uri)
    for joint in joints:
        _add_joint(robot, joint, renamed)
    ET.indent(robot)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(robot, encoding="unicode") + "\n"


def _add_mass(link: ET.Element, mass: MassProperties) -> None:
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "origin", xyz=_text(mass.center), rpy="0.0 0.0 0.0")
    ET.SubElement(inertial, "mass", value=_text([mass.mass]))
    I = mass.inertia  # noqa: E741
    entries = {"ixx": I[0, 0], "ixy": I[0, 1], "ixz": I[0, 2], "iyy": I[1, 1], "iyz": I[1, 2], "izz": I[2, 2]}
    ET.SubElement(inertial, "inertia", {name: _text([value]) for name, value in entries.items()})


def _add_body(link: ET.Element, tag: str, mesh: LinkMesh, mesh_uri: Callable[[Path], str]) -> None:
    body = ET.SubElement(link, tag)
    if mesh.source.pose != Pose():
        ET.SubElement(body, "origin", xyz=_text(mesh.source.pose.xyz), rpy=_text(mesh.source.pose.rpy))
    geometry = ET.SubElement(body, "geometry")
    match mesh.source:
        case MeshFile(path, _, scale):
            shape = ET.SubElement(geometry, "mesh", filename=mesh_uri(path))
            if scale != (1.0, 1.0, 1.0):
                shape.set("scale", _text(scale))
        case Primitive("box", size):
            ET.SubElement(geometry, "box", size=_text(size))
        case Primitive("cylinder", size):
            ET.SubElement(geometry, "cylinder", radius=_text(size[:1]), length=_text(size[1:]))
        case Primitive(kind, size):
            ET.SubElement(geometry, kind, radius=_text(size))
    if tag == "visual":
        material = ET.SubElement(body, "material", name=mesh.look.name)
        ET.SubElement(material, "color", rgba=_text(mesh.look.rgba))


def _add_joint(robot: ET.Element, joint: JointDesign, renamed: dict[str, str]) -> None:
    element = ET.SubElement(robot, "joint", name=joint.name, type=joint.kind)
    ET.SubElement(element, "origin", xyz=_text(joint.xyz), rpy=_text(joint.rpy))
    ET.SubElement(element, "parent", link=renamed[joint.parent])
    ET.SubElement(element, "child", link=renamed[joint.child])
    if joint.kind == "fixed":
        return
    ET.SubElement(element, "axis", xyz=_text(joint.axis))
    limits = {"lower": _text([joint.lower]), "upper": _text([joint.upper])}
    ET.SubElement(element, "limit", {**limits, "effort": EFFORT, "velocity": VELOCITY})
    if joint.mimic is not None:
        target, multiplier, offset = joint.mimic
        values = {"joint": target, "multiplier": _text([multiplier]), "offset": _text([offset])}
        ET.SubElement(element, "mimic", values)


def _text(values: Iterable[float]) -> str:
    """Numbers as the shortest text that reads back as the same."""
    return " ".join(repr(float(value)) for value in values)
