"""Evidence: noise of the stated size and memory, the truth where there is no noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.hands.anatomy import joint_frames, pose_from_angles
from hoi_perception.hands.grasps import grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.mirroring import mirror_axis_angle
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.synthesis.grasp_evidence import (
    EvidenceMaker,
    EvidenceNoise,
    boundary_shift,
    first_order,
    moved_boundary,
)
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import HandParameters, Side

SILENT = EvidenceNoise(landmark_px=0.0, boundary_px=0.0, bias_m=0.0, bias_deg=0.0, wander_m=0.0, wander_deg=0.0)


@pytest.fixture(scope="module")
def scissors() -> InstrumentModel:
    return Library.find().get("mayo_scissors")


def truth(side: Side = Side.RIGHT) -> GraspTruth:
    """A pinching hand half a metre away, scissors 3 cm behind it."""
    frames = joint_frames(HandModel.load(None, Side.RIGHT).with_shape().joints21_rest())
    bent = pose_from_angles(grasp_angles()["pinch"], frames).reshape(15, 3)
    pose = np.concatenate([[[0.3, -0.5, 0.2]], bent if side is Side.RIGHT else mirror_axis_angle(bent)])
    return GraspTruth(
        instrument="mayo_scissors",
        side=side,
        hand=HandParameters(pose, np.linspace(-1.0, 1.0, 10), np.array([0.02, 0.01, 0.5])),
        R_camera_instrument=np.eye(3),
        t_camera_instrument=np.array([0.0, 0.0, 0.53]),
        joint_positions=np.array([0.2]),
        camera=camera_from_fov(1280, 720, 60.0, assumed=False),
    )


@pytest.mark.parametrize("side", list(Side))
def test_landmarks_without_offsets_are_the_joints_of_the_posed_mesh(
    side: Side, scissors: InstrumentModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mesh model is a second implementation; the tips are left out, which bend with the skin."""
    maker = EvidenceMaker(SILENT)
    bare = LandmarkModel.of(HandModel.load(None, Side.RIGHT), np.zeros((21, 3)))
    monkeypatch.setattr(maker._landmarks, "_model", bare)
    grasp = truth(side)
    seen = maker.evidence([grasp], scissors, (0,))[0]
    joints = project(HandModel.load(None, side).posed(grasp.hand).joints21(), grasp.camera)
    inner = [i for i in range(21) if i not in (4, 8, 12, 16, 20)]
    assert np.abs(seen.landmarks_px - joints)[inner].max() < 1e-6


def test_nothing_but_the_joint_is_off_without_noise(scissors: InstrumentModel) -> None:
    seen = EvidenceMaker(SILENT).evidence([truth()], scissors, (0,))[0]
    assert np.allclose(seen.R_camera_instrument, np.eye(3))
    assert np.allclose(seen.t_camera_instrument, [0.0, 0.0, 0.53])
    assert np.degrees(abs(seen.joint_positions[0] - 0.2)) == pytest.approx(4.0)


def test_the_bias_has_the_stated_size_and_stays(scissors: InstrumentModel) -> None:
    noise = replace(SILENT, bias_m=0.01, bias_deg=10.0)
    frames = EvidenceMaker(noise).evidence([truth()] * 3, scissors, (1,))
    first = frames[0]
    assert np.degrees(np.linalg.norm(axis_angle_from_rotation(first.R_camera_instrument))) == pytest.approx(10.0)
    for frame in frames[1:]:
        assert np.array_equal(frame.t_camera_instrument, first.t_camera_instrument)
    mesh = InstrumentMesh.of(scissors)
    still = mesh.vertices(np.eye(3), np.zeros(3), truth().joint_positions)
    middle = 0.5 * (still.min(axis=0) + still.max(axis=0))
    shift = first.R_camera_instrument @ middle + first.t_camera_instrument - (middle + [0.0, 0.0, 0.53])
    assert np.linalg.norm(shift) == pytest.approx(0.010)


def test_landmarks_scatter_by_four_pixels(scissors: InstrumentModel) -> None:
    maker = EvidenceMaker()
    clean = maker.landmarks(truth())
    frames = maker.evidence([truth()] * 60, scissors, (2,))
    off = np.stack([frame.landmarks_px - clean for frame in frames])
    # 2 520 numbers: the standard deviation is known within 1.4 % (1 sigma).
    assert off.std() == pytest.approx(4.0, rel=0.06)
    assert abs(off.mean()) < 0.3


def test_first_order_process_forgets_over_its_time_constant() -> None:
    x = first_order(4000, 20, 9.0, np.random.default_rng(0))
    assert x.std() == pytest.approx(1.0, abs=0.03)
    for steps in (1, 9, 18):
        correlation = float((x[:-steps] * x[steps:]).mean())
        assert correlation == pytest.approx(np.exp(-steps / 9.0), abs=0.05)


def test_boundary_of_a_half_plane_moves_by_two_pixels_smoothly() -> None:
    mask = np.zeros((720, 1280), dtype=bool)
    mask[:, 640:] = True
    moved = moved_boundary(mask, 2.0 * boundary_shift(mask.shape, 12.0, np.random.default_rng(3)))
    edge = moved.argmax(axis=1)
    # About forty independent places along the edge: the deviation is known within 11 % (1 sigma).
    assert (edge - 640.0).std() == pytest.approx(2.0, rel=0.3)
    # Smooth: neighbouring rows differ by less than a pixel in the mean, and independent noise would give 2 √2.
    assert np.abs(np.diff(edge)).mean() < 1.0
    # No salt and pepper: each row is background, then mask.
    assert (np.diff(moved.astype(int), axis=1) != 0).sum(axis=1).max() <= 3


def test_hand_in_front_hides_the_instrument(scissors: InstrumentModel) -> None:
    seen = EvidenceMaker(SILENT).evidence([truth()], scissors, (0,))[0]
    assert seen.hand_mask is not None
    assert not (seen.hand_mask & seen.instrument_mask).any()
    assert seen.hand_mask.sum() > 10000
    assert seen.instrument_mask.sum() > 500


def test_equal_seeds_give_equal_evidence(scissors: InstrumentModel) -> None:
    a, b = (EvidenceMaker().evidence([truth()], scissors, (4,))[0] for _ in range(2))
    other = EvidenceMaker().evidence([truth()], scissors, (5,))[0]
    assert np.array_equal(a.landmarks_px, b.landmarks_px)
    assert np.array_equal(a.instrument_mask, b.instrument_mask)
    assert not np.array_equal(a.landmarks_px, other.landmarks_px)
