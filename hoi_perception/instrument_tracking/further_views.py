"""Images of further cameras, with what hides instruments in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hoi_perception.instrument_tracking.seeding import seeded_colours
from hoi_perception.instruments.colour import Colours, Cover, Image, no_cover
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.occlusion import Occluder, hide
from hoi_perception.interaction.region_eye import Picture
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker
from hoi_perception.rendering import rasterise
from hoi_perception.types import FurtherView

_ROUNDS = 3
"""Times that colours are learned from the first images after they were counted."""


def further_pictures(views: Sequence[FurtherView], hiding: Iterable[Occluder]) -> list[Picture]:
    """One of each camera; what hides is in the frame of the first camera."""
    hiding = list(hiding) if views else []
    pictures = []
    for view in views:
        cover = no_cover(view.image_bgr)
        for one in hiding:
            hide(cover, replace(one, vertices=view.placed.seen(one.vertices)), view.placed.camera)
        pictures.append(Picture(view.image_bgr, cover))
    return pictures


def surest(
    tracker: RegionTracker,
    found: RegionTrack,
    told: InstrumentState,
    image: Image,
    cover: Cover,
    pictures: Sequence[Picture],
) -> RegionTrack:
    """The best agreeing one of a first track and of those with colours counted where it is, and at the told pose.

    Several images place an instrument by what they have in common, so that colours which are a little off do little.
    """
    tracks = [found]
    for state in (found.state, told):
        track = tracker.begin(image, cover, state, found.stamp_ns, pictures)
        if track is None:
            continue
        for _ in range(_ROUNDS):
            track = tracker.follow(track, image, cover, found.stamp_ns, further=pictures)
        tracks.append(track)
    return max(tracks, key=lambda one: one.agreement.both)


def further_colours(
    views: Sequence[FurtherView], pictures: Sequence[Picture], surface: Occluder, reach_px: float
) -> list[Colours | None]:
    """First colours of an instrument in each of them, its surface placed roughly in the frame of the first camera."""
    found = []
    for view, picture in zip(views, pictures, strict=True):
        shape = rasterise(view.placed.seen(surface.vertices), surface.faces, view.placed.camera).mask
        found.append(seeded_colours(picture.image, picture.cover, shape, reach_px))
    return found
