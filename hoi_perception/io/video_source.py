"""Videos and cameras, through OpenCV."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from hoi_perception.io.camera_choice import CameraChoice
from hoi_perception.io.input_error import InputError
from hoi_perception.io.sources import Skip
from hoi_perception.types import Frame

_NS = 1_000_000_000
_COUNT_TOLERANCE = 2  # containers that only know their duration announce a frame or two too many


class VideoSource:
    """Frames of a video file. Stamps are the times in the file, from 0 on."""

    live = False

    def __init__(self, path: Path, choice: CameraChoice) -> None:
        self.name = str(path)
        self.skipped: list[Skip] = []
        self.notes: list[str] = []
        self._path, self._choice = path, choice
        capture = self._open()
        rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        self.rate_hz: float | None = rate if 0 < rate < 10_000 else None
        self.frame_count: int | None = int(count) if 0 < count < 1e9 else None
        if self.rate_hz is None:
            self.notes.append("the file states no frame rate: 30 Hz assumed")

    def frames(self) -> Iterator[Frame]:
        """Decoded frames; a file that ends early is a stated skip."""
        capture = self._open()
        try:
            ok, image = capture.read()
            if not ok:
                raise InputError(
                    f"{self.name}: no frame in it can be decoded: convert it to H.264 or VP9, or record it again"
                )
            camera = self._choice.camera(image.shape[1], image.shape[0], self.name)
            index, stamp = 0, -1
            while ok:
                stamp = max(self._stamp_ns(capture, index), stamp + 1)
                yield Frame(np.asarray(image, dtype=np.uint8), camera, stamp)
                index += 1
                ok, image = capture.read()
        finally:
            capture.release()
        self._note_missing(index)

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self.name, cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise InputError(
                f"{self.name}: not a video that can be opened (truncated or another format): record it again"
            )
        return capture

    def _stamp_ns(self, capture: cv2.VideoCapture, index: int) -> int:
        """Time of the frame just read; its number over the rate where the container has no time."""
        ms = capture.get(cv2.CAP_PROP_POS_MSEC)
        if index and (not math.isfinite(ms) or ms <= 0):
            return round(index / (self.rate_hz or 30.0) * _NS)
        return max(0, round(ms * 1e6)) if math.isfinite(ms) else 0

    def _note_missing(self, read: int) -> None:
        if self.frame_count is not None and read < self.frame_count - _COUNT_TOLERANCE:
            reason = f"the file ends after {read} of {self.frame_count} announced frames: it is truncated or damaged"
            self.skipped.append(Skip(self.frame_count - read, reason))


class CameraSource:
    """Live frames of a camera, stamped with the system's clock when they arrive."""

    live = True
    frame_count: int | None = None

    def __init__(self, index: int, choice: CameraChoice) -> None:
        self.name = f"camera {index}"
        self.skipped: list[Skip] = []
        self.notes: list[str] = []
        self._index, self._choice = index, choice
        self._capture = cv2.VideoCapture(index)
        if not self._capture.isOpened():
            raise InputError(
                f"{self.name}: cannot be opened: see /dev/video* for those there are, and close other programs"
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate_hz: float | None = rate if 0 < rate < 10_000 else None

    def frames(self) -> Iterator[Frame]:
        """Frames until the camera stops."""
        try:
            while True:
                ok, image = self._capture.read()
                stamp = time.time_ns()
                if not ok:
                    self.notes.append("the camera stopped")
                    return
                camera = self._choice.camera(image.shape[1], image.shape[0], self.name)
                yield Frame(np.asarray(image, dtype=np.uint8), camera, stamp)
        finally:
            self._capture.release()
