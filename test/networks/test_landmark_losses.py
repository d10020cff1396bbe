"""What the landmark network learns has its least where the truth is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hoi_perception.networks.landmark_maps import CHANNELS, DEPTH, GLOVE, GRID, PRESENT, RIGHT  # noqa: E402
from hoi_perception.networks.landmark_training import landmark_losses  # noqa: E402
from hoi_perception.synthesis.hand_crops import HandCrop  # noqa: E402
from hoi_perception.types import Side  # noqa: E402

IMAGE = np.zeros((0, 0, 3), dtype=np.uint8)


def hand() -> HandCrop:
    """A gloved right hand, landmark k in the middle of the cell of row 3 and column k mod 14, the last one outside."""
    places = np.array([[(k % 14 + 0.5) / 14, 3.5 / 14] for k in range(21)])
    places[20] = 1.7, 3.5 / 14
    return HandCrop(IMAGE, places, np.arange(21) / 50.0, np.arange(21) < 20, Side.RIGHT, True)


def maps(last_column: int) -> torch.Tensor:  # type: ignore[name-defined]
    """What is true of `hand`, the last landmark told in that column of the same row."""
    out = torch.zeros(1, CHANNELS, GRID, GRID)
    for k in range(21):
        out[0, k, 3, last_column if k == 20 else k % 14] = 30.0
    out[0, DEPTH] = (torch.arange(21) / 50.0)[:, None, None]
    out[0, [PRESENT, RIGHT, GLOVE]] = 12.0
    return out


def test_the_truth_costs_nothing() -> None:
    losses = landmark_losses(maps(13), [hand()])
    for name in ("off", "depth", "presence", "side", "glove"):
        assert float(losses[name]) == pytest.approx(0.0, abs=1e-3), name


def test_a_landmark_beyond_the_crop_is_told_at_its_border() -> None:
    near, far = (float(landmark_losses(maps(c), [hand()])["off"]) for c in (13, 6))
    assert near == pytest.approx(0.0, abs=1e-3)
    assert far == pytest.approx(10.0 * 0.3 * (7 / 14) / (20 + 0.3), rel=1e-3), "it counts a third of one inside"


def test_what_is_wrong_costs() -> None:
    left, bare, none = replace(hand(), side=Side.LEFT), replace(hand(), gloved=False), replace(hand(), side=None)
    assert float(landmark_losses(maps(13), [left])["side"]) == pytest.approx(24.0, rel=1e-3)
    assert float(landmark_losses(maps(13), [bare])["glove"]) == pytest.approx(0.3 * 12.0, rel=1e-3)
    empty = landmark_losses(maps(13), [replace(none, counts=np.zeros(21, dtype=bool))])
    assert float(empty["presence"]) == pytest.approx(24.0, rel=1e-3)
    assert float(empty["off"]) == 0.0 and float(empty["side"]) == 0.0
