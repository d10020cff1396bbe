"""Where frames come from: one interface, and the function that chooses by what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from hoi_perception.io.camera_choice import CameraChoice
from hoi_perception.io.input_error import InputError
from hoi_perception.types import Frame

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm")
MAX_RATE_HZ = 10_000.0
BAG_SUFFIXES = (".mcap", ".db3")


@dataclass(frozen=True)
class Skip:
    """Frames that were left out, and why."""

    frames: int
    reason: str


@runtime_checkable
class Source(Protocol):
    """A recording or a camera. `skipped` and `notes` grow while frames are read."""

    name: str
    frame_count: int | None
    """Frames announced; None where nobody knows."""
    rate_hz: float | None
    live: bool
    skipped: list[Skip]
    notes: list[str]

    def frames(self) -> Iterator[Frame]:
        """The frames in order; InputError where it cannot go on."""


def open_source(
    source: str | int | Path,
    choice: CameraChoice | None = None,
    *,
    topic: str | None = None,
    rectified: bool = False,
    rate_hz: float | None = None,
) -> Source:
    """Source of a video, an image, a folder of images, a camera's index or a ROS 2 bag (a folder, .mcap or .db3).

    `topic` and `rectified` are for bags, `rate_hz` is the rate of an image folder (30 Hz is assumed).
    InputError if there is nothing to read or the rate is none.
    """
    choice = choice or CameraChoice()
    if rate_hz is not None and not 0.0 < rate_hz <= MAX_RATE_HZ:
        raise InputError(f"a rate of {rate_hz:g} Hz: give --rate a number above 0 and up to {MAX_RATE_HZ:g}")
    path = Path(str(source))
    if str(source).isdigit() and (isinstance(source, int) or not path.exists()):
        from hoi_perception.io.video_source import CameraSource

        return CameraSource(int(str(source)), choice)
    if not path.exists():
        raise InputError(
            f"{path}: no such file or folder: give a video, an image folder, a camera index or a ROS 2 bag"
        )
    if _is_bag(path):
        from hoi_perception.io.bag_source import BagSource

        return BagSource(path, choice, topic=topic, rectified=rectified)
    if topic is not None:
        raise InputError(f"{path}: not a ROS 2 bag, so it has no topics: leave out --topic")
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        from hoi_perception.io.image_folder import ImageFolder

        return ImageFolder(path, choice, rate_hz)
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty: record it again")
    from hoi_perception.io.video_source import VideoSource

    return VideoSource(path, choice)


def _is_bag(path: Path) -> bool:
    if path.is_dir():
        return (path / "metadata.yaml").is_file() or any(bag_files(path))
    return path.suffix.lower() in BAG_SUFFIXES


def bag_files(folder: Path) -> list[Path]:
    """Storage files of a bag's folder."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in BAG_SUFFIXES)
