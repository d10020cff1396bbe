"""What the images of a frame can say of one instrument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hoi_perception.instruments.colour import Cover, Image, Provider
from hoi_perception.interaction.region_eye import Picture
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker
from hoi_perception.interaction.solver import Term
from hoi_perception.interaction.terms.instrument_depth import DepthImage


@dataclass(frozen=True, eq=False)
class Sight:
    """Images of a frame with what hides the instrument in them; `shown` tells it from its surroundings in place of its
    colours, `least_said` is as in `Tally.agreed`."""

    image: Image
    cover: Cover
    stamp_ns: int
    further: tuple[Picture, ...] = ()
    shown: Provider | None = None
    least_said: float = 1.0
    depth_m: DepthImage | None = None

    def followed(self, tracker: RegionTracker, track: RegionTrack, anchors: Sequence[Term] = ()) -> RegionTrack:
        """The track in this frame, held by what else tells its pose."""
        seen = self.image, self.cover, self.stamp_ns
        return tracker.follow(track, *seen, anchors, self.further, self.shown, self.least_said, self.depth_m)
