"""`instrument.yaml`: text to an InstrumentDescription and back, exactly."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from hoi_perception.hands.grasps import grasp_angles
from hoi_perception.instruments.description import (
    FINGERS,
    FINISHES,
    MARKER_DICTIONARIES,
    ZERO,
    Box,
    Fiducial,
    FiducialMount,
    Grasp,
    GraspRegion,
    InstrumentDescription,
    Material,
    NamedFrame,
    Pose,
    Symmetry,
    Vector,
)
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.yaml_fields import Fields, load_yaml
from hoi_perception.types import Side

N_ANGLES = 45
NAME_RULE = "give small letters, digits and _, starting with a letter, at most 60"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
_SIDES = {side.label: side for side in Side}


def is_name(text: str) -> bool:
    """True for names that files, topics and TF frames can bear."""
    return _NAME.fullmatch(text) is not None


def parse_description(content: bytes, where: str) -> InstrumentDescription:
    """The description; InstrumentError names the file, the field and what is allowed."""
    fields = load_yaml(content, where)
    name = fields.text("name")
    if not is_name(name):
        raise fields.wrong("name", NAME_RULE)
    description = InstrumentDescription(
        name=name,
        instrument_class=fields.text("class"),
        aliases=fields.texts("aliases"),
        sources=fields.texts("sources"),
        materials=fields.each("materials", _material),
        symmetries=fields.each("symmetries", _symmetry),
        frames=fields.each("frames", _frame),
        grasp_regions=fields.each("grasp_regions", _region),
        grasps=fields.each("grasps", _grasp),
        fiducial_mount=None if (entry := fields.mapping("fiducial_mount")) is None else _mount(entry),
        fiducials=fields.each("fiducials", _fiducial),
    )
    fields.finish()
    for what, names in (
        ("frames", [f.name for f in description.frames]),
        ("grasps", [g.name for g in description.grasps]),
        ("fiducials", [f.label for f in description.fiducials]),
    ):
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise InstrumentError(f"{where}: {what}: {twice[0]!r} occurs twice")
    return description


def check_against(
    description: InstrumentDescription, links: tuple[str, ...], joints: dict[str, tuple[float, float]], where: str
) -> None:
    """InstrumentError where the description names links or joints that the URDF lacks; `joints` have their limits."""
    named = [
        *((f"symmetries[{i}].link", s.link) for i, s in enumerate(description.symmetries)),
        *((f"frames.{f.name}.link", f.link) for f in description.frames),
        *((f"grasp_regions.{r.name}.link", r.link) for r in description.grasp_regions),
    ]
    named += [(f"fiducials[{i}].link", f.link) for i, f in enumerate(description.fiducials)]
    if description.fiducial_mount is not None:
        named.append(("fiducial_mount.link", description.fiducial_mount.link))
    for field, link in named:
        if link not in links:
            raise InstrumentError(f"{where}: {field} is {link!r}: links of the URDF are {', '.join(links)}")
    for grasp in description.grasps:
        for joint, position in grasp.joint_positions:
            field = f"grasps.{grasp.name}.joint_positions.{joint}"
            if joint not in joints:
                raise InstrumentError(f"{where}: {field}: joints of the URDF are {', '.join(joints) or 'none'}")
            lower, upper = joints[joint]
            if not lower - 1e-9 <= position <= upper + 1e-9:
                raise InstrumentError(f"{where}: {field} is {position}: allowed are {lower} to {upper} rad")


def description_text(d: InstrumentDescription) -> str:
    """YAML of a description; `parse_description` gives the same back."""
    values: dict[str, Any] = {"name": d.name, "class": d.instrument_class}
    values["aliases"] = list(d.aliases)
    values["sources"] = list(d.sources)
    values["materials"] = [{"name": m.name, "finish": m.finish, "density": m.density} for m in d.materials]
    values["symmetries"] = [
        {"link": s.link, "axis": list(s.axis), "order": s.order, "point": list(s.point)} for s in d.symmetries
    ]
    values["frames"] = [{"name": f.name, "link": f.link, **_pose_values(f.pose), "tip": f.tip} for f in d.frames]
    values["grasp_regions"] = [_region_values(region) for region in d.grasp_regions]
    values["grasps"] = [_grasp_values(grasp) for grasp in d.grasps]
    if d.fiducial_mount is not None:
        m = d.fiducial_mount
        values["fiducial_mount"] = {"link": m.link, **_pose_values(m.pose), "size": m.size}
    values["fiducials"] = [
        {"dictionary": f.dictionary, "id": f.number, "size": f.size, "link": f.link, **_pose_values(f.pose)}
        for f in d.fiducials
    ]
    written = {key: value for key, value in values.items() if value != []}
    return yaml.dump(written, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Lists of numbers on one line, no aliases."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _sequence(dumper: _Dumper, data: list[Any]) -> yaml.Node:
    flat = all(isinstance(value, (int, float)) for value in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flat)


def _number(dumper: _Dumper, value: float) -> yaml.Node:
    # repr gives back the same number; YAML 1.1 wants a point before an exponent
    text = repr(value)
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(list, _sequence)
_Dumper.add_representer(float, _number)


def _material(f: Fields) -> Material:
    density = f.number("density")
    if density <= 0.0:
        raise f.wrong("density", "give kg/m³ above 0")
    return Material(f.text("name"), f.text("finish", one_of=FINISHES), density)


def _symmetry(f: Fields) -> Symmetry:
    order = f.number("order")
    if order < 0 or order == 1 or order != int(order):
        raise f.wrong("order", "give 0 (any angle) or a whole number from 2")
    return Symmetry(f.text("link"), _direction(f, "axis"), int(order), f.vector("point", ZERO))


def _direction(f: Fields, name: str) -> Vector:
    axis = f.vector(name)
    if abs(math.hypot(*axis) - 1.0) > 1e-6:
        raise f.wrong(name, "give a vector of length 1")
    return axis


def _frame(f: Fields) -> NamedFrame:
    name = f.text("name")
    if not is_name(name):
        raise f.wrong("name", NAME_RULE)
    return NamedFrame(name, f.text("link"), _pose(f), f.truth("tip", False))


def _region(f: Fields) -> GraspRegion:
    name, link, fingers = f.text("name"), f.text("link"), f.texts("fingers", one_of=FINGERS)
    entry, vertices = f.mapping("box"), f.integers("vertices")
    if not fingers:
        raise f.wrong("fingers", f"give some of {', '.join(FINGERS)}")
    if (entry is None) == (not vertices):
        raise f.wrong("box", "give either box or vertices")
    if entry is None:
        return GraspRegion(name, link, fingers, None, vertices)
    box = Box(_pose(entry), entry.vector("size"))
    if min(box.size) <= 0.0:
        raise entry.wrong("size", "give edge lengths above 0")
    entry.finish()
    return GraspRegion(name, link, fingers, box)


def _grasp(f: Fields) -> Grasp:
    name, side = f.text("name"), _SIDES[f.text("side", one_of=tuple(_SIDES))]
    hand, angles = f.text("hand", "", one_of=tuple(grasp_angles())), f.numbers("angles", N_ANGLES)
    if bool(hand) == bool(angles):
        raise f.wrong("hand", "give either hand (a named grasp) or angles (45 rad)")
    pose, joints = f.mapping("T_hand_instrument"), f.mapping("joint_positions")
    if pose is None:
        raise f.wrong("T_hand_instrument", "give xyz and rpy")
    placed = _pose(pose)
    pose.finish()
    positions = () if joints is None else tuple((joint, joints.number(joint)) for joint in joints.values)
    return Grasp(name, side, placed, hand, angles, positions)


def _mount(f: Fields) -> FiducialMount:
    mount = FiducialMount(f.text("link"), _pose(f), f.number("size"))
    if mount.size <= 0.0:
        raise f.wrong("size", "give metres above 0")
    f.finish()
    return mount


def _fiducial(f: Fields) -> Fiducial:
    dictionary = f.text("dictionary", one_of=tuple(MARKER_DICTIONARIES))
    number, size = f.number("id"), f.number("size")
    count = MARKER_DICTIONARIES[dictionary]
    if number != int(number) or not 0 <= number < count:
        raise f.wrong("id", f"{dictionary} has the markers 0 to {count - 1}")
    if size <= 0.0:
        raise f.wrong("size", "give metres above 0: the side of the black square")
    return Fiducial(dictionary, int(number), size, f.text("link"), _pose(f))


def _pose(f: Fields) -> Pose:
    return Pose(f.vector("xyz", ZERO), f.vector("rpy", ZERO))


def _pose_values(pose: Pose) -> dict[str, list[float]]:
    return {"xyz": [float(x) for x in pose.xyz], "rpy": [float(x) for x in pose.rpy]}


def _region_values(region: GraspRegion) -> dict[str, Any]:
    values: dict[str, Any] = {"name": region.name, "link": region.link, "fingers": list(region.fingers)}
    if region.box is not None:
        values["box"] = {**_pose_values(region.box.pose), "size": [float(x) for x in region.box.size]}
    else:
        values["vertices"] = list(region.vertices)
    return values


def _grasp_values(grasp: Grasp) -> dict[str, Any]:
    values: dict[str, Any] = {"name": grasp.name, "side": grasp.side.label}
    values |= {"hand": grasp.hand} if grasp.hand else {"angles": list(grasp.angles)}
    values["T_hand_instrument"] = _pose_values(grasp.T_hand_instrument)
    if grasp.joint_positions:
        values["joint_positions"] = dict(grasp.joint_positions)
    return values
