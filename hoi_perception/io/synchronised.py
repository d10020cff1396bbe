"""Several recordings of one scene, taken at the same times by the cameras of one calibration file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hoi_perception.camera_rig import CameraRig
from hoi_perception.io.camera_choice import CameraChoice
from hoi_perception.io.input_error import InputError
from hoi_perception.io.sources import Skip, Source, open_source
from hoi_perception.io.video_source import VideoSource
from hoi_perception.types import Frame, FurtherView

_ASSUMED_RATE_HZ = 30.0
_VIDEO_TOLERANCE = 2
"""Frames by which containers that only know their duration may err."""


class SynchronisedSources:
    """The frames of the first source, each with those that the others took at the same time."""

    live = False

    def __init__(self, sources: Sequence[Source], rig: CameraRig) -> None:
        self.name, self.rate_hz = sources[0].name, sources[0].rate_hz
        self.skipped: list[Skip] = []
        others = ", ".join(rig.names[1:])
        own = f"results are in the frame of {rig.names[0]}, which shows the hands; instruments are seen by {others} too"
        self.notes: list[str] = [own, *dict.fromkeys(note for source in sources for note in source.notes)]
        self._sources, self._rig, self._dropped = tuple(sources), rig, 0
        for source in sources:
            if source.live:
                raise InputError(f"{source.name}: a live camera is not synchronised with others: record them together")
        self._check_counts()
        counts = [source.frame_count for source in sources if source.frame_count is not None]
        self.frame_count: int | None = min(counts) if counts else None

    def frames(self) -> Iterator[Frame]:
        """Frames of one time, as far as all sources have them; InputError where their times do not belong together."""
        readers = [source.frames() for source in self._sources]
        while True:
            frames = self._together(readers, [next(reader, None) for reader in readers])
            own = [skip for source in self._sources for skip in source.skipped]
            lone = [Skip(self._dropped, "not read by every camera")] if self._dropped else []
            self.skipped[:] = own + lone
            present = [frame for frame in frames if frame is not None]
            if len(present) < len(frames):
                self._check_end(frames, readers)
                return
            first, *others = present
            placed = zip(others, self._rig.further, strict=True)
            yield replace(first, further=tuple(FurtherView(frame.image_bgr, one) for frame, one in placed))

    def _together(self, readers: Sequence[Iterator[Frame]], frames: list[Frame | None]) -> list[Frame | None]:
        """The next frames of one time: where a source skipped an image, the others' are left out."""
        apart = int(0.5e9 / (self.rate_hz or _ASSUMED_RATE_HZ))
        while True:
            stamps = [frame.stamp_ns for frame in frames if frame is not None]
            if len(stamps) < len(frames) or max(stamps) - min(stamps) <= apart:
                return frames
            early = [k for k, stamp in enumerate(stamps) if max(stamps) - stamp > apart]
            self._dropped += len(early)
            if self._dropped > (len(frames) - 1) * sum(
                skip.frames for source in self._sources for skip in source.skipped
            ):
                late = stamps.index(max(stamps))
                raise InputError(
                    f"{self._sources[early[0]].name} and {self._sources[late].name}: their times differ by "
                    f"{(max(stamps) - stamps[early[0]]) * 1e-9:.3f} s: give recordings of synchronised cameras"
                )
            for k in early:
                frames[k] = next(readers[k], None)

    def _tolerance(self) -> int:
        return _VIDEO_TOLERANCE if any(isinstance(source, VideoSource) for source in self._sources) else 0

    def _check_counts(self) -> None:
        first = self._sources[0]
        for other in self._sources[1:]:
            counts = first.frame_count, other.frame_count
            if counts[0] is not None and counts[1] is not None and abs(counts[0] - counts[1]) > self._tolerance():
                raise InputError(
                    f"{first.name} has {counts[0]} frames, {other.name} has {counts[1]}: "
                    "give recordings of the same length from synchronised cameras"
                )

    def _check_end(self, frames: Sequence[Frame | None], readers: Sequence[Iterator[Frame]]) -> None:
        """InputError where a source goes on for longer than its container may err."""
        left = [k for k, frame in enumerate(frames) if frame is not None]
        skipped = sum(skip.frames for skip in self.skipped)
        for k in left:
            more = 1 + sum(1 for _ in zip(range(self._tolerance() + skipped), readers[k], strict=False))
            if more > self._tolerance() + skipped:
                ended = self._sources[next(i for i, frame in enumerate(frames) if frame is None)].name
                raise InputError(
                    f"{self._sources[k].name} goes on where {ended} ends: give recordings of the same length"
                )


def open_sources(
    sources: Sequence[str | Path], rig: CameraRig, calibration: Path, rate_hz: float | None = None
) -> Source:
    """One source of several cameras, in the order of their file. InputError where they do not go together."""
    if len(sources) != len(rig.cameras):
        raise InputError(
            f"{calibration}: is for {', '.join(rig.names)}, and there are {len(sources)} sources: "
            "give one for each camera, in this order"
        )
    rate = rate_hz or rig.rate_hz
    opened = [
        open_source(source, CameraChoice(placed.camera), rate_hz=rate)
        for source, placed in zip(sources, rig.cameras, strict=True)
    ]
    return opened[0] if len(opened) == 1 else SynchronisedSources(opened, rig)
