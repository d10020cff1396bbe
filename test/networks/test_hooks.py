"""The pipeline asks the networks it is given, and its own means where it is given none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import FittingConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.interaction.hand_descent import HandProblem
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.networks.lifted_start import LiftedStart
from hoi_perception.networks.lifter import Lifter
from hoi_perception.networks.lifting_samples import HandSampler
from hoi_perception.pipeline import Perception
from hoi_perception.types import Frame, HandRegion, Side

RIGHT = HandModel.load(None, Side.RIGHT)


class Watcher:
    """A proposer that names nothing and counts."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def propose(self, image_bgr: NDArray[np.uint8]) -> list[HandRegion]:
        self.shapes.append(image_bgr.shape)
        return []


def test_the_pipeline_asks_its_proposers() -> None:
    watcher = Watcher()
    frame = Frame(np.full((120, 160, 3), 90, dtype=np.uint8), camera_from_fov(160, 120, 55.0), 0)
    assert Perception(proposers=[watcher]).process(frame).hands == ()
    assert watcher.shapes == [(120, 160, 3)]


def test_the_fitter_starts_as_its_starter_does() -> None:
    model, config = LandmarkModel.of(RIGHT), FittingConfig()
    samples = HandSampler(model).draw(np.random.default_rng(5), 3)
    problem = HandProblem(samples.skeleton, samples.seen)
    lifted = LiftedStart(Lifter(), model, config)
    own = HandFitter(dict.fromkeys(Side, RIGHT), config)
    hooked = HandFitter(dict.fromkeys(Side, RIGHT), config, lifted)
    expected = lifted.start(problem).state
    np.testing.assert_array_equal(hooked.start(problem).state.angles, expected.angles)
    assert not np.array_equal(own.start(problem).state.angles, expected.angles)
