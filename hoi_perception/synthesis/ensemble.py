"""All bodies of a synthetic scene as one mesh with materials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Float32, Float64, Int64, UInt8
from numpy.typing import NDArray

from hoi_perception.kernels import patches as kernels
from hoi_perception.rendering import vertex_normals
from hoi_perception.synthesis.limb import Limb, Worn, dressed_limb, worn
from hoi_perception.synthesis.look import Dress
from hoi_perception.synthesis.materials import limb_materials, metal_materials
from hoi_perception.synthesis.metalware import metalware
from hoi_perception.synthesis.scene import Scene

Array = NDArray[np.float64]
NO_BONE = -1


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Triangles of a scene; `part`, `instance`, `material` and `bone` (of hands; `NO_BONE` elsewhere) per face."""

    vertices: Float64[Array, "n 3"]
    faces: Int64[NDArray[np.int64], "m 3"]
    normals: Float32[NDArray[np.float32], "k 3"]
    corner_normal: Int64[NDArray[np.int64], "m 3"]
    place: Float32[NDArray[np.float32], "n 3"]
    traits: Float32[NDArray[np.float32], "n 4"]
    material: Int64[NDArray[np.int64], " m"]
    part: UInt8[NDArray[np.uint8], " m"]
    instance: UInt8[NDArray[np.uint8], " m"]
    bone: Int64[NDArray[np.int64], " m"]
    materials: tuple[Any, ...]
    people: tuple[Worn, ...]
    joints: Float64[Array, "h 21 3"]

    def on_device(self, screen: wp.array, faces: wp.array, shift: Float32[NDArray[np.float32], "n 2"]) -> Any:
        """For the shader, with the vertices on the screen of the z-buffer."""
        out = kernels.Bodies()
        out.screen, out.faces = screen, faces
        out.corner_normal = _array(self.corner_normal.astype(np.int32), wp.vec3i)
        out.material = _array(self.material.astype(np.int32), wp.int32)
        out.later = _array(shift, wp.vec2)
        out.position = _array(self.vertices.astype(np.float32), wp.vec3)
        out.normal = _array(self.normals, wp.vec3)
        out.place = _array(self.place, wp.vec3)
        out.traits = _array(self.traits, wp.vec4)
        out.materials = wp.array(list(self.materials), dtype=kernels.Material, device="cpu")
        layouts = [person.layout for person in self.people]
        out.nail_center = _array(_stacked([x.nail_center for x in layouts], (0, 3)), wp.vec3)
        out.nail_frame = _array(_stacked([x.nail_frame for x in layouts], (0, 3, 3)), wp.mat33)
        out.tendon_start = _array(_stacked([x.tendon_start for x in layouts], (0, 3)), wp.vec3)
        out.tendon_end = _array(_stacked([x.tendon_end for x in layouts], (0, 3)), wp.vec3)
        return out


@dataclass(frozen=True, eq=False)
class _Piece:
    """One body; `normals` and `corner_normal` count from the piece's own first."""

    vertices: Float64[Array, "n 3"]
    faces: Int64[NDArray[np.int64], "m 3"]
    normals: Float32[NDArray[np.float32], "k 3"]
    corner_normal: Int64[NDArray[np.int64], "m 3"]
    place: Float32[NDArray[np.float32], "n 3"]
    traits: Float32[NDArray[np.float32], "n 4"]
    slot: Int64[NDArray[np.int64], " m"]
    part: UInt8[NDArray[np.uint8], " m"]
    bone: Int64[NDArray[np.int64], " m"]
    materials: tuple[Any, ...]


def gather(scene: Scene, hand_model: str = "") -> Ensemble:
    """The mesh of a scene: hands first, then instruments, each in the scene's order."""
    people = tuple(worn(hand, hand_model) for hand in scene.hands)
    limbs = [
        dressed_limb(hand, _dress(scene, k), person)
        for k, (hand, person) in enumerate(zip(scene.hands, people, strict=True))
    ]
    pieces = [_limb_piece(limb, people[k], _dress(scene, k), k) for k, limb in enumerate(limbs)]
    for number, instrument in enumerate(scene.instruments):
        ware = metalware(instrument.name)
        vertices, normals = ware.posed(instrument)
        corner_normal = np.arange(3 * len(ware.faces)).reshape(-1, 3)
        traits = np.zeros((len(vertices), 4), dtype=np.float32)
        traits[:, 3] = np.clip(1.0 - (ware.vertices[:, 0].max() - ware.vertices[:, 0]) / 0.07, 0.0, 1.0)
        pieces.append(
            _Piece(
                vertices,
                ware.faces,
                normals,
                corner_normal,
                ware.vertices.astype(np.float32),
                traits,
                ware.finish_of,
                ware.part,
                np.full(len(ware.faces), NO_BONE),
                metal_materials(ware.finishes, scene.look.metal, number),
            )
        )
    joints = np.stack([limb.joints for limb in limbs]) if limbs else np.zeros((0, 21, 3))
    return _ensemble(pieces, people, joints)


def gather_vertices(scene: Scene, hand_model: str = "") -> Float64[Array, "n 3"]:
    """The vertices alone, as `gather` orders them."""
    limbs = [
        dressed_limb(hand, _dress(scene, k), worn(hand, hand_model)).vertices for k, hand in enumerate(scene.hands)
    ]
    return np.concatenate([*limbs, *(metalware(i.name).posed(i)[0] for i in scene.instruments)])


def _dress(scene: Scene, hand: int) -> Dress:
    dress = scene.look.dress
    return dress[min(hand, len(dress) - 1)]


def _limb_piece(limb: Limb, person: Worn, dress: Dress, number: int) -> _Piece:
    bone = np.full(len(limb.faces), NO_BONE)
    own = (limb.faces < len(person.bone)).all(axis=1)
    bone[own] = person.bone[limb.faces[own, 0]]
    normals = vertex_normals(limb.vertices, limb.faces)
    place = limb.place.astype(np.float32)
    materials = limb_materials(dress, number)
    return _Piece(
        limb.vertices, limb.faces, normals, limb.faces, place, limb.traits, limb.slot, limb.part, bone, materials
    )


def _ensemble(pieces: list[_Piece], people: tuple[Worn, ...], joints: Float64[Array, "h 21 3"]) -> Ensemble:
    vertex = np.cumsum([0, *(len(p.vertices) for p in pieces)])
    normal = np.cumsum([0, *(len(p.normals) for p in pieces)])
    material = np.cumsum([0, *(len(p.materials) for p in pieces)])
    if not pieces:
        raise ValueError("a scene without bodies cannot be rendered: give it a hand or an instrument")
    return Ensemble(
        np.concatenate([p.vertices for p in pieces]),
        np.concatenate([p.faces + start for p, start in zip(pieces, vertex, strict=False)]),
        np.concatenate([p.normals for p in pieces]),
        np.concatenate([p.corner_normal + start for p, start in zip(pieces, normal, strict=False)]),
        np.concatenate([p.place for p in pieces]),
        np.concatenate([p.traits for p in pieces]),
        np.concatenate([p.slot + start for p, start in zip(pieces, material, strict=False)]),
        np.concatenate([p.part for p in pieces]),
        np.repeat(np.arange(1, len(pieces) + 1, dtype=np.uint8), [len(p.faces) for p in pieces]),
        np.concatenate([p.bone for p in pieces]),
        tuple(m for p in pieces for m in p.materials),
        people,
        joints,
    )


def _stacked(arrays: list[NDArray[np.float32]], empty: tuple[int, ...]) -> NDArray[np.float32]:
    return np.concatenate(arrays) if arrays else np.zeros(empty, dtype=np.float32)


def _array(values: NDArray[Any], kind: Any) -> wp.array:
    return wp.array(np.ascontiguousarray(values), dtype=kind, device="cpu", copy=False)
