"""Draws the open hand in poses and shapes: `python -m hoi_perception.hands.picture_sheet --out FILE.png`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import gesture_angles, grasp_angles, joint_frames, pose_from_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.open_hand import OPEN_HAND_FILE
from hoi_perception.rendering import Raster, rasterise, vertex_normals
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Points = Float[NDArray[np.floating], "_ 3"]
Faces = Int[NDArray[np.integer], "m 3"]
Image = UInt8[NDArray[np.uint8], "h w 3"]

TILE_PX = 380
DISTANCE_M = 1.6
BACKGROUND_BGR = (238, 234, 230)
SKIN_BGR = (0.33, 0.45, 0.68)
NAIL_BGR = (0.52, 0.58, 0.86)
"""Reflectances, linear."""
SAMPLES = 3
LAMPS = (((-0.55, -0.75, -0.45), 1.05), ((0.90, -0.10, -0.35), 0.28), ((0.0, 0.9, -0.3), 0.10))
"""Directions to the lamps in the camera's axes and their strengths: above on the left, the right, and below."""

VIEWS: dict[str, Float[Array, "3 3"]] = {
    "back": np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "palm": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "thumb side": np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]),
    "little finger side": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "fingertips": np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]),
}
"""Rotations from the model's axes to a camera (x right, y down, z forward) that sees the hand upright."""


@dataclass(frozen=True)
class Tile:
    """One picture of the sheet."""

    title: str
    view: str
    pose: str = "flat"
    shape: tuple[float, ...] = (0.0,) * 10
    width_m: float = 0.235


def sheet_rows() -> list[list[Tile]]:
    """What the sheet shows: the hand at rest, poses from three sides, and hands of other shapes."""
    titles = {"fist": "fist", "pinch": "pinch", "tripod": "tripod", "scissors_ring": "scissors grip", "ok": "OK"}
    titles |= {"point": "pointing"}
    rows = [[Tile(f"open, {view}", view) for view in VIEWS] + [Tile("turned", "turned")]]
    sides = ("back", "palm", "thumb side", "turned")
    rows += [[Tile(f"{title}, {view}", view, name, width_m=0.212) for name, title in titles.items()] for view in sides]
    shapes = (
        ("small", 0, -2.0),
        ("large", 0, 2.0),
        ("slender", 2, -2.5),
        ("broad", 2, 2.5),
        ("short fingers", 3, -2.5),
    )
    names = [*shapes, ("long fingers", 3, 2.5)]
    rows.append([Tile(title, "back", shape=_one(k, value), width_m=0.26) for title, k, value in names])
    return rows


def _one(component: int, value: float) -> tuple[float, ...]:
    return tuple(value if k == component else 0.0 for k in range(10))


def draw_sheet(model: HandModel, nail_vertices: NDArray[np.int64]) -> Image:
    """The whole sheet, BGR."""
    nails = np.asarray(np.isin(model.faces, nail_vertices).all(axis=1))
    return np.vstack([np.hstack([draw_tile(model, nails, tile) for tile in row]) for row in sheet_rows()])


def draw_tile(model: HandModel, nails: NDArray[np.bool_], tile: Tile) -> Image:
    """One hand on a plain ground with its title below."""
    shaped = model.with_shape(np.array(tile.shape))
    frames = joint_frames(shaped.joints21_rest())
    angles = {**grasp_angles(), **gesture_angles()}[tile.pose]
    pose = np.concatenate([np.zeros((1, 3)), pose_from_angles(angles, frames).reshape(15, 3)])
    vertices = shaped.with_pose(pose).vertices @ _rotation(tile.view).T
    middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0)) + [0.0, 0.03 * tile.width_m, 0.0]
    seen = (vertices - middle + [0.0, 0.0, DISTANCE_M]).astype(np.float32)
    colours = np.where(nails[:, None], NAIL_BGR, SKIN_BGR)
    focal = TILE_PX * DISTANCE_M / tile.width_m
    K = np.array([[focal, 0.0, TILE_PX / 2.0], [0.0, focal, TILE_PX / 2.0], [0.0, 0.0, 1.0]])
    size = TILE_PX * SAMPLES
    raster = rasterise(seen, model.faces, Camera(K, TILE_PX, TILE_PX), (size, size))
    picture = shade(raster, seen, model.faces, colours)
    image = np.asarray(cv2.resize(picture, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _write(image, tile.title)
    return image


def shade(raster: Raster, vertices: Points, faces: Faces, colours: Float[Array, "m 3"]) -> Image:
    """Picture of a rastered mesh under soft lamps; the inside, seen through the wrist, is dark."""
    image: Image = np.full((*raster.face_id.shape, 3), BACKGROUND_BGR, dtype=np.uint8)
    seen = raster.mask
    face, weights = raster.face_id[seen], raster.barycentric[seen][:, :, None]
    corners = faces[face]
    normal = (vertex_normals(vertices, faces)[corners] * weights).sum(axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    toward = -(vertices[corners] * weights).sum(axis=1)
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    light, gloss = np.full(len(normal), 0.10), np.zeros(len(normal))
    for direction, strength in LAMPS:
        lamp = np.array(direction) / np.linalg.norm(direction)
        light += strength * np.maximum((normal @ lamp + 0.15) / 1.15, 0.0) ** 1.25
        half = lamp + toward
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        gloss += 0.06 * strength * np.maximum((normal * half).sum(axis=1), 0.0) ** 22
    inside = (np.cross(*_edges(vertices, corners)) * toward).sum(axis=1) < 0.0
    linear = colours[face] * light[:, None] + gloss[:, None]
    linear[inside] = 0.25 * colours[face][inside]
    image[seen] = np.round(255.0 * np.clip(linear, 0.0, 1.0) ** (1.0 / 2.2)).astype(np.uint8)
    return image


def _edges(vertices: Points, corners: Int[NDArray[np.integer], "p 3"]) -> tuple[Points, Points]:
    a, b, c = (vertices[corners[:, i]] for i in range(3))
    return b - a, c - a


def _rotation(view: str) -> Float[Array, "3 3"]:
    """A named view; "turned" looks at the palm from the thumb's side."""
    if view != "turned":
        return VIEWS[view]
    yaw, pitch = np.radians(38.0), np.radians(20.0)
    Ry = np.array([[np.cos(yaw), 0.0, np.sin(yaw)], [0.0, 1.0, 0.0], [-np.sin(yaw), 0.0, np.cos(yaw)]])
    Rx = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(pitch), -np.sin(pitch)], [0.0, np.sin(pitch), np.cos(pitch)]])
    return np.asarray(Rx @ Ry @ VIEWS["palm"])


def _write(image: Image, title: str) -> None:
    font, scale = cv2.FONT_HERSHEY_DUPLEX, 0.55
    (width, _), _ = cv2.getTextSize(title, font, scale, 1)
    place = ((TILE_PX - width) // 2, TILE_PX - 12)
    cv2.putText(image, title, place, font, scale, (70, 66, 62), 1, cv2.LINE_AA)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Draw the open hand.")
    parser.add_argument("--out", type=Path, default=Path("docs/images/open_hand.png"), help="picture to write")
    out = parser.parse_args().out
    with np.load(OPEN_HAND_FILE, allow_pickle=False) as arrays:
        nail_vertices = arrays["nail_vertices"]
    out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(out), draw_sheet(HandModel.load(), nail_vertices)):
        raise OSError(f"{out} could not be written: is its ending that of a picture format?")


if __name__ == "__main__":
    main()
