"""From an image that came in to a Frame: decoded, with its camera and all that belongs to it, in a bounded wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.calibration import Calibration
from hoi_perception.config import NodeConfig
from hoi_perception.ros import conversions
from hoi_perception.ros.assembly import Assembly
from hoi_perception.ros.camera_feed import (
    RefusedError,
    camera_from_file,
    camera_from_info,
    camera_without_info,
    fixed_calibration,
    of_size,
)
from hoi_perception.ros.companions import Companions
from hoi_perception.ros.conversions import Fallback, MessageError
from hoi_perception.ros.further_cameras import FurtherCameras
from hoi_perception.ros.further_setup import fixed_rig, further_names
from hoi_perception.ros.health import Trouble
from hoi_perception.ros.inbox import Arrival, Inbox
from hoi_perception.ros.instrument_frames import InstrumentPoses, instrument_frames
from hoi_perception.ros.steady import Steady
from hoi_perception.ros.tf import Transforms
from hoi_perception.ros.waiting import Waiting
from hoi_perception.types import Camera, Frame

AHEAD_S = 1.0
"""Time by which a stamp may be ahead of the node's clock."""
UNNAMED_FRAME = "camera"


class Framing:
    """Makes frames from an inbox, in the worker's thread. `changed` guards the inbox and tells what comes in.

    `stopped` (asked with the lock held) ends every wait. `transforms` is what TF says.
    """

    def __init__(
        self,
        inbox: Inbox,
        changed: threading.Condition,
        stopped: Callable[[], bool],
        monotonic_s: Callable[[], float],
        transforms: Transforms,
        decode_other: Fallback | None = None,
    ) -> None:
        self._inbox, self._changed = inbox, changed
        self._waiting = Waiting(changed, stopped, monotonic_s)
        self._image_bgr = partial(conversions.image_bgr, fallback=decode_other)
        self._further = FurtherCameras(inbox, self._waiting, self._image_bgr, transforms)
        self._poses = InstrumentPoses(transforms, self._waiting)
        self._fixed: Calibration | None = None
        self._steady = Steady()
        self._latest_ns: int | None = None

    def load(self, config: NodeConfig) -> None:
        """Read the calibration file. CameraError names what is wrong with it."""
        self._further.rig = fixed_rig(config)
        self._fixed = fixed_calibration(config) if self._further.rig is None else None

    def frame(self, work: Assembly, wanted: Mapping[int, str]) -> Frame:
        """The frame of an arrival; `wanted` are the instruments that are looked for, names by their tracks.

        MessageError or RefusedError where it cannot be used.
        """
        refuse_future(work.arrival)
        content = work.arrival.content
        frame = content if isinstance(content, Frame) else self._assembled(work)
        poses = self._poses.told(frame, wanted, work)
        self._count(without_pose=len(instrument_frames(work.config)) > len(poses))
        return replace(frame, poses=(*frame.poses, *poses)) if poses else frame

    def _assembled(self, work: Assembly) -> Frame:
        arrival = work.arrival
        if not arrival.frame_id:
            work.notes.append(f"images bear no frame_id, '{UNNAMED_FRAME}' is used: set it in the camera's driver")
        image = work.decode(self._image_bgr, arrival.content)
        camera = self._camera(work, (image.shape[1], image.shape[0]))
        frame = Frame(image, self._steady.camera(camera), arrival.stamp_ns, arrival.frame_id or UNNAMED_FRAME)
        if names := further_names(work.config):
            frame = replace(frame, further=self._further.views(frame, work))
            self._count(without_camera=len(frame.further) < len(names))
        if work.config.use_depth:
            frame = replace(frame, depth_m=self._companion("depth", work, image.shape[:2]))
        if work.config.use_instrument_mask:
            frame = replace(frame, instrument_mask=self._companion("mask", work, image.shape[:2]))
        return frame

    def _camera(self, work: Assembly, size: tuple[int, int]) -> Camera:
        arrival, config = work.arrival, work.config
        if self._further.rig is not None:
            return of_size(self._further.rig.first, size, config.camera_file)
        if self._fixed is not None:
            return camera_from_file(self._fixed, config, size)
        with self._changed:
            self._await_info(work)
            info = self._inbox.infos.valid_at(arrival.stamp_ns, arrival.frame_id)
            others = self._inbox.infos.frame_ids
        self._latest_ns = arrival.stamp_ns
        if info is None:
            return camera_without_info(others, arrival.frame_id, config, size)
        return camera_from_info(info, config, size)

    def _await_info(self, work: Assembly) -> None:
        """Wait where no CameraInfo is there yet, or where they come with the images' own stamps.

        So a zoom counts from its very image on, though its CameraInfo may come a little later.
        """
        infos, stamp = self._inbox.infos, work.arrival.stamp_ns
        if not len(infos) and work.config.fov_deg > 0.0:
            return
        together = self._latest_ns is not None and infos.has(self._latest_ns)
        self._waiting.until(lambda: infos.has(stamp) or (len(infos) > 0 and not together), work.deadline_s)

    def _companion(self, what: str, work: Assembly, shape: tuple[int, ...]) -> NDArray[Any] | None:
        """Depth or mask of an image; None where it does not come in time or does not fit, which is noted."""
        kept, decode = self._source(what)
        stamp = work.arrival.stamp_ns
        with self._changed:
            tolerance_ns = self._inbox.stream.period_ns // 2
            self._waiting.until(lambda: kept.nearest(stamp, tolerance_ns) is not None, work.deadline_s)
            one = kept.nearest(stamp, tolerance_ns)
        if one is None:
            trouble = f"no {what} came with the image within {work.config.max_wait_s:g} s"
        else:
            try:
                values = work.decode(decode, one.message)
            except MessageError as error:
                trouble = f"{what} refused: {error}"
            else:
                if values.shape == shape:
                    return np.asarray(values)
                (h, w), (rows, columns) = values.shape, shape
                trouble = f"{what} is {w}x{h}, the image {columns}x{rows}: register it to the image"
        work.notes.append(f"{trouble}; the image goes on without it")
        self._count(**{f"without_{what}": True})
        return None

    def _source(self, what: str) -> tuple[Companions, Callable[[Any], NDArray[Any]]]:
        if what == "depth":
            return self._inbox.depths, conversions.depth_image
        return self._inbox.masks, conversions.instrument_mask

    def _count(self, **more: bool) -> None:
        if any(more.values()):
            with self._changed:
                self._inbox.count(**more)


def refuse_future(arrival: Arrival) -> None:
    """RefusedError for an image of another clock, which is ahead: TF and consumers would wait for its time."""
    if arrival.age_s < -AHEAD_S:
        raise RefusedError(
            Trouble.STAMPS,
            f"the image is stamped {-arrival.age_s:.1f} s ahead of the node's clock: synchronise the clocks, or set "
            "use_sim_time as the camera has it",
        )
