"""URDF text to plain values, safely: no document types, no entities, bounded size and depth, only what is supported."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from xml.parsers import expat

import numpy as np

from hoi_perception.instruments.description import Pose, Vector
from hoi_perception.instruments.design import JointDesign, MassProperties
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.model import Look, Primitive

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 32
MAX_LINKS = 64


@dataclass(frozen=True)
class MeshReference:
    """A mesh as the URDF names it."""

    name: str
    pose: Pose
    scale: Vector


@dataclass(frozen=True)
class Body:
    """A visual or collision element."""

    geometry: MeshReference | Primitive
    look: Look


@dataclass(frozen=True)
class UrdfLink:
    """A link before its meshes are read."""

    name: str
    visual: tuple[Body, ...]
    collision: tuple[Body, ...]
    mass: MassProperties | None


@dataclass(frozen=True)
class Urdf:
    """Links, base first, and joints, each after that of its parent."""

    name: str
    links: tuple[UrdfLink, ...]
    joints: tuple[JointDesign, ...]


def parse_urdf(content: bytes, where: str) -> Urdf:
    """The tree of links and joints; InstrumentError names `where`, the element and what is allowed."""
    root = _xml(content, where)
    if root.tag != "robot":
        raise InstrumentError(f"{where}: the outer element is <{root.tag}>, a URDF has <robot>")
    looks = {e.get("name", ""): _look(e, {}, where) for e in root.findall("material")}
    links = {}
    for element in root.findall("link"):
        link = _link(element, looks, where)
        if link.name in links:
            raise InstrumentError(f"{where}: two links are called {link.name!r}")
        links[link.name] = link
    if not 1 <= len(links) <= MAX_LINKS:
        raise InstrumentError(f"{where}: {len(links)} links, allowed are 1 to {MAX_LINKS}")
    joints = [_joint(element, where) for element in root.findall("joint")]
    ordered, names = in_tree_order(joints, list(links), where)
    _check_mimics(ordered, where)
    return Urdf(root.get("name", ""), tuple(links[name] for name in names), tuple(ordered))


def in_tree_order(joints: list[JointDesign], links: list[str], where: str) -> tuple[list[JointDesign], list[str]]:
    """Joints and links from the base outwards; InstrumentError where they are no single tree."""
    for what, names in (("joint", [j.name for j in joints]), ("child link", [j.child for j in joints])):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InstrumentError(f"{where}: {what} {twice[0]!r} occurs twice: links and joints must form a tree")
    for joint in joints:
        for role, name in (("parent", joint.parent), ("child", joint.child)):
            if name not in links:
                raise InstrumentError(f"{where}: joint {joint.name!r}: its {role} {name!r} is no link of this file")
    children = {joint.child for joint in joints}
    roots = [name for name in links if name not in children]
    if not roots:
        raise InstrumentError(f"{where}: the joints form a loop: one link must have no parent")
    if len(roots) > 1:
        raise InstrumentError(f"{where}: {', '.join(roots)} have no parent: all but one link need a joint")
    ordered: list[JointDesign] = []
    reached = [roots[0]]
    for link in reached:
        for joint in joints:
            if joint.parent == link:
                ordered.append(joint)
                reached.append(joint.child)
    if len(reached) < len(links):
        lost = [name for name in links if name not in reached]
        raise InstrumentError(f"{where}: the joints of {', '.join(lost)} form a loop: links must form a tree")
    return ordered, reached


def _check_mimics(joints: list[JointDesign], where: str) -> None:
    kinds = {joint.name: joint for joint in joints}
    for joint in joints:
        seen = [joint.name]
        while joint.mimic is not None:
            target = kinds.get(joint.mimic[0])
            if target is None or target.kind != "revolute":
                raise InstrumentError(f"{where}: joint {joint.name!r} mimics {joint.mimic[0]!r}, no revolute joint")
            if target.name in seen:
                raise InstrumentError(f"{where}: joints {', '.join(seen)} mimic each other in a circle")
            seen.append(target.name)
            joint = target


def _xml(content: bytes, where: str) -> ET.Element:
    if len(content) > MAX_BYTES:
        raise InstrumentError(f"{where}: {len(content) / 2**20:.0f} MB, a URDF may have {MAX_BYTES / 2**20:.0f} MB")
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def refuse(*_: object) -> None:
        raise InstrumentError(f"{where}: has a document type or entities: allowed is plain XML without <!DOCTYPE>")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise InstrumentError(f"{where}: elements are nested deeper than {MAX_DEPTH}")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError) as error:
        if isinstance(error, InstrumentError):
            raise
        raise InstrumentError(f"{where}: is not XML ({error})") from None
    return builder.close()


def _link(element: ET.Element, looks: dict[str, Look], where: str) -> UrdfLink:
    name = _name(element, where)
    here = f"{where}: link {name!r}"
    bodies = {
        tag: tuple(_body(e, looks, f"{here}: <{tag}>") for e in element.findall(tag)) for tag in ("visual", "collision")
    }
    inertial = element.find("inertial")
    mass = None if inertial is None else _mass(inertial, here)
    return UrdfLink(name, bodies["visual"], bodies["collision"], mass)


def _body(element: ET.Element, looks: dict[str, Look], where: str) -> Body:
    geometry = element.find("geometry")
    shapes = [] if geometry is None else list(geometry)
    if len(shapes) != 1:
        raise InstrumentError(f"{where}: <geometry> must hold one of mesh, box, cylinder, sphere")
    pose, shape = _pose(element, where), shapes[0]
    material = element.find("material")
    look = Look() if material is None else _look(material, looks, where)
    match shape.tag:
        case "mesh":
            scale = _numbers(shape, "scale", 3, where, "1 1 1")
            if min(scale) <= 0.0:
                raise InstrumentError(f"{where}: mesh scale {shape.get('scale')!r}: allowed are positive numbers")
            return Body(MeshReference(shape.get("filename", ""), pose, _vector(scale)), look)
        case "box":
            size = _numbers(shape, "size", 3, where)
        case "cylinder":
            size = _numbers(shape, "radius", 1, where) + _numbers(shape, "length", 1, where)
        case "sphere":
            size = _numbers(shape, "radius", 1, where)
        case _:
            raise InstrumentError(f"{where}: geometry <{shape.tag}>: allowed are mesh, box, cylinder, sphere")
    if min(size) <= 0.0:
        raise InstrumentError(f"{where}: <{shape.tag}> must have positive measures")
    return Body(Primitive(shape.tag, size, pose), look)


def _look(element: ET.Element, looks: dict[str, Look], where: str) -> Look:
    name = element.get("name", "")
    colour = element.find("color")
    if colour is None:
        return looks.get(name, Look(name))
    r, g, b, a = _numbers(colour, "rgba", 4, f"{where}: material {name!r}")
    if not all(0.0 <= value <= 1.0 for value in (r, g, b, a)):
        raise InstrumentError(
            f"{where}: material {name!r}: rgba {colour.get('rgba')!r}: allowed are values from 0 to 1"
        )
    return Look(name, (r, g, b, a))


def _mass(inertial: ET.Element, where: str) -> MassProperties:
    mass, tensor = inertial.find("mass"), inertial.find("inertia")
    if mass is None or tensor is None:
        raise InstrumentError(f"{where}: <inertial> needs <mass> and <inertia>")
    xx, xy, xz, yy, yz, zz = (_numbers(tensor, f"i{k}", 1, where)[0] for k in ("xx", "xy", "xz", "yy", "yz", "zz"))
    I = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])  # noqa: E741
    pose = _pose(inertial, where)
    turned = I if pose.rpy == (0.0, 0.0, 0.0) else pose.R @ I @ pose.R.T
    return MassProperties(_numbers(mass, "value", 1, where)[0], pose.t, turned)


def _joint(element: ET.Element, where: str) -> JointDesign:
    name = _name(element, where)
    here = f"{where}: joint {name!r}"
    kind = element.get("type", "")
    if kind not in ("revolute", "fixed"):
        raise InstrumentError(f"{here}: type {kind!r} is not supported: allowed are revolute and fixed")
    pose = _pose(element, here)
    ends = [_linked(element, role, here) for role in ("parent", "child")]
    if kind == "fixed":
        return JointDesign(name, ends[0], ends[1], kind, pose.xyz, pose.rpy)
    limit, axis = element.find("limit"), element.find("axis")
    if limit is None:
        raise InstrumentError(f"{here}: a revolute joint needs <limit lower= upper=>")
    lower, upper = (_numbers(limit, end, 1, here, "0")[0] for end in ("lower", "upper"))
    if lower > upper:
        raise InstrumentError(f"{here}: limits {lower} to {upper}: lower must not be above upper")
    direction = (1.0, 0.0, 0.0) if axis is None else _vector(_numbers(axis, "xyz", 3, here))
    length = math.hypot(*direction)
    if length < 1e-6:
        raise InstrumentError(f"{here}: the axis is zero")
    if abs(length - 1.0) > 1e-12:
        direction = _vector(tuple(value / length for value in direction))
    return JointDesign(name, ends[0], ends[1], kind, pose.xyz, pose.rpy, direction, lower, upper, _mimic(element, here))


def _mimic(element: ET.Element, where: str) -> tuple[str, float, float] | None:
    mimic = element.find("mimic")
    if mimic is None:
        return None
    factor = _numbers(mimic, "multiplier", 1, where, "1")[0]
    return mimic.get("joint", ""), factor, _numbers(mimic, "offset", 1, where, "0")[0]


def _linked(element: ET.Element, role: str, where: str) -> str:
    end = element.find(role)
    if end is None or not end.get("link"):
        raise InstrumentError(f'{where}: needs <{role} link="…">')
    return str(end.get("link"))


def _name(element: ET.Element, where: str) -> str:
    name = element.get("name", "")
    if not name or not name.isprintable() or len(name) > 100:
        raise InstrumentError(f"{where}: a <{element.tag}> has the name {name[:100]!r}: give up to 100 characters")
    return name


def _pose(element: ET.Element, where: str) -> Pose:
    origin = element.find("origin")
    if origin is None:
        return Pose()
    xyz, rpy = (_vector(_numbers(origin, name, 3, where, "0 0 0")) for name in ("xyz", "rpy"))
    return Pose(xyz, rpy)


def _vector(numbers: tuple[float, ...]) -> Vector:
    x, y, z = numbers
    return x, y, z


def _numbers(element: ET.Element, name: str, count: int, where: str, default: str | None = None) -> tuple[float, ...]:
    """Finite numbers of an attribute."""
    text = element.get(name, default)
    try:
        values = tuple(float(part) for part in (text or "").split())
    except ValueError:
        values = ()
    if len(values) != count or not all(math.isfinite(value) and abs(value) < 1e6 for value in values):
        raise InstrumentError(f"{where}: <{element.tag} {name}={text!r}>: {count} finite number(s) are needed")
    return values
