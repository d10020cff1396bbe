"""Benchmark sequences: split, repetition, rigid grips, smoothness, penetration, who holds what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("manifold3d")

from hoi_perception.instruments.library import Library
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.intersection import iv_exact_cm3
from hoi_perception.synthesis.benchmark_split import SIZES, Split, instruments_of, person_shape, plan
from hoi_perception.synthesis.gripping import maker_of
from hoi_perception.synthesis.look import Optics
from hoi_perception.synthesis.motion_checks import hand_vertices
from hoi_perception.synthesis.sequence_cache import cached_sequence
from hoi_perception.synthesis.sequence_views import CLEAR_OF_ARMS_M, room_about, sequence_view
from hoi_perception.synthesis.staging import Viewpoint
from hoi_perception.synthesis.surgery_sequences import made
from hoi_perception.synthesis.surgery_tracks import NOBODY, HandTrack, OtherHand, SurgerySequence, Task
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

MAX_CM3 = 0.03
"""Hand in tool: a held grasp has less than 0.005; between two closed positions of the fingers a little more."""
FASTEST_M_S, FASTEST_RAD_S = 1.2, 9.0


def _first(task: Task) -> SurgerySequence:
    drawn = next(p for i in range(SIZES[Split.TRAIN]) if (p := plan(Split.TRAIN, i)).task is task)
    return made(replace(drawn, other=OtherHand.ABSENT))


@pytest.fixture(scope="module")
def exchange() -> SurgerySequence:
    return _first(Task.EXCHANGE)


@pytest.fixture(scope="module")
def passing() -> SurgerySequence:
    return made(plan(Split.TRAIN, 17))


@pytest.fixture(scope="module")
def cutting() -> SurgerySequence:
    return _first(Task.CUTTING)


@pytest.fixture(params=["exchange", "passing", "cutting"])
def sequence(request: pytest.FixtureRequest) -> SurgerySequence:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def test_the_test_part_shares_no_instrument_and_no_hand_with_the_others() -> None:
    used: dict[Split, set[str]] = {split: set() for split in Split}
    shapes: dict[Split, set[bytes]] = {split: set() for split in Split}
    for split in Split:
        for index in range(SIZES[split]):
            drawn = plan(split, index)
            used[split] |= {*drawn.tools, drawn.second}
            shapes[split].add(drawn.shape.tobytes())
    for other in (Split.TRAIN, Split.VALIDATION):
        assert not used[Split.TEST] & used[other]
    assert not shapes[Split.TEST] & shapes[Split.TRAIN]
    assert not shapes[Split.TEST] & shapes[Split.VALIDATION]
    assert not shapes[Split.TRAIN] & shapes[Split.VALIDATION]
    assert set(instruments_of(Split.TEST)) | set(instruments_of(Split.TRAIN)) <= set(Library.find().names)
    assert used[Split.TEST] <= set(instruments_of(Split.TEST))
    assert sum(SIZES.values()) >= 300


def test_twenty_plans_hold_the_stated_mix() -> None:
    for start in (0, 40):
        tasks = [plan(Split.TRAIN, start + i).task for i in range(20)]
        assert {task: tasks.count(task) for task in Task} == {
            Task.CUTTING: 4,
            Task.SUTURING: 4,
            Task.GRASPING: 4,
            Task.HOLDING: 3,
            Task.EXCHANGE: 3,
            Task.PASSING: 2,
        }


def test_persons_differ_and_stay_the_same() -> None:
    assert np.array_equal(person_shape(Split.TEST, 3), person_shape(Split.TEST, 3))
    assert not np.array_equal(person_shape(Split.TEST, 3), person_shape(Split.TEST, 4))
    with pytest.raises(IndexError, match="48"):
        plan(Split.TEST, SIZES[Split.TEST])


def test_the_same_plan_gives_the_same_sequence_and_the_cache_keeps_it(cutting: SurgerySequence, tmp_path: Path) -> None:
    again = _first(Task.CUTTING)
    calls = []

    def make() -> SurgerySequence:
        calls.append(1)
        return again

    stored = [cached_sequence(("x", 1), make, tmp_path) for _ in range(2)]
    assert len(calls) == 1
    for other in (again, *stored):
        for i in (0, 77, len(cutting) - 1):
            a, b = cutting.frame(i), other.frame(i)
            assert np.array_equal(a.hands[0].parameters.pose, b.hands[0].parameters.pose)
            assert np.array_equal(a.instruments[0].pose.t, b.instruments[0].pose.t)
            assert a.holders == b.holders
            assert np.array_equal(a.camera.K, b.camera.K)
        assert other.task is Task.CUTTING
    next(tmp_path.glob("*.npz")).write_bytes(b"broken")
    cached_sequence(("x", 1), make, tmp_path)
    assert len(calls) == 2


def test_a_held_tool_moves_rigidly_with_the_wrist(sequence: SurgerySequence) -> None:
    for tool in sequence.instruments:
        for side in Side:
            held = np.flatnonzero(tool.holder == int(side))
            if len(held) < 2:
                continue
            hand = next(hand for hand in sequence.hands if hand.side is side)
            R = np.swapaxes(hand.R[held], 1, 2) @ tool.R[held]
            t = np.einsum("nji,nj->ni", hand.R[held], tool.t[held] - hand.t[held])
            assert np.ptp(R, axis=0).max() < 1e-9
            assert np.ptp(t, axis=0).max() < 1e-9
        lies = np.flatnonzero(tool.holder == NOBODY)
        if len(lies):
            assert np.ptp(tool.t[lies], axis=0).max() < 1e-12


def test_nothing_jumps(sequence: SurgerySequence) -> None:
    paths = [(hand.R, hand.t) for hand in sequence.hands] + [(tool.R, tool.t) for tool in sequence.instruments]
    for R, t in paths:
        steps = np.linalg.norm(np.diff(t, axis=0), axis=1) * 30.0
        turns = R[:-1].swapaxes(1, 2) @ R[1:]
        angles = np.arccos(np.clip(0.5 * (np.trace(turns, axis1=1, axis2=2) - 1.0), -1.0, 1.0)) * 30.0
        assert steps.max() < FASTEST_M_S
        assert angles.max() < FASTEST_RAD_S
        assert steps.max() > 0.01
    for hand in sequence.hands:
        Rs = np.asarray(rotation_from_axis_angle(hand.articulation))
        bent = Rs[:-1].swapaxes(-1, -2) @ Rs[1:]
        assert np.degrees(np.arccos(np.clip(0.5 * (np.trace(bent, axis1=-2, axis2=-1) - 1.0), -1, 1))).max() < 20.0


def test_hands_do_not_enter_tools(sequence: SurgerySequence) -> None:
    rows = np.arange(0, len(sequence), 10)
    for hand in sequence.hands:
        skins = hand_vertices(hand, rows)
        for tool in sequence.instruments:
            mesh, faces = maker_of(tool.name).mesh, maker_of(tool.name).hands[hand.side].faces
            for row, skin in zip(rows, skins, strict=True):
                body = mesh.vertices(tool.R[row], tool.t[row], tool.joint_positions[row])
                low, high = body.min(axis=0) - 0.001, body.max(axis=0) + 0.001
                if (skin.max(axis=0) < low).any() or (skin.min(axis=0) > high).any():
                    continue
                volume = iv_exact_cm3(ClosedMesh.of_hand(skin, faces), ClosedMesh(body, mesh.faces))
                assert volume < MAX_CM3, f"{tool.name} at {row}"


def test_passing_changes_hands_once(passing: SurgerySequence) -> None:
    (tool,) = passing.instruments
    assert passing.task is Task.PASSING
    assert {hand.side for hand in passing.hands} == set(Side)
    assert (tool.holder != NOBODY).all()
    assert np.count_nonzero(np.diff(tool.holder)) == 1


def test_exchange_lays_one_tool_down_and_takes_the_other(exchange: SurgerySequence) -> None:
    old, new = exchange.instruments
    side = int(exchange.hands[0].side)
    assert old.holder[0] == side
    assert old.holder[-1] == NOBODY
    assert new.holder[0] == NOBODY
    assert new.holder[-1] == side
    assert np.count_nonzero(np.diff(old.holder)) == np.count_nonzero(np.diff(new.holder)) == 1
    assert not ((old.holder == side) & (new.holder == side)).any()


def test_the_forearm_comes_from_the_persons_side_above_the_table(sequence: SurgerySequence) -> None:
    for hand in sequence.hands:
        arm = hand.elbow - hand.t
        assert np.allclose(np.linalg.norm(arm, axis=1), 0.26, atol=0.06)
        assert (hand.elbow[:, 2] >= 0.04 - 1e-12).all()
        straight = np.einsum("nij,j->ni", hand.R, [1.0 if hand.side is Side.RIGHT else -1.0, 0.0, 0.0])
        bent = np.einsum("ni,ni->n", arm, straight) / np.linalg.norm(arm, axis=1)
        assert np.degrees(np.arccos(np.clip(bent, -1.0, 1.0))).max() < 60.0


def test_no_arm_goes_through_the_camera(cutting: SurgerySequence) -> None:
    def view_of(*hands: HandTrack) -> Viewpoint:
        return sequence_view(Optics.ROOM, 0.0, hands, cutting.instruments, np.random.default_rng(4))

    (hand,) = cutting.hands
    usual = view_of(hand)
    eye = -usual.table.R.T @ usual.table.t
    toward = (eye - hand.t) / np.linalg.norm(eye - hand.t, axis=1, keepdims=True)
    pointing = replace(hand, elbow=hand.t + 0.26 * toward)
    assert room_about(usual, [pointing]) < 0.02
    assert room_about(view_of(pointing), [pointing]) >= CLEAR_OF_ARMS_M
