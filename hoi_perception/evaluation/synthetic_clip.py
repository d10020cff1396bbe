"""The sequences of the synthetic benchmark as its evaluation wants them: scenes in order, who holds what, strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import camera_of_size
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.synthesis.grasp_sequences import sample_sequences
from hoi_perception.synthesis.grasp_truth import GraspSequence, GraspTruth
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.synthesis.look import Optics, SceneLook
from hoi_perception.synthesis.looks import random_look
from hoi_perception.synthesis.metalware import metalware
from hoi_perception.synthesis.scene import Pose, Scene, SceneHand, SceneInstrument
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Side

Array = NDArray[np.float64]
_ELBOW_M = 0.26
_GROUND_M = 0.05
"""How far beyond everything the ground of a carried grasp is."""


@dataclass(frozen=True)
class Grip:
    """A hand and the instrument it holds, by their places in the scene."""

    hand: int
    instrument: int


@dataclass(frozen=True)
class Moment:
    """One frame's truth. Hands and instruments keep their places in `scene` through a clip."""

    scene: Scene
    grips: tuple[Grip, ...]


@dataclass(frozen=True)
class Clip:
    """A sequence at 30 Hz; `camera` and `glove` are its strata."""

    name: str
    moments: tuple[Moment, ...]
    camera: str
    glove: str

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments in the scenes' order."""
        return tuple(instrument.name for instrument in self.moments[0].scene.instruments)


class ClipSource(Protocol):
    """Where clips come from. It is sent to other processes, so it holds settings, not clips."""

    @property
    def identity(self) -> str:
        """Everything that decides what the clips are."""
        ...

    def names(self) -> tuple[str, ...]:
        """Names of the clips in their order; a name is a file name too."""
        ...

    def clip(self, index: int) -> Clip:
        """The clip with that place among the names, the same one every time."""
        ...


@dataclass(frozen=True)
class CarriedGrasps:
    """One hand that carries an instrument about before a still camera (`grasp_sequences`), in random looks."""

    count: int
    frames: int = 40
    seed: int = 0
    instruments: tuple[str, ...] = ()
    width: int = 640

    @property
    def identity(self) -> str:
        return repr(self)

    def names(self) -> tuple[str, ...]:
        return tuple(f"carried-{self.seed}-{index:04d}" for index in range(self.count))

    def clip(self, index: int) -> Clip:
        sequence = sample_sequences(1, self.frames, self.seed + 1000 * index, instruments=self._turn(index))[0]
        rng = np.random.default_rng([self.seed, index, 9])
        optics = (Optics.ROOM, Optics.OVERHEAD, Optics.EXOSCOPE)[index % 3]
        look = random_look(rng, 1, optics, gloved=0.5)
        return clip_of(self.names()[index], sequence, look, optics, self.width)

    def _turn(self, index: int) -> tuple[str, ...]:
        """The instruments from another one on."""
        k = index % max(len(self.instruments), 1)
        return self.instruments[k:] + self.instruments[:k]


def clip_of(name: str, sequence: GraspSequence, look: SceneLook, optics: Optics, width: int) -> Clip:
    """A carried grasp as a clip: the ground is a plane across the view, the elbow goes on from the palm."""
    camera = resized(sequence.frames[0].camera, width)
    ground = Pose(np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, _farthest(sequence) + _GROUND_M]))
    focus = float(sequence.frames[0].hand.wrist_camera[2])
    look = replace(look, sensor=replace(look.sensor, focus=focus))
    moments = tuple(Moment(_scene(truth, camera, ground, look), (Grip(0, 0),)) for truth in sequence.frames)
    return Clip(name, moments, optics.value, look.dress[0].cover.value)


def resized(camera: Camera, width: int) -> Camera:
    """The same camera with pictures of another width."""
    return camera_of_size(camera, width, round(camera.height * width / camera.width))


def _scene(truth: GraspTruth, camera: Camera, ground: Pose, look: SceneLook) -> Scene:
    away = np.array([1.0 if truth.side is Side.RIGHT else -1.0, 0.0, 0.0])
    elbow = truth.hand.wrist_camera + _ELBOW_M * np.asarray(rotation_from_axis_angle(truth.hand.pose[0])) @ away
    pose = Pose(truth.R_camera_instrument, truth.t_camera_instrument)
    tool = SceneInstrument(truth.instrument, pose, truth.joint_positions)
    return Scene(camera, ground, (SceneHand(truth.side, truth.hand, elbow),), (tool,), look)


def _farthest(sequence: GraspSequence) -> float:
    """Greatest depth of hand and instrument, m."""
    hand, mesh = HandModel.load(None, sequence.side), InstrumentMesh.of(metalware(sequence.instrument).model)
    some: Sequence[GraspTruth] = sequence.frames[::4]
    depths = [
        max(hand.posed(t.hand).vertices[:, 2].max(), _depths(mesh, t).max()) for t in (*some, sequence.frames[-1])
    ]
    return float(max(depths))


def _depths(mesh: InstrumentMesh, truth: GraspTruth) -> Float64[Array, " n"]:
    body = mesh.vertices(truth.R_camera_instrument, truth.t_camera_instrument, truth.joint_positions)
    return np.asarray(body[:, 2])
