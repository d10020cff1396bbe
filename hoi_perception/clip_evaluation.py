"""The pipeline on the real clips of a folder: what `hoi-perception evaluate clips` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hoi_perception.camera_rig import read_rig
from hoi_perception.config import Config
from hoi_perception.evaluation.clip_coffee import CLIP as COFFEE
from hoi_perception.evaluation.clip_coffee import follow_coffee
from hoi_perception.evaluation.clip_cups import CLIP as CUPS
from hoi_perception.evaluation.clip_cups import follow_cups
from hoi_perception.evaluation.clip_frame import ClipFrame, FollowsClips
from hoi_perception.evaluation.clip_report import ClipReport, as_json, as_markdown
from hoi_perception.evaluation.clip_suturing import CLIP as SUTURING
from hoi_perception.evaluation.clip_suturing import follow_suturing
from hoi_perception.evaluation.clip_tweezers import CLIP as TWEEZERS
from hoi_perception.evaluation.clip_tweezers import tweezers_stereo
from hoi_perception.instruments.surfaces import Surfaces
from hoi_perception.io.input_error import InputError
from hoi_perception.io.instrument_poses import FollowsInstruments, WithInstruments, read_instrument_poses
from hoi_perception.io.sources import Source, open_source
from hoi_perception.io.synchronised import open_sources
from hoi_perception.io.whole_results import whole_file
from hoi_perception.overlay import HandFaces, draw_overlay
from hoi_perception.pipeline import Perception
from hoi_perception.rendering import rasterise
from hoi_perception.types import Frame, PlacedCamera, Scene

CLIPS: dict[str, Callable[[Path, FollowsClips], ClipReport]] = {
    CUPS: follow_cups,
    COFFEE: follow_coffee,
    SUTURING: follow_suturing,
    TWEEZERS: tweezers_stereo,
}
"""What is run of a folder, by the name of the file or folder that it needs."""
OVERLAY_EVERY = 10
"""Every how many frames a picture is written."""


def evaluate_clips(data: Path | None, run: FollowsClips) -> tuple[dict[str, Any], str]:
    """All figures and the table; clips that are not there are told. InputError where there is none at all."""
    if data is None or not data.is_dir():
        raise InputError(f"{data}: no such folder of clips: give --data DIR")
    there = [name for name in CLIPS if (data / name).exists()]
    missing = [name for name in CLIPS if name not in there]
    if not there:
        raise InputError(f"{data}: none of {', '.join(CLIPS)} is there: give the folder that holds them with --data")
    reports = [CLIPS[name](data, run) for name in there]
    return as_json(reports, missing), as_markdown(reports, missing)


@dataclass(frozen=True)
class ClipRun:
    """How clips are run: the folder for pictures of every tenth frame, frames at most, the pipeline (anew if None)."""

    overlay: Path | None = None
    most_frames: int | None = None
    perception: FollowsInstruments | None = None

    def frames(
        self, clip: Path, starts: Path, library: Path | None = None, cameras: Path | None = None
    ) -> Iterator[ClipFrame]:
        """As `FollowsClips` has it."""
        folder = "" if library is None else str(library)
        poses = read_instrument_poses(starts)
        follower = WithInstruments(self.perception or Perception(Config(instrument_folders=folder)), poses)
        surfaces, first = Surfaces((folder,) if folder else ()), min(pose.frame for pose in poses)
        for index, frame in enumerate(source_of(clip, cameras).frames()):
            if self.most_frames is not None and index >= first + self.most_frames:
                return
            scene = follower.process(frame)
            if index < first:
                continue
            if self.overlay is not None and (index - first) % OVERLAY_EVERY == 0:
                draw(self.overlay / f"{clip.stem}_{index:04d}.jpg", frame, scene, follower.faces, surfaces)
            silhouettes = {one.track_id: rasterise(*surfaces.of(one), frame.camera).mask for one in scene.instruments}
            yield ClipFrame(index, frame, scene, silhouettes)


def source_of(clip: Path, cameras: Path | None) -> Source:
    """A clip, or the images of several cameras in folders of their names."""
    if cameras is None:
        return open_source(clip)
    rig = read_rig(cameras)
    return open_sources([clip / name for name in rig.names], rig, cameras)


def draw(file: Path, frame: Frame, scene: Scene, faces: HandFaces, surfaces: Surfaces) -> None:
    """Writes the picture of a frame with what is told of it, those of further cameras beside it."""
    views = [(frame.image_bgr, scene), *((view.image_bgr, seen_by(scene, view.placed)) for view in frame.further)]
    drawn = [draw_overlay(image, seen, faces, surfaces=surfaces) for image, seen in views]
    with whole_file(file) as partial:
        cv2.imwrite(str(partial), np.hstack(drawn) if len({one.shape[0] for one in drawn}) == 1 else drawn[0])


def seen_by(scene: Scene, placed: PlacedCamera) -> Scene:
    """The instruments of a scene in the frame of a further camera; hands are left out."""
    instruments = [
        replace(
            one,
            R_camera_instrument=placed.R_own_first @ one.R_camera_instrument,
            t_camera_instrument=placed.seen(one.t_camera_instrument),
            tips_camera=placed.seen(one.tips_camera),
        )
        for one in scene.instruments
    ]
    return replace(scene, camera=placed.camera, hands=(), contacts=(), instruments=tuple(instruments))
