"""Adding instruments to the user's library: a mesh of any common format, or a folder with a URDF."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hoi_perception.instruments.description import InstrumentDescription
from hoi_perception.instruments.description_file import NAME_RULE, is_name
from hoi_perception.instruments.design import InstrumentDesign, LinkDesign, Material, Part, Solid
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.folder import DESCRIPTION_FILE, find_urdf, model_of, read_instrument, write_instrument
from hoi_perception.instruments.library import ros_packages, user_folder
from hoi_perception.instruments.mesh_files import read_limited, read_mesh
from hoi_perception.instruments.model import InstrumentModel, Link, LinkMesh
from hoi_perception.instruments.repair import repaired
from hoi_perception.instruments.urdf_parsing import MAX_BYTES as MAX_URDF_BYTES
from hoi_perception.instruments.urdf_parsing import parse_urdf

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}
LIKELY_M = (0.03, 0.6)
"""Lengths of instruments that are held in a hand."""
ALLOWED_M = (0.001, 3.0)
STEEL = Material("steel", (0.72, 0.73, 0.75, 1.0), "matt", 7900.0)


@dataclass(frozen=True)
class Added:
    """An instrument that was added, and one line for everything that was assumed or changed."""

    model: InstrumentModel
    told: tuple[str, ...]


def add_instrument(
    source: Path, *, name: str | None = None, unit: str | None = None, library: Path | None = None
) -> Added:
    """Adds a mesh file, a URDF or a folder with a URDF to `library`, the user's by default.

    InstrumentError if it cannot be used or if the name is taken. `unit` (m, cm, mm, in) is that of a mesh's
    coordinates; without it the unit is told from the size, or asked for where two are likely.
    """
    if unit is not None and unit not in METRES:
        raise InstrumentError(f"unit {unit!r}: allowed are {', '.join(METRES)}")
    if not source.exists():
        raise InstrumentError(f"{source}: is missing")
    name = name if name is not None else name_from(source)
    if not is_name(name):
        raise InstrumentError(f"name {name!r}: {NAME_RULE}")
    target = (library or user_folder()) / name
    if target.exists():
        raise InstrumentError(f"{target}: is there already: give another --name, or remove that folder")
    if source.is_dir() or source.suffix.lower() == ".urdf":
        if unit is not None:
            raise InstrumentError(f"{source}: meshes of a URDF are in metres times their scale: leave out --unit")
        return _add_folder(source if source.is_dir() else source.parent, name, target)
    return _add_mesh(source, name, unit, target)


def name_from(source: Path) -> str:
    """A name made from that of a file: small letters, digits and _."""
    text = re.sub(r"[^a-z0-9]+", "_", source.stem.lower()).strip("_")
    return (text if text[:1].isalpha() else f"instrument_{text}").rstrip("_")[:60]


def unit_of(longest: float, kind: str, where: str) -> tuple[str, str]:
    """The unit of a mesh whose longest side measures `longest`, and why; InstrumentError where it is not clear."""
    if kind in ("glb", "gltf") and ALLOWED_M[0] <= longest <= 1.5:
        return "m", "glTF is in metres"
    lengths = {unit: longest * metres for unit, metres in METRES.items()}
    likely = [unit for unit in ("m", "mm") if LIKELY_M[0] <= lengths[unit] <= LIKELY_M[1]]
    if len(likely) == 1 and not 8.0 < longest < 60.0:
        return likely[0], f"its longest side would be {_length(lengths[likely[0]])}"
    readings = ", ".join(f"{_length(length)} if in {unit}" for unit, length in lengths.items())
    raise InstrumentError(f"{where}: its unit is not clear, the longest side is {readings}: give --unit")


def _length(metres: float) -> str:
    return f"{metres:.3g} m" if metres >= 1.0 else f"{1000.0 * metres:.3g} mm"


def _add_mesh(source: Path, name: str, unit: str | None, target: Path) -> Added:
    vertices, faces = read_mesh(source)
    longest = float(np.ptp(vertices, axis=0).max())
    told = []
    if unit is None:
        unit, why = unit_of(longest, source.suffix.lower().removeprefix("."), str(source))
        told.append(f"unit taken to be {unit}: {why}")
    if not ALLOWED_M[0] <= longest * METRES[unit] <= ALLOWED_M[1]:
        raise InstrumentError(
            f"{source}: would be {_length(longest * METRES[unit])} long in {unit}: give another --unit"
        )
    vertices, faces, changes = repaired(vertices * METRES[unit], faces, str(source))
    told += changes
    solid = Solid(vertices, faces)
    collision = _hull(solid)
    told += [] if collision else ["no collision mesh: scipy is not installed (pip install scipy)"]
    link = LinkDesign("base", (Part("body", solid, STEEL),), collision)
    description = InstrumentDescription(name, "unknown", sources=(f"mesh {source.name}",))
    model = write_instrument(InstrumentDesign((link,), (), description), target)
    size = " x ".join(f"{1000.0 * side:.1f}" for side in np.ptp(vertices, axis=0))
    told.append(f"{len(faces)} faces, {size} mm; its frame is that of the file, its material is taken to be steel")
    told.append(f"name its tips and grasps in {target / DESCRIPTION_FILE}")
    return Added(model, tuple(told))


def _hull(solid: Solid) -> tuple[Solid, ...]:
    import trimesh

    try:
        hull = trimesh.Trimesh(solid.vertices, solid.faces, process=False).convex_hull
    except ImportError:
        return ()
    return (Solid(np.asarray(hull.vertices, dtype=np.float64), np.asarray(hull.faces, dtype=np.int64)),)


def _add_folder(folder: Path, name: str, target: Path) -> Added:
    """A folder with a URDF; without `instrument.yaml` it gets a bare one."""
    told: list[str] = []
    packages = ros_packages()
    if (folder / DESCRIPTION_FILE).exists():
        model = read_instrument(folder, packages)
        if model.name != name:
            told.append(f"renamed from {model.name}")
    else:
        model = _bare(folder, name, packages)
        told.append(f"no {DESCRIPTION_FILE}: name its tips and grasps in {target / DESCRIPTION_FILE}")
    links = []
    for link in model.links:
        link, changes = _checked(link, folder)
        links.append(link)
        told += [f"link {link.name}: {change}" for change in changes]
    model = replace(model, description=replace(model.description, name=name), links=tuple(links))
    return Added(write_instrument(model, target), tuple(told))


def _bare(folder: Path, name: str, packages: dict[str, Path]) -> InstrumentModel:
    """An instrument of a folder that has a URDF only."""
    urdf_file = find_urdf(folder)
    urdf = parse_urdf(read_limited(urdf_file, MAX_URDF_BYTES), str(urdf_file))
    description = InstrumentDescription(name, "unknown", sources=(f"URDF {urdf_file.name}",))
    return model_of(description, urdf, urdf_file, folder, packages)


def _checked(link: Link, folder: Path) -> tuple[Link, list[str]]:
    """The link with its visual meshes repaired; one that is no closed body stays as it is, and that is told."""
    meshes: list[LinkMesh] = []
    told: list[str] = []
    for mesh in link.visual:
        try:
            vertices, faces, changes = repaired(mesh.vertices, mesh.faces, f"{folder}: link {link.name}")
            # nothing to tell means nothing was changed: the mesh keeps its vertices' order
            meshes.append(replace(mesh, vertices=vertices, faces=faces) if changes else mesh)
            told += changes
        except InstrumentError as error:
            meshes.append(mesh)
            told.append(f"left as it is, its distances are unreliable ({error})")
    return replace(link, visual=tuple(meshes)), told
