"""Poses of instruments that a robot knows: which TF frame is which instrument's base link, and what TF says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.config import NodeConfig, listed
from hoi_perception.ros.assembly import Assembly
from hoi_perception.ros.frame_names import instrument_frame
from hoi_perception.ros.tf import FrameTransform, NoTransformError, Transforms
from hoi_perception.ros.waiting import Hope, Waiting
from hoi_perception.settings import SettingsError
from hoi_perception.types import Frame, ToldPose


@dataclass(frozen=True)
class InstrumentFrame:
    """The TF frame of the base link of the `number`th instrument of a name that is looked for, counted from 1."""

    name: str
    number: int
    frame: str

    def track_of(self, wanted: Mapping[int, str]) -> int | None:
        """Number of its track; None where no such instrument is looked for."""
        tracks = sorted(track for track, name in wanted.items() if name == self.name)
        return tracks[self.number - 1] if self.number <= len(tracks) else None


def instrument_frames(config: NodeConfig) -> tuple[InstrumentFrame, ...]:
    """What `instrument_frames` says. SettingsError for what is no NAME=FRAME, for one frame of two instruments, and for
    a frame that the node itself would publish: its own estimate tells it nothing."""
    found: list[InstrumentFrame] = []
    for part in listed(config.instrument_frames):
        name, _, frame = (piece.strip() for piece in part.partition("="))
        if not name or not frame or "=" in frame:
            raise SettingsError(f"instrument_frames: '{part}' is no NAME=FRAME: write needle_holder=tool0_tip")
        if frame.startswith("/"):
            raise SettingsError(f"instrument_frames: TF frames begin with no slash: write {name}={frame.lstrip('/')}")
        if frame in [one.frame for one in found]:
            raise SettingsError(f"instrument_frames: '{frame}' stands for two instruments: give each its own frame")
        own = re.escape(config.frame_prefix + instrument_frame(name))
        if config.publish_tf and re.fullmatch(rf"{own}(_.*)?", frame):
            raise SettingsError(
                f"instrument_frames: '{frame}' is what this node itself publishes: name the robot's frame, or set "
                "frame_prefix or publish_tf"
            )
        found.append(InstrumentFrame(name, 1 + sum(one.name == name for one in found), frame))
    return tuple(found)


class InstrumentPoses:
    """What TF says of instruments when an image was taken. One bounded wait for all; no pose of another time."""

    def __init__(self, transforms: Transforms, waiting: Waiting) -> None:
        self._transforms, self._waiting = transforms, waiting
        self._hopes: dict[str, Hope] = {}

    def told(self, frame: Frame, wanted: Mapping[int, str], work: Assembly) -> tuple[ToldPose, ...]:
        """Poses of those of the `wanted` instruments (names by track) that TF knows; what is missing is noted."""
        poses: list[ToldPose] = []
        covariance = pose_covariance(work.config.instrument_frame_sigma_mm, work.config.instrument_frame_sigma_deg)
        for one in instrument_frames(work.config):
            track = one.track_of(wanted)
            if track is None:
                which = one.name if one.number == 1 else f"{one.name} number {one.number}"
                remedy = "add it to track_instruments or by ~/add_instrument"
                work.notes.append(f"instrument_frames names {which}, which is not looked for: {remedy}")
                continue
            try:
                T = self._found(frame, one.frame, work)
            except NoTransformError as error:
                work.notes.append(f"no pose of {one.name} from TF: {error}")
                continue
            if T.t_target_source[2] <= 0.0:
                work.notes.append(_behind(one, frame, float(T.t_target_source[2])))
                continue
            poses.append(ToldPose(track, T.R_target_source, T.t_target_source, covariance, f"TF {one.frame}"))
        return tuple(poses)

    def _found(self, frame: Frame, source: str, work: Assembly) -> FrameTransform:
        """Where a frame was in the camera's. It is worth waiting for where it came with the images before."""
        found: list[FrameTransform] = []

        def ready() -> bool:
            try:
                found.append(self._transforms.find(frame.frame_id, source, frame.stamp_ns))
            except NoTransformError:
                return False
            return True

        hope = self._hopes.setdefault(source, Hope())
        self._waiting.until(ready, work.deadline_s if hope.waits else 0.0)
        try:
            T = found[0] if found else self._transforms.find(frame.frame_id, source, frame.stamp_ns)
        except NoTransformError as error:
            hope.learn(False, error.latest_ns)
            raise
        hope.learn(True, frame.stamp_ns)
        return T


def pose_covariance(sigma_mm: float, sigma_deg: float) -> Float64[NDArray[np.float64], "6 6"]:
    """Of translation (m), then rotation (rad): the same along and about every axis."""
    return np.diag(np.repeat([(1e-3 * sigma_mm) ** 2, np.radians(sigma_deg) ** 2], 3))


def _behind(one: InstrumentFrame, frame: Frame, z: float) -> str:
    return (
        f"no pose of {one.name} from TF: it has '{one.frame}' {-z:.3g} m behind the camera '{frame.frame_id}', out of "
        "view; if it is in view, see to the calibration and that the images' frame is an optical one (z forward)"
    )
