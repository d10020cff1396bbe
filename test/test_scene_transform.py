"""A scene in another frame: known motions, the hand model's own answer, and covariances against samples."""

from __future__ import annotations

import numpy as np
from example_scenes import example_contacts, example_hand, example_instrument, example_scene

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.scene_transform import rotate_covariance, transform_scene
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import HandParameters, Scene, Side

R = rotation_from_axis_angle(np.array([0.4, -1.1, 0.7]))
t = np.array([1.0, -2.0, 0.5])


def posed_scene() -> tuple[HandModel, Scene]:
    """A hand whose vertices, joints and translation belong to its parameters."""
    model = HandModel.load(None, Side.LEFT)
    rng = np.random.default_rng(1)
    parameters = HandParameters(rng.normal(scale=0.4, size=(16, 3)), rng.normal(size=10), np.array([0.1, 0.0, 0.5]))
    posed = model.posed(parameters)
    hand = example_hand(
        Side.LEFT,
        parameters=parameters,
        translation_mano=posed.shaped.translation_from_wrist(parameters.wrist_camera),
        joints_camera=posed.joints21(),
        vertices_camera=posed.vertices.astype(np.float32),
    )
    return model, example_scene(hand)


def test_parameters_and_mesh_move_together() -> None:
    """The hand model, given the new parameters, makes the new vertices, joints and translation."""
    model, scene = posed_scene()
    hand = transform_scene(scene, R, t, "base").hands[0]
    posed = model.posed(hand.parameters)
    np.testing.assert_allclose(posed.vertices, hand.vertices_camera, atol=1e-6)
    np.testing.assert_allclose(posed.joints21(), hand.joints_camera, atol=1e-12)
    translation = posed.shaped.translation_from_wrist(hand.parameters.wrist_camera)
    np.testing.assert_allclose(translation, hand.translation_mano, atol=1e-12)
    np.testing.assert_allclose(hand.joints_camera[0], R @ scene.hands[0].joints_camera[0] + t)


def test_a_quarter_turn_by_hand() -> None:
    """The camera looks along x of the base: forward z becomes x, right x becomes -y, down y becomes -z."""
    R_base_camera = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    scene = example_scene(example_hand(track_id=3), instruments=(example_instrument(),), contacts=(example_contacts(),))
    moved = transform_scene(scene, R_base_camera, np.array([0.0, 0.0, 1.0]), "base")
    assert moved.frame_id == "base"
    np.testing.assert_allclose(moved.hands[0].parameters.wrist_camera, [0.6, -0.1, 1.2])
    np.testing.assert_allclose(np.diag(moved.hands[0].covariance_wrist), np.array([3, 1, 2, 6, 4, 5]) * 1e-4)
    before, after = scene.instruments[0], moved.instruments[0]
    x, y, z = before.t_camera_instrument
    np.testing.assert_allclose(after.t_camera_instrument, [z, -x, 1.0 - y])
    np.testing.assert_allclose(after.R_camera_instrument, R_base_camera @ before.R_camera_instrument)
    x, y, z = before.tips_camera[0]
    np.testing.assert_allclose(after.tips_camera[0], [z, -x, 1.0 - y])
    x, y, z = scene.contacts[0].normals_camera[0]
    np.testing.assert_allclose(moved.contacts[0].normals_camera[0], [z, -x, -y])
    x, y, z = scene.contacts[0].points_camera[0]
    np.testing.assert_allclose(moved.contacts[0].points_camera[0], [z, -x, 1.0 - y])


def test_there_and_back() -> None:
    scene = example_scene(example_hand(), instruments=(example_instrument(),), contacts=(example_contacts(),))
    back = transform_scene(transform_scene(scene, R, t, "base"), R.T, -R.T @ t, scene.frame_id)
    got, want = back.hands[0], scene.hands[0]
    np.testing.assert_allclose(got.parameters.wrist_camera, want.parameters.wrist_camera, atol=1e-12)
    np.testing.assert_allclose(got.translation_mano, want.translation_mano, atol=1e-12)
    np.testing.assert_allclose(
        rotation_from_axis_angle(got.parameters.pose), rotation_from_axis_angle(want.parameters.pose), atol=1e-12
    )
    np.testing.assert_allclose(got.covariance_wrist, want.covariance_wrist, atol=1e-15)
    np.testing.assert_allclose(got.vertices_camera, want.vertices_camera, atol=1e-6)
    np.testing.assert_allclose(back.instruments[0].covariance, scene.instruments[0].covariance, atol=1e-15)
    np.testing.assert_allclose(back.contacts[0].points_camera, scene.contacts[0].points_camera, atol=1e-12)


def test_what_belongs_to_the_image_stays() -> None:
    scene = example_scene(example_hand())
    moved = transform_scene(scene, R, t, "base")
    assert moved.camera is scene.camera
    assert moved.hands[0].landmarks is scene.hands[0].landmarks
    assert moved.stamp_ns == scene.stamp_ns


def full_covariance() -> np.ndarray:
    """Positive definite, nothing about it symmetric under a change of axes."""
    L = np.tril(np.random.default_rng(3).normal(size=(6, 6)))
    return 1e-6 * (L @ L.T + np.eye(6))


def test_covariance_is_that_of_transformed_samples() -> None:
    """Poses drawn by the convention of REP-103 (fixed axes), carried over one by one, spread as it is told."""
    covariance = full_covariance()
    hand = example_hand(covariance_wrist=covariance)
    told = transform_scene(example_scene(hand), R, t, "base").hands[0]
    draws = np.random.default_rng(5).multivariate_normal(np.zeros(6), covariance, size=40_000)
    R_hand, wrist = rotation_from_axis_angle(hand.parameters.pose[0]), hand.parameters.wrist_camera
    wrists = (wrist + draws[:, :3]) @ R.T + t
    rotations = R @ rotation_from_axis_angle(draws[:, 3:]) @ R_hand
    mean = rotation_from_axis_angle(told.parameters.pose[0])
    errors = np.hstack([wrists - told.parameters.wrist_camera, axis_angle_from_rotation(rotations @ mean.T)])
    measured = np.cov(errors.T)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.abs(measured - told.covariance_wrist).max() < 0.03 * scale.max()
    assert np.abs(measured - covariance).max() > 0.2 * scale.max()  # not turned at all would be seen


def test_turned_samples_are_turned_exactly() -> None:
    """The same draws, turned exactly, have exactly the turned sample covariance."""
    draws = np.random.default_rng(7).normal(size=(50, 6))
    turned = np.hstack([draws[:, :3] @ R.T, draws[:, 3:] @ R.T])
    np.testing.assert_allclose(rotate_covariance(np.cov(draws.T), R), np.cov(turned.T), atol=1e-12)
