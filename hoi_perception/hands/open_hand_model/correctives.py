"""Pose correctives: displacements, linear in the joints' rotations, that keep a finger's volume where it bends.

Linear blend skinning averages matrices and so draws flesh toward a bent joint. The target turns each vertex about the
joint by its own share of the bend, which keeps its distance from the joint; how much of that is applied is chosen,
joint by joint, so that the closed hand's volume at a strong bend is that at rest. Where all of it is not enough (the
thumb's saddle joint), the skin over the bend swells by what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from hoi_perception.hands.joints import JOINT_LIMITS, PARENTS
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle

Array = NDArray[np.float64]
Vertices = Float[Array, "n 3"]
Faces = Int[NDArray[np.int64], "m 3"]

_MATCHED_FLEXION_DEG = 80.0
_RIDGE = 1e-3
KNUCKLES = (1, 4, 7, 10)
_KNUCKLE_MM = 2.8
"""How far the head of a metacarpal comes out at a right angle."""


def pose_directions(
    vertices: Vertices,
    faces: Faces,
    weights: Float[Array, "n 16"],
    joints: Float[Array, "16 3"],
    frames: Float[Array, "15 3 3"],
) -> Float[Array, "n 3 135"]:
    """Displacements at rest per entry of the 15 matrices R − I (row-major), in the vertices' unit."""
    directions = np.zeros((len(vertices), 3, 135))
    outward = _vertex_normals(vertices, faces)
    for joint in range(1, 16):
        share = weights[:, carried_by(joint)].sum(axis=1)
        bends = _sampled_bends(frames[joint - 1], JOINT_LIMITS[joint - 1])
        near = np.flatnonzero((share > 1e-3) & (share < 1.0 - 1e-3))
        turn, bulge = np.zeros((2, len(vertices), 3, 9))
        turn[near] = _fit(bends, _turning(vertices[near] - joints[joint], share[near], bends))
        bulge[near] = _fit(bends, _bulging(outward[near], share[near], bends, frames[joint - 1][:, 0]))
        flexion = np.radians(min(_MATCHED_FLEXION_DEG, np.degrees(JOINT_LIMITS[joint - 1, 0, 1])))
        strong = np.asarray(rotation_from_axis_angle(flexion * frames[joint - 1][:, 0]), dtype=np.float64)
        hinge = _Hinge(vertices, faces, share, joints[joint], strong)
        amount = hinge.volume_keeping(np.zeros_like(turn), turn, 1.0)
        block = amount * turn
        block += hinge.volume_keeping(block, bulge, 6.0) * bulge if amount == 1.0 else 0.0
        if joint in KNUCKLES:
            block += np.minimum(share / 0.04, 1.0)[:, None, None] * _knuckle(
                vertices, joints[joint], frames[joint - 1], outward
            )
        directions[:, :, 9 * (joint - 1) : 9 * joint] = block
    return directions


def carried_by(joint: int) -> list[int]:
    """The joint and all below it."""
    below = [joint]
    for child in range(joint + 1, 16):
        if int(PARENTS[child]) in below:
            below.append(child)
    return below


def _sampled_bends(frame: Float[Array, "3 3"], limits: Float[Array, "3 2"]) -> Float[Array, "k 3 3"]:
    """Rotations over the joint's range: nine flexions, with three abductions and three twists each."""
    steps = [np.linspace(low, high, count) for (low, high), count in zip(limits.tolist(), (9, 3, 3), strict=True)]
    angles = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    turns = [rotation_from_axis_angle(angles[:, i : i + 1] * frame[:, i]) for i in range(3)]
    return np.asarray(turns[0] @ turns[1] @ turns[2])


def _knuckle(
    vertices: Vertices, joint: Float[Array, "3"], frame: Float[Array, "3 3"], outward: Vertices
) -> Float[Array, "n 3 9"]:
    """The head of the metacarpal that comes out under the skin of a bent finger, and the hollows beside it.

    The displacement grows with 1 − cos(flexion), which the diagonal of R − I holds.
    """
    side, back, along = ((vertices - joint) @ frame).T
    head = np.exp(-((side / 6.5) ** 2)) - 0.75 * np.exp(-(((np.abs(side) - 11.0) / 4.5) ** 2))
    height = _KNUCKLE_MM * head * np.exp(-(((along - 1.0) / 9.0) ** 2)) / (1.0 + np.exp(-(back - 3.0) / 1.5))
    height[np.abs(height) < 0.05] = 0.0
    lift = height[:, None] * outward
    turned = -0.5 * (np.eye(3) - np.outer(frame[:, 0], frame[:, 0]))  # its inner product with R − I is 1 − cos
    return np.asarray(lift[:, :, None] * turned.reshape(9))


def _fit(bends: Float[Array, "k 3 3"], wanted: Float[Array, "k n 3"]) -> Float[Array, "n 3 9"]:
    """Least squares of the wanted displacement at rest over the sampled bends."""
    features = (bends - np.eye(3)).reshape(len(bends), 9)
    normal = features.T @ features + _RIDGE * len(bends) * np.eye(9)
    solution = np.asarray(np.linalg.solve(normal, features.T @ wanted.reshape(len(bends), -1)), dtype=np.float64)
    return np.moveaxis(solution.reshape(9, -1, 3), 0, -1)


def _turning(arms: Vertices, share: Float[Array, "n"], bends: Float[Array, "k 3 3"]) -> Float[Array, "k n 3"]:
    """Displacements at rest after which blending gives each vertex its own share of the turn."""
    vectors = axis_angle_from_rotation(bends)[:, None] * share[:, None]
    turned = rotation_from_axis_angle(vectors)
    blended = (1.0 - share)[:, None, None] * np.eye(3) + share[:, None, None] * bends[:, None]
    target = np.einsum("kvab,vb->kva", turned, arms)
    return np.asarray(np.linalg.solve(blended, target[..., None])[..., 0] - arms)


def _bulging(
    outward: Vertices, share: Float[Array, "n"], bends: Float[Array, "k 3 3"], hinge: Float[Array, "3"]
) -> Float[Array, "k n 3"]:
    """A swelling of one unit a radian of flexion, most where the bend is shared half and half; hollow when extended."""
    flexion = axis_angle_from_rotation(bends) @ hinge
    return np.asarray(flexion[:, None, None] * (4.0 * share * (1.0 - share))[:, None] * outward)


@dataclass(frozen=True)
class _Hinge:
    """The hand with one joint bent."""

    vertices: Vertices
    faces: Faces
    share: Float[Array, "n"]
    joint: Float[Array, "3"]
    bend: Float[Array, "3 3"]

    def volume(self, block: Float[Array, "n 3 9"]) -> float:
        """Volume of the bent hand with these correctives."""
        arms = self.vertices + block @ (self.bend - np.eye(3)).reshape(9) - self.joint
        moved = self.joint + (1.0 - self.share)[:, None] * arms + self.share[:, None] * (arms @ self.bend.T)
        return enclosed_volume(moved, self.faces)

    def volume_keeping(self, before: Float[Array, "n 3 9"], more: Float[Array, "n 3 9"], most: float) -> float:
        """Amount of `more`, between 0 and `most`, that brings the bent hand nearest to its volume at rest."""
        rest = enclosed_volume(self.vertices, self.faces)
        amounts = np.linspace(0.0, most, 41)
        changes = [abs(self.volume(before + amount * more) - rest) for amount in amounts]
        return float(amounts[int(np.argmin(changes))])


def _vertex_normals(vertices: Vertices, faces: Faces) -> Vertices:
    corners = vertices[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], face_normals)
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


def enclosed_volume(vertices: Vertices, faces: Faces) -> float:
    """Volume within outward faces that leave one planar hole, which is closed by a fan about its middle."""
    corners = vertices[faces]
    open_edges = boundary_edges(faces)
    middle = vertices[open_edges[:, 0]].mean(axis=0)
    corners = corners - middle
    return float(np.einsum("fa,fa->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6.0)


def boundary_edges(faces: Faces) -> Int[NDArray[np.int64], "k 2"]:
    """Directed edges that have a face on one side only."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    size = int(directed.max()) + 1
    keys, mirrored = directed @ [size, 1], directed @ [1, size]
    return np.asarray(directed[~np.isin(keys, mirrored)])
