"""Instruments that nobody told of: found from a mask, in a hand, and not found where they are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from carried import forms, sequence, true_state, view_of
from jaxtyping import Bool
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import FittingConfig
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.acceptance import accepted, leader
from hoi_perception.instrument_tracking.grasp_hypotheses import in_hand
from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instrument_tracking.labels import map_of
from hoi_perception.instrument_tracking.look import look_at_mask
from hoi_perception.instrument_tracking.outline_fit import REACHES_PX, Held, fit_outlines
from hoi_perception.instrument_tracking.outline_views import OutlineViews
from hoi_perception.instrument_tracking.start_settings import StartSettings
from hoi_perception.instrument_tracking.starter import Lost, Starter
from hoi_perception.instrument_tracking.starting import Search
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instrument_tracking.wanted import Wanted, watch
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Side, TrackState

Mask = Bool[NDArray[np.bool_], "h w"]
CAMERA = camera_from_fov(320, 240, 50.0)
SCISSORS, CUP, TRACK = "mayo_scissors", "cup_16oz", 3


@lru_cache(maxsize=1)
def tracker() -> InstrumentTracker:
    return InstrumentTracker(Library.find(), forms(), AnglePrior.of(FittingConfig()))


@lru_cache(maxsize=1)
def starter() -> Starter:
    return Starter(tracker(), StartSettings(directions=60, looked=60))


def lying(name: str, tilt: float = 0.5) -> InstrumentState:
    """Before the camera at 0.35 m, tilted, scissors open by 10 degrees."""
    R = np.asarray(rotation_from_axis_angle(np.array([0.0, 0.0, 0.5]))) @ np.asarray(
        rotation_from_axis_angle(np.array([0.0, tilt, 0.0]))
    )
    middle = tracker().shapes.contour(name).middle
    joints = tracker().shapes.body(name).n_joints
    return InstrumentState(R[None], (np.array([0.0, 0.0, 0.35]) - R @ middle)[None], np.full((1, joints), 0.17))


def mask_of(name: str, state: InstrumentState) -> Mask:
    return rasterise(*tracker().shapes.surface(name, state), CAMERA).mask


def view(k: int, masks: Mapping[int, Mask], hands: tuple[HandView, ...] = ()) -> View:
    image = np.full((CAMERA.height, CAMERA.width, 3), 120, dtype=np.uint8)
    for mask in masks.values():
        image[mask] = 200
    maps = {number: map_of(mask) for number, mask in masks.items()}
    return View(image, CAMERA, k * 33_333_333, hands, maps=maps)


def watched(name: str, masks: Mapping[int, Mask], frames: int) -> list[Wanted]:
    wanted: tuple[Wanted, ...] = (Wanted(TRACK, name),)
    out = []
    for k in range(frames):
        wanted = watch(tracker(), view(k, masks), wanted, starter(), masks)
        out.append(wanted[0])
    return out


def test_axis_distance_and_opening_come_together_at_the_border_of_a_mask() -> None:
    true = lying(SCISSORS)
    contour = tracker().shapes.contour(SCISSORS)
    eye = -true.R[0].T @ (true.R[0] @ contour.middle + true.t[0])
    beside = eye / np.linalg.norm(eye) + 0.15 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, -1]])
    views = OutlineViews.of(contour, beside / np.linalg.norm(beside, axis=1, keepdims=True))
    look = look_at_mask(view(0, {}).image, CAMERA, (), tracker().forms.body, mask_of(SCISSORS, true))
    off = np.array([[0.008, -0.005, 0.02, 0.03, -0.04, 0.12, 0.09]])
    start = true.plus(off)
    loose = Held(0.05, 0.3, 1.0, 1.0)
    found = fit_outlines(look, views, start, start, loose, (*REACHES_PX, 2.0, 2.0, 2.0))
    assert found.R[0, :, 0] @ true.R[0, :, 0] > np.cos(np.radians(5.0)) > start.R[0, :, 0] @ true.R[0, :, 0]
    assert np.linalg.norm(found.t[0] - true.t[0]) < 0.016
    assert abs(found.angles[0, 0] - true.angles[0, 0]) < np.radians(2.0)


def test_a_cup_is_found_by_its_mask_and_followed() -> None:
    true = lying(CUP)
    found = watched(CUP, {TRACK: mask_of(CUP, true)}, 10)
    assert found[0].state is TrackState.LOST, "one frame is not enough"
    last = found[-1]
    assert last.track is not None and last.search is None
    assert last.state in (TrackState.INITIALISING, TrackState.TRACKED)
    assert abs(last.track.state.R[0, :, 0] @ true.R[0, :, 0]) > np.cos(np.radians(12.0))
    middle = tracker().shapes.contour(CUP).middle
    places = [state.R[0] @ middle + state.t[0] for state in (last.track.state, true)]
    assert np.linalg.norm(places[0] - places[1]) < 0.02


@pytest.mark.parametrize(("wanted", "shown"), [("bone_curette", CUP), (CUP, "bone_curette")])
def test_another_instrument_s_mask_is_not_taken_for_it(wanted: str, shown: str) -> None:
    mask = mask_of(shown, lying(shown))
    assert mask.sum() > 500
    assert all(one.state is TrackState.LOST for one in watched(wanted, {TRACK: mask}, 8))


def test_without_mask_and_hand_nothing_is_found() -> None:
    found = watched(CUP, {}, 5)
    assert all(one.state is TrackState.LOST and one.search is None for one in found)


@pytest.mark.parametrize("pixels", [1, 30])
def test_a_speck_is_no_instrument(pixels: int) -> None:
    speck = np.zeros((CAMERA.height, CAMERA.width), dtype=bool)
    speck.flat[40_000 : 40_000 + pixels] = True
    for one in watched(CUP, {TRACK: speck}, 5):
        assert one.state is TrackState.LOST
        if one.search is not None and one.search.candidates is not None:
            assert np.isfinite(one.search.candidates.state.t).all()


def test_a_grasp_puts_the_instrument_into_the_hand_that_holds_it() -> None:
    truth = sequence(1).frames[0]
    hand = replace(view_of(truth), vertices=true_vertices())
    templates = starter().sought(truth.instrument).templates
    true = true_state(truth)
    off = []
    for template in templates:
        if template.side is truth.side:
            R, t, _ = in_hand(template, hand)
            off.append((np.linalg.norm(axis_angle_from_rotation(R @ true.R[0].T)), np.linalg.norm(t - true.t[0])))
    turn, shift = min(off, key=lambda one: one[0] + 10.0 * one[1])
    assert turn < np.radians(30.0) and shift < 0.03


def true_vertices() -> NDArray[np.float64]:
    from hoi_perception.hands.hand_model import HandModel

    truth = sequence(1).frames[0]
    return np.asarray(HandModel.load(None, truth.side).posed(truth.hand).vertices, dtype=np.float64)


def test_grasps_are_there_for_both_sides() -> None:
    sides = [template.side for template in starter().sought("bone_curette").templates]
    assert sides.count(Side.LEFT) == sides.count(Side.RIGHT) > 0


def test_hands_that_hold_something_else_are_left_out() -> None:
    truth = sequence(1).frames[0]
    lost = [Lost(TRACK, truth.instrument, Search())]
    image = np.full((truth.camera.height, truth.camera.width, 3), 120, dtype=np.uint8)
    shown = View(image, truth.camera, 0, (view_of(truth, track=8),))
    assert starter().step(shown, lost, {}, taken={8}) == {}
    found = starter().step(shown, lost, {})[TRACK]
    assert found.search.candidates is not None and (found.search.candidates.hands == 8).all()


def test_the_leader_has_to_be_known_well_and_to_lead() -> None:
    masks = {TRACK: mask_of(CUP, lying(CUP))}
    symmetries = starter().sought(CUP).symmetries
    search = Search()
    for k in range(6):
        search = starter().step(view(k, masks), [Lost(TRACK, CUP, search)], masks)[TRACK].search
    best, test = leader(search, True, starter().settings, symmetries), starter().settings.of_masks
    assert best is not None
    enough = replace(test, lead=best.lead - 0.1, unsure_m=best.unsure * 1.1, filled=best.filled, missed=best.missed)
    assert accepted(search, True, StartSettings(of_masks=enough), symmetries) is not None
    for more in (
        replace(enough, lead=best.lead + 0.1),
        replace(enough, unsure_m=best.unsure * 0.9),
        replace(enough, filled=best.filled + 0.01),
        replace(enough, missed=best.missed - 0.01),
    ):
        assert accepted(search, True, StartSettings(of_masks=more), symmetries) is None
    assert accepted(search, True, StartSettings(of_masks=enough, frames=7), symmetries) is None
