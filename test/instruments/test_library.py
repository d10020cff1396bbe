"""The library: search path, names, broken instruments among good ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from example_instruments import clamp

from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.folder import write_instrument
from hoi_perception.instruments.library import Library, search_path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("HOI_INSTRUMENTS", raising=False)
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    return tmp_path


def put(folder: Path, name: str) -> Path:
    design = clamp()
    return write_instrument(replace(design, description=replace(design.description, name=name)), folder / name).folder


def ros_package(prefix: Path, name: str, *, offers: bool) -> Path:
    for kind in ("packages", *(["hoi_perception_instruments"] if offers else [])):
        marker = prefix / "share" / "ament_index" / "resource_index" / kind / name
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    share = prefix / "share" / name
    share.mkdir(parents=True, exist_ok=True)
    return share


def test_every_place_is_searched(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / "configured", "one")
    put(home / "environment", "two")
    put(home / "data" / "hoi_perception" / "instruments", "three")
    put(ros_package(home / "ros", "my_tools", offers=True) / "instruments", "four")
    put(ros_package(home / "ros", "other", offers=False) / "things", "five")
    put(ros_package(home / "ros", "third", offers=False) / "tools", "six")
    monkeypatch.setenv("HOI_INSTRUMENTS", f"package://third/tools:{home / 'environment'}")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{home / 'nowhere'}:{home / 'ros'}")
    library = Library.find([home / "configured", "package://other/things"])
    assert {"one", "two", "three", "four", "five", "six", "cube"} <= set(library.names)
    assert library.get("four").folder.is_relative_to(home / "ros" / "share" / "my_tools")


def test_names_and_aliases(home: Path) -> None:
    put(home / "a", "one")
    library = Library.find([home / "a"])
    assert library.get("one").name == "one"
    assert library.entry("beispielKLEMME").name == "one"
    with pytest.raises(InstrumentError, match="did you mean"):
        library.get("kelli_haemostatt")
    with pytest.raises(InstrumentError, match="instruments list"):
        library.get("zzzzzz")


def test_the_first_of_a_name_hides_the_others(home: Path) -> None:
    put(home / "a", "one")
    put(home / "b", "one")
    library = Library.find([home / "b", home / "a"])
    assert library.get("one").folder == home / "b" / "one"
    hidden = [entry for entry in library.entries if entry.hidden_by is not None]
    assert [(e.folder, e.hidden_by) for e in hidden] == [(home / "a" / "one", home / "b" / "one")]


def test_a_broken_instrument_is_a_stated_problem(home: Path) -> None:
    for name in ("good", "no_mesh", "no_yaml", "bad_urdf"):
        put(home / "a", name)
    (home / "a" / "no_mesh" / "meshes" / "shaft.stl").unlink()
    (home / "a" / "no_yaml" / "instrument.yaml").unlink()
    (home / "a" / "bad_urdf" / "bad_urdf.urdf").write_text("<robot")
    (home / "a" / "notes").mkdir()
    (home / "a" / ".hidden").mkdir()
    library = Library.find([home / "a"])
    assert "good" in library.names
    problems = {entry.name: entry.problem for entry in library.entries if entry.problem}
    assert problems.keys() == {"no_mesh", "no_yaml", "bad_urdf"}
    assert "shaft.stl" in problems["no_mesh"] and "missing" in problems["no_mesh"]
    with pytest.raises(InstrumentError, match="cannot be used"):
        library.get("bad_urdf")


def test_a_broken_one_does_not_hide_a_good_one(home: Path) -> None:
    (put(home / "a", "one") / "one.urdf").write_text("<robot")
    put(home / "b", "one")
    assert Library.find([home / "a", home / "b"]).get("one").folder == home / "b" / "one"


def test_a_folder_that_is_not_there_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InstrumentError, match="no folder of instruments"):
        search_path([home / "nothing"])
    with pytest.raises(InstrumentError, match="no ROS package 'nobody'"):
        search_path(["package://nobody/x"])


def test_the_shipped_library_is_whole(home: Path) -> None:
    library = Library.find()
    assert len(library.names) >= 25
    assert not [entry.problem for entry in library.entries if entry.problem]
