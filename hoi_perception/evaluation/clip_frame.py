"""One frame of a real clip as the pipeline tells it, and what runs clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from hoi_perception.types import Frame, Instrument, Scene

Mask = Bool[NDArray[np.bool_], "h w"]
STARTS = Path(__file__).parent / "clip_starts"
"""Poses by eye, one file for each clip."""


@dataclass(frozen=True, eq=False)
class ClipFrame:
    """A frame, what the pipeline says of it, and the silhouette of each instrument that is told, by its track."""

    index: int
    frame: Frame
    scene: Scene
    silhouettes: dict[int, Mask]

    @property
    def union(self) -> Mask:
        """Pixels that any instrument covers."""
        nothing = np.zeros(self.frame.image_bgr.shape[:2], dtype=bool)
        return np.asarray(np.logical_or.reduce([nothing, *self.silhouettes.values()]), dtype=np.bool_)

    def instrument(self, track_id: int) -> Instrument | None:
        """That of a track, if it is told."""
        return next((one for one in self.scene.instruments if one.track_id == track_id), None)


class FollowsClips(Protocol):
    """What runs the pipeline on clips."""

    def frames(
        self, clip: Path, starts: Path, library: Path | None = None, cameras: Path | None = None
    ) -> Iterator[ClipFrame]:
        """Every frame from the first pose of a file on, with instruments of a further `library`. Tracks are numbered as
        the poses are, from 1. With a calibration file of several `cameras` the clip is a folder that holds the images
        of each under its name."""
