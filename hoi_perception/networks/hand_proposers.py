"""Regions of hands from the trained picture networks, for `hands.proposals.Verifier`. No torch is needed.

`HeadProposer` runs the palm network once and names both its own palms and those of the head on its maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from hoi_perception.hands.detection import INPUT_SIZE as PALM_SIZE
from hoi_perception.hands.detection import detections, make_anchors, make_input
from hoi_perception.hands.plausibility import same_place
from hoi_perception.hands.proposals import Proposer
from hoi_perception.networks.litert_network import LitertNetwork
from hoi_perception.networks.maps import HEAD_MAPS, read_hands
from hoi_perception.networks.palm_features import PalmFeatures
from hoi_perception.networks.picture_parser import ParserSettings, PictureParser, in_image
from hoi_perception.networks.seen_hands import seen_regions
from hoi_perception.synthesis.picture_classes import HANDS
from hoi_perception.types import HandRegion

Image = UInt8[NDArray[np.uint8], "h w 3"]
HEAD_STRIDE = 8


@dataclass(frozen=True)
class ProposalSettings:
    """Least scores (0 to 1), the score from which a palm comes before the head's hands, and regions at most."""

    palm: float = 0.1
    sure_palm: float = 0.5
    head: float = 0.3
    most: int = 5


class HeadProposer:
    """Sure palms of the palm network, then hands of the head on its maps, then faint palms."""

    def __init__(self, settings: ProposalSettings | None = None, path: Path | None = None, threads: int = 1) -> None:
        self._settings = settings or ProposalSettings()
        self._palm, self._anchors = PalmFeatures(threads=threads), make_anchors()
        self._head = LitertNetwork("proposals", path, threads)

    def propose(self, image_bgr: Image) -> list[HandRegion]:
        """Regions that repeat no earlier one, the surer ones first."""
        tensor, box = make_input(image_bgr)
        seen = self._palm.run(tensor)
        settings = self._settings
        palms = detections(seen.boxes, seen.logits, self._anchors, settings.palm, box)
        sure = [palm.region for palm in palms if palm.score >= settings.sure_palm]
        faint = [palm.region for palm in palms if palm.score < settings.sure_palm]
        maps = self._head.run(seen.fine[None], seen.wide[None])
        hands = read_hands(maps, HEAD_MAPS, HEAD_STRIDE, PALM_SIZE, settings.head, settings.most)
        own = [in_image(hand, box).region for hand in hands]
        return distinct([*sure, *own, *faint])[: settings.most]


class ParserProposer:
    """Where the parser's pixels show hands, then the hands that it names."""

    def __init__(self, settings: ParserSettings | None = None, path: Path | None = None, threads: int = 1) -> None:
        self._parser = PictureParser(settings, path, threads)

    def propose(self, image_bgr: Image) -> list[HandRegion]:
        """Regions that repeat no earlier one: of pixels the largest first, of named hands the surest."""
        parsed = self._parser.parse(image_bgr)
        return distinct([*seen_regions(parsed.probability(HANDS)), *(hand.region for hand in parsed.hands)])


class SeveralProposers:
    """What several proposers name, each's best first, places once."""

    def __init__(self, proposers: Sequence[Proposer]) -> None:
        self._proposers = tuple(proposers)

    def propose(self, image_bgr: Image) -> list[HandRegion]:
        """Their regions in turn."""
        named = [proposer.propose(image_bgr) for proposer in self._proposers]
        longest = max((len(regions) for regions in named), default=0)
        return distinct([regions[k] for k in range(longest) for regions in named if k < len(regions)])


def distinct(regions: Sequence[HandRegion]) -> list[HandRegion]:
    """The regions without those that repeat an earlier one."""
    kept: list[HandRegion] = []
    for region in regions:
        if not any(same_place(region, other) for other in kept):
            kept.append(region)
    return kept
