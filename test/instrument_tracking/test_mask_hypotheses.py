"""What a mask tells of an instrument: its direction, its ends, and its distance by its length."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.instrument_tracking.look import Look, look_at_mask
from hoi_perception.instrument_tracking.mask_hypotheses import long_extent, mask_poses, shown_by
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import rotation_from_axis_angle

CAMERA = camera_from_fov(320, 240, 50.0)


@lru_cache(maxsize=1)
def curette() -> ContourModel:
    return ContourModel.of(Library.find().get("bone_curette"))


def pose(angle: float, tilt: float = 0.0, z: float = 0.4) -> InstrumentState:
    """The long axis at an angle in the image (rad), its far end tilted away from the eye."""
    R = np.asarray(rotation_from_axis_angle(np.array([0.0, 0.0, angle]))) @ np.asarray(
        rotation_from_axis_angle(np.array([0.0, -tilt, 0.0]))
    )
    return InstrumentState(R[None], (np.array([0.02, 0.01, z]) - R @ curette().middle)[None], np.zeros((1, 0)))


def look_of(state: InstrumentState) -> Look:
    model = curette()
    mask = rasterise(model.placed(pose_links(model.tree, state)), model.faces, CAMERA).mask
    return look_at_mask(np.zeros((240, 320, 3), dtype=np.uint8), CAMERA, (), lambda _: model.faces, mask)


@pytest.mark.parametrize("angle", [0.0, 0.6, -1.2])
def test_direction_and_ends(angle: float) -> None:
    look = look_of(pose(angle))
    shown = shown_by(look, look.shown > 0.5)
    assert shown is not None and not shown.round
    assert abs(shown.along @ [np.cos(angle), np.sin(angle)]) > np.cos(np.radians(1.5))
    _, _, low, high = long_extent(curette())
    assert shown.ends[1] - shown.ends[0] == pytest.approx((high - low) / 0.4, rel=0.04)


@pytest.mark.parametrize("tilt_deg", [0.0, 35.0])
def test_one_of_the_hypotheses_has_the_right_axis_and_distance(tilt_deg: float) -> None:
    true = pose(0.4, np.radians(tilt_deg))
    look = look_of(true)
    shown = shown_by(look, look.shown > 0.5)
    assert shown is not None
    found = mask_poses(curette(), shown)
    axis = true.R[0] @ curette().long_axis
    off = np.degrees(np.arccos(np.clip(found.R @ curette().long_axis @ axis, -1.0, 1.0)))
    middles = np.einsum("bij,j->bi", found.R, curette().middle) + found.t
    near = np.linalg.norm(middles - (true.R[0] @ curette().middle + true.t[0]), axis=1)
    assert ((off < 8.0) & (near < 0.04)).any()
    assert ((off > 90.0) & (near < 0.05)).any(), "both directions are tried"


def test_too_few_pixels_tell_nothing() -> None:
    look = look_of(pose(0.0))
    assert shown_by(look, np.zeros_like(look.shown, dtype=bool)) is None
