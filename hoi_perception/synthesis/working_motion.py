"""What the tip of an instrument does at work: strokes of a knife, arcs of a needle, bites of jaws, holding still.

Speeds of the tip are typical where no source is named. Cutting: 10 to 30 mm/s along the skin (an elliptical excision's
cut takes about 4 s: A generative force model for surgical skill quantification, s44172-023-00086-z, from which a
few centimetres in that time follow). Suturing: surgeons' hands travel 424 mm (attendings) to 803 mm (students) for one
stitch (Azari et al., Proc. HFES 62, 2018); the needle holder turns by 70 to 110 degrees, peaking at 1.2 to 2.5 rad/s
(typical). Between places: reaches with a peak of 0.1 to 0.3 m/s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.synthesis.smooth_motion import reach_frames, through, tremor, wandering

Array = NDArray[np.float64]
CUT_M_S = (0.010, 0.030)
CUT_M = (0.025, 0.060)
NEEDLE_M = (0.008, 0.012)
ARC_RAD = (1.2, 1.9)
ARC_RAD_S = (1.2, 2.5)
REACH_M_S = (0.10, 0.30)
JAW_FRAMES = (6, 12)
WANDER_M, WANDER_RAD = 0.0008, 0.03


@dataclass(frozen=True, eq=False)
class Work:
    """Of each frame: the tip's shift (m: along the tool's heading on the table, to the left of it, up), the roll of the
    tool about its own axis (rad), and how wide its jaws are (0 to 1)."""

    shift: Float64[Array, "t 3"]
    roll: Float64[Array, " t"]
    jaw: Float64[Array, " t"]


@dataclass(eq=False)
class _Script:
    """Stops one after the other: along, left, up, roll, jaw."""

    here: Float64[Array, "5"]
    times: list[float] = field(default_factory=list)
    stops: list[Float64[Array, "5"]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.times.append(0.0)
        self.stops.append(self.here)

    def go(self, frames: int, **to: float) -> None:
        """The next stop, the named values changed."""
        names = ("along", "left", "up", "roll", "jaw")
        self.here = np.array([to.get(name, old) for name, old in zip(names, self.here, strict=True)])
        self.times.append(self.times[-1] + frames)
        self.stops.append(self.here)

    def played(self, frames: int, begin: float) -> Work:
        """From `begin` (frames) on."""
        values = through(frames, [time - begin for time in self.times], np.stack(self.stops))
        return Work(values[:, :3], values[:, 3], values[:, 4])


def cutting(frames: int, rng: np.random.Generator) -> Work:
    """Strokes towards the handle, each lifted off and set down again, curved to one side."""
    length, bulge = float(rng.uniform(*CUT_M)), float(rng.uniform(-0.004, 0.004))
    script = _Script(np.array([0.5 * length, 0.0, 0.014, 0.0, 0.0]))
    begin = float(rng.uniform(0.0, 40.0))
    while script.times[-1] < begin + frames:
        speed, left = float(rng.uniform(*CUT_M_S)), float(rng.normal(0.0, 0.0015))
        script.go(reach_frames(0.014, float(rng.uniform(0.04, 0.09))), up=-0.001, left=left)
        script.go(int(np.ceil(length / speed * 30.0)), along=-0.5 * length)
        script.go(reach_frames(0.014, float(rng.uniform(0.05, 0.12))), up=0.014)
        script.go(reach_frames(length, float(rng.uniform(*REACH_M_S))), along=0.5 * length)
    work = script.played(frames, begin)
    shift = work.shift.copy()
    shift[:, 1] += bulge * (1.0 - (2.0 * shift[:, 0] / length) ** 2)
    return Work(shift, work.roll, work.jaw)


def suturing(frames: int, rng: np.random.Generator) -> Work:
    """Needle arcs: in, round by rolling the tool, let go, take the point, pull through, back."""
    radius, arc = float(rng.uniform(*NEEDLE_M)), float(rng.uniform(*ARC_RAD))
    script = _Script(np.array([0.0, 0.0, 0.022, -0.5 * arc, 0.0]))
    begin = float(rng.uniform(0.0, 30.0))
    while script.times[-1] < begin + frames:
        script.go(reach_frames(0.022, float(rng.uniform(0.05, 0.12))), up=0.003, along=float(rng.normal(0.0, 0.003)))
        script.go(reach_frames(arc, float(rng.uniform(*ARC_RAD_S))), roll=0.5 * arc)
        script.go(int(rng.integers(*JAW_FRAMES)), jaw=1.0)
        script.go(int(rng.integers(9, 14)), up=0.008, left=-1.4 * radius, roll=0.15 * arc)
        script.go(int(rng.integers(8, 12)), up=0.003, left=-1.8 * radius)
        script.go(int(rng.integers(*JAW_FRAMES)), jaw=0.0)
        pulled = float(rng.uniform(0.045, 0.085))
        script.go(reach_frames(pulled, float(rng.uniform(*REACH_M_S))), up=pulled, left=-2.5 * radius, roll=0.0)
        back = reach_frames(pulled, float(rng.uniform(*REACH_M_S)), 14)
        script.go(back, up=0.022, left=0.0, roll=-0.5 * arc)
    work = script.played(frames, begin)
    shift = work.shift.copy()
    shift[:, 1] -= radius * np.sin(work.roll)
    shift[:, 2] += radius * np.maximum(np.cos(work.roll) - np.cos(0.5 * arc), 0.0)
    return Work(shift, work.roll, work.jaw)


def grasping(frames: int, rng: np.random.Generator) -> Work:
    """Bites at places a few centimetres apart: down with open jaws, close, lift a little, let go."""
    script = _Script(np.array([0.0, 0.0, 0.015, 0.0, 1.0]))
    begin = float(rng.uniform(0.0, 30.0))
    while script.times[-1] < begin + frames:
        along, left = rng.uniform(-0.018, 0.018, 2)
        far = float(np.hypot(along - script.here[0], left - script.here[1]))
        roll = float(rng.uniform(-0.2, 0.2))
        script.go(reach_frames(far, float(rng.uniform(*REACH_M_S)), 12), along=along, left=left, roll=roll)
        script.go(reach_frames(0.015, float(rng.uniform(0.05, 0.12))), up=float(rng.uniform(0.0, 0.003)))
        script.go(int(rng.integers(*JAW_FRAMES)), jaw=0.0)
        script.go(int(rng.integers(10, 18)), up=float(rng.uniform(0.006, 0.016)))
        script.go(int(rng.integers(4, 20)))
        script.go(int(rng.integers(*JAW_FRAMES)), jaw=1.0)
        script.go(int(rng.integers(8, 12)), up=0.015)
    return script.played(frames, begin)


def snipping(frames: int, rng: np.random.Generator) -> Work:
    """Scissors: open, advance by a few millimetres, close."""
    script = _Script(np.array([-0.015, 0.0, 0.004, 0.0, 0.0]))
    begin = float(rng.uniform(0.0, 20.0))
    while script.times[-1] < begin + frames:
        if script.here[0] > 0.018:
            script.go(reach_frames(0.035, float(rng.uniform(*REACH_M_S)), 16), along=-0.015, up=0.012)
            script.go(10, up=0.004)
        script.go(int(rng.integers(*JAW_FRAMES)), jaw=1.0)
        script.go(int(rng.integers(8, 12)), along=float(script.here[0] + rng.uniform(0.003, 0.007)))
        script.go(int(rng.integers(*JAW_FRAMES)), jaw=0.0)
    return script.played(frames, begin)


def scraping(frames: int, rng: np.random.Generator) -> Work:
    """Short strokes of a curette or a suction tube, to and fro."""
    script = _Script(np.array([0.0, 0.0, 0.002, 0.0, 0.0]))
    begin = float(rng.uniform(0.0, 20.0))
    while script.times[-1] < begin + frames:
        along, left = float(rng.uniform(-0.012, 0.012)), float(rng.uniform(-0.006, 0.006))
        far = float(np.hypot(along - script.here[0], left - script.here[1]))
        script.go(reach_frames(far, float(rng.uniform(0.03, 0.10)), 9), along=along, left=left)
    return script.played(frames, begin)


def holding(frames: int, rng: np.random.Generator) -> Work:
    """Still, but for one small change of place now and then; jaws stay nearly closed."""
    script = _Script(np.array([0.0, 0.0, 0.004, 0.0, 0.3]))
    begin = float(rng.uniform(0.0, 60.0))
    while script.times[-1] < begin + frames:
        script.go(int(rng.integers(25, 70)))
        along, left, up = rng.uniform([-0.008, -0.008, 0.0], [0.008, 0.008, 0.010])
        script.go(int(rng.integers(14, 30)), along=along, left=left, up=up)
    return script.played(frames, begin)


def unsteady(frames: int, rng: np.random.Generator) -> tuple[Float64[Array, "t 3"], Float64[Array, "t 3"]]:
    """Shifts (m) and turns (rad) that every held tool has on top: slow wandering and tremor."""
    shifts, turns = tremor(frames, rng)
    wandered = wandering(frames, WANDER_M, rng), wandering(frames, float(rng.uniform(0.5, 1.5)) * WANDER_RAD, rng)
    return shifts + wandered[0], turns + wandered[1]
