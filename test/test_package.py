"""Package metadata that stands in several files, and what a wheel holds."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

import hoi_perception

ROOT = Path(__file__).resolve().parents[1]


def test_one_version_everywhere() -> None:
    project = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    package = ElementTree.parse(ROOT / "package.xml").findtext("version")
    assert project is not None
    assert hoi_perception.__version__ == project.group(1) == package


def test_package_xml_is_what_colcon_and_rosidl_need() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert package.get("format") == "3"
    assert package.findtext("name") == "hoi_perception"
    assert package.findtext("license") == "Apache-2.0"
    assert package.findtext("export/build_type") == "ament_cmake"
    assert package.findtext("member_of_group") == "rosidl_interface_packages"


@pytest.mark.parametrize("module", ["pipeline", "clip_evaluation", "evaluation.region", "ros.standalone", "io.run"])
def test_what_runs_needs_no_extra(module: str) -> None:
    code = (
        "import sys\n"
        "for name in ('scipy', 'torch', 'manifold3d', 'pybullet', 'smplx'): sys.modules[name] = None\n"
        f"import hoi_perception.{module}"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-600:]


def test_licence_is_the_full_text() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.slow
def test_wheel_holds_the_messages_and_the_data(tmp_path: Path) -> None:
    # Built from a copy: setuptools leaves a build folder behind, whose old modules would get into later wheels.
    source = tmp_path / "source"
    for name in ("hoi_perception", "msg"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", tmp_path, source]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0 and "setuptools" in result.stderr:
        pytest.skip("setuptools is not installed beside the tests")
    assert result.returncode == 0, result.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    for definition in (ROOT / "msg").glob("*.msg"):
        assert f"hoi_perception/ros/interfaces/{definition.name}" in names
    for data in (ROOT / "hoi_perception").rglob("*"):
        if data.suffix in (".npz", ".csv", ".py", ".typed"):
            assert str(data.relative_to(ROOT)) in names
    assert any(name.endswith("LICENSE") for name in names)
