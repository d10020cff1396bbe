"""Truth on disk: the same values back, made once, made anew when damaged."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np

from hoi_perception.camera import camera_from_fov
from hoi_perception.evaluation.truth_cache import cached, truth_key
from hoi_perception.synthesis.grasp_truth import GraspTruth, MadeBy
from hoi_perception.types import HandParameters, Side


def truth(value: float, joints: int) -> GraspTruth:
    hand = HandParameters(np.full((16, 3), value), np.full(10, value), np.full(3, value))
    return GraspTruth(
        instrument="cube",
        side=Side.LEFT,
        hand=hand,
        R_camera_instrument=np.eye(3),
        t_camera_instrument=np.full(3, -value),
        joint_positions=np.full(joints, 0.5 * value),
        camera=camera_from_fov(1280, 720, 60.0, assumed=False),
        made_by=MadeBy.SOLVER,
        grasp="palmar",
    )


def test_what_is_read_is_what_was_made_and_it_is_made_once(tmp_path: Path) -> None:
    calls = []

    def make() -> tuple[list[list[GraspTruth]], int]:
        calls.append(1)
        return [[truth(0.1, 0)], [truth(0.2, 1), truth(0.3, 4)]], 7

    made, _ = cached("key", make, tmp_path)
    read, tries = cached("key", make, tmp_path)
    assert (len(calls), tries) == (1, 7)
    assert [len(group) for group in read] == [1, 2]
    for a, b in zip(chain.from_iterable(made), chain.from_iterable(read), strict=True):
        assert np.array_equal(a.hand.pose, b.hand.pose)
        assert np.array_equal(a.joint_positions, b.joint_positions)
        assert np.array_equal(a.camera.K, b.camera.K)
        assert (a.instrument, a.grasp, a.side, a.made_by) == (b.instrument, b.grasp, b.side, b.made_by)
    (tmp_path / "key.npz").write_bytes(b"not an archive")
    again, _ = cached("key", make, tmp_path)
    assert len(calls) == 2
    assert np.array_equal(again[1][1].hand.shape, np.full(10, 0.3))


def test_the_key_tells_trials_apart() -> None:
    keys = {truth_key(["grasps", 5, seed], solved=solved) for seed in (0, 1) for solved in (False, True)}
    assert len(keys) == 4
    assert truth_key(["grasps", 5, 0], solved=False) in keys
