"""Slip in simulation, on bodies whose motion is known. Skipped where PyBullet is not installed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import trimesh

from hoi_perception.metrics import simulation
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.simulation import SimulationSettings, centre_of_mass, convex_parts, sim_disp_cm


@pytest.fixture
def bullet() -> object:
    return pytest.importorskip("pybullet", reason="pip install 'hoi_perception[simulation]'")


def box(size: tuple[float, float, float], at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> ClosedMesh:
    mesh = trimesh.creation.box(size)
    return ClosedMesh(np.array(mesh.vertices) + at, np.array(mesh.faces))


def whole(mesh: ClosedMesh) -> list[simulation.Mesh]:
    """A convex body is its own only part."""
    return [(mesh.vertices, mesh.faces)]


CUBE = box((0.04, 0.04, 0.04), (0.3, -0.1, 0.5))


@pytest.mark.parametrize(("steps", "settings"), [(240, SimulationSettings(steps=240)), (35, None)])
def test_free_fall(bullet: object, steps: int, settings: SimulationSettings | None) -> None:
    """Nothing holds it: the engine's steps with its default damping, dv = (g - 0.04 v (1 + v)) dt, done by hand.

    The published script takes 35 steps: 10.7 cm.
    """
    away = box((0.1, 0.1, 0.1), (5.0, 0.0, 0.0))
    speed = way = 0.0
    for _ in range(steps):
        speed += (9.8 - 0.04 * speed * (1.0 + speed)) / 240.0
        way += speed / 240.0
    fallen = sim_disp_cm(away, CUBE, whole(CUBE), settings)
    assert fallen == pytest.approx(100.0 * way, rel=1e-5)
    assert steps != 35 or round(fallen, 1) == 10.7


def test_what_lies_on_a_hand_stays_there(bullet: object) -> None:
    """Gravity is along +y, so that a plate below is at larger y. 500 steps; margins of the engine are 1 mm."""
    long = SimulationSettings(steps=500)
    below = box((0.3, 0.02, 0.3), (0.3, -0.1 + 0.02 + 0.01, 0.5))
    above = box((0.3, 0.02, 0.3), (0.3, -0.1 - 0.02 - 0.01, 0.5))
    assert sim_disp_cm(below, CUBE, whole(CUBE), long) < 0.3
    assert sim_disp_cm(above, CUBE, whole(CUBE), long) > 100.0


def test_friction_holds_between_two_jaws(bullet: object) -> None:
    """Pressed in by 1 mm on both sides it hangs, with friction 3 x 3; without friction it slips."""
    jaws = [box((0.02, 0.06, 0.06), (0.3 + side * 0.029, -0.1, 0.5)) for side in (-1, 1)]
    both = ClosedMesh(
        np.concatenate([j.vertices for j in jaws]),
        np.concatenate([jaws[0].faces, jaws[1].faces + len(jaws[0].vertices)]),
    )
    steps = 240
    held = sim_disp_cm(both, CUBE, whole(CUBE), SimulationSettings(steps=steps))
    smooth = sim_disp_cm(both, CUBE, whole(CUBE), SimulationSettings(steps=steps, friction=0.0))
    assert held < 0.5
    assert smooth > 10.0


def test_the_same_every_time(bullet: object) -> None:
    below = box((0.3, 0.02, 0.3), (0.32, -0.07, 0.5))
    settings = SimulationSettings(steps=100)
    assert sim_disp_cm(below, CUBE, whole(CUBE), settings) == sim_disp_cm(below, CUBE, whole(CUBE), settings)


def test_an_object_is_cut_into_convex_parts(bullet: object) -> None:
    """An L of two boxes, 6 cm³: as one hull it would have 8 cm³. The parts are quiet, convex, and fill it nearly."""
    pieces = [trimesh.creation.box((0.02, 0.02, 0.01)), trimesh.creation.box((0.01, 0.02, 0.01))]
    pieces[1].apply_translation([-0.005, 0.0, 0.01])
    shape = trimesh.boolean.union(pieces, engine="manifold")
    volume = shape.volume * 1e6
    parts = [trimesh.Trimesh(v, f) for v, f in convex_parts(np.array(shape.vertices), np.array(shape.faces))]
    assert volume == pytest.approx(6.0)
    assert len(parts) >= 2
    assert sum(p.convex_hull.volume for p in parts) * 1e6 == pytest.approx(volume, rel=0.1)


def test_decomposition_says_nothing(bullet: object, capfd: pytest.CaptureFixture[str]) -> None:
    convex_parts(CUBE.vertices, CUBE.faces)
    assert "V-HACD" not in capfd.readouterr().out


def test_centre_of_mass_by_trimesh() -> None:
    shape = trimesh.creation.icosphere(3, 0.02)
    vertices = np.array(shape.vertices)
    vertices[vertices[:, 0] > 0] *= [3.0, 1.0, 0.5]
    expected = trimesh.Trimesh(vertices + 0.4, shape.faces).center_mass
    np.testing.assert_allclose(centre_of_mass(vertices + 0.4, np.array(shape.faces)), expected, atol=1e-9)


def test_without_pybullet_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pybullet", None)
    with pytest.raises(ModuleNotFoundError, match=r"hoi_perception\[simulation\]"):
        sim_disp_cm(CUBE, CUBE)
