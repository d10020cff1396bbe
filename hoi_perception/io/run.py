"""A recording in, results out: the loop behind `hoi-perception run`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, UInt8
from numpy.typing import NDArray

from hoi_perception.io.bag_source import BagFrame, BagSource
from hoi_perception.io.bag_writer import SceneBag, open_scene_bag, type_digests
from hoi_perception.io.input_error import InputError
from hoi_perception.io.meshes import write_ply
from hoi_perception.io.read_ahead import read_ahead
from hoi_perception.io.result_folder import (
    BAG,
    MESHES,
    SUMMARY,
    VIDEO,
    check_room,
    mesh_name,
    put_in_place,
    staging_folder,
)
from hoi_perception.io.sources import Source
from hoi_perception.io.summary_file import summary_json, write_summary
from hoi_perception.io.video_writer import VideoFile, open_video
from hoi_perception.metrics.run_summary import RunStatistics, RunSummary
from hoi_perception.ros.conversions import sendable_hands
from hoi_perception.types import Frame, Scene, Side

Image = UInt8[NDArray[np.uint8], "h w 3"]
Faces = Mapping[Side, Int[NDArray[np.integer], "1538 3"]]
Painter = Callable[[Frame, Scene], Image]
VIDEO_HEIGHT = 720
"""Rows of the overlay video at most: encoding costs more than everything else in a run."""


@runtime_checkable
class SceneMaker(Protocol):
    """What turns frames into scenes: `Perception`."""

    faces: dict[Side, NDArray[np.int32]]

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame."""


@dataclass(frozen=True)
class Results:
    """What a run wrote."""

    summary: RunSummary
    files: tuple[Path, ...]


@dataclass(frozen=True)
class RunOptions:
    """What to write, and when to stop."""

    video: bool = True
    meshes: bool = False
    compressed_bag: bool = True
    copy_topics: bool = True
    """A bag's own topics go into the result's bag too."""
    max_frames: int | None = None
    device: str = "cpu"
    instrument_folders: tuple[str, ...] = ()
    """Folders of instruments that are drawn, searched before all others."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the results; the summary comes last."""
        return (BAG, *([VIDEO] if self.video else []), *([MESHES] if self.meshes else []), SUMMARY)


class Outputs:
    """The open results of a run; what it costs to draw and to write is kept as stages."""

    def __init__(self, out: Path, source: Source, faces: Faces, options: RunOptions, stack: ExitStack) -> None:
        originals = None
        if options.copy_topics and isinstance(source, BagSource):
            originals = stack.enter_context(source.originals(type_digests()))
        # zstd takes 10 to 30 ms for a raw image and saves little of it.
        compressed = options.compressed_bag and originals is None
        bag = open_scene_bag(out / BAG, faces, compressed=compressed, originals=originals)
        self.bag: SceneBag = stack.enter_context(bag)
        if originals is not None:
            source.notes += notes_on_copy(self.bag.renamed, originals.left_out)
        self.video: VideoFile | None = None
        self.meshes: Path | None = None
        if options.video:
            self.video = stack.enter_context(open_video(out / VIDEO, source.rate_hz or 30.0))
        if options.meshes:
            self.meshes = out / MESHES
            self.meshes.mkdir()
        self._paint = painter(faces, options.instrument_folders)
        self._faces, self._device, self._index = faces, options.device, 0

    def write(self, frame: Frame, scene: Scene, dropped_frames: int) -> dict[str, float]:
        """Milliseconds of drawing and writing."""
        start = perf_counter()
        image = self._paint(frame, scene) if self.video is not None else None
        drawn = perf_counter()
        if self.video is not None and image is not None:
            self.video.write(image)
        received = frame.received_ns if isinstance(frame, BagFrame) else None
        self.bag.write(scene, device=self._device, dropped_frames=dropped_frames, received_ns=received)
        if self.meshes is not None:
            self._write_meshes(scene, self.meshes)
        self._index += 1
        stages = {"write": 1e3 * (perf_counter() - drawn)}
        return stages if self.video is None else {"draw": 1e3 * (drawn - start), **stages}

    def _write_meshes(self, scene: Scene, folder: Path) -> None:
        for hand in sendable_hands(scene):
            path = folder / mesh_name(self._index, hand.side, hand.track_id)
            rests_on = scene.camera.assumed or "calibrated camera"
            comment = f"camera frame, metres; scale from {hand.scale_source.value}; {rests_on}"
            write_ply(path, hand.vertices_camera, self._faces[hand.side], comment)


def run(
    source: Source,
    perception: SceneMaker,
    out: Path,
    options: RunOptions | None = None,
    *,
    on_frame: Callable[[Scene], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Results:
    """Every frame of `source` through `perception`; results appear in `out` together when all went well.

    `should_stop` ends a live source early with its results kept. InputError or OSError where it cannot go on, or where
    a file that no earlier run wrote is in the way; then nothing appears under a final name.
    """
    options = options or RunOptions()
    check_room(out, options.names)
    with staging_folder(out) as staging:
        if options.copy_topics and isinstance(source, BagSource):
            check_disk(source, staging)
        summary, dropped = _write_results(source, perception, staging, options, on_frame, should_stop)
        write_summary(staging / SUMMARY, summary_json(summary, source, dropped, options.names))
        put_in_place(staging, out, options.names)
    return Results(summary, tuple(out / name for name in options.names))


def _write_results(
    source: Source,
    perception: SceneMaker,
    out: Path,
    options: RunOptions,
    on_frame: Callable[[Scene], None],
    should_stop: Callable[[], bool],
) -> tuple[RunSummary, int]:
    """Everything but the summary, written and closed; how many frames were dropped."""
    statistics = RunStatistics()
    with ExitStack() as stack:
        outputs = Outputs(out, source, perception.faces, options, stack)
        frames = stack.enter_context(read_ahead(source.frames, latest_only=source.live))
        begin = perf_counter()
        while statistics.frames != options.max_frames and not should_stop():
            asked = perf_counter()
            frame = next(frames, None)
            if frame is None:
                outputs.bag.finish()
                break
            waited = 1e3 * (perf_counter() - asked)
            scene = perception.process(frame)
            source.notes += [note for note in scene.notes if note not in source.notes]
            written = outputs.write(frame, scene, frames.dropped)
            statistics.add(scene, read=waited, **written)
            on_frame(scene)
        if not statistics.frames:
            raise InputError(f"{source.name}: it gave no frame: check the source")
        summary = statistics.summary(perf_counter() - begin)
    return summary, frames.dropped


def check_disk(source: BagSource, folder: Path) -> None:
    """InputError where the disk has no room for a copy of the bag."""
    needed, free = source.size_bytes, shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder.parent}: {free / 1e9:.1f} GB are free and a copy of {source.name} takes {needed / 1e9:.1f} GB: "
            "leave the bag's own topics out with --no-copy-topics, or choose another --out"
        )


def notes_on_copy(renamed: Mapping[str, str], left_out: Sequence[str]) -> list[str]:
    """What the result's bag holds beside the results."""
    notes = [f"{BAG} holds the topics of the bag too (--no-copy-topics leaves them out)"]
    if renamed:
        names = ", ".join(renamed.values())
        notes.append(f"the bag has topics of the results' names: they are {names} in {BAG}")
    return notes + [f"not copied: {reason}" for reason in left_out]


def painter(faces: Faces, instrument_folders: Sequence[str] = ()) -> Painter:
    """Paints the overlay beside a view from the side that follows the hands."""
    from hoi_perception.instruments.surfaces import Surfaces
    from hoi_perception.overlay import at_most_rows, draw_overlay
    from hoi_perception.virtual_view import View, side_by_side, view_of_scene, virtual_view

    view: View | None = None
    surfaces = Surfaces(instrument_folders)

    def paint(frame: Frame, scene: Scene) -> Image:
        nonlocal view
        view = view_of_scene(scene, view) if scene.hands or view else None
        image = at_most_rows(frame.image_bgr, VIDEO_HEIGHT)
        height = image.shape[0]
        size = (2 * (height * 4 // 9), height)
        drawn = draw_overlay(image, scene, faces, surfaces=surfaces)
        return side_by_side(drawn, virtual_view(scene, faces, view, size, surfaces=surfaces))

    return paint
