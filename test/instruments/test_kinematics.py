"""Forward kinematics: positions worked out by hand, Jacobians against central differences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_instruments import clamp

from hoi_perception.instruments.design import JointDesign
from hoi_perception.instruments.folder import write_instrument
from hoi_perception.instruments.kinematics import (
    InstrumentState,
    distance_jacobian,
    frame_jacobian,
    joint_tree,
    link_jacobian,
    named_frames,
    point_jacobian,
    pose_frames,
    pose_links,
)
from hoi_perception.instruments.model import InstrumentModel, Link
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> InstrumentModel:
    return write_instrument(clamp(), Path(tmp_path_factory.mktemp("library")) / "example_clamp")


@pytest.fixture(scope="module")
def states() -> InstrumentState:
    rng = np.random.default_rng(3)
    R = rotation_from_axis_angle(rng.normal(size=(5, 3)))
    return InstrumentState(R, rng.normal(size=(5, 3)), rng.uniform(0.0, 0.6, size=(5, 1)))


def at_rest(angle: float) -> InstrumentState:
    return InstrumentState(np.eye(3)[None], np.zeros((1, 3)), np.array([[angle]]))


def test_the_upper_tip_turns_about_the_pivot(model: InstrumentModel) -> None:
    tree, tips = joint_tree(model), named_frames(model)
    assert tips.names == ("upper_tip", "lower_tip")
    _, t = pose_frames(pose_links(tree, at_rest(0.5)), tips)
    expected = [0.001 + 0.04 * np.cos(0.5), 0.04 * np.sin(0.5), 0.0]
    np.testing.assert_allclose(t[0, 0], expected, atol=1e-12)


def test_the_mimicking_jaw_follows(model: InstrumentModel) -> None:
    tree = joint_tree(model)
    assert model.joint_names == ("jaw",)
    posed = pose_links(tree, at_rest(0.2))
    placed = pose_links(tree, at_rest(0.02 / 1.5)).R[0, 2]  # there the lower jaw is at zero
    turned = placed.T @ posed.R[0, 2]
    np.testing.assert_allclose(
        axis_angle_from_rotation(turned), (-1.5 * 0.2 + 0.02) * np.array([0, 0.6, 0.8]), atol=1e-9
    )


def test_a_mimic_of_a_mimic_follows_both(model: InstrumentModel) -> None:
    chained = JointDesign("chained", "shaft", "extra", axis=(0.0, 0.0, 1.0), mimic=("lower", 0.5, 0.1))
    longer = replace(model, links=(*model.links, Link("extra")), joints=(*model.joints, chained))
    posed = pose_links(joint_tree(longer), at_rest(0.3))
    angle = 0.5 * (-1.5 * 0.3 + 0.02) + 0.1
    np.testing.assert_allclose(axis_angle_from_rotation(posed.R[0, -1]), [0.0, 0.0, angle], atol=1e-12)


def test_the_fixed_pad_rides_on_the_jaw(model: InstrumentModel) -> None:
    posed = pose_links(joint_tree(model), at_rest(0.4))
    jaw, pad = model.link_names.index("upper_jaw"), model.link_names.index("pad")
    np.testing.assert_allclose(posed.t[0, pad], posed.t[0, jaw] + posed.R[0, jaw] @ [0.03, 0.002, 0.0], atol=1e-12)


def test_a_batch_is_its_entries_one_by_one(model: InstrumentModel, states: InstrumentState) -> None:
    tree = joint_tree(model)
    together = pose_links(tree, states)
    for k in range(5):
        alone = pose_links(tree, InstrumentState(states.R[k : k + 1], states.t[k : k + 1], states.angles[k : k + 1]))
        np.testing.assert_allclose(together.t[k], alone.t[0], atol=1e-14)
        np.testing.assert_allclose(together.R[k], alone.R[0], atol=1e-14)


def differences(tree: object, states: InstrumentState, value: object, step: float = 1e-6) -> np.ndarray:
    """Central differences of `value(state)` along each coordinate of the tangent, last axis."""
    columns = []
    for k in range(7):
        move = np.zeros((5, 7))
        move[:, k] = step
        columns.append((value(states.plus(move)) - value(states.plus(-move))) / (2 * step))
    return np.stack(columns, axis=-1)


def test_jacobians_of_origins(model: InstrumentModel, states: InstrumentState) -> None:
    tree, tips = joint_tree(model), named_frames(model)
    posed = pose_links(tree, states)
    expected = differences(tree, states, lambda s: pose_links(tree, s).t)
    np.testing.assert_allclose(link_jacobian(tree, posed)[:, :, :3], expected, atol=1e-6)
    expected = differences(tree, states, lambda s: pose_frames(pose_links(tree, s), tips)[1])
    np.testing.assert_allclose(frame_jacobian(tree, posed, tips)[:, :, :3], expected, atol=1e-6)


def test_jacobians_of_rotations(model: InstrumentModel, states: InstrumentState) -> None:
    tree, tips = joint_tree(model), named_frames(model)
    posed = pose_links(tree, states)

    def turned(state: InstrumentState) -> np.ndarray:
        return axis_angle_from_rotation(pose_links(tree, state).R @ np.swapaxes(posed.R, -1, -2))

    np.testing.assert_allclose(link_jacobian(tree, posed)[:, :, 3:], differences(tree, states, turned), atol=1e-6)
    assert frame_jacobian(tree, posed, tips).shape == (5, 2, 6, 7)


def test_jacobian_of_points_and_of_distances(model: InstrumentModel, states: InstrumentState) -> None:
    """The field of a plane fixed to each link stands for the distance: its gradient is known."""
    tree = joint_tree(model)
    rng = np.random.default_rng(5)
    posed = pose_links(tree, states)
    links = np.array([0, 1, 2, 3])
    local, normal = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))

    def fixed(state: InstrumentState) -> np.ndarray:
        p = pose_links(tree, state)
        return (p.R[:, links] @ local[..., None])[..., 0] + p.t[:, links]

    expected = differences(tree, states, fixed)
    np.testing.assert_allclose(point_jacobian(tree, posed, fixed(states), links), expected, atol=1e-6)
    still = rng.normal(size=(5, 4, 3))

    def distance(state: InstrumentState) -> np.ndarray:
        p = pose_links(tree, state)
        return np.einsum("bnji,bnj,ni->bn", p.R[:, links], still - p.t[:, links], normal)

    gradients = (posed.R[:, links] @ normal[..., None])[..., 0]
    J = distance_jacobian(tree, posed, still, gradients, np.broadcast_to(links, (5, 4)))
    np.testing.assert_allclose(J, differences(tree, states, distance), atol=1e-6)


def test_a_step_leads_from_one_state_to_another() -> None:
    step = np.array([[0.1, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7]])
    start = InstrumentState(np.eye(3)[None], np.array([[0.0, 0.1, 0.5]]), np.array([[0.2]]))
    np.testing.assert_allclose(start.step_to(start.plus(step)), step[0], atol=1e-12)
