"""A broad instrument begun from a pose that was told, in generated pictures."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from carried import forms
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.config import FittingConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking import beginning
from hoi_perception.instrument_tracking.belief import is_turned
from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instruments.colour import Colours, no_cover
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.occlusion import Occluder
from hoi_perception.interaction.region_tracker import RegionTracker, TrackerSettings
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import HandParameters, Side

CAMERA = camera_from_fov(480, 360, 55.0)
DEPTH = 0.5
NAME = "cup_16oz"
SKIN, RED = (120, 150, 205), (40, 30, 190)


@lru_cache(maxsize=1)
def tracker() -> InstrumentTracker:
    return InstrumentTracker(Library.find(), forms(), AnglePrior.of(FittingConfig()))


def state(off_px: tuple[float, float] = (0.0, 0.0)) -> InstrumentState:
    """A cup that stands upside down before the camera, so far beside the middle of the picture."""
    up = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    t = np.array([*(np.array(off_px) * DEPTH / CAMERA.focal_px), DEPTH]) - 0.06 * up[:, 0]
    return InstrumentState(up[None], t[None], np.zeros((1, 0)))


def picture(*bodies: tuple[NDArray[np.bool_], tuple[int, int, int]]) -> NDArray[np.uint8]:
    image = np.random.default_rng(3).integers(80, 110, (360, 480, 3)).astype(np.float64)
    for mask, colour in bodies:
        image[mask] = colour
    noise = np.random.default_rng(4).normal(0.0, 4.0, image.shape)
    return np.clip(image + noise, 0.0, 255.0).astype(np.uint8)


def cup() -> NDArray[np.bool_]:
    return rasterise(*tracker().shapes.surface(NAME, state()), CAMERA).mask


def off_px(found: InstrumentState) -> float:
    """Distance of the cup's middle from where it is."""
    middle = np.array([0.06, 0.0, 0.0])
    places = [np.asarray(project((one.R[0] @ middle + one.t[0])[None], CAMERA)[0]) for one in (found, state())]
    return float(np.linalg.norm(places[0] - places[1]))


def test_a_told_pose_is_drawn_to_where_the_image_has_the_instrument() -> None:
    view = View(picture((cup(), RED)), CAMERA, 0)
    track = tracker().begin(view, 1, NAME, state((14.0, -10.0)))
    assert track.broad and track.region.rows and off_px(track.state) < 1.0
    assert track.region.agreement.both > 0.8


def hand() -> HandView:
    """An open hand before the cup's left part that one camera takes to be far behind it."""
    model = HandModel.load(None, Side.RIGHT)
    upright = np.zeros((16, 3))
    upright[0] = (0.0, 0.0, -0.5 * np.pi)
    posed = model.posed(HandParameters(upright, np.zeros(10), np.array([0.0, 0.0, 0.4]))).vertices
    near = posed - posed.mean(axis=0) + np.array([-0.025, 0.0, 0.38])
    scaled = np.asarray(2.2 * near, dtype=np.float64)
    assert near[:, 2].max() < DEPTH < scaled[:, 2].min() - 0.05
    points = np.asarray(project(scaled[:21], CAMERA))
    term = LandmarkTerm(0, np.zeros((21, 2)), np.zeros(21))
    parameters = HandParameters(upright, np.zeros(10), np.array([-0.11, 0.2, 0.77]))
    return HandView(Side.RIGHT, 1, parameters, term, points, scaled)


def test_a_hand_hides_a_broad_instrument_even_where_it_seems_to_be_behind() -> None:
    beside = hand()
    flesh = rasterise(beside.vertices, forms().body(Side.RIGHT).faces, CAMERA).mask
    assert 0.1 < (flesh & cup()).sum() / cup().sum() < 0.6
    view = View(picture((cup(), RED), (flesh, SKIN)), CAMERA, 0, (beside,))
    track = tracker().begin(view, 1, NAME, state((6.0, 6.0)))
    assert track.region.rows and off_px(track.state) < 2.0
    assert track.region.agreement.both > 0.7 and track.region.agreement.seen < 0.95


def test_an_instrument_at_rest_stays_where_it_was_shown() -> None:
    image = picture((cup(), RED))
    track = tracker().begin(View(image, CAMERA, 0), 1, NAME, state())
    shown = []
    for k in range(1, 5):
        noise = np.random.default_rng(10 + k).normal(0.0, 3.0, image.shape)
        later = np.clip(image + noise, 0.0, 255.0).astype(np.uint8)
        track = tracker().step(View(later, CAMERA, 33_000_000 * k), [track])[0]
        shown.append(track.state.t[0])
    spread = np.ptp(shown[1:], axis=0)
    assert track.region.rows and spread[2] == 0.0, "its distance is that of the first image"
    assert spread[:2].max() / DEPTH * CAMERA.focal_px < 0.2


@pytest.mark.parametrize(("turn", "seen", "too_far"), [(0.3, 0.5, True), (0.3, 1.0, False), (0.1, 0.5, False)])
def test_the_less_is_seen_the_less_a_broad_instrument_may_turn(turn: float, seen: float, too_far: bool) -> None:
    image = picture((cup(), RED))
    region = tracker().begin(View(image, CAMERA, 0), 1, NAME, state()).region
    R = np.asarray(rotation_from_axis_angle(np.array([[turn, 0.0, 0.0]])), dtype=np.float64) @ region.state.R
    found = replace(region, state=replace(region.state, R=R), agreement=replace(region.agreement, seen=seen))
    assert is_turned(tracker().settings, found, region.state) is too_far


@pytest.mark.parametrize(("broad", "reaches"), [(True, [24.0, 12.0, 6.0]), (False, [24.0])])
def test_only_a_broad_instrument_has_several_first_colours(
    monkeypatch: pytest.MonkeyPatch, broad: bool, reaches: list[float]
) -> None:
    """The best of several may be those of an edge beside a thin one."""
    asked: list[float] = []

    def seeded(_image: object, _cover: object, _shape: object, reach_px: float) -> Colours:
        asked.append(reach_px)
        return Colours.none()

    monkeypatch.setattr(beginning, "seeded_colours", seeded)
    image = picture((cup(), RED))
    surface = Occluder(*tracker().shapes.surface(NAME, state()))
    look = beginning.FirstLook(image, no_cover(image), 0, surface, broad=broad)
    shapes = tracker().shapes
    region = RegionTracker(shapes.body(NAME), shapes.contour(NAME), CAMERA, TrackerSettings())
    taken: list[bool] = []
    monkeypatch.setattr(RegionTracker, "begin", lambda *_: taken.append(True))
    beginning.first_region(region, look, state(), 24.0)
    assert asked == reaches
    assert bool(taken) == broad, "nor are a thin one's taken from the told pose as it is"
