"""Plots of the synthetic benchmark: error over occlusion, cumulative curves. Drawn by OpenCV, no further package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.evaluation.records import GRIP, HAND, TOOL
from hoi_perception.evaluation.synthetic import Report
from hoi_perception.evaluation.synthetic_results import Part
from hoi_perception.evaluation.synthetic_rows import TRUTH, Row

Array = NDArray[np.float64]
Image = UInt8[NDArray[np.uint8], "h w 3"]
WIDTH, HEIGHT = 900, 560
_LEFT, _TOP, _RIGHT, _BOTTOM = 80, 50, 250, 70
_INK, _GRID = (60, 60, 60), (225, 225, 225)
_COLOURS = (
    (90, 90, 90),
    (200, 130, 30),
    (40, 140, 240),
    (60, 170, 60),
    (50, 50, 210),
    (30, 30, 110),
    (200, 150, 230),
    (180, 80, 160),
    (160, 160, 20),
)
_BINS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0001])
_LEAST = 5
"""Hands that a bin has to hold to be drawn."""
_CURVES = ((HAND, "mpjpe_mm", 40.0, "mm"), (TOOL, "tip_mm", 50.0, "mm"), (GRIP, "pd_tool_max_mm", 10.0, "mm"))


@dataclass(frozen=True)
class Line:
    """A named line; `number` chooses its colour."""

    name: str
    x: Float64[Array, " n"]
    y: Float64[Array, " n"]
    number: int = 0


def write_plots(report: Report, rows: Sequence[Row], folder: Path) -> list[Path]:
    """PNG files: hand error over the share of joints that are hidden, and cumulative curves of three errors."""
    by_row = {row.name: [parts[i] for parts in report.parts] for i, row in enumerate(rows)}
    order = {row.name: number for number, row in enumerate(rows) if not row.subset}
    lines = [
        replace(over_occlusion(name, by_row[name], "mpjpe_mm"), number=number)
        for name, number in order.items()
        if name != TRUTH
    ]
    pictures = {"error_over_occlusion": plot(lines, "hidden joints (share)", "mpjpe_mm", (0.0, 1.0))}
    for kind, key, most, unit in _CURVES:
        lines = [replace(cumulative(name, by_row[name], kind, key, most), number=k) for name, k in order.items()]
        pictures[f"cumulative_{key}"] = plot(lines, f"{key} ({unit})", "share at most so", (0.0, most), 1.0)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, image in pictures.items():
        path = folder / f"{name}.png"
        partial = path.with_name(f".{path.name}.partial.png")
        cv2.imwrite(str(partial), image)
        partial.replace(path)
        paths.append(path)
    return paths


def over_occlusion(name: str, parts: Sequence[Part], key: str) -> Line:
    """Mean error of the hands found, over the share of joints that are hidden."""
    pairs = [(r.hidden, r.figures[key]) for part in parts for r in part.records if r.kind == HAND and key in r.figures]
    hidden, error = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    bins = np.digitize(hidden, _BINS) - 1
    kept = [b for b in range(len(_BINS) - 1) if (bins == b).sum() >= _LEAST]
    middles = 0.5 * (_BINS[:-1] + np.minimum(_BINS[1:], 1.0))
    return Line(name, middles[kept], np.array([np.nanmean(error[bins == b]) for b in kept], dtype=np.float64))


def cumulative(name: str, parts: Sequence[Part], kind: str, key: str, most: float) -> Line:
    """Share of what was to be found that was found with at most such an error; what was missed never counts."""
    records = [r for part in parts for r in part.records if r.kind == kind and (key in r.figures or not r.found)]
    values = np.sort([r.figures.get(key, np.inf) for r in records])
    x = np.linspace(0.0, most, 101)
    return Line(name, x, np.searchsorted(values, x, side="right") / max(len(records), 1))


def plot(lines: Sequence[Line], x_title: str, y_title: str, x_range: tuple[float, float], top: float = 0.0) -> Image:
    """A line plot with a grid and a legend; the vertical axis begins at 0 and ends at `top`, or above the lines."""
    image = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    highest = top or 1.1 * max((float(line.y.max()) for line in lines if line.y.size), default=1.0) or 1.0
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def place(x: Float64[Array, " n"], y: Float64[Array, " n"]) -> NDArray[np.int32]:
        across = _LEFT + (x - x_range[0]) / (x_range[1] - x_range[0]) * width
        return np.rint(np.stack([across, HEIGHT - _BOTTOM - y / highest * height], axis=1)).astype(np.int32)

    for share in np.linspace(0.0, 1.0, 6):
        x, y = x_range[0] + share * (x_range[1] - x_range[0]), share * highest
        (left, down), (right, up) = place(np.array([x, x_range[1]]), np.array([y, y]))
        cv2.line(image, (_LEFT, int(down)), (int(right), int(up)), _GRID, 1, cv2.LINE_AA)
        cv2.line(image, (int(left), _TOP), (int(left), HEIGHT - _BOTTOM), _GRID, 1, cv2.LINE_AA)
        _write(image, f"{y:.3g}", (14, int(down) + 5))
        _write(image, f"{x:.3g}", (int(left) - 12, HEIGHT - _BOTTOM + 22))
    for number, line in enumerate(lines):
        colour = _COLOURS[line.number % len(_COLOURS)]
        points = place(line.x, np.minimum(line.y, highest))
        cv2.polylines(image, [points.reshape(-1, 1, 2)], False, colour, 2, cv2.LINE_AA)
        _write(image, line.name, (WIDTH - _RIGHT + 44, _TOP + 16 + 24 * number))
        start = (WIDTH - _RIGHT + 14, _TOP + 11 + 24 * number)
        cv2.line(image, start, (start[0] + 22, start[1]), colour, 3, cv2.LINE_AA)
    _write(image, x_title, (_LEFT + width // 2 - 60, HEIGHT - 18))
    _write(image, y_title, (14, 28))
    return image


def _write(image: Image, text: str, at: tuple[int, int]) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.48, _INK, 1, cv2.LINE_AA)
