"""Pictures are brought to the networks and their answers back to the picture."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.detection import PalmNetwork
from hoi_perception.networks import hand_proposers
from hoi_perception.networks.hand_proposers import ParserProposer, SeveralProposers, distinct, letterbox
from hoi_perception.networks.maps import PARSER_MAPS, HandTarget, draw_hands
from hoi_perception.networks.palm_features import PalmFeatures
from hoi_perception.types import HandRegion, Side


@pytest.mark.parametrize(
    ("width", "height", "scale", "offset"),
    [(1920, 1080, 256 / 1920, (0.0, 24.0)), (640, 480, 0.4, (0.0, 0.0)), (480, 960, 0.2, (80.0, 0.0))],
)
def test_pictures_are_scaled_to_fit_and_centred(
    width: int, height: int, scale: float, offset: tuple[float, float]
) -> None:
    picture, found, place = letterbox(np.full((height, width, 3), 200, dtype=np.uint8))
    assert picture.shape == (192, 256, 3) and found == pytest.approx(scale) and place == offset
    x, y = (int(v) for v in offset)
    assert (picture[y : 192 - y, x : 256 - x] == 200).all()
    assert picture.sum() == 3 * 200 * (192 - 2 * y) * (256 - 2 * x)


class Saying:
    """A network that says the same maps whatever it sees."""

    def __init__(self, maps: NDArray[np.float32]) -> None:
        self.maps = maps

    def run(self, *_: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.maps


def test_a_hand_of_the_parser_is_told_in_pixels_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a picture of 1280 x 720 a pixel of the parser's is five, below a bar of 24."""
    hand = HandTarget((100.0, 90.0), 40.0, HandRegion((110.0, 84.0), 80.0, 1.1), Side.RIGHT, False)
    heat, values = draw_hands([hand], (48, 64), 4, 256)
    maps = np.zeros((48, 64, PARSER_MAPS.channels), dtype=np.float32)
    maps[..., :2] = 20.0 * heat.transpose(1, 2, 0) - 15.0
    maps[..., 2:7] = values[:5].transpose(1, 2, 0)
    monkeypatch.setattr(hand_proposers, "LitertNetwork", lambda *_: Saying(maps))
    (found,) = ParserProposer().hands(np.zeros((720, 1280, 3), dtype=np.uint8))
    assert found.region.center_px == pytest.approx((550.0, 300.0), abs=0.5)
    assert found.region.size_px == pytest.approx(400.0, rel=1e-3) and found.region.angle_rad == pytest.approx(1.1)
    assert found.side is Side.RIGHT


class Naming:
    """A proposer of fixed regions."""

    def __init__(self, *regions: HandRegion) -> None:
        self.regions = list(regions)

    def propose(self, image_bgr: NDArray[np.uint8]) -> list[HandRegion]:
        return self.regions


def test_several_proposers_take_turns_and_no_place_is_named_twice() -> None:
    a, b, c = (HandRegion((x, 0.0), 100.0, 0.0) for x in (0.0, 300.0, 600.0))
    like_a = HandRegion((10.0, 0.0), 110.0, 2.0)
    several = SeveralProposers([Naming(a, b), Naming(like_a, c)])
    assert several.propose(np.zeros((4, 4, 3), dtype=np.uint8)) == [a, b, c]
    assert distinct([like_a, a]) == [like_a]


def test_the_palm_network_with_its_maps_says_what_it_says_without_them() -> None:
    tensor = np.random.default_rng(3).random((1, 192, 192, 3), dtype=np.float32)
    boxes, logits = PalmNetwork().forward(tensor)
    seen = PalmFeatures().run(tensor)
    np.testing.assert_array_equal(seen.boxes, boxes)
    np.testing.assert_array_equal(seen.logits, logits)
    assert seen.fine.shape == (24, 24, 256) and seen.wide.shape == (12, 12, 256)
    assert seen.fine[..., :128].std() > 0.1 and not np.array_equal(seen.fine[..., :128], seen.fine[..., 128:])
