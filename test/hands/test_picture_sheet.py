"""The picture sheet of the open hand."""

from __future__ import annotations

import numpy as np

from hoi_perception.hands.anatomy import gesture_angles, grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.picture_sheet import BACKGROUND_BGR, TILE_PX, Tile, draw_tile, sheet_rows


def test_every_tile_names_a_known_pose() -> None:
    rows = sheet_rows()
    assert len({len(row) for row in rows}) == 1
    shown = {tile.pose for row in rows for tile in row}
    assert {"flat", "fist", "pinch", "tripod", "scissors_ring", "ok", "point"} == shown
    assert shown <= {*grasp_angles(), *gesture_angles()}


def test_tile_shows_the_whole_hand_lit_from_above() -> None:
    model = HandModel.load()
    image = draw_tile(model, np.zeros(len(model.faces), dtype=bool), Tile("open", "back"))
    assert image.shape == (TILE_PX, TILE_PX, 3)
    hand = (np.abs(image.astype(int) - BACKGROUND_BGR).sum(axis=2) > 40)[: TILE_PX - 40]
    assert 0.15 < hand.mean() < 0.6
    assert not hand[[0, -1]].any()
    assert not hand[:, [0, -1]].any()
    assert image[: TILE_PX - 40][hand].mean() > 100
