"""Instruments for other programs: one STL or GLB of the whole, joints at zero."""

from __future__ import annotations

import json

import numpy as np

from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, pose_links
from hoi_perception.instruments.mesh_files import stl_bytes
from hoi_perception.instruments.model import InstrumentModel, joined
from hoi_perception.instruments.picture import posed_surface
from hoi_perception.transforms import quaternion_wxyz_from_rotation


def whole_stl(model: InstrumentModel) -> bytes:
    """Binary STL in metres, in the base link's frame."""
    _, faces = joined([link.surface() for link in model.links])
    return stl_bytes(posed_surface(model, np.zeros(len(model.joint_names))), faces, model.name)


def whole_glb(model: InstrumentModel) -> bytes:
    """Binary glTF 2.0 in metres: a node a link, below its parent; the base link's axes stay as they are."""
    tree = joint_tree(model)
    state = InstrumentState(np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, tree.n_joints)))
    posed = pose_links(tree, state)
    chunks: list[bytes] = []
    views: list[dict[str, object]] = []
    accessors: list[dict[str, object]] = []
    meshes: list[dict[str, object]] = []
    materials: list[dict[str, object]] = []

    def accessor(array: np.ndarray, kind: str, target: int, **extra: object) -> int:
        views.append({"buffer": 0, "byteOffset": sum(map(len, chunks)), "byteLength": array.nbytes, "target": target})
        chunks.append(array.tobytes() + b"\0" * (-array.nbytes % 4))
        component = 5126 if array.dtype == np.float32 else 5125
        entry = {"bufferView": len(views) - 1, "componentType": component, "count": len(array), "type": kind, **extra}
        accessors.append(entry)
        return len(accessors) - 1

    nodes: list[dict[str, object]] = []
    for index, link in enumerate(model.links):
        node: dict[str, object] = {"name": link.name}
        if index:
            parent = int(tree.parents[index - 1])
            R = posed.R[0, parent].T @ posed.R[0, index]
            w, x, y, z = map(float, quaternion_wxyz_from_rotation(R))
            t = posed.R[0, parent].T @ (posed.t[0, index] - posed.t[0, parent])
            node |= {"rotation": [x, y, z, w], "translation": list(map(float, t))}
        children = [int(child) + 1 for child in np.flatnonzero(tree.parents == index)]
        node |= {"children": children} if children else {}
        primitives = []
        for mesh in link.meshes:
            # corners of their own for each face: flat shading shows sharp edges
            corners = mesh.vertices[mesh.faces].reshape(-1, 3).astype(np.float32)
            bounds = {"min": corners.min(axis=0).tolist(), "max": corners.max(axis=0).tolist()}
            place = accessor(corners, "VEC3", 34962, **bounds)
            order = accessor(np.arange(len(corners), dtype=np.uint32)[:, None], "SCALAR", 34963)
            linear = [float(c) ** 2.2 for c in mesh.look.rgba[:3]]
            shine = {"baseColorFactor": [*linear, mesh.look.rgba[3]], "metallicFactor": 0.8, "roughnessFactor": 0.35}
            materials.append({"name": mesh.look.name or "material", "pbrMetallicRoughness": shine})
            primitives.append({"attributes": {"POSITION": place}, "indices": order, "material": len(materials) - 1})
        if primitives:
            meshes.append({"name": link.name, "primitives": primitives})
            node["mesh"] = len(meshes) - 1
        nodes.append(node)
    binary = b"".join(chunks)
    head: dict[str, object] = {"asset": {"version": "2.0", "generator": "hoi_perception"}, "scene": 0}
    head |= {"scenes": [{"name": model.name, "nodes": [0]}], "nodes": nodes, "meshes": meshes, "materials": materials}
    head |= {"accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": len(binary)}]}
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    parts = (_chunk(b"JSON", text), _chunk(b"BIN\0", binary))
    return b"glTF" + np.array([2, 12 + sum(map(len, parts))], dtype="<u4").tobytes() + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return np.uint32(len(content)).tobytes() + kind + content
