"""The evaluation on published data sets: known offsets give known figures, runs go on where they stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import cv2
import numpy as np
import pytest
import test_arctic
import test_freihand
import test_ho3d
import test_interhand
from hand_examples import HALF_TURN_X, Array, Oracle, found_hand, hand, joints21_of, samples, write_pickle

from hoi_perception.cli import main
from hoi_perception.dataset_evaluation import DatasetEvaluation
from hoi_perception.datasets.catalogue import NAMES
from hoi_perception.datasets.conventions import annotation_models
from hoi_perception.datasets.errors import FileProblem
from hoi_perception.datasets.ho3d import V2, Ho3d
from hoi_perception.datasets.sample import HandTruth, Tips
from hoi_perception.evaluate_command import Evaluate
from hoi_perception.evaluation.hand_errors import NEED_VERTICES, counts, match_hands
from hoi_perception.evaluation.published import each_once, evaluate, run_sequence
from hoi_perception.evaluation.published_rows import KEYS, ROWS
from hoi_perception.evaluation.published_table import as_json, as_markdown
from hoi_perception.evaluation.published_task import STILL_LOOKS, Task
from hoi_perception.evaluation.sequence_results import result_path
from hoi_perception.hands.models import MODELS, model_directory
from hoi_perception.io.input_error import InputError
from hoi_perception.metrics.keys import METRICS
from hoi_perception.synthesis.demo_clip import demo_frames
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Frame, Hand, Side, TrackState

OPEN_HAND = Path(__file__).parents[2] / "hoi_perception/hands/open_hand.npz"


def truth_hand(truth: HandTruth, tips: Tips, offset: Sequence[float] = (0.0, 0.0, 0.0), **changes: Any) -> Hand:
    full = truth.completed(annotation_models(None, None, left_uncorrected=True)[truth.side], tips)
    assert full.joints_camera is not None and full.vertices_camera is not None
    return found_hand(full.side, full.joints_camera + offset, full.vertices_camera + offset, **changes)


def ho3d(
    root: Path,
    answer: Callable[[Hand], Sequence[Hand]] = lambda hand: [hand],
    keys: tuple[str, ...] = ("mpjpe_mm", "mpjpe_xyz_mm"),
) -> Task:
    """HO-3D training frames (three, of two sequences), the true hand handed to `answer`."""
    if not (root / "train.txt").exists():
        test_ho3d.build(root)
    reader = Ho3d(V2, root, "train")
    true = truth_hand(samples(reader)[0].hands[0], V2.tips)
    oracle = Oracle(lambda _: answer(true))
    models = annotation_models(None, None, left_uncorrected=False)
    return Task(reader, oracle, models, True, keys, root / "out", {"hand": "a"})


def moved(hand: Hand, offset: Sequence[float]) -> Hand:
    vertices = (hand.vertices_camera + np.asarray(offset)).astype(np.float32)
    return replace(hand, joints_camera=hand.joints_camera + offset, vertices_camera=vertices)


def row(task: Task, limit: int | None = None) -> dict[str, Any]:
    values = as_json(evaluate(task, limit), task.reader.info, task.reader.split, [], mano=task.mano, limit=limit)
    return dict(values["rows"][0])


def test_the_truth_has_no_error(tmp_path: Path) -> None:
    figures = row(ho3d(tmp_path, keys=KEYS["ho3d-v2"]))
    assert figures["found"] == 1.0 and figures["hands"] == 3 and figures["hands_of_nobody"] == 0
    for key in KEYS["ho3d-v2"]:
        perfect = 1.0 if METRICS[key].better == "higher" else 0.0
        assert figures[key] == pytest.approx(perfect, abs=0.02 if key.startswith("pa_auc") else 1e-3), key


def test_a_hand_that_is_five_millimetres_off(tmp_path: Path) -> None:
    figures = row(ho3d(tmp_path, lambda hand: [moved(hand, [0.003, 0.0, 0.004])], KEYS["ho3d-v2"]))
    assert figures["mpjpe_xyz_mm"] == pytest.approx(5.0, abs=1e-3)
    assert figures["mpjpe_mm"] == pytest.approx(0.0, abs=1e-3) and figures["pve_mm"] == pytest.approx(0.0, abs=1e-3)
    assert figures["pa_mpjpe_reflect_mm"] == pytest.approx(0.0, abs=1e-3)
    assert figures["scale_trans_mpjpe_mm"] == pytest.approx(0.0, abs=1e-3)
    assert figures["f15"] == 1.0 and figures["f5"] < 1.0


def test_missing_doubled_and_wrong_hands(tmp_path: Path) -> None:
    """Frames 1 to 3: the hand and a stranger; nothing; a hand of the other side in its place."""
    answers = iter(
        [
            lambda hand: [moved(hand, [0.0, 0.0, 0.001]), moved(hand, [1.0, 0.0, 0.0])],
            lambda hand: [],
            lambda hand: [replace(hand, side=Side.LEFT)],
        ]
    )
    figures = row(ho3d(tmp_path, lambda hand: list(next(answers)(hand))))
    assert figures["hands"] == 3 and figures["found"] == pytest.approx(1 / 3)
    assert figures["hands_of_nobody"] == 2
    assert figures["mpjpe_xyz_mm"] == pytest.approx(1.0, abs=1e-3)


def test_predictions_are_no_finds(tmp_path: Path) -> None:
    figures = row(ho3d(tmp_path, lambda hand: [replace(hand, state=TrackState.PREDICTED)]))
    assert figures["found"] == 0.0 and figures["hands_of_nobody"] == 0


def test_a_hand_that_is_not_finite_is_no_find(tmp_path: Path) -> None:
    figures = row(ho3d(tmp_path, lambda hand: [moved(hand, [float("nan"), 0.0, 0.0])]))
    assert figures["found"] == 0.0


def test_two_right_hands_each_get_their_own(tmp_path: Path) -> None:
    task = ho3d(tmp_path)
    sample = samples(task.reader)[0]
    first = sample.hands[0].completed(hand(), V2.tips)
    assert first.joints_camera is not None
    second = replace(first, joints_camera=first.joints_camera + [0.2, 0.0, 0.0])
    true = truth_hand(first, V2.tips)
    there, here = moved(true, [0.2, 0.0, 0.0]), moved(true, [0.01, 0.0, 0.0])
    found, nobodys = match_hands([there, here], [first, second], sample.camera)
    assert found[0] is here and found[1] is there and nobodys == []


def test_hands_out_of_the_picture_or_hidden_need_not_be_found(tmp_path: Path) -> None:
    sample = samples(ho3d(tmp_path).reader)[0]
    truth = sample.hands[0]
    assert truth.joints_camera is not None and counts(truth, sample.camera)
    assert not counts(replace(truth, joints_camera=truth.joints_camera + [1.0, 0.0, 0.0]), sample.camera)
    assert not counts(replace(truth, visibility=0.05), sample.camera)
    assert not counts(replace(truth, joints_camera=None, wrist_camera=None), sample.camera)


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    def interrupted(hand: Hand) -> list[Hand]:
        if len(oracle.frames) == 3:
            raise KeyboardInterrupt
        return [hand]

    task = ho3d(tmp_path, interrupted)
    oracle = task.pipeline
    assert isinstance(oracle, Oracle)
    with pytest.raises(KeyboardInterrupt):
        evaluate(task)
    folder = tmp_path / "out/sequences"
    assert [path.name for path in folder.iterdir()] == ["ABF10.json"]
    again = ho3d(tmp_path)
    results = evaluate(again)
    assert isinstance(again.pipeline, Oracle) and len(again.pipeline.frames) == 1
    assert [(r.sequence, r.frames, len(r.hands)) for r in results] == [("ABF10", 2, 2), ("MC1", 1, 1)]
    third = ho3d(tmp_path)
    assert evaluate(third) == results
    assert isinstance(third.pipeline, Oracle) and third.pipeline.frames == []


def test_results_that_are_damaged_or_of_something_else_are_made_anew(tmp_path: Path) -> None:
    evaluate(ho3d(tmp_path))
    for damage in ("{", "[]", '{"identity": {"hand": "a"}}', ""):
        result_path(tmp_path / "out", "ABF10").write_text(damage)
        again = ho3d(tmp_path)
        assert evaluate(again)[0].frames == 2
        assert isinstance(again.pipeline, Oracle) and len(again.pipeline.frames) == 2
    other = replace(ho3d(tmp_path), identity={"hand": "b"})
    evaluate(other)
    assert isinstance(other.pipeline, Oracle) and len(other.pipeline.frames) == 3


def test_limits(tmp_path: Path) -> None:
    """A sequence cut by a limit does not stand for the whole one, nor for another cut."""
    frames = []
    for limit in (1, 1, 2, 3, 1, None, None):
        task = ho3d(tmp_path)
        results = evaluate(task, limit)
        assert isinstance(task.pipeline, Oracle)
        frames.append((sum(r.frames for r in results), len(task.pipeline.frames)))
    assert frames == [(1, 1), (1, 0), (2, 2), (3, 1), (1, 1), (3, 2), (3, 0)]


def test_files_that_cannot_be_read_are_told_and_cost_only_themselves(tmp_path: Path) -> None:
    task = ho3d(tmp_path)
    (tmp_path / "train/ABF10/rgb/0001.png").write_bytes(b"no image")
    (tmp_path / "train/MC1/meta/0005.pkl").unlink()
    results = evaluate(task)
    values = as_json(results, V2, "train", task.reader.problems, mano=True, limit=None)
    assert values["frames"] == 1 and values["frames_left_out"] == 2
    reasons = {Path(problem["path"]).name: problem["reason"] for problem in values["problems"]}
    assert reasons["0001.png"] == "not an image that can be decoded" and reasons["0005.pkl"] == "no such file"
    text = as_markdown(values)
    assert "Left out: 2 frames" in text and "0005.pkl: no such file" in text


def test_frames_that_come_twice_count_once(tmp_path: Path) -> None:
    first, second, _ = samples(ho3d(tmp_path).reader)
    items = list(each_once(iter([first, second, first])))
    assert items[:2] == [first, second] and isinstance(items[2], FileProblem) and "comes again" in items[2].reason


def test_stills_are_shown_several_times_to_a_pipeline_without_memory(tmp_path: Path) -> None:
    xyz, vertices = test_freihand.build(tmp_path)
    chain = xyz + [0.0, 0.001, 0.0]  # joints of the bones are not compared: FreiHAND regresses its joints from the mesh
    oracle = Oracle(lambda _: [found_hand(Side.RIGHT, chain, vertices)])
    run = DatasetEvaluation("freihand", tmp_path, out=tmp_path / "out", hand_model=OPEN_HAND)
    values, text = run.run(oracle)
    assert len(oracle.frames) == 3 * STILL_LOOKS and oracle.resets == 1 + 3
    assert all(b.stamp_ns > a.stamp_ns for a, b in pairwise(oracle.frames[:STILL_LOOKS]))
    ours = values["rows"][0]
    assert ours["mpjpe_xyz_mm"] == pytest.approx(0.0, abs=1e-3) and ours["found"] == 1.0
    assert "| Hamba [2] |  |  |  |  | 5.30 |  | 0.992 |  |" in text
    assert "[2] Dong et al., Hamba, NeurIPS 2024, abstract; split evaluation" in text


def test_the_open_hand_has_no_figures_of_vertices(tmp_path: Path) -> None:
    xyz, vertices = test_freihand.build(tmp_path)
    oracle = Oracle(lambda _: [found_hand(Side.RIGHT, xyz, vertices)])
    values, text = DatasetEvaluation("freihand", tmp_path, out=tmp_path / "out").run(oracle)
    ours = values["rows"][0]
    assert not NEED_VERTICES & ours.keys() and "mpjpe_mm" in ours
    assert "not comparable and left out: pve_xyz_mm, pa_pve_reflect_mm, pa_f5, pa_f15" in text


def test_annotations_that_contradict_themselves_are_told(tmp_path: Path) -> None:
    """The check of a data set's version: stated joints against its MANO parameters with the user's file."""
    xyz, vertices = test_freihand.build(tmp_path)
    path = tmp_path / "evaluation_xyz.json"
    path.write_text(json.dumps([(xyz + [0.0, 0.0, 0.02]).tolist()] * 3))
    oracle = Oracle(lambda _: [found_hand(Side.RIGHT, xyz, vertices)])
    run = DatasetEvaluation("freihand", tmp_path, out=tmp_path / "out", hand_model=OPEN_HAND)
    assert "20.0 mm (median) from those of the stated MANO parameters: another version" in run.run(oracle)[1]


def test_two_hands_relative_to_each_other(tmp_path: Path) -> None:
    """The left hand is 3 mm off: mrrpe is 3 mm, root-aligned errors are 0; hands are told by how many there are."""
    test_interhand.build(tmp_path)
    run = DatasetEvaluation("interhand26m", tmp_path, out=tmp_path / "out")
    task = run.task(Oracle(lambda _: []))
    truths = samples(task.reader)[0].hands

    def answer(frame: Frame) -> list[Hand]:
        offsets = {Side.RIGHT: [0.0, 0.0, 0.0], Side.LEFT: [0.0, 0.003, 0.0]}
        return [found_hand(t.side, t.joints_camera + offsets[t.side], np.zeros((778, 3))) for t in truths]  # type: ignore[operator]

    values, _ = run.run(Oracle(answer))
    whole, two = values["rows"][:2]
    assert whole["row"] == "this package" and whole["mrrpe_mm"] == pytest.approx(3.0)
    assert whole["mpjpe_mm"] == pytest.approx(0.0, abs=1e-6)
    assert two["row"] == "this package, two hands" and two["hands"] == whole["hands"]


def test_accelerations(tmp_path: Path) -> None:
    """Joints about the wrist grow and shrink by 1 % from frame to frame: second differences of 4 % of their place."""
    test_arctic.build(tmp_path)
    run = DatasetEvaluation("arctic", tmp_path, out=tmp_path / "out", hand_model=OPEN_HAND)
    task = run.task(Oracle(lambda _: []))
    sequence = "s05/box_use_01/2"
    found = samples(task.reader, sequence)
    joints: dict[int, Array] = {}

    def answer(frame: Frame) -> list[Hand]:
        sample = next(s for s in found if s.stamp_ns == frame.stamp_ns)
        full = sample.hands[0].completed(task.models[Side.RIGHT], task.reader.info.tips)
        assert full.joints_camera is not None and full.vertices_camera is not None
        joints[sample.frame] = full.joints_camera
        factor = 1.01 if sample.frame % 2 else 0.99
        wrist = full.joints_camera[0]
        return [
            found_hand(
                Side.RIGHT,
                wrist + factor * (full.joints_camera - wrist),
                wrist + factor * (full.vertices_camera - wrist),
            )
        ]

    for frame in range(11, 14):
        source = tmp_path / "images/s05/box_use_01/2/00010.jpg"
        (source.parent / f"{frame:05d}.jpg").write_bytes(source.read_bytes())
    big = replace(task, pipeline=Oracle(answer))
    result = run_sequence(big, sequence)
    mean, count = result.means["accel_mm_s2"]
    sizes = np.linalg.norm(joints[10] - joints[10][0], axis=1).mean() * 1000.0
    assert count == 2 and mean == pytest.approx(0.04 * sizes * 30.0**2, rel=0.02)


def test_hidden_truth_gives_the_challenge_s_file(tmp_path: Path) -> None:
    """Order of evaluation.txt, MANO's joint order, OpenGL's axes; a stand-in at the stated wrist where nothing is."""
    entries = test_ho3d.build(tmp_path, "evaluation")
    (tmp_path / "evaluation.txt").write_text("\n".join([entries[2], entries[0], entries[1]]))
    points = np.random.default_rng(0).normal(size=(778, 3)) + [0.0, 0.0, 1.0]
    joints = np.random.default_rng(1).normal(size=(21, 3)) + [0.0, 0.0, 1.0]
    told = found_hand(Side.RIGHT, joints, points)
    oracle = Oracle(lambda frame: [] if frame.stamp_ns == 0 else [told])
    run = DatasetEvaluation("ho3d-v2", tmp_path, out=tmp_path / "out", hand_model=OPEN_HAND)
    values, text = run.run(oracle)
    xyz, verts = json.loads((tmp_path / "out/pred.json").read_text())
    assert values["hands_found"] == 2 and len(xyz) == len(verts) == 3 and "hands found in 2" in text
    expected = joints.copy()
    expected[[4, 8, 12, 16, 20]] = points.astype(np.float32)[[744, 333, 444, 555, 672]]
    order = [0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3, 4, 8, 12, 16, 20]  # wrist, index, middle, ...
    np.testing.assert_allclose(xyz[0], expected[order] * [1, -1, -1], atol=1e-5)
    np.testing.assert_allclose(verts[2], points * [1, -1, -1], atol=1e-5)
    np.testing.assert_allclose(xyz[1][0], test_ho3d.meta(True)["handJoints3D"], atol=1e-6)
    frames = len(oracle.frames)
    assert run.run(oracle)[0] == values and len(oracle.frames) == frames
    with pytest.raises(InputError, match="leave out --limit"):
        replace(run, limit=2).run(oracle)
    with pytest.raises(InputError, match="give --hand-model"):
        replace(run, hand_model=None).run(oracle)


def test_fresh_removes_results_and_nothing_else(tmp_path: Path) -> None:
    xyz, vertices = test_freihand.build(tmp_path)
    oracle = Oracle(lambda _: [found_hand(Side.RIGHT, xyz, vertices)])
    run = DatasetEvaluation("freihand", tmp_path, out=tmp_path / "out")
    run.run(oracle)
    (tmp_path / "out/sequences/notes.txt").write_text("mine")
    count = len(oracle.frames)
    run.run(oracle)
    assert len(oracle.frames) == count
    replace(run, fresh=True).run(oracle)
    assert len(oracle.frames) == 2 * count and (tmp_path / "out/sequences/notes.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["freihand"], "evaluate freihand: give --root DIR"),
        (["freihand", "--root", "{}/nowhere"], "no such folder: get FreiHAND v2"),
        (["freihand", "--root", "{}", "--limit", "0"], "--limit 0: give 1 or more"),
        (["freihand", "--root", "{}", "--split", "test"], "no split test: give one of evaluation, training"),
        (["freihand", "--root", "{}", "--hand-model", "{}/MANO_RIGHT.pkl"], "MANO_RIGHT.pkl: no such file"),
        (["freihand", "--root", "{}", "--hand-model-left", "{}/L.pkl"], "--hand-model-left needs --hand-model"),
        (["arctic", "--root", "{}"], "get ARCTIC"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    test_freihand.build(tmp_path)
    assert main(["evaluate", *(argument.format(tmp_path) for argument in arguments)]) == 2
    error = capsys.readouterr().err.strip()
    assert told in error and "\n" not in error


def test_parameters_alone_need_the_user_s_hand(tmp_path: Path) -> None:
    test_arctic.build(tmp_path)
    with pytest.raises(InputError, match=r"ARCTIC states its hands as MANO parameters only: give --hand-model"):
        DatasetEvaluation("arctic", tmp_path, out=tmp_path / "out").run(Oracle(lambda _: []))


def test_the_command_knows_every_data_set() -> None:
    named = get_args(get_type_hints(Evaluate, include_extras=False)["what"])
    assert set(NAMES) <= set(named)
    assert KEYS.keys() == set(NAMES)


def test_published_rows_have_known_keys_and_a_source() -> None:
    for published in ROWS:
        assert published.source and set(published.figures) <= set(KEYS[published.dataset]), published.method
    for keys in KEYS.values():
        assert set(keys) <= METRICS.keys()


def write_rendered_hands(root: Path, frames: int) -> None:
    """Rendered frames of two hands in HO-3D's format, the right one annotated: OpenGL's axes, flat hand."""
    model = hand()
    entries = []
    for i, (frame, hands) in enumerate(demo_frames(frames, width=640, height=480)):
        true = next(h for h in hands if h.side is Side.RIGHT).parameters
        pose = true.pose.copy()
        pose[0] = axis_angle_from_rotation(HALF_TURN_X @ rotation_from_axis_angle(true.pose[0]))
        shaped = model.with_shape(true.shape)
        translation = HALF_TURN_X @ true.wrist_camera - shaped.joints_rest[0]
        posed = shaped.with_pose(pose, translation)
        meta = test_ho3d.meta(False) | {
            "handPose": pose.ravel(),
            "handTrans": translation,
            "handBeta": true.shape,
            "handJoints3D": joints21_of(posed.vertices, posed.joints16, V2.tips),
            "camMat": frame.camera.K,
        }
        folder = root / "train/DEMO1"
        write_pickle(folder / f"meta/{i:04d}.pkl", meta)
        (folder / "rgb").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"rgb/{i:04d}.png"), frame.image_bgr)
        entries.append(f"DEMO1/{i:04d}")
    (root / "train.txt").write_text("\n".join(entries))


def test_the_pipeline_itself_on_rendered_hands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = [model.name for model in MODELS if not (model_directory() / model.name).is_file()]
    if absent:
        pytest.skip(f"{', '.join(absent)} not in {model_directory()}: run `hoi-perception models fetch`")
    write_rendered_hands(tmp_path, 8)
    options = ["--root", str(tmp_path), "--split", "train", "--out", str(tmp_path / "out")]
    figures = ["--json", str(tmp_path / "figures.json"), "--hand-model", str(OPEN_HAND)]
    assert main(["evaluate", "ho3d-v2", *options, *figures]) == 0
    ours = json.loads((tmp_path / "figures.json").read_text())["rows"][0]
    assert ours["hands"] == 8 and ours["found"] >= 0.75
    assert ours["pa_mpjpe_reflect_mm"] < 12.0 and ours["pa_pve_reflect_mm"] < 12.0 and ours["mpjpe_mm"] < 40.0
    assert "| this package |" in capsys.readouterr().out
