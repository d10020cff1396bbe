"""Labels of training pictures are where the things are, also in crops."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest
from scene_examples import from_above, open_hand, scene

from hoi_perception.camera import project
from hoi_perception.hands.landmarks import region_from_landmarks
from hoi_perception.networks.picture_targets import hand_maps, pixel_maps
from hoi_perception.synthesis import training_clutter, training_crops
from hoi_perception.synthesis.look import Cover, Dress
from hoi_perception.synthesis.picture_classes import FAMILIES, PixelClass, PointKind
from hoi_perception.synthesis.scene import Pose, SceneInstrument
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.training_clutter import cluttered
from hoi_perception.synthesis.training_crops import crop
from hoi_perception.synthesis.training_labels import TrainingPicture, key_points, labelled, region_of
from hoi_perception.types import HandLandmarks, Side


def scissors() -> SceneInstrument:
    """Closed scissors flat in the picture, tip to the right."""
    table = from_above()
    return SceneInstrument("mayo_scissors", Pose(table.R, table.of(np.array([-0.02, 0.09, 0.02]))), np.zeros(1))


@lru_cache(maxsize=1)
def picture() -> TrainingPicture:
    """A gloved right hand and scissors."""
    base = scene(open_hand(), instruments=(scissors(),), width=320)
    return labelled(SceneRenderer().render(base.with_look(replace(base.look, dress=(Dress(cover=Cover.BLUE),)))))


def test_hands_are_labelled() -> None:
    (hand,) = picture().hands
    assert hand.side is Side.RIGHT and hand.gloved and hand.visible.mean() > 0.9
    assert region_of(hand) == region_from_landmarks(HandLandmarks(hand.joints_px, np.zeros(21), 1.0, 0.5))
    at = hand.joints_px[[5, 9, 13]].astype(int)
    assert (picture().classes[at[:, 1], at[:, 0]] == PixelClass.RIGHT_HAND).all()
    assert not (picture().classes == PixelClass.LEFT_HAND).any()


def test_key_points_lie_on_the_instrument() -> None:
    points = key_points(scissors())
    assert set(points) == set(PointKind)
    length = np.linalg.norm(points[PointKind.TIP] - points[PointKind.FAR_END])
    assert 0.10 < length < 0.20
    tip, joint, end = (np.linalg.norm(points[k] - points[PointKind.FAR_END]) for k in PointKind)
    assert end == 0.0 and 0.2 * length < joint < 0.9 * length < tip
    labels = {p.kind: p for p in picture().points}
    assert {FAMILIES[p.family] for p in labels.values()} == {"scissors"}
    (u, v) = labels[PointKind.JOINT].px
    assert picture().classes[round(v), round(u)] in (PixelClass.SHAFT, PixelClass.WORKING_PART, PixelClass.HANDLE)
    assert np.linalg.norm(np.subtract(labels[PointKind.TIP].px, labels[PointKind.FAR_END].px)) > 60.0


@pytest.mark.parametrize("seed", range(6))
def test_crops_take_their_labels_along(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_crops, "_BARS", 0.0)
    small = crop(picture(), np.random.default_rng(seed))
    assert small.image_bgr.shape == (192, 256, 3) and small.classes.shape == (192, 256)
    (hand,) = small.hands
    palm = hand.joints_px[[0, 5, 17]].mean(axis=0)
    own = PixelClass.RIGHT_HAND if hand.side is Side.RIGHT else PixelClass.LEFT_HAND
    if (palm > 3).all() and (palm < [252, 188]).all():
        assert small.classes[int(palm[1]), int(palm[0])] == own
    inside = ((hand.joints_px >= 0) & (hand.joints_px < [256, 192])).all(axis=1)
    assert not hand.visible[~inside].any()
    assert set(np.unique(small.classes)) <= {0, int(own), 3, 4, 5}


def test_mirrored_crops_are_of_the_other_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_crops, "_MIRROR", 1.0)
    small = crop(picture(), np.random.default_rng(0))
    assert small.hands[0].side is Side.LEFT
    assert (small.classes == PixelClass.LEFT_HAND).any() and not (small.classes == PixelClass.RIGHT_HAND).any()


def test_clutter_lies_behind_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_clutter, "_MARKED", 0.0)
    whole = picture()
    inner = cv2.erode((whole.instances > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    for seed in range(5):
        drawn = cluttered(whole, np.random.default_rng(seed))
        off = np.abs(drawn.image_bgr.astype(int) - whole.image_bgr).max(axis=-1)
        assert off[inner].max() <= 1
        assert drawn.classes is whole.classes and drawn.hands is whole.hands
    assert any(
        (cluttered(whole, np.random.default_rng(seed)).image_bgr != whole.image_bgr)[whole.instances == 0].any()
        for seed in range(5)
    )


@pytest.mark.parametrize("gloved", [True, False])
def test_pen_marks_are_on_gloves_alone(gloved: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_clutter, "_MARKED", 1.0)
    monkeypatch.setattr(training_clutter, "_THINGS", 0.0)
    whole = replace(picture(), hands=(replace(picture().hands[0], gloved=gloved),))
    drawn = cluttered(whole, np.random.default_rng(1)).image_bgr
    changed = np.abs(drawn.astype(int) - whole.image_bgr).max(axis=-1) > 8
    assert changed.any() == gloved
    assert (cv2.dilate((whole.classes == PixelClass.RIGHT_HAND).astype(np.uint8), np.ones((5, 5)))[changed] > 0).all()


def test_hands_seen_from_near_are_cut_at_the_palm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrist is beyond the border in half of such crops and more, fingers stay in the picture."""
    monkeypatch.setattr(training_crops, "_CLOSE", 1.0)
    monkeypatch.setattr(training_crops, "_BARS", 0.0)
    crops = [crop(picture(), np.random.default_rng(seed)).hands[0].joints_px for seed in range(24)]
    near = [px for px in crops if np.linalg.norm(px[9] - px[0]) > 60.0]
    assert len(near) >= 12
    inside = np.array([((px >= 0) & (px < [256, 192])).all(axis=1) for px in near])
    assert inside[:, 0].mean() < 0.6 and inside[:, 5:].mean() > 0.5


def test_maps_of_a_picture_are_where_its_things_are() -> None:
    whole = picture()
    height, width = whole.classes.shape
    hands = hand_maps(whole, (height // 4, width // 4), 4)
    row, column = np.unravel_index(hands.heat[1].argmax(), hands.heat[1].shape)
    v, u = (np.mean(n) for n in np.nonzero(whole.classes == PixelClass.RIGHT_HAND))
    assert abs(4 * (column + 0.5) - u) <= 4 and abs(4 * (row + 0.5) - v) <= 4
    assert hands.heat[1].max() == 1.0 and not hands.heat[0].any() and hands.counts.all()
    pixels = pixel_maps(whole, 4)
    np.testing.assert_allclose(pixels.shares.sum(axis=0), 1.0, atol=1e-5)
    share = (whole.classes == PixelClass.WORKING_PART).mean()
    assert share > 0.0 and pixels.shares[PixelClass.WORKING_PART].mean() == pytest.approx(share, rel=1e-4)
    assert set(np.unique(pixels.family)) == {-1, FAMILIES.index("scissors")}
    tip = next(p for p in whole.points if p.kind is PointKind.TIP)
    assert pixels.points[PointKind.TIP, int(tip.px[1] / 4), int(tip.px[0] / 4)] == 1.0


def test_hands_of_which_hardly_anything_shows_teach_nothing() -> None:
    whole = picture()
    hidden = replace(whole.hands[0], visible=np.zeros(21, dtype=bool))
    maps = hand_maps(replace(whole, hands=(hidden,)), (60, 80), 4)
    assert not maps.heat.any() and not maps.values.any()
    assert not maps.counts.all() and maps.counts[0, 0]


def test_points_move_as_the_picture_does() -> None:
    """A hand's joints, projected anew, are the labels' joints."""
    base = scene(open_hand(), width=320)
    shown = SceneRenderer().render(base)
    np.testing.assert_allclose(labelled(shown).hands[0].joints_px, project(shown.joints_camera[0], base.camera))
