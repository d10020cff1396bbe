"""Whether what an image says of an instrument is believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.settings import ToolSettings
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.region_tracker import RegionTrack
from hoi_perception.transforms import axis_angle_from_rotation

Array = NDArray[np.float64]


def believed(
    own: ToolSettings,
    region: RegionTrack,
    expected: InstrumentState,
    velocity: Float64[Array, " k"],
    share_seen: float = float("nan"),
) -> RegionTrack:
    """What an image said if it can be believed; else the pose that was expected, which comes to rest.

    `share_seen` is how much of it a network takes for an instrument, NaN where it says nothing.
    """
    near = is_near(own, region.state.t[0], expected.t[0])
    if not region.failed and region.agreement.both >= own.region.sure and near and not share_seen < own.least_seen:
        return region
    return replace(region, state=expected, velocity=own.fading * velocity, rows=())


def is_clear(own: ToolSettings, region: RegionTrack, broad: bool) -> bool:
    """Whether an image tells by itself where an instrument is: the little that shows of one that is not broad agrees by
    chance too."""
    found = region.agreement
    return bool(region.rows) and (broad or found.both >= own.clear) and found.seen >= own.enough


def is_turned(own: ToolSettings, region: RegionTrack, expected: InstrumentState) -> bool:
    """Whether an instrument would have turned by more than the part of it that is seen can tell."""
    turn = axis_angle_from_rotation(region.state.R[0] @ expected.R[0].T)
    return float(np.linalg.norm(turn)) > own.most_turned * region.agreement.seen


def is_near(own: ToolSettings, place: Float64[Array, "3"], expected: Float64[Array, "3"]) -> bool:
    """Whether a place is one that an instrument may have got to: an image tells little of its distance."""
    ray = expected / max(float(np.linalg.norm(expected)), 1e-9)
    along = float(place @ ray)
    off = float(np.linalg.norm(place - along * ray))
    ratio = along / max(float(np.linalg.norm(expected)), 1e-9)
    return off <= own.most_moved and 1.0 / own.most_nearer <= ratio <= own.most_nearer


def across(velocity: Float64[Array, "3"], place: Float64[Array, "3"]) -> float:
    """Speed across the view, m/s: the distance that an image tells is never at rest."""
    ray = place / max(float(np.linalg.norm(place)), 1e-9)
    return float(np.linalg.norm(velocity - (velocity @ ray) * ray))
