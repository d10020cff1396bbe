"""What several proposers name, and the palm network with its inner maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.detection import PalmNetwork
from hoi_perception.networks.hand_proposers import SeveralProposers, distinct
from hoi_perception.networks.palm_features import PalmFeatures
from hoi_perception.types import HandRegion


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
