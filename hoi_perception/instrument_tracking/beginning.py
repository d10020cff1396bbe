"""What the first image says of an instrument whose pose was told: its colours, and the pose that agrees with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hoi_perception.instrument_tracking.further_views import further_colours
from hoi_perception.instrument_tracking.seeding import seeded_colours
from hoi_perception.instruments.colour import Cover, Grid, Image, WithGrid
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.occlusion import Occluder
from hoi_perception.interaction.region_eye import Picture
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker
from hoi_perception.interaction.solver import Term
from hoi_perception.interaction.terms.instrument_depth import DepthImage
from hoi_perception.rendering import rasterise
from hoi_perception.types import FurtherView

NEARER = (1.0, 0.5, 0.25)
"""How far from the told pose a broad instrument is taken to lie, over the farthest: the nearer it lies, the better are
its colours told from those beside it. Of a thin one the best of several first colours would often be those of an edge
beside it, which agree by chance."""
BESIDE = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))
"""Places beside the told one from which the pose is tried, across the view, over half of the farthest."""


@dataclass(frozen=True, eq=False)
class FirstLook:
    """Images of a frame with what hides the scene, and the instrument's surface where it was told to be."""

    image: Image
    cover: Cover
    stamp_ns: int
    surface: Occluder
    views: tuple[FurtherView, ...] = ()
    further: tuple[Picture, ...] = ()
    least_said: float = 1.0
    """As in `Tally.agreed`."""
    broad: bool = True
    anchors: tuple[Term, ...] = ()
    """What else tells the pose."""
    depth_m: DepthImage | None = None
    network: Grid | None = None
    """What a network sees of it in the first image."""


def first_region(tracker: RegionTracker, look: FirstLook, told: InstrumentState, rough_px: float) -> RegionTrack:
    """The track that agrees best with the image, of several first colours and starts near the told pose.

    Where none agrees with a broad one, colours are taken from the told pose as it is. A track without colours is at the
    told pose.
    """
    nothing, nearer = tracker.unseen(told, look.stamp_ns), NEARER if look.broad else NEARER[:1]
    begun = [
        one for one in (_coloured(tracker, look, nothing, share * rough_px) for share in nearer) if one is not None
    ]
    if not begun:
        return nothing
    followed = [_followed(tracker, look, one) for one in begun]
    best = int(np.argmax([one.agreement.both for one in followed]))
    by = 0.5 * rough_px * told.t[0, 2] / tracker.camera.focal_px
    for u, v in BESIDE:
        start = replace(told, t=told.t + by * np.array([u, v, 0.0]))
        followed.append(_followed(tracker, look, replace(begun[best], state=start)))
    found = max(followed, key=lambda one: one.agreement.both)
    if look.broad and found.agreement.both < tracker.settings.sure:
        taken = tracker.begin(look.image, look.cover, told, look.stamp_ns, look.further)
        found = (
            found if taken is None else max(found, _followed(tracker, look, taken), key=lambda one: one.agreement.both)
        )
    return _followed(tracker, look, found)


def _followed(tracker: RegionTracker, look: FirstLook, track: RegionTrack) -> RegionTrack:
    seen = look.image, look.cover, look.stamp_ns
    shown = None if look.network is None else WithGrid(track.colours, look.network)
    return tracker.follow(track, *seen, look.anchors, look.further, shown, look.least_said, look.depth_m)


def _coloured(tracker: RegionTracker, look: FirstLook, nothing: RegionTrack, reach_px: float) -> RegionTrack | None:
    """A track with the colours of what stands out so near to the told pose; None where nothing does in any image."""
    shape = rasterise(look.surface.vertices, look.surface.faces, tracker.camera).mask
    own = seeded_colours(look.image, look.cover, shape, reach_px)
    others = further_colours(look.views, look.further, look.surface, reach_px)
    if all(one is None for one in (own, *others)):
        return None
    further = {view.placed.name: one for view, one in zip(look.views, others, strict=True) if one is not None}
    return replace(nothing, colours=own or nothing.colours, further=further)
