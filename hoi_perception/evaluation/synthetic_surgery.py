"""The surgical sequences of the benchmark's split as clips, in looks that are fixed by split and index."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hoi_perception.evaluation.synthetic_clip import Clip, Grip, Moment, resized
from hoi_perception.synthesis.benchmark_split import FRAMES, SIZES, Split
from hoi_perception.synthesis.look import SceneLook
from hoi_perception.synthesis.looks import random_look
from hoi_perception.synthesis.scene import Scene
from hoi_perception.synthesis.surgery_sequences import benchmark_sequence
from hoi_perception.synthesis.surgery_tracks import SurgeryFrame, SurgerySequence

GLOVED = 0.65
"""Share of sequences with gloves."""
_LOOK_SEED = 29


@dataclass(frozen=True)
class SurgeryClips:
    """Sequences of a part of the benchmark, the first `limit` of them or those of `chosen` places.

    Fewer `frames` than usual make sequences of their own.
    """

    split: Split
    limit: int | None = None
    frames: int = FRAMES
    width: int = 640
    chosen: tuple[int, ...] = ()

    @property
    def identity(self) -> str:
        """Settings but for the limit: a longer run takes over what a shorter one left."""
        return f"surgery {self.split.value} frames={self.frames} width={self.width}"

    def names(self) -> tuple[str, ...]:
        """Names by part and index."""
        return tuple(f"{self.split.value}-{index:04d}" for index in self._indices())

    def clip(self, index: int) -> Clip:
        """Makes the sequence, or reads it from the user's cache."""
        place = self._indices()[index]
        sequence = benchmark_sequence(self.split, place, frames=self.frames)
        return surgery_clip(self.names()[index], sequence, look_of(self.split, place, sequence), self.width)

    def _indices(self) -> tuple[int, ...]:
        return (self.chosen or tuple(range(SIZES[self.split])))[: self.limit]


def look_of(split: Split, index: int, sequence: SurgerySequence) -> SceneLook:
    """Dress, ground, light and sensor of a sequence."""
    rng = np.random.default_rng([_LOOK_SEED, list(Split).index(split), index])
    look = random_look(rng, len(sequence.hands), sequence.optics, gloved=GLOVED)
    focus = float(np.mean([hand.parameters.wrist_camera[2] for hand in sequence.frame(0).hands]))
    return replace(look, sensor=replace(look.sensor, focus=focus))


def surgery_clip(name: str, sequence: SurgerySequence, look: SceneLook, width: int) -> Clip:
    """A sequence as a clip with pictures of that width."""
    camera = resized(sequence.camera, width)
    moments = []
    for i in range(len(sequence)):
        frame = sequence.frame(i)
        scene = Scene(camera, frame.table, frame.hands, frame.instruments, look)
        moments.append(Moment(scene, _grips(frame)))
    return Clip(name, tuple(moments), sequence.optics.value, look.dress[0].cover.value)


def _grips(frame: SurgeryFrame) -> tuple[Grip, ...]:
    sides = [hand.side for hand in frame.hands]
    return tuple(Grip(sides.index(side), tool) for tool, side in enumerate(frame.holders) if side is not None)
