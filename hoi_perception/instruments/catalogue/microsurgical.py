"""Instruments of microsurgery: straight dressing forceps, less fine at the tips than watchmaker's tweezers."""

from __future__ import annotations

from dataclasses import replace

from hoi_perception.instruments.catalogue.forceps import Forceps, plain
from hoi_perception.instruments.design import InstrumentDesign

STRAIGHT = Forceps(
    "microsurgical_forceps",
    ("microsurgical dressing forceps", "microsurgical tweezers", "straight micro forceps"),
    (
        "Length 120 mm, tips 0.3 mm: typical",
        "Last 25 mm from 3.2 x 3.6 mm evenly to the tips, arms rounded outside: by eye from a stereo pair of one",
        "Tips 8 mm apart at rest: typical",
    ),
    120.0,
    8.0,
    (
        (0.0, 0.0, 1.3, 3.4),
        (8.0, 0.6, 1.1, 4.0),
        (30.0, 1.6, 1.1, 4.3),
        (60.0, 1.8, 1.15, 3.6),
        (80.0, 1.0, 1.2, 2.4),
        (91.0, 0.45, 1.15, 1.62),
        (96.2, 0.25, 0.98, 1.28),
        (101.4, 0.1, 0.75, 0.92),
        (106.7, 0.0, 0.5, 0.56),
        (109.8, 0.0, 0.32, 0.32),
        (111.5, 0.0, 0.2, 0.2),
        (112.0, 0.0, 0.1, 0.1),
    ),
    2.0,
    (40.0, 58.0),
    (1.2, 0.15),
)


def dressing_forceps() -> InstrumentDesign:
    """Straight microsurgical dressing forceps, 120 mm; without a usual grasp, so simulated hands do not hold them."""
    made = plain(STRAIGHT)
    return replace(made, description=replace(made.description, grasps=()))
