"""An instrument of known colours is found again wherever it is in the image."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.instrument_tracking.search import best_spot
from hoi_perception.instrument_tracking.seeding import seeded_colours
from hoi_perception.instruments.colour import Colours, no_cover

RED, GREEN = (40, 30, 200), (90, 140, 60)


def picture(x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """A red rod 100 x 20 px on green, its upper left corner at (x, y), and its silhouette."""
    image = np.empty((240, 480, 3), dtype=np.uint8)
    image[:] = GREEN
    mask = np.zeros((240, 480), dtype=bool)
    mask[y : y + 20, x : x + 100] = True
    image[mask] = RED
    return image, mask


@pytest.fixture(scope="module")
def colours() -> Colours:
    image, mask = picture(50, 60)
    found = seeded_colours(image, no_cover(image), mask, 10.0)
    assert found is not None
    return found


@pytest.mark.parametrize(("x", "y"), [(50, 60), (300, 160), (0, 0), (380, 220)])
def test_the_shift_is_found(colours: Colours, x: int, y: int) -> None:
    """To within two pixels of the picture that is searched, which is 320 wide."""
    _, mask = picture(50, 60)
    image, _ = picture(x, y)
    spot = best_spot(image, no_cover(image), colours, mask)
    assert spot is not None and spot.score > 0.6
    np.testing.assert_allclose(spot.shift_px, (x - 50, y - 60), atol=3.0)


def test_where_it_is_not_nothing_agrees(colours: Colours) -> None:
    _, mask = picture(50, 60)
    empty = np.empty((240, 480, 3), dtype=np.uint8)
    empty[:] = GREEN
    spot = best_spot(empty, no_cover(empty), colours, mask)
    assert spot is not None and spot.score < 0.1


def test_what_is_hidden_does_not_agree(colours: Colours) -> None:
    image, _ = picture(300, 160)
    _, mask = picture(50, 60)
    cover = no_cover(image)
    cover[150:190, 290:410] = 0.0
    spot = best_spot(image, cover, colours, mask)
    assert spot is not None and spot.score < 0.1


def test_a_silhouette_of_nothing_is_not_searched(colours: Colours) -> None:
    image, mask = picture(300, 160)
    assert best_spot(image, no_cover(image), colours, np.zeros_like(mask)) is None
