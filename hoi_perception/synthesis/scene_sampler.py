"""Random scenes of a surgical benchmark, by seed, in fixed shares of strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.synthesis.actors import empty_handed, holding
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.limb import worn
from hoi_perception.synthesis.look import Optics, SceneLook
from hoi_perception.synthesis.looks import random_look
from hoi_perception.synthesis.metalware import metalware
from hoi_perception.synthesis.scene import Pose, Scene, SceneInstrument
from hoi_perception.synthesis.scene_props import lying_about, reaching
from hoi_perception.synthesis.staging import Placed, Viewpoint, place, shifted_in_picture, viewpoint
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
SIZE = (640, 480)
FRAME_S = 1.0 / 30.0
_PLACES = 12
_CLEAR_OF_CAMERA_M = 0.2
_DRAWN_BACK = 0.08


class Stratum(Enum):
    """What a picture tests."""

    BARE = "bare"
    GLOVED = "gloved"
    TOOL = "with tool"
    OCCLUDED = "occluded"
    SMALL = "small"
    BORDER = "cut by the border"
    INSTRUMENTS = "instruments alone"


_MIX = {
    Stratum.BARE: 3,
    Stratum.GLOVED: 4,
    Stratum.TOOL: 6,
    Stratum.OCCLUDED: 3,
    Stratum.SMALL: 1,
    Stratum.BORDER: 2,
    Stratum.INSTRUMENTS: 1,
}
"""Pictures of each stratum in twenty."""
_GLOVED = {Stratum.BARE: 0.0, Stratum.GLOVED: 1.0, Stratum.TOOL: 0.75, Stratum.OCCLUDED: 0.55}


@dataclass(frozen=True)
class Sample:
    """A scene with its stratum and camera's kind, and the same scene one frame's time earlier."""

    stratum: Stratum
    optics: Optics
    scene: Scene
    earlier: Scene


def stratum_of(number: int) -> Stratum:
    """The stratum of a picture: twenty in a row hold the fixed mix."""
    order = [stratum for stratum, count in _MIX.items() for _ in range(count)]
    return order[(number * 7) % len(order)]


def sample_scene(
    number: int,
    grasps: Sequence[GraspTruth],
    seed: int = 0,
    *,
    stratum: Stratum | None = None,
    size: tuple[int, int] = SIZE,
) -> Sample:
    """Scene `number` of a seed; it depends on these two, on `grasps` and on what is asked for alone."""
    rng = np.random.default_rng([seed, number, 1])
    kind = stratum or stratum_of(number)
    optics = _optics(kind, rng)
    person = float(rng.uniform(-np.pi, np.pi))
    view = _view(kind, optics, size, person, rng)
    placed = _cast(kind, grasps, view, person, rng)
    if placed:
        view = _good_view(kind, view, placed, rng)
    alone = kind is Stratum.INSTRUMENTS
    lying = reaching(rng, 2 if optics is Optics.ENDOSCOPE else 1) if alone else lying_about(rng)
    look = random_look(rng, len(placed), optics, gloved=_GLOVED.get(kind, 0.6))
    focus = float(view.table.of(placed[0].wrist.t)[2]) if placed else float(view.table.t[2])
    look = replace(look, sensor=replace(look.sensor, focus=focus * float(rng.normal(1.0, 0.06))))
    moves = [_move(rng) for _ in placed]
    before = [p.moved(*move) for p, move in zip(placed, moves, strict=True)]
    scene, earlier = (_scene(view, actors, lying, look) for actors in (placed, before))
    return Sample(kind, optics, scene, earlier)


def _scene(view: Viewpoint, placed: Sequence[Placed], lying: Sequence[SceneInstrument], look: SceneLook) -> Scene:
    seen = [p.seen(view.table) for p in placed]
    hands = tuple(hand for hand, _ in seen)
    held = tuple(tool for _, tool in seen if tool is not None)
    table = view.table
    rest = tuple(replace(i, pose=Pose(table.R @ i.pose.R, table.of(i.pose.t))) for i in lying)
    return Scene(view.camera, table, hands, held + rest, look)


def _optics(kind: Stratum, rng: np.random.Generator) -> Optics:
    shares = {
        Stratum.SMALL: (0.25, 0.75, 0.0, 0.0),
        Stratum.INSTRUMENTS: (0.0, 0.0, 0.3, 0.7),
        Stratum.BORDER: (0.35, 0.3, 0.25, 0.1),
    }.get(kind, (0.42, 0.34, 0.16, 0.08))
    return list(Optics)[int(rng.choice(4, p=shares))]


def _view(kind: Stratum, optics: Optics, size: tuple[int, int], person: float, rng: np.random.Generator) -> Viewpoint:
    farther = {Stratum.SMALL: float(rng.uniform(1.6, 2.3)), Stratum.INSTRUMENTS: 0.5}.get(kind, 1.0)
    # from far away arms must not end in the picture, before the person they belong to
    faces = 1.0 if kind is Stratum.SMALL else 0.45
    return viewpoint(optics, size, person, rng, farther=farther, faces=faces)


def _good_view(kind: Stratum, view: Viewpoint, placed: Sequence[Placed], rng: np.random.Generator) -> Viewpoint:
    """The camera aimed at the hands, gone round the table and drawn back where an arm is in its way."""
    aim = _cut if kind is Stratum.BORDER else _framed
    for _ in range(_PLACES):
        aimed = aim(view, placed, rng)
        if all(_well_seen(aimed, one, kind is Stratum.BARE) for one in placed):
            break
        angle = rng.uniform(0.3, 2.0 * np.pi - 0.3)
        turn = np.asarray(rotation_from_axis_angle(np.array([0.0, 0.0, angle])))
        back = np.array([0.0, 0.0, _DRAWN_BACK * float(np.linalg.norm(view.table.t))])
        view = Viewpoint(view.camera, Pose(view.table.R @ turn, view.table.t + back))
    return aimed


def _well_seen(view: Viewpoint, placed: Placed, broad: bool) -> bool:
    """Whether the arm keeps clear of the camera; with `broad` also whether back or palm faces it."""
    eye = -view.table.R.T @ view.table.t
    arm = (placed.elbow - placed.wrist.t) / np.linalg.norm(placed.elbow - placed.wrist.t)
    along = placed.wrist.t + np.linspace(0.0, 1.6, 33)[:, None] * arm
    if np.linalg.norm(along - eye, axis=1).min() < _CLEAR_OF_CAMERA_M:
        return False
    look = (eye - placed.wrist.t) / np.linalg.norm(eye - placed.wrist.t)
    return not broad or bool(abs(look @ placed.wrist.R[:, 1]) > 0.4 and look @ arm < 0.6)


def _cut(view: Viewpoint, placed: Sequence[Placed], rng: np.random.Generator) -> Viewpoint:
    """The camera turned until the first hand's middle is near the picture's border."""
    size = np.array([view.camera.width, view.camera.height])
    middle = _points(placed[0])[0].mean(axis=0)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    edge = np.array([np.cos(angle), np.sin(angle)])
    off = edge / np.abs(edge).max() * size * rng.uniform(0.36, 0.5)
    for _ in range(3):
        px = np.asarray(project(view.table.of(middle), view.camera))
        view = shifted_in_picture(view, _less(view, px - off))
    return view


def _framed(view: Viewpoint, placed: Sequence[Placed], rng: np.random.Generator) -> Viewpoint:
    """The camera turned and drawn back until most of the hands are in the picture."""
    points = np.concatenate([_points(p)[0][::5] for p in placed])
    size = np.array([view.camera.width, view.camera.height])
    off = rng.normal(0.0, 0.05, 2) * size
    for _ in range(8):
        px = project(view.table.of(points), view.camera)
        aim = 0.5 * (np.nanquantile(px, 0.02, axis=0) + np.nanquantile(px, 0.98, axis=0))
        turned = shifted_in_picture(view, _less(view, aim - off))
        px = project(turned.table.of(points), view.camera)
        if ((px > 0) & (px < size)).all(axis=1).mean() > 0.93:
            return turned
        back = np.array([0.0, 0.0, 0.18 * float(np.linalg.norm(view.table.t))])
        view = Viewpoint(view.camera, Pose(view.table.R, view.table.t + back))
    return turned


def _less(view: Viewpoint, aim: Float64[Array, "2"]) -> tuple[float, float]:
    """How far beside the middle the table's origin comes when what is at `aim` comes to the middle."""
    off = view.camera.K[:2, 2] - aim
    return float(off[0]), float(off[1])


def _cast(
    kind: Stratum, grasps: Sequence[GraspTruth], view: Viewpoint, person: float, rng: np.random.Generator
) -> list[Placed]:
    """Hands with what they hold, clear of each other and of the ground."""
    if kind is Stratum.INSTRUMENTS:
        return []
    two = kind is not Stratum.BORDER and rng.random() < (0.9 if kind is Stratum.OCCLUDED else 0.55)
    tools = {Stratum.BARE: 0.0, Stratum.GLOVED: 0.0, Stratum.TOOL: 1.0, Stratum.OCCLUDED: 0.8}.get(kind, 0.4)
    sides = [Side.LEFT, Side.RIGHT] if rng.random() < 0.5 else [Side.RIGHT, Side.LEFT]
    placed: list[Placed] = []
    for k, side in enumerate(sides[: 2 if two else 1]):
        held = rng.random() < (tools if k == 0 else 0.7 * tools)
        actor = holding(grasps, side, rng) if held else None
        actor = actor or empty_handed(side, rng, open_hand=kind is Stratum.BARE)
        for attempt in range(_PLACES):
            middle = _working_place(side if two else None, person, 1.0 + 0.12 * attempt, rng)
            if kind is Stratum.OCCLUDED and k == 1:
                middle = _in_front(placed[0], view, rng)
            one = _lifted(place(actor, middle, person, rng))
            if not placed or _clear(one, placed[0]):
                placed.append(one)
                break
    return placed


def _working_place(side: Side | None, person: float, spread: float, rng: np.random.Generator) -> Float64[Array, "3"]:
    """Where a hand's middle is: near the table's middle, one of two hands on its own side of the person."""
    toward = np.array([np.sin(person), np.cos(person), 0.0])
    right = np.array([-toward[1], toward[0], 0.0])
    across = 0.0 if side is None else (1.0 if side is Side.RIGHT else -1.0) * rng.uniform(0.06, 0.12) * spread
    up = np.array([0.0, 0.0, rng.uniform(0.05, 0.14)])
    return np.asarray(right * across + toward * rng.normal(0.0, 0.03) + up)


def _in_front(first: Placed, view: Viewpoint, rng: np.random.Generator) -> Float64[Array, "3"]:
    """A place between camera and hand, a little aside."""
    position = -view.table.R.T @ view.table.t
    target = first.wrist.t - first.wrist.R @ _away(first.actor.side) * 0.08
    along = position - target
    side = np.cross(along, rng.standard_normal(3))
    share = rng.uniform(0.10, 0.20)
    return np.asarray(target + share * along + side / np.linalg.norm(side) * rng.uniform(0.02, 0.06))


def _away(side: Side) -> Float64[Array, "3"]:
    return np.array([1.0 if side is Side.RIGHT else -1.0, 0.0, 0.0])


def _lifted(placed: Placed) -> Placed:
    """High enough that nothing of it is in the ground."""
    low = min(float(points[:, 2].min()) for points in _points(placed))
    shift = np.array([0.0, 0.0, max(0.004 - low, 0.0)])
    return Placed(placed.actor, Pose(placed.wrist.R, placed.wrist.t + shift), placed.elbow + shift)


def _points(placed: Placed) -> list[Float64[Array, "n 3"]]:
    """Vertices of hand and instrument in the table's frame."""
    hand, held = placed.seen(Pose(np.eye(3), np.zeros(3)))
    posed = worn(hand).hand.with_pose_at_wrist(hand.parameters.pose, hand.parameters.wrist_camera)
    return [posed.vertices] if held is None else [posed.vertices, metalware(held.name).posed(held)[0]]


def _clear(one: Placed, other: Placed) -> bool:
    """Whether two hands with what they hold stay 6 mm apart, by every seventh vertex."""
    a, b = (np.concatenate(_points(p))[::7] for p in (one, other))
    return bool(((a[:, None] - b[None]) ** 2).sum(axis=-1).min() > 0.006**2)


def _move(rng: np.random.Generator) -> tuple[Float64[Array, "3"], Float64[Array, "3"]]:
    """Turn and shift during one frame's time: hands rest, work slowly, or reach."""
    speed = float(rng.choice([0.0, 0.05, 0.25, 0.6], p=[0.3, 0.4, 0.2, 0.1]))
    return rng.standard_normal(3) * speed * 2.0 * FRAME_S, rng.standard_normal(3) * speed * 0.6 * FRAME_S
