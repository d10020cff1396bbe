"""Proportions of an adult right hand, in millimetres relative to the wrist joint.

Axes of the model: x toward the forearm, y out of the back of the hand, z toward the thumb. The wrist joint is the head
of the capitate, 8 mm distal of the wrist crease.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Array = NDArray[np.float64]
Points = Float[Array, "n 3"]

WRIST_IN_MODEL_MM = np.array([95.7, 6.4, 6.2])
"""Place of the wrist joint in model coordinates: the interface's convention, not anatomy."""

CREASE_TO_WRIST_MM = 8.0
HAND_LENGTH_MM = 185.0
"""Wrist crease to middle fingertip, adults of both sexes (ANSUR II 2012: men 193 SD 10, women 181 SD 10)."""

HAND_BREADTH_MM = 85.0
"""Across the heads of metacarpals II to V (ANSUR II: men 88 SD 4.2, women 78 SD 3.8)."""


@dataclass(frozen=True)
class Digit:
    """A finger at rest: first joint, direction in which it points, links to the next joints and tip, and breadths.

    Bones and pulp: radiographs of 66 adults (Buryanov and Kotiuk, Int. J. Morphol. 28, 2010; first to last phalanx
    and pulp in mm: index 39.8, 22.4, 15.8, 3.8; middle 44.6, 26.3, 17.4, 4.0; ring 41.4, 25.7, 17.3, 4.0; little
    32.7, 18.1, 16.0, 3.7; standard deviations 2 to 5). Knuckles: metacarpal links 0.463, 0.446, 0.421 and 0.414 of the
    hand's length (Buchholz et al., Ergonomics 35, 1992). Joint centres lie in the head of the proximal bone, so a last
    link counts its bone, the joint's gap and the pulp. So that joints come near the places that other hand models use,
    the knuckles lie up to 9 % farther from the wrist (middle finger) and the first links are as much shorter: within
    about one standard deviation, but not the mean. Breadths and depths at the middle and last joint: averages of men
    and women, rounded, after Greiner (Hand Anthropometry of U.S. Army Personnel, 1991) and Garrett (Human Factors 13,
    1971).
    """

    name: str
    knuckle: tuple[float, float, float]
    toward: tuple[float, float, float]
    links: tuple[float, float, float]
    breadth: tuple[float, float]
    depth: tuple[float, float]

    @cached_property
    def direction(self) -> Float[Array, "3"]:
        """Unit direction in which the finger points."""
        return np.asarray(np.array(self.toward) / np.linalg.norm(self.toward))

    @cached_property
    def joints(self) -> Float[Array, "4 3"]:
        """Three joints and the fingertip."""
        reach = np.concatenate([[0.0], np.cumsum(self.links)])
        return np.asarray(np.array(self.knuckle) + reach[:, None] * self.direction)


INDEX = Digit("index", (-83.8, -4.2, 20.2), (-1.0, 0.024, 0.078), (40.6, 23.4, 21.0), (19.6, 17.0), (17.6, 14.0))
MIDDLE = Digit("middle", (-90.2, -1.2, -3.8), (-1.0, 0.008, -0.147), (40.6, 25.0, 22.4), (19.8, 17.4), (18.2, 14.6))
RING = Digit("ring", (-77.6, -3.6, -25.2), (-1.0, 0.024, -0.252), (38.8, 24.4, 21.6), (18.6, 16.4), (17.0, 13.8))
PINKY = Digit("pinky", (-64.8, -8.8, -40.6), (-0.82, 0.004, -0.575), (31.4, 18.0, 19.4), (16.4, 14.6), (14.8, 12.2))
FINGERS = (INDEX, MIDDLE, RING, PINKY)

_THUMB_JOINTS = np.array([[-20.0, -13.6, 22.6], [-46.4, -15.6, 52.4], [-70.2, -21.2, 68.4], [-92.4, -26.6, 82.6]])


def thumb_joints() -> Float[Array, "4 3"]:
    """Saddle joint, MCP, IP and tip of the thumb.

    Buryanov and Kotiuk: metacarpal 46.2 SD 3.9, phalanges 31.6 SD 3.1 and 21.7 SD 1.6, pulp 5.7 mm. The metacarpal
    link is 40 mm, one and a half standard deviations short, for the reason given at `Digit`.
    """
    return _THUMB_JOINTS.copy()


THUMB_BREADTH_MM = (22.6, 21.6)
"""At the MCP and IP joint."""
THUMB_DEPTH_MM = (21.5, 17.5)


def rest_joints() -> Float[Array, "21 3"]:
    """The 16 joints and the five tips (thumb to pinky) in model coordinates, metres."""
    chains = {digit.name: digit.joints for digit in FINGERS} | {"thumb": thumb_joints()}
    order = ("index", "middle", "pinky", "ring", "thumb")
    joints = np.vstack([np.zeros((1, 3)), *(chains[name][:3] for name in order)])
    tips = np.vstack([chains[name][3] for name in ("thumb", "index", "middle", "ring", "pinky")])
    return np.asarray((np.vstack([joints, tips]) + WRIST_IN_MODEL_MM) / 1000.0)
