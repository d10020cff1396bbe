"""How hands and instruments look in pictures and in RViz."""

from __future__ import annotations

from hoi_perception.types import Side, TrackState

SIDE_COLOURS_BGR = {Side.LEFT: (0.33, 0.60, 1.00), Side.RIGHT: (0.80, 0.76, 0.20)}
"""Amber for left, turquoise for right: apart for colour-blind eyes too, and neither is skin, glove or drape."""
INSTRUMENT_COLOUR_BGR = (0.82, 0.42, 0.72)
"""Violet: steel and its reflections are grey."""
STATE_OPACITY = {
    TrackState.INITIALISING: 0.35,
    TrackState.TRACKED: 0.62,
    TrackState.OCCLUDED: 0.50,
    TrackState.PREDICTED: 0.30,
    TrackState.LOST: 0.0,
}
"""The less a pose is measured, the more the picture shows through."""
