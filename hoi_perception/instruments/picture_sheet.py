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
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """An instrument on the tray: which, how far its driver joint is open (0 to 1), how it lies, what is written."""

    name: str
    opening: float = 0.0
    lying: str = "flat"
    label: str = ""


def sheet_rows() -> list[list[Item]]:
    """What lies on the tray, row by row; instruments with jaws lie there closed and open."""

    def both(name: str, lying: str = "flat") -> list[Item]:
        return [Item(name, lying=lying), Item(name, 0.8, label=" ")]

    first = [Item(f"scalpel_{number}") for number in (10, 11, 15)]
    for name in ("adson_forceps", "debakey_forceps", "micro_tweezers"):
        first += both(name, "side")
    for name in ("iris_scissors", "metzenbaum_scissors", "mayo_scissors"):
        first += both(name)
    names = ("mosquito_haemostat", "kelly_haemostat", "mayo_hegar_needle_holder", "allis_clamp")
    second = [item for name in names for item in both(name)]
    second += [Item("senn_retractor", lying="side"), Item("army_navy_retractor", lying="side"), Item("bone_curette")]
    second += [Item("frazier_suction"), Item("syringe")]
    third = [Item("yankauer_suction", lying="across"), Item("laparoscopic_grasper", 0.8, "across")]
    third += [Item("cup_16oz"), Item("mug"), Item("cube", lying="turned")]
    last = [Item("large_needle_driver", 0.8, "across"), Item("trocar", lying="across")]
    return [first, second, third, last]


@dataclass(frozen=True)
class Detail:
    """A close look at part of an instrument: middle (m, base link) and width (m) of what is seen, how it lies."""

    name: str
    label: str
    middle: tuple[float, float, float]
    width: float
    positions: tuple[tuple[str, float], ...] = ()
    lying: str = "across"


DETAILS = (
    Detail("scalpel_10", "scalpel, blade no. 10", (0.124, 0.0, 0.0), 0.060),
    Detail("scalpel_11", "scalpel, blade no. 11", (0.124, 0.0, 0.0), 0.060),
    Detail("scalpel_15", "scalpel, blade no. 15", (0.124, 0.0, 0.0), 0.060),
    Detail("adson_forceps", "Adson forceps, one tooth on two", (0.1165, 0.0, 0.0), 0.012, (("jaw", 0.02),), "leaning"),
    Detail("debakey_forceps", "DeBakey forceps, rows of teeth", (0.190, 0.0, 0.0), 0.026, (("jaw", 0.021),), "leaning"),
    Detail(
        "mayo_hegar_needle_holder",
        "needle holder, carbide inserts",
        (0.024, 0.0, 0.0),
        0.044,
        (("jaw", 0.15),),
        "leaning",
    ),
    Detail("kelly_haemostat", "Kelly haemostat, ratchet", (-0.063, 0.0, 0.0), 0.060),
    Detail("allis_clamp", "Allis clamp, 5 on 6 teeth", (0.058, 0.0, 0.0), 0.030, (("jaw", 0.08),), "leaning"),
    Detail("metzenbaum_scissors", "Metzenbaum scissors, screw and blades", (0.012, 0.0, 0.0), 0.060, (("jaw", 0.2),)),
    Detail("laparoscopic_grasper", "laparoscopic grasper", (0.004, 0.0, 0.0), 0.040, (("jaw", 0.4),)),
    Detail(
        "large_needle_driver",
        "large needle driver, wrist turned",
        (0.003, 0.003, 0.0),
        0.038,
        (("wrist_yaw", 0.6), ("wrist_pitch", -0.35), ("jaw", 0.3), ("roll", 0.3)),
    ),
    Detail("yankauer_suction", "Yankauer suction, bulb with holes", (0.256, -0.045, 0.0), 0.048),
)

GAP_M, LABEL_M, MARGIN_M = 0.006, 0.036, 0.022
WIDTH_M, WIDTH_PX, DETAIL_PX = 1.10, 1500, (375, 250)


def draw_sheet(designs: Mapping[str, Callable[[], InstrumentDesign]]) -> Image:
    """The whole tray, BGR."""
    rows = [[(item, _laid(designs[item.name](), item)) for item in row] for row in sheet_rows()]
    heights = [max(float(np.ptp(s.corners[..., 1])) for _, s in row) + LABEL_M for row in rows]
    height = sum(heights) + MARGIN_M + (len(rows) - 1) * GAP_M
    top = 0.5 * height - MARGIN_M
    placed: list[Surface] = []
    labels: list[tuple[str, float, float]] = []
    for row, tall in zip(rows, heights, strict=True):
        widths = [float(np.ptp(s.corners[..., 0])) for _, s in row]
        gap = (WIDTH_M - 2.0 * MARGIN_M - sum(widths)) / max(len(row) - 1, 1)
        left, bottom = MARGIN_M - 0.5 * WIDTH_M, top - tall + LABEL_M
        for (item, body), width in zip(row, widths, strict=True):
            middle = left + 0.5 * width
            placed.append(body.moved(np.eye(3), np.array([middle, bottom, 0.0])))
            labels.append((item.label or item.name.replace("_", " "), middle, bottom))
            left += width + gap
        top -= tall + GAP_M
    view = View((WIDTH_PX, round(height / WIDTH_M * WIDTH_PX)), WIDTH_M)
    picture = draw(joined(placed), view)
    scale = view.size[0] / view.width
    for text, x, y in labels:
        _write(picture, text, 0.5 * view.size[0] + x * scale, 0.5 * view.size[1] - y * scale + 24, wrap=10)
    return picture


def draw_details(designs: Mapping[str, Callable[[], InstrumentDesign]]) -> Image:
    """Close looks, four to a row, BGR."""
    tiles = []
    for detail in DETAILS:
        R = _ATTITUDES[detail.lying]
        body = surface(designs[detail.name](), dict(detail.positions)).moved(R, np.zeros(3))
        middle = R @ np.array(detail.middle)
        near = np.abs(body.corners[..., 0] - middle[0]).min(axis=1) < 2.0 * detail.width
        shift = np.array([-middle[0], -middle[1], -body.corners[near][..., 2].min()])
        tile = draw(body.moved(np.eye(3), shift), View(DETAIL_PX, detail.width))
        _write(tile, detail.label, 0.5 * DETAIL_PX[0], DETAIL_PX[1] - 10)
        tiles.append(tile)
    return np.vstack([np.hstack(tiles[i : i + 4]) for i in range(0, len(tiles), 4)])


def _laid(design: InstrumentDesign, item: Item) -> Surface:
    """An instrument as it lies; the middle of its width and its lower end are at the origin."""
    driver = next((j for j in design.joints if j.name == "jaw"), None)
    positions = {"jaw": item.opening * driver.upper} if driver else {}
    body = surface(design, positions).moved(_ATTITUDES[item.lying], np.zeros(3))
    points = body.corners.reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    return body.moved(np.eye(3), -np.array([0.5 * (low[0] + high[0]), low[1], low[2]]))


def _turn(axis: int, angle_deg: float) -> Float[Array, "3 3"]:
    turn = np.zeros(3)
    turn[axis] = np.radians(angle_deg)
    return np.asarray(rotation_from_axis_angle(turn), dtype=np.float64)


_ATTITUDES = {
    "flat": _turn(2, 90.0),
    "side": _turn(2, 90.0) @ _turn(0, 90.0),
    "across": np.eye(3),
    "leaning": _turn(0, -38.0) @ _turn(1, 8.0),
    "turned": _turn(0, -38.0) @ _turn(2, 32.0),
}
"""Attitudes on the tray, from the base link's axes: tips up or to the right, flat or on the side."""


def _write(image: Image, text: str, x: float, y: float, wrap: int = 99) -> None:
    """Text centred on x; two lines where it is longer than `wrap`."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.42
    lines = [text] if len(text) < wrap else [" ".join(text.split(" ")[:-1]), text.split(" ")[-1]]
    for k, line in enumerate(lines):
        (width, _), _ = cv2.getTextSize(line, font, size, 1)
        cv2.putText(image, line, (round(x - width / 2), round(y + 14 * k)), font, size, (226, 224, 214), 1, cv2.LINE_AA)


def main() -> None:
    """Command line."""
    from hoi_perception.instruments.catalogue.designs import DESIGNS  # needs the extra [instruments]

    parser = argparse.ArgumentParser(description="Draw the instrument library.")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder for the pictures")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, picture in (("instruments", draw_sheet(DESIGNS)), ("instruments_details", draw_details(DESIGNS))):
        if not cv2.imwrite(str(out / f"{name}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9]):
            raise OSError(f"{out / name}.png could not be written")


if __name__ == "__main__":
    main()
