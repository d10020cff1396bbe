"""Instruments followed in real clips: references from colours, identities, tips, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from jaxtyping import Bool
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.clip_evaluation import OVERLAY_EVERY, ClipRun, evaluate_clips
from hoi_perception.evaluation.clip_coffee import ACROSS_M, BODY, HEIGHT_M, add_cylinder, follow_coffee, mug
from hoi_perception.evaluation.clip_colours import blue, closed, filled, hsv, piece_at, red, skin, union_iou
from hoi_perception.evaluation.clip_cups import read_orders
from hoi_perception.evaluation.clip_frame import STARTS, ClipFrame
from hoi_perception.evaluation.clip_identity import MERGED_FRAMES, Identity, identity_after
from hoi_perception.evaluation.clip_report import ClipFigure, ClipReport, as_json, as_markdown
from hoi_perception.evaluation.clip_suturing import read_tips
from hoi_perception.hands.models import MODELS, model_directory
from hoi_perception.instruments.library import Library
from hoi_perception.io.input_error import InputError
from hoi_perception.io.instrument_poses import read_instrument_poses
from hoi_perception.types import Frame, Scene

Mask = Bool[NDArray[np.bool_], "h w"]
RED, BLUE, SKIN, GREEN = (30, 20, 200), (190, 110, 30), (120, 150, 200), (90, 140, 60)
"""Colours (blue, green, red) as in the clips."""


def picture(*boxes: tuple[tuple[int, int, int], int, int, int, int]) -> NDArray[np.uint8]:
    """Boxes (colour, x0, y0, x1, y1) on a green ground."""
    image = np.full((120, 200, 3), GREEN, dtype=np.uint8)
    for colour, x0, y0, x1, y1 in boxes:
        image[y0:y1, x0:x1] = colour
    return image


def box(x0: int, y0: int, x1: int, y1: int) -> Mask:
    mask = np.zeros((120, 200), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


def test_colours_are_told_apart_by_the_picture_alone() -> None:
    planes = hsv(picture((RED, 10, 10, 40, 60), (BLUE, 60, 10, 90, 60), (SKIN, 120, 10, 150, 60)))
    assert (red(planes) == box(10, 10, 40, 60)).all()
    assert (blue(planes) == box(60, 10, 90, 60)).all()
    assert (skin(planes, red(planes)) == box(116, 6, 154, 64)).all(), "with its margin of 4 px"


def test_reference_of_the_mug_follows_its_own_piece_and_not_a_reflection() -> None:
    camera = camera_from_fov(200, 120, 55.0)
    reflection = (BLUE, 10, 10, 100, 100)
    first, second = (
        picture(reflection, (BLUE, x, 20, x + 40, 80), (GREEN, x + 15, 30, x + 25, 40)) for x in (120, 126)
    )
    frames = [
        ClipFrame(k, Frame(image, camera, k), Scene(k, "camera", camera, (), 0, {}), {1: box(118, 15, 150, 85)})
        for k, image in enumerate((first, second))
    ]
    reference, left_out = mug(frames[0], None)
    assert (reference == box(120, 20, 160, 80)).all() and not left_out.any(), "a hole in it is filled"
    reference, _ = mug(ClipFrame(1, frames[1].frame, frames[1].scene, {}), reference)
    assert (reference == box(126, 20, 166, 80)).all(), "by where it was, not by what is told"


def test_union_over_what_is_not_left_out() -> None:
    ours, reference = box(0, 0, 20, 10), box(10, 0, 30, 10)
    nothing = np.zeros_like(ours)
    assert union_iou(ours, reference, nothing) == pytest.approx(1.0 / 3.0)
    assert union_iou(ours, reference, box(0, 0, 10, 10)) == pytest.approx(0.5)
    assert np.isnan(union_iou(nothing, nothing, nothing))


def test_pieces_and_gaps() -> None:
    mask = box(10, 10, 40, 40) | box(44, 10, 60, 40) | box(100, 10, 120, 40)
    assert (closed(mask) == box(10, 10, 60, 40) | box(100, 10, 120, 40)).all()
    assert (piece_at(closed(mask), box(110, 0, 200, 120)) == box(100, 10, 120, 40)).all()
    assert not piece_at(mask, box(150, 60, 160, 70)).any()
    ring = box(10, 10, 60, 60) & ~box(20, 20, 50, 50)
    assert (filled(ring) == box(10, 10, 60, 60)).all()


CUPS = [box(10, 10, 40, 60), box(70, 10, 100, 60), box(130, 10, 160, 60)]
"""Three pieces that stand apart."""


def counted(
    frames: list[dict[int, Mask]], coloured: Mask | None = None, order: tuple[int, ...] | None = None
) -> Identity:
    """What is counted over frames in which the pieces stand still."""
    identity, shown = Identity(), np.logical_or.reduce(CUPS) if coloured is None else coloured
    for index, silhouettes in enumerate(frames):
        identity = identity_after(identity, index, silhouettes, shown, order)
    return identity


def test_tracks_that_stay_are_not_counted() -> None:
    right = dict(enumerate(CUPS, start=1))
    found = counted([right] * 10, order=(1, 2, 3))
    assert found.swaps == () and found.merges == 0 and found.wrong_orders == ()


def test_tracks_that_change_places_are_swaps() -> None:
    right, wrong = dict(enumerate(CUPS, start=1)), {1: CUPS[1], 2: CUPS[0], 3: CUPS[2]}
    assert counted([right, right, wrong, wrong]).swaps == (2, 2), "once for each of the two pieces"
    lost = {3: CUPS[2]}
    assert counted([right, lost, lost, wrong]).swaps == (3, 3), "also while they were lost"


def test_an_order_that_was_seen_tells_what_happens_where_pieces_are_joined() -> None:
    wrong = {2: CUPS[0], 1: CUPS[1], 3: CUPS[2]}
    assert counted([wrong], order=(1, 2, 3)).wrong_orders == (0,)
    assert counted([{1: CUPS[0], 2: CUPS[1]}], order=(1, 2, 3)).wrong_orders == (0,), "one that is missing is not there"


def test_two_tracks_on_one_piece_are_merged_once_they_stay() -> None:
    shared = {1: CUPS[0], 2: box(14, 10, 44, 60), 3: CUPS[2]}
    assert counted([shared] * (MERGED_FRAMES - 1)).merges == 0
    assert counted([shared] * (MERGED_FRAMES + 5)).merges == 1
    passing = CUPS[0] | CUPS[2] | box(30, 10, 60, 60)
    assert counted([{1: CUPS[0], 2: box(30, 10, 60, 60), 3: CUPS[2]}] * 10, passing).merges == 0, "room for two"


def report() -> ClipReport:
    figures = (
        ClipFigure("union_iou_median", 0.95, 0.9, at_least=True),
        ClipFigure("tip_px_median_scissors", 7.0, 6.0, digits=1),
        ClipFigure("tip_px_median_tweezers", float("inf"), 25.0),
        ClipFigure("told", 2.5, digits=2),
    )
    return ClipReport(
        "cups", 264, "red pixels", "field of view 55 deg assumed", figures, {"union_iou": (0.9, float("nan"))}
    )


def test_the_table_holds_figures_against_their_bars() -> None:
    lines = as_markdown([report()], ["coffee.mp4"]).splitlines()
    assert lines[2:6] == [
        "| cups | 264 | `union_iou_median` | 0.950 | ≥ 0.9 | reached |",
        "| cups | 264 | `tip_px_median_scissors` | 7.0 | ≤ 6 | missed |",
        "| cups | 264 | `tip_px_median_tweezers` | none | ≤ 25 | missed |",
        "| cups | 264 | `told` | 2.50 | – |  |",
    ]
    assert lines[-1] == "- coffee.mp4: not in the folder, left out."
    assert "field of view 55 deg assumed" in lines[-2]


def test_figures_are_stored_with_their_bars() -> None:
    stored = as_json([report()], [])["clips"]["cups"]
    assert stored["figures"]["union_iou_median"] == {"value": 0.95, "bar": 0.9, "bar_is": "at least", "reached": True}
    assert stored["figures"]["tip_px_median_tweezers"]["value"] is None
    assert stored["each"]["union_iou"] == [0.9, None]


def test_poses_by_eye_are_of_instruments_that_there_are(tmp_path: Path) -> None:
    add_cylinder(tmp_path)
    library = Library.find([str(tmp_path)])
    counts = {"cups": 3, "coffee": 1, "suturing": 3}
    for clip, count in counts.items():
        poses = read_instrument_poses(STARTS / f"{clip}.yaml")
        assert [library.get(pose.name).name for pose in poses] == [pose.name for pose in poses] and len(poses) == count
    orders = read_orders(STARTS / "cups_orders.yaml")
    assert all(sorted(order) == [1, 2, 3] for order in orders.values())


def test_the_mug_is_a_cylinder_of_its_size(tmp_path: Path) -> None:
    add_cylinder(tmp_path)
    vertices = np.concatenate(
        [mesh.vertices for link in Library.find([str(tmp_path)]).get(BODY).links for mesh in link.visual]
    )
    np.testing.assert_allclose(np.ptp(vertices, axis=0), [HEIGHT_M, ACROSS_M, ACROSS_M], atol=1e-4)
    np.testing.assert_allclose(vertices[:, 0].min(), 0.0, atol=1e-6)


def test_only_tips_that_a_person_set_count(tmp_path: Path) -> None:
    file = tmp_path / "tips.csv"
    file.write_text("frame,instrument,x_px,y_px,occluded,annotated\n0,tweezers,5.0,7.5,0,1\n1,tweezers,6.0,8.0,0,0\n")
    found = read_tips(file)
    assert list(found) == [(0, "tweezers")] and found[0, "tweezers"].tolist() == [5.0, 7.5]


def test_a_folder_without_clips_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cups\.mp4"):
        evaluate_clips(tmp_path, ClipRun())
    with pytest.raises(InputError, match="no such folder"):
        evaluate_clips(tmp_path / "none", ClipRun())


def test_the_mug_is_followed_in_the_first_frames_of_its_clip(real_data: Path, tmp_path: Path) -> None:
    absent = [model.name for model in MODELS if not (model_directory() / model.name).is_file()]
    if absent:
        pytest.skip(f"{', '.join(absent)} not in {model_directory()}: run `hoi-perception models fetch`")
    frames = OVERLAY_EVERY + 2
    told = follow_coffee(real_data, ClipRun(overlay=tmp_path, most_frames=frames))
    figures = {figure.key: figure.value for figure in told.figures}
    assert told.frames == frames and "55" in told.assumed
    assert figures["union_iou_median"] >= 0.85 and figures["lost_frames"] == 0.0
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == ["coffee_0000.jpg", "coffee_0010.jpg"]
    assert cv2.imread(str(tmp_path / drawn[0])).shape == (720, 1280, 3)
