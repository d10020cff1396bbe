"""What pixels and key points of a picture can be."""

from __future__ import annotations

from enum import IntEnum


class PixelClass(IntEnum):
    """What a pixel shows."""

    OTHER = 0
    LEFT_HAND = 1
    RIGHT_HAND = 2
    SHAFT = 3
    WORKING_PART = 4
    HANDLE = 5


HANDS = (PixelClass.LEFT_HAND, PixelClass.RIGHT_HAND)


class PointKind(IntEnum):
    """Key points of an instrument: middle of its tips, first joint, the end farthest from the tip."""

    TIP = 0
    JOINT = 1
    FAR_END = 2


FAMILIES = ("forceps", "scissors", "clamp", "knife", "other")
"""Families of instruments."""
