"""What a camera and a detector would tell of a truth grasp, with errors of a stated size that last over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.rendering import rasterise
from hoi_perception.synthesis.grasp_truth import FRAME_RATE_HZ, Evidence, GraspTruth
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.synthesis.scene_landmarks import SceneLandmarks
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]
_REFERENCE_WIDTH = 1280.0


@dataclass(frozen=True)
class EvidenceNoise:
    """Sizes of the errors; those in pixels are for a picture 1280 wide.

    The start of the instrument is turned about the middle of its box and shifted: by a constant of exactly `bias_m` and
    `bias_deg` in a random direction, and by a first-order process with the standard deviations `wander_m` and
    `wander_deg` along each axis and the correlation exp(-t / `wander_s`). Its joints are off by `joint_deg`, up or
    down, as far as their limits allow.
    """

    landmark_px: float = 4.0
    boundary_px: float = 2.0
    boundary_length_px: float = 12.0
    bias_m: float = 0.010
    bias_deg: float = 10.0
    wander_m: float = 0.0015
    wander_deg: float = 1.5
    wander_s: float = 0.3
    joint_deg: float = 4.0


class EvidenceMaker:
    """Makes evidence; holds the hand models of both sides and the meshes of instruments it has seen."""

    def __init__(self, noise: EvidenceNoise | None = None) -> None:
        self.noise = noise or EvidenceNoise()
        self.hands = {side: HandModel.load(None, side) for side in Side}
        self._landmarks = SceneLandmarks(self.hands[Side.RIGHT])

    def evidence(self, truths: Sequence[GraspTruth], model: InstrumentModel, seed: Sequence[int]) -> list[Evidence]:
        """Evidence of the frames of one sequence (or of one grasp), errors by `seed`."""
        rng = np.random.default_rng(list(seed))
        mesh = InstrumentMesh.of(model)
        bias = self.noise.bias_m * random_direction(rng), np.radians(self.noise.bias_deg) * random_direction(rng)
        signs = rng.choice([-1.0, 1.0], len(model.joint_names))
        wander = first_order(len(truths), 6, self.noise.wander_s * FRAME_RATE_HZ, rng)
        out = []
        for truth, w in zip(truths, wander, strict=True):
            shift = bias[0] + self.noise.wander_m * w[:3]
            turn = rotation_from_axis_angle(bias[1] + np.radians(self.noise.wander_deg) * w[3:])
            out.append(self._frame(truth, mesh, shift, np.asarray(turn), signs, rng))
        return out

    def landmarks(self, truth: GraspTruth) -> Float64[Array, "21 2"]:
        """Pixels of the landmark points without noise."""
        points = self._landmarks.places(truth.side, truth.hand)
        return np.asarray(project(points, truth.camera), dtype=np.float64)

    def masks(self, truth: GraspTruth, mesh: InstrumentMesh) -> tuple[Mask, Mask]:
        """Visible pixels of the instrument and of the hand, without noise."""
        hand = self.hands[truth.side].posed(truth.hand)
        body = mesh.vertices(truth.R_camera_instrument, truth.t_camera_instrument, truth.joint_positions)
        faces = np.concatenate([hand.faces, mesh.faces + len(hand.vertices)])
        raster = rasterise(np.concatenate([hand.vertices, body]), faces, truth.camera)
        is_hand = raster.mask & (raster.face_id < len(hand.faces))
        return raster.mask & ~is_hand, is_hand

    def _frame(
        self,
        truth: GraspTruth,
        mesh: InstrumentMesh,
        shift: Float64[Array, "3"],
        turn: Float64[Array, "3 3"],
        signs: Float64[Array, " j"],
        rng: np.random.Generator,
    ) -> Evidence:
        scale = truth.camera.width / _REFERENCE_WIDTH
        sigma = self.noise.landmark_px * scale
        body, hand = self.masks(truth, mesh)
        u = boundary_shift(body.shape, self.noise.boundary_length_px * scale, rng) * self.noise.boundary_px * scale
        still = mesh.vertices(np.eye(3), np.zeros(3), truth.joint_positions)
        middle = 0.5 * (still.min(axis=0) + still.max(axis=0))
        pivot = truth.R_camera_instrument @ middle + truth.t_camera_instrument
        limits = mesh.joint_limits
        joints = truth.joint_positions + np.radians(self.noise.joint_deg) * signs
        return Evidence(
            camera=truth.camera,
            side=truth.side,
            shape=truth.shape,
            landmarks_px=self.landmarks(truth) + sigma * rng.standard_normal((21, 2)),
            instrument=truth.instrument,
            instrument_mask=moved_boundary(body, u),
            hand_mask=moved_boundary(hand, u),
            R_camera_instrument=turn @ truth.R_camera_instrument,
            t_camera_instrument=pivot + turn @ (truth.t_camera_instrument - pivot) + shift,
            joint_positions=np.clip(joints, limits[:, 0], limits[:, 1]),
            landmark_sigma_px=sigma,
        )


def first_order(count: int, width: int, steps: float, rng: np.random.Generator) -> Float64[Array, "count width"]:
    """A stationary first-order process of unit variance that forgets over `steps` steps, x' = a x + sqrt(1 - a²) n."""
    keep = float(np.exp(-1.0 / steps))
    x = rng.standard_normal(width)
    out = np.empty((count, width))
    for row in out:
        row[:] = x
        x = keep * x + np.sqrt(1.0 - keep**2) * rng.standard_normal(width)
    return out


def boundary_shift(shape: tuple[int, ...], length: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth random field of displacements (h, w, 2), standard deviation 1 along each axis, smooth over `length`."""
    step = max(length / 2.0, 1.0)
    small = [int(np.ceil(n / step)) + 8 for n in shape[:2]]
    noise = rng.standard_normal((*small, 2)).astype(np.float32)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.0), dtype=np.float32)
    large = cv2.resize(smooth, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
    field = large[: shape[0], : shape[1]]
    return np.asarray(field / field.std(), dtype=np.float32)


def moved_boundary(mask: Mask, shift: NDArray[np.float32]) -> Mask:
    """The mask seen through displacements (px): each pixel takes what is there."""
    h, w = mask.shape
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    places = x + shift[..., 0], y + shift[..., 1]
    seen = cv2.remap(mask.astype(np.uint8), *places, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen > 0)


def random_direction(rng: np.random.Generator) -> Float64[Array, "3"]:
    """A unit vector, all alike likely."""
    v = rng.standard_normal(3)
    return np.asarray(v / np.linalg.norm(v))
