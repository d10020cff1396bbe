"""Folders of numbered images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from hoi_perception.io.camera_choice import CameraChoice, check_size
from hoi_perception.io.input_error import InputError
from hoi_perception.io.sources import IMAGE_SUFFIXES, Skip
from hoi_perception.types import Camera, Frame

_NS = 1_000_000_000
_ASSUMED_RATE_HZ = 30.0


class ImageFolder:
    """The images of a folder (or one image) in natural order: 2.png before 10.png. Stamps follow the rate, from 0."""

    live = False

    def __init__(self, path: Path, choice: CameraChoice, rate_hz: float | None = None) -> None:
        self.name = str(path)
        self.skipped: list[Skip] = []
        self.notes: list[str] = []
        self.paths = natural_order(path) if path.is_dir() else [path]
        if not self.paths:
            raise InputError(
                f"{path}: no images in it ({', '.join(IMAGE_SUFFIXES)}): give a folder of images, a video or a bag"
            )
        self.frame_count: int | None = len(self.paths)
        self.rate_hz: float | None = rate_hz or _ASSUMED_RATE_HZ
        if rate_hz is None and len(self.paths) > 1:
            self.notes.append(f"images carry no time: {_ASSUMED_RATE_HZ:g} Hz assumed")
        self._choice = choice

    def frames(self) -> Iterator[Frame]:
        """Decoded images; one that cannot be read is a stated skip."""
        camera: Camera | None = None
        for index, path in enumerate(self.paths):
            image = _read(path)
            if image is None:
                self.skipped.append(Skip(1, f"{path.name}: not an image that can be decoded"))
                continue
            height, width = image.shape[:2]
            if camera is None:
                camera = self._choice.camera(width, height, str(path))
            check_size(camera, width, height, str(path))
            yield Frame(np.asarray(image, dtype=np.uint8), camera, round(index / (self.rate_hz or 1.0) * _NS))
        if camera is None:
            raise InputError(
                f"{self.name}: none of its {len(self.paths)} images can be decoded: save them as jpeg or png"
            )


def natural_order(folder: Path) -> list[Path]:
    """Images of a folder, numbers in names compared as numbers."""
    images = (p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
    return sorted(images, key=_number_key)


def _number_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    parts = re.split(r"(\d+)", path.name)
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part.lower()) for part in parts)


def _read(path: Path) -> cv2.typing.MatLike | None:
    """Pixels as stored: a rotation in the EXIF data would not fit the calibration."""
    return cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
