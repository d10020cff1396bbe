"""Masks of instruments beside a recording: a label image for each frame, in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from jaxtyping import Int, UInt16
from numpy.typing import NDArray

from hoi_perception.io.image_folder import natural_order
from hoi_perception.io.input_error import InputError
from hoi_perception.io.sources import Source
from hoi_perception.types import Frame, Scene, Side

Labels = UInt16[NDArray[np.uint16], "h w"]


class Processes(Protocol):
    """What is shown frames."""

    @property
    def faces(self) -> dict[Side, NDArray[np.int32]]:
        """Triangles of both sides' meshes."""

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame."""


class WithMasks:
    """Perception that is shown label images with the frames of a source: the k-th PNG of a folder, in natural order,
    with its k-th frame.

    What does not fit its frame is told in the source's notes and left out. InputError where the folder holds no PNG.
    """

    def __init__(self, perception: Processes, folder: Path, source: Source) -> None:
        if source.live:
            raise InputError(
                f"{folder}: a camera has no masks of frames to come: leave out --mask, or give a recording"
            )
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder: give --mask a folder with a PNG for each frame")
        self._paths = [path for path in natural_order(folder) if path.suffix.lower() == ".png"]
        if not self._paths:
            raise InputError(f"{folder}: no PNG in it: save a label image for each frame, 0 where no instrument is")
        self._perception, self._source, self._count = perception, source, 0
        if source.frame_count is not None and source.frame_count != len(self._paths):
            self._note(f"{folder}: {len(self._paths)} masks for {source.frame_count} frames: the k-th is the k-th's")

    @property
    def faces(self) -> dict[Side, Int[NDArray[Any], "f 3"]]:
        """Triangles of both sides' meshes."""
        return self._perception.faces

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame; images that the source could not read have their masks too."""
        place = self._count + sum(skip.frames for skip in self._source.skipped)
        self._count += 1
        labels = self._labels(self._paths[place], frame) if place < len(self._paths) else None
        return self._perception.process(frame if labels is None else replace(frame, instrument_mask=labels))

    def _labels(self, path: Path, frame: Frame) -> Labels | None:
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        height, width = frame.image_bgr.shape[:2]
        if values is None or values.ndim != 2 or values.dtype not in (np.uint8, np.uint16):
            self._note(f"{path.name}: no image of labels (one channel, 8 or 16 bits): it is not used")
            return None
        if values.shape != (height, width):
            size = f"{values.shape[1]}x{values.shape[0]}"
            self._note(f"{path.name}: {size}, the image is {width}x{height}: it is not used; save masks in that size")
            return None
        return np.asarray(values, dtype=np.uint16)

    def _note(self, text: str) -> None:
        if text not in self._source.notes:
            self._source.notes.append(text)
