"""The message definitions themselves."""

from __future__ import annotations

from hoi_perception.ros.messages import BagMessages, definition_files
from hoi_perception.types import N_VERTICES, Side, TrackState


def test_every_definition_is_known_by_its_name() -> None:
    types = BagMessages().typestore.types
    names = {path.stem for path in definition_files()}
    assert names == {"FrameStatus", "HandArray", "HandState", "MeshTopology", "MeshVertices", "MeshVerticesArray"}
    assert all(f"hoi_perception/msg/{name}" in types for name in names)


def test_cmake_builds_every_definition() -> None:
    cmake = (definition_files()[0].parents[1] / "CMakeLists.txt").read_text()
    assert all(f"msg/{path.name}" in cmake for path in definition_files())


def test_constants_are_those_of_the_enums() -> None:
    hand = BagMessages().typestore.types["hoi_perception/msg/HandState"]
    assert {s.name: int(s) for s in Side} == {s.name: getattr(hand, s.name) for s in Side}
    assert {s.name: int(s) for s in TrackState} == {s.name: getattr(hand, s.name) for s in TrackState}


def test_sizes_of_flat_arrays() -> None:
    text = {path.stem: path.read_text() for path in definition_files()}
    assert f"float32[{3 * N_VERTICES}] vertices" in text["MeshVertices"]
    for field in ("float32[48] pose", "float32[10] shape", "float32[63] joints", "float32[21] joint_confidence"):
        assert field in text["HandState"]
