"""Which pixels of a label image are whose."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.instrument_tracking.labels import SURE, map_of, masks_of
from hoi_perception.instrument_tracking.wanted import Wanted

TWO = (Wanted(4, "scalpel_10"), Wanted(9, "mug"))
LABELS = np.array([[0, 1, 1], [2, 2, 0], [7, 0, 0]], dtype=np.uint16)


def test_without_names_labels_stand_for_what_is_looked_for_in_its_order() -> None:
    masks = masks_of(LABELS, (3, 3), TWO)
    np.testing.assert_array_equal(masks.of[4], LABELS == 1)
    np.testing.assert_array_equal(masks.of[9], LABELS == 2)


def test_names_give_labels_to_instruments() -> None:
    masks = masks_of(LABELS, (3, 3), TWO, ["mug", "scalpel_10"])
    np.testing.assert_array_equal(masks.of[9], LABELS == 1)
    np.testing.assert_array_equal(masks.of[4], LABELS == 2)


def test_several_of_one_name_have_their_labels_in_turn() -> None:
    cups = (Wanted(1, "cup_16oz"), Wanted(2, "cup_16oz"))
    masks = masks_of(LABELS, (3, 3), cups, ["cup_16oz", "cup_16oz"])
    np.testing.assert_array_equal(masks.of[1], LABELS == 1)
    np.testing.assert_array_equal(masks.of[2], LABELS == 2)


def test_the_only_instrument_has_every_label() -> None:
    masks = masks_of(LABELS, (3, 3), TWO[:1])
    np.testing.assert_array_equal(masks.of[4], LABELS > 0)
    assert masks.notes == ()


def test_labels_that_stand_for_nothing_are_told_and_not_used() -> None:
    masks = masks_of(LABELS, (3, 3), TWO)
    assert set(masks.of) == {4, 9}
    (note,) = masks.notes
    assert "labels 7 " in note and "1 scalpel_10, 2 mug" in note and "mask_labels" in note


def test_a_mask_of_another_size_is_told_and_not_used() -> None:
    masks = masks_of(LABELS, (6, 4), TWO)
    assert masks.of == {}
    assert masks.notes == ("instrument mask is 3x3, the image 4x6: register it to the image; it is not used",)


@pytest.mark.parametrize("labels", [None, np.zeros((3, 3), dtype=np.uint8)])
def test_a_mask_that_shows_nothing_is_no_evidence(labels: np.ndarray | None) -> None:
    assert masks_of(labels, (3, 3), TWO).of == {}
    assert masks_of(labels, (3, 3), TWO[:1]).of == {}


def test_a_mask_as_probabilities() -> None:
    np.testing.assert_allclose(map_of(np.array([[True, False]])).probability, [[SURE, 1.0 - SURE]], rtol=1e-6)
