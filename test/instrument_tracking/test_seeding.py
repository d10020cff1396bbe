"""First colours of an instrument that is roughly where it is said to be."""

from __future__ import annotations

import numpy as np

from hoi_perception.instrument_tracking.seeding import seeded_colours
from hoi_perception.instruments.colour import no_cover

GREEN, GREY = (90, 140, 60), (150, 150, 150)


def picture(rod: slice | None) -> np.ndarray:
    """A grey rod on green."""
    image = np.empty((120, 160, 3), dtype=np.uint8)
    image[:] = GREEN
    if rod is not None:
        image[rod, 30:130] = GREY
    return image


def share(colours: np.ndarray, bgr: tuple[int, int, int]) -> float:
    return float(colours[tuple(c * 32 // 256 for c in bgr)])


def test_what_stands_out_near_a_rough_place_is_the_instrument() -> None:
    """The rod is 9 px off and 6 px wide."""
    image, silhouette = picture(slice(60, 66)), np.zeros((120, 160), dtype=bool)
    silhouette[51:57, 30:130] = True
    colours = seeded_colours(image, no_cover(image), silhouette, 15.0)
    assert colours is not None
    grey, green = share(colours.table.reshape(32, 32, 32), GREY), share(colours.table.reshape(32, 32, 32), GREEN)
    assert grey > 2.0 and green < -2.0, "as much as a pixel may say, for and against"


def test_nothing_stands_out_of_an_even_picture() -> None:
    image, silhouette = picture(None), np.zeros((120, 160), dtype=bool)
    silhouette[51:57, 30:130] = True
    assert seeded_colours(image, no_cover(image), silhouette, 15.0) is None


def test_what_is_hidden_tells_nothing() -> None:
    image, silhouette = picture(slice(60, 66)), np.zeros((120, 160), dtype=bool)
    silhouette[51:57, 30:130] = True
    assert seeded_colours(image, np.zeros((120, 160), dtype=np.float32), silhouette, 15.0) is None
