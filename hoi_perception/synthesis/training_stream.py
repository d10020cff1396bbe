"""A stream of training pictures, by seed: scenes rendered once or twice, each cut into several small pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.looks import random_look
from hoi_perception.synthesis.scene import Rendered
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.scene_sampler import Stratum, sample_scene
from hoi_perception.synthesis.training_crops import CROP, crop
from hoi_perception.synthesis.training_labels import TrainingPicture, labelled

_ALONE_EVERY = 8


@dataclass(frozen=True)
class StreamSettings:
    """`looks` pictures of each scene, the second with other skin and sensor; `crops` small pictures of each."""

    render: tuple[int, int] = (480, 360)
    crop: tuple[int, int] = CROP
    looks: int = 2
    crops: int = 7

    @property
    def per_scene(self) -> int:
        """Small pictures of a scene."""
        return self.looks * self.crops


def stream(
    grasps: Sequence[GraspTruth], seed: int, first: int = 0, settings: StreamSettings | None = None
) -> Iterator[TrainingPicture]:
    """Small pictures of scene `first` and those that follow, without end; the same seed gives the same ones."""
    settings = settings or StreamSettings()
    renderer = SceneRenderer()
    number = first
    while True:
        yield from of_scene(renderer, grasps, seed, number, settings)
        number += 1


def of_scene(
    renderer: SceneRenderer, grasps: Sequence[GraspTruth], seed: int, number: int, settings: StreamSettings
) -> list[TrainingPicture]:
    """The small pictures of one scene; none where its place cannot be rendered."""
    rng = np.random.default_rng([seed, number, 23])
    out: list[TrainingPicture] = []
    try:
        for shown in looks_of_scene(renderer, grasps, seed, number, settings, rng):
            picture = labelled(shown)
            out += [crop(picture, rng, settings.crop) for _ in range(settings.crops)]
    except InstrumentError:
        pass
    return out


def looks_of_scene(
    renderer: SceneRenderer,
    grasps: Sequence[GraspTruth],
    seed: int,
    number: int,
    settings: StreamSettings,
    rng: np.random.Generator | None = None,
) -> Iterator[Rendered]:
    """The pictures of one scene, the further ones with other skin and sensor. InstrumentError where there is none."""
    rng = np.random.default_rng([seed, number, 23]) if rng is None else rng
    alone = Stratum.INSTRUMENTS if number % _ALONE_EVERY == _ALONE_EVERY - 1 else None
    sample = sample_scene(number, grasps, seed, stratum=alone, size=settings.render)
    scene, earlier = sample.scene, sample.earlier
    for k in range(settings.looks):
        if k > 0:
            other = random_look(rng, len(scene.hands), sample.optics, gloved=0.6)
            other = replace(other, ground=scene.look.ground, light=scene.look.light)
            scene, earlier = scene.with_look(other), earlier.with_look(other)
        yield renderer.render(scene, earlier)
