"""Draws the library as a tray and its details: `python -m hoi_perception.instruments.picture_sheet --out FOLDER`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.instruments.design import InstrumentDesign
from hoi_perception.instruments.tray_picture import Image, Surface, View, draw, joined, surface

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """An instrument on the tray: which, how far its driver joint is open (0 to 1), on its side or flat."""

    name: str
    opening: float = 0.0
    lying: str = "flat"
    label: str = ""


def sheet_rows() -> list[list[Item]]:
    """What lies on the tray, row by row; instruments with jaws lie there closed and open."""

    def both(name: str) -> list[Item]:
        return [Item(name), Item(name, 0.8, label=" ")]

    scalpels = [Item(f"scalpel_{number}") for number in (10, 11, 15)]
    first = [
        *scalpels,
        *both("adson_forceps"),
        *both("micro_tweezers"),
        *both("iris_scissors"),
        *both("mosquito_haemostat"),
        *both("kelly_haemostat"),
    ]
    second = [
        *both("debakey_forceps"),
        *both("metzenbaum_scissors"),
        *both("mayo_scissors"),
        *both("mayo_hegar_needle_holder"),
        *both("allis_clamp"),
    ]
    third = [
        Item("senn_retractor", lying="side"),
        Item("army_navy_retractor", lying="side"),
        Item("bone_curette"),
        Item("frazier_suction"),
    ]
    third += [
        Item("yankauer_suction"),
        Item("syringe"),
        Item("trocar"),
        Item("cup_16oz"),
        Item("mug"),
        Item("cube", lying="turned"),
    ]
    last = [Item("laparoscopic_grasper", 0.8, "across"), Item("large_needle_driver", 0.8, "across")]
    return [first, second, third, last]


GAP_M, LABEL_M, MARGIN_M = 0.011, 0.026, 0.022
WIDTH_M, WIDTH_PX = 1.02, 1800


def draw_sheet(designs: Mapping[str, Callable[[], InstrumentDesign]]) -> Image:
    """The whole tray, BGR."""
    rows = [[(item, _laid(designs[item.name](), item)) for item in row] for row in sheet_rows()]
    heights = [max(np.ptp(s.corners[..., 1]) for _, s in row) + LABEL_M for row in rows]
    height = sum(heights) + MARGIN_M + (len(rows) - 1) * GAP_M
    top = 0.5 * height - MARGIN_M
    placed: list[Surface] = []
    labels: list[tuple[str, float, float]] = []
    for row, tall in zip(rows, heights, strict=True):
        widths = [float(np.ptp(s.corners[..., 0])) for _, s in row]
        gap = (WIDTH_M - 2.0 * MARGIN_M - sum(widths)) / max(len(row) - 1, 1)
        left = MARGIN_M - 0.5 * WIDTH_M
        for (item, body), width in zip(row, widths, strict=True):
            bottom = top - tall + LABEL_M
            placed.append(body.moved(np.eye(3), np.array([left + 0.5 * width, bottom, 0.0])))
            labels.append((item.label or item.name, left + 0.5 * width, bottom))
            left += width + gap
        top -= tall + GAP_M
    view = View((WIDTH_PX, round(height / WIDTH_M * WIDTH_PX)), WIDTH_M)
    picture = draw(joined(placed), view)
    for text, x, y in labels:
        _write(picture, text.replace("_", " "), x, y, view)
    return picture


def _laid(design: InstrumentDesign, item: Item) -> Surface:
    """An instrument as it lies, its tips up in the picture; middle of its width and lower end at the origin."""
    driver = next((j for j in design.joints if j.name == "jaw"), None)
    positions = {"jaw": item.opening * driver.upper} if driver else {}
    R = {
        "flat": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
        "side": np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
        "across": np.eye(3),
        "turned": _turned_up(),
    }[item.lying]
    body = surface(design, positions).moved(R, np.zeros(3))
    points = body.corners.reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    return body.moved(np.eye(3), -np.array([0.5 * (low[0] + high[0]), low[1], low[2]]))


def _turned_up() -> Float[Array, "3 3"]:
    a, b = np.radians(32.0), np.radians(-38.0)
    Rz = np.array([[np.cos(a), -np.sin(a), 0.0], [np.sin(a), np.cos(a), 0.0], [0.0, 0.0, 1.0]])
    Rx = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(b), -np.sin(b)], [0.0, np.sin(b), np.cos(b)]])
    return np.asarray(Rx @ Rz)


def _write(image: Image, text: str, x: float, y: float, view: View) -> None:
    scale = view.size[0] / view.width
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.46
    words = text.split(" ")
    lines = [text] if len(text) < 13 or len(words) < 2 else [" ".join(words[:-1]), words[-1]]
    for k, line in enumerate(lines):
        (width, _), _ = cv2.getTextSize(line, font, size, 1)
        place = (round(view.size[0] / 2 + x * scale - width / 2), round(view.size[1] / 2 - y * scale + 15 + 14 * k))
        cv2.putText(image, line, place, font, size, (226, 224, 214), 1, cv2.LINE_AA)


def main() -> None:
    """Command line."""
    from hoi_perception.instruments.catalogue.designs import DESIGNS  # needs the extra [instruments]

    parser = argparse.ArgumentParser(description="Draw the instrument library.")
    parser.add_argument("--out", type=Path, default=Path("docs/images/instruments.png"), help="picture to write")
    out = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(out), draw_sheet(DESIGNS), [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise OSError(f"{out} could not be written: is its ending that of a picture format?")


if __name__ == "__main__":
    main()
