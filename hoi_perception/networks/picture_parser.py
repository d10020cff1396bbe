"""What the parser sees in an image: hands, probabilities of pixels, key points of instruments. No torch is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.letterbox import Letterbox, letterboxed
from hoi_perception.instruments.instrument_map import InstrumentMap, Window
from hoi_perception.networks.litert_network import LitertNetwork
from hoi_perception.networks.maps import PARSER_MAPS, HandProposal, read_hands
from hoi_perception.synthesis.picture_classes import FAMILIES, PixelClass, PointKind

Single = NDArray[np.float32]
Image = UInt8[NDArray[np.uint8], "h w 3"]
PICTURE = (256, 192)
"""Width and height of what the parser looks at; images of other shapes get black bars."""
STRIDE = 4
INSTRUMENT = (PixelClass.SHAFT, PixelClass.WORKING_PART, PixelClass.HANDLE)
_NEIGHBOURHOOD = np.ones((5, 5), np.uint8)
_POINTS_OF_A_KIND = 6


@dataclass(frozen=True)
class ParserSettings:
    """Least scores of hands and of key points (0 to 1), and hands at most."""

    hand: float = 0.15
    point: float = 0.2
    most_hands: int = 4


@dataclass(frozen=True)
class KeyPoint:
    """A key point of an instrument, px of the image: score (0 to 1) and the shares of `FAMILIES` there (sum 1)."""

    kind: PointKind
    px: tuple[float, float]
    score: float
    families: tuple[float, ...]

    @property
    def family(self) -> str:
        """The likeliest family."""
        return FAMILIES[int(np.argmax(self.families))]


@dataclass(frozen=True, eq=False)
class ParsedPicture:
    """What is seen in an image of `size` (width, height); hands and key points in its pixels, best first.

    `pixels` are probabilities of `PixelClass` (sum 1) on the parser's own grid.
    """

    size: tuple[int, int]
    hands: tuple[HandProposal, ...]
    points: tuple[KeyPoint, ...]
    pixels: Float32[Single, "48 64 6"]
    letterbox: Letterbox

    def probability(self, classes: Sequence[PixelClass] = INSTRUMENT) -> Float32[Single, "h w"]:
        """Probability of each pixel of the image to show one of these classes; of instruments by default."""
        share = np.ascontiguousarray(self.pixels[..., list(classes)].sum(axis=-1))
        to_grid = self.letterbox.scale / STRIDE
        x, y = ((o + 0.5 * self.letterbox.scale) / STRIDE - 0.5 for o in self.letterbox.offset)
        M = np.array([[to_grid, 0.0, x], [0.0, to_grid, y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(share, M, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)

    def instruments(self, corner: tuple[int, int] = (0, 0)) -> InstrumentMap:
        """Where instruments are, on the parser's own grid, in pixels of an image that this one is cut out of there."""
        scale = self.letterbox.scale
        (x, y), size = self.letterbox.offset, np.multiply(self.size, scale)
        first = int(np.ceil(x / STRIDE - 0.5)), int(np.ceil(y / STRIDE - 0.5))
        last = int((x + size[0]) / STRIDE - 0.5), int((y + size[1]) / STRIDE - 0.5)
        share = self.pixels[first[1] : last[1] + 1, first[0] : last[0] + 1, list(INSTRUMENT)].sum(axis=-1)
        at = ((o + scale * (0.5 - c)) / STRIDE - 0.5 - f for o, c, f in zip((x, y), corner, first, strict=True))
        left, top = (float(value) for value in at)
        return InstrumentMap(np.ascontiguousarray(share, dtype=np.float32), scale / STRIDE, (left, top))

    def of_kind(self, kind: PointKind) -> list[KeyPoint]:
        """Key points of a kind, best first."""
        return [point for point in self.points if point.kind is kind]


class PictureParser:
    """The parser with its weights. Not for use by several threads at once.

    Raises ModelFileError where there are none, or not its own.
    """

    def __init__(self, settings: ParserSettings | None = None, path: Path | None = None, threads: int = 1) -> None:
        self._settings = settings or ParserSettings()
        self._network = LitertNetwork("parser", path, threads)

    def parse(self, image_bgr: Image) -> ParsedPicture:
        """All that the parser sees in an image."""
        height, width = image_bgr.shape[:2]
        picture, box = letterboxed(image_bgr, PICTURE)
        rgb = np.ascontiguousarray(picture[None, :, :, ::-1], dtype=np.float32)
        maps = self._network.run(rgb / np.float32(255))
        span, settings = max(PICTURE), self._settings
        hands = read_hands(maps, PARSER_MAPS, STRIDE, span, settings.hand, settings.most_hands)
        return ParsedPicture(
            (width, height),
            tuple(in_image(hand, box) for hand in hands),
            tuple(_points(maps, box, settings.point)),
            _shares(maps[..., PARSER_MAPS.of("pixel")]),
            box,
        )

    def instruments(self, image_bgr: Image, window: Window | None = None) -> InstrumentMap:
        """Where an image, or a window of it, shows instruments: `instruments.instrument_map.SeesInstruments`."""
        rows, columns = window or (slice(0, image_bgr.shape[0]), slice(0, image_bgr.shape[1]))
        part = image_bgr if window is None else np.ascontiguousarray(image_bgr[rows, columns])
        return self.parse(part).instruments((columns.start, rows.start))


def in_image(hand: HandProposal, box: Letterbox) -> HandProposal:
    """A hand of the picture in pixels of the image."""
    region = hand.region
    x, y = box.to_image(region.center_px).tolist()
    moved = replace(region, center_px=(x, y), size_px=region.size_px / box.scale)
    return replace(hand, region=moved)


def _shares(logits: Float32[Single, "y x k"]) -> Float32[Single, "y x k"]:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float32)


def _points(maps: Float32[Single, "y x k"], box: Letterbox, threshold: float) -> list[KeyPoint]:
    """Peaks of the key points, refined to a part of a cell by the cells around them; the surest first."""
    scores = 1.0 / (1.0 + np.exp(-np.clip(maps[..., PARSER_MAPS.of("point")].astype(np.float64), -30.0, 30.0)))
    families = _shares(maps[..., PARSER_MAPS.of("family")])
    found: list[KeyPoint] = []
    for kind in PointKind:
        score = np.ascontiguousarray(scores[..., kind])
        for row, column in _peaks(score, threshold):
            y, x = _middle(score, row, column)
            u, v = box.to_image(((x + 0.5) * STRIDE, (y + 0.5) * STRIDE)).tolist()
            shares = tuple(float(share) for share in families[row, column])
            found.append(KeyPoint(kind, (u, v), float(score[row, column]), shares))
    return sorted(found, key=lambda point: -point.score)


def _peaks(score: NDArray[np.float64], threshold: float) -> list[tuple[int, int]]:
    """Rows and columns of the highest cells of their neighbourhoods, the highest first, of equal neighbours one."""
    cells = np.argwhere((score >= cv2.dilate(score, _NEIGHBOURHOOD)) & (score >= threshold))
    kept: list[tuple[int, int]] = []
    for row, column in cells[np.argsort(-score[tuple(cells.T)], kind="stable")]:
        if all(max(abs(row - r), abs(column - c)) > len(_NEIGHBOURHOOD) // 2 for r, c in kept):
            kept.append((int(row), int(column)))
    return kept[:_POINTS_OF_A_KIND]


def _middle(score: NDArray[np.float64], row: int, column: int) -> tuple[float, float]:
    """Mean row and column of the cells round a peak, weighted by their scores."""
    rows, columns = slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)
    weight = score[rows, columns]
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    total = float(weight.sum())
    return rows.start + float((weight * y).sum()) / total, columns.start + float((weight * x).sum()) / total
