"""What is evaluated on a published data set, and how the pipeline looks at a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hoi_perception.datasets.errors import DatasetError
from hoi_perception.datasets.sample import DatasetInfo, HandTruth, Reader, Sample
from hoi_perception.evaluation.hand_errors import Points, counts
from hoi_perception.evaluation.published_bench import ObjectBench
from hoi_perception.evaluation.published_judge import HandSurface
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.types import Camera, Frame, Hand, Scene, Side

STILL_LOOKS = 4
"""How often a still is shown before its hands are taken: a track has to settle."""
STILL_PERIOD_NS = 33_333_333
MANO_ONLY = ("pov-surgery", "arctic", "hot3d")
"""Data sets that state no joints."""


class Pipeline(Protocol):
    """What is evaluated: `hoi_perception.pipeline.Perception`, or anything else that does the same."""

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame."""
        ...

    def reset(self) -> None:
        """Forget what was seen."""
        ...


@dataclass(frozen=True)
class Task:
    """What is evaluated on what.

    `models` pose the annotations. `mano`: they and the pipeline's hand are the user's MANO file, so that vertices mean
    something. `identity` names everything that a kept result has to agree with. `objects` follows and measures the data
    set's objects; None leaves them out.
    """

    reader: Reader
    pipeline: Pipeline
    models: Mapping[Side, HandModel]
    mano: bool
    keys: tuple[str, ...]
    folder: Path
    identity: dict[str, str] = field(default_factory=dict)
    objects: ObjectBench | None = None

    def points(self, hand: Hand) -> Points:
        """A hand that was found with the data set's own joints and fingertips, as far as it is MANO's."""
        if not self.mano:
            return Points.of(hand, None)
        info = self.reader.info
        regressor = self.models[hand.side].joint_regressor if info.regressed else None
        return Points.of(hand, info.tips_of(hand.side), regressor)

    def completed(self, truth: HandTruth) -> HandTruth:
        """An annotated hand with its joints and vertices."""
        info = self.reader.info
        return truth.completed(self.models[truth.side], info.tips_of(truth.side), regressed=info.regressed)

    def surface(self, hand: Hand) -> HandSurface:
        """A hand that was found, as it is measured against objects."""
        points = self.points(hand)
        return HandSurface(points.vertices, self.models[hand.side].faces, points.joints)

    def true_surface(self, truth: HandTruth, camera: Camera) -> HandSurface | None:
        """An annotated hand that has to be found; None where its surface is not known."""
        joints, vertices = truth.joints_camera, truth.vertices_camera
        if not self.mano or joints is None or vertices is None or not counts(truth, camera):
            return None
        return HandSurface(vertices, self.models[truth.side].faces, joints)


@dataclass(frozen=True, eq=False)
class Look:
    """A frame as the pipeline got it, and the scene that it made of it."""

    frame: Frame
    scene: Scene


def look(pipeline: Pipeline, sample: Sample, *, still: bool) -> Look:
    """What the pipeline makes of a sample; a still is shown several times to one that forgot all before."""
    image = sample.picture.read()
    frames = [Frame(image, sample.camera, sample.stamp_ns)]
    if still:
        pipeline.reset()
        frames = [Frame(image, sample.camera, step * STILL_PERIOD_NS) for step in range(STILL_LOOKS)]
    for frame in frames[:-1]:
        pipeline.process(frame)
    return Look(frames[-1], pipeline.process(frames[-1]))


def check_models(info: DatasetInfo, *, mano: bool) -> None:
    """DatasetError where the annotations cannot be understood without the user's MANO file."""
    if not mano and info.name in MANO_ONLY:
        raise DatasetError(
            f"{info.title} states its hands as MANO parameters only: give --hand-model MANO_RIGHT.pkl "
            "(https://mano.is.tue.mpg.de, its licence is non-commercial)"
        )
