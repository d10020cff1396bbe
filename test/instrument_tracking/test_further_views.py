"""Instruments in the images of two cameras: told too deep, found where they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from carried import forms

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.region_scenes import Body, Steel, drawn, filmed
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.further_views import further_pictures
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.occlusion import Occluder
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import FurtherView, PlacedCamera

NAME = "scalpel_10"
CAMERA = camera_from_fov(640, 480, 50.0)
BELOW = PlacedCamera("below", CAMERA, np.eye(3), np.array([0.0, -0.06, 0.0]))


@pytest.fixture(scope="module")
def tracker() -> InstrumentTracker:
    """With the library of the package."""
    return InstrumentTracker(Library.find(), forms(), AnglePrior.of(FittingConfig()))


def place() -> InstrumentState:
    """Across both images, 0.3 m away."""
    R = np.asarray(rotation_from_axis_angle(np.array([0.3, 0.5, 0.4])), dtype=np.float64)
    return InstrumentState(R[None], np.array([[-0.06, 0.0, 0.3]]), np.zeros((1, 0)))


def view_of(tracker: InstrumentTracker, state: InstrumentState, stamp_ns: int) -> View:
    """On a green cloth, in both images."""
    vertices, faces = tracker.shapes.surface(NAME, state)
    cloth = np.broadcast_to(np.array([60.0, 140.0, 50.0], dtype=np.float32), (480, 640, 3)).copy()
    steel = Steel(np.ones(3), 130.0, 80.0, 10.0)
    images = [
        filmed(drawn(cloth, [Body(seen, faces, steel)], CAMERA), np.random.default_rng(0))
        for seen in (vertices, BELOW.seen(vertices))
    ]
    return View(images[0], CAMERA, stamp_ns, further=(FurtherView(images[1], BELOW),))


def test_distance_that_was_told_wrong_is_found_by_two_cameras(tracker: InstrumentTracker) -> None:
    true = place()
    told = replace(true, t=true.t * 1.03)
    tracks = [tracker.begin(view_of(tracker, true, 0), 1, NAME, told)]
    for k in range(1, 4):
        tracks = tracker.step(view_of(tracker, true, k * 33_000_000), tracks)
    region = tracks[0].region
    assert len(region.further) == 1
    assert {block.kind.name for block in region.rows} == {"IMAGE", "PLANE"}
    assert np.linalg.norm(region.state.t - true.t) < 0.001
    assert region.certainty.depth < 0.002


def test_what_hides_is_drawn_where_each_camera_sees_it() -> None:
    square = np.array([[-0.05, -0.05, 0.3], [0.05, -0.05, 0.3], [0.05, 0.05, 0.3], [-0.05, 0.05, 0.3]])
    screen = Occluder(square, np.array([[0, 2, 1], [0, 3, 2]]), margin_px=0.0)
    (picture,) = further_pictures([FurtherView(np.zeros((480, 640, 3), dtype=np.uint8), BELOW)], [screen])
    focal = CAMERA.K[1, 1]
    rows = np.flatnonzero(np.isfinite(picture.cover[:, 320]))
    middle = CAMERA.K[1, 2] - focal * 0.06 / 0.3
    assert abs(rows.mean() - max(middle, 0.5 * (middle + focal * 0.05 / 0.3))) < 1.5
    assert abs(rows.max() - (middle + focal * 0.05 / 0.3)) < 1.5
    np.testing.assert_allclose(picture.cover[rows, 320], 0.3, atol=1e-4)
