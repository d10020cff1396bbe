"""Region tracking in single simulated frames: from how far away an instrument is found again.

Colours are learned in a picture of the frame before, where the instrument is at the start's pose; then it has jumped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.evaluation.region_scenes import (
    SKIN_BGR,
    Body,
    Steel,
    clutter,
    covered_by_blobs,
    drape,
    drawn,
    filmed,
)
from hoi_perception.instruments.colour import no_cover
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.region_lines import contour_lines
from hoi_perception.interaction.bodies import InstrumentBody
from hoi_perception.interaction.region_tracker import RegionTracker, TrackerSettings
from hoi_perception.metrics.nearest import nearest_both_ways
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera

Array = NDArray[np.float64]
LOCKED_PX = 2.0
"""Mean distance between the outlines at the found and the true pose up to which an instrument counts as found, px."""
DEFAULT = TrackerSettings()
_DEPTH_M = (0.3, 0.5)
_JOINT_JUMP = float(np.radians(2.0))


@dataclass(frozen=True)
class Setting:
    """One row of the table: how far the start is off, and what the picture is like.

    Shifts are drawn evenly from the disc of `shift_px`, or lie on its rim; turns (about any axis) are drawn up to
    `turn_deg`.
    """

    name: str
    shift_px: float = 20.0
    turn_deg: float = 8.0
    on_rim: bool = False
    cluttered: bool = False
    covered: float = 0.0


SETTINGS = (
    Setting("drape, within 20 px"),
    Setting("clutter, within 20 px", cluttered=True),
    Setting("drape, 30 px", shift_px=30.0, on_rim=True),
    Setting("clutter, 30 px", shift_px=30.0, on_rim=True, cluttered=True),
    Setting("drape, 75 % covered", covered=0.75),
    Setting("clutter, 75 % covered", covered=0.75, cluttered=True),
)


@dataclass(frozen=True)
class FrameResult:
    """One trial: instrument, outlines apart before and after (px), agreement at the end."""

    instrument: str
    before_px: float
    after_px: float
    agreement: float

    @property
    def locked(self) -> bool:
        """Whether it was found."""
        return self.after_px <= LOCKED_PX


@cache
def tracker_of(name: str, camera_fov: float, settings: TrackerSettings) -> RegionTracker:
    """The tracker of an instrument of the library in a picture of 640 x 480."""
    model = Library.find().get(name)
    return RegionTracker(
        InstrumentBody.of(model), ContourModel.of(model), camera_from_fov(640, 480, camera_fov), settings
    )


def run_trial(setting: Setting, name: str, seed: int, settings: TrackerSettings = DEFAULT) -> FrameResult:
    """One start of one instrument; everything drawn by the seed."""
    rng = np.random.default_rng([seed, 71])
    tracker = tracker_of(name, 55.0, settings)
    model, camera = tracker.model, tracker.camera
    start, true = _poses(model, camera, setting, rng)
    background = (clutter if setting.cluttered else drape)(camera, rng)
    steel = Steel.sampled(rng)
    first = filmed(drawn(background, [_body(model, start, steel)], camera), rng)
    picture = drawn(background, [_body(model, true, steel)], camera)
    cover = no_cover(first)
    track = tracker.begin(first, cover, start, 0)
    assert track is not None
    if setting.covered > 0.0:
        body = _body(model, true, steel)
        blobs = covered_by_blobs(rasterise(body.vertices, body.faces, camera).mask, setting.covered, rng)
        picture[blobs] = SKIN_BGR
        cover = no_cover(first, ~blobs)
    found = tracker.follow(track, filmed(picture, rng), cover, 33_000_000)
    return FrameResult(
        name,
        outlines_apart_px(model, start, true, camera),
        outlines_apart_px(model, found.state, true, camera),
        found.agreement.both,
    )


def outlines_apart_px(model: ContourModel, a: InstrumentState, b: InstrumentState, camera: Camera) -> float:
    """Mean distance from the places of each outline to the nearest one of the other, both ways; inf where none is
    seen."""
    places = [contour_lines(model, pose_links(model.tree, state), camera, 600).places_px for state in (a, b)]
    if min(map(len, places)) == 0 or not all(np.isfinite(p).all() for p in places):
        return float("inf")
    there, back = nearest_both_ways(*(np.column_stack([p, np.zeros(len(p))]) for p in places))
    return float(0.5 * (there.mean() + back.mean()))


def _body(model: ContourModel, state: InstrumentState, steel: Steel) -> Body:
    return Body(model.placed(pose_links(model.tree, state)), model.faces, steel)


def _poses(
    model: ContourModel, camera: Camera, setting: Setting, rng: np.random.Generator
) -> tuple[InstrumentState, InstrumentState]:
    """A start and a true pose, both wholly in the picture as far as the instrument's size allows."""
    tree = model.tree
    for _ in range(200):
        depth = rng.uniform(*_DEPTH_M)
        R = np.asarray(rotation_from_axis_angle(rng.normal(size=3) * 2.0), dtype=np.float64)
        angles = rng.uniform(tree.lower, np.minimum(tree.upper, tree.lower + 0.6))[None]
        middle = depth * np.array([*rng.uniform(-0.2, 0.2, 2), 1.0])
        true = InstrumentState(R[None], (middle - R @ model.middle)[None], angles)
        turn = _in_ball(rng, 3) * np.radians(setting.turn_deg)
        way = _in_ball(rng, 2)
        if setting.on_rim:
            way /= np.linalg.norm(way)
        shift = np.array([*way * setting.shift_px / camera.focal_px * depth, 0.0])
        R_start = np.asarray(rotation_from_axis_angle(turn) @ R, dtype=np.float64)
        t = middle + shift - R_start @ model.middle
        jump = rng.uniform(-_JOINT_JUMP, _JOINT_JUMP, angles.shape)
        start = InstrumentState(R_start[None], t[None], np.clip(angles + jump, tree.lower, tree.upper))
        tilt = abs((R @ model.long_axis)[2])
        if tilt < 0.8 and _in_picture(model, true, camera) and _in_picture(model, start, camera):
            return start, true
    raise ValueError("no pose found that is in the picture")


def _in_picture(model: ContourModel, state: InstrumentState, camera: Camera) -> bool:
    px = np.asarray(project(model.placed(pose_links(model.tree, state)), camera))
    inside = (px > 5.0).all(axis=1) & (px < [camera.width - 6.0, camera.height - 6.0]).all(axis=1)
    return bool(inside.mean() > 0.9)


def _in_ball(rng: np.random.Generator, n: int) -> Float64[Array, " n"]:
    direction = rng.normal(size=n)
    return np.asarray(direction / np.linalg.norm(direction) * rng.random() ** (1.0 / n))
