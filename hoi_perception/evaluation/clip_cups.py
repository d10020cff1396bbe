"""`cups.mp4`: three red cups that look alike, followed beside their red pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from hoi_perception.evaluation.clip_colours import closed, hsv, red, skin, union_iou
from hoi_perception.evaluation.clip_frame import STARTS, FollowsClips
from hoi_perception.evaluation.clip_identity import Identity, identity_after
from hoi_perception.evaluation.clip_report import ClipFigure, ClipReport
from hoi_perception.types import TrackState

CLIP = "cups.mp4"
REFERENCE = (
    "red pixels outside of skin colour, gaps of 9 px closed; swaps and merges by connected red pieces followed by "
    "their overlap, and by orders from left to right set by eye"
)
SHOWN = (TrackState.INITIALISING, TrackState.TRACKED, TrackState.OCCLUDED)


def follow_cups(folder: Path, run: FollowsClips) -> ClipReport:
    """All cups from the frame of their poses on."""
    orders = read_orders(STARTS / "cups_orders.yaml")
    scores, shown, identity, camera = [], [], Identity(), ""
    for one in run.frames(folder / CLIP, STARTS / "cups.yaml"):
        planes = hsv(one.frame.image_bgr)
        coloured = red(planes)
        scores.append(union_iou(one.union, closed(coloured), skin(planes, coloured)))
        shown.append(float(sum(cup.state in SHOWN for cup in one.scene.instruments)))
        identity = identity_after(identity, one.index, one.silhouettes, closed(coloured), orders.get(one.index))
        camera = one.frame.camera.assumed
    figures = (
        ClipFigure("union_iou_median", float(np.nanmedian(scores)), 0.90, at_least=True),
        ClipFigure("union_iou_p10", float(np.nanpercentile(scores, 10)), 0.80, at_least=True),
        ClipFigure("swaps", float(len(identity.swaps) + len(identity.wrong_orders)), 0.0, digits=0),
        ClipFigure("merges", float(identity.merges), 0.0, digits=0),
        ClipFigure("shown_of_3", float(np.mean(shown)), digits=2),
    )
    return ClipReport("cups", len(scores), REFERENCE, camera, figures, {"union_iou": tuple(scores)})


def read_orders(path: Path) -> dict[int, tuple[int, ...]]:
    """Tracks from left to right by frame, as seen by eye."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {int(frame): tuple(int(track) for track in tracks) for frame, tracks in content["orders"].items()}
