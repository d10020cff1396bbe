"""Crops and regions against hand-computed geometry; the network on real hands."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands import landmarks
from hoi_perception.hands.detection import PalmNetwork
from hoi_perception.hands.landmarks import Colours, LandmarkNetwork, crop, crop_to_image, region_from_landmarks
from hoi_perception.types import HandLandmarks, HandRegion

Networks = tuple[PalmNetwork, LandmarkNetwork]
ReadFrame = Callable[[str, int], NDArray[np.uint8]]


def landmarks_at(points: NDArray[np.float64]) -> HandLandmarks:
    return HandLandmarks(points, np.zeros(21), 1.0, 0.5)


def upright_hand() -> NDArray[np.float64]:
    """Wrist at the origin, knuckles at y = -90 to -100, x from -30 to 30, fingers 80 beyond them."""
    points = np.zeros((21, 2))
    points[1:5] = [[-20, -20], [-40, -40], [-50, -60], [-55, -80]]
    for finger, (x, y) in enumerate([(-30, -95), (-10, -100), (10, -95), (30, -90)]):
        points[5 + 4 * finger : 9 + 4 * finger] = [[x, y - d] for d in (0, 40, 60, 80)]
    return points


def test_middle_of_the_crop_is_the_centre() -> None:
    T = crop_to_image(HandRegion((300.0, 200.0), 448.0, 0.7))
    np.testing.assert_allclose(T @ [112.0, 112.0, 1.0], [300.0, 200.0])


def test_crop_turned_by_a_right_angle() -> None:
    # The region's x axis points down in the image, so fingers that point right in the image point up in the crop.
    T = crop_to_image(HandRegion((0.0, 0.0), 224.0, math.pi / 2))
    np.testing.assert_allclose(T @ [122.0, 112.0, 1.0], [0.0, 10.0], atol=1e-9)
    np.testing.assert_allclose(T @ [112.0, 102.0, 1.0], [10.0, 0.0], atol=1e-9)


def test_crop_shows_what_the_map_says() -> None:
    image = np.zeros((400, 500, 3), np.uint8)
    cv2.circle(image, (250, 150), 12, (255, 255, 255), -1)
    region = HandRegion((280.0, 180.0), 300.0, -0.6)
    patch = crop(image, region)[:, :, 0].astype(np.float64)
    v, u = np.indices(patch.shape)
    blob = np.array([(u * patch).sum(), (v * patch).sum()]) / patch.sum()
    np.testing.assert_allclose(crop_to_image(region) @ [*blob, 1.0], [250.0, 150.0], atol=0.1)


@pytest.mark.parametrize(
    ("colours", "rgb"),
    [(Colours.PLAIN, (200, 120, 40)), (Colours.SWAPPED, (40, 120, 200)), (Colours.TINTED, (200, 90, 24.8))],
)
def test_colours_that_the_network_is_shown(
    colours: Colours, rgb: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain picture of R 200, G 120, B 40; tinting takes a quarter of the green and 38 % of the blue."""
    shown: list[NDArray[np.float32]] = []

    class Watching:
        def run(self, tensor: NDArray[np.float32], names: tuple[str, ...]) -> tuple[NDArray[np.float32], ...]:
            shown.append(tensor)
            return (np.zeros((1, 63), np.float32), *(np.zeros((1, 1), np.float32),) * 2, np.zeros((1, 63), np.float32))

    monkeypatch.setattr(landmarks, "Network", lambda *_: Watching())
    image = np.full((50, 60, 3), (40, 120, 200), np.uint8)
    LandmarkNetwork().run(image, HandRegion((30.0, 25.0), 40.0, 0.4), colours)
    np.testing.assert_allclose(255 * shown[0], np.broadcast_to(rgb, (1, 224, 224, 3)), atol=0.01)


def test_crop_repeats_the_border() -> None:
    image = np.full((100, 100, 3), 90, np.uint8)
    assert (crop(image, HandRegion((0.0, 0.0), 400.0, 0.3)) == 90).all()


def test_region_of_an_upright_hand() -> None:
    # Box of palm, thumb and lowest finger joints: x -50 to 30 (80 wide), y -140 to 0 (140 high).
    region = region_from_landmarks(landmarks_at(upright_hand()))
    expected_angle = math.atan2(-10.0, 97.5)  # knuckles' mean at (-10, -97.5)
    assert region.angle_rad == pytest.approx(expected_angle)
    straight = upright_hand() + [10.0, 0.0] * (np.arange(21) > 0)[:, None]  # now above the wrist
    region = region_from_landmarks(landmarks_at(straight))
    assert region.angle_rad == pytest.approx(0.0)
    assert region.size_px == pytest.approx(280.0)
    np.testing.assert_allclose(region.center_px, [0.0, -70.0 - 14.0])


def test_region_turns_and_scales_with_the_hand() -> None:
    before = region_from_landmarks(landmarks_at(upright_hand()))
    c, s = math.cos(0.8), math.sin(0.8)
    R = np.array([[c, -s], [s, c]])
    after = region_from_landmarks(landmarks_at(3.0 * upright_hand() @ R.T + [100.0, 50.0]))
    assert after.size_px == pytest.approx(3.0 * before.size_px)
    assert after.angle_rad == pytest.approx(before.angle_rad + 0.8)
    np.testing.assert_allclose(after.center_px, 3.0 * R @ np.array(before.center_px) + [100.0, 50.0])


def test_nothing_is_no_hand(networks: Networks) -> None:
    palm, network = networks
    image = np.full((480, 640, 3), 128, np.uint8)
    assert palm.run(image, 0.5) == []
    assert network.run(image, HandRegion((320.0, 240.0), 300.0, 0.0)).presence < 0.1


def test_both_hands_with_their_sides(networks: Networks, read_frame: ReadFrame) -> None:
    palm, network = networks
    image = read_frame("coffee.mp4", 40)
    hands = [network.run(image, p.region) for p in palm.run(image, 0.5)]
    kettle, mug = sorted(hands, key=lambda hand: hand.box_px[0])
    assert min(kettle.presence, mug.presence) > 0.9
    assert kettle.right_score > 0.9  # the person faces the camera
    assert mug.right_score < 0.1
    assert mug.points_metric is not None
    palm_length = np.linalg.norm(mug.points_metric[9] - mug.points_metric[0])
    assert 0.06 < palm_length < 0.12


def test_points_do_not_depend_on_the_crop(networks: Networks, read_frame: ReadFrame) -> None:
    palm, network = networks
    image = read_frame("coffee.mp4", 150)
    region = region_from_landmarks(network.run(image, palm.run(image, 0.5)[0].region))
    first = network.run(image, region)
    (x, y), size = region.center_px, region.size_px
    for other in (
        HandRegion((x + 0.03 * size, y - 0.02 * size), size, region.angle_rad),
        HandRegion((x, y), 1.05 * size, region.angle_rad + 0.1),
    ):
        again = network.run(image, other)
        assert np.linalg.norm(again.points_px - first.points_px, axis=1).mean() < 0.02 * size
