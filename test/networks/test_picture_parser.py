"""Images are brought to the parser and its answers back to the image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.letterbox import letterboxed
from hoi_perception.networks import picture_parser
from hoi_perception.networks.hand_proposers import ParserProposer
from hoi_perception.networks.maps import PARSER_MAPS, HandTarget, draw_hands
from hoi_perception.networks.picture_parser import PICTURE, PictureParser
from hoi_perception.synthesis.picture_classes import PixelClass, PointKind
from hoi_perception.types import HandRegion, Side

IMAGE = np.zeros((720, 1280, 3), dtype=np.uint8)
"""A pixel of the parser's picture is five of this image's, below a bar of 24."""


class Saying:
    """A network that says the same maps whatever it sees."""

    def __init__(self, maps: NDArray[np.float32]) -> None:
        self.maps = maps

    def run(self, *_: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.maps


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[NDArray[np.float32]], None]:
    """Makes every parser say these maps."""
    return lambda maps: monkeypatch.setattr(picture_parser, "LitertNetwork", lambda *_: Saying(maps))


def nothing() -> NDArray[np.float32]:
    maps = np.zeros((48, 64, PARSER_MAPS.channels), dtype=np.float32)
    maps[..., PARSER_MAPS.rare] = -12.0
    return maps


@pytest.mark.parametrize(
    ("width", "height", "scale", "offset"),
    [(1920, 1080, 256 / 1920, (0.0, 24.0)), (640, 480, 0.4, (0.0, 0.0)), (480, 960, 0.2, (80.0, 0.0))],
)
def test_images_are_scaled_to_fit_and_centred(
    width: int, height: int, scale: float, offset: tuple[float, float]
) -> None:
    picture, box = letterboxed(np.full((height, width, 3), 200, dtype=np.uint8), PICTURE)
    assert picture.shape == (192, 256, 3) and box.scale == pytest.approx(scale) and box.offset == offset
    x, y = (int(v) for v in offset)
    assert (picture[y : 192 - y, x : 256 - x] == 200).all()
    assert picture.sum() == 3 * 200 * (192 - 2 * y) * (256 - 2 * x)
    assert box.to_image((offset[0] + 10.0, offset[1] + 20.0)) == pytest.approx((10.0 / scale, 20.0 / scale))


@pytest.mark.parametrize(
    ("window", "at"),
    [(None, (209.5, 289.5)), ((slice(100, 460), slice(200, 840)), (304.5, 244.5))],
    ids=["the whole image", "a window of half its size"],
)
def test_instruments_are_told_in_pixels_of_the_image(
    window: tuple[slice, slice] | None, at: tuple[float, float], says: Callable[[NDArray[np.float32]], None]
) -> None:
    """Row 20, column 10 of the grid: pixel (42, 82) of the picture, of which 24 rows are a bar."""
    maps = nothing()
    pixels = maps[..., PARSER_MAPS.of("pixel")]
    pixels[..., PixelClass.OTHER] = 8.0
    pixels[20, 10, PixelClass.SHAFT] = pixels[20, 10, PixelClass.HANDLE] = 12.0
    pixels[3] = 12.0
    says(maps)
    seen = PictureParser().instruments(IMAGE, window)
    row, column = np.unravel_index(seen.probability.argmax(), seen.probability.shape)
    assert seen.probability.shape == (36, 64), "without the bars"
    assert seen.probability[row, column] == pytest.approx(2.0 / (2.0 + np.exp(-4.0)), abs=1e-4)
    assert ((column - seen.offset[0]) / seen.per_px, (row - seen.offset[1]) / seen.per_px) == pytest.approx(at)
    drawn = seen.drawn((1280, 720), (slice(0, 720), slice(0, 1280)))
    rows, columns = window or (slice(0, 720), slice(0, 1280))
    assert np.isfinite(drawn).sum() == (rows.stop - rows.start) * (columns.stop - columns.start)
    if window is None:
        probability = PictureParser().parse(IMAGE).probability()
        np.testing.assert_allclose(drawn[20:-20, 20:-20], probability[20:-20, 20:-20], atol=0.02)


def test_hands_are_told_in_pixels_of_the_image(says: Callable[[NDArray[np.float32]], None]) -> None:
    hand = HandTarget((100.0, 90.0), 40.0, HandRegion((110.0, 84.0), 80.0, 1.1), Side.RIGHT, False)
    heat, values = draw_hands([hand], (48, 64), 4, 256)
    maps = nothing()
    maps[..., :2] = 20.0 * heat.transpose(1, 2, 0) - 15.0
    maps[..., 2:7] = values[:5].transpose(1, 2, 0)
    says(maps)
    (found,) = PictureParser().parse(IMAGE).hands
    assert found.region.center_px == pytest.approx((550.0, 300.0), abs=0.5)
    assert found.region.size_px == pytest.approx(400.0, rel=1e-3) and found.region.angle_rad == pytest.approx(1.1)
    assert found.side is Side.RIGHT
    assert ParserProposer().propose(IMAGE) == [found.region]


def test_pixels_are_where_they_are_in_the_image(says: Callable[[NDArray[np.float32]], None]) -> None:
    """Cells 20 to 29 of rows 10 to 19 show shafts: pixels 400 to 600 and 80 to 280 of the image."""
    maps = nothing()
    maps[10:20, 20:30, PARSER_MAPS.of("pixel")][..., PixelClass.SHAFT] = 20.0
    says(maps)
    parsed = PictureParser().parse(IMAGE)
    probability = parsed.probability()
    assert probability.shape == (720, 1280)
    rows, columns = np.nonzero(probability > 0.75)
    edges = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    assert edges == pytest.approx((400, 600, 80, 280), abs=3)
    assert probability[180, 500] > 0.99 and probability[600, 100] == pytest.approx(0.5)
    np.testing.assert_allclose(parsed.probability(list(PixelClass)), 1.0, atol=1e-5)
    assert parsed.probability([PixelClass.LEFT_HAND])[180, 500] < 0.01


def test_key_points_are_found_between_cells(says: Callable[[NDArray[np.float32]], None]) -> None:
    """A tip between two cells, and a fainter joint; the tip is one of scissors."""
    maps = nothing()
    points, family = maps[..., PARSER_MAPS.of("point")], maps[..., PARSER_MAPS.of("family")]
    points[30, 40:42, PointKind.TIP] = 4.0
    points[12, 50, PointKind.JOINT] = 1.0
    family[30, 40:42, 1] = 5.0
    says(maps)
    parsed = PictureParser().parse(IMAGE)
    (tip,), (joint,) = parsed.of_kind(PointKind.TIP), parsed.of_kind(PointKind.JOINT)
    assert parsed.points == (tip, joint) and parsed.of_kind(PointKind.FAR_END) == []
    assert tip.px == pytest.approx((5 * 4 * 41.0, 5 * (4 * 30.5 - 24)), abs=0.1)
    assert joint.px == pytest.approx((5 * 4 * 50.5, 5 * (4 * 12.5 - 24)), abs=0.1)
    assert tip.family == "scissors" and sum(tip.families) == pytest.approx(1.0, abs=1e-5)
    assert tip.score == pytest.approx(1.0 / (1.0 + np.exp(-4.0)))
