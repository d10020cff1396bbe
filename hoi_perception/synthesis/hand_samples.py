"""Dense samples of a hand's surface, by parts: each finger, and the palm with the innermost bones of the fingers.

Samples lie on the triangles of the mesh itself, so that what is free of them is free of the mesh up to their spacing.
A right hand throughout; a left one is its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import joint_frames, rotations_from_angles
from hoi_perception.hands.contact_zones import contact_zones
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import FINGER_JOINTS
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.hands.skinning import chain_transforms, skin
from hoi_perception.hands.surface import vertex_normals
from hoi_perception.types import Side

Array = NDArray[np.float64]
PALM = "palm"
_THINNING = 3
_PALM_BONES = (0, *(joints[0] for joints in FINGER_JOINTS.values()))


@dataclass(frozen=True, eq=False)
class Part:
    """Samples of one part of a hand: weights on three each (`corners`) of some of the hand's `vertices`.

    `bone` is the joint (0 to 15) that moves each sample most; `touching` marks samples where hands touch things.
    """

    vertices: Int64[NDArray[np.int64], " v"]
    corners: Int64[NDArray[np.int64], "n 3"]
    weights: Float32[NDArray[np.float32], "n 3"]
    bone: Int64[NDArray[np.int64], " n"]
    touching: Bool[NDArray[np.bool_], " n"]

    def on(self, values: Float32[NDArray[np.float32], "b v 3"]) -> Float32[NDArray[np.float32], "b n 3"]:
        """Samples of what is given at the vertices."""
        parts = (values[:, self.corners[:, k]] * self.weights[:, k, None] for k in range(3))
        return np.asarray(sum(parts), dtype=np.float32)

    def thinned(self) -> Part:
        """Every third sample."""
        return replace(
            self,
            corners=self.corners[::_THINNING],
            weights=self.weights[::_THINNING],
            bone=self.bone[::_THINNING],
            touching=self.touching[::_THINNING],
        )


@dataclass(frozen=True, eq=False)
class SampledHand:
    """A right hand of known shape with its parts; `frames` are those of the anatomical angles.

    `thinned` are the same parts with every third sample, for a first look.
    """

    model: HandModel
    parts: dict[str, Part]
    thinned: dict[str, Part]
    frames: Float64[Array, "15 3 3"]
    shape: Float64[Array, "10"]
    vertices_rest: Float64[Array, "778 3"]
    joints_rest: Float64[Array, "16 3"]

    def with_shape(self, shape: Float64[Array, "10"]) -> SampledHand:
        """The same hand with another shape; the frames stay those of the mean shape."""
        shaped = self.model.with_shape(shape)
        return replace(self, shape=shape, vertices_rest=shaped.vertices_rest, joints_rest=shaped.joints_rest)

    def pose(
        self, part: str, angles: Float64[Array, "b 15 3"], side: Side, *, thin: bool = False
    ) -> Float32[NDArray[np.float32], "b n 3"]:
        """Samples of a part, or of its thinned form, in the frame of the wrist (joint 0 is the origin), m."""
        own = (self.thinned if thin else self.parts)[part]
        return own.on(self._vertices(own.vertices, angles, side).astype(np.float32))

    def normals(self, part: str, angles: Float64[Array, "15 3"], side: Side) -> Float64[Array, "n 3"]:
        """Outward normals of a part's samples, of about unit length."""
        faces = self.model.faces if side is Side.RIGHT else self.model.faces[:, ::-1]
        own = self.parts[part]
        normals = vertex_normals(self.vertices(angles[None], side)[0], faces)[own.vertices]
        return np.asarray(own.on(normals[None].astype(np.float32))[0], dtype=np.float64)

    def vertices(self, angles: Float64[Array, "b 15 3"], side: Side) -> Float64[Array, "b 778 3"]:
        """All vertices in the frame of the wrist, m."""
        return self._vertices(np.arange(len(self.vertices_rest)), angles, side)

    def _vertices(
        self, index: Int64[NDArray[np.int64], " v"], angles: Float64[Array, "b 15 3"], side: Side
    ) -> Float64[Array, "b v 3"]:
        b = len(angles)
        rotations = np.empty((b, 16, 3, 3))
        rotations[:, 0] = np.eye(3)
        rotations[:, 1:] = rotations_from_angles(angles, self.frames)
        features = (rotations[:, 1:] - np.eye(3)).reshape(b, 135)
        offsets = features @ self.model.pose_directions[index].reshape(-1, 135).T
        rest = self.vertices_rest[index] + offsets.reshape(b, -1, 3)
        transforms = chain_transforms(rotations, self.joints_rest)
        posed = skin(rest, transforms, self.joints_rest, self.model.skin_weights[index]) - self.joints_rest[0]
        return posed if side is Side.RIGHT else np.asarray(mirror_points(posed))


def sample_hand(right: HandModel, spacing: float = 0.0018, palm_spacing: float = 0.003) -> SampledHand:
    """A right hand of mean shape with samples about `spacing` apart (m) on the fingers, `palm_spacing` on the palm."""
    shaped = right.with_shape()
    owner = right.skin_weights.argmax(axis=1)
    zone = contact_zones(right).of_vertex >= 0
    parts: dict[str, Part] = {}
    for finger, joints in FINGER_JOINTS.items():
        mine = np.isin(owner, joints)[right.faces].any(axis=1)
        parts[finger] = _part(right, right.faces[mine], owner, zone, spacing)
    inner = np.isin(owner, _PALM_BONES)[right.faces].any(axis=1)
    parts[PALM] = _part(right, right.faces[inner], owner, zone, palm_spacing)
    frames = joint_frames(shaped.joints21_rest())
    thinned = {name: part.thinned() for name, part in parts.items()}
    return SampledHand(right, parts, thinned, frames, np.zeros(10), shaped.vertices_rest, shaped.joints_rest)


def _part(
    model: HandModel,
    faces: NDArray[np.int32],
    owner: NDArray[np.int64],
    zone: NDArray[np.bool_],
    spacing: float,
) -> Part:
    corners = model.template[faces]
    longest = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2).max(axis=1)
    face, weights = [], []
    for index, count in enumerate(np.maximum(np.ceil(longest / spacing), 1).astype(int)):
        shares = _lattice(int(count))
        weights.append(shares)
        face.append(np.full(len(shares), index))
    on, share = np.concatenate(face), np.concatenate(weights)
    used, corner = np.unique(faces, return_inverse=True)
    corner = corner.reshape(-1, 3)[on]
    place = np.round(np.einsum("nk,nkx->nx", share, model.template[used[corner]]) * 1e7)
    first = np.unique(place, axis=0, return_index=True)[1]
    corner, share = corner[first], share[first]
    nearest = used[np.take_along_axis(corner, share.argmax(axis=1)[:, None], axis=1)[:, 0]]
    return Part(used.astype(np.int64), corner, share.astype(np.float32), owner[nearest], zone[nearest])


def _lattice(count: int) -> Float64[Array, "n 3"]:
    """Barycentric places on a triangle with `count` intervals to a side, corners and edges included."""
    i, j = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
    inside = i + j <= count
    i, j = i[inside], j[inside]
    return np.stack([i, j, count - i - j], axis=1) / count
