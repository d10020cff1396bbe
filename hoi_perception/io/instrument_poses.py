"""A file that says where instruments are when a recording begins, or later: for `run --instruments FILE`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from jaxtyping import Float64, Int
from numpy.typing import NDArray

from hoi_perception.io.input_error import InputError
from hoi_perception.transforms import rotation_from_quaternion_wxyz
from hoi_perception.types import Frame, Scene, Side

Array = NDArray[np.float64]
_KEYS = {"name", "frame", "position", "orientation", "joints"}
_UNIT = 1e-2
"""How far the length of a quaternion may be from one."""


@dataclass(frozen=True, eq=False)
class StatedPose:
    """An instrument of the library, and where its base link is in the camera's optical frame (m) in frame `frame`.

    Without `R` and `t` it is looked for from the start.
    """

    name: str
    R: Float64[Array, "3 3"] | None = None
    t: Float64[Array, "3"] | None = None
    joints: dict[str, float] = field(default_factory=dict)
    frame: int = 0


class FollowsInstruments(Protocol):
    """What a run needs of `Perception` to follow instruments."""

    faces: dict[Side, NDArray[np.int32]]

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame."""

    def add_instrument(self, name: str) -> int:
        """Look for an instrument; the number of its track."""

    def set_instrument_pose(
        self, track_id: int, R: Float64[Array, "3 3"], t: Float64[Array, "3"], positions: Mapping[str, float], /
    ) -> None:
        """Where it is in the next frame."""


class WithInstruments:
    """Perception that is told of instruments when their frames come. Raises InstrumentError for unknown ones."""

    def __init__(self, perception: FollowsInstruments, poses: Sequence[StatedPose]) -> None:
        self._perception, self._count = perception, 0
        self._poses = [(perception.add_instrument(pose.name), pose) for pose in poses]

    @property
    def faces(self) -> dict[Side, Int[NDArray[Any], "f 3"]]:
        """Triangles of both sides' meshes."""
        return self._perception.faces

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame."""
        for track, pose in self._poses:
            if pose.frame == self._count and pose.R is not None and pose.t is not None:
                self._perception.set_instrument_pose(track, pose.R, pose.t, pose.joints)
        self._count += 1
        return self._perception.process(frame)


def read_instrument_poses(path: Path) -> list[StatedPose]:
    """Poses of a YAML file, `instruments:` with a list of name, position (m), orientation (quaternion x, y, z, w) and,
    where wanted, joints (rad by name) and frame; or of the name alone, for one that is to be found. InputError names
    what is wrong with it."""
    if not path.is_file():
        raise InputError(f"{path}: no such file: check the path given with --instruments")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())}): correct it") from None
    entries = content.get("instruments") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: has no list `instruments`: give name, position and orientation of each")
    return [_pose(f"{path}: instrument {i + 1}", entry) for i, entry in enumerate(entries)]


def _pose(what: str, entry: Any) -> StatedPose:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise InputError(f"{what} has no name: name one of `hoi-perception instruments list`")
    if unknown := set(entry) - _KEYS:
        raise InputError(
            f"{what}: unknown {', '.join(sorted(map(str, unknown)))}: there are {', '.join(sorted(_KEYS))}"
        )
    if set(entry) == {"name"}:
        return StatedPose(entry["name"])
    t = _numbers(what, entry, "position", 3)
    q = _numbers(what, entry, "orientation", 4)
    if abs(float(np.linalg.norm(q)) - 1.0) > _UNIT:
        length = float(np.linalg.norm(q))
        raise InputError(f"{what}: orientation has length {length:.3f}, not 1: give a unit quaternion x, y, z, w")
    if t[2] <= 0.0:
        raise InputError(f"{what}: position is behind the camera (z {t[2]:g}): give it in the camera's optical frame")
    frame = entry.get("frame", 0)
    if not isinstance(frame, int) or frame < 0:
        raise InputError(f"{what}: frame is {frame!r}: give 0 for the first one, or a later one")
    joints = entry.get("joints") or {}
    if not isinstance(joints, dict) or not all(_is_number(value) for value in joints.values()):
        raise InputError(f"{what}: joints is {joints!r}: give angles in rad by name")
    R = np.asarray(rotation_from_quaternion_wxyz(np.roll(q, 1) / np.linalg.norm(q)), dtype=np.float64)
    return StatedPose(entry["name"], R, t, {str(name): float(value) for name, value in joints.items()}, frame)


def _numbers(what: str, entry: Mapping[str, Any], key: str, count: int) -> Float64[Array, " n"]:
    values = entry.get(key)
    if not isinstance(values, list) or len(values) != count or not all(_is_number(value) for value in values):
        raise InputError(f"{what}: {key} is {values!r}: give {count} numbers")
    return np.array(values, dtype=np.float64)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))
