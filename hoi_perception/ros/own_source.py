"""A camera or a recording as the source of a node: a thread that hands its frames on and shows them to ROS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from hoi_perception.ros import conversions, topics
from hoi_perception.ros.dds.participant import Participant
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.topics import Reliability
from hoi_perception.types import Frame

# Reliable serves subscribers of both kinds; RViz asks for it unless told otherwise.
IMAGE = replace(topics.IMAGE, reliability=Reliability.RELIABLE, depth=2)
CAMERA_INFO = replace(topics.CAMERA_INFO, reliability=Reliability.RELIABLE, depth=2)
_PATIENCE_S = 0.05


class OwnSource:
    """Publishes `image` and `camera_info` of every frame to those who subscribe, after `offer` got the frame.

    It begins when `ready` says so, so that nothing of a recording is missed; `frames` is given the event that ends it.
    `ended` becomes true with the last frame; `failure` then says what went wrong, "" where the frames just ended.
    """

    def __init__(
        self,
        frames: Callable[[threading.Event], Iterator[Frame]],
        ready: Callable[[], bool],
        offer: Callable[[Frame], None],
        participant: Participant,
        messages: BagMessages,
    ) -> None:
        self._frames, self._ready, self._offer, self._messages = frames, ready, offer, messages
        self._stop = threading.Event()
        self._image, self._info = participant.writer(IMAGE), participant.writer(CAMERA_INFO)
        self.failure = ""
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether no frame is to come."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """End the thread after the frame that it is at."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ready():
                if self._stop.wait(_PATIENCE_S):
                    return
            for frame in self._frames(self._stop):
                if self._stop.is_set():
                    return
                self._offer(frame)
                self._show(frame)
        except Exception as error:  # noqa: BLE001 - the node ends and tells it
            self.failure = " ".join(str(error).split()) or type(error).__name__

    def _show(self, frame: Frame) -> None:
        where = frame.stamp_ns, frame.frame_id
        if self._info.subscribed and not frame.camera.assumed:  # an assumption would pass for a measurement
            self._info.publish(conversions.camera_info_message(frame.camera, *where, self._messages))
        if self._image.subscribed:
            self._image.publish(conversions.image_message(frame.image_bgr, *where, self._messages))
