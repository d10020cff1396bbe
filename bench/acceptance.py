"""Does the landmark network take rendered hands for hands as it does real ones? `python bench/acceptance.py`.

Accepted is a hand whose presence is at least 0.5. On renders the network is given the true region ("region": that of
the true joints) and the best of two sizes and twelve angles about the middle of the box round what is in the picture
of the hand ("box"). On the real clips of the folder HOI_TEST_DATA (or `--data`) the box is drawn by hand
(`test/labels`, and below for the clips without), the region is that of the pipeline's own tracks, which favours hands
that it found. "Any look" also tries the region with red and blue swapped and smoothed, as the pipeline does. "Places"
is the median distance of accepted landmarks from the true joints over the hand's size, where all look the same way.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.cli import load_perception
from hoi_perception.config import Config
from hoi_perception.evaluation.refinement import Trial, truth_grasps
from hoi_perception.hands.landmarks import Colours, LandmarkNetwork, region_from_landmarks
from hoi_perception.io.sources import open_source
from hoi_perception.metrics.labelled_clip import read_labels
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.scene_sampler import Stratum, sample_scene
from hoi_perception.types import HandLandmarks, HandRegion, TrackState

LABELS = Path(__file__).parents[1] / "test" / "labels"
ACCEPTED = 0.5
VISIBLE = 0.15
"""Hands of which fewer joints are seen are left out."""
CLIPS = {
    "coffee.mp4": "real: bare, hold things (coffee)",
    "cups.mp4": "real: bare, behind cups (cups)",
    "suturing.mkv": "real: gloved, with tool, cut by the border (suturing)",
    "suturing_close.mp4": "real: gloved, with tool (suturing_close)",
}
_LEFT = (0, 590, 730, 1080)
BOXES = {
    "suturing.mkv": {
        0: ((0, 600, 690, 1080), (1450, 610, 1920, 1080)),
        10: (_LEFT, (1450, 610, 1920, 1080)),
        20: (_LEFT, (1375, 590, 1920, 1080)),
        30: (_LEFT, (1405, 490, 1920, 1080)),
        40: (_LEFT, (1345, 420, 1920, 1080)),
        50: (_LEFT, (1345, 420, 1920, 1080)),
        60: (_LEFT, (1360, 410, 1920, 1080)),
        70: (_LEFT, (1435, 270, 1920, 1010)),
        80: (_LEFT, (1375, 245, 1920, 1010)),
    },
    "suturing_close.mp4": dict.fromkeys((0, 10, 20), ((0, 520, 640, 1080), (1225, 590, 1920, 1080))),
}
"""Boxes round the visible part of both hands, read off to about 30 px, in the full picture."""
Box = tuple[float, float, float, float]
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Arguments:
    """What to compare."""

    frames: int = 200
    """Rendered pictures."""
    grasps: int = 48
    seed: int = 0
    data: Path = field(default_factory=lambda: Path(os.environ.get("HOI_TEST_DATA", "")))
    """Folder of the real clips; without it renders alone are judged."""
    json: Path | None = None


@dataclass
class Counts:
    """Hands that were accepted (1) or not (0), each way of asking, and the distances of accepted landmarks."""

    region: list[bool] = field(default_factory=list)
    any_look: list[bool] = field(default_factory=list)
    box: list[bool] = field(default_factory=list)
    places: list[float] = field(default_factory=list)


class Judge:
    """The landmark network and its verdicts."""

    def __init__(self) -> None:
        self._network = LandmarkNetwork()

    def by_region(self, counts: Counts, image: Image, region: HandRegion) -> HandLandmarks:
        """Enters the verdict on a region; the landmarks as seen plainly."""
        plain = self._network.run(image, region)
        ways = ((Colours.SWAPPED, False), (Colours.PLAIN, True))
        others = [self._network.run(image, region, colours, smooth) for colours, smooth in ways]
        counts.region.append(plain.presence >= ACCEPTED)
        counts.any_look.append(max(look.presence for look in (plain, *others)) >= ACCEPTED)
        return plain

    def by_box(self, counts: Counts, image: Image, box: Box) -> None:
        """Enters the verdict on the best region about a box."""
        x0, y0, x1, y1 = box
        size = max(x1 - x0, y1 - y0)
        regions = (
            HandRegion((0.5 * (x0 + x1), 0.5 * (y0 + y1)), scale * size, angle)
            for scale in (1.25, 1.7)
            for angle in np.arange(12) * np.pi / 6.0
        )
        counts.box.append(any(self._network.run(image, region).presence >= ACCEPTED for region in regions))


def judge_renders(arguments: Arguments, judge: Judge) -> dict[str, Counts]:
    """Verdicts by stratum and by cover of the hand."""
    grasps, _ = truth_grasps(Trial(grasps=arguments.grasps, seed=arguments.seed))
    renderer = SceneRenderer()
    found: dict[str, Counts] = defaultdict(Counts)
    for number in range(arguments.frames):
        sample = sample_scene(number, grasps, arguments.seed)
        shown = renderer.render(sample.scene, sample.earlier)
        for k, px in enumerate(shown.joints_px):
            if shown.visible[k].mean() < VISIBLE:
                continue
            counts = Counts()
            seen = judge.by_region(counts, shown.image_bgr, true_region(px))
            judge.by_box(counts, shown.image_bgr, visible_box(px, shown.image_bgr))
            if counts.region[0]:
                counts.places.append(
                    float(np.linalg.norm(seen.points_px - px, axis=1).mean() / np.ptp(px, axis=0).max())
                )
            cover = sample.scene.look.dress[k].cover
            add(found[f"rendered: {sample.stratum.value}"], counts)
            add(found[f"rendered, all: {cover.value}{' gloves' if cover.gloved else ''}"], counts)
            if sample.stratum in (Stratum.TOOL, Stratum.OCCLUDED, Stratum.BORDER):
                add(found[f"rendered: {sample.stratum.value}, {'gloved' if cover.gloved else 'bare'}"], counts)
    return dict(sorted(found.items()))


def true_region(joints_px: NDArray[np.float64]) -> HandRegion:
    """The region of a hand whose joints (21, OpenPose's order) are known."""
    return region_from_landmarks(HandLandmarks(joints_px, np.zeros(21), 1.0, 0.5))


def visible_box(joints_px: NDArray[np.float64], image: Image) -> Box:
    """A box round what is in the picture of a hand, as one draws it on real pictures."""
    low, high = joints_px.min(axis=0), joints_px.max(axis=0)
    margin = 0.06 * float((high - low).max())
    size = np.array([image.shape[1], image.shape[0]])
    (x0, y0), (x1, y1) = np.clip([low - margin, high + margin], 0.0, size)
    return (float(x0), float(y0), float(x1), float(y1))


def add(total: Counts, more: Counts) -> None:
    """Adds one hand's verdicts."""
    for name in ("region", "any_look", "box", "places"):
        getattr(total, name).extend(getattr(more, name))


def judge_clips(arguments: Arguments, judge: Judge) -> dict[str, Counts]:
    """Verdicts by clip; clips that are not there are left out."""
    found: dict[str, Counts] = {}
    for name, row in CLIPS.items():
        path = arguments.data / name
        if path.is_file():
            found[row] = judge_clip(path, judge)
        else:
            print(f"{path}: no such clip: set HOI_TEST_DATA to the folder of clips", file=sys.stderr)
    return found


def judge_clip(path: Path, judge: Judge) -> Counts:
    """Every tenth frame by its boxes, and by the tracks of the pipeline, which sees all frames."""
    counts, perception, boxes = Counts(), load_perception(Config()), boxes_of(path)
    for index, frame in enumerate(open_source(path).frames()):
        scene = perception.process(frame)
        for box in boxes.get(index, ()):
            judge.by_box(counts, frame.image_bgr, box)
        if index % 10:
            continue
        for hand in scene.hands:
            if hand.state in (TrackState.TRACKED, TrackState.OCCLUDED):
                px = np.asarray(project(hand.joints_camera, frame.camera), dtype=np.float64)
                judge.by_region(counts, frame.image_bgr, true_region(px))
    return counts


def boxes_of(path: Path) -> dict[int, tuple[Box, ...]]:
    """Boxes of a clip by frame."""
    if path.name in BOXES:
        return dict(BOXES[path.name])
    labels = read_labels(LABELS / f"{path.stem}.csv")
    return {frame: tuple(box.box_px for box in boxes if box.required) for frame, boxes in labels.items()}


def main(arguments: Arguments) -> int:
    """Prints one table."""
    judge = Judge()
    rows = {**judge_renders(arguments, judge), **judge_clips(arguments, judge)}
    print("| hands | region | any look | box | places |")
    print("|" + "---|" * 5)
    for name, c in rows.items():
        places = f"{100 * float(np.median(c.places)):.1f} %" if c.places else "—"
        verdicts = " | ".join(share(kind) for kind in (c.region, c.any_look, c.box))
        print(f"| {name} | {verdicts} | {places} |")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({n: asdict(c) for n, c in rows.items()}, indent=2), encoding="utf-8")
    return 0


def share(verdicts: list[bool]) -> str:
    """Accepted of all."""
    return f"{100 * float(np.mean(verdicts)):.0f} % ({sum(verdicts)}/{len(verdicts)})" if verdicts else "—"


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
