"""Placing hands, what they hold and cameras about a table. Table frame: right, ahead, up; metres."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.synthesis.look import Optics
from hoi_perception.synthesis.scene import Pose, SceneHand, SceneInstrument
from hoi_perception.transforms import (
    axis_angle_from_rotation,
    rotation_from_axis_angle,
    rotation_from_quaternion_wxyz,
)
from hoi_perception.types import Camera, Distortion, HandParameters, Side

Array = NDArray[np.float64]
_TRIES = 512
_ELBOW_M = 0.26


@dataclass(frozen=True)
class Actor:
    """A hand and what it holds in one frame, that of the wrist (joint 0), until it is placed."""

    side: Side
    articulation: Float64[Array, "15 3"]
    shape: Float64[Array, "10"]
    held: SceneInstrument | None = None
    aim: Float64[Array, "3"] | None = None
    """Direction from the hand to the instrument's tip, None where none matters."""


@dataclass(frozen=True)
class Placed:
    """An actor in the table's frame, and where its elbow is."""

    actor: Actor
    wrist: Pose
    elbow: Float64[Array, "3"]

    def seen(self, table: Pose) -> tuple[SceneHand, SceneInstrument | None]:
        """In the camera's frame."""
        wrist = Pose(table.R @ self.wrist.R, table.of(self.wrist.t))
        turn = np.asarray(axis_angle_from_rotation(wrist.R), dtype=np.float64)
        pose = np.concatenate([turn[None], self.actor.articulation])
        hand = SceneHand(self.actor.side, HandParameters(pose, self.actor.shape, wrist.t), table.of(self.elbow))
        held = self.actor.held
        if held is None:
            return hand, None
        return hand, replace(held, pose=Pose(wrist.R @ held.pose.R, wrist.of(held.pose.t)))

    def moved(self, turn: Float64[Array, "3"], shift: Float64[Array, "3"]) -> Placed:
        """Turned about the wrist (axis-angle, rad) and shifted (m); the elbow half as far."""
        R = np.asarray(rotation_from_axis_angle(turn))
        return Placed(self.actor, Pose(R @ self.wrist.R, self.wrist.t + shift), self.elbow + 0.5 * shift)


def place(actor: Actor, middle: Float64[Array, "3"], person: float, rng: np.random.Generator) -> Placed:
    """The hand's middle at `middle`, as a person works who stands at the azimuth `person` (rad; 0 is ahead).

    Of random orientations one is taken with the forearm toward the person and not from below, the palm not up, and
    the instrument's tip down.
    """
    away = np.array([1.0, 0.0, 0.0]) if actor.side is Side.RIGHT else np.array([-1.0, 0.0, 0.0])
    quaternions = rng.standard_normal((_TRIES, 4))
    Rs = np.asarray(rotation_from_quaternion_wxyz(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)))
    arm = Rs @ away
    side = -0.45 if actor.side is Side.RIGHT else 0.45
    toward = np.array([np.sin(person + side), np.cos(person + side)])
    score = np.minimum(arm[:, :2] @ toward - 0.45, 0.0) * 4.0
    score += np.minimum(arm[:, 2] + 0.25, 0.0) * 6.0 + np.minimum(0.75 - arm[:, 2], 0.0) * 4.0
    back = Rs[:, 2, 1]
    score += np.minimum(back + (0.15 if actor.aim is not None else 0.45), 0.0) * 3.0
    if actor.aim is not None:
        tip = Rs @ actor.aim
        score += np.minimum(-tip[:, 2] - 0.15, 0.0) * 4.0
    score += 0.35 * rng.random(_TRIES)
    R = Rs[int(score.argmax())]
    fingers = -0.08 * away
    wrist = middle - R @ fingers
    bent = R @ away + 0.5 * np.array([*toward, 0.35])
    elbow = wrist + _ELBOW_M * bent / np.linalg.norm(bent)
    return Placed(actor, Pose(R, wrist), elbow)


@dataclass(frozen=True)
class Viewpoint:
    """A camera, and the table in its frame."""

    camera: Camera
    table: Pose


def viewpoint(
    optics: Optics,
    size: tuple[int, int],
    person: float,
    rng: np.random.Generator,
    *,
    farther: float = 1.0,
    faces: float = 0.45,
) -> Viewpoint:
    """A random camera of a kind that looks at the table's origin.

    `farther` scales the usual distance; with probability `faces` the camera faces the person, else it looks over the
    person's shoulder.
    """
    width, height = size
    match optics:
        case Optics.ROOM:
            pitch, distance, fov = rng.uniform(0.5, 1.15), rng.uniform(0.5, 0.95), rng.uniform(45.0, 65.0)
        case Optics.OVERHEAD:
            pitch, distance, fov = rng.uniform(1.15, 1.56), rng.uniform(0.5, 0.85), rng.uniform(35.0, 55.0)
        case Optics.EXOSCOPE:
            pitch, distance, fov = rng.uniform(1.1, 1.56), rng.uniform(0.32, 0.5), rng.uniform(28.0, 42.0)
        case Optics.ENDOSCOPE:
            pitch, distance, fov = rng.uniform(0.7, 1.5), rng.uniform(0.22, 0.34), rng.uniform(65.0, 85.0)
    azimuth = person + (np.pi if rng.random() < faces else 0.0) + rng.normal(0.0, 0.45)
    roll = rng.normal(0.0, 0.12) if optics is Optics.ROOM else rng.normal(0.0, 0.4)
    distance = distance * farther
    c = np.cos(pitch)
    position = distance * np.array([c * np.sin(azimuth), c * np.cos(azimuth), np.sin(pitch)])
    forward = -position / distance
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    R = np.stack([np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, forward])
    camera = _lens(camera_from_fov(width, height, float(fov), assumed=False), optics, rng)
    return Viewpoint(camera, Pose(R, -R @ position))


def _lens(camera: Camera, optics: Optics, rng: np.random.Generator) -> Camera:
    """Distortion as the kind of camera has it."""
    K = camera.K.copy()
    K[:2, 2] += rng.normal(0.0, 0.008, 2) * camera.width
    if optics is Optics.ENDOSCOPE:
        D = np.array([rng.uniform(-0.34, -0.15), rng.uniform(0.02, 0.08), 0.0, 0.0, 0.0])
        return replace(camera, K=K, distortion=Distortion.PLUMB_BOB, D=D)
    if rng.random() < 0.5:
        D = np.array([rng.uniform(-0.12, 0.04), rng.uniform(-0.02, 0.03), *rng.normal(0.0, 0.0006, 2), 0.0])
        return replace(camera, K=K, distortion=Distortion.PLUMB_BOB, D=D)
    return replace(camera, K=K)


def shifted_in_picture(view: Viewpoint, px: tuple[float, float]) -> Viewpoint:
    """The camera turned so that the table's origin is seen `px` beside the middle."""
    K = view.camera.K
    ray = np.array([px[0] / K[0, 0], px[1] / K[1, 1], 1.0])
    ray /= np.linalg.norm(ray)
    axis = np.cross([0.0, 0.0, 1.0], ray)
    angle = np.arccos(np.clip(ray[2], -1.0, 1.0))
    turn = axis / max(float(np.linalg.norm(axis)), 1e-12) * angle
    R = np.asarray(rotation_from_axis_angle(turn))
    return Viewpoint(view.camera, Pose(R @ view.table.R, R @ view.table.t))
