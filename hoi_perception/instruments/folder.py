"""An instrument's folder: one URDF, the meshes that it names, and `instrument.yaml`; read and written whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from hoi_perception.instruments.description import InstrumentDescription, Material
from hoi_perception.instruments.description_file import check_against, description_text, is_name, parse_description
from hoi_perception.instruments.design import InstrumentDesign, JointDesign, LinkDesign, Solid
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.mesh_files import MAX_BYTES, primitive_mesh, read_limited, read_mesh, stl_bytes
from hoi_perception.instruments.model import InstrumentModel, Link, LinkMesh, Look, MeshFile, Primitive
from hoi_perception.instruments.urdf_parsing import MAX_BYTES as MAX_URDF_BYTES
from hoi_perception.instruments.urdf_parsing import Body, MeshReference, Urdf, parse_urdf
from hoi_perception.instruments.urdf_text import urdf_file_text, urdf_text
from hoi_perception.instruments.yaml_fields import MAX_BYTES as MAX_YAML_BYTES

DESCRIPTION_FILE = "instrument.yaml"
LONGEST_M, SHORTEST_M = 3.0, 0.001
"""An instrument whose longest side is outside is taken for one in another unit."""


def read_instrument(folder: Path, packages: Mapping[str, Path] | None = None) -> InstrumentModel:
    """The instrument of a folder; InstrumentError names the file and what is wrong.

    Meshes may lie in the folder or, as `package://`, in one of `packages` (name to share folder), nowhere else.
    """
    description, urdf, urdf_file = read_outline(folder, packages)
    return model_of(description, urdf, urdf_file, folder, packages or {})


def model_of(
    description: InstrumentDescription, urdf: Urdf, urdf_file: Path, folder: Path, packages: Mapping[str, Path]
) -> InstrumentModel:
    """The instrument with its meshes read."""
    cache: dict[Path, tuple[np.ndarray, np.ndarray]] = {}

    def body(b: Body) -> LinkMesh:
        if isinstance(b.geometry, Primitive):
            return LinkMesh(*primitive_mesh(b.geometry), b.geometry, b.look)
        path = resolve_mesh(b.geometry, urdf_file, folder, packages)
        if path not in cache:
            if sum(p.stat().st_size for p in cache) + path.stat().st_size > MAX_BYTES:
                raise InstrumentError(
                    f"{folder}: its meshes have more than {MAX_BYTES / 2**20:.0f} MB together: decimate them"
                )
            cache[path] = read_mesh(path)
        vertices, faces = cache[path]
        source = MeshFile(path, b.geometry.pose, b.geometry.scale)
        return LinkMesh(_placed(vertices, source), faces, source, b.look)

    links = tuple(Link(u.name, tuple(map(body, u.visual)), tuple(map(body, u.collision)), u.mass) for u in urdf.links)
    model = InstrumentModel(description, links, urdf.joints, folder)
    _check_size(model)
    _check_vertices(model)
    return model


def read_outline(folder: Path, packages: Mapping[str, Path] | None = None) -> tuple[InstrumentDescription, Urdf, Path]:
    """Description, tree and name of the URDF, checked against each other; meshes must be there, but are not read."""
    urdf_file = find_urdf(folder)
    yaml_file = folder / DESCRIPTION_FILE
    description = parse_description(read_limited(yaml_file, MAX_YAML_BYTES), str(yaml_file))
    urdf = parse_urdf(read_limited(urdf_file, MAX_URDF_BYTES), str(urdf_file))
    limits = {j.name: (j.lower, j.upper) for j in urdf.joints if j.kind == "revolute" and j.mimic is None}
    check_against(description, tuple(link.name for link in urdf.links), limits, str(yaml_file))
    for link in urdf.links:
        for body in (*link.visual, *link.collision):
            if isinstance(body.geometry, MeshReference):
                resolve_mesh(body.geometry, urdf_file, folder, packages or {})
    return description, urdf, urdf_file


def find_urdf(folder: Path) -> Path:
    """The folder's only URDF, or the one that bears the folder's name."""
    if not folder.is_dir():
        raise InstrumentError(f"{folder}: is no folder")
    files = sorted(folder.glob("*.urdf"))
    own = [path for path in files if path.stem == folder.name]
    if len(files) != 1 and len(own) != 1:
        found = ", ".join(path.name for path in files[:5]) or "none"
        raise InstrumentError(f"{folder}: needs one URDF, or one called {folder.name}.urdf (found: {found})")
    return (own or files)[0]


def resolve_mesh(mesh: MeshReference, urdf_file: Path, folder: Path, packages: Mapping[str, Path]) -> Path:
    """File of a mesh; InstrumentError if it is missing or outside the folder and the packages."""
    name = mesh.name
    where = f"{urdf_file}: mesh {name!r:.120}"
    if not name or "\0" in name or "\\" in name:
        raise InstrumentError(f"{where}: give a path relative to the URDF, with /")
    if name.startswith("package://"):
        package, _, rest = name.removeprefix("package://").partition("/")
        if package not in packages and package != folder.name:
            known = ", ".join(sorted({*packages, folder.name}))
            raise InstrumentError(
                f"{where}: package {package!r} is not known here (known: {known}): source its workspace"
            )
        root, path = (packages[package],) * 2 if package in packages else (folder,) * 2
        path = path / unquote(rest)
    elif "://" in name or Path(name).is_absolute():
        raise InstrumentError(f"{where}: allowed are paths relative to the URDF and package://")
    else:
        root, path = folder, urdf_file.parent / name
    try:
        path = path.resolve()
        inside = path.is_relative_to(root.resolve())
        exists = inside and path.is_file()
    except (OSError, ValueError, RuntimeError):
        raise InstrumentError(f"{where}: is no path") from None
    if not inside:
        raise InstrumentError(f"{where}: leads out of {root}: keep meshes inside it")
    if not exists:
        raise InstrumentError(f"{where}: the file is missing: copy it there, or correct the name")
    return path


def write_instrument(instrument: InstrumentDesign | InstrumentModel, folder: Path) -> InstrumentModel:
    """Writes the folder (URDF, meshes as binary STL, instrument.yaml) under a temporary name, then renames it.

    An existing folder is replaced. Meshes are written in the link's frame, coordinates rounded to 32 bits. What
    `read_instrument` gives back is returned.
    """
    if not is_name(instrument.description.name):
        raise InstrumentError(f"instrument name {instrument.description.name!r} cannot be a folder and a TF frame")
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  (a link stays a link)
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write_files(instrument, partial)
        _read_as(partial, folder.name)
        _put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return read_instrument(folder)


def package_urdf(model: InstrumentModel, package: str) -> Path:
    """Rewrites the URDF of a folder for `instruments/` in the share folder of a ROS package; the file."""
    file = find_urdf(model.folder)
    folder = model.folder.resolve()

    def uri(path: Path) -> str:
        return f"package://{package}/instruments/{folder.name}/{path.resolve().relative_to(folder).as_posix()}"

    file.write_text(urdf_text(model, mesh_uri=uri), encoding="utf-8")
    return file


def _read_as(partial: Path, name: str) -> None:
    """Refuses to put something in place that could not be read back."""
    try:
        read_instrument(partial)
    except InstrumentError as error:
        raise InstrumentError(str(error).replace(str(partial), name)) from None


def _put_in_place(partial: Path, folder: Path) -> None:
    """Renames; a folder that stands there is moved aside first, since a full one cannot be replaced in one step."""
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        partial.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write_files(instrument: InstrumentDesign | InstrumentModel, folder: Path) -> None:
    meshes = folder / "meshes"
    meshes.mkdir(parents=True)
    description = instrument.description
    if isinstance(instrument, InstrumentDesign):
        links = tuple(_link_of(design, meshes) for design in instrument.links)
        description = replace(description, materials=_materials_of(instrument))
    else:
        links = tuple(_renamed(link, meshes) for link in instrument.links)
    joints: tuple[JointDesign, ...] = instrument.joints
    for link in links:
        for mesh in (*link.visual, *link.collision):
            if isinstance(mesh.source, MeshFile):
                if mesh.source.path.exists():
                    raise InstrumentError(f"{instrument.description.name}: two meshes would be {mesh.source.path.name}")
                mesh.source.path.write_bytes(stl_bytes(mesh.vertices, mesh.faces, link.name))
    name = description.name
    (folder / f"{name}.urdf").write_text(urdf_file_text(name, links, joints, folder), encoding="utf-8")
    (folder / DESCRIPTION_FILE).write_text(description_text(description), encoding="utf-8")


def _link_of(design: LinkDesign, meshes: Path) -> Link:
    several = len(design.parts) > 1
    visual = tuple(
        LinkMesh(
            part.solid.vertices,
            part.solid.faces,
            MeshFile(meshes / f"{_file_name(design.name, f'_{part.name}' if several else '')}.stl"),
            Look(part.material.name, part.material.rgba),
        )
        for part in design.parts
    )
    collision = tuple(_collision(design.name, k, solid, meshes) for k, solid in enumerate(design.collision))
    return Link(design.name, visual, collision, design.mass_properties() if design.parts else None)


def _collision(link: str, k: int, solid: Solid, meshes: Path) -> LinkMesh:
    return LinkMesh(solid.vertices, solid.faces, MeshFile(meshes / f"{_file_name(link, f'_collision_{k}')}.stl"))


def _renamed(link: Link, meshes: Path) -> Link:
    """The link with meshes as they will be written: in the link's frame, no scale, one file each."""

    def moved(group: tuple[LinkMesh, ...], what: str) -> tuple[LinkMesh, ...]:
        suffixes = [""] if not what and len(group) == 1 else [f"{what}_{k}" for k in range(len(group))]
        return tuple(
            mesh
            if isinstance(mesh.source, Primitive)
            else replace(mesh, source=MeshFile(meshes / f"{_file_name(link.name, suffix)}.stl"))
            for mesh, suffix in zip(group, suffixes, strict=True)
        )

    return replace(link, visual=moved(link.visual, ""), collision=moved(link.collision, "_collision"))


def _file_name(link: str, suffix: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{link}{suffix}")


def _materials_of(design: InstrumentDesign) -> tuple[Material, ...]:
    found = {part.material.name: part.material for link in design.links for part in link.parts}
    return tuple(Material(m.name, m.finish, m.density) for m in found.values())


def _placed(vertices: np.ndarray, source: MeshFile) -> np.ndarray:
    """Scaled, turned and moved into the link's frame; untouched where there is nothing to do."""
    if source.scale != (1.0, 1.0, 1.0):
        vertices = vertices * np.array(source.scale)
    if source.pose.rpy != (0.0, 0.0, 0.0):
        vertices = vertices @ source.pose.R.T
    return vertices + source.pose.t if source.pose.xyz != (0.0, 0.0, 0.0) else vertices


def _check_size(model: InstrumentModel) -> None:
    sides = [float(np.ptp(v, axis=0).max()) for link in model.links if len(v := link.surface()[0])]
    if not sides:
        raise InstrumentError(f"{model.folder}: no link has a mesh")
    if not SHORTEST_M <= max(sides) <= LONGEST_M:
        raise InstrumentError(
            f"{model.folder}: its longest link has {max(sides):.6g} m, allowed are {SHORTEST_M} to {LONGEST_M} m: "
            'meshes of a URDF are in metres, give scale="0.001 0.001 0.001" to meshes in millimetres'
        )


def _check_vertices(model: InstrumentModel) -> None:
    for region in model.description.grasp_regions:
        count = sum(len(mesh.vertices) for mesh in model.link(region.link).meshes)
        if region.vertices and max(region.vertices) >= count:
            raise InstrumentError(
                f"{model.folder / DESCRIPTION_FILE}: grasp_regions.{region.name}.vertices has {max(region.vertices)}: "
                f"link {region.link!r} has {count} vertices, counted from 0"
            )
