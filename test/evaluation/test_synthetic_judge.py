"""The judge of the synthetic benchmark: the truth has no error, what is put into an estimate comes out of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from synthetic_examples import carried_clip

from hoi_perception.camera import camera_from_fov
from hoi_perception.evaluation.bodies import Bodies
from hoi_perception.evaluation.records import EXTRA, GRIP, HAND, MOTION, PATH, TOOL, TWO_HANDS, Record
from hoi_perception.evaluation.synthetic_clip import Clip, Grip, Moment
from hoi_perception.evaluation.synthetic_follow import Estimate, FoundHand
from hoi_perception.evaluation.synthetic_judge import Judge
from hoi_perception.evaluation.synthetic_paths import longest_run
from hoi_perception.evaluation.synthetic_told import rough_poses
from hoi_perception.evaluation.synthetic_truth import true_answers
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.synthesis.grasp_evidence import EvidenceNoise
from hoi_perception.synthesis.scene import SceneHand
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import HandParameters, Side

STEADY = EvidenceNoise(wander_m=0.0, wander_deg=0.0)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return carried_clip()


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    return Bodies()


@pytest.fixture(scope="module")
def judge(clip: Clip, bodies: Bodies) -> Judge:
    return Judge(clip, [np.ones(1)] * len(clip.moments), bodies, exact=False)


def moved(clip: Clip, hand_m: NDArray[np.float64], tool_m: NDArray[np.float64], turn: float = 0.0) -> list[Estimate]:
    """The truth with hands and instruments shifted, these also turned about their own x axis."""
    out = []
    for answer in true_answers(clip):
        hands = tuple(
            replace(h, parameters=replace(h.parameters, wrist_camera=h.parameters.wrist_camera + hand_m))
            for h in answer.hands
        )
        R = np.asarray(rotation_from_axis_angle(np.array([turn, 0.0, 0.0])))
        tools = {k: InstrumentState(s.R @ R, s.t + tool_m, s.angles) for k, s in answer.tools.items()}
        out.append(Estimate(hands, tools))
    return out


def figures(records: list[Record], kind: str, key: str) -> NDArray[np.float64]:
    return np.array([record.figures[key] for record in records if record.kind == kind and key in record.figures])


def test_the_truth_has_no_error_and_nothing_is_missed(judge: Judge, clip: Clip) -> None:
    records = judge.records(true_answers(clip))
    for kind, keys in (
        (HAND, ("p2d_px", "mpjpe_mm", "pve_mm", "mpjpe_xyz_mm", "pa_mpjpe_mm", "pa_pve_mm")),
        (TOOL, ("rot_deg", "trans_mm", "tip_mm", "cd_cm")),
        (GRIP, ("proximity_mm",)),
        (MOTION, ("ho_motion_excess_mm2",)),
    ):
        for key in keys:
            assert figures(records, kind, key) == pytest.approx(0.0, abs=1e-4), key
    assert (figures(records, TOOL, "f5_obj") == 1.0).all() and (figures(records, GRIP, "contact_f1") == 1.0).all()
    assert all(record.found for record in records) and not any(record.kind == EXTRA for record in records)
    counts = {kind: sum(record.kind == kind for record in records) for kind in (HAND, TOOL, MOTION)}
    assert counts == {HAND: 12, TOOL: 12, MOTION: 11}
    assert (figures(records, PATH, "lag_hand_frames") == 0.0).all()


def test_a_shift_is_measured_as_it_is(judge: Judge, clip: Clip) -> None:
    """3 mm along x for the hand; 4 mm along z and 5 degrees for the instrument."""
    records = judge.records(moved(clip, np.array([0.003, 0.0, 0.0]), np.array([0.0, 0.0, 0.004]), np.radians(5.0)))
    assert figures(records, HAND, "mpjpe_xyz_mm") == pytest.approx(3.0, abs=1e-6)
    assert figures(records, HAND, "mpjpe_mm") == pytest.approx(0.0, abs=1e-6)
    assert figures(records, TOOL, "trans_mm") == pytest.approx(4.0, abs=1e-6)
    assert figures(records, TOOL, "rot_deg") == pytest.approx(5.0, abs=1e-6)
    assert ((figures(records, GRIP, "proximity_mm") > 0.0) & (figures(records, GRIP, "proximity_mm") < 10.0)).all()


def test_an_instrument_that_trembles_moves_against_its_hand(judge: Judge, clip: Clip) -> None:
    """Every second frame is 2 mm off, so each step is: 4 mm² of excess but for what it shares with the true step."""
    off = moved(clip, np.zeros(3), np.array([0.002, 0.0, 0.0]))
    mixed = [one if i % 2 else other for i, (one, other) in enumerate(zip(off, true_answers(clip), strict=True))]
    excess = figures(judge.records(mixed), MOTION, "ho_motion_excess_mm2")
    assert np.mean(excess) == pytest.approx(4.0, rel=0.5)


def test_a_hand_of_the_wrong_side_or_place_is_missed_and_nobodys(judge: Judge, clip: Clip) -> None:
    answers = true_answers(clip)
    hand = answers[0].hands[0]
    other = Side.LEFT if hand.side is Side.RIGHT else Side.RIGHT
    answers[0] = replace(answers[0], hands=(replace(hand, side=other),))
    answers[1] = replace(answers[1], hands=())
    records = judge.records(answers)
    missed = [record for record in records if record.kind == HAND and not record.found]
    assert [record.frame for record in missed] == [0, 1]
    assert [record.frame for record in records if record.kind == EXTRA] == [0]
    assert not [record for record in records if record.kind == MOTION and record.frame in (1, 2)]


def test_frames_without_an_answer_are_left_out(judge: Judge, clip: Clip) -> None:
    answers = true_answers(clip)
    records = judge.records([answers[0], *[None] * (len(answers) - 1)])
    assert {record.frame for record in records} == {0} and not figures(records, MOTION, "ho_motion_mm2").size


def test_exact_volumes_and_slip_are_of_the_subset_alone(clip: Clip, bodies: Bodies) -> None:
    """Of frames 0 and 10, in which bodies are measured, 10 is in the subset; a true grasp is not entered and holds."""
    pytest.importorskip("pybullet", reason="pip install 'hoi_perception[simulation]'")
    pytest.importorskip("manifold3d", reason="pip install 'hoi_perception[instruments]'")
    judge = Judge(clip, [np.ones(1)] * len(clip.moments), bodies, {10}, simulate=True)
    grips = [record for record in judge.records(true_answers(clip)) if record.kind == GRIP]
    for key in ("sim_disp_cm", "iv_exact_cm3"):
        assert [record.frame for record in grips if key in record.figures] == [10]
    assert [record.frame for record in grips if "pd_max_mm" in record.figures] == [0, 10]
    assert grips[1].figures["iv_exact_cm3"] < 0.005 and grips[1].figures["sim_disp_cm"] < 2.0
    away = judge.records(moved(clip, np.zeros(3), np.array([0.0, 0.0, 0.2])))
    assert figures(away, GRIP, "sim_disp_cm") == pytest.approx(10.69, abs=0.01), "nothing holds it: it falls"


def test_convex_parts_go_with_their_links_and_are_made_once(bodies: Bodies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scissors opened and turned: the parts lie in the instrument and span it, with no second decomposition."""
    pytest.importorskip("pybullet", reason="pip install 'hoi_perception[simulation]'")
    body = bodies.body("metzenbaum_scissors")
    joints = np.zeros(len(body.model.joint_names))
    closed = InstrumentState(np.eye(3)[None], np.zeros((1, 3)), joints[None])
    shut = body.convex(closed)
    monkeypatch.setattr("hoi_perception.evaluation.bodies.convex_parts", None)
    R = np.asarray(rotation_from_axis_angle(np.array([0.3, -0.5, 0.2])), dtype=np.float64)
    opened = InstrumentState(R[None], np.array([[0.1, 0.0, 0.5]]), np.full((1, len(joints)), 0.3))
    parts, mesh = body.convex(opened), body.closed(opened)
    points = np.concatenate([vertices for vertices, _ in parts])
    assert len(parts) == len(shut) > 2
    assert mesh.signed_distance(points).max() < 0.002
    low, high = mesh.box
    assert points.min(axis=0) == pytest.approx(low, abs=0.002) and points.max(axis=0) == pytest.approx(high, abs=0.002)


def test_two_hands_are_judged_relative_to_each_other(clip: Clip, bodies: Bodies) -> None:
    """A left hand beside the right one; when the left alone is 5 mm farther, so is the one from the other."""
    moment = clip.moments[0]
    base = moment.scene.hands[0].parameters
    middle = np.array([0.0, 0.0, base.wrist_camera[2]])
    hands = tuple(
        SceneHand(side, HandParameters(np.zeros((16, 3)), base.shape, middle + [x, 0.0, 0.0]), middle)
        for side, x in ((Side.RIGHT, 0.09), (Side.LEFT, -0.09))
    )
    scene = replace(moment.scene, camera=camera_from_fov(320, 240, 80.0), hands=hands)
    both = replace(clip, moments=(Moment(scene, (Grip(0, 0),)),))
    judge = Judge(both, [np.array([1.0, 0.4])], bodies, exact=False)
    answer = true_answers(both)[0]
    left = answer.hands[1].parameters
    off = replace(left, wrist_camera=left.wrist_camera + [0.0, 0.0, 0.005])
    found = replace(answer, hands=(answer.hands[0], FoundHand(Side.LEFT, 1, off)))
    (pair,) = [record for record in judge.records([found]) if record.kind == TWO_HANDS]
    assert pair.figures["mrrpe_mm"] == pytest.approx(5.0, abs=1e-6)
    assert pair.figures["mpjpe_z_mm"] == pytest.approx(0.0, abs=1e-6)
    assert pair.hidden == pytest.approx(0.6) and pair.occlusion == "mostly hidden"


def test_rough_poses_are_off_by_what_is_said_about_the_middle(clip: Clip, bodies: Bodies) -> None:
    mesh = bodies.body("bone_curette").mesh
    still = mesh.vertices(np.eye(3), np.zeros(3), np.zeros(0))
    middle = 0.5 * (still.min(axis=0) + still.max(axis=0))
    for moment, (rough,) in zip(clip.moments, rough_poses(clip, STEADY), strict=True):
        pose = moment.scene.instruments[0].pose
        shift = rough.R[0] @ middle + rough.t[0] - pose.of(middle)
        assert np.linalg.norm(shift) == pytest.approx(0.010, abs=1e-9)
        turn = np.asarray(axis_angle_from_rotation(rough.R[0] @ pose.R.T))
        assert np.degrees(np.linalg.norm(turn)) == pytest.approx(10.0, abs=1e-6)
    again, other = rough_poses(clip), rough_poses(replace(clip, name="another"))
    assert np.array_equal(again[3][0].t, rough_poses(clip)[3][0].t)
    assert not np.array_equal(again[3][0].t, other[3][0].t)


def test_longest_run() -> None:
    assert longest_run([True, False, True, True, False]) == range(2, 4)
    assert longest_run([False]) == range(0) and longest_run([]) == range(0)
