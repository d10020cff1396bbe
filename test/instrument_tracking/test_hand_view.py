"""Hands as the joint solve takes them: there and back, larger and smaller."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instrument_tracking.hand_view import MAX_COEFFICIENT, HandForms
from hoi_perception.types import HandParameters, Side


@pytest.fixture(scope="module")
def forms() -> HandForms:
    return HandForms(dict.fromkeys(Side, HandModel.load(None, Side.RIGHT)))


@pytest.mark.parametrize("side", list(Side))
def test_parameters_come_back_from_the_state(forms: HandForms, side: Side) -> None:
    rng = np.random.default_rng(3)
    hand = HandParameters(0.4 * rng.normal(size=(16, 3)), rng.normal(size=10), np.array([0.05, -0.1, 0.6]))
    back = forms.parameters(side, hand.shape, forms.state(side, hand))
    np.testing.assert_allclose(back.pose, hand.pose, atol=1e-9)
    np.testing.assert_allclose(back.wrist_camera, hand.wrist_camera, atol=1e-12)


@pytest.mark.parametrize("factor", [0.94, 1.0, 1.05])
def test_a_hand_becomes_as_large_as_wanted(forms: HandForms, factor: float) -> None:
    shape = np.array([0.3, -0.2, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    new = forms.resized(Side.RIGHT, shape, factor)
    assert forms.size(Side.RIGHT, new) / forms.size(Side.RIGHT, shape) == pytest.approx(factor, abs=0.01)


def test_no_hand_becomes_a_giant(forms: HandForms) -> None:
    assert np.abs(forms.resized(Side.RIGHT, np.zeros(10), 3.0)).max() == MAX_COEFFICIENT
