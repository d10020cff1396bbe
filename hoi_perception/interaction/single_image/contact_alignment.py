"""Contact alignment: a hand is shifted so that its palmar side meets the instrument where one covers the other.

Where the hand covers the instrument (front) it touches it from the camera's side, where the instrument covers the hand
(back) from the far side. On the ray of each such pixel the instrument gives its nearest layer for the front and its
farthest for the back; the hand gives, of its palmar faces, the farthest layer for the front and the nearest for the
back. The hand's points are brought to the instrument's by ICP, translation only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.interaction.single_image.depth_layers import depth_layers
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]
_STILL_M = 1e-6
_LEAST_SCALE_M = 0.002


@dataclass(frozen=True)
class ContactPixels:
    """Places on the plane z = 1 where the hand covers the instrument (front) and the instrument the hand (back)."""

    front: Float64[Array, "n 2"]
    back: Float64[Array, "m 2"]

    @staticmethod
    def of(
        instrument: Mask, complete_instrument: Mask, hand: Mask, complete_hand: Mask, camera: Camera, most: int = 300
    ) -> ContactPixels:
        """From visible and complete masks; about `most` pixels of either kind, spread evenly."""
        front = complete_instrument & ~instrument & hand
        back = complete_hand & ~hand & instrument
        return ContactPixels(_places(front, camera, most), _places(back, camera, most))


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh in the camera frame (m), and which of its faces may touch (all by default)."""

    vertices: Float64[Array, "v 3"]
    faces: Int[NDArray[np.integer], "f 3"]
    touching: Bool[NDArray[np.bool_], " f"] | None = None


@dataclass(frozen=True)
class ContactAlignment:
    """Shift (m, camera frame) of the hand, with the points it was found from: pairs of sets for front and back.

    `gaps` are the root mean square distances (m) of the hand's points to the nearest ones of the instrument, before and
    after; not finite where nothing covers anything.
    """

    shift: Float64[Array, "3"]
    hand: tuple[Float64[Array, "n 3"], Float64[Array, "m 3"]]
    instrument: tuple[Float64[Array, "k 3"], Float64[Array, "l 3"]]
    gaps: tuple[float, float]


def align_contact(hand: Surface, instrument: Surface, pixels: ContactPixels, steps: int = 30) -> ContactAlignment:
    """The shift that brings a hand to an instrument; zero where no point of either set meets a pixel."""
    places = np.concatenate([pixels.front, pixels.back])
    n = len(pixels.front)
    layers = depth_layers(hand.vertices, hand.faces, places)
    of_hand = layers.take(slice(0, n)).farthest(hand.touching), layers.take(slice(n, None)).nearest(hand.touching)
    layers = depth_layers(instrument.vertices, instrument.faces, places)
    of_instrument = layers.take(slice(0, n)).nearest(), layers.take(slice(n, None)).farthest()
    shift = icp_translation(of_hand, of_instrument, steps)
    gaps = _gap(of_hand, of_instrument, np.zeros(3)), _gap(of_hand, of_instrument, shift)
    return ContactAlignment(shift, of_hand, of_instrument, gaps)


def icp_translation(
    moving: tuple[Float64[Array, "_ 3"], ...], fixed: tuple[Float64[Array, "_ 3"], ...], steps: int = 30
) -> Float64[Array, "3"]:
    """Translation that brings sets of points to others (each to its own) by matching nearest ones, m."""
    shift = np.zeros(3)
    for _ in range(steps):
        off = _offsets(moving, fixed, shift)
        if len(off) == 0:
            break
        squared = (off**2).sum(axis=1)
        scale = max(float(np.median(squared)), _LEAST_SCALE_M**2)
        weight = (scale / (scale + squared)) ** 2
        step = weight @ off / weight.sum()
        shift = shift + step
        if np.linalg.norm(step) < _STILL_M:
            break
    return shift


def _offsets(moving: tuple[Array, ...], fixed: tuple[Array, ...], shift: Float64[Array, "3"]) -> Float64[Array, "n 3"]:
    """From every moved point to the nearest one of its own fixed set."""
    parts = [np.zeros((0, 3))]
    for of_hand, of_body in zip(moving, fixed, strict=True):
        if len(of_hand) and len(of_body):
            at = of_hand + shift
            squared = ((at[:, None] - of_body[None]) ** 2).sum(axis=2)
            parts.append(of_body[squared.argmin(axis=1)] - at)
    return np.concatenate(parts)


def _gap(moving: tuple[Array, ...], fixed: tuple[Array, ...], shift: Float64[Array, "3"]) -> float:
    off = _offsets(moving, fixed, shift)
    return float(np.sqrt((off**2).sum(axis=1).mean())) if len(off) else float("nan")


def _places(mask: Mask, camera: Camera, most: int) -> Float64[Array, "n 2"]:
    y, x = np.nonzero(mask)
    if len(x) == 0:
        return np.zeros((0, 2))
    every = max(1, int(np.sqrt(len(x) / most)))
    kept = (x % every == 0) & (y % every == 0)
    px = np.column_stack([x[kept], y[kept]]).astype(np.float64)
    return np.asarray(undistort(px, camera), dtype=np.float64)
