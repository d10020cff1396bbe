"""Offsets between the landmark network's points and the hand model's joints, measured on renders of the hand model.

`python -m hoi_perception.synthesis.landmark_calibration` renders hands in random grasps and attitudes, runs the
landmark network on each, and finds for every landmark the one place in its bone's frame that explains what the network
points at (linear least squares in the image, reweighted against outliers). The result replaces
`hands/landmark_offsets.csv`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.hands.anatomy import JOINT_LIMITS, gesture_angles, grasp_angles, pose_from_angles
from hoi_perception.hands.hand_model import HandModel, PosedHand
from hoi_perception.hands.kinematics import LANDMARK_BONE
from hoi_perception.hands.landmark_model import OFFSETS_FILE, LandmarkModel, bone_frames, palm_length
from hoi_perception.hands.landmarks import LandmarkNetwork, region_from_landmarks
from hoi_perception.synthesis.arm import continue_arm, wrist_loop
from hoi_perception.synthesis.motion import hand_attitude
from hoi_perception.synthesis.skin import complexion, skin_layout
from hoi_perception.synthesis.studio import Studio
from hoi_perception.synthesis.table import Table
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import Camera, HandLandmarks, Side

Array = NDArray[np.float64]
WIDTH, HEIGHT = 640, 480
ACCEPTED = 0.8
_RIDGE = 1e-3
_ROUNDS = 10
_OUTLIER = 0.03


@dataclass(frozen=True)
class Sight:
    """One accepted render: landmarks over the hand's size in the image, and how they depend on the offsets."""

    error: Float64[Array, "21 2"]
    slope: Float64[Array, "21 2 3"]


def random_hand(
    right_hand: HandModel, frames: Float64[Array, "15 3 3"], table: Table, rng: np.random.Generator
) -> PosedHand:
    """A hand of random shape and posture over the middle of the table."""
    known = [*grasp_angles().values(), *gesture_angles().values()]
    a, b = rng.integers(len(known), size=2)
    share = rng.uniform()
    angles = share * known[a] + (1.0 - share) * known[b] + rng.normal(scale=0.12, size=(15, 3)) * [1.0, 0.4, 0.2]
    angles = np.clip(angles, JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1])
    turns = np.radians([rng.uniform(-70, 70), rng.uniform(-50, 70), rng.uniform(-100, 200)])
    R = table.R_camera_table @ hand_attitude(Side.RIGHT, turns)
    pose = np.concatenate([axis_angle_from_rotation(R)[None], pose_from_angles(angles, frames).reshape(15, 3)])
    wrist = table.to_camera(np.array([rng.uniform(-0.06, 0.06), rng.uniform(-0.1, 0.0), rng.uniform(0.1, 0.25)]))
    return right_hand.with_shape(rng.uniform(-1.0, 1.0, 10)).with_pose_at_wrist(pose, wrist)


def look(network: LandmarkNetwork, image: NDArray[np.uint8], truth_px: Float64[Array, "21 2"]) -> HandLandmarks | None:
    """The network's landmarks of a hand whose place is known; None where it does not see a right hand."""
    start = HandLandmarks(truth_px, np.zeros(21), 1.0, 1.0)
    landmarks = network.run(image, region_from_landmarks(start))
    landmarks = network.run(image, region_from_landmarks(landmarks))
    return landmarks if landmarks.presence >= ACCEPTED and landmarks.right_score > 0.5 else None


def compare(posed: PosedHand, landmarks: HandLandmarks, camera: Camera) -> Sight:
    """What the network's points say of the offsets for one posed hand."""
    rest = posed.shaped.joints21_rest()
    model_frames = LandmarkModel.of(posed.shaped.model, np.zeros((21, 3))).frames
    points = posed.joints21()
    frames = (posed.joint_rotations @ bone_frames(rest, model_frames))[LANDMARK_BONE] * palm_length(rest)
    px = project(points, camera)
    z = points[:, 2:, None]
    slope_point = np.zeros((21, 2, 3))
    slope_point[:, 0, 0] = slope_point[:, 1, 1] = 1.0
    slope_point[:, :, 2] = -points[:, :2] / points[:, 2:]
    slope = camera.K[:2, :2] @ (slope_point / z) @ frames
    size = float((px.max(axis=0) - px.min(axis=0)).max())
    return Sight((landmarks.points_px - px) / size, slope / size)


def solve_offsets(sights: list[Sight]) -> tuple[Float64[Array, "21 3"], Float64[Array, "21"]]:
    """Offsets as shares of the palm's length, and the residual per landmark as a share of the hand's size (RMS)."""
    errors, slopes = np.stack([s.error for s in sights]), np.stack([s.slope for s in sights])
    weights = np.ones(errors.shape[:2])
    offsets = np.zeros((21, 3))
    for _ in range(_ROUNDS):
        A = np.einsum("nl,nlki,nlkj->lij", weights, slopes, slopes) / len(sights)
        b = np.einsum("nl,nlki,nlk->li", weights, slopes, errors) / len(sights)
        offsets = np.linalg.solve(A + _RIDGE * np.eye(3), b[..., None])[..., 0]
        left = errors - np.einsum("nlki,li->nlk", slopes, offsets)
        weights = 1.0 / (1.0 + (left**2).sum(axis=-1) / _OUTLIER**2)
    return offsets, np.sqrt((weights * (left**2).sum(axis=-1)).sum(axis=0) / weights.sum(axis=0) / 2.0)


def calibrate(n_hands: int = 400, seed: int = 0, out: Path | None = None) -> None:
    """Render, look, solve, and write the offsets.

    Args:
        n_hands: hands to render.
        seed: of everything random.
        out: where to write (default: into the package).
    """
    rng = np.random.default_rng(seed)
    table, camera = Table(), camera_from_fov(WIDTH, HEIGHT, 55.0, assumed=False)
    studio = Studio.build(camera, table, complexion(seed))
    right_hand, network = HandModel.load(None, Side.RIGHT), LandmarkNetwork()
    frames, loop = LandmarkModel.of(right_hand, np.zeros((21, 3))).frames, wrist_loop(right_hand.faces)
    elbow = table.to_camera(np.array([0.1, -0.35, 0.15]))
    sights = []
    for index in range(n_hands):
        posed = random_hand(right_hand, frames, table, rng)
        arm = continue_arm(
            posed.vertices, posed.shaped.vertices_rest, posed.faces, loop, posed.joint_rotations[0], elbow, np.eye(3)[0]
        )
        image = studio.photograph([arm], [skin_layout(posed.shaped)], noise_seed=seed + index)
        landmarks = look(network, image, np.asarray(project(posed.joints21(), camera)))
        if landmarks is not None:
            sights.append(compare(posed, landmarks, camera))
    offsets, residual = solve_offsets(sights)
    write(offsets, out or Path(__file__).parents[1] / "hands" / OFFSETS_FILE)
    accepted = f"{len(sights)} of {n_hands} hands accepted"
    print(f"{accepted}; residual per landmark and coordinate, share of the hand's size:")  # noqa: T201 - its report
    print(np.round(residual, 4))  # noqa: T201


def write(offsets: Float64[Array, "21 3"], path: Path) -> None:
    """The offsets as text."""
    header = "x y z per landmark in its bone's frame (flexion axis, back, along the bone), shares of the palm's length"
    np.savetxt(path, offsets, fmt="%.5f", delimiter=",", header=header)


if __name__ == "__main__":
    tyro.cli(calibrate)
