"""What the images of a frame can say of one instrument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hoi_perception.camera import project
from hoi_perception.instruments.colour import Cover, Grid, Image, Provider, WithGrid
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.region_eye import Picture
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker
from hoi_perception.interaction.solver import Term
from hoi_perception.interaction.terms.instrument_depth import DepthImage

LEAST_PLACES = 20
"""Samples of a surface that have to show for a share of them to tell anything."""


@dataclass(frozen=True, eq=False)
class Sight:
    """Images of a frame with what hides the instrument in them; `shown` tells it from its surroundings in place of its
    colours, `least_said` is as in `Tally.agreed`. `network` is what a network sees of it in the first image, which
    counts with its colours."""

    image: Image
    cover: Cover
    stamp_ns: int
    further: tuple[Picture, ...] = ()
    shown: Provider | None = None
    least_said: float = 1.0
    depth_m: DepthImage | None = None
    network: Grid | None = None

    def followed(self, tracker: RegionTracker, track: RegionTrack, anchors: Sequence[Term] = ()) -> RegionTrack:
        """The track in this frame, held by what else tells its pose."""
        seen = self.image, self.cover, self.stamp_ns
        shown = self.shown
        if shown is None and self.network is not None:
            shown = WithGrid(track.colours, self.network)
        return tracker.follow(track, *seen, anchors, self.further, shown, self.least_said, self.depth_m)

    def share_seen(self, tracker: RegionTracker, state: InstrumentState) -> float:
        """Share of what is not hidden of an instrument at a pose that the network takes for one; NaN where it says
        nothing of it."""
        if self.network is None:
            return float("nan")
        samples = tracker.body.placed_samples(state)
        px = np.asarray(project(samples, tracker.camera), dtype=np.float64)
        height, width = self.cover.shape
        there = (samples[:, 2] > 0.0) & np.isfinite(px).all(axis=1)
        there &= ((px >= 0.0) & (px <= [width - 1.0, height - 1.0])).all(axis=1)
        x, y = np.rint(px[there]).astype(np.int64).T
        said = self.network.at(px[there][np.isinf(self.cover[y, x])])
        said = said[np.isfinite(said)]
        return float((said > 0.0).mean()) if len(said) >= LEAST_PLACES else float("nan")
