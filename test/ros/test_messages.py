"""The message definitions themselves."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from hoi_perception.ros.messages import BagMessages, definition_files
from hoi_perception.types import N_VERTICES, HandZone, ScaleSource, Side, TrackState

ROOT = Path(__file__).resolve().parents[2]
INTERFACES = sorted(p for kind in ("msg", "srv", "action") for p in (ROOT / kind).glob(f"*.{kind}"))


def test_every_definition_is_known_by_its_name() -> None:
    types = BagMessages().typestore.types
    names = {path.stem for path in definition_files()}
    assert names == {
        "ContactArray",
        "FrameStatus",
        "HandArray",
        "HandState",
        "InstrumentArray",
        "InstrumentState",
        "MeshTopology",
        "MeshVertices",
        "MeshVerticesArray",
        "Scene",
    }
    assert all(f"hoi_perception/msg/{name}" in types for name in names)


def test_every_definition_can_be_encoded() -> None:
    """Cross references between the definitions are all known, so each has a hash of ROS 2's kind."""
    typestore = BagMessages().typestore
    for path in definition_files():
        assert typestore.hash_rihs01(f"hoi_perception/msg/{path.stem}").startswith("RIHS01_")


def test_cmake_builds_every_definition() -> None:
    cmake = (ROOT / "CMakeLists.txt").read_text()
    listed = re.findall(r"^  ((?:msg|srv|action)/\w+\.\w+)$", cmake, re.MULTILINE)
    assert sorted(listed) == sorted(str(path.relative_to(ROOT)) for path in INTERFACES)
    assert {path.suffix for path in INTERFACES} == {".msg", ".srv", ".action"}


def test_packages_of_the_definitions_are_dependencies() -> None:
    used = {name for path in INTERFACES for name in re.findall(r"^(\w+)/\w+", path.read_text(), re.MULTILINE)}
    assert {"std_msgs", "geometry_msgs"} <= used
    cmake = (ROOT / "CMakeLists.txt").read_text()
    declared = re.search(r"DEPENDENCIES ([\w ]+)", cmake).group(1).split()
    depends = {element.text for element in ET.parse(ROOT / "package.xml").getroot().iter("depend")}
    assert used | {"action_msgs"} <= set(declared) == depends
    assert all(f"find_package({name} REQUIRED)" in cmake for name in declared)


def test_constants_are_those_of_the_enums() -> None:
    types = BagMessages().typestore.types
    hand, instrument = (types[f"hoi_perception/msg/{name}"] for name in ("HandState", "InstrumentState"))
    contacts = types["hoi_perception/msg/ContactArray"]
    assert {s.name: int(s) for s in Side} == {s.name: getattr(hand, s.name) for s in Side}
    assert {z.name: int(z) for z in HandZone} == {z.name: getattr(contacts, z.name) for z in HandZone}
    for kind in (hand, instrument):
        assert {s.name: int(s) for s in TrackState} == {s.name: getattr(kind, s.name) for s in TrackState}
        assert [getattr(kind, f"SCALE_{s.name}") for s in ScaleSource] == [0, 1, 2, 3, 4]


def test_sizes_of_flat_arrays() -> None:
    text = {path.stem: path.read_text() for path in definition_files()}
    assert f"float32[{3 * N_VERTICES}] vertices" in text["MeshVertices"]
    for field in ("float32[48] pose", "float32[10] shape", "float32[63] joints", "float32[21] joint_confidence"):
        assert field in text["HandState"]


def test_messages_have_fields_called_name() -> None:
    messages = BagMessages()
    joints = messages.make("diagnostic_msgs/msg/KeyValue", key="a", value="b")
    status = messages.make(
        "diagnostic_msgs/msg/DiagnosticStatus",
        level=messages.byte(2),
        name="hands",
        message="",
        hardware_id="",
        values=[joints],
    )
    back = messages.decode(messages.encode(status), "diagnostic_msgs/msg/DiagnosticStatus")
    assert (back.level, back.name, back.values[0].key) == (back.ERROR, "hands", "a")
