"""Depth of a frame reaches the solve of instruments, with the hand and without, and what is told of them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import carried
import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.region_depth import Sensor
from hoi_perception.evaluation.region_sequences import HandError, Stage
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_telling import InstrumentTelling
from hoi_perception.instrument_tracking.first_distance import at_measured_distance
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.tracks import ToolTrack
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instrument_tracking.wanted import Wanted
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.occlusion import Occluder
from hoi_perception.rendering import rasterise
from hoi_perception.types import Hand, Instrument, ScaleSource, Side

FRAMES = 2
Depth = Float32[NDArray[np.float32], "h w"]


@lru_cache(maxsize=1)
def stage() -> Stage:
    """A hand that carries a curette over a table."""
    return Stage(carried.sequence(FRAMES), False, HandError(), np.random.default_rng(0))


@lru_cache(maxsize=1)
def views() -> list[View]:
    """The hand is taken for too small, and so for too near."""
    own = stage()
    shown = zip(own.frames, (own.picture(k) for k in range(FRAMES)), strict=True)
    return [
        View(image, own.camera, round(k * 1e9 / 30.0), (carried.view_of(truth),))
        for k, (truth, image) in enumerate(shown)
    ]


@lru_cache(maxsize=1)
def depths() -> list[Depth]:
    return [stage().depth(k, Sensor(scale=0.0)) for k in range(FRAMES)]


def rough(nearer_m: float) -> InstrumentState:
    """The true pose of the first frame, but too near."""
    truth = stage().state(0)
    return replace(truth, t=truth.t * (1.0 - nearer_m / np.linalg.norm(truth.t)))


def followed(with_depth: bool, hands: bool) -> list[ToolTrack]:
    """Tracks of all frames, from a pose that is 2 cm too near."""
    tracker = InstrumentTracker(Library.find(), carried.forms(), AnglePrior.of(FittingConfig()))
    shown = [
        replace(view, hands=view.hands if hands else (), depth_m=depth if with_depth else None)
        for view, depth in zip(views(), depths(), strict=True)
    ]
    tracks = [tracker.begin(shown[0], 1, carried.NAME, rough(0.02))]
    for view in shown:
        tracks += tracker.step(view, tracks[-1:])
    return tracks[1:]


def distance_off(track: ToolTrack, k: int) -> float:
    """Error of the distance of the instrument's middle, m."""
    middle = stage().contour.middle
    places = [state.R[0] @ middle + state.t[0] for state in (track.state, stage().state(k))]
    return abs(float(np.linalg.norm(places[0]) - np.linalg.norm(places[1])))


def told(track: ToolTrack, *hands: Hand) -> tuple[Instrument, tuple[Hand, ...]]:
    tracker = InstrumentTracker(Library.find(), carried.forms(), AnglePrior.of(FittingConfig()))
    telling = InstrumentTelling(tracker, {side: HandModel.load(None, side) for side in Side})
    found = telling.tell([Wanted(1, carried.NAME, track=track)], hands)
    return found.instruments[0], found.hands


def test_depth_brings_an_instrument_to_its_distance() -> None:
    alone, measured = followed(with_depth=False, hands=False), followed(with_depth=True, hands=False)
    off = [[distance_off(track, k) for k, track in enumerate(tracks)] for tracks in (alone, measured)]
    assert min(off[0]) > 0.008, "without depth it is as good: the test says nothing"
    assert max(off[1]) < 0.25 * min(off[0])
    assert all(track.region.by_depth for track in measured)
    before, after = (told(track)[0] for track in (alone[-1], measured[-1]))
    assert (before.scale_source, after.scale_source) == (ScaleSource.INSTRUMENT, ScaleSource.DEPTH)
    ray = measured[-1].state.t[0] / np.linalg.norm(measured[-1].state.t[0])
    sigma = [float(np.sqrt(ray @ one.covariance[:3, :3] @ ray)) for one in (before, after)]
    assert sigma[1] < 0.5 * sigma[0]


def test_the_hand_that_holds_it_goes_with_it() -> None:
    tracks = followed(with_depth=True, hands=True)
    truth = stage().frames[-1]
    assert max(distance_off(track, k) for k, track in enumerate(tracks)) < 0.003
    assert tracks[-1].grip is not None and "depth" in tracks[-1].grip.fit.solution.terms[0]
    instrument, (hand,) = told(tracks[-1], carried.hand_of(truth))
    assert instrument.scale_source is hand.scale_source is ScaleSource.DEPTH
    wrist = [float(np.linalg.norm(w)) for w in (hand.parameters.wrist_camera, truth.hand.wrist_camera)]
    taken = float(np.linalg.norm(carried.taken_for(truth).wrist_camera))
    assert abs(wrist[0] - wrist[1]) < 0.5 * abs(taken - wrist[1])


def test_a_pose_told_far_too_near_begins_at_the_measured_distance() -> None:
    tracker = InstrumentTracker(Library.find(), carried.forms(), AnglePrior.of(FittingConfig()))
    view = replace(views()[0], hands=())
    alone = tracker.begin(view, 1, carried.NAME, rough(0.06))
    assert distance_off(alone, 0) > 0.006, "without depth it is as good: the test says nothing"
    found = tracker.begin(replace(view, depth_m=depths()[0]), 1, carried.NAME, rough(0.06))
    assert distance_off(found, 0) < 0.003 and found.region.by_depth
    table = np.full_like(depths()[0], np.nanmax(depths()[0]))
    through = tracker.begin(replace(view, depth_m=table), 1, carried.NAME, rough(0.06))
    np.testing.assert_array_equal(through.state.t, alone.state.t)


def test_only_what_stands_out_at_another_distance_than_told_moves_a_start() -> None:
    """A plate of 60 x 60 mm, told at 0.4 m before a table at 0.6 m."""
    camera = camera_from_fov(320, 240, 60.0)
    corners = 0.03 * np.array([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]])
    vertices = corners + [0.02, 0.0, 0.4]
    surface = Occluder(vertices, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32))
    told = InstrumentState(np.eye(3)[None], np.array([[0.02, 0.0, 0.4]]), np.zeros((1, 0)))
    mask = rasterise(surface.vertices, surface.faces, camera).mask
    open_ = np.full(mask.shape, np.inf, dtype=np.float32)

    def moved(z: float, cover: Depth = open_) -> InstrumentState | None:
        depth = np.where(mask, z, 0.6).astype(np.float32)
        return at_measured_distance(depth, cover, camera, surface, told)

    found = moved(0.46)
    assert found is not None
    np.testing.assert_allclose(found.t, 1.15 * told.t, rtol=1e-6)
    assert moved(0.405) is None, "a solve reaches that anyhow"
    assert moved(0.6) is None, "the table"
    assert moved(0.2) is None, "something else"
    assert moved(float("nan")) is None
    assert moved(0.46, np.zeros_like(open_)) is None, "a hand hides it"
