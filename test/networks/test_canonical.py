"""A hand looks the same to the lifting network wherever it is in the picture and however the camera is rolled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import Observation
from hoi_perception.networks.canonical import canonical, rotation_to_axis
from hoi_perception.networks.lifting_samples import HandSampler, LandmarkErrors
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

MODEL = LandmarkModel.of(HandModel.load(None, Side.RIGHT))
SEEN = HandSampler(MODEL, errors=LandmarkErrors(hands_with_gaps=0.0)).draw(np.random.default_rng(1), 20).seen


def turned(seen: Observation, R: NDArray[np.float64]) -> Observation:
    """The same rays in a camera turned by R; depths along the hand's ray stay."""
    rays = np.concatenate([seen.points, np.ones((*seen.depth.shape, 1))], axis=-1) @ R.T
    return replace(seen, points=rays[..., :2] / rays[..., 2:])


def test_features_do_not_depend_on_place_and_roll() -> None:
    R = np.asarray(rotation_from_axis_angle(np.array([0.1, -0.15, 1.3])))
    straight, other = canonical(SEEN), canonical(turned(SEEN, R))
    np.testing.assert_allclose(other.features, straight.features, atol=0.02)
    np.testing.assert_allclose(other.R @ R, straight.R, atol=0.02)


def test_knuckles_are_straight_above_the_wrist_and_the_size_is_one() -> None:
    view = canonical(SEEN)
    xy = view.features[..., :2]
    up = xy[:, [5, 9, 13, 17]].mean(axis=1) - xy[:, 0]
    np.testing.assert_allclose(up[:, 0], 0.0, atol=1e-5)
    assert (up[:, 1] < 0.0).all()
    np.testing.assert_allclose((xy**2).sum(axis=-1).mean(axis=1), 1.0, atol=1e-5)


def test_what_does_not_count_says_nothing() -> None:
    weight = SEEN.point_weight.copy()
    weight[:, [3, 8]] = 0.0
    wild = SEEN.points.copy()
    wild[:, [3, 8]] = np.inf
    a = canonical(replace(SEEN, point_weight=weight, points=wild))
    b = canonical(replace(SEEN, point_weight=weight))
    np.testing.assert_array_equal(a.features, b.features)
    assert not a.features[:, [3, 8], :5].any()


def test_a_hand_of_which_nothing_counts_gives_finite_features() -> None:
    view = canonical(replace(SEEN, point_weight=np.zeros_like(SEEN.point_weight)))
    assert np.isfinite(view.features).all() and np.isfinite(view.R).all()


def test_the_smallest_turn_brings_a_ray_onto_the_axis() -> None:
    ray = np.array([[0.3, -0.4, 1.2]])
    R = rotation_to_axis(ray)[0]
    np.testing.assert_allclose(R @ ray[0], [0.0, 0.0, 1.3], atol=1e-12)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.isclose(np.trace(R), 1.0 + 2.0 * 1.2 / 1.3)
