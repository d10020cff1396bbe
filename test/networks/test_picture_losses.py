"""Losses are least where the maps say the truth."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.networks.maps import HEAD_MAPS, PARSER_MAPS, HandTarget, draw_hands
from hoi_perception.types import HandRegion, Side

torch = pytest.importorskip("torch")

from hoi_perception.networks.picture_losses import hand_losses, peaks, pixel_losses  # noqa: E402

HAND = HandTarget((50.0, 40.0), 40.0, HandRegion((60.0, 30.0), 80.0, 0.5), Side.LEFT, True)


def test_the_focal_loss_is_that_of_the_paper() -> None:
    """CornerNet, eq. 1, by hand: a peak of 1 said 0.7, a neighbour of 0.5 said 0.2; one peak."""
    logits = torch.logit(torch.tensor([0.7, 0.2])).reshape(1, 1, 1, 2)
    truth, counts = torch.tensor([1.0, 0.5]).reshape(1, 1, 1, 2), torch.ones(1, 1, 1, 2)
    expected = -(0.3**2 * np.log(0.7) + 0.5**4 * 0.2**2 * np.log(0.8))
    assert float(peaks(logits, truth, counts)) == pytest.approx(expected, rel=1e-4)
    counts[..., 1] = 0.0
    assert float(peaks(logits, truth, counts)) == pytest.approx(-(0.3**2) * np.log(0.7), rel=1e-4)


def test_true_maps_of_hands_cost_next_to_nothing() -> None:
    heat, values = (torch.as_tensor(a)[None] for a in draw_hands([HAND], (24, 24), 8.0, 192.0))
    counts = torch.ones(1, 24, 24)
    maps = torch.zeros(1, HEAD_MAPS.channels, 24, 24)
    maps[:, :2] = torch.where(heat >= 1.0, 12.0, -12.0)
    maps[:, 2:7], maps[:, 7] = values[:, :5], 12.0
    for name, loss in hand_losses(maps, HEAD_MAPS, heat, values, counts).items():
        assert float(loss) < 1e-3, name
    moved = maps.clone()
    moved[:, 2] += 0.25
    assert float(hand_losses(moved, HEAD_MAPS, heat, values, counts)["offset"]) == pytest.approx(0.5, rel=1e-4)


def test_pixels_without_an_instrument_teach_no_family() -> None:
    maps = torch.randn(1, PARSER_MAPS.channels, 6, 8)
    shares = torch.zeros(1, 6, 6, 8)
    shares[:, 0] = 1.0
    losses = pixel_losses(maps, PARSER_MAPS, shares, torch.zeros(1, 3, 6, 8), torch.full((1, 6, 8), -1))
    assert float(losses["family"]) == 0.0
    expected = -maps[:, PARSER_MAPS.of("pixel")].log_softmax(dim=1)[:, 0].mean()
    assert float(losses["pixels"]) == pytest.approx(2.0 * float(expected), rel=1e-5)
