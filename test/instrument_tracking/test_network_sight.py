"""What a network sees of instruments counts with their colours; everything about it is known here."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from carried import forms
from jaxtyping import Bool
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import FittingConfig
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.belief import believed
from hoi_perception.instrument_tracking.labels import map_of
from hoi_perception.instrument_tracking.look import look_at_map
from hoi_perception.instrument_tracking.mask_hypotheses import LEAST_PIXELS, one_part
from hoi_perception.instrument_tracking.network_sight import SEEN_CLASSES, NetworkSight, SightSettings, window_about
from hoi_perception.instrument_tracking.shapes import Shapes
from hoi_perception.instrument_tracking.sight import Sight
from hoi_perception.instrument_tracking.start_settings import StartSettings
from hoi_perception.instrument_tracking.starter import Lost, Starter
from hoi_perception.instrument_tracking.starting import Search, values
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.tracks import ToolTrack
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instruments.colour import no_cover
from hoi_perception.instruments.instrument_map import Image, InstrumentMap, Window
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.occlusion import Occluder
from hoi_perception.interaction.region_tracker import RegionTracker, TrackerSettings
from hoi_perception.rendering import rasterise
from hoi_perception.synthesis.actors import EVERYDAY
from hoi_perception.transforms import rotation_from_axis_angle

Mask = Bool[NDArray[np.bool_], "h w"]
CAMERA = camera_from_fov(320, 240, 50.0)
NAME, KIND = "syringe", "syringe"
STEEL, CLOTH = (190, 185, 180), (110, 140, 70)


class SeesMask:
    """Sees what a mask shows, in cells of 4 px of the image, and counts how often it is asked."""

    def __init__(self, mask: Mask) -> None:
        self.mask, self.asked = mask, 0

    def instruments(self, image_bgr: Image, window: Window | None = None) -> InstrumentMap:
        self.asked += 1
        rows, columns = window or (slice(0, self.mask.shape[0]), slice(0, self.mask.shape[1]))
        first, last = (rows.start // 4, columns.start // 4), (-(-rows.stop // 4), -(-columns.stop // 4))
        height, width = (n // 4 for n in self.mask.shape)
        cells = self.mask.reshape(height, 4, width, 4).mean(axis=(1, 3))[first[0] : last[0], first[1] : last[1]]
        corner = -0.375 - first[1], -0.375 - first[0]
        return InstrumentMap((0.01 + 0.98 * cells).astype(np.float32), 0.25, corner)


@lru_cache(maxsize=1)
def library() -> Library:
    return Library.find()


@lru_cache(maxsize=1)
def shapes() -> Shapes:
    return tracker().shapes


def tracker(sees: SeesMask | None = None) -> InstrumentTracker:
    return InstrumentTracker(library(), forms(), AnglePrior.of(FittingConfig()), sees=sees)


def lying(name: str = NAME, off_px: tuple[float, float] = (0.0, 0.0)) -> InstrumentState:
    """Across the view at 0.35 m, turned by 30 degrees in the picture, its middle so far from the picture's (px)."""
    across = np.array([np.cos(np.radians(30.0)), np.sin(np.radians(30.0)), 0.0])
    axis = shapes().contour(name).long_axis
    normal = np.cross(axis, across)
    normal *= np.arccos(axis @ across) / np.linalg.norm(normal)
    R = np.asarray(rotation_from_axis_angle(normal), dtype=np.float64)
    middle = 0.35 * np.array([*(np.array(off_px) / CAMERA.focal_px), 1.0])
    joints = shapes().body(name).n_joints
    return InstrumentState(R[None], (middle - R @ shapes().contour(name).middle)[None], np.zeros((1, joints)))


def shown(state: InstrumentState, name: str = NAME) -> Mask:
    return rasterise(*shapes().surface(name, state), CAMERA).mask


def picture(mask: Mask, colour: tuple[int, int, int] = STEEL) -> NDArray[np.uint8]:
    image = np.empty((240, 320, 3))
    image[:], image[mask] = CLOTH, colour
    return np.clip(image + np.random.default_rng(2).normal(0.0, 4.0, image.shape), 0.0, 255.0).astype(np.uint8)


def followed(sees: SeesMask | None, name: str = NAME, masked: bool = False) -> list[ToolTrack]:
    """Three frames of what lies still, begun at the true pose."""
    state = lying(name)
    image, own = picture(shown(state, name)), tracker(sees)
    maps = {1: map_of(shown(state, name))} if masked else {}
    tracks = [own.begin(View(image, CAMERA, 0, maps=maps), 1, name, state)]
    out = []
    for k in range(3):
        tracks = own.step(View(image, CAMERA, (k + 1) * 33_333_333, maps=maps), tracks)
        out.append(tracks[0])
    return out


def test_an_image_is_believed_where_the_network_sees_the_instrument_and_not_where_it_sees_none() -> None:
    there, nothing = SeesMask(shown(lying())), SeesMask(np.zeros((240, 320), dtype=bool))
    by_colour, by_both, contradicted = (followed(sees)[-1] for sees in (None, there, nothing))
    assert by_colour.region.rows and by_both.region.rows and not contradicted.region.rows
    assert by_both.region.agreement.both > 0.6
    assert there.asked == nothing.asked == 4, "once for each picture"


@pytest.mark.parametrize(("name", "masked"), [("cup_16oz", False), (NAME, True)])
def test_it_is_not_asked_of_things_that_it_knows_as_no_instruments_nor_beside_a_mask(name: str, masked: bool) -> None:
    nothing = SeesMask(np.zeros((240, 320), dtype=bool))
    assert followed(nothing, name, masked)[-1].region.rows and nothing.asked == 0


def test_all_of_the_library_but_everyday_things_are_seen() -> None:
    known = {name: library().get(name).description.instrument_class for name in library().names}
    assert {name for name, kind in known.items() if kind not in SEEN_CLASSES} == set(EVERYDAY)
    assert set(known.values()) >= SEEN_CLASSES


def test_a_jump_that_colours_do_not_tell_is_found_by_the_network() -> None:
    """A syringe of the cloth's colour, 12 px lower than it was: colours that were learned say nothing."""
    state, jumped = lying(), lying(off_px=(0.0, 12.0))
    regions = RegionTracker(shapes().body(NAME), shapes().contour(NAME), CAMERA, TrackerSettings())
    image = picture(shown(jumped), CLOTH)
    network = NetworkSight(SeesMask(shown(jumped))).of(image, KIND, shapes().pixels(NAME, state, CAMERA))
    track = regions.unseen(state, 0)
    off = [
        shapes().off_px(
            NAME, Sight(image, no_cover(image), 1, network=one).followed(regions, track).state, jumped, CAMERA
        )
        for one in (None, network)
    ]
    assert off[0] > 11.0 and off[1] < 3.0


@pytest.mark.parametrize(("half", "hidden", "share"), [(False, False, 1.0), (True, False, 0.5), (True, True, 0.0)])
def test_the_share_that_is_seen_is_of_what_nothing_hides(half: bool, hidden: bool, share: float) -> None:
    """The network sees the left half of the syringe, or all of it; a hand hides the left half, or nothing."""
    state = lying()
    regions = RegionTracker(shapes().body(NAME), shapes().contour(NAME), CAMERA, TrackerSettings())
    px = shapes().pixels(NAME, state, CAMERA)
    middle = int(np.median(px[:, 0]))
    left = np.broadcast_to(np.arange(320) < middle, (240, 320))
    seen, image = shown(state), picture(shown(state))
    network = NetworkSight(SeesMask(seen & left if half else seen)).of(image, KIND, px)
    sight = Sight(image, no_cover(image, ~left if hidden else None), 0, network=network)
    assert sight.share_seen(regions, state) == pytest.approx(share, abs=0.06)
    assert np.isnan(replace(sight, network=None).share_seen(regions, state))
    assert np.isnan(replace(sight, cover=np.zeros_like(sight.cover)).share_seen(regions, state))


def test_only_a_known_share_that_is_too_small_is_held_against_an_image() -> None:
    own, region = tracker().settings, followed(None)[-1].region
    nothing = np.zeros(len(region.velocity))
    for share, rows in ((np.nan, True), (own.least_seen, True), (0.99 * own.least_seen, False), (0.0, False)):
        assert bool(believed(own, region, region.state, nothing, share).rows) is rows


def test_a_window_has_the_shape_of_the_network_s_picture_and_ends_with_the_image() -> None:
    settings = SightSettings(round=2.0, least_px=60.0, shape=1.5)
    px = np.array([[100.0, 100.0], [200.0, 120.0], [-50.0, 3.0]])
    rows, columns = window_about(px, (320, 240), settings) or (slice(0), slice(0))
    assert (rows.start, rows.stop, columns.start, columns.stop) == (43, 177, 50, 250)
    rows, columns = window_about(px[:1], (110, 240), settings) or (slice(0), slice(0))
    assert (rows.start, rows.stop, columns.start, columns.stop) == (80, 120, 70, 110)
    assert window_about(px[2:], (320, 240), settings) is None


def test_a_grid_of_one_cell_is_no_evidence() -> None:
    class SeesPoint:
        def instruments(self, image_bgr: Image, window: Window | None = None) -> InstrumentMap:
            return InstrumentMap(np.ones((1, 5), dtype=np.float32), 0.1, (0.0, 0.0))

    px = np.array([[100.0, 100.0], [120.0, 100.0]])
    assert NetworkSight(SeesPoint()).of(picture(shown(lying())), KIND, px) is None


def test_hypotheses_come_from_one_part_of_a_map_at_a_time() -> None:
    mask = np.zeros((60, 80), dtype=bool)
    mask[10:14, 5:65] = mask[40:44, 10:30] = mask[20:22, 70:74] = True
    assert mask[20:22, 70:74].sum() < LEAST_PIXELS
    drawn = [one_part(mask, np.random.default_rng(k)) for k in range(60)]
    parts = [(int(one.sum()), bool(one[10, 5])) for one in drawn]
    assert set(parts) == {(240, True), (80, False)}
    assert parts.count((240, True)) > parts.count((80, False)) > 0
    assert not one_part(mask & (np.arange(80) > 66), np.random.default_rng(0)).any()


def test_a_map_shows_what_is_seen_but_not_of_what_is_known_already() -> None:
    one, other = lying(off_px=(0.0, -40.0)), lying(off_px=(0.0, 40.0))
    both = shown(one) | shown(other)
    known = Occluder(*shapes().surface(NAME, other))
    image = picture(both)
    look = look_at_map(image, CAMERA, (), forms().body, SeesMask(both), (known,))
    assert look.parted and not look.told and look.shown.shape == (240, 320)
    found = look.shown > 0.5
    assert found[shown(one)].mean() > 0.95 and not found[shown(other)].any()
    assert (found & ~shown(one)).sum() < 0.4 * shown(one).sum(), "cells are coarse"


def test_an_instrument_on_a_table_is_looked_for_where_the_network_sees_it() -> None:
    state = lying()
    sees = SeesMask(shown(state))
    own = tracker()
    starter = Starter(own, StartSettings(directions=60, looked=60, masks_only=True), sees)
    search = Search()
    for k in range(6):
        view = View(picture(sees.mask), CAMERA, k * 33_333_333)
        search = starter.step(view, [Lost(1, NAME, search)], {})[1].search
    assert search.candidates is not None
    best = int(np.argmax(values(search.candidates, starter.settings.of_colours)))
    found = search.candidates.taken(np.array([best])).state
    mask = shown(found)
    assert (mask & sees.mask).sum() / (mask | sees.mask).sum() > 0.5
    blind = Starter(own, StartSettings(directions=60, looked=60, masks_only=True))
    assert blind.step(view, [Lost(1, NAME, Search())], {}) == {}
