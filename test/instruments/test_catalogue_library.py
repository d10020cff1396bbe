"""The shipped library: what the generators make, and loadable by an independent URDF parser."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import hoi_perception.instruments
from hoi_perception.instruments.description import Pose
from hoi_perception.instruments.folder import read_instrument, write_instrument
from hoi_perception.transforms import rotation_from_axis_angle

LIBRARY = Path(hoi_perception.instruments.__file__).parent / "library"
SHIPPED = sorted(path.name for path in LIBRARY.iterdir() if path.is_dir())


def test_library_holds_what_the_catalogue_makes() -> None:
    pytest.importorskip("manifold3d")
    from hoi_perception.instruments.catalogue.designs import DESIGNS

    assert sorted(DESIGNS) == SHIPPED


def test_library_is_small() -> None:
    assert sum(path.stat().st_size for path in LIBRARY.rglob("*") if path.is_file()) < 8.5 * 2**20


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_mesh_is_closed(name: str) -> None:
    model = read_instrument(LIBRARY / name)
    for link in model.links:
        for mesh in (*link.visual, *link.collision):
            edges = mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
            keys = edges[:, 0] * len(mesh.vertices) + edges[:, 1]
            back = edges[:, 1] * len(mesh.vertices) + edges[:, 0]
            assert len(np.unique(keys)) == len(keys), f"{link.name}: an edge has more than two faces"
            assert np.array_equal(np.sort(keys), np.sort(back)), f"{link.name}: an edge has one face"


@pytest.mark.parametrize("name", ["scalpel_15", "kelly_haemostat", "large_needle_driver", "cube"])
def test_shipped_files_are_what_the_generators_make(name: str, tmp_path: Path) -> None:
    """Text exactly, meshes to a micrometre: another manifold3d may order or merge faces otherwise."""
    pytest.importorskip("manifold3d")
    from hoi_perception.instruments.catalogue.designs import DESIGNS

    again = write_instrument(DESIGNS[name](), tmp_path / name)
    shipped = read_instrument(LIBRARY / name)
    files = [sorted(p.relative_to(root / name) for p in (root / name).rglob("*")) for root in (tmp_path, LIBRARY)]
    assert files[0] == files[1]
    assert (tmp_path / name / "instrument.yaml").read_text() == (LIBRARY / name / "instrument.yaml").read_text()
    assert again.joints == shipped.joints
    for a, b in zip(again.links, shipped.links, strict=True):
        assert a.mass is not None and b.mass is not None
        assert a.mass.mass == pytest.approx(b.mass.mass, rel=1e-4)
        np.testing.assert_allclose(a.mass.center, b.mass.center, atol=1e-6)
        for one, other in zip(a.visual, b.visual, strict=True):
            np.testing.assert_allclose(one.vertices.min(axis=0), other.vertices.min(axis=0), atol=1e-6)
            np.testing.assert_allclose(one.vertices.max(axis=0), other.vertices.max(axis=0), atol=1e-6)


@pytest.mark.parametrize("name", SHIPPED)
def test_an_independent_parser_loads_it_and_agrees_on_every_pose(name: str, caplog: pytest.LogCaptureFixture) -> None:
    yourdfpy = pytest.importorskip("yourdfpy", reason="yourdfpy (extra [test]) is not installed")
    caplog.set_level(logging.ERROR)
    robot = yourdfpy.URDF.load(str(LIBRARY / name / f"{name}.urdf"), load_collision_meshes=True)
    model = read_instrument(LIBRARY / name)
    assert set(robot.link_map) == {link.name for link in model.links}
    drivers = {j.name: 0.4 * j.upper for j in model.joints if j.kind == "revolute" and j.mimic is None}
    assert set(robot.actuated_joint_names) == set(drivers)
    robot.update_cfg(drivers)
    poses = _poses(model.joints, model.links[0].name, drivers)
    for link, pose in poses.items():
        np.testing.assert_allclose(robot.get_transform(link, model.links[0].name), pose, atol=1e-6, err_msg=link)
    low, high = robot.scene.bounds
    assert 0.01 < np.linalg.norm(high - low) < 0.6
    assert not caplog.records


def _poses(joints: tuple, base: str, drivers: dict[str, float]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    poses, positions = {base: np.eye(4)}, dict(drivers)
    for joint in joints:
        if joint.mimic is not None:
            source, multiplier, offset = joint.mimic
            positions[joint.name] = multiplier * positions[source] + offset
        origin, turn = Pose(joint.xyz, joint.rpy), np.eye(4)
        angle = np.array(joint.axis) * positions.get(joint.name, 0.0)
        turn[:3, :3], turn[:3, 3] = origin.R @ rotation_from_axis_angle(angle), origin.t
        poses[joint.child] = poses[joint.parent] @ turn
    return poses
