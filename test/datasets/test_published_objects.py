"""Objects of published data sets: a known error of a pose or a hand comes out as that error, in each row's figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_dexycb
import test_ho3d
import test_pov_surgery
from hand_examples import HALF_TURN_X, Array, Oracle, hand, samples, write_pickle
from object_examples import Pose, ToldFollower, box, write_obj, write_stl
from test_object_models import hinged, write_two_boxes
from test_published import OPEN_HAND, truth_hand

from hoi_perception.config import Config
from hoi_perception.dataset_evaluation import DatasetEvaluation
from hoi_perception.datasets.dexycb import SERIALS, SUBJECTS, DexYcb
from hoi_perception.datasets.ho3d import V2, Ho3d
from hoi_perception.datasets.object_models import ObjectModel, object_model
from hoi_perception.datasets.sample import HandTruth
from hoi_perception.evaluation import published_bench
from hoi_perception.evaluation.published import sample_hands
from hoi_perception.evaluation.published_bench import ObjectBench, ObjectSettings, Thing
from hoi_perception.evaluation.published_follow import Following
from hoi_perception.evaluation.published_hands import Matched
from hoi_perception.evaluation.published_judge import Answer, ObjectJudge, in_picture
from hoi_perception.evaluation.published_object_table import NONE_SEEN, TABLES
from hoi_perception.evaluation.record_statistics import Sums, tallied
from hoi_perception.evaluation.records import GRIP, HAND, TOOL, Record
from hoi_perception.evaluation.rough_poses import RoughPath, rng_of
from hoi_perception.hands.models import MODELS, model_directory
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.repair import signed_volume
from hoi_perception.io.input_error import InputError
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.instrument import rot_deg
from hoi_perception.metrics.keys import METRICS
from hoi_perception.synthesis.demo_clip import demo_frames
from hoi_perception.synthesis.grasp_evidence import EvidenceNoise
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.tracking import Memory
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Frame, Hand, Scene, Side, TrackState

NAME = "035_power_drill"
MESH = f"models/{NAME}/textured_simple.obj"
SIZE = np.array([0.03, 0.05, 0.04])
GAP = 0.004
"""Between the hand and the object, m."""


def beside(hand: HandTruth) -> Array:
    """Where the middle of the box is that stands to the right of the hand, `GAP` away from it."""
    vertices = truth_hand(hand, V2.tips).vertices_camera.astype(np.float64)
    return np.asarray(vertices[vertices[:, 0].argmax()] + [0.5 * SIZE[0] + GAP, 0.0, 0.0])


def build(root: Path) -> None:
    """HO-3D training frames (two of one sequence, one of another) with a box that stands beside the hand."""
    test_ho3d.build(root)
    place = beside(samples(Ho3d(V2, root, "train"))[0].hands[0])
    turned = {"objRot": axis_angle_from_rotation(HALF_TURN_X)[:, None], "objTrans": HALF_TURN_X @ place}
    for path in (root / "train").glob("*/meta/*.pkl"):
        write_pickle(path, test_ho3d.meta(False) | turned)
    vertices, faces = box(SIZE)
    write_obj(root / MESH, vertices, faces)


@dataclass(frozen=True)
class Case:
    """A data set on disk and the pose of its object."""

    root: Path
    pose: InstrumentState

    def run(
        self,
        pose: Pose | None = None,
        hand: Callable[[Hand], Hand] = lambda hand: hand,
        state: TrackState = TrackState.TRACKED,
        **options: Any,
    ) -> Ran:
        """The evaluation with the true hand found in each frame, and the object where `pose` says (at its place)."""
        true = truth_hand(samples(Ho3d(V2, self.root, "train"))[0].hands[0], V2.tips)
        oracle = Oracle(lambda _: [true])
        follower = ToldFollower(pose or (lambda *_: self.pose), hand, state)
        chosen = {"hand_model": OPEN_HAND, "out": self.root / "out", "every": 1, **options}
        values, text = DatasetEvaluation("ho3d-v2", self.root, "train", **chosen).run(oracle, lambda _: follower)
        return Ran(values, text, follower, oracle)


@dataclass(frozen=True)
class Ran:
    """What an evaluation gave, and what it asked for."""

    values: dict[str, Any]
    text: str
    follower: ToldFollower
    oracle: Oracle

    def figure(self, row: str, table: str, key: str) -> float:
        return float(self.tables(row)[table][key]["mean"])

    def tables(self, row: str) -> dict[str, Any]:
        rows = {one["row"]: one["tables"] for one in self.values["objects"]["rows"]}
        return dict(rows[row])


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_bench, "cache_directory", lambda: tmp_path / "cache")


@pytest.fixture
def case(tmp_path: Path, own_cache: None) -> Case:
    build(tmp_path)
    (truth,) = samples(Ho3d(V2, tmp_path, "train"))[0].objects
    return Case(tmp_path, InstrumentState(truth.R_camera[None], truth.t_camera[None], np.zeros((1, 0))))


def shifted(state: InstrumentState, shift: Array, turn: float = 0.0) -> InstrumentState:
    """Moved, and turned about its own y axis."""
    R = state.R[0] @ rotation_from_axis_angle(np.array([0.0, turn, 0.0]))
    return InstrumentState(R[None], state.t + shift, state.angles)


def test_the_truth_has_no_error(case: Case) -> None:
    ran = case.run(every=2)
    for row in ("truth", "ours"):
        for table, key in (("object", "cd_cm"), ("object", "add_mm"), ("object", "adds_mm"), ("pose", "rot_deg")):
            assert ran.figure(row, table, key) == pytest.approx(0.0, abs=2e-3), (row, key)
        assert ran.figure(row, "pose", "trans_mm") == pytest.approx(0.0, abs=1e-4)
        assert ran.figure(row, "object", "f5_obj") == 1.0
        for key in ("iv_cm3@1mm", "iv_exact_cm3", "pd_max_mm", "pd_tool_max_mm"):
            assert ran.figure(row, "interaction", key) == 0.0, (row, key)
        assert ran.figure(row, "interaction", "proximity_mm") == pytest.approx(0.0, abs=2e-3)
        assert ran.figure(row, "interaction", "ho_motion_mm2") == pytest.approx(0.0, abs=1e-6)
        assert ran.figure(row, "held", "mpjpe_xyz_mm") == pytest.approx(0.0, abs=1e-3)
        assert ran.figure(row, "pose", "found") == ran.figure(row, "interaction", "found") == 1.0
    assert ran.follower.frames == 3 and len(ran.follower.told) == 2
    assert "### Interaction" in ran.text and "told 2 times in 2 sequences" in ran.text


def test_an_object_at_a_known_pose_gives_known_errors(case: Case) -> None:
    """3 mm and 4 mm aside: 5 mm for every point. Turned by 10 degrees where it is."""
    ran = case.run(lambda *_: shifted(case.pose, np.array([0.0, 0.003, 0.004])), limit=1)
    assert ran.figure("ours", "object", "add_mm") == pytest.approx(5.0, abs=1e-3)
    assert ran.figure("ours", "pose", "trans_mm") == pytest.approx(5.0, abs=1e-4)
    assert ran.figure("ours", "pose", "rot_deg") == pytest.approx(0.0, abs=1e-4)
    ran = case.run(lambda *_: shifted(case.pose, np.zeros(3), np.radians(10.0)), fresh=True, limit=1)
    assert ran.figure("ours", "pose", "rot_deg") == pytest.approx(10.0, abs=1e-6)
    assert ran.figure("ours", "pose", "trans_mm") == pytest.approx(0.0, abs=1e-6)


def test_a_hand_within_the_object_has_its_own_volume_in_it(case: Case) -> None:
    """A box put over the whole hand: the volume common to both is the closed hand's."""
    hand = samples(Ho3d(V2, case.root, "train"))[0].hands[0]
    vertices = truth_hand(hand, V2.tips).vertices_camera.astype(np.float64)
    middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    write_obj(case.root / MESH, *box(np.ptp(vertices, axis=0) + 0.01))
    over = InstrumentState(np.eye(3)[None], middle[None], np.zeros((1, 0)))
    ran = case.run(lambda *_: over, limit=1)
    volume = 1e6 * signed_volume(*closed(vertices))
    assert ran.figure("ours", "interaction", "iv_exact_cm3") == pytest.approx(volume, rel=1e-4)
    assert ran.figure("ours", "interaction", "iv_cm3@1mm") == pytest.approx(volume, rel=0.01)
    assert ran.figure("ours", "interaction", "pd_tool_max_mm") == 0.0
    assert ran.figure("ours", "interaction", "pd_max_mm") > 20.0


def closed(vertices: Array) -> tuple[Array, Any]:
    mesh = ClosedMesh.of_hand(vertices, hand().faces)
    return mesh.vertices, mesh.faces


def test_an_object_that_moves_while_the_hand_stands(case: Case) -> None:
    """4 mm from one frame to the next: 16 mm²; the truth stands still. The second sequence has one frame only."""
    ran = case.run(lambda frame, _: shifted(case.pose, np.array([0.0, 0.004 * frame, 0.0])), every=5)
    assert ran.figure("ours", "interaction", "ho_motion_mm2") == pytest.approx(16.0, rel=1e-5)
    assert ran.figure("ours", "interaction", "ho_motion_excess_mm2") == pytest.approx(16.0, rel=1e-5)
    assert ran.tables("ours")["interaction"]["ho_motion_mm2"]["count"] == 1


def test_hands_as_they_were_solved_with_the_object_are_ours_alone(case: Case) -> None:
    """The follower moves the hand by 3 mm towards the object, the gap is 4 mm: near points err by 3 mm at most."""

    def nearer(hand: Hand) -> Hand:
        vertices = (hand.vertices_camera + np.array([0.003, 0.0, 0.0])).astype(np.float32)
        return replace(hand, joints_camera=hand.joints_camera + [0.003, 0.0, 0.0], vertices_camera=vertices)

    ran = case.run(hand=nearer, limit=1)
    assert ran.figure("ours", "held", "mpjpe_xyz_mm") == pytest.approx(3.0, abs=1e-3)
    assert ran.figure("start", "held", "mpjpe_xyz_mm") == pytest.approx(0.0, abs=1e-3)
    assert 2.0 < ran.figure("ours", "interaction", "proximity_mm") <= 3.0 + 1e-3
    assert ran.values["rows"][0]["mpjpe_xyz_mm"] == pytest.approx(0.0, abs=1e-3)


def test_the_start_is_off_by_what_is_said(case: Case) -> None:
    """10 mm and 10 degrees, and a wander of 1.5 mm and 1.5 degrees; what is told is the start's first pose."""
    ran = case.run(lambda _, told: told, limit=1)
    assert 5.0 < ran.figure("start", "pose", "trans_mm") < 15.0
    assert 5.0 < ran.figure("start", "pose", "rot_deg") < 15.0
    for key in ("trans_mm", "rot_deg"):
        assert ran.figure("ours", "pose", key) == ran.figure("start", "pose", key)


def test_rough_poses_are_those_of_their_seed(case: Case) -> None:
    """The same every time, others for other sequences; without a wander exactly 10 mm and 10 degrees."""
    mesh = InstrumentMesh.of(Library.find().get("cube"))
    one, same, other = (RoughPath(mesh, rng_of(seed), 30.0) for seed in ("a cube", "a cube", "b cube"))
    for _ in range(3):
        places = [path.next(case.pose).t[0] for path in (one, same, other)]
        np.testing.assert_array_equal(places[0], places[1])
        assert np.linalg.norm(places[0] - places[2]) > 1e-3
    steady = RoughPath(mesh, rng_of("a cube"), 30.0, EvidenceNoise(wander_m=0.0, wander_deg=0.0)).next(case.pose)
    assert rot_deg(steady.R[0], case.pose.R[0]) == pytest.approx(10.0)
    still = mesh.vertices(np.eye(3), np.zeros(3), np.zeros(0))
    middle = 0.5 * (still.min(axis=0) + still.max(axis=0))
    moved = [state.R[0] @ middle + state.t[0] for state in (steady, case.pose)]
    assert np.linalg.norm(moved[0] - moved[1]) == pytest.approx(0.010)


def test_objects_that_are_lost_or_guessed_are_no_finds(case: Case) -> None:
    for pose, state in ((lambda *_: None, TrackState.TRACKED), (lambda _, told: told, TrackState.PREDICTED)):
        ran = case.run(pose, state=state, fresh=True, limit=1)
        assert ran.figure("ours", "pose", "found") == ran.figure("ours", "interaction", "found") == 0.0
        assert ran.figure("start", "pose", "found") == 1.0


def test_a_missing_mesh_is_told_and_the_hands_table_stands(case: Case) -> None:
    mesh = case.root / MESH
    mesh.unlink()
    ran = case.run(every=5)
    assert ran.follower.frames == 0 and ran.values["rows"][0]["found"] == 1.0 and ran.values["frames"] == 3
    assert ran.values["objects"]["left_out"] == [{"path": str(mesh), "reason": "no such file"}]
    assert ran.values["frames_left_out"] == 0 and not any(row["tables"] for row in ran.values["objects"]["rows"])
    assert "### " not in ran.text and f"- {mesh}: no such file" in ran.text
    assert "since their meshes cannot be used (get The YCB-Video 3D Models" in ran.text
    vertices, faces = box(SIZE)
    write_obj(mesh, vertices, faces[:6])
    assert "is no closed body" in case.run(every=5).values["objects"]["left_out"][0]["reason"]
    write_obj(mesh, vertices, faces)
    ran = case.run(every=5)
    assert ran.follower.frames == 3 and "### Interaction" in ran.text and ran.values["objects"]["left_out"] == []


CHANGES: tuple[dict[str, Any], ...] = ({}, {"every": 2}, {"hand_model": OPEN_HAND})
"""Options with which kept results are not taken."""


def test_a_run_that_goes_on_gives_the_same_table(case: Case) -> None:
    whole = case.run(every=5)

    def interrupted(*_: Any) -> InstrumentState:
        if len(list((case.root / "again/sequences").glob("*.json"))) == 1:
            raise KeyboardInterrupt
        return case.pose

    with pytest.raises(KeyboardInterrupt):
        case.run(interrupted, every=5, out=case.root / "again")
    ran = case.run(every=5, out=case.root / "again")
    assert ran.follower.frames == 1 and len(ran.oracle.frames) == 1
    assert {**ran.values, "seconds": 0.0} == {**whole.values, "seconds": 0.0}
    kept = case.run(every=5, out=case.root / "again")
    assert kept.follower.frames == 0 and kept.oracle.frames == [] and kept.values == ran.values
    run = DatasetEvaluation("ho3d-v2", case.root, "train", every=5, out=case.root / "again")
    settings = [replace(run, **change).task(ran.oracle, lambda _: ran.follower).identity for change in CHANGES]
    assert len({json.dumps(one) for one in settings}) == len(CHANGES)


def test_without_the_user_s_hand_objects_are_measured_alone(case: Case) -> None:
    ran = case.run(hand_model=None, limit=1)
    assert ran.figure("ours", "object", "add_mm") == pytest.approx(0.0, abs=2e-3)
    assert set(ran.tables("ours")) == {"object", "pose"}
    assert "Without --hand-model left out: interaction" in ran.text


def test_bodies_are_measured_every_so_often(case: Case) -> None:
    """Two frames in the first sequence, one in the second."""
    tables = case.run(every=2).tables("ours")
    assert tables["pose"]["rot_deg"]["count"] == 3 and tables["object"]["cd_cm"]["count"] == 2
    assert tables["interaction"]["pd_max_mm"]["count"] == 2 and tables["interaction"]["ho_motion_mm2"]["count"] == 1
    with pytest.raises(InputError, match="--every 0: give 1 or more"):
        case.run(every=0)


@pytest.mark.usefixtures("own_cache")
def test_published_rows_stand_apart(tmp_path: Path) -> None:
    """POV-Surgery's figures under the names of their source; tools' files are in millimetres."""
    test_pov_surgery.build(tmp_path)
    for tool in ("scalpel", "friem"):
        write_stl(tmp_path / f"tool_mesh/{tool}.stl", *box([60.0, 10.0, 8.0]))
    follower = ToldFollower()
    run = DatasetEvaluation("pov-surgery", tmp_path, out=tmp_path / "out", hand_model=OPEN_HAND)
    values, text = run.run(Oracle(lambda _: []), lambda _: follower)
    assert [row["figures"] for row in values["objects"]["published"]] == [
        {"IV": 1.12, "PD": 1.62, "proximity": 2.21, "motion": 0.48}
    ]
    assert "| method | IV | PD | proximity | motion |" in text and "Published rows: no units are stated" in text
    # frames 3 and 12 of the scalpel are 0.3 s apart, so it is told once
    assert sorted(name.rpartition("_")[0] for name, _ in follower.told) == ["friem", "scalpel"]


def test_a_hinge_that_is_open_too_far(tmp_path: Path) -> None:
    write_two_boxes(tmp_path)
    thing = Thing.of(object_model(tmp_path, hinged(), tmp_path / "library"))
    judge = ObjectJudge({"box": thing}, ObjectSettings(every=1))
    truth, ours = (Answer({}, {"box": thing.model.state(hinged(angle))}) for angle in (0.4, 0.4 + np.radians(5.0)))
    (record,) = judge.records(0, 7, truth, {"ours": ours}, frozenset({"box"}), follows=False)["ours"]
    assert record.kind == TOOL and record.frame == 7
    assert record.figures["artic_deg"] == pytest.approx(5.0) and record.figures["rot_deg"] == pytest.approx(0.0)
    assert record.figures["add_mm"] > 0.1


def test_a_hand_stays_itself_where_another_one_is_gone(case: Case) -> None:
    """A left hand before the right one in the first frame only: the right one's key is the same in both."""
    task = DatasetEvaluation("ho3d-v2", case.root, "train", hand_model=OPEN_HAND, out=case.root / "out").task(
        Oracle(lambda _: [])
    )
    sample = samples(task.reader)[0]
    right = task.completed(sample.hands[0])
    true = truth_hand(right, V2.tips)
    both = Matched([replace(right, side=Side.LEFT), right], [None, true], 0)
    for matched, keys in ((both, [(Side.LEFT, 0), (Side.RIGHT, 0)]), (Matched([right], [true], 0), [(Side.RIGHT, 0)])):
        hands = sample_hands(task, matched, sample.camera)
        assert list(hands.true) == keys and list(hands.found) == [(Side.RIGHT, 0)]
    twice = sample_hands(task, Matched([right, right], [None, true], 0), sample.camera)
    assert list(twice.found) == [(Side.RIGHT, 1)]


def test_an_object_out_of_the_picture_need_not_be_found(case: Case) -> None:
    sample = samples(Ho3d(V2, case.root, "train"))[0]
    drill = Thing.of(object_model(case.root, sample.objects[0], case.root / "library"))
    assert in_picture(drill.body, case.pose, sample.camera)
    assert not in_picture(drill.body, shifted(case.pose, np.array([1.0, 0.0, 0.0])), sample.camera)
    assert not in_picture(drill.body, shifted(case.pose, np.array([0.0, 0.0, -2.0])), sample.camera)


def test_frames_without_an_object_say_so(case: Case) -> None:
    for path in (case.root / "train").glob("*/meta/*.pkl"):
        write_pickle(path, test_ho3d.meta(False) | {"objRot": None})
    ran = case.run()
    assert ran.follower.frames == 0 and ran.values["objects"]["notes"] == [NONE_SEEN] and NONE_SEEN in ran.text


def test_an_object_that_cannot_be_followed_costs_no_hand(case: Case) -> None:
    def fails(*_: Any) -> InstrumentState:
        raise InstrumentError("its field is empty")

    ran = case.run(fails, limit=1)
    assert ran.values["rows"][0]["found"] == 1.0 and ran.values["frames"] == 1 and ran.values["frames_left_out"] == 0
    reasons = [problem["reason"] for problem in ran.values["problems"]]
    assert "its objects could not be followed or measured (its field is empty)" in reasons


def test_told_again_after_a_gap_and_in_each_still(case: Case) -> None:
    """Stamps in ms: 0.6 s ahead and 0.6 s back are gaps."""
    sample = samples(Ho3d(V2, case.root, "train"))[0]
    bench = ObjectBench(case.root, lambda _: ToldFollower(), library=case.root / "library")
    drill = bench.thing(sample.objects[0])
    assert isinstance(drill, Thing)
    image, scene = sample.picture.read(), Scene(0, "camera", sample.camera, (), 0, {})
    for stills, stamps, tellings in ((False, (0, 33, 66, 700, 733, 100), 3), (True, (0, 33, 66), 3)):
        following = Following(bench, "one", 30.0, stills=stills)
        for stamp in stamps:
            frame = Frame(image, sample.camera, stamp * 1_000_000)
            assert set(following.step(frame, scene, {NAME: drill}, {NAME: case.pose}, [NAME]).found) == {NAME}
        assert following.tellings == tellings
    unseen = Following(bench, "two", 30.0)
    assert unseen.step(frame, scene, {NAME: drill}, {NAME: case.pose}, []).found == {} and unseen.tellings == 0


def test_of_dexycb_only_the_object_that_is_taken(tmp_path: Path) -> None:
    """`ycb_grasp_ind` is the place in `ycb_ids`, which are 1 and 17; the first one's pose is zeros, which is none."""
    test_dexycb.build(tmp_path)
    sequence = f"{SUBJECTS[2]}/20200820_000004/{SERIALS[0]}"
    (scissors,) = samples(DexYcb(tmp_path, "s0_test"), sequence)[0].objects
    assert scissors.name == "037_scissors" and scissors.grasped
    meta = tmp_path / SUBJECTS[2] / "20200820_000004/meta.yml"
    meta.write_text(meta.read_text().replace("ycb_grasp_ind: 1", "ycb_grasp_ind: 0"))
    (other,) = samples(DexYcb(tmp_path, "s0_test"), sequence)[0].objects
    assert other.name == "037_scissors" and not other.grasped


@dataclass(frozen=True)
class Records:
    records: tuple[Record, ...]


def test_tallies_say_what_their_records_do() -> None:
    """Two sequences, two objects, figures that are not defined, and an object that was missed."""

    def record(k: int, value: float) -> Record:
        kind, name = TOOL if k % 2 else GRIP, "can" if k % 3 else "mug"
        return Record(kind, k, name, 0.0, k != 4, {"add_mm": value} if k != 4 else {})

    rng = np.random.default_rng(0)
    values = [[*rng.normal(size=6), np.nan] for _ in range(2)]
    parts = [Records(tuple(record(k, value) for k, value in enumerate(one))) for one in values]
    tallies = [tallied(part.records) for part in parts]
    for kinds in ((TOOL,), (GRIP,), (TOOL, GRIP), (HAND,)):
        ours, theirs = (
            s.summary() for s in (Sums.of_tallies(tallies, kinds, "add_mm"), Sums.of(parts, kinds, "add_mm"))
        )
        assert ours is None if theirs is None else ours is not None and ours.mean == pytest.approx(theirs.mean)
        assert Sums.found_of_tallies(tallies, kinds).summary() == Sums.found(parts, kinds).summary()
    assert Sums.of_tallies(tallies, (TOOL, GRIP), "add_mm").count.tolist() == [5.0, 5.0]


def test_every_figure_of_the_tables_is_a_metric() -> None:
    known = METRICS.keys() | {"ho_motion_excess_mm2"}
    assert {key for table in TABLES for key in table.keys} <= known


def test_objects_go_through_the_pipeline_s_own_way(tmp_path: Path) -> None:
    """Hands and instrument are those of a pipeline that is told the same pose."""
    absent = [model.name for model in MODELS if not (model_directory() / model.name).is_file()]
    if absent:
        pytest.skip(f"{', '.join(absent)} not in {model_directory()}: run `hoi-perception models fetch`")
    from hoi_perception.pipeline import Perception

    pipeline = Perception(Config())
    bench = ObjectBench(tmp_path, lambda _: pipeline._with_instruments(), library=tmp_path)
    cube = Thing.of(ObjectModel(Library.find().get("cube"), np.zeros(3)))
    following = Following(bench, "demo", 30.0)
    number = pipeline.add_instrument("cube")
    without = Memory()
    for i, (frame, hands) in enumerate(demo_frames(2, width=640, height=480)):
        alone, without = pipeline.step(frame, without)
        place = InstrumentState(np.eye(3)[None], hands[0].joints_camera[8][None], np.zeros((1, 0)))
        followed = following.step(frame, alone, {"it": cube}, {"it": place}, ["it"])
        if i == 0:
            pipeline.set_instrument_pose(number, followed.rough["it"].R[0], followed.rough["it"].t[0])
        scene = pipeline.process(frame)
        (told,) = scene.instruments
        np.testing.assert_array_equal(followed.found["it"].t[0], told.t_camera_instrument)
        np.testing.assert_array_equal(followed.found["it"].R[0], told.R_camera_instrument)
        assert [one.track_id for one in scene.hands] == list(followed.hands)
        for one in scene.hands:
            np.testing.assert_array_equal(followed.hands[one.track_id].vertices_camera, one.vertices_camera)
