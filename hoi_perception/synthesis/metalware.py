"""Instruments of the library as the scene renderer draws them: creased normals, materials and parts of each face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from numpy.typing import NDArray

from hoi_perception.instruments.kinematics import InstrumentState, JointTree, joint_tree, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.instruments.tray_picture import corner_normals
from hoi_perception.synthesis.look import Colour, Part
from hoi_perception.synthesis.scene import SceneInstrument

Array = NDArray[np.float64]
_WORKING_SHARE = 0.12


@dataclass(frozen=True)
class Finish:
    """Colour (linear BGR) and finish (one of the library's) of a material."""

    colour: Colour
    finish: str


@dataclass(frozen=True, eq=False)
class Metalware:
    """One instrument; vertices and normals in their link's frame, three normals to a face.

    `vertex_rows` and `normal_rows` are those of each link.
    """

    model: InstrumentModel
    tree: JointTree
    vertices: Float64[Array, "n 3"]
    link: Int64[NDArray[np.int64], " n"]
    faces: Int64[NDArray[np.int64], "m 3"]
    normals: Float32[NDArray[np.float32], "c 3"]
    finish_of: Int64[NDArray[np.int64], " m"]
    finishes: tuple[Finish, ...]
    part: UInt8[NDArray[np.uint8], " m"]
    vertex_rows: tuple[slice, ...]
    normal_rows: tuple[slice, ...]

    def posed(self, instrument: SceneInstrument) -> tuple[Float64[Array, "n 3"], Float32[NDArray[np.float32], "c 3"]]:
        """Vertices and normals in the camera's frame."""
        pose = instrument.pose
        state = InstrumentState(pose.R[None], pose.t[None], instrument.joint_positions[None])
        links = pose_links(self.tree, state)
        vertices = np.empty_like(self.vertices)
        normals = np.empty_like(self.normals)
        for k, (own, shining) in enumerate(zip(self.vertex_rows, self.normal_rows, strict=True)):
            vertices[own] = self.vertices[own] @ links.R[0, k].T + links.t[0, k]
            normals[shining] = self.normals[shining] @ links.R[0, k].T.astype(np.float32)
        return vertices, normals


@lru_cache(maxsize=64)
def metalware(name: str) -> Metalware:
    """The instrument of that name, kept for the next pictures; InstrumentError where there is none."""
    model = _library().get(name)
    finish = {material.name: material.finish for material in model.description.materials}
    vertices, link, faces, normals, slots, finishes = [], [], [], [], [], []
    vertex_rows, normal_rows = [], []
    start, corners = 0, 0
    for k, own in enumerate(model.links):
        first, first_corner = start, corners
        for mesh in own.meshes:
            r, g, b, _ = mesh.look.rgba
            finishes.append(Finish((b**2.2, g**2.2, r**2.2), finish.get(mesh.look.name, "plastic")))
            vertices.append(mesh.vertices)
            link.append(np.full(len(mesh.vertices), k))
            faces.append(mesh.faces + start)
            normals.append(corner_normals(mesh.vertices, mesh.faces).reshape(-1, 3))
            slots.append(np.full(len(mesh.faces), len(finishes) - 1))
            start, corners = start + len(mesh.vertices), corners + 3 * len(mesh.faces)
        vertex_rows.append(slice(first, start))
        normal_rows.append(slice(first_corner, corners))
    tree = joint_tree(model)
    all_vertices, all_links, all_faces = np.concatenate(vertices), np.concatenate(link), np.concatenate(faces)
    return Metalware(
        model,
        tree,
        all_vertices,
        all_links,
        all_faces,
        np.concatenate(normals).astype(np.float32),
        np.concatenate(slots),
        tuple(finishes),
        _parts(model, tree, all_vertices, all_links, all_faces),
        tuple(vertex_rows),
        tuple(normal_rows),
    )


@lru_cache(maxsize=1)
def _library() -> Library:
    return Library.find()


def _parts(
    model: InstrumentModel,
    tree: JointTree,
    vertices: Float64[Array, "n 3"],
    link: NDArray[np.int64],
    faces: NDArray[np.int64],
) -> UInt8[NDArray[np.uint8], " m"]:
    """Part of each face, along the base link's x axis with all joints at zero.

    The handle reaches to the front end of the regions where fingers lie, the working part from the jaws' pivot (or the
    last 12 % of the length) to a tip; the shaft is between. Where there are no tips all is handle.
    """
    zero = np.clip(0.0, tree.lower, tree.upper)[None]
    links = pose_links(tree, InstrumentState(np.eye(3)[None], np.zeros((1, 3)), zero))
    names = model.link_names
    base = np.einsum("nij,nj->ni", links.R[0, link], vertices) + links.t[0, link]
    x = base[faces, 0].mean(axis=1)
    out = np.full(len(faces), Part.SHAFT, dtype=np.uint8)
    ends = []
    for region in model.description.grasp_regions:
        if region.box is not None:
            k = names.index(region.link)
            reach = np.abs(region.box.pose.R) @ np.array(region.box.size) / 2.0
            ends.append(float((links.R[0, k] @ region.box.pose.t + links.t[0, k])[0] + reach[0]))
    if not model.description.tips:
        return np.full(len(faces), Part.HANDLE, dtype=np.uint8)
    length = float(np.ptp(base[:, 0]))
    out[x <= max(ends, default=base[:, 0].min() + 0.4 * length)] = Part.HANDLE
    joint_of = {joint.child: joint for joint in model.joints}
    for tip in model.description.tips:
        k = names.index(tip.link)
        at = float((links.R[0, k] @ tip.pose.t + links.t[0, k])[0])
        pivot = float(links.t[0, k, 0]) if tip.link in joint_of else -np.inf
        near = abs(at - pivot) if abs(at - pivot) < 0.6 * length else _WORKING_SHARE * length
        out[np.abs(x - at) <= near] = Part.WORKING_PART
    return out
