"""`coffee.mp4`: a blue mug, followed as a plain cylinder, beside its blue pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import trimesh

from hoi_perception.evaluation.clip_colours import Mask, blue, closed, filled, hsv, piece_at, skin, union_iou
from hoi_perception.evaluation.clip_frame import STARTS, ClipFrame, FollowsClips
from hoi_perception.evaluation.clip_report import ClipFigure, ClipReport
from hoi_perception.instruments.adding import add_instrument

CLIP = "coffee.mp4"
BODY = "coffee_mug_body"
HEIGHT_M, ACROSS_M = 0.080, 0.082
"""The real mug without its handle, by eye from the clip."""
SECTIONS = 64
REFERENCE = (
    "blue pixels outside of skin colour, gaps filled, of the one connected piece that goes on from the piece at the "
    "start's pose (the kettle's reflections are other pieces); the handle counts, the cylinder has none"
)


def follow_coffee(folder: Path, run: FollowsClips) -> ClipReport:
    """The mug from the first frame on."""
    with TemporaryDirectory() as library:
        add_cylinder(Path(library))
        scores, told = [], []
        camera = ""
        reference: Mask | None = None
        for clip_frame in run.frames(folder / CLIP, STARTS / "coffee.yaml", Path(library)):
            reference, left_out = mug(clip_frame, reference)
            scores.append(union_iou(clip_frame.union, reference, left_out))
            told.append(float(len(clip_frame.silhouettes)))
            camera = clip_frame.frame.camera.assumed
    return ClipReport("coffee", len(scores), REFERENCE, camera, figures_of(scores, told), {"union_iou": tuple(scores)})


def figures_of(scores: Sequence[float], told: Sequence[float]) -> tuple[ClipFigure, ...]:
    """What is held against the bars."""
    return (
        ClipFigure("union_iou_median", float(np.nanmedian(scores)), 0.88, at_least=True),
        ClipFigure("union_iou_p10", float(np.nanpercentile(scores, 10))),
        ClipFigure("lost_frames", float(sum(n < 1 for n in told)), 0.0, digits=0),
    )


def mug(clip_frame: ClipFrame, before: Mask | None) -> tuple[Mask, Mask]:
    """The mug's pixels, and those that say nothing. `before` is where it was; None at the start: the pose says."""
    planes = hsv(clip_frame.frame.image_bgr)
    all_blue = closed(blue(planes))
    found = piece_at(all_blue, clip_frame.union if before is None else before)
    left_out = skin(planes, all_blue)
    return filled(found) if found.any() or before is None else before, left_out


def add_cylinder(library: Path) -> None:
    """The mug's body as an instrument of a library: axis x from the foot up, closed."""
    body = trimesh.creation.cylinder(radius=ACROSS_M / 2.0, height=HEIGHT_M, sections=SECTIONS)
    vertices = np.asarray(body.vertices)[:, [2, 0, 1]] + np.array([HEIGHT_M / 2.0, 0.0, 0.0])
    mesh = library / f"{BODY}.stl"
    trimesh.Trimesh(vertices, body.faces, process=False).export(mesh)
    add_instrument(mesh, name=BODY, unit="m", library=library)
