"""Landmarks of patches and crops are where the hand is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scene_examples import open_hand, scene

from hoi_perception.hands.landmarks import crop_to_image, region_from_landmarks
from hoi_perception.synthesis.hand_crops import hand_crop
from hoi_perception.synthesis.hand_patches import MARGIN, SIZE, HandPatch, patches_of
from hoi_perception.synthesis.look import Cover, Dress, Part
from hoi_perception.synthesis.scene import Rendered
from hoi_perception.synthesis.scene_landmarks import SceneLandmarks
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.types import HandLandmarks, HandRegion, Side


@pytest.fixture(scope="module")
def shown() -> Rendered:
    base = scene(open_hand(), width=320)
    return SceneRenderer().render(base.with_look(replace(base.look, dress=(Dress(cover=Cover.BLUE),))))


def test_a_hand_is_cut_out_with_its_landmarks(shown: Rendered) -> None:
    landmarks = SceneLandmarks()
    px, depth = landmarks.seen(shown.scene.hands[0], shown.scene.camera)
    assert np.linalg.norm(px - shown.joints_px[0], axis=1).max() < 0.2 * np.ptp(px[:, 1]), "near the joints"
    region = region_from_landmarks(HandLandmarks(px, depth, 1.0, 0.5))
    patch, *empty = patches_of(shown, landmarks, np.random.default_rng(0))
    assert patch.present and patch.side is Side.RIGHT and patch.gloved
    assert patch.image_bgr.shape == (SIZE, SIZE, 3)
    T = crop_to_image(HandRegion(region.center_px, MARGIN * region.size_px, 0.0), SIZE)
    np.testing.assert_allclose(patch.points_px @ T[:, :2].T + T[:, 2], px, atol=1e-6)
    np.testing.assert_allclose(patch.depth, depth * SIZE / (MARGIN * region.size_px))
    again = region_from_landmarks(HandLandmarks(patch.points_px, patch.depth, 1.0, 0.5))
    assert again.center_px == pytest.approx(patch.region.center_px, abs=1e-6)
    assert again.size_px == pytest.approx(patch.region.size_px)
    palm = patch.points_px[[5, 9, 13, 17]].mean(axis=0).astype(int)
    b, _, r = patch.image_bgr[palm[1], palm[0]].astype(int)
    assert b > r + 20, "a blue glove"
    assert empty and not any(one.present for one in empty)


def test_a_place_without_a_hand_shows_none(shown: Rendered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoi_perception.synthesis.hand_patches.cluttered", lambda picture, _: picture)
    of_hand = np.where(shown.parts == Part.RIGHT_HAND, 255, 0).astype(np.uint8)
    masked = replace(shown, image_bgr=np.repeat(of_hand[:, :, None], 3, axis=2))
    inner = slice(int(0.3 * SIZE), int(0.7 * SIZE))
    shares = {True: [0.0], False: [0.0]}
    for seed in range(20):
        for patch in patches_of(masked, SceneLandmarks(), np.random.default_rng(seed)):
            shares[patch.present].append(float((patch.image_bgr[inner, inner] > 127).mean()))
    assert max(shares[True]) > 0.2 and len(shares[False]) > 20
    assert max(shares[False]) < 0.1


def dotted() -> HandPatch:
    """A dark patch with a bright spot at the last landmark."""
    image = np.full((SIZE, SIZE, 3), 20, dtype=np.uint8)
    points = np.full((21, 2), SIZE / 2.0)
    points[20] = 110.5, 80.5
    image[78:83, 108:113] = 255
    here = HandRegion((SIZE / 2.0, SIZE / 2.0), SIZE / MARGIN, 0.4)
    return HandPatch(image, here, points, np.arange(21.0), np.ones(21, dtype=bool), Side.LEFT, True)


def test_crops_move_landmarks_with_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoi_perception.synthesis.hand_crops._HIDDEN", 0.0)
    rng = np.random.default_rng(3)
    near, sides = 0, set()
    y, x = np.mgrid[:128, :128]
    for _ in range(100):
        crop = hand_crop(dotted(), rng, 128, 0.85)
        sides.add(crop.side)
        at = crop.image_bgr.astype(int).sum(axis=2)
        weight = np.clip(at - (at.min() + 0.7 * (at.max() - at.min())), 0, None)
        middle = np.array([(weight * x).sum(), (weight * y).sum()]) / max(weight.sum(), 1) + 0.5
        near += np.linalg.norm(middle - 128 * crop.places[20]) < 2.5
    assert near > 80, "the others are cut off or drowned in noise"
    assert sides == {Side.LEFT, Side.RIGHT}


def test_crops_know_what_lies_in_them() -> None:
    patch = dotted()
    outside = replace(patch, points_px=patch.points_px + np.where(np.arange(21) == 20, 500.0, 0.0)[:, None])
    crop = hand_crop(outside, np.random.default_rng(0), 128, 0.85)
    assert crop.counts[:20].all() and not crop.counts[20]
    np.testing.assert_allclose(
        crop.depth * (crop.places[20] - crop.places[0]).size, np.arange(21.0) * crop.depth[1] * 2
    )
    empty = replace(patch, side=None)
    assert not hand_crop(empty, np.random.default_rng(0), 128, 0.85).counts.any()
