"""The command `hoi-perception instruments`."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from hoi_perception.cli import main
from hoi_perception.instruments.folder import read_instrument
from hoi_perception.instruments.library import Library


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("HOI_INSTRUMENTS", raising=False)
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["instruments", "list"]) == 0
    assert "mayo_scissors" in capsys.readouterr().out
    assert main(["instruments", "list", "--json"]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert entries["mayo_scissors"]["joints"] == ["jaw"]
    assert entries["mayo_scissors"]["problem"] is None


def test_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["instruments", "show", "iris_scissors", "--out", str(tmp_path / "x.png")]) == 0
    assert "joint jaw" in capsys.readouterr().out
    picture = cv2.imread(str(tmp_path / "x.png"))
    background = (np.abs(picture.astype(int) - picture[0, 0]).max(axis=2) < 3).mean()
    assert 0.5 < background < 0.99


def test_wrong_names_and_endings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["instruments", "show", "cube"]) == 0
    assert "instruments show cube --out cube.png" in capsys.readouterr().out
    assert main(["instruments", "show", "iris_scisors"]) == 2
    assert "did you mean iris_scissors" in capsys.readouterr().err
    assert main(["instruments", "show", "cube", "--out", str(tmp_path / "x.doc")]) == 2
    assert ".png" in capsys.readouterr().err


def test_add_then_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trimesh.creation.cylinder(3.0, 150.0).export(tmp_path / "rod.stl")
    assert main(["instruments", "add", str(tmp_path / "rod.stl"), "--name", "my_rod"]) == 0
    assert "unit taken to be mm" in capsys.readouterr().out
    assert main(["instruments", "list"]) == 0
    assert "my_rod" in capsys.readouterr().out
    assert main(["instruments", "add", str(tmp_path / "rod.stl"), "--name", "my_rod"]) == 2
    assert "there already" in capsys.readouterr().err


def test_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert main(["instruments", "export", "kelly_haemostat", *out]) == 0
    model = read_instrument(tmp_path / "out" / "kelly_haemostat")
    assert main(["instruments", "export", "kelly_haemostat", *out]) == 2
    for form in ("glb", "stl"):
        assert main(["instruments", "export", "kelly_haemostat", *out, "--format", form]) == 0
    capsys.readouterr()
    whole = trimesh.load_mesh(tmp_path / "out" / "kelly_haemostat.stl")
    scene = trimesh.load_scene(tmp_path / "out" / "kelly_haemostat.glb")
    assert set(model.link_names) <= set(scene.graph.nodes)
    np.testing.assert_allclose(scene.bounds, whole.bounds, atol=1e-6)
    assert len(whole.faces) == sum(len(mesh.faces) for link in model.links for mesh in link.meshes)


def test_export_for_a_ros_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    index = tmp_path / "ros" / "share" / "ament_index" / "resource_index"
    for kind in ("packages", "hoi_perception_instruments"):
        (index / kind).mkdir(parents=True)
        (index / kind / "my_tools").touch()
    share = tmp_path / "ros" / "share" / "my_tools"
    assert main(["instruments", "export", "cube", "--out", str(share / "instruments"), "--package", "my_tools"]) == 0
    text = (share / "instruments" / "cube" / "cube.urdf").read_text()
    assert 'filename="package://my_tools/instruments/cube/meshes/body.stl"' in text
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "ros"))
    assert Library.find().get("cube").folder == share / "instruments" / "cube"
    assert main(["instruments", "export", "cube", "--out", str(tmp_path), "--package", "My-Tools"]) == 2
    assert "name" in capsys.readouterr().err
