"""Adding meshes: units, repairs that are told, refusals; and URDF folders."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import trimesh
from example_instruments import clamp

from hoi_perception.instruments.adding import add_instrument, name_from, unit_of
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.folder import write_instrument
from hoi_perception.instruments.repair import count_piercing, open_edges, repaired, signed_volume


def rod() -> trimesh.Trimesh:
    """150 mm long, 6 mm thick, in millimetres."""
    return trimesh.creation.cylinder(3.0, 150.0, sections=48)


def arrays(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)


@pytest.mark.parametrize("ending", ["stl", "obj", "ply", "glb"])
def test_formats(tmp_path: Path, ending: str) -> None:
    rod().export(tmp_path / f"My Rod-2.{ending}")
    added = add_instrument(tmp_path / f"My Rod-2.{ending}", unit="mm", library=tmp_path / "library")
    assert added.model.name == "my_rod_2"
    vertices, faces = added.model.links[0].surface()
    assert np.sort(np.ptp(vertices, axis=0)) == pytest.approx([0.006, 0.006, 0.15], rel=1e-3)
    assert len(open_edges(faces)) == 0
    assert signed_volume(vertices, faces) == pytest.approx(48 / 2 * np.sin(2 * np.pi / 48) * 0.003**2 * 0.15, rel=1e-4)
    mass = added.model.links[0].mass
    assert mass is not None
    assert mass.mass == pytest.approx(signed_volume(vertices, faces) * 7900.0, rel=1e-5)


def test_the_unit_is_told_or_asked(tmp_path: Path) -> None:
    rod().export(tmp_path / "rod.stl")
    added = add_instrument(tmp_path / "rod.stl", library=tmp_path / "library")
    assert any("unit taken to be mm" in line and "150 mm" in line for line in added.told)
    assert unit_of(0.15, "stl", "x")[0] == "m"
    assert unit_of(0.15, "glb", "x")[0] == "m"
    for unclear in (15.0, 6.0, 5000.0, 1e-4):
        with pytest.raises(InstrumentError, match="give --unit"):
            unit_of(unclear, "stl", "x")
    with pytest.raises(InstrumentError, match="150 m long in m"):
        add_instrument(tmp_path / "rod.stl", unit="m", name="other", library=tmp_path / "library")


def test_names(tmp_path: Path) -> None:
    assert name_from(Path("10-Blade (final).STL")) == "instrument_10_blade_final"
    rod().export(tmp_path / "rod.stl")
    with pytest.raises(InstrumentError, match="small letters"):
        add_instrument(tmp_path / "rod.stl", name="../x", library=tmp_path / "library")
    add_instrument(tmp_path / "rod.stl", library=tmp_path / "library")
    with pytest.raises(InstrumentError, match="there already"):
        add_instrument(tmp_path / "rod.stl", library=tmp_path / "library")


def test_a_good_mesh_stays_as_it_is() -> None:
    vertices, faces = arrays(rod())
    _, _, told = repaired(vertices, faces, "x")
    assert told == ()


def test_holes_are_filled_and_told() -> None:
    vertices, faces = arrays(trimesh.creation.icosphere(3, 1.0))
    kept = np.ones(len(faces), dtype=bool)
    kept[[5, 300, 301]] = False
    v, f, told = repaired(vertices, faces[kept], "x")
    assert len(open_edges(f)) == 0
    assert any(line.startswith(("filled 2 holes", "filled 3 holes")) for line in told)
    assert signed_volume(v, f) == pytest.approx(signed_volume(vertices, faces), rel=2e-3)


def test_inside_out_is_turned_and_told() -> None:
    vertices, faces = arrays(rod())
    v, f, told = repaired(vertices, faces[:, ::-1], "x")
    assert told == ("was inside out: all faces turned",)
    assert signed_volume(v, f) > 0.0


def test_single_faces_the_wrong_way_are_turned() -> None:
    vertices, faces = arrays(trimesh.creation.icosphere(3, 1.0))
    wrong = faces.copy()
    chosen = np.random.default_rng(0).choice(len(faces), 200, replace=False)
    wrong[chosen] = wrong[chosen][:, ::-1]
    v, f, told = repaired(vertices, wrong, "x")
    assert told == ("turned 200 faces that faced the other way than their neighbours",)
    assert signed_volume(v, f) == pytest.approx(signed_volume(vertices, faces))


def test_duplicates_are_merged_and_told() -> None:
    vertices, faces = arrays(trimesh.creation.box((1.0, 2.0, 3.0)))
    loose = vertices[faces].reshape(-1, 3)
    doubled = np.concatenate([np.arange(len(loose)).reshape(-1, 3), [[0, 1, 2], [3, 3, 4]]])
    v, f, told = repaired(loose, doubled, "x")
    assert len(v) == 8 and len(f) == 12
    assert told == ("merged 28 duplicate vertices", "removed 1 faces without area", "removed 1 duplicate faces")


def test_a_cavity_stays_a_cavity() -> None:
    outer, inner = trimesh.creation.icosphere(3, 2.0), trimesh.creation.icosphere(3, 1.0)
    inner.invert()
    vertices, faces = arrays(trimesh.util.concatenate([outer, inner]))
    v, f, told = repaired(vertices, faces, "x")
    assert signed_volume(v, f) == pytest.approx(signed_volume(vertices, faces))
    assert told == ("has 2 separate parts, taken as one rigid body",)


def test_self_intersection_is_told() -> None:
    one, two = trimesh.creation.box((2.0, 2.0, 2.0)), trimesh.creation.box((1.0, 1.0, 6.0))
    two.apply_translation([0.3, 0.2, 0.1])
    vertices, faces = arrays(trimesh.util.concatenate([one, two]))
    assert any(line.startswith("intersects itself") for line in repaired(vertices, faces, "x")[2])
    assert count_piercing(*arrays(trimesh.creation.icosphere(4))) == 0


def test_non_manifold_is_told() -> None:
    one, two = trimesh.creation.box((1.0, 1.0, 1.0)), trimesh.creation.box((1.0, 1.0, 1.0))
    two.apply_translation([1.0, 1.0, 0.0])  # they share an edge
    vertices, faces = arrays(trimesh.util.concatenate([one, two]))
    assert any("non-manifold: 1 edges" in line for line in repaired(vertices, faces, "x")[2])


@pytest.mark.parametrize("what", ["sheet", "point", "half"])
def test_what_is_no_body_is_refused(what: str) -> None:
    vertices, faces = arrays(trimesh.creation.icosphere(3, 1.0))
    match what:
        case "sheet":
            vertices, faces = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], float), np.array([[0, 1, 2]])
        case "point":
            vertices = vertices * 0.0
        case "half":
            faces = faces[vertices[faces].mean(axis=1)[:, 2] > 0.0]
    with pytest.raises(InstrumentError):
        repaired(vertices, faces, "x")


def test_bad_files(tmp_path: Path) -> None:
    (tmp_path / "empty.stl").write_bytes(b"")
    (tmp_path / "text.obj").write_text("hello\n")
    (tmp_path / "x.step").write_text("x")
    (tmp_path / "nan.stl").write_bytes(
        rod().export(file_type="stl").replace(np.float32(75.0).tobytes(), b"\0\0\xc0\x7f")
    )
    for name, reason in (
        ("empty.stl", "is empty: export"),
        ("text.obj", "OBJ|triangles"),
        ("x.step", "not a mesh format"),
    ):
        with pytest.raises(InstrumentError, match=reason):
            add_instrument(tmp_path / name, library=tmp_path / "library")
    with pytest.raises(InstrumentError, match="not finite"):
        add_instrument(tmp_path / "nan.stl", library=tmp_path / "library")
    with pytest.raises(InstrumentError, match="is missing"):
        add_instrument(tmp_path / "nothing.stl")
    assert not (tmp_path / "library").exists() or not list((tmp_path / "library").iterdir())


def test_an_obj_reads_no_other_file(tmp_path: Path) -> None:
    text = rod().export(file_type="obj")
    (tmp_path / "rod.obj").write_text("mtllib ../../secret.mtl\n" + re.sub("mtllib.*\n", "", text))
    assert add_instrument(tmp_path / "rod.obj", unit="mm", library=tmp_path / "library").model.name == "rod"


def test_a_urdf_folder(tmp_path: Path) -> None:
    source = write_instrument(clamp(), tmp_path / "source").folder
    added = add_instrument(source, name="mine", library=tmp_path / "library")
    assert added.model.name == "mine"
    assert added.model.joints == clamp().joints
    (source / "instrument.yaml").unlink()
    bare = add_instrument(source / "example_clamp.urdf", name="bare", library=tmp_path / "library")
    assert bare.model.description.instrument_class == "unknown"
    assert any("instrument.yaml" in line for line in bare.told)
    with pytest.raises(InstrumentError, match="leave out --unit"):
        add_instrument(source, unit="mm", name="x", library=tmp_path / "library")
