"""From an image that came in to a Frame: decoded, with its camera, depth and mask, found by stamp in a bounded wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.calibration import Calibration
from hoi_perception.config import NodeConfig
from hoi_perception.ros import conversions
from hoi_perception.ros.camera_feed import RefusedError, camera_from_file, camera_from_info, camera_without_info
from hoi_perception.ros.companions import Companions
from hoi_perception.ros.conversions import Fallback, MessageError
from hoi_perception.ros.health import Trouble
from hoi_perception.ros.inbox import Arrival, Inbox
from hoi_perception.types import Camera, Frame

AHEAD_S = 1.0
"""Time by which a stamp may be ahead of the node's clock."""
UNNAMED_FRAME = "camera"


@dataclass
class Assembly:
    """The work on one image: what is noted of it, and the time that decoding takes without any waiting."""

    arrival: Arrival
    config: NodeConfig
    deadline_s: float
    notes: list[str] = field(default_factory=list)
    decode_ms: float = 0.0

    def decode(self, function: Callable[[Any], NDArray[Any]], message: Any) -> NDArray[Any]:
        """What `function` makes of a message, with its time counted."""
        begin = time.perf_counter()
        try:
            return function(message)
        finally:
            self.decode_ms += 1e3 * (time.perf_counter() - begin)


class Framing:
    """Makes frames from an inbox, in the worker's thread. `changed` guards the inbox and tells what comes in.

    `stopped` (asked with the lock held) ends every wait.
    """

    def __init__(
        self,
        inbox: Inbox,
        changed: threading.Condition,
        stopped: Callable[[], bool],
        monotonic_s: Callable[[], float],
        decode_other: Fallback | None = None,
    ) -> None:
        self._inbox, self._changed, self._stopped, self._monotonic_s = inbox, changed, stopped, monotonic_s
        self._image_bgr = partial(conversions.image_bgr, fallback=decode_other)
        self.fixed: Calibration | None = None
        self._latest_ns: int | None = None

    def frame(self, work: Assembly) -> Frame:
        """The frame of an arrival. MessageError or RefusedError where it cannot be used."""
        arrival = work.arrival
        refuse_future(arrival)
        if isinstance(arrival.content, Frame):
            return arrival.content
        if not arrival.frame_id:
            work.notes.append(f"images bear no frame_id, '{UNNAMED_FRAME}' is used: set it in the camera's driver")
        image = work.decode(self._image_bgr, arrival.content)
        camera = self._camera(work, (image.shape[1], image.shape[0]))
        frame = Frame(image, camera, arrival.stamp_ns, arrival.frame_id or UNNAMED_FRAME)
        if work.config.use_depth:
            frame = replace(frame, depth_m=self._companion("depth", work, image.shape[:2]))
        if work.config.use_instrument_mask:
            frame = replace(frame, instrument_mask=self._companion("mask", work, image.shape[:2]))
        return frame

    def _camera(self, work: Assembly, size: tuple[int, int]) -> Camera:
        arrival, config = work.arrival, work.config
        if self.fixed is not None:
            return camera_from_file(self.fixed, config, size)
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
        self._wait(lambda: infos.has(stamp) or (len(infos) > 0 and not together), work.deadline_s)

    def _companion(self, what: str, work: Assembly, shape: tuple[int, ...]) -> NDArray[Any] | None:
        """Depth or mask of an image; None where it does not come in time or does not fit, which is noted."""
        kept, decode = self._source(what)
        stamp = work.arrival.stamp_ns
        with self._changed:
            tolerance_ns = self._inbox.stream.period_ns // 2
            self._wait(lambda: kept.nearest(stamp, tolerance_ns) is not None, work.deadline_s)
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
        with self._changed:
            self._inbox.count(**{f"without_{what}": 1})
        return None

    def _source(self, what: str) -> tuple[Companions, Callable[[Any], NDArray[Any]]]:
        if what == "depth":
            return self._inbox.depths, conversions.depth_image
        return self._inbox.masks, conversions.instrument_mask

    def _wait(self, ready: Callable[[], bool], deadline_s: float) -> None:
        """With the lock held: until it is ready, stopped or too late."""
        while not (ready() or self._stopped()):
            left_s = deadline_s - self._monotonic_s()
            if left_s <= 0.0 or not self._changed.wait(left_s):
                return


def refuse_future(arrival: Arrival) -> None:
    """RefusedError for an image of another clock, which is ahead: TF and consumers would wait for its time."""
    if arrival.age_s < -AHEAD_S:
        raise RefusedError(
            Trouble.STAMPS,
            f"the image is stamped {-arrival.age_s:.1f} s ahead of the node's clock: synchronise the clocks, or set "
            "use_sim_time as the camera has it",
        )
