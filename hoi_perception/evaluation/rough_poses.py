"""Poses that are off by a known amount, to begin from."""

from __future__ import annotations

import zlib

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.synthesis.grasp_evidence import EvidenceNoise, first_order, random_direction
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]
NOISE = EvidenceNoise()
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


def rng_of(name: str) -> np.random.Generator:
    """What is drawn for a name, the same every time."""
    return np.random.default_rng(zlib.crc32(name.encode()))


class RoughPath:
    """Poses with the errors of `EvidenceNoise`: a bias that stays, and a wander, which comes again after `frames`."""

    def __init__(
        self,
        mesh: InstrumentMesh,
        rng: np.random.Generator,
        rate_hz: float,
        noise: EvidenceNoise = NOISE,
        frames: int = 4096,
    ) -> None:
        self._mesh, self._noise, self._frames = mesh, noise, 0
        self._shift = noise.bias_m * random_direction(rng)
        self._turn = np.radians(noise.bias_deg) * random_direction(rng)
        self._angles = np.radians(noise.joint_deg) * rng.choice([-1.0, 1.0], len(mesh.joint_limits))
        self._wander = first_order(frames, 6, noise.wander_s * rate_hz, rng)

    def next(self, truth: InstrumentState) -> InstrumentState:
        """The pose of the next frame."""
        w, noise = self._wander[self._frames % len(self._wander)], self._noise
        self._frames += 1
        turn = self._turn + np.radians(noise.wander_deg) * w[3:]
        return moved_pose(truth, self._mesh, self._shift + noise.wander_m * w[:3], turn, self._angles)
