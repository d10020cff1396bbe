"""Random scenes: fixed shares of strata, the same by the same seed, hands where their stratum wants them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.limb import worn
from hoi_perception.synthesis.look import Optics
from hoi_perception.synthesis.scene import Scene, SceneHand
from hoi_perception.synthesis.scene_sampler import Sample, Stratum, sample_scene, stratum_of
from hoi_perception.types import HandParameters, Side

CAMERA = camera_from_fov(640, 480, 60.0, assumed=False)


def held(side: Side) -> GraspTruth:
    """A curette under a flat hand: no grasp, but placed like one."""
    hand = HandParameters(np.zeros((16, 3)), np.zeros(10), np.array([0.0, 0.0, 0.5]))
    at = hand.wrist_camera + np.array([-0.09 if side is Side.RIGHT else 0.09, -0.03, 0.0])
    return GraspTruth("bone_curette", side, hand, np.eye(3), at, np.zeros(0), CAMERA)


GRASPS = (held(Side.LEFT), held(Side.RIGHT))


def sampled(stratum: Stratum, count: int = 12) -> list[Sample]:
    """The first scenes of a stratum."""
    return [sample_scene(number, GRASPS, 4, stratum=stratum) for number in range(count)]


def joints_px(scene: Scene, hand: SceneHand) -> NDArray[np.float64]:
    """Joints of a hand in the picture."""
    posed = worn(hand).hand.with_pose_at_wrist(hand.parameters.pose, hand.parameters.wrist_camera)
    return np.asarray(project(posed.joints21(), scene.camera), dtype=np.float64)


def inside(scene: Scene, px: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points are in the picture."""
    return np.asarray(((px >= 0.0) & (px < [scene.camera.width, scene.camera.height])).all(axis=1))


@pytest.mark.parametrize("first", [0, 7, 140])
def test_twenty_pictures_in_a_row_hold_the_mix(first: int) -> None:
    counts = Counter(stratum_of(number) for number in range(first, first + 20))
    assert counts[Stratum.BARE] == 3 and counts[Stratum.GLOVED] == 4 and counts[Stratum.TOOL] == 6
    assert counts[Stratum.OCCLUDED] == 3 and counts[Stratum.BORDER] == 2
    assert counts[Stratum.SMALL] == 1 and counts[Stratum.INSTRUMENTS] == 1


def test_a_scene_depends_on_number_and_seed_alone() -> None:
    first, again = (sample_scene(3, GRASPS, 8) for _ in range(2))
    assert first.scene.look == again.scene.look
    assert np.array_equal(first.scene.table.t, again.scene.table.t)
    for a, b in zip(first.scene.hands, again.scene.hands, strict=True):
        assert np.array_equal(a.parameters.pose, b.parameters.pose)
    other = sample_scene(3, GRASPS, 9)
    assert other.scene.look != first.scene.look


def test_nothing_of_a_hand_is_in_the_ground() -> None:
    for sample in (*sampled(Stratum.TOOL), *sampled(Stratum.BARE)):
        table = sample.scene.table
        for hand in sample.scene.hands:
            posed = worn(hand).hand.with_pose_at_wrist(hand.parameters.pose, hand.parameters.wrist_camera)
            height = (posed.vertices - table.t) @ table.R[:, 2]
            assert height.min() > 0.003


def test_bare_hands_are_bare_and_empty_and_gloved_ones_gloved() -> None:
    for sample in sampled(Stratum.BARE):
        assert not any(dress.cover.gloved for dress in sample.scene.look.dress)
        assert "bone_curette" not in {i.name for i in sample.scene.instruments}
    for sample in sampled(Stratum.GLOVED):
        assert all(dress.cover.gloved for dress in sample.scene.look.dress)


def test_a_tool_moves_with_the_hand_that_holds_it() -> None:
    for sample in sampled(Stratum.TOOL, 6):
        scene, earlier = sample.scene, sample.earlier
        tools = [
            (a, b) for a, b in zip(scene.instruments, earlier.instruments, strict=True) if a.name == "bone_curette"
        ]
        hands = [(a, b) for a, b in zip(scene.hands, earlier.hands, strict=True)]
        assert tools
        gaps = [
            [np.linalg.norm(t.pose.t - h.parameters.wrist_camera) for t, h in ((tool[k], hand[k]) for k in (0, 1))]
            for tool, hand in zip(tools, hands, strict=False)
        ]
        assert np.allclose([g[0] for g in gaps], [g[1] for g in gaps], atol=1e-9)


def test_whole_hands_are_in_the_picture_unless_it_is_to_cut_them() -> None:
    whole = [inside(s.scene, joints_px(s.scene, h)).mean() for s in sampled(Stratum.BARE, 16) for h in s.scene.hands]
    cut = [inside(s.scene, joints_px(s.scene, h)).mean() for s in sampled(Stratum.BORDER, 16) for h in s.scene.hands]
    assert np.mean(whole) > 0.9
    assert 0.2 < np.mean(cut) < 0.9


def test_small_hands_are_small() -> None:
    sizes = {
        stratum: np.median(
            [np.ptp(joints_px(s.scene, h), axis=0).max() for s in sampled(stratum, 10) for h in s.scene.hands]
        )
        for stratum in (Stratum.BARE, Stratum.SMALL)
    }
    assert sizes[Stratum.SMALL] < 0.6 * sizes[Stratum.BARE]


def test_a_hand_that_hides_another_is_nearer_to_the_camera() -> None:
    pairs = [s.scene.hands for s in sampled(Stratum.OCCLUDED, 16) if len(s.scene.hands) == 2]
    assert len(pairs) > 5
    nearer = [b.parameters.wrist_camera[2] < a.parameters.wrist_camera[2] + 0.03 for a, b in pairs]
    assert np.mean(nearer) > 0.8


def test_endoscopes_light_from_the_lens_and_no_other_camera_does() -> None:
    for sample in (*sampled(Stratum.INSTRUMENTS), *sampled(Stratum.BARE)):
        assert sample.scene.look.light.at_camera == (sample.optics is Optics.ENDOSCOPE)
        assert sample.scene.hands or sample.stratum is Stratum.INSTRUMENTS


def test_another_look_leaves_everything_in_its_place() -> None:
    scene = sample_scene(1, GRASPS, 4).scene
    other = scene.with_look(replace(scene.look, sensor=replace(scene.look.sensor, exposure=2.0)))
    assert other.hands is scene.hands and other.instruments is scene.instruments and other.camera is scene.camera


def test_no_arm_comes_near_the_camera() -> None:
    for sample in (*sampled(Stratum.TOOL), *sampled(Stratum.GLOVED)):
        for hand in sample.scene.hands:
            wrist = hand.parameters.wrist_camera
            arm = (hand.elbow_camera - wrist) / np.linalg.norm(hand.elbow_camera - wrist)
            along = wrist + np.linspace(0.0, 1.5, 40)[:, None] * arm
            assert np.linalg.norm(along, axis=1).min() > 0.18
