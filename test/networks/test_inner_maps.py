"""Networks with inner maps as outputs compute what they did before."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.hands.landmarks import LandmarkNetwork, crop
from hoi_perception.hands.models import LANDMARK, read_model
from hoi_perception.networks.inner_maps import with_inner_maps
from hoi_perception.networks.landmark_features import FINE_SHAPE, WIDE_SHAPE, LandmarkFeatures
from hoi_perception.types import HandRegion


def test_the_landmark_networks_own_outputs_are_the_same_with_inner_maps() -> None:
    from ai_edge_litert.interpreter import Interpreter

    image = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    region = HandRegion((150.0, 150.0), 224.0, 0.0)
    usual = LandmarkNetwork().run(image, region)
    content, _ = with_inner_maps(read_model(LANDMARK), ("model/add_8/add",))
    network = Interpreter(model_content=content)
    network.allocate_tensors()
    tensor = np.multiply(crop(image, region)[None, :, :, ::-1], np.float32(1) / np.float32(255), dtype=np.float32)
    network.set_tensor(network.get_input_details()[0]["index"], tensor)
    network.invoke()
    outputs = {d["name"]: network.get_tensor(d["index"]) for d in network.get_output_details()}
    assert float(outputs["Identity_1"][0, 0]) == usual.presence
    assert float(outputs["Identity_2"][0, 0]) == usual.right_score


def test_maps_belong_to_the_crop() -> None:
    features, rng = LandmarkFeatures(), np.random.default_rng(0)
    one, other = (rng.integers(0, 255, (224, 224, 3), dtype=np.uint8) for _ in range(2))
    first, second, again = features.run(one), features.run(other), features.run(one)
    assert first.fine.shape == FINE_SHAPE and first.wide.shape == WIDE_SHAPE
    np.testing.assert_array_equal(first.fine, again.fine)
    np.testing.assert_array_equal(first.wide, again.wide)
    assert np.abs(first.fine - second.fine).max() > 0.1 and np.abs(first.wide - second.wide).max() > 0.1


def test_a_map_that_is_not_there_is_not_made_up() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_inner_maps(read_model(LANDMARK), ("no such map",))
