"""Small scenes with known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.synthesis.look import Dress, GroundKind, GroundLook, LightLook, SceneLook, SensorLook
from hoi_perception.synthesis.scene import Pose, Scene, SceneHand, SceneInstrument
from hoi_perception.types import HandParameters, Side

CLEAN = SensorLook(read=0.0, shot=0.0, softness=0.0, glow=0.0, vignette=0.0, contrast=0.0)
HEIGHT_M = 0.5


def from_above() -> Pose:
    """A table seen straight from above, its far side up in the picture."""
    R = np.diag([1.0, -1.0, -1.0])
    return Pose(R, np.array([0.0, 0.0, HEIGHT_M]))


def open_hand(side: Side = Side.RIGHT, wrist: tuple[float, float, float] = (0.05, 0.02, 0.4)) -> SceneHand:
    """A flat hand, its back to the camera, with the elbow far to the side."""
    pose = np.zeros((16, 3))
    pose[0] = [-np.pi / 2.0, 0.0, 0.0]  # the back of the hand (+y) toward the camera (-z)
    away = 1.0 if side is Side.RIGHT else -1.0
    at = np.array(wrist)
    return SceneHand(side, HandParameters(pose, np.zeros(10), at), at + np.array([0.26 * away, 0.0, 0.05]))


def scene(
    *hands: SceneHand, instruments: tuple[SceneInstrument, ...] = (), look: SceneLook | None = None, width: int = 160
) -> Scene:
    """Things over a plain table without noise."""
    camera = camera_from_fov(width, width * 3 // 4, 60.0, assumed=False)
    plain = SceneLook(
        dress=(Dress(sleeve=None),),
        ground=GroundLook(kind=GroundKind.TABLE, colour=(0.2, 0.2, 0.2), folds=0.0),
        light=LightLook(elevation=1.2, pool=0.0),
        sensor=CLEAN,
    )
    return Scene(camera, from_above(), hands, instruments, look or plain)


def with_dress(base: Scene, dress: Dress) -> Scene:
    """The same scene with its hands dressed so."""
    return base.with_look(replace(base.look, dress=(dress,)))


def mean_colour(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean BGR of part of a picture."""
    return np.asarray(image[mask].mean(axis=0), dtype=np.float64)
