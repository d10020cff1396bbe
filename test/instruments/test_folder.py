"""Folders of instruments: exact round trips, and every kind of bad input refused with the reason."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yourdfpy
from example_instruments import clamp

from hoi_perception.instruments.description import MARKER_DICTIONARIES, Fiducial
from hoi_perception.instruments.description_file import description_text, parse_description
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.folder import read_instrument, write_instrument
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, pose_links
from hoi_perception.instruments.mesh_files import MAX_BYTES, merged_corners, read_mesh, stl_bytes
from hoi_perception.instruments.model import InstrumentModel, Primitive
from hoi_perception.instruments.urdf_parsing import parse_urdf
from hoi_perception.instruments.urdf_text import urdf_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_instrument(clamp(), tmp_path / "example_clamp").folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def assert_same(a: InstrumentModel, b: InstrumentModel) -> None:
    assert a.description == b.description
    assert a.joints == b.joints
    assert a.link_names == b.link_names
    for one, two in zip(a.links, b.links, strict=True):
        for left, right in ((one.visual, two.visual), (one.collision, two.collision)):
            assert [m.look for m in left] == [m.look for m in right]
            for m, n in zip(left, right, strict=True):
                np.testing.assert_array_equal(m.vertices, n.vertices)
                np.testing.assert_array_equal(m.faces, n.faces)
        assert one.mass is not None and two.mass is not None
        assert one.mass.mass == two.mass.mass
        np.testing.assert_array_equal(one.mass.center, two.mass.center)
        np.testing.assert_array_equal(one.mass.inertia, two.mass.inertia)


def test_what_is_written_is_read(folder: Path, tmp_path: Path) -> None:
    design, model = clamp(), read_instrument(folder)
    assert replace(model.description, materials=()) == design.description
    assert [(m.name, m.finish, m.density) for m in model.description.materials] == [("steel", "matt", 7900.0)]
    assert model.joints == design.joints
    shaft = model.link("shaft")
    assert np.ptp(shaft.visual[0].vertices, axis=0) == pytest.approx([0.1, 0.006, 0.004], abs=1e-8)
    assert shaft.mass is not None
    assert shaft.mass.mass == pytest.approx(0.1 * 0.006 * 0.004 * 7900.0)
    assert shaft.visual[0].look.rgba == (0.7, 0.72, 0.75, 1.0)
    again = write_instrument(model, tmp_path / "again")
    assert_same(model, again)
    assert description_text(again.description) == (folder / "instrument.yaml").read_text()


def test_writing_twice_replaces_and_leaves_nothing_behind(folder: Path) -> None:
    (folder / "stray.txt").write_text("x")
    write_instrument(clamp(), folder)
    assert sorted(p.name for p in folder.parent.iterdir()) == ["example_clamp"]
    assert not (folder / "stray.txt").exists()


def test_a_failed_write_leaves_the_old_folder(folder: Path) -> None:
    broken = replace(clamp(), joints=clamp().joints[:1])
    before = sorted(p.name for p in folder.rglob("*"))
    with pytest.raises(InstrumentError, match="no parent"):
        write_instrument(broken, folder)
    assert sorted(p.name for p in folder.rglob("*")) == before
    assert sorted(p.name for p in folder.parent.iterdir()) == ["example_clamp"]


def test_an_independent_parser_agrees_on_kinematics(folder: Path) -> None:
    model = read_instrument(folder)
    robot = yourdfpy.URDF.load(str(folder / "example_clamp.urdf"), mesh_dir=str(folder))
    angle = 0.37
    robot.update_cfg({"jaw": angle})
    posed = pose_links(joint_tree(model), InstrumentState(np.eye(3)[None], np.zeros((1, 3)), np.array([[angle]])))
    for k, name in enumerate(model.link_names):
        T = robot.get_transform(name, "shaft")
        np.testing.assert_allclose(posed.R[0, k], T[:3, :3], atol=1e-9)
        np.testing.assert_allclose(posed.t[0, k], T[:3, 3], atol=1e-9)


def test_robot_description_has_other_link_names_and_mesh_uris(folder: Path) -> None:
    model = read_instrument(folder)
    text = urdf_text(model, frames={name: f"tool_{name}" for name in model.link_names[1:]})
    urdf = parse_urdf(text.encode(), "text")
    assert urdf.links[0].name == model.link_names[0]
    assert [link.name for link in urdf.links[1:]] == [f"tool_{n}" for n in model.link_names[1:]]
    lower = next(j for j in urdf.joints if j.name == "lower")
    assert lower.mimic == ("jaw", -1.5, 0.02)
    names = re.findall(r'filename="([^"]+)"', text)
    assert names and all(Path(n.removeprefix("file://")).is_file() for n in names)
    in_package = urdf_text(model, mesh_uri=lambda p: f"package://mine/{p.relative_to(folder.resolve()).as_posix()}")
    assert 'filename="package://mine/meshes/shaft.stl"' in in_package


def test_scale_pose_and_primitives(folder: Path) -> None:
    """A mesh in millimetres, turned by a quarter and moved, ends where it should; boxes are allowed too."""
    path = folder / "meshes" / "pad.stl"
    vertices, faces = read_mesh(path)
    path.write_bytes(stl_bytes(vertices * 1000.0, faces))
    origin = '<origin xyz="0.001 0 0" rpy="0 0 1.5707963267948966" />'
    urdf = folder / "example_clamp.urdf"
    change(urdf, '<mesh filename="meshes/pad.stl" />', '<mesh filename="meshes/pad.stl" scale="0.001 0.001 0.001" />')
    text = urdf.read_text()
    at = text.index("<geometry>", text.index('<link name="pad">'))
    urdf.write_text(text[:at] + origin + text[at:])
    mesh = read_instrument(folder).link("pad").visual[0]
    expected = np.stack([0.001 - vertices[:, 1], vertices[:, 0], vertices[:, 2]], axis=1)
    np.testing.assert_allclose(mesh.vertices, expected, atol=1e-9)
    change(urdf, '<mesh filename="meshes/pad_collision_0.stl" />', '<box size="0.004 0.002 0.006" />')
    box = read_instrument(folder).link("pad").collision[0]
    assert isinstance(box.source, Primitive)
    assert np.ptp(box.vertices, axis=0) == pytest.approx([0.004, 0.002, 0.006])


def urdf_with(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: change(folder / "example_clamp.urdf", old, new)


def yaml_with(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: change(folder / "instrument.yaml", old, new)


def huge_mesh(folder: Path) -> None:
    with (folder / "meshes" / "shaft.stl").open("r+b") as stream:
        stream.truncate(MAX_BYTES + 1)


MESH = '<mesh filename="meshes/shaft.stl" />'
BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "entities": (
        urdf_with("<robot", '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><robot'),
        "example_clamp.urdf: has a document type",
    ),
    "no XML": (urdf_with("</robot>", ""), "is not XML"),
    "another element": (urdf_with("<robot", "<sdf"), "is not XML"),
    "missing mesh": (lambda f: (f / "meshes" / "shaft.stl").unlink(), "the file is missing"),
    "path traversal": (urdf_with(MESH, '<mesh filename="../../secret.stl" />'), "leads out of"),
    "absolute path": (urdf_with(MESH, '<mesh filename="/etc/passwd" />'), "allowed are paths relative"),
    "URL": (urdf_with(MESH, '<mesh filename="http://x/y.stl" />'), "allowed are paths relative"),
    "file URL": (urdf_with(MESH, '<mesh filename="file:///etc/passwd" />'), "allowed are paths relative"),
    "unknown package": (urdf_with(MESH, '<mesh filename="package://nobody/x.stl" />'), "'nobody' is not known"),
    "traversal in a package": (
        urdf_with(MESH, '<mesh filename="package://example_clamp/%2e%2e/x.stl" />'),
        "leads out of",
    ),
    "prismatic joint": (urdf_with('type="revolute"', 'type="prismatic"'), "'prismatic' is not supported: allowed are"),
    "loop": (urdf_with('<parent link="shaft" />', '<parent link="pad" />'), "form a loop"),
    "two parents": (urdf_with('<child link="lower_jaw" />', '<child link="upper_jaw" />'), "occurs twice"),
    "unknown link": (urdf_with('<child link="pad" />', '<child link="pat" />'), "'pat' is no link"),
    "mimic of nothing": (urdf_with('<mimic joint="jaw"', '<mimic joint="jar"'), "no revolute joint"),
    "mimic of itself": (urdf_with('<mimic joint="jaw"', '<mimic joint="lower"'), "in a circle"),
    "limits": (urdf_with('upper="0.6"', 'upper="-1"'), "lower must not be above upper"),
    "infinite": (urdf_with('upper="0.6"', 'upper="inf"'), "finite"),
    "not a number": (urdf_with('xyz="0.001 0.0 0.0"', 'xyz="0.001 nan 0.0"'), "3 finite number"),
    "negative scale": (urdf_with(MESH, '<mesh filename="meshes/shaft.stl" scale="1 1 -1" />'), "positive numbers"),
    "millimetres": (
        lambda f: [
            p.write_bytes(stl_bytes(1000.0 * v, k)) for p in (f / "meshes").iterdir() for v, k in [read_mesh(p)]
        ],
        'give scale="0.001',
    ),
    "empty mesh": (lambda f: (f / "meshes" / "shaft.stl").write_bytes(bytes(84)), "no triangles"),
    "no mesh": (lambda f: (f / "meshes" / "shaft.stl").write_bytes(os.urandom(500)), "cannot be read as STL"),
    "cut mesh": (
        lambda f: (f / "meshes" / "shaft.stl").write_bytes((f / "meshes" / "shaft.stl").read_bytes()[:-7]),
        "cannot be read as STL",
    ),
    "gigabytes": (huge_mesh, "more than 256 MB together"),
    "no description": (lambda f: (f / "instrument.yaml").unlink(), "instrument.yaml: is missing"),
    "no URDF": (lambda f: (f / "example_clamp.urdf").unlink(), "needs one URDF"),
    "unknown field": (yaml_with("aliases:", "alias:"), "alias .*unknown field: allowed are name, class, aliases"),
    "bad name": (yaml_with("name: example_clamp", "name: Example Clamp"), "give small letters"),
    "no class": (yaml_with("class: clamp\n", ""), "class is missing: give a text"),
    "bad finish": (
        yaml_with("finish: matt", "finish: shiny"),
        r"materials\[0\].finish is 'shiny': allowed are polished",
    ),
    "bad order": (yaml_with("order: 2", "order: 1"), r"symmetries\[0\].order is 1"),
    "bad finger": (yaml_with("- thumb", "- toe"), r"fingers .*allowed are thumb"),
    "short vector": (yaml_with("xyz: [0.04, 0.0, 0.0]", "xyz: [0.04, 0.0]"), r"frames\[0\].xyz .*3 finite numbers"),
    "frame on no link": (yaml_with("link: upper_jaw", "link: nose"), "frames.upper_tip.link is 'nose'"),
    "joint out of limits": (yaml_with("jaw: 0.25", "jaw: 2.5"), "allowed are 0.0 to 0.6"),
    "vertex out of range": (yaml_with("[0, 3, 5]", "[0, 3, 50]"), "counted from 0"),
    "marker's dictionary": (
        yaml_with("dictionary: DICT_4X4_50", "dictionary: 4X4_50"),
        r"fiducials\[1\].dictionary is '4X4_50': allowed are .*DICT_4X4_50, .*DICT_APRILTAG_36h11",
    ),
    "marker's number": (
        yaml_with("id: 586", "id: 587"),
        r"fiducials\[0\].id is 587: DICT_APRILTAG_36h11 has .* 0 to 586",
    ),
    "half a marker": (yaml_with("id: 586", "id: 1.5"), r"fiducials\[0\].id is 1.5"),
    "marker without size": (yaml_with("size: 0.0075", "size: 0"), r"fiducials\[1\].size is 0: give metres above 0"),
    "marker on no link": (
        yaml_with("link: upper_jaw\n  xyz: [0.0, 0.0, 0.0]", "link: nose"),
        r"fiducials\[1\].link is 'nose'",
    ),
    "marker twice": (
        yaml_with("dictionary: DICT_4X4_50\n  id: 3", "dictionary: DICT_APRILTAG_36h11\n  id: 586"),
        "fiducials: 'marker 586 of DICT_APRILTAG_36h11' occurs twice",
    ),
    "aliases bomb": (yaml_with("name: example_clamp", "name: &a [x]\nclass: *a"), "aliases .* are not allowed"),
    "a list": (lambda f: (f / "instrument.yaml").write_text("- 1\n"), "must be a mapping"),
    "deep": (lambda f: (f / "instrument.yaml").write_text("a: " + "[" * 5000), "instrument.yaml"),
    "binary": (lambda f: (f / "instrument.yaml").write_bytes(bytes(range(256))), "is not YAML"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told(folder: Path, case: str) -> None:
    spoil, expected = BAD[case]
    spoil(folder)
    with pytest.raises(InstrumentError, match=expected):
        read_instrument(folder)


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    mesh = folder / "meshes" / "shaft.stl"
    shutil.move(mesh, tmp_path / "elsewhere.stl")
    mesh.symlink_to(tmp_path / "elsewhere.stl")
    with pytest.raises(InstrumentError, match="leads out of"):
        read_instrument(folder)


def test_a_pipe_is_refused_without_waiting(folder: Path) -> None:
    (folder / "instrument.yaml").unlink()
    os.mkfifo(folder / "instrument.yaml")
    with pytest.raises(InstrumentError, match="not a regular file"):
        read_instrument(folder)


@pytest.mark.parametrize("seed", range(60))
def test_spoilt_files_give_only_told_errors(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    files = [folder / "example_clamp.urdf", folder / "instrument.yaml", folder / "meshes" / "pad.stl"]
    path = files[seed % 3]
    content = bytearray(path.read_bytes())
    for _ in range(int(rng.integers(1, 12))):
        at = int(rng.integers(len(content)))
        match int(rng.integers(3)):
            case 0:
                content[at] = int(rng.integers(256))
            case 1:
                del content[at : at + int(rng.integers(1, 60))]
            case _:
                content[at:at] = content[: int(rng.integers(1, 60))]
    path.write_bytes(bytes(content))
    with contextlib.suppress(InstrumentError):
        model = read_instrument(folder)
        assert all(np.isfinite(mesh.vertices).all() for link in model.links for mesh in link.meshes)


def test_equal_corners_become_one_vertex_in_order_of_use() -> None:
    corners = np.array([[[1, 0, 0], [0, 0, 0], [0, 1, 0]], [[0, 1, 0], [-0.0, 0, 0], [5, 5, 5]]], dtype=np.float64)
    vertices, faces = merged_corners(corners)
    np.testing.assert_array_equal(vertices, [[1, 0, 0], [0, 0, 0], [0, 1, 0], [5, 5, 5]])
    np.testing.assert_array_equal(faces, [[0, 1, 2], [2, 1, 3]])


def test_numbers_survive_yaml() -> None:
    """1e-05 without a point would be read as a text by YAML 1.1."""
    description = clamp().description
    assert parse_description(description_text(description).encode(), "x") == description


def test_dictionaries_of_markers_are_opencvs() -> None:
    for name, count in MARKER_DICTIONARIES.items():
        assert len(cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name)).bytesList) == count
    missing = {name.lower() for name in dir(cv2.aruco) if name.startswith("DICT_")} - set(
        map(str.lower, MARKER_DICTIONARIES)
    )
    assert missing <= {"dict_aruco_mip_36h12"}, "not in the oldest OpenCV that is supported"


def test_markers_of_one_family_look_the_same_by_their_numbers() -> None:
    drawn = [
        cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name)), 7, 12)
        for name in ("DICT_4X4_50", "DICT_4X4_1000", "DICT_5X5_50")
    ]
    a, b, c = (Fiducial(name, 7, 0.01, "base").drawn for name in ("DICT_4X4_50", "DICT_4X4_1000", "DICT_5X5_50"))
    assert (drawn[0] == drawn[1]).all() and a == b
    assert (drawn[0] != drawn[2]).any() and a != c
    april = [Fiducial(f"DICT_APRILTAG_{name}", 7, 0.01, "base").drawn for name in ("36h10", "36h11")]
    assert april[0] != april[1]
