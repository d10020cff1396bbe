"""The lifting network: geometry against the solver's, its NumPy form against torch, resumed runs against whole ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.models import ModelFileError
from hoi_perception.hands.right_form import fit_parameters
from hoi_perception.networks.lifter import Lifter
from hoi_perception.networks.lifting_samples import HandSampler, LandmarkErrors, targets_of
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.types import Side

torch = pytest.importorskip("torch")

from hoi_perception.networks import lifting  # noqa: E402 - needs torch
from hoi_perception.networks.lifting_training import (  # noqa: E402
    Judge,
    LiftingRun,
    held_angles,
    train_lifting,
    write_lifting,
)

torch.set_num_threads(1)
MODEL = LandmarkModel.of(HandModel.load(None, Side.RIGHT))
SAMPLER = HandSampler(MODEL)
HELD = np.zeros((0, 45))


def no_errors() -> LandmarkErrors:
    return LandmarkErrors(
        seen=0.0, hidden=0.0, palm=0.0, wrist=0.0, fingers_hidden=0.0, depth_tilt_deg=0.0, depth_flipped=0.0,
        depth_scale=0.0, depth_unknown=0.0, hands_with_gaps=0.0,
    )  # fmt: skip


def test_sampled_hands_without_errors_show_their_landmarks_where_they_are() -> None:
    samples = HandSampler(MODEL, errors=no_errors()).draw(np.random.default_rng(3), 50)
    x = pose_skeleton(samples.skeleton, samples.state).landmarks
    np.testing.assert_allclose(samples.seen.points, x[..., :2] / x[..., 2:], atol=1e-9)
    assert (x[..., 2] > 0.0).all()


def test_the_same_generator_draws_the_same_hands() -> None:
    a, b = (SAMPLER.draw(np.random.default_rng(4), 8) for _ in range(2))
    np.testing.assert_array_equal(a.view.features, b.view.features)
    np.testing.assert_array_equal(a.state.angles, b.state.angles)


def test_landmarks_in_torch_are_those_of_the_skeleton() -> None:
    samples = SAMPLER.draw(np.random.default_rng(5), 16)
    skeleton, state = samples.skeleton, samples.state
    at_origin = pose_skeleton(skeleton, HandState(np.zeros((16, 3)), state.rotation, state.angles)).landmarks
    tensors = (skeleton.joints, skeleton.points, MODEL.frames, state.rotation, state.angles.reshape(16, 15, 3))
    found = lifting.pose_landmarks(*(torch.as_tensor(np.ascontiguousarray(a)) for a in tensors))
    np.testing.assert_allclose(found.numpy(), at_origin, atol=1e-12)


def test_edges_follow_the_fingers() -> None:
    near, joints = lifting.skeleton_edges(), lifting.joint_edges()
    assert (near == near.T).all() and near.diagonal().all()
    assert near.sum() == 21 + 2 * 20
    assert near[0, [1, 5, 9, 13, 17]].all() and near[7, 8] and not near[8, 9]
    assert joints[0].all()
    assert list(np.flatnonzero(joints[13])) == [0, 1, 2, 3, 4, 5, 9, 13, 17]  # the thumb's saddle joint


def untrained(path: Path) -> lifting.LiftingNetwork:
    """A network whose normalisation has statistics of its own, written to `path`."""
    torch.manual_seed(1)
    network = lifting.LiftingNetwork()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.4, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
    network.eval()
    write_lifting(network, path, {})
    return network


def test_numpy_says_what_torch_says(tmp_path: Path) -> None:
    network = untrained(tmp_path / "w.safetensors")
    features = SAMPLER.draw(np.random.default_rng(6), 9).view.features
    with torch.no_grad():
        said = network(torch.as_tensor(features))
    joints, overall = Lifter(tmp_path / "w.safetensors").forward(features)
    np.testing.assert_allclose(joints, said.joints.numpy(), atol=1e-4)
    np.testing.assert_allclose(overall, said.overall.numpy(), atol=1e-4)


def test_a_network_that_says_the_truth_gives_back_the_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    untrained(tmp_path / "w.safetensors")
    lifter = Lifter(tmp_path / "w.safetensors")
    samples = HandSampler(MODEL, errors=no_errors()).draw(np.random.default_rng(7), 12)
    truth = targets_of(samples)
    joints = np.zeros((12, 16, 9), dtype=np.float32)
    joints[:, 0, :6] = truth.rotation[:, :, :2].transpose(0, 2, 1).reshape(12, 6)
    shares = (truth.angles - lifter.weights["angle_mean"]) / lifter.weights["angle_scale"]
    joints[:, 1:, :3] = shares.reshape(12, 15, 3)
    overall = np.concatenate([truth.wrist, truth.shape], axis=1)
    monkeypatch.setattr(lifter, "forward", lambda _: (joints, overall))
    lifted = lifter.lift(samples.seen, samples.skeleton)
    np.testing.assert_allclose(lifted.state.wrist, samples.state.wrist, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(lifted.state.rotation, samples.state.rotation, atol=1e-5)
    np.testing.assert_allclose(lifted.state.angles, samples.state.angles, atol=1e-5)
    np.testing.assert_allclose(lifted.shape, samples.shape, atol=1e-5)


def test_the_shipped_network_finds_held_out_hands() -> None:
    """Hands with the errors of a landmark network, of a seed that no training uses."""
    samples = SAMPLER.draw(np.random.default_rng(987654321), 300)
    lifted = Lifter().lift(samples.seen, samples.skeleton).state
    truth, found = (
        pose_skeleton(samples.skeleton, HandState(np.zeros((300, 3)), s.rotation, s.angles)).landmarks
        for s in (samples.state, lifted)
    )
    error = np.linalg.norm(truth - truth[:, :1] - found + found[:, :1], axis=-1).mean(axis=1)
    assert np.median(error) < 0.015
    assert np.mean(error < 0.025) > 0.85
    depth = lifted.wrist[:, 2] / samples.state.wrist[:, 2]
    assert np.median(np.abs(np.log(depth))) < 0.12


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    run = LiftingRun(steps=4, batch=8)
    whole, _ = train_lifting(run, HELD, tmp_path / "whole")

    class StopError(Exception):
        pass

    def stop(_: str) -> None:
        raise StopError

    from hoi_perception.networks import lifting_training

    schedule = lifting_training.Schedule
    lifting_training.Schedule = lambda *a: schedule(*a, report=2, checkpoint_s=0.0)  # type: ignore[assignment, misc]
    try:
        seen: list[str] = []
        with pytest.raises(StopError):
            train_lifting(run, HELD, tmp_path / "cut", told=lambda t: seen.append(t) if not seen else stop(t))
        resumed, progress = train_lifting(run, HELD, tmp_path / "cut")
        with pytest.raises(ModelFileError, match="other settings"):
            train_lifting(LiftingRun(steps=4, batch=9), HELD, tmp_path / "cut")
    finally:
        lifting_training.Schedule = schedule  # type: ignore[misc]
    assert progress.step == 4 and [row["step"] for row in progress.history] == [2.0, 4.0]
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)
    assert (tmp_path / "cut" / "losses.png").exists()


def test_training_brings_landmarks_nearer(tmp_path: Path) -> None:
    samples = SAMPLER.draw(np.random.default_rng(11), 64)
    judge, features = Judge(MODEL), torch.as_tensor(samples.view.features)
    torch.manual_seed(0)
    losses = []
    for network in (lifting.LiftingNetwork(), train_lifting(LiftingRun(steps=40, batch=16), HELD, tmp_path)[0]):
        with torch.no_grad():
            losses.append(float(judge.losses(network.train()(features), samples)["landmarks"]))
    assert losses[1] < 0.8 * losses[0]


def test_angles_of_left_grasps_are_those_of_the_mirrored_hand() -> None:
    state = SAMPLER.draw(np.random.default_rng(8), 1).state

    def grasp(side: Side) -> GraspTruth:
        hand = fit_parameters(MODEL.frames, side, state, np.zeros(10))
        return GraspTruth("scalpel_10", side, hand, np.eye(3), np.zeros(3), np.zeros(0), camera_from_fov(64, 48, 55.0))

    np.testing.assert_allclose(held_angles([grasp(Side.LEFT), grasp(Side.RIGHT)]), [state.angles[0]] * 2, atol=1e-9)
