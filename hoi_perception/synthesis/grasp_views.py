"""Cameras that look at a grasp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import rotation_from_quaternion_wxyz
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Faces = Int[NDArray[np.integer], "_ 3"]
WIDTH, HEIGHT, FOV_DEG = 1280, 720, 60.0
NEAREST_M, FARTHEST_M = 0.35, 0.70
_TRIES = 200
_MARGIN_PX = 12.0
_INSTRUMENT_IN_PICTURE = 0.7
_VISIBLE = 0.25
_LOOK_PX = (320, 180)


@dataclass(frozen=True)
class View:
    """A camera, and where it sees the frame in which a grasp was made."""

    camera: Camera
    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]


def draw_view(
    hand: Float64[Array, "v 3"],
    hand_faces: Faces,
    body: Float64[Array, "n 3"],
    body_faces: Faces,
    rng: np.random.Generator,
) -> View | None:
    """A view from a random direction, the hand's middle 0.35 to 0.7 m away; None where none was found.

    All of the hand is in the picture, most of the instrument's vertices are, and neither hides most of the other.
    """
    camera = camera_from_fov(WIDTH, HEIGHT, FOV_DEG, assumed=False)
    middle = hand.mean(axis=0)
    for _ in range(_TRIES):
        quaternion = rng.standard_normal(4)
        R = rotation_from_quaternion_wxyz(quaternion / np.linalg.norm(quaternion))
        depth = rng.uniform(NEAREST_M, FARTHEST_M)
        pixel = np.array([WIDTH, HEIGHT]) * (0.5 + rng.uniform(-0.25, 0.25, 2))
        ray = np.array(
            [(pixel[0] - camera.K[0, 2]) / camera.K[0, 0], (pixel[1] - camera.K[1, 2]) / camera.K[1, 1], 1.0]
        )
        view = View(camera, np.asarray(R), ray * depth - R @ middle)
        if in_picture(view, hand, body) and visible(view, hand, hand_faces, body, body_faces):
            return view
    return None


def in_picture(view: View, hand: Float64[Array, "v 3"], body: Float64[Array, "n 3"]) -> bool:
    """Whether all of the hand and most of the instrument are in the picture."""
    inside = [_inside(project(points @ view.R.T + view.t, view.camera), view.camera) for points in (hand, body)]
    return bool(inside[0].all() and inside[1].mean() >= _INSTRUMENT_IN_PICTURE)


def _inside(px: Float[NDArray[np.floating], "n 2"], camera: Camera) -> NDArray[np.bool_]:
    low, high = _MARGIN_PX, np.array([camera.width, camera.height]) - 1.0 - _MARGIN_PX
    return np.asarray(((px > low) & (px < high)).all(axis=1))


def visible(
    view: View, hand: Float64[Array, "v 3"], hand_faces: Faces, body: Float64[Array, "n 3"], body_faces: Faces
) -> bool:
    """Whether a good part of the outline of each is not hidden by the other."""
    points = np.concatenate([hand, body]) @ view.R.T + view.t
    both = rasterise(points, np.concatenate([hand_faces, body_faces + len(hand)]), view.camera, _LOOK_PX)
    shares = []
    for vertices, faces, first, last in (
        (points[: len(hand)], hand_faces, 0, len(hand_faces)),
        (points[len(hand) :], body_faces, len(hand_faces), len(hand_faces) + len(body_faces)),
    ):
        alone = rasterise(vertices, faces, view.camera, _LOOK_PX).mask.sum()
        seen = ((both.face_id >= first) & (both.face_id < last)).sum()
        shares.append(seen / max(alone, 1) if alone >= 40 else 0.0)
    return bool(min(shares) >= _VISIBLE)
