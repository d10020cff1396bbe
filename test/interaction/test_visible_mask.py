"""Pictures of a body behind another against a mask, by areas counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.interaction.visible_mask import VisibleMask
from hoi_perception.types import Camera

Array = NDArray[np.float64]
CAMERA = Camera(np.array([[200.0, 0.0, 159.5], [0.0, 200.0, 119.5], [0.0, 0.0, 1.0]]), 320, 240)
FACES = np.array([[0, 1, 2], [0, 2, 3]])
PIXEL = 1.0 / 200.0**2


def square(x: int, y: int, width: int, height: int, depth: float) -> Array:
    """A rectangle that covers these pixels."""
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=np.float64)
    rays = (corners - 0.5 - [159.5, 119.5]) / 200.0
    return np.column_stack([rays, np.ones(4)]) * depth


def mask(x: int, y: int, width: int, height: int) -> NDArray[np.bool_]:
    seen = np.zeros((240, 320), dtype=bool)
    seen[y : y + height, x : x + width] = True
    return seen


HAND = square(60, 50, 20, 20, 0.4), FACES


def test_what_shows_as_seen_has_no_mismatch() -> None:
    visible = VisibleMask.of(mask(100, 50, 40, 20), CAMERA)
    assert visible.mismatch(HAND, (square(100, 50, 40, 20, 0.5), FACES)) == 0.0


def test_a_shift_counts_on_both_sides() -> None:
    visible = VisibleMask.of(mask(100, 50, 40, 20), CAMERA)
    found = visible.mismatch(HAND, (square(103, 50, 40, 20, 0.5), FACES))
    assert found == pytest.approx(2 * 3 * 20 * PIXEL)


@pytest.mark.parametrize(("depth", "hidden"), [(0.5, True), (0.3, False)])
def test_the_nearer_body_hides_the_other(depth: float, hidden: bool) -> None:
    """The instrument spans the hand; seen is what is beside the hand only."""
    seen = mask(40, 50, 60, 20)
    seen[50:70, 60:80] = False
    found = VisibleMask.of(seen, CAMERA).mismatch(HAND, (square(40, 50, 60, 20, depth), FACES))
    assert found == pytest.approx(0.0 if hidden else 20 * 20 * PIXEL)


def test_large_images_are_made_coarse_and_areas_stay() -> None:
    K = np.array([[800.0, 0.0, 639.5], [0.0, 800.0, 479.5], [0.0, 0.0, 1.0]])
    large = np.kron(mask(100, 50, 40, 20), np.ones((4, 4))).astype(bool)
    visible = VisibleMask.of(large, Camera(K, 1280, 960))
    assert visible.seen.shape == (240, 320)
    found = visible.mismatch(HAND, (square(103, 50, 40, 20, 0.5), FACES))
    assert found == pytest.approx(2 * 3 * 20 * PIXEL)
