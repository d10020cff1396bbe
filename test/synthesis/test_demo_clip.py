"""The demo clip is repeatable, true to its own truth, anatomically possible, and its hands pass for hands."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hoi_perception.camera import project
from hoi_perception.hands.anatomy import JOINT_LIMITS
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.landmarks import LandmarkNetwork, region_from_landmarks
from hoi_perception.hands.models import ModelFileError
from hoi_perception.rendering import rasterise
from hoi_perception.synthesis.arm import continue_arm, tube_faces, wrist_loop
from hoi_perception.synthesis.demo_clip import TrueHand, demo_frames
from hoi_perception.synthesis.motion import closed_spline, demo_motion, hand_attitude, mixed_grasp
from hoi_perception.synthesis.table import Table
from hoi_perception.types import Frame, HandLandmarks, Side

Clip = list[tuple[Frame, tuple[TrueHand, ...]]]


@pytest.fixture(scope="module")
def clip() -> Clip:
    """Twelve small frames over the whole motion."""
    return list(demo_frames(12, 640, 360, seed=0))


def test_the_same_seed_gives_the_same_bytes(clip: Clip) -> None:
    again = next(demo_frames(12, 640, 360, seed=0))
    assert again[0].image_bgr.tobytes() == clip[0][0].image_bgr.tobytes()
    np.testing.assert_array_equal(again[1][0].vertices_camera, clip[0][1][0].vertices_camera)
    other = next(demo_frames(12, 640, 360, seed=1))
    assert (other[0].image_bgr != clip[0][0].image_bgr).mean() > 0.5


def test_frames_state_their_camera_and_time(clip: Clip) -> None:
    frames = [frame for frame, _ in clip]
    assert all(frame.image_bgr.shape == (360, 640, 3) for frame in frames)
    assert all(frame.camera.assumed == "" for frame in frames)
    assert np.allclose(np.diff([frame.stamp_ns for frame in frames]), 1e9 / 30, atol=1.0)
    assert all([hand.side for hand in hands] == [Side.LEFT, Side.RIGHT] for _, hands in clip)


def test_skin_is_seen_where_the_truth_has_hands(clip: Clip) -> None:
    for frame, hands in clip[::4]:
        b, _, r = np.moveaxis(frame.image_bgr.astype(int), -1, 0)
        skin = r > b + 15
        for hand in hands:
            mask = rasterise(hand.vertices_camera, HandModel.load(side=hand.side).faces, frame.camera).mask
            assert mask.sum() > 3000
            assert skin[mask].mean() > 0.95
        far_from_hands = skin[:, :40]
        assert far_from_hands.mean() < 0.01


def test_truth_is_consistent(clip: Clip) -> None:
    for _, hands in clip[::3]:
        for hand in hands:
            model = HandModel.load(side=hand.side)
            posed = model.posed(hand.parameters)
            np.testing.assert_allclose(posed.vertices, hand.vertices_camera, atol=1e-6)
            np.testing.assert_allclose(posed.joints21(), hand.joints_camera, atol=1e-6)
            np.testing.assert_allclose(hand.joints_camera[0], hand.parameters.wrist_camera, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_motion_stays_possible(seed: int) -> None:
    table = Table()
    for side in Side:
        motion = demo_motion(side, 90, table, seed)
        assert (motion.angles >= JOINT_LIMITS[..., 0]).all()
        assert (motion.angles <= JOINT_LIMITS[..., 1]).all()
        steps = np.linalg.norm(np.diff(motion.wrist_camera, axis=0, append=motion.wrist_camera[:1]), axis=1)
        assert steps.max() * 30 < 0.8  # m/s, the step from the last frame to the first among them
        assert np.abs(np.diff(motion.angles, axis=0)).max() * 30 < np.radians(400)
        assert np.ptp(motion.angles, axis=0).max() > np.radians(40)


def test_hands_touch_neither_each_other_nor_the_table(clip: Clip) -> None:
    table = Table()
    up = table.R_camera_table[:, 2]
    for _, (left, right) in clip:
        assert cKDTree(left.vertices_camera).query(right.vertices_camera)[0].min() > 0.010
        for hand in (left, right):
            assert (hand.vertices_camera @ up + table.height).min() > 0.003


def test_a_closed_spline_meets_its_knots_and_its_start() -> None:
    knots = np.array([[0.0], [1.0], [3.0], [2.0]])
    np.testing.assert_allclose(closed_spline(knots, np.arange(4) / 4), knots)
    ends = closed_spline(knots, np.array([0.0, 1.0]))
    np.testing.assert_allclose(ends[0], ends[1])


def test_attitude_follows_its_words() -> None:
    """Palm down, fingers forward (table: right, forward, up); supination by a right angle brings the thumb up."""
    turned = np.radians([[0.0, 0.0, 0.0], [90.0, 0.0, 0.0], [0.0, 90.0, 0.0], [0.0, 0.0, 90.0]])
    for side, fingers in ((Side.RIGHT, [-1.0, 0.0, 0.0]), (Side.LEFT, [1.0, 0.0, 0.0])):
        flat, yawed, pitched, supinated = hand_attitude(side, turned)
        np.testing.assert_allclose(flat @ fingers, [0, 1, 0], atol=1e-12)
        np.testing.assert_allclose(flat @ [0, 1, 0], [0, 0, 1], atol=1e-12)
        np.testing.assert_allclose(yawed @ fingers, [-1, 0, 0], atol=1e-12)
        np.testing.assert_allclose(pitched @ fingers, [0, 0, 1], atol=1e-12)
        np.testing.assert_allclose(supinated @ [0, 0, 1], [0, 0, 1], atol=1e-12)


def test_mixed_grasps_are_sums() -> None:
    np.testing.assert_allclose(mixed_grasp((("power", 0.5),)) * 2, mixed_grasp((("power", 1.0),)))
    np.testing.assert_allclose(mixed_grasp((("flat", 1.0),)), 0.0)


def open_edges(faces: NDArray) -> set[tuple[int, int]]:
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    present = {(int(a), int(b)) for a, b in edges}
    return {(a, b) for a, b in present if (b, a) not in present}


@pytest.mark.parametrize("side", list(Side))
def test_the_forearm_closes_the_wrist(side: Side) -> None:
    model = HandModel.load(side=side)
    vertices, faces = model.template, model.faces
    loop = wrist_loop(faces)
    assert {frozenset(edge) for edge in open_edges(faces)} == {
        frozenset(edge) for edge in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True)
    }
    away = np.array([1.0 if side is Side.RIGHT else -1.0, 0.0, 0.0])
    elbow = vertices[loop].mean(axis=0) + 0.25 * away
    arm = continue_arm(vertices, vertices, faces, loop, np.eye(3), elbow, away)
    assert not any(a < len(vertices) for edge in open_edges(arm.faces) for a in edge)
    np.testing.assert_array_equal(arm.vertices[:778], vertices)
    assert 0.2 < np.ptp(arm.vertices[arm.sleeve > 0][:, 0]) < 0.3


def test_a_closed_mesh_has_no_wrist() -> None:
    tetrahedron = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])
    with pytest.raises(ValueError, match="closed"):
        wrist_loop(tetrahedron)
    assert tube_faces(np.arange(6).reshape(2, 3)).shape == (6, 3)


@pytest.mark.slow
def test_the_landmark_network_takes_the_hands_for_hands() -> None:
    try:
        network = LandmarkNetwork()
    except ModelFileError as error:
        pytest.skip(str(error))
    found, sides = [], []
    for seed in (0, 1, 2, 3):
        for frame, hands in demo_frames(8, 1280, 720, seed):
            for hand in hands:
                px = project(hand.joints_camera, frame.camera)
                region = region_from_landmarks(HandLandmarks(px, np.zeros(21), 1.0, 1.0))
                seen = network.run(frame.image_bgr, region)
                found.append(seen.presence >= 0.5)
                sides.append((seen.right_score > 0.5) == (hand.side is Side.RIGHT))
    assert np.mean(found) >= 0.95
    assert np.mean(sides) >= 0.9
