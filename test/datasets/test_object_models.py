"""Objects of data sets as instruments: their points come to lie where the data sets' own code puts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from object_examples import Array, box, write_obj, write_stl

from hoi_perception.datasets import object_models
from hoi_perception.datasets.errors import ReadError
from hoi_perception.datasets.object_models import object_model
from hoi_perception.datasets.sample import Hinge, ObjectTruth
from hoi_perception.evaluation.bodies import Body
from hoi_perception.transforms import rotation_from_axis_angle

R = rotation_from_axis_angle(np.array([0.3, -0.8, 0.5]))
T = np.array([0.05, -0.02, 0.7])
PARTS = "parts.json"
HINGE = Hinge(PARTS, (0.0, 0.0, -1.0))


def placed(root: Path, truth: ObjectTruth) -> Array:
    """Vertices of the instrument in the camera, sorted: the library keeps none's number."""
    model = object_model(root, truth, root / "library")
    vertices = Body.of(model.model).vertices(model.state(truth))
    return np.array(sorted(vertices.round(7).tolist()))


def in_order(points: Array) -> Array:
    return np.array(sorted(points.round(7).tolist()))


def write_two_boxes(root: Path) -> tuple[Array, NDArray[np.bool_]]:
    """A base and a lid in millimetres, vertices of the two taking turns; 1 is the base, as in ARCTIC's parts.json."""
    base, faces = box([100.0, 60.0, 40.0], [0.0, -30.0, 0.0])
    lid, _ = box([100.0, 20.0, 40.0], [0.0, 12.0, 5.0])
    vertices = np.stack([lid, base], axis=1).reshape(16, 3)
    write_obj(root / "mesh.obj", vertices, np.concatenate([2 * faces, 2 * faces + 1]))
    of_base = np.arange(16) % 2 == 1
    (root / PARTS).write_text(json.dumps(of_base.astype(int).tolist()))
    return vertices, of_base


def hinged(angle: float = 0.0) -> ObjectTruth:
    return ObjectTruth("box", "mesh.obj", R, T, mesh_scale=0.001, articulation_rad=angle, hinge=HINGE)


def test_millimetres_off_their_origin(tmp_path: Path) -> None:
    """As POV-Surgery: points x 0.001, turned, moved; the origin of the instrument is the middle of its box."""
    vertices, faces = box([80.0, 12.0, 8.0], [350.0, 0.0, 10.0])
    write_stl(tmp_path / "tool.stl", vertices, faces)
    truth = ObjectTruth("friem", "tool.stl", R, T, mesh_scale=0.001)
    np.testing.assert_allclose(placed(tmp_path, truth), in_order(0.001 * vertices @ R.T + T), atol=2e-7)
    model = object_model(tmp_path, truth, tmp_path / "library")
    np.testing.assert_allclose(model.state(truth).t[0], R @ [0.35, 0.0, 0.01] + T, atol=1e-7)


def test_the_middle_of_the_box_taken_off_first(tmp_path: Path) -> None:
    """As OakInk's `load_object_by_id`."""
    vertices, faces = box([0.08, 0.05, 0.03], [1.0, 2.0, 3.0])
    write_obj(tmp_path / "A01001.obj", vertices, faces)
    truth = ObjectTruth("A01001", "A01001.obj", R, T, mesh_centred=True)
    np.testing.assert_allclose(placed(tmp_path, truth), in_order((vertices - [1.0, 2.0, 3.0]) @ R.T + T), atol=2e-7)


def test_two_parts_on_a_hinge(tmp_path: Path) -> None:
    """As ARCTIC's `forward_7d_batch`: the top about (0, 0, -1) by the articulation, then everything as the base."""
    vertices, of_base = write_two_boxes(tmp_path)
    opened = vertices @ rotation_from_axis_angle(np.array([0.0, 0.0, -0.9])).T
    expected = 0.001 * np.where(of_base[:, None], vertices, opened) @ R.T + T
    np.testing.assert_allclose(placed(tmp_path, hinged(0.9)), in_order(expected), atol=3e-7)
    model = object_model(tmp_path, hinged(), tmp_path / "library").model
    assert model.joint_names == ("hinge",) and model.link_names == ("base", "top")


def test_a_mesh_is_made_into_an_instrument_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vertices, faces = box([80.0, 12.0, 8.0])
    write_stl(tmp_path / "tool.stl", vertices, faces)
    truth = ObjectTruth("scalpel", "tool.stl", R, T, mesh_scale=0.001)
    first = object_model(tmp_path, truth, tmp_path / "library")
    made: list[Path] = []
    add = object_models.add_instrument
    monkeypatch.setattr(object_models, "add_instrument", lambda path, **rest: made.append(path) or add(path, **rest))
    assert object_model(tmp_path, truth, tmp_path / "library").name == first.name and made == []
    (mesh,) = (tmp_path / "library" / first.name / "meshes").glob("base.stl")
    mesh.write_bytes(mesh.read_bytes()[:100])
    again = object_model(tmp_path, truth, tmp_path / "library")
    assert again.name == first.name and len(made) == 1 and len(again.model.links[0].surface()[1]) == 12
    write_stl(tmp_path / "tool.stl", 2.0 * vertices, faces)
    assert object_model(tmp_path, truth, tmp_path / "library").name != first.name


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("file", "harm", "told"),
    [
        ("mesh.obj", Path.unlink, "no such file"),
        (PARTS, Path.unlink, "no such file"),
        ("mesh.obj", cut, "has no faces of part base"),
        ("mesh.obj", lambda path: path.write_text("v 1 2 x\n"), "cannot be read as OBJ"),
        ("mesh.obj", lambda path: path.write_text("v 1 2 3\nf 1 2 3\n"), "holds no mesh, or one that is cut off"),
        (PARTS, lambda path: path.write_text("[1, 0, 1]"), r"holds 3 entries, not 0 or 1 for each .* 16 vertices"),
        (PARTS, lambda path: path.write_text(json.dumps([1] * 16)), "puts all vertices into one part"),
        (PARTS, lambda path: path.write_text("{"), "damaged"),
    ],
)
def test_damaged_files_of_two_parts(tmp_path: Path, file: str, harm: Callable[[Path], None], told: str) -> None:
    write_two_boxes(tmp_path)
    harm(tmp_path / file)
    with pytest.raises(ReadError, match=told) as error:
        object_model(tmp_path, hinged(), tmp_path / "library")
    assert Path(error.value.path).parent == tmp_path


def test_a_sheet_is_no_object(tmp_path: Path) -> None:
    vertices, faces = box([0.08, 0.05, 0.03])
    write_obj(tmp_path / "sheet.obj", vertices, faces[:6])
    with pytest.raises(ReadError, match=r"^[^:]*sheet\.obj: is no closed body") as error:
        object_model(tmp_path, ObjectTruth("sheet", "sheet.obj", R, T), tmp_path / "library")
    assert error.value.path == str(tmp_path / "sheet.obj")
    assert not list((tmp_path / "library").glob("*"))
