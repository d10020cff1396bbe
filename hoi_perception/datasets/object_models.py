"""Objects of data sets as instruments: made from the data set's own meshes once, kept in the user's cache.

An object of one piece goes the way of `instruments add`, its origin moved to the middle of its box: poses are then
found, and their errors stated, about the object itself, wherever the file's origin lies. An object of two parts keeps
the file's origin, through which its hinge goes.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.datasets.errors import ReadError
from hoi_perception.datasets.hinged_mesh import hinged_design
from hoi_perception.datasets.sample import ObjectTruth
from hoi_perception.instruments.adding import METRES, add_instrument, name_from
from hoi_perception.instruments.description import IDENTITY, NamedFrame, Pose
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.folder import DESCRIPTION_FILE, read_instrument, write_instrument
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree
from hoi_perception.instruments.mesh_files import read_mesh, stl_bytes
from hoi_perception.instruments.model import InstrumentModel

Array = NDArray[np.float64]
VERSION = 1
"""To be raised with every change of how an instrument is made of a mesh."""
FILE_FRAME = "file"
"""Name of the frame in which the mesh's file has its points."""
MISSING = "missing"
_NAME_LENGTH = 40


@dataclass(frozen=True, eq=False)
class ObjectModel:
    """An object as an instrument; `origin` is that of its base link in the frame that the data set poses, m."""

    model: InstrumentModel
    origin: Float64[Array, "3"]

    @property
    def name(self) -> str:
        """Name in the library of objects."""
        return self.model.name

    def state(self, truth: ObjectTruth) -> InstrumentState:
        """The stated pose; an angle beyond the limits of the joint is brought to them."""
        tree = joint_tree(self.model)
        stated = np.full(tree.n_joints, 0.0 if truth.articulation_rad is None else truth.articulation_rad)
        angles = np.clip(stated, tree.lower, tree.upper)
        t = truth.R_camera @ self.origin + truth.t_camera
        return InstrumentState(truth.R_camera[None].copy(), t[None], angles[None])


def cache_directory() -> Path:
    """`hoi_perception/objects` in the user's cache, a folder of instruments; it need not exist."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "hoi_perception" / "objects"


def mesh_files(truth: ObjectTruth) -> tuple[str, ...]:
    """Files that an object's instrument is made of, relative to the data set's root."""
    return (truth.mesh,) if truth.hinge is None else (truth.mesh, truth.hinge.parts)


def fingerprint(path: Path) -> str:
    """Hash of a file; `MISSING` where it is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else MISSING


def object_model(root: Path, truth: ObjectTruth, library: Path) -> ObjectModel:
    """The instrument of an object, from the folder `library`, else made and put there.

    ReadError names the file that is missing or is no closed mesh.
    """
    path = root / truth.mesh
    prints = {file: fingerprint(root / file) for file in mesh_files(truth)}
    for file, found in prints.items():
        if found == MISSING:
            raise ReadError(root / file, "no such file")
    key = hashlib.sha256(repr((VERSION, truth.mesh_scale, truth.hinge, prints)).encode()).hexdigest()[:12]
    folder = library / f"{name_from(Path(truth.name))[:_NAME_LENGTH].rstrip('_')}_{key}"
    try:
        model = _kept(folder)
        if model is None:
            model = write_instrument(_made(path, truth, root, folder.name), folder)
    except InstrumentError as error:
        raise ReadError(path, str(error).removeprefix(f"{path}: ")) from error
    middle = -_file_frame(model).t
    return ObjectModel(model, np.zeros(3) if truth.mesh_centred else middle)


def _kept(folder: Path) -> InstrumentModel | None:
    """An instrument of the cache; None where it is not there or not whole."""
    try:
        model = read_instrument(folder)
        _file_frame(model)
    except InstrumentError:
        return None
    return model


def _made(path: Path, truth: ObjectTruth, root: Path, name: str) -> InstrumentModel:
    """The instrument of a mesh, the file's frame and what was changed named in its description."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if truth.hinge is not None:
            return _described(write_instrument(hinged_design(root, truth, name), folder / name), IDENTITY)
        unit = next((unit for unit, metres in METRES.items() if metres == truth.mesh_scale), None)
        if unit is None:
            raise InstrumentError(f"{truth.mesh_scale} m is no unit of lengths: allowed are {', '.join(METRES)}")
        vertices, faces = read_mesh(path)
        middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
        centred = folder / f"{name_from(path)}.stl"
        centred.write_bytes(stl_bytes(vertices - middle, faces))
        try:
            added = add_instrument(centred, name=name, unit=unit, library=folder)
        except InstrumentError as error:
            raise InstrumentError(str(error).removeprefix(f"{centred}: ")) from error
        x, y, z = (-middle * truth.mesh_scale).tolist()
        return _described(added.model, Pose((x, y, z)), (line for line in added.told if DESCRIPTION_FILE not in line))


def _described(model: InstrumentModel, file_frame: Pose, told: Iterable[str] = ()) -> InstrumentModel:
    description = model.description
    frame = NamedFrame(FILE_FRAME, model.links[0].name, file_frame)
    return replace(model, description=replace(description, frames=(frame,), sources=(*description.sources, *told)))


def _file_frame(model: InstrumentModel) -> Pose:
    """Where the file's frame is in the base link's; InstrumentError where that is not said."""
    for frame in model.description.frames:
        if frame.name == FILE_FRAME:
            return frame.pose
    raise InstrumentError(f"{model.folder}: has no frame {FILE_FRAME}")
