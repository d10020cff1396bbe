"""Smooth motions at 30 Hz: reaches, slow wandering, tremor; with the speeds that people's hands have.

Voluntary motion: reaches have the minimum-jerk profile (Flash and Hogan, J. Neurosci. 5(7), 1985), peak speed 15/8 of
the mean. In held-still and actuating tasks of eye surgeons 98.9 % of the power of voluntary motion lies below 2 Hz
(Riviere, Rader, Khosla, Proc. IEEE EMBS 1997). Tremor: 8 to 12 Hz, 50 to 200 um root mean square (stated for
vitreoretinal surgeons in PMC3989364, with its sources).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from hoi_perception.synthesis.grasp_truth import FRAME_RATE_HZ
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle

Array = NDArray[np.float64]
TREMOR_HZ = (8.0, 12.0)
TREMOR_RMS_M = (50e-6, 200e-6)
TREMOR_RMS_RAD = (0.0005, 0.002)
"""Turns of the hand that go with it; typical: the shift over a tenth of a metre."""
VOLUNTARY_HZ = 2.0
PEAK_OVER_MEAN = 15.0 / 8.0
_WAVES = 8


def minimum_jerk(share: Float[Array, "*b"]) -> Float64[Array, "*b"]:
    """How far a reach has come after a share (0 to 1) of its time."""
    s = np.clip(share, 0.0, 1.0)
    return np.asarray(s**3 * (10.0 - 15.0 * s + 6.0 * s * s), dtype=np.float64)


def reach_frames(distance: float, peak: float, fewest: int = 8) -> int:
    """Frames that a reach over `distance` (m or rad) takes with the peak speed `peak` (per second)."""
    return max(int(np.ceil(PEAK_OVER_MEAN * distance / peak * FRAME_RATE_HZ)), fewest)


def through(frames: int, times: Sequence[float], stops: Float[Array, "n d"]) -> Float64[Array, "t d"]:
    """Reaches from stop to stop, at rest at each; `times` (frames) rise. Still before the first and after the last."""
    t = np.arange(frames, dtype=np.float64)
    at = np.asarray(times, dtype=np.float64)
    k = np.clip(np.searchsorted(at, t, side="right") - 1, 0, max(len(at) - 2, 0))
    if len(at) == 1:
        return np.repeat(np.asarray(stops, dtype=np.float64), frames, axis=0)
    share = minimum_jerk((t - at[k]) / np.maximum(at[k + 1] - at[k], 1e-9))[:, None]
    return np.asarray((1.0 - share) * stops[k] + share * stops[k + 1], dtype=np.float64)


def turned_through(frames: int, times: Sequence[float], stops: Float64[Array, "n 3 3"]) -> Float64[Array, "t 3 3"]:
    """The same for rotations, each reach about one axis."""
    if len(times) == 1:
        return np.repeat(stops, frames, axis=0)
    steps = [axis_angle_from_rotation(a.T @ b) for a, b in pairwise(stops)]
    out = np.repeat(stops[:1], frames, axis=0)
    for k, step in enumerate(steps):
        share = through(frames, times[k : k + 2], np.array([[0.0], [1.0]]))
        here = np.arange(frames) >= times[k]
        out[here] = stops[k] @ np.asarray(rotation_from_axis_angle(share[here] * step))
    return out


def noise(
    frames: int, band_hz: tuple[float, float], rms: float, rng: np.random.Generator, axes: int = 3
) -> Float64[Array, "t a"]:
    """Sums of sines within a band; `rms` is that of the vector's length."""
    time = np.arange(frames) / FRAME_RATE_HZ
    hz, phase = rng.uniform(*band_hz, (_WAVES, axes)), rng.uniform(0.0, 2.0 * np.pi, (_WAVES, axes))
    waves = np.sin(2.0 * np.pi * hz * time[:, None, None] + phase).sum(axis=1)
    return np.asarray(rms * np.sqrt(2.0 / (_WAVES * axes)) * waves)


def wandering(frames: int, rms: float, rng: np.random.Generator, axes: int = 3) -> Float64[Array, "t a"]:
    """Slow motion of a hand that is meant to hold still or to hover."""
    return noise(frames, (0.1, 0.8), rms, rng, axes)


def tremor(frames: int, rng: np.random.Generator) -> tuple[Float64[Array, "t 3"], Float64[Array, "t 3"]]:
    """Shifts (m) and turns (axis-angle, rad) of physiological tremor."""
    shifts = noise(frames, TREMOR_HZ, float(rng.uniform(*TREMOR_RMS_M)), rng)
    return shifts, noise(frames, TREMOR_HZ, float(rng.uniform(*TREMOR_RMS_RAD)), rng)
