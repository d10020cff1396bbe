"""Meshes of objects for fixtures in the formats of published data sets, and a follower that answers as it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.wanted import Wanted
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.mesh_files import stl_bytes
from hoi_perception.types import Frame, Hand, Instrument, ScaleSource, TrackState

Array = NDArray[np.float64]
BOX_FACES = np.array(
    [
        [0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4],
        [2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6], [1, 3, 5], [3, 7, 5],
    ]
)  # fmt: skip


def box(size: Sequence[float] | Array, middle: Sequence[float] = (0.0, 0.0, 0.0)) -> tuple[Array, NDArray[np.int64]]:
    """Corner k has the bits of k for x, y, z; faces run counter-clockwise seen from outside."""
    corners = np.array([[k & 1, k >> 1 & 1, k >> 2] for k in range(8)], dtype=np.float64) - 0.5
    return corners * size + middle, BOX_FACES.astype(np.int64)


def write_obj(path: Path, vertices: Array, faces: NDArray[np.int64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in vertices.tolist()]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in (faces + 1).tolist()]
    path.write_text("\n".join(lines) + "\n")


def write_stl(path: Path, vertices: Array, faces: NDArray[np.int64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stl_bytes(vertices, faces))


@dataclass(frozen=True)
class Told:
    instruments: tuple[Instrument, ...]
    hands: tuple[Hand, ...]


Pose = Callable[[int, InstrumentState], InstrumentState | None]
"""From how many frames an object was followed before, and the pose that was told, to where it is."""


class ToldFollower:
    """Has each object where `pose` says, and the hands where they were found, or where `hand` says."""

    def __init__(
        self,
        pose: Pose = lambda _, told: told,
        hand: Callable[[Hand], Hand] = lambda hand: hand,
        state: TrackState = TrackState.TRACKED,
    ) -> None:
        self.pose, self.hand, self.state = pose, hand, state
        self.told: list[tuple[str, InstrumentState]] = []
        self.frames = 0
        self._first: dict[int, InstrumentState] = {}
        self._seen: dict[int, int] = {}

    def step(self, frame: Frame, hands: Sequence[Hand], wanted: Sequence[Wanted]) -> tuple[tuple[Wanted, ...], Told]:
        self.frames += 1
        after, found = [], []
        for one in wanted:
            if one.told is not None:
                self.told.append((one.name, one.told))
                self._first[one.track_id], self._seen[one.track_id] = one.told, 0
            place = self.pose(self._seen[one.track_id], self._first[one.track_id])
            self._seen[one.track_id] += 1
            after.append(Wanted(one.track_id, one.name))
            if place is not None:
                found.append(self._instrument(one, place))
        return tuple(after), Told(tuple(found), tuple(self.hand(hand) for hand in hands))

    def _instrument(self, one: Wanted, place: InstrumentState) -> Instrument:
        joints = place.angles[0]
        return Instrument(
            name=one.name,
            track_id=one.track_id,
            state=self.state,
            score=0.9,
            R_camera_instrument=place.R[0],
            t_camera_instrument=place.t[0],
            covariance=np.eye(6),
            scale_source=ScaleSource.INSTRUMENT,
            joint_names=("hinge",) * len(joints),
            joint_positions=joints,
            covariance_joints=np.eye(len(joints)),
        )
