"""Networks with inner maps as outputs compute what they did before."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.hands.landmarks import LandmarkNetwork, crop, landmarks_of, network_input
from hoi_perception.hands.models import LANDMARK, read_model
from hoi_perception.networks.inner_maps import with_inner_maps
from hoi_perception.networks.landmark_features import FINE_SHAPE, WIDE_SHAPE, LandmarkFeatures
from hoi_perception.types import HandRegion


def test_the_landmark_networks_own_outputs_are_the_same_with_inner_maps() -> None:
    image = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    region = HandRegion((150.0, 150.0), 224.0, 0.3)
    usual = LandmarkNetwork().run(image, region)
    found = landmarks_of(LandmarkFeatures().run(network_input(crop(image, region))).outputs, region)
    np.testing.assert_array_equal(found.points_px, usual.points_px)
    assert (found.presence, found.right_score) == (usual.presence, usual.right_score)


def test_maps_belong_to_the_crop() -> None:
    features, rng = LandmarkFeatures(), np.random.default_rng(0)
    one, other = (rng.random((1, 224, 224, 3), dtype=np.float32) for _ in range(2))
    first, second, again = features.run(one), features.run(other), features.run(one)
    assert first.fine.shape == FINE_SHAPE and first.wide.shape == WIDE_SHAPE
    np.testing.assert_array_equal(first.fine, again.fine)
    np.testing.assert_array_equal(first.wide, again.wide)
    assert np.abs(first.fine - second.fine).max() > 0.1 and np.abs(first.wide - second.wide).max() > 0.1


def test_a_map_that_is_not_there_is_not_made_up() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_inner_maps(read_model(LANDMARK), ("no such map",))
