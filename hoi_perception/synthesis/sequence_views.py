"""A still camera of a kind that has a whole sequence in its picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.synthesis.gripping import surface_of
from hoi_perception.synthesis.look import Optics
from hoi_perception.synthesis.motion_checks import hand_vertices
from hoi_perception.synthesis.scene import Pose
from hoi_perception.synthesis.staging import Viewpoint, shifted_in_picture, viewpoint
from hoi_perception.synthesis.surgery_tracks import NOBODY, HandTrack, InstrumentTrack

Array = NDArray[np.float64]
SIZE = (640, 480)
INSIDE = {Optics.ROOM: 0.98, Optics.OVERHEAD: 0.98, Optics.EXOSCOPE: 0.93, Optics.ENDOSCOPE: 0.9}
"""Share of the points of hands and held tools, over all frames, that lie in the picture at least."""
_EVERY, _STEPS = 15, 10


def sequence_view(
    optics: Optics,
    person: float,
    hands: Sequence[HandTrack],
    tools: Sequence[InstrumentTrack],
    rng: np.random.Generator,
) -> Viewpoint:
    """A random camera, turned to what happens and drawn back until enough of it is in the picture."""
    points = _points(hands, tools)
    view = _looking_at(viewpoint(optics, SIZE, person, rng), points.mean(axis=0))
    off = rng.normal(0.0, 0.03, 2) * np.array(SIZE)
    for _ in range(_STEPS):
        view = _centred(view, points, off)
        if share_inside(view, points) >= INSIDE[optics]:
            break
        back = np.array([0.0, 0.0, 0.10 * float(np.linalg.norm(view.table.t))])
        view = Viewpoint(view.camera, Pose(view.table.R, view.table.t + back))
    return view


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
