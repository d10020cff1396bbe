"""A picture that stays what it was, moves a little, or is gone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.instrument_tracking.stillness import BESIDE_PX, Glimpse, glimpse, moved_px, still_there
from hoi_perception.instruments.colour import Colours, no_cover
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.occlusion import Occluder, Shade, shade
from hoi_perception.instruments.region_lines import Agreement
from hoi_perception.interaction.region_certainty import Certainty
from hoi_perception.interaction.region_tracker import RegionTrack

CAMERA = camera_from_fov(200, 150, 55.0)
DEPTH = 0.4


def picture(x: int = 60, y: int = 50, seed: int = 1) -> NDArray[np.uint8]:
    """A light bar with a dark end on a rough ground, each time with other noise."""
    image = np.random.default_rng(0).integers(60, 90, (150, 200, 3)).astype(np.float64)
    image[y : y + 20, x : x + 70] = (200, 190, 180)
    image[y : y + 20, x + 50 : x + 70] = (20, 20, 60)
    noise = np.random.default_rng(seed).normal(0.0, 2.0, image.shape)
    return np.clip(image + noise, 0.0, 255.0).astype(np.uint8)


def region() -> RegionTrack:
    state = InstrumentState(np.eye(3)[None], np.array([[0.0, 0.0, DEPTH]]), np.zeros((1, 0)))
    velocity = np.array([0.1, 0.0, 0.0, 0.0, 0.0, 0.0])
    return RegionTrack(state, velocity, 0, Colours.none(), Certainty.none(6), Agreement(0.8, 0.7, 1.0))


def place() -> Shade | None:
    """What the bar of the first picture covers."""
    corners = np.array([[60.0, 50.0], [129.0, 50.0], [129.0, 69.0], [60.0, 69.0]])
    flat = np.column_stack([(corners - CAMERA.K[:2, 2]) / CAMERA.focal_px * DEPTH, np.full(4, DEPTH)])
    return shade(Occluder(flat, np.array([[0, 1, 2], [0, 2, 3]]), margin_px=BESIDE_PX), CAMERA)


@pytest.fixture
def first() -> Glimpse:
    image = picture()
    found = glimpse(image, no_cover(image), region(), place())
    assert found is not None
    return found


def test_noise_moves_nothing(first: Glimpse) -> None:
    later = picture(seed=2)
    assert moved_px(later, no_cover(later), first) == (0.0, 0.0)


def test_a_picture_that_moved_a_little_takes_the_instrument_along(first: Glimpse) -> None:
    later = picture(63, 48, seed=2)
    assert moved_px(later, no_cover(later), first) == pytest.approx((3.0, -2.0), abs=0.3)
    told = still_there(later, no_cover(later), first, DEPTH, CAMERA.focal_px)
    assert told is not None and not told.velocity.any()
    off = told.state.t[0] - region().state.t[0]
    np.testing.assert_allclose(off[:2] / DEPTH * CAMERA.focal_px, (3.0, -2.0), atol=0.3)


@pytest.mark.parametrize("there", [(85, 50), (60, 110)])
def test_one_that_was_taken_away_is_not_there(first: Glimpse, there: tuple[int, int]) -> None:
    later = picture(*there, seed=2)
    assert moved_px(later, no_cover(later), first) is None


def test_what_is_hidden_tells_nothing(first: Glimpse) -> None:
    later = picture(seed=2)
    cover = no_cover(later)
    cover[:, 60:100] = 0.0
    assert moved_px(later, cover, first) is None
    assert glimpse(later, cover, region(), place()) is None and glimpse(later, cover, region(), None) is None


def test_a_plain_picture_tells_nothing(first: Glimpse) -> None:
    plain = np.full((150, 200, 3), 80, dtype=np.uint8)
    assert moved_px(plain, no_cover(plain), first) is None
