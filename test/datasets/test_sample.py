"""MANO parameters in each convention give the hand that the convention's own definition gives."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_examples import Array, example_pose, example_shape, hand

from hoi_perception.datasets.conventions import annotation_models
from hoi_perception.datasets.sample import Articulation, HandTruth, ManoAnnotation
from hoi_perception.hands.hand_model import PosedHand
from hoi_perception.hands.joints import OPENPOSE_FROM_21, Fingertips
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

R_CAMERA = np.asarray(rotation_from_axis_angle(np.array([0.2, 2.0, -0.4])))
T_CAMERA = np.array([0.05, -0.1, 0.7])
PLACE = np.array([0.03, 0.04, -0.02])


def posed() -> PosedHand:
    """The hand in the annotation's own frame, by MANO's definition: the flat pose, moved by the translation."""
    return hand().with_shape(example_shape()).with_pose(example_pose(), PLACE)


def annotation(convention: Articulation, articulation: Array) -> ManoAnnotation:
    return ManoAnnotation(
        example_pose()[0], articulation, convention, example_shape(), PLACE, R_camera=R_CAMERA, t_camera=T_CAMERA
    )


def written(convention: Articulation) -> Array:
    flat = example_pose()[1:].reshape(45)
    match convention:
        case Articulation.FLAT:
            return flat
        case Articulation.FROM_MEAN:
            return flat - hand().pose_mean
        case Articulation.COMPONENTS_FROM_MEAN:
            return np.linalg.solve(hand().pose_components.T, flat - hand().pose_mean)


@pytest.mark.parametrize("convention", Articulation)
def test_every_convention_gives_the_same_hand(convention: Articulation) -> None:
    parameters = annotation(convention, written(convention)).parameters(hand())
    expected = posed().vertices @ R_CAMERA.T + T_CAMERA
    np.testing.assert_allclose(hand().posed(parameters).vertices, expected, atol=1e-7)
    np.testing.assert_allclose(parameters.pose[1:], example_pose()[1:], atol=1e-9)


def test_few_components_are_the_first() -> None:
    coefficients = np.array([0.3, -0.2, 0.5])
    pose = annotation(Articulation.COMPONENTS_FROM_MEAN, coefficients).parameters(hand()).pose
    expected = hand().pose_mean + coefficients @ hand().pose_components[:3]
    np.testing.assert_allclose(pose[1:].ravel(), expected, atol=1e-12)


@pytest.mark.parametrize("regressed", [False, True])
@pytest.mark.parametrize("joint", [0, 4])
def test_a_hand_that_is_placed_by_one_of_its_joints(joint: int, regressed: bool) -> None:
    own = posed()
    joints = hand().joint_regressor @ own.vertices if regressed else own.joints16
    placed = replace(
        annotation(Articulation.FLAT, written(Articulation.FLAT)),
        place=joints[joint],
        placed_joint=joint,
        placed_joint_regressed=regressed,
    )
    vertices = hand().posed(placed.parameters(hand())).vertices
    np.testing.assert_allclose(vertices, own.vertices @ R_CAMERA.T + T_CAMERA, atol=1e-7)


def test_truth_is_completed_with_the_data_set_s_own_tips() -> None:
    truth = HandTruth(Side.RIGHT, annotation(Articulation.FLAT, written(Articulation.FLAT)))
    full = truth.completed(hand(), Fingertips.FREIHAND.value)
    assert full.joints_camera is not None and full.vertices_camera is not None
    own = posed()
    joints = np.concatenate([own.joints16, own.vertices[[728, 353, 442, 576, 694]]])[OPENPOSE_FROM_21]
    np.testing.assert_allclose(full.joints_camera, joints @ R_CAMERA.T + T_CAMERA, atol=1e-7)
    stated = replace(truth, joints_camera=np.ones((21, 3)))
    assert stated.completed(hand(), Fingertips.FREIHAND.value).joints_camera is stated.joints_camera


def test_the_left_hand_with_and_without_the_sign_error() -> None:
    """The official left file has shapedirs[:, 0, :] of the wrong sign (vchoutas/smplx, issue 48)."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right = annotation_models(None, None, left_uncorrected=False)
        wrong = annotation_models(None, None, left_uncorrected=True)
    corrected, uncorrected = right[Side.LEFT].shape_directions, wrong[Side.LEFT].shape_directions
    np.testing.assert_array_equal(uncorrected[:, 0], -corrected[:, 0])
    np.testing.assert_array_equal(uncorrected[:, 1:], corrected[:, 1:])
    np.testing.assert_array_equal(corrected[:, 0], -hand().shape_directions[:, 0])
    np.testing.assert_array_equal(wrong[Side.RIGHT].shape_directions, hand().shape_directions)


def test_both_of_the_users_files_lead_to_the_same_left_hand(tmp_path: Path) -> None:
    """A left file that has the error, and no left file at all."""
    left = hand(Side.LEFT)
    arrays = {
        "v_template": left.template,
        "shapedirs": left.shape_directions * np.array([-1.0, 1.0, 1.0])[:, None],
        "posedirs": left.pose_directions,
        "J_regressor": left.joint_regressor,
        "weights": left.skin_weights,
        "f": left.faces,
        "hands_components": left.pose_components,
        "hands_mean": left.pose_mean,
        "kintree_table": np.stack([[-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14], np.arange(16)]),
    }
    np.savez(tmp_path / "MANO_LEFT.npz", **arrays)
    with pytest.warns(UserWarning, match="wrong sign"):
        from_file = annotation_models(None, tmp_path / "MANO_LEFT.npz", left_uncorrected=True)[Side.LEFT]
    np.testing.assert_allclose(from_file.shape_directions, arrays["shapedirs"], atol=1e-12)
