"""Regions of hands from the trained picture networks, for `hands.proposals.Verifier`. No torch is needed.

`HeadProposer` runs the palm network once and names both its own palms and those of the head on its maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.detection import INPUT_SIZE as PALM_SIZE
from hoi_perception.hands.detection import decode, make_anchors, make_input, region_from_palm, suppress
from hoi_perception.hands.plausibility import same_place
from hoi_perception.hands.proposals import Proposer
from hoi_perception.networks.maps import HEAD_MAPS, PARSER_MAPS, HandProposal, read_hands
from hoi_perception.networks.palm_features import PalmFeatures
from hoi_perception.networks.weights import read_weights, shipped_weights
from hoi_perception.types import HandRegion

Image = UInt8[NDArray[np.uint8], "h w 3"]
Single = NDArray[np.float32]
PARSER_PICTURE = (256, 192)
"""Width and height of what the parser looks at; pictures of other shapes get black bars."""
PARSER_STRIDE = 4
HEAD_STRIDE = 8
_VERSION = 1


@dataclass(frozen=True)
class ProposalSettings:
    """Least scores (0 to 1), and regions at most."""

    palm: float = 0.1
    head: float = 0.15
    parser: float = 0.15
    most: int = 4


class LitertNetwork:
    """A network from a file of weights, run on the CPU. Not for use by several threads at once."""

    def __init__(self, name: str, path: Path | None = None, threads: int = 1) -> None:
        content = read_weights(path or shipped_weights(name), name, _VERSION).tensors["litert"].tobytes()
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._inputs = [d["index"] for d in self._interpreter.get_input_details()]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def run(self, *inputs: Float32[Single, "1 _ _ _"]) -> Float32[Single, "y x k"]:
        """The output, without its batch of one."""
        for index, tensor in zip(self._inputs, inputs, strict=True):
            self._interpreter.set_tensor(index, tensor)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output)[0])


class HeadProposer:
    """Palms of the palm network, and hands of the head on its maps, the surer ones first."""

    def __init__(self, settings: ProposalSettings | None = None, path: Path | None = None, threads: int = 1) -> None:
        self._settings = settings or ProposalSettings()
        self._palm, self._anchors = PalmFeatures(threads=threads), make_anchors()
        self._head = LitertNetwork("proposals", path, threads)

    def propose(self, image_bgr: Image) -> list[HandRegion]:
        """Regions of palms, then those of the head's hands that are not at the same places."""
        tensor, box = make_input(image_bgr)
        seen = self._palm.run(tensor)
        scores, points = decode(seen.boxes, seen.logits, self._anchors, self._settings.palm)
        regions = []
        for row in suppress(scores, points)[1]:
            px = (row * PALM_SIZE - np.array([box.offset_x, box.offset_y])) / box.scale
            regions.append(region_from_palm(px[:2], px[2:]))
        maps = self._head.run(seen.fine[None], seen.wide[None])
        hands = read_hands(maps, HEAD_MAPS, HEAD_STRIDE, PALM_SIZE, self._settings.head, self._settings.most)
        own = [_in_image(h, box.scale, (box.offset_x, box.offset_y)).region for h in hands]
        return distinct([*regions[: self._settings.most], *own])


class ParserProposer:
    """Hands of the parser."""

    def __init__(self, settings: ProposalSettings | None = None, path: Path | None = None, threads: int = 1) -> None:
        self._settings = settings or ProposalSettings()
        self._parser = LitertNetwork("parser", path, threads)

    def propose(self, image_bgr: Image) -> list[HandRegion]:
        """Regions of its hands, best first."""
        return [hand.region for hand in self.hands(image_bgr)]

    def hands(self, image_bgr: Image) -> list[HandProposal]:
        """Its hands in pixels of the image, best first."""
        picture, scale, offset = letterbox(image_bgr)
        maps = self.maps(picture)
        span = PARSER_STRIDE * max(maps.shape[:2])
        found = read_hands(maps, PARSER_MAPS, PARSER_STRIDE, span, self._settings.parser, self._settings.most)
        return [_in_image(hand, scale, offset) for hand in found]

    def maps(self, picture_bgr: Image) -> Float32[Single, "y x k"]:
        """All maps of a picture of the parser's own size (`maps.PARSER_MAPS`)."""
        rgb = np.ascontiguousarray(picture_bgr[None, :, :, ::-1], dtype=np.float32)
        return self._parser.run(rgb / np.float32(255))


class SeveralProposers:
    """What several proposers name, each's best first, places once."""

    def __init__(self, proposers: Sequence[Proposer]) -> None:
        self._proposers = tuple(proposers)

    def propose(self, image_bgr: Image) -> list[HandRegion]:
        """Their regions in turn."""
        named = [proposer.propose(image_bgr) for proposer in self._proposers]
        longest = max((len(regions) for regions in named), default=0)
        return distinct([regions[k] for k in range(longest) for regions in named if k < len(regions)])


def letterbox(image_bgr: Image) -> tuple[UInt8[NDArray[np.uint8], "192 256 3"], float, tuple[float, float]]:
    """The image scaled to fit the parser's picture, centred on black; scale, and place of its corner."""
    height, width = image_bgr.shape[:2]
    scale = min(PARSER_PICTURE[0] / width, PARSER_PICTURE[1] / height)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    x, y = (PARSER_PICTURE[0] - w) // 2, (PARSER_PICTURE[1] - h) // 2
    picture = np.zeros((PARSER_PICTURE[1], PARSER_PICTURE[0], 3), np.uint8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture[y : y + h, x : x + w] = cv2.resize(image_bgr, (w, h), interpolation=how)
    return picture, scale, (float(x), float(y))


def distinct(regions: Sequence[HandRegion]) -> list[HandRegion]:
    """The regions without those that repeat an earlier one."""
    kept: list[HandRegion] = []
    for region in regions:
        if not any(same_place(region, other) for other in kept):
            kept.append(region)
    return kept


def _in_image(hand: HandProposal, scale: float, offset: tuple[float, float]) -> HandProposal:
    x, y = hand.region.center_px
    center = (x - offset[0]) / scale, (y - offset[1]) / scale
    return replace(hand, region=replace(hand.region, center_px=center, size_px=hand.region.size_px / scale))
