"""A still camera of a kind that has a whole sequence in its picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.synthesis.gripping import surface_of
from hoi_perception.synthesis.limb import ARM_M, FOREARM_M
from hoi_perception.synthesis.look import Optics
from hoi_perception.synthesis.motion_checks import hand_vertices
from hoi_perception.synthesis.scene import Pose
from hoi_perception.synthesis.staging import Viewpoint, shifted_in_picture, viewpoint
from hoi_perception.synthesis.surgery_tracks import NOBODY, HandTrack, InstrumentTrack
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]
SIZE = (640, 480)
INSIDE = {Optics.ROOM: 0.98, Optics.OVERHEAD: 0.98, Optics.EXOSCOPE: 0.93, Optics.ENDOSCOPE: 0.9}
"""Share of the points of hands and held tools, over all frames, that lie in the picture at least."""
_EVERY, _STEPS = 15, 10
_PLACES = 12
CLEAR_OF_ARMS_M = 0.12
"""Distance of the camera from the middle line of every arm, at all times."""


def sequence_view(
    optics: Optics,
    person: float,
    hands: Sequence[HandTrack],
    tools: Sequence[InstrumentTrack],
    rng: np.random.Generator,
) -> Viewpoint:
    """A random camera, turned to what happens and drawn back until enough of it is in the picture.

    Where an arm would be right before it, it looks from another side; from the clearest of some where all are close.
    """
    points = _points(hands, tools)
    middle = points.mean(axis=0)
    rough = viewpoint(optics, SIZE, person, rng)
    off = rng.normal(0.0, 0.03, 2) * np.array(SIZE)
    best, farthest = None, -1.0
    for _ in range(_PLACES):
        view = _framed(_looking_at(rough, middle), points, off, INSIDE[optics])
        room = room_about(view, hands)
        if room > farthest:
            best, farthest = view, room
        if room >= CLEAR_OF_ARMS_M:
            break
        rough = _beside(rough, float(rng.uniform(0.3, 2.0 * np.pi - 0.3)))
    assert best is not None
    return best


def room_about(view: Viewpoint, hands: Sequence[HandTrack]) -> float:
    """Least distance over all frames between the camera and the middle line of an arm, m."""
    eye = -view.table.R.T @ view.table.t
    along = np.linspace(0.0, ARM_M / FOREARM_M, 80)[:, None, None]
    lines = [hand.t + along * (hand.elbow - hand.t) for hand in hands]
    return float(min((np.linalg.norm(line - eye, axis=2).min() for line in lines), default=np.inf))


def _framed(view: Viewpoint, points: Float64[Array, "n 3"], off: Float64[Array, "2"], inside: float) -> Viewpoint:
    """Turned to the points and drawn back until that share of them is in the picture, or the steps are spent."""
    for _ in range(_STEPS):
        view = _centred(view, points, off)
        if share_inside(view, points) >= inside:
            break
        back = np.array([0.0, 0.0, 0.10 * float(np.linalg.norm(view.table.t))])
        view = Viewpoint(view.camera, Pose(view.table.R, view.table.t + back))
    return view


def _beside(view: Viewpoint, azimuth: float) -> Viewpoint:
    """The camera gone round the table's upright axis (rad)."""
    turn = np.asarray(rotation_from_axis_angle(np.array([0.0, 0.0, azimuth])))
    return Viewpoint(view.camera, Pose(view.table.R @ turn, view.table.t))


def share_inside(view: Viewpoint, points: Float64[Array, "n 3"]) -> float:
    """Share of points (table's frame) that lie in the picture."""
    in_camera = view.table.of(points)
    px = project(in_camera, view.camera)
    inside = (px > 0.0) & (px < np.array([view.camera.width, view.camera.height]) - 1.0)
    return float((inside.all(axis=1) & (in_camera[:, 2] > 0.05)).mean())


def _points(hands: Sequence[HandTrack], tools: Sequence[InstrumentTrack]) -> Float64[Array, "n 3"]:
    rows = np.arange(0, len(hands[0].t), _EVERY)
    parts = [hand_vertices(hand, rows)[:, ::12].reshape(-1, 3) for hand in hands]
    for tool in tools:
        held = rows[tool.holder[rows] != NOBODY]
        placed = surface_of(tool.name)[::12] @ np.swapaxes(tool.R[held], 1, 2) + tool.t[held][:, None]
        parts.append(placed.reshape(-1, 3))
    return np.concatenate(parts)


def _looking_at(view: Viewpoint, middle: Float64[Array, "3"]) -> Viewpoint:
    """The camera moved as the middle of things lies beside the table's origin."""
    return Viewpoint(view.camera, Pose(view.table.R, view.table.t - view.table.R @ middle))


def _centred(view: Viewpoint, points: Float64[Array, "n 3"], off: Float64[Array, "2"]) -> Viewpoint:
    """The camera turned so that the picture's middle is the middle of what is seen, but for `off` (px)."""
    in_camera = view.table.of(points)
    pinhole = in_camera[:, :2] / np.maximum(in_camera[:, 2:], 0.05)
    K = view.camera.K
    low, high = np.quantile(pinhole, 0.02, axis=0), np.quantile(pinhole, 0.98, axis=0)
    aim = 0.5 * (low + high) * K[[0, 1], [0, 1]] - off
    origin = view.table.t[:2] / max(float(view.table.t[2]), 0.05) * K[[0, 1], [0, 1]]
    moved = origin - aim
    straight = shifted_in_picture(Viewpoint(view.camera, view.table), (float(moved[0]), float(moved[1])))
    back = shifted_in_picture(Viewpoint(view.camera, view.table), (float(origin[0]), float(origin[1])))
    turn = straight.table.R @ back.table.R.T
    return Viewpoint(view.camera, Pose(turn @ view.table.R, turn @ view.table.t))
