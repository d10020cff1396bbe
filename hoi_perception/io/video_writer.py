"""Videos that a browser plays, through OpenCV's writer.

VP8 in WebM: of what the wheels of OpenCV can write, browsers play VP8 and VP9 only, and OpenCV passes no speed setting
on to VP9 (measured at 1280x720 on one core: VP9 3.2, VP8 17 frames a second, of equal size and quality).
"""

from __future__ import annotations

import errno
import queue
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from hoi_perception.io.native_noise import quiet_stderr
from hoi_perception.io.whole_results import whole_file

Image = UInt8[NDArray[np.uint8], "h w 3"]
SUFFIX = ".webm"
_FOURCC = "VP80"
_WAITING = 4
_MIN_FREE_BYTES = 1 << 20


class VideoFile:
    """A video being written; encoding runs in a thread of its own. The first image sets the size."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path, self._rate_hz = path, rate_hz
        self._images: queue.Queue[NDArray[np.uint8] | None] = queue.Queue(_WAITING)
        self._error: Exception | None = None
        self._size = (0, 0)
        self._written = 0
        self._thread = threading.Thread(target=self._encode, name="video_writer", daemon=True)
        self._thread.start()

    def write(self, image_bgr: Image) -> None:
        """Hands one image to the encoder; OSError if the one before could not be written."""
        if self._error is not None:
            raise self._error
        if self._size == (0, 0):
            self._size = (image_bgr.shape[1], image_bgr.shape[0])
        elif self._size != (image_bgr.shape[1], image_bgr.shape[0]):
            raise ValueError(
                f"{self._path}: an image of {image_bgr.shape[1]}x{image_bgr.shape[0]} in a video of {self._size}"
            )
        self._images.put(image_bgr)

    def close(self) -> None:
        """Ends the file; OSError if it is not whole on the disk."""
        self._images.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error
        if self._written:
            check_video(self._path, self._written)

    def abort(self) -> None:
        """Ends the encoder; whatever it wrote is of no use."""
        self._error = self._error or OSError(errno.ECANCELED, "the video was given up", str(self._path))
        self._images.put(None)
        self._thread.join(timeout=10.0)

    def _encode(self) -> None:
        writer = None
        while (image := self._images.get()) is not None:
            if self._error is not None:
                continue  # what waits is thrown away so that `write` never hangs
            try:
                writer = writer or self._open()
                check_space(self._path)
                writer.write(np.ascontiguousarray(image))
                self._written += 1
            except Exception as error:  # noqa: BLE001 - raised again by the next write or close
                self._error = error
        if writer is not None:
            writer.release()

    def _open(self) -> cv2.VideoWriter:
        # Sizes of these codecs are even: OpenCV crops an odd row or column.
        fourcc = cv2.VideoWriter.fourcc(*_FOURCC)
        with quiet_stderr():  # OpenCV complains that WebM has no four-letter code for VP8 and writes it all the same
            writer = cv2.VideoWriter(str(self._path), cv2.CAP_FFMPEG, fourcc, self._rate_hz, self._size)
        if not writer.isOpened():
            raise OSError(errno.EIO, "OpenCV cannot write VP8 here: install opencv-python-headless or use --no-video")
        return writer


@contextmanager
def open_video(target: Path, rate_hz: float) -> Iterator[VideoFile]:
    """A video that appears as `target` when the context ends well and at least one image was written."""
    with whole_file(target) as partial:
        video = VideoFile(partial, rate_hz)
        try:
            yield video
        except BaseException:
            video.abort()
            raise
        video.close()


def check_space(path: Path) -> None:
    """OSError if the disk is full: OpenCV's writer says nothing about it."""
    if shutil.disk_usage(path.parent).free < _MIN_FREE_BYTES:
        raise OSError(errno.ENOSPC, "no space left on the device", str(path))


def check_video(path: Path, frames: int) -> None:
    """OSError unless the file opens and announces as many frames as were written."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    announced = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
    capture.release()
    if announced < frames - 1:
        raise OSError(errno.EIO, f"only {announced:.0f} of {frames} video frames reached the disk", str(path))
