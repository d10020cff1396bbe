"""Poses that are off by a known amount, to begin from."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]
ROUGH = "truth + 10 mm, 10°"
"""What rows call poses with the errors of `EvidenceNoise`."""


def moved_pose(
    truth: InstrumentState,
    mesh: InstrumentMesh,
    shift: Float64[Array, "3"],
    turn: Float64[Array, "3"],
    angles: Float64[Array, " j"],
) -> InstrumentState:
    """A pose turned (axis-angle, camera frame) about the middle of the instrument's box, then shifted (m), its joints
    moved by `angles` (rad) as far as their limits let them."""
    R_true, t_true, joints_true = truth.R[0], truth.t[0], truth.angles[0]
    still = mesh.vertices(np.eye(3), np.zeros(3), joints_true)
    pivot = 0.5 * (still.min(axis=0) + still.max(axis=0)) @ R_true.T + t_true
    R = np.asarray(rotation_from_axis_angle(turn), dtype=np.float64)
    limits = mesh.joint_limits
    joints = np.clip(joints_true + angles, limits[:, 0], limits[:, 1])
    moved = pivot + R @ (t_true - pivot) + shift
    return InstrumentState((R @ R_true)[None], moved[None], joints[None])


def direction(rng: np.random.Generator) -> Float64[Array, "3"]:
    """A random unit vector."""
    v = rng.standard_normal(3)
    return np.asarray(v / np.linalg.norm(v))
