"""What several proposers name, and the palm network with its inner maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.detection import PalmNetwork
from hoi_perception.networks import hand_proposers
from hoi_perception.networks.hand_proposers import HeadProposer, ProposalSettings, SeveralProposers, distinct
from hoi_perception.networks.maps import HandTarget, draw_hands
from hoi_perception.networks.palm_features import PalmFeatures, PalmOutputs
from hoi_perception.types import HandRegion, Side


class Saying:
    """A network that says the same whatever it sees."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def run(self, *_: NDArray[np.float32]) -> Any:
        return self.answer


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


def test_sure_palms_come_first_then_hands_of_the_head_then_faint_palms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Palms 40 px wide at three anchors of the 24 x 24 grid; the head sees the second and a hand of its own."""
    anchors = {(4, 4): 0.2, (12, 4): 0.9, (20, 4): 0.3}
    boxes, logits = np.zeros((2016, 18), dtype=np.float32), np.full(2016, -20.0, dtype=np.float32)
    for (column, row), score in anchors.items():
        index = 2 * (24 * row + column)
        boxes[index, 2:4], boxes[index, 4:6], boxes[index, 8:10] = 40.0, (0.0, 20.0), (0.0, -20.0)
        logits[index] = np.log(score / (1.0 - score))
    outputs = PalmOutputs(
        boxes, logits, np.zeros((24, 24, 256), dtype=np.float32), np.zeros((12, 12, 256), dtype=np.float32)
    )
    own = [
        HandTarget((x, y), 40.0, HandRegion((x, y), 100.0, 0.4), Side.LEFT, True)
        for x, y in ((100.0, 20.0), (60.0, 150.0))
    ]
    heat, values = draw_hands(own, (24, 24), 8, 192)
    maps = np.concatenate([20.0 * heat - 15.0, values[:6]]).transpose(1, 2, 0).astype(np.float32)
    monkeypatch.setattr(hand_proposers, "PalmFeatures", lambda **_: Saying(outputs))
    monkeypatch.setattr(hand_proposers, "LitertNetwork", lambda *_: Saying(maps))
    regions = HeadProposer().propose(np.zeros((192, 192, 3), dtype=np.uint8))
    places = [region.center_px for region in regions]
    expected = [(100.0, 16.0), (60.0, 150.0), (164.0, 16.0), (36.0, 16.0)]
    np.testing.assert_allclose(places, expected, atol=1.0)
    assert HeadProposer(ProposalSettings(most=2)).propose(np.zeros((192, 192, 3), dtype=np.uint8)) == regions[:2]


def test_the_palm_network_with_its_maps_says_what_it_says_without_them() -> None:
    tensor = np.random.default_rng(3).random((1, 192, 192, 3), dtype=np.float32)
    boxes, logits = PalmNetwork().forward(tensor)
    seen = PalmFeatures().run(tensor)
    np.testing.assert_array_equal(seen.boxes, boxes)
    np.testing.assert_array_equal(seen.logits, logits)
    assert seen.fine.shape == (24, 24, 256) and seen.wide.shape == (12, 12, 256)
    assert seen.fine[..., :128].std() > 0.1 and not np.array_equal(seen.fine[..., :128], seen.fine[..., 128:])
