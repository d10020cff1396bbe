"""What a frame says of one instrument before its hand is heard: its image, and the poses that other sources tell.

Both are one solve. Only where the image may show the instrument elsewhere is it read once more by itself: what then
contradicts it is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.anchoring import GATE, combined, information, surprise, term_of
from hoi_perception.instrument_tracking.belief import believed, is_clear, is_turned
from hoi_perception.instrument_tracking.certain import pose_covariance
from hoi_perception.instrument_tracking.settings import ToolSettings
from hoi_perception.instrument_tracking.sight import Sight
from hoi_perception.instrument_tracking.tracks import ToolTrack
from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.region_certainty import Certainty, certainty
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker, TrackerSettings, velocity_to
from hoi_perception.types import ToldPose

Array = NDArray[np.float64]
Poses = tuple[ToldPose, ...]
_NOTHING: Float64[Array, "6 6"] = np.zeros((6, 6))


@dataclass(frozen=True, eq=False)
class Reading:
    """A track by its image, with the poses that count beside it and the sources of those that do not."""

    region: RegionTrack
    heard: Poses = ()
    left_out: tuple[str, ...] = ()


def expected_state(tracker: RegionTracker, track: ToolTrack, stamp_ns: int, told: Poses) -> InstrumentState:
    """Where an instrument should be at a time, by its motion and by what is told of it."""
    moved = tracker.predict(track.region, stamp_ns)
    return combined(moved, _sigmas(tracker.settings), told) if told else moved


def trusted(track: ToolTrack, told: Poses) -> Poses:
    """Poses of sources that no image contradicted."""
    return tuple(pose for pose in told if pose.source not in track.left_out)


def read(
    own: ToolSettings,
    tracker: RegionTracker,
    sight: Sight,
    track: ToolTrack,
    told: Poses,
    symmetries: tuple[Symmetry, ...] = (),
) -> Reading:
    """What a frame says.

    A source whose pose is farther from where the image clearly shows the instrument than both covariances allow is left
    out from then on, until an image agrees with it.
    """
    good = trusted(track, told)
    region = _seen(own, tracker, sight, track, good)
    silent = tuple(s for s in track.left_out if all(s != pose.source for pose in told))
    if len(good) == len(told) and _go_together(own, region, track, good):
        return Reading(region, good, silent)
    alone = _seen(own, tracker, sight, track, ()) if good else region
    if not is_clear(own, alone, track.broad):
        return Reading(region, good, track.left_out)
    covariance = pose_covariance(
        alone.certainty.covariance[:6, :6], alone.state.t[0], bool(sight.further) or alone.by_depth
    )
    kept = tuple(pose for pose in told if surprise(pose, alone.state, covariance, symmetries) <= GATE)
    sources = [pose.source for pose in kept]
    if sources != [pose.source for pose in good]:
        region = _seen(own, tracker, sight, track, kept) if kept else alone
    return Reading(region, kept, (*silent, *(pose.source for pose in told if pose.source not in sources)))


def _seen(own: ToolSettings, tracker: RegionTracker, sight: Sight, track: ToolTrack, told: Poses) -> RegionTrack:
    """The track by its image and by what is told; at what is expected where the image is not believed."""
    before, stamp_ns = track.region, sight.stamp_ns
    expected = expected_state(tracker, track, stamp_ns, told)
    start = before
    if told:
        elapsed = (stamp_ns - before.stamp_ns) * 1e-9
        start = replace(before, state=expected.plus(-elapsed * before.velocity[None]))
    region = sight.followed(tracker, start, tuple(map(term_of, told)))
    if track.broad and is_turned(own, region, expected):
        region = replace(region, failed=max(region.failed, 1))
    region = believed(own, region, expected, before.velocity, sight.share_seen(tracker, region.state))
    if not told:
        return region
    velocity = velocity_to(before, region.state, stamp_ns, own.region.carried)
    if float(np.linalg.norm(velocity[:3])) > own.fastest:
        velocity = 0.0 * velocity
    if not region.rows:
        region = replace(region, certainty=_told_alone(tracker, expected, told))
    return replace(region, velocity=velocity)


def _go_together(own: ToolSettings, region: RegionTrack, track: ToolTrack, told: Poses) -> bool:
    """Whether an image read with poses has nothing against them: it agrees near to them, or it cannot tell."""
    if not told or region.agreement.seen < own.enough:
        return True
    near = all(surprise(pose, region.state, _NOTHING) <= 0.25 * GATE for pose in told)
    return near and is_clear(own, region, track.broad)


def _told_alone(tracker: RegionTracker, state: InstrumentState, told: Poses) -> Certainty:
    """How sure a pose is of which nothing but poses tells."""
    k = 6 + tracker.body.n_joints
    matrix = np.zeros((k, k))
    matrix[:6, :6] = information(told)
    return certainty(tracker.model, state, matrix)


def _sigmas(settings: TrackerSettings) -> Float64[Array, "6"]:
    """Standard deviations of what was predicted."""
    return np.repeat([settings.place_sigma, settings.depth_sigma, settings.turn_sigma], [2, 1, 3])
