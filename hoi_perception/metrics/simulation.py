"""How far an object slips out of a still hand in a physics simulation: PyBullet, which is optional."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray

from hoi_perception.metrics.closed_mesh import ClosedMesh

Vertices = Float[NDArray[np.floating], "_ 3"]
Faces = Int[NDArray[np.integer], "_ 3"]
Mesh = tuple[Vertices, Faces]
CM = 100.0
NEEDED = "the simulated displacement needs PyBullet: pip install 'hoi_perception[simulation]'"
DECOMPOSE = """
import sys, pybullet
source, target, log, resolution = sys.argv[1:]
pybullet.vhacd(source, target, log, resolution=int(resolution), concavity=0.001, alpha=0.05, beta=0.0)
"""
"""Run in a process of its own: V-HACD talks much to the standard output."""


@dataclass(frozen=True)
class SimulationSettings:
    """The published setting (obman's `simulate.py`, Hasson et al., CVPR 2019), with finer convex parts.

    Damping is the engine's own, as there. EasyHOI's script has the same values. In 35 steps what is not held falls
    by 10.7 cm; published means of a few centimetres rest on that.
    """

    steps: int = 35
    """0.15 s."""
    time_step: float = 1.0 / 240.0
    """s"""
    solver_iterations: int = 150
    gravity: tuple[float, float, float] = (0.0, 9.8, 0.0)
    """m/s² in the frame of the meshes: down in the camera."""
    mass: float = 1.0
    """kg, of the object, spread evenly."""
    friction: float = 3.0
    """Of both; the engine multiplies the two."""
    hand_restitution: float = 0.0
    object_restitution: float = 0.5
    resolution: int = 100_000
    """Voxels of the convex decomposition; obman's 1 000 are too coarse for a scalpel."""


def sim_disp_cm(
    hand: ClosedMesh,
    body: ClosedMesh,
    parts: Sequence[Mesh] | None = None,
    settings: SimulationSettings | None = None,
) -> float:
    """Displacement of the object's centre of mass while the hand stands still, cm.

    `parts` are convex meshes that make up the object, in the same frame; without them it is decomposed here, which
    takes seconds. ModuleNotFoundError without PyBullet.
    """
    bullet, settings = _bullet(), settings or SimulationSettings()
    parts = convex_parts(body.vertices, body.faces, settings.resolution) if parts is None else parts
    start = centre_of_mass(body.vertices, body.faces)
    client = bullet.connect(bullet.DIRECT)
    try:
        with tempfile.TemporaryDirectory() as folder:
            local = [(vertices - start, faces) for vertices, faces in parts]
            identity = _fill_world(bullet, client, hand, local, start, Path(folder), settings)
            for _ in range(settings.steps):
                bullet.stepSimulation(physicsClientId=client)
            end, _ = bullet.getBasePositionAndOrientation(identity, physicsClientId=client)
    finally:
        bullet.disconnect(client)
    return float(np.linalg.norm(np.array(end) - start)) * CM


def convex_parts(vertices: Vertices, faces: Faces, resolution: int = SimulationSettings.resolution) -> list[Mesh]:
    """Convex meshes that together are about the given one, by the V-HACD of PyBullet (Mamou 2016)."""
    _bullet()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole, cut = folder / "whole.obj", folder / "parts.obj"
        _write_obj(whole, [(vertices, faces)])
        command = [sys.executable, "-c", DECOMPOSE, str(whole), str(cut), str(folder / "log.txt"), str(resolution)]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if not cut.exists():
            raise ValueError("the object could not be cut into convex parts: is its mesh closed?")
        return _read_obj(cut)


def centre_of_mass(vertices: Vertices, faces: Faces) -> Float64[NDArray[np.float64], "3"]:
    """Centre of the volume within a closed mesh."""
    origin = vertices.mean(axis=0)
    a, b, c = (vertices[faces[:, k]] - origin for k in range(3))
    volumes = np.einsum("mi,mi->m", a, np.cross(b, c))
    return np.asarray(origin + (volumes[:, None] * (a + b + c)).sum(axis=0) / (4.0 * volumes.sum()), dtype=np.float64)


def _fill_world(
    bullet: Any,
    client: int,
    hand: ClosedMesh,
    parts: Sequence[Mesh],
    start: Float64[NDArray[np.float64], "3"],
    folder: Path,
    settings: SimulationSettings,
) -> int:
    """Puts hand and object in their places; the object's identity."""
    here = {"physicsClientId": client}
    bullet.setPhysicsEngineParameter(enableFileCaching=0, numSolverIterations=settings.solver_iterations, **here)
    bullet.setTimeStep(settings.time_step, **here)
    bullet.setGravity(*settings.gravity, **here)
    _write_obj(folder / "hand.obj", [(hand.vertices, hand.faces)])
    _write_obj(folder / "object.obj", parts)
    flags = bullet.GEOM_FORCE_CONCAVE_TRIMESH
    skin = bullet.createCollisionShape(bullet.GEOM_MESH, fileName=str(folder / "hand.obj"), flags=flags, **here)
    shape = bullet.createCollisionShape(bullet.GEOM_MESH, fileName=str(folder / "object.obj"), **here)
    still = bullet.createMultiBody(baseMass=0.0, baseCollisionShapeIndex=skin, **here)
    identity = bullet.createMultiBody(
        baseMass=settings.mass, baseCollisionShapeIndex=shape, basePosition=start.tolist(), **here
    )
    bounce = settings.hand_restitution, settings.object_restitution
    for one, restitution in zip((still, identity), bounce, strict=True):
        bullet.changeDynamics(one, -1, lateralFriction=settings.friction, restitution=restitution, **here)
    return int(identity)


def _write_obj(path: Path, meshes: Sequence[Mesh]) -> None:
    """One group per mesh: the engine makes a convex hull of each unless told otherwise."""
    lines, first = [], 1
    for number, (vertices, faces) in enumerate(meshes):
        lines.append(f"o part{number}")
        lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices.tolist()]
        lines += [f"f {a} {b} {c}" for a, b, c in (faces + first).tolist()]
        first += len(vertices)
    path.write_text("\n".join(lines) + "\n")


def _read_obj(path: Path) -> list[Mesh]:
    """Groups of a file as the decomposition writes it."""
    vertices: list[list[float]] = []
    groups: list[list[list[int]]] = []
    for line in path.read_text().splitlines():
        kind, *words = line.split() or [""]
        if kind in ("o", "g"):
            groups.append([])
        elif kind == "v":
            vertices.append([float(w) for w in words[:3]])
        elif kind == "f":
            groups[-1].append([int(w.split("/")[0]) - 1 for w in words[:3]])
    parts: list[Mesh] = []
    for group in filter(None, groups):
        used, faces = np.unique(np.array(group, dtype=np.int64), return_inverse=True)
        parts.append((np.array(vertices, dtype=np.float64)[used], faces.reshape(-1, 3)))
    return parts


def _bullet() -> Any:
    try:
        import pybullet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(NEEDED, name="pybullet") from error
    return pybullet
