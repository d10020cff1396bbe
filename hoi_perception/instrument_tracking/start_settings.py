"""How instruments are looked for that nobody told of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hoi_perception.instrument_tracking.grasp_hypotheses import Spread
from hoi_perception.instrument_tracking.outline_fit import Held


@dataclass(frozen=True)
class Test:
    """How signs are weighed (in the order of `weighing.Signs`), and what is enough.

    The sum has to be above that of every other candidate by `lead`; the ends have to be known to `unsure_m` (one
    standard deviation); the map has to fill what is seen of it by `filled`, and may show `missed` beside it.
    """

    weights: tuple[float, ...]
    lead: float
    unsure_m: float
    filled: float
    missed: float


MASKS = Test((2.5, 2.0, 1.9, 2.0, -4.9, -9.2, -0.8, -4.6, -1.8, -200.0), 1.0, 0.045, 0.75, 0.2)
COLOURS = Test((2.5, 2.0, 1.9, 2.0, -4.9, -3.0, -0.8, -1.0, -1.8, -200.0), 2.0, 0.05, 0.5, 1.0)


def _loose() -> Held:
    return Held(0.03, 0.15, float(np.radians(25.0)), float(np.radians(10.0)))


def _near() -> Spread:
    return Spread(float(np.radians(6.0)), float(np.radians(15.0)), 0.006, 0.003, float(np.radians(3.0)), 0.02, 0.0)


@dataclass(frozen=True)
class StartSettings:
    """Budgets are counts of hypotheses for each instrument and frame, so runs repeat exactly."""

    looked: int = 120
    """Hypotheses of grasps that are looked at without being moved."""
    tried: int = 6
    """The best of these, which are fitted."""
    varied: int = 6
    """Variations of the best candidates so far, which are fitted too."""
    kept: int = 10
    """Candidates that are kept from frame to frame."""
    directions: int = 120
    """Stored directions of view: neighbours are about 18 degrees apart, so that the nearest is within 10 degrees."""
    frames: int = 6
    """Frames in which one has to have been among the candidates before it is accepted."""
    at_once: int = 1
    """Instruments that are looked for in one frame; the others wait for theirs."""
    masks_only: bool = False
    """Without a mask nothing is looked for."""
    of_masks: Test = MASKS
    of_colours: Test = COLOURS
    memory: float = 12.0
    """Frames over which what speaks for a candidate is averaged, at most."""
    held: Held = field(default_factory=Held)
    held_by_mask: Held = field(default_factory=_loose)
    """The same where a mask shows the instrument."""
    reach_m: tuple[float, float] = (0.15, 1.2)
    """Distances at which a part of a network's map may be an instrument, m."""
    spread: Spread = field(default_factory=Spread)
    nearby: Spread = field(default_factory=_near)
    """How far variations lie from the candidates that they vary."""
    same_m: float = 0.015
    same_rad: float = float(np.radians(15.0))
    """Candidates nearer to each other than that are one."""
    other_m: float = 0.03
    other_rad: float = float(np.radians(30.0))
    """Candidates farther from each other than that contradict each other."""
