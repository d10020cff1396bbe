"""Known answers of the hand model, on a synthetic file."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_hand import stick_joints, synthetic_arrays

from hoi_perception.hands import hand_model
from hoi_perception.hands.hand_model import HandFileWarning, HandModel, JointOrder
from hoi_perception.hands.joints import Fingertips
from hoi_perception.hands.mano_file import HandFile, hand_file_from_arrays, read_hand_file
from hoi_perception.hands.mirroring import (
    LeftSign,
    correct_left_sign,
    left_sign_is_wrong,
    mirror_axis_angle,
    mirror_hand_file,
    mirror_points,
    side_of,
)
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import HandParameters, Side

ARRAYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "hands_components", "hands_mean")


@pytest.fixture(scope="module")
def file() -> HandFile:
    return hand_file_from_arrays(synthetic_arrays(), "synthetic")


@pytest.fixture(scope="module")
def model(file: HandFile) -> HandModel:
    return HandModel.from_file(file, Side.RIGHT)


@pytest.fixture(scope="module")
def stick() -> HandModel:
    """Every vertex fixed to one bone, joints at round places, no blending and no correctives."""
    arrays = synthetic_arrays()
    owner = np.arange(778) % 16
    arrays["v_template"] = stick_joints()[owner]
    arrays["weights"] = np.eye(16)[owner]
    arrays["J_regressor"] = np.eye(16)[owner].T / np.bincount(owner)[:, None]
    arrays["v_template"][320] = (-0.08, 0.0, 0.03)  # index tip, 2 cm beyond the last joint
    arrays["weights"][320] = np.eye(16)[3]
    arrays["J_regressor"][:, 320] = 0.0
    arrays["J_regressor"] /= arrays["J_regressor"].sum(axis=1, keepdims=True)
    arrays["posedirs"] = np.zeros((778, 3, 135))
    return HandModel.from_file(hand_file_from_arrays(arrays, "stick"), Side.RIGHT)


def random_pose(seed: int, *batch: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.5, (*batch, 16, 3))


def test_zero_pose_is_the_template(model: HandModel, file: HandFile) -> None:
    hand = model.with_shape().with_pose()
    np.testing.assert_allclose(hand.vertices, file.v_template, atol=1e-15)
    np.testing.assert_allclose(hand.joints16, file.J_regressor @ file.v_template, atol=1e-15)


def test_bending_one_finger_by_90_degrees(stick: HandModel) -> None:
    """The index, straight along -x from (0, 0, 3 cm), bends about +z at its first joint: -x turns to -y."""
    pose = np.zeros((16, 3))
    pose[1] = (0.0, 0.0, np.pi / 2)
    hand = stick.with_shape().with_pose(pose)
    np.testing.assert_allclose(hand.tips()[1], (0.0, -0.08, 0.03), atol=1e-12)
    np.testing.assert_allclose(hand.joints16[2], (0.0, -0.03, 0.03), atol=1e-12)
    others = [j for j in range(16) if j not in (2, 3)]
    np.testing.assert_allclose(hand.joints16[others], stick.joints_mean[others], atol=1e-12)


def test_bending_the_middle_joint_too(stick: HandModel) -> None:
    """A second quarter turn at the second joint brings the rest of the finger back along +x."""
    pose = np.zeros((16, 3))
    pose[1] = pose[2] = (0.0, 0.0, np.pi / 2)
    hand = stick.with_shape().with_pose(pose)
    np.testing.assert_allclose(hand.tips()[1], (0.05, -0.03, 0.03), atol=1e-12)


def test_global_rotation_leaves_joint_0_of_the_shaped_hand(model: HandModel) -> None:
    shaped = model.with_shape(np.linspace(-2, 2, 10))
    pose = random_pose(1)
    hand = shaped.with_pose(pose)
    np.testing.assert_allclose(hand.joints16[0], shaped.joints_rest[0], atol=1e-15)
    assert np.abs(shaped.joints_rest[0] - model.joints_mean[0]).max() > 1e-4


def test_translation_and_wrist_place(model: HandModel) -> None:
    shaped, pose = model.with_shape(np.ones(10)), random_pose(2)
    wrist = np.array([0.1, -0.2, 0.5])
    hand = shaped.with_pose_at_wrist(pose, wrist)
    np.testing.assert_allclose(hand.joints16[0], wrist, atol=1e-15)
    moved = shaped.with_pose(pose, wrist - shaped.joints_rest[0])
    np.testing.assert_array_equal(moved.vertices, hand.vertices)
    again = model.posed(HandParameters(pose=pose, shape=np.ones(10), wrist_camera=wrist))
    np.testing.assert_array_equal(again.vertices, hand.vertices)


def test_joint_transforms_carry_points_of_their_bones(model: HandModel) -> None:
    shaped = model.with_shape()
    hand = shaped.with_pose(random_pose(3))
    child, parent = 3, 2
    bone = shaped.joints_rest[child] - shaped.joints_rest[parent]
    place = hand.transforms[parent] @ np.append(bone, 1.0)
    np.testing.assert_allclose(place[:3], hand.joints16[child], atol=1e-15)
    np.testing.assert_allclose(
        hand.joint_rotations @ hand.joint_rotations.swapaxes(-1, -2), [np.eye(3)] * 16, atol=1e-14
    )


def test_openpose_order(model: HandModel) -> None:
    """Wrist, thumb (MANO 13-15), index (1-3), middle (4-6), ring (10-12), pinky (7-9), each with its tip vertex."""
    hand = model.with_shape().with_pose(random_pose(4))
    points = hand.joints21(JointOrder.OPENPOSE, Fingertips.SMPLX)
    J, V = hand.joints16, hand.vertices
    expected = [J[0], J[13], J[14], J[15], V[744], J[1], J[2], J[3], V[320], J[4], J[5], J[6], V[443]]
    expected += [J[10], J[11], J[12], V[554], J[7], J[8], J[9], V[671]]
    np.testing.assert_array_equal(points, expected)
    np.testing.assert_array_equal(hand.joints21(JointOrder.MANO)[16:], V[[744, 320, 443, 554, 671]])


@pytest.mark.parametrize(
    ("tips", "vertices"),
    [
        (Fingertips.SMPLX, [744, 320, 443, 554, 671]),
        (Fingertips.MANOPTH, [744, 320, 443, 555, 672]),
        (Fingertips.MIDDLE_OF_TIP, [745, 317, 444, 556, 673]),
        (Fingertips.FREIHAND, [728, 353, 442, 576, 694]),
    ],
)
def test_tip_sets(model: HandModel, tips: Fingertips, vertices: list[int]) -> None:
    np.testing.assert_array_equal(model.with_shape().tips_rest(tips), model.template[vertices])


def test_what_the_fitter_needs_gives_the_tips(model: HandModel) -> None:
    """Tip = skinning of its own rest point, corrected along its own pose directions."""
    shape, pose = np.linspace(-1, 1, 10), random_pose(5)
    shaped = model.with_shape(shape)
    hand = shaped.with_pose(pose)
    features = (rotation_from_axis_angle(pose)[1:] - np.eye(3)).ravel()
    rest = shaped.tips_rest() + model.tip_pose_directions() @ features
    relative = rest[:, None] - shaped.joints_rest
    placed = np.einsum("jab,tjb->tja", hand.joint_rotations, relative) + hand.joints16
    np.testing.assert_allclose(np.einsum("tj,tja->ta", model.tip_weights(), placed), hand.tips(), atol=1e-8)
    np.testing.assert_allclose(
        model.tip_shape_directions() @ shape, shaped.tips_rest() - model.with_shape().tips_rest()
    )
    np.testing.assert_allclose(model.joint_shape_directions @ shape, shaped.joints_rest - model.joints_mean, atol=1e-15)


def test_batches_equal_single_hands(model: HandModel) -> None:
    shapes = np.random.default_rng(6).normal(size=(2, 1, 10))
    poses, places = random_pose(7, 3), np.random.default_rng(8).normal(size=(3, 3))
    batch = model.with_shape(shapes).with_pose(poses, places)
    assert batch.vertices.shape == (2, 3, 778, 3)
    assert batch.joints21().shape == (2, 3, 21, 3)
    single = model.with_shape(shapes[1, 0]).with_pose(poses[2], places[2])
    np.testing.assert_allclose(batch.vertices[1, 2], single.vertices, atol=1e-9)
    np.testing.assert_allclose(batch.transforms[1, 2], single.transforms, atol=1e-14)


def test_one_pose_in_many_places(model: HandModel) -> None:
    places = np.eye(3)
    hands = model.with_shape().with_pose(random_pose(9), places)
    np.testing.assert_allclose(
        hands.vertices[1] - hands.vertices[0], np.tile(places[1] - places[0], (778, 1)), atol=1e-14
    )


def test_float32_correctives_stay_below_a_micrometre(model: HandModel) -> None:
    pose = random_pose(10)
    features = (rotation_from_axis_angle(pose)[1:] - np.eye(3)).ravel()
    exact = model.pose_directions @ features
    fast = (features.astype(np.float32) @ model._pose_matrix).reshape(778, 3)
    assert np.abs(exact - fast).max() < 1e-8


def test_pose_conventions(model: HandModel) -> None:
    pose = random_pose(11)
    flat = model.flat_pose_from_mean_relative(pose)
    np.testing.assert_allclose(flat[0], pose[0])
    np.testing.assert_allclose(flat[1:].ravel(), pose[1:].ravel() + model.pose_mean)
    np.testing.assert_allclose(model.mean_relative_from_flat_pose(flat), pose, atol=1e-15)


@pytest.mark.parametrize("mean", [False, True])
def test_components_there_and_back(model: HandModel, mean: bool) -> None:
    coefficients = np.linspace(-1, 1, 12)
    articulation = model.articulation_from_components(coefficients, add_mean=mean)
    expected = coefficients @ model.pose_components[:12] + mean * model.pose_mean
    np.testing.assert_allclose(articulation.ravel(), expected)
    np.testing.assert_allclose(
        model.components_from_articulation(articulation, 12, subtract_mean=mean), coefficients, atol=1e-12
    )


def test_mirrored_twice_is_the_same_file(file: HandFile) -> None:
    twice = mirror_hand_file(mirror_hand_file(file))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(twice, name), getattr(file, name))


def test_mirrored_hand_posed_with_mirrored_parameters_is_the_mirrored_mesh(file: HandFile, model: HandModel) -> None:
    left = HandModel.from_file(mirror_hand_file(file), Side.LEFT)
    shape, pose, place = np.linspace(-1, 2, 10), random_pose(12), np.array([0.3, 0.1, 0.7])
    right_hand = model.with_shape(shape).with_pose(pose, place)
    left_hand = left.with_shape(shape).with_pose(mirror_axis_angle(pose), mirror_points(place))
    np.testing.assert_allclose(left_hand.vertices, mirror_points(right_hand.vertices), atol=1e-9)
    np.testing.assert_allclose(left_hand.joints16, mirror_points(right_hand.joints16), atol=1e-14)
    np.testing.assert_array_equal(left.faces, model.faces[:, [0, 2, 1]])
    coefficients = np.linspace(-1, 1, 20)
    np.testing.assert_allclose(
        left.articulation_from_components(coefficients, add_mean=True),
        mirror_axis_angle(model.articulation_from_components(coefficients, add_mean=True)),
    )


def save(path: Path, file: HandFile, *, flip: bool = False) -> Path:
    arrays = synthetic_arrays() | {name: getattr(file, name) for name in ARRAYS}
    if flip:
        arrays["shapedirs"] = arrays["shapedirs"] * np.array([-1.0, 1.0, 1.0])[:, None]
    np.savez(path, **arrays)
    return path


def test_load_mirrors_where_the_file_holds_the_other_hand(file: HandFile, tmp_path: Path) -> None:
    path = save(tmp_path / "hand.npz", file)
    left = HandModel.load(path, Side.LEFT)
    assert left.notes == (f"left hand mirrored from {path}",)
    np.testing.assert_array_equal(left.template, mirror_points(file.v_template))
    right = HandModel.load(save(tmp_path / "other.npz", mirror_hand_file(file)), Side.RIGHT)
    np.testing.assert_array_equal(right.template, file.v_template)
    assert HandModel.load(path, Side.RIGHT).notes == ()


@pytest.mark.parametrize("with_right", [False, True])
def test_known_sign_error_of_left_files(file: HandFile, tmp_path: Path, with_right: bool) -> None:
    good = mirror_hand_file(file)
    assert side_of(file) is Side.RIGHT
    assert side_of(good) is Side.LEFT
    if with_right:
        save(tmp_path / "MY_RIGHT.npz", file)
    path = save(tmp_path / "MY_LEFT.npz", good, flip=True)
    assert not left_sign_is_wrong(good, file if with_right else None)
    with pytest.warns(HandFileWarning, match="wrong sign, the known error of the left file") as caught:
        left = HandModel.load(path, Side.LEFT)
    assert ("MY_RIGHT" in str(caught[0].message)) == with_right
    assert len(left.notes) == 1
    np.testing.assert_array_equal(left.shape_directions, good.shapedirs)
    with pytest.warns(HandFileWarning, match="kept as asked"):
        kept = HandModel.load(path, Side.LEFT, left_sign=LeftSign.KEEP)
    np.testing.assert_array_equal(kept.shape_directions[:, 0], -good.shapedirs[:, 0])


def test_a_correct_left_file_is_left_alone_unless_asked(file: HandFile, tmp_path: Path) -> None:
    good = mirror_hand_file(file)
    path = save(tmp_path / "left.npz", good)
    assert HandModel.load(path, Side.LEFT).notes == ()
    assert HandModel.load(path, Side.LEFT, left_sign=LeftSign.KEEP).notes == ()
    with pytest.warns(HandFileWarning, match="negated as asked"):
        applied = HandModel.load(path, Side.LEFT, left_sign=LeftSign.APPLY)
    np.testing.assert_array_equal(applied.shape_directions[:, 0], -good.shapedirs[:, 0])


@pytest.mark.slow
def test_posing_is_quick(model: HandModel) -> None:
    shaped, pose = model.with_shape(), random_pose(13)
    times = []
    for _ in range(200):
        start = time.perf_counter()
        shaped.with_pose(pose)
        times.append(time.perf_counter() - start)
    assert min(times) < 2e-3  # 0.15 ms without the checks of shapes that tests run under


def test_sign_error_is_seen_on_the_open_hand_too(file: HandFile) -> None:
    """By its size components alone, and beside a right file of another model, which says nothing about it."""
    open_hand = Path(hand_model.__file__).with_name("open_hand.npz")
    good = mirror_hand_file(read_hand_file(open_hand))
    bad = replace(good, shapedirs=good.shapedirs * np.array([-1.0, 1.0, 1.0])[:, None])
    for right in (None, file):
        assert not left_sign_is_wrong(good, right)
        assert left_sign_is_wrong(bad, right)
    _, text = correct_left_sign(bad, file, LeftSign.AUTO)
    assert "by its own size components" in text
