"""Landmarks are read from maps and brought to the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import crop
from hoi_perception.networks import own_landmarks
from hoi_perception.networks.landmark_features import FINE_SHAPE, WIDE_SHAPE, LandmarkMaps
from hoi_perception.networks.landmark_maps import CHANNELS, DEPTH, GRID, PRESENT, RIGHT, read_hand
from hoi_perception.networks.own_landmarks import (
    DOUBTED,
    SIDE_SHARE,
    SURE,
    TRUSTED,
    GlovedLandmarks,
    OwnLandmarks,
    fine_crop,
    in_image,
)
from hoi_perception.types import HandRegion

WIDE = np.zeros(WIDE_SHAPE, np.float32)
REGION = HandRegion((300.0, 200.0), 100.0, np.pi / 2)


def maps() -> NDArray[np.float32]:
    """Landmark k in the cell of row 8, column k mod 14; the last one in two places; a left hand in a glove."""
    out = np.zeros((GRID, GRID, CHANNELS), dtype=np.float32)
    for k in range(21):
        out[8, k % GRID, k] = 40.0
    out[8, 6, 20], out[8, 2, 20] = 40.0, 40.0
    out[..., DEPTH] = np.arange(21) / 100.0
    out[..., PRESENT], out[..., RIGHT] = 3.0, -2.0
    return out


def test_places_are_means_and_spread_tells_how_sure_they_are() -> None:
    hand = read_hand(maps())
    np.testing.assert_allclose(hand.places[:14], [[(k + 0.5) / 14, 8.5 / 14] for k in range(14)], atol=1e-6)
    np.testing.assert_allclose(hand.places[20], [4.5 / 14, 8.5 / 14], atol=1e-6)
    np.testing.assert_allclose(hand.spread[:14], 0.0, atol=1e-3)
    assert hand.spread[20] == pytest.approx(2 / 14)
    np.testing.assert_allclose(hand.depth, np.arange(21) / 100.0, atol=1e-6)
    assert (hand.present, hand.right) == pytest.approx((1 / (1 + np.exp(-3)), 1 / (1 + np.exp(2))))


class Saying:
    def run(self, fine: NDArray[np.float32], wide: NDArray[np.float32]) -> NDArray[np.float32]:
        assert fine.shape == (1, *FINE_SHAPE) and wide.shape == (1, *WIDE_SHAPE)
        return maps()


def test_landmarks_are_told_in_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_landmarks, "LitertNetwork", lambda *_: Saying())
    found = OwnLandmarks().run(np.zeros((480, 640, 3), dtype=np.uint8), REGION)
    # the region is turned by a right angle: the crop's x runs down the image, its y to the left
    np.testing.assert_allclose(found.points_px[0], [300.0 - 150.0 / 14, 200.0 - 650.0 / 14], atol=1e-3)
    np.testing.assert_allclose(found.points_px[13], [300.0 - 150.0 / 14, 200.0 + 650.0 / 14], atol=1e-3)
    np.testing.assert_allclose(found.depth_relative, np.arange(21), atol=1e-3)
    assert found.confidence[0] == 1.0
    assert found.confidence[20] == pytest.approx((SURE * 14 / 2) ** 2)
    assert found.presence > 0.95 and found.right_score < 0.5


def test_a_hand_whose_landmarks_are_nowhere_is_not_present() -> None:
    seen = HandRegion((50.0, 50.0), 100.0, 0.0)
    hand = read_hand(maps())
    for spread, share in ((0.05, 1.0), (TRUSTED, 1.0), (0.5 * (TRUSTED + DOUBTED), 0.5), (DOUBTED, 0.0), (0.3, 0.0)):
        found = in_image(replace(hand, spread=np.full(21, spread)), seen)
        assert found.presence == pytest.approx(share * hand.present, abs=1e-9)
        np.testing.assert_allclose(found.confidence, min(1.0, (SURE / spread) ** 2))


def test_a_side_counts_a_tenth_of_what_the_head_says() -> None:
    found = in_image(replace(read_hand(maps()), right=0.9), REGION)
    assert np.log(found.right_score / (1.0 - found.right_score)) == pytest.approx(SIDE_SHARE * np.log(9.0))


@pytest.mark.parametrize(
    ("usual", "own", "chosen"), [(0.95, 0.99, 0.95), (0.6, 0.99, 0.99), (0.6, 0.7, 0.6), (0.1, 0.7, 0.1)]
)
def test_the_head_is_taken_where_it_is_sure_and_the_network_is_not(
    monkeypatch: pytest.MonkeyPatch, usual: float, own: float, chosen: float
) -> None:
    outputs = np.zeros((1, 63)), np.full((1, 1), usual), np.full((1, 1), 0.5), np.zeros((1, 63))
    seen = LandmarkMaps(tuple(a.astype(np.float32) for a in outputs), np.zeros(FINE_SHAPE, np.float32), WIDE)

    class Network:
        def run(self, tensor: NDArray[np.float32]) -> LandmarkMaps:
            assert tensor.shape == (1, 224, 224, 3) and 0.0 <= tensor.min() <= tensor.max() <= 1.0
            return seen

    monkeypatch.setattr(own_landmarks, "LandmarkFeatures", lambda **_: Network())
    monkeypatch.setattr(own_landmarks, "LitertNetwork", lambda *_: Saying())
    monkeypatch.setattr(own_landmarks, "read_hand", lambda _: replace(read_hand(maps()), present=own))
    found = GlovedLandmarks().run(np.zeros((480, 640, 3), dtype=np.uint8), REGION)
    assert found.presence == pytest.approx(chosen)


@pytest.mark.parametrize("size_px", [120.0, 700.0, 1000.0])
def test_crops_of_large_regions_average_pixels(size_px: float) -> None:
    y, x = np.mgrid[:1080, :1920]
    ramp = np.stack([x / 10.0, y / 10.0, (x + y) / 20.0], axis=2)
    noise = np.random.default_rng(0).normal(0.0, 20.0, ramp.shape)
    region = HandRegion((1000.0, 600.0), size_px, 0.6)
    plain = crop(np.clip(ramp, 0, 255).astype(np.uint8), region, 128).astype(float)
    np.testing.assert_allclose(
        fine_crop(np.clip(ramp, 0, 255).astype(np.uint8), region, 128), plain, atol=1.6, err_msg="the same place"
    )
    noisy = fine_crop(np.clip(ramp + noise, 0, 255).astype(np.uint8), region, 128).astype(float)
    inner = (plain > 60).all(axis=2) & (plain < 190).all(axis=2)
    left = (noisy - plain)[inner].std()
    assert left < (20.0 if size_px < 256 else 20.0 / (0.4 * size_px / 128)), "noise is averaged"


def test_a_region_beyond_the_image_repeats_its_border() -> None:
    image = np.full((400, 600, 3), 90, dtype=np.uint8)
    for center in ((-500.0, 100.0), (1500.0, 900.0), (599.0, 399.0)):
        assert (fine_crop(image, HandRegion(center, 700.0, 0.3), 128) == 90).all()
