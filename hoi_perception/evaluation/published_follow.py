"""Objects of one sequence of a data set: told once with an error, then followed; and rough poses frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hoi_perception.config import TrackingConfig
from hoi_perception.evaluation.published_bench import ObjectBench, Thing
from hoi_perception.evaluation.rough_poses import RoughPath, rng_of
from hoi_perception.instrument_tracking.wanted import Wanted
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.types import Camera, Frame, Hand, Scene

GAP_NS = round(TrackingConfig().max_gap_s * 1e9)
"""A gap in time after which the pipeline forgets everything."""
States = dict[str, InstrumentState]
"""Poses of objects by their names."""


@dataclass(frozen=True, eq=False)
class Followed:
    """What one frame gave: rough poses, poses that were followed (those that were found), and hands as they were solved
    with what they hold, by their tracks."""

    rough: States
    found: States
    hands: dict[int, Hand] = field(default_factory=dict)


class Following:
    """Follows the objects of one sequence. `stills`: frames have nothing to do with each other."""

    def __init__(self, bench: ObjectBench, sequence: str, rate_hz: float, *, stills: bool = False) -> None:
        self._bench, self._sequence, self._rate_hz, self._stills = bench, sequence, rate_hz, stills
        self._paths: dict[str, RoughPath] = {}
        self._wanted: tuple[Wanted, ...] = ()
        self._names: dict[int, str] = {}
        self._stamp_ns: int | None = None
        self._camera: Camera | None = None
        self.tellings = 0

    def step(
        self, frame: Frame, scene: Scene, things: Mapping[str, Thing], truth: States, in_picture: Sequence[str]
    ) -> Followed:
        """One frame with the hands that the pipeline found in it. An object is told its rough pose in the first frame
        that it is in the picture of, and after a gap in time at which the pipeline forgets."""
        if self.starts_anew(frame.stamp_ns):
            self._wanted, self._names = (), {}
        self._stamp_ns = frame.stamp_ns
        rough = {name: self._rough(name, things[name], state) for name, state in truth.items()}
        for name in in_picture:
            if name not in self._names.values():
                self._tell(name, things[name], rough[name])
        if not self._wanted:
            return Followed(rough, {}, {hand.track_id: hand for hand in scene.hands})
        self._wanted, told = self._bench.follower.step(self._with_same_camera(frame), scene.hands, self._wanted)
        found = {
            self._names[one.track_id]: InstrumentState(
                one.R_camera_instrument[None], one.t_camera_instrument[None], one.joint_positions[None]
            )
            for one in told.instruments
            if one.state.measured
        }
        return Followed(rough, found, {hand.track_id: hand for hand in told.hands})

    def starts_anew(self, stamp_ns: int) -> bool:
        """Whether nothing that was seen before says anything of the frame of that time."""
        last = self._stamp_ns
        return self._stills or last is None or not 0 <= stamp_ns - last <= GAP_NS

    def _rough(self, name: str, thing: Thing, truth: InstrumentState) -> InstrumentState:
        if name not in self._paths:
            self._paths[name] = RoughPath(thing.body.mesh, rng_of(f"{self._sequence} {name}"), self._rate_hz)
        return self._paths[name].next(truth)

    def _tell(self, name: str, thing: Thing, rough: InstrumentState) -> None:
        number = len(self._names)
        self._names[number] = name
        self._wanted = (*self._wanted, Wanted(number, thing.model.name, told=rough))
        self.tellings += 1

    def _with_same_camera(self, frame: Frame) -> Frame:
        """The frame with the same camera as before where it is an equal one: what is made for it is then kept."""
        last, now = self._camera, frame.camera
        if last is None or not _equal(last, now):
            self._camera = now
            return frame
        return replace(frame, camera=last)


def _equal(a: Camera, b: Camera) -> bool:
    same = (a.width, a.height, a.distortion) == (b.width, b.height, b.distortion)
    return same and np.array_equal(a.K, b.K) and np.array_equal(a.D, b.D)
