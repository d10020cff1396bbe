"""Rendered hands look like hands to a network that has only seen photographs."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.hands.landmarks import LandmarkNetwork, region_from_landmarks
from hoi_perception.hands.models import LANDMARK, model_directory
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.scene_sampler import Stratum, sample_scene
from hoi_perception.types import HandLandmarks

SCENES = 8


@pytest.fixture(scope="module")
def network() -> LandmarkNetwork:
    if not (model_directory() / LANDMARK.name).is_file():
        pytest.skip(f"{LANDMARK.name} not in {model_directory()}: run `hoi-perception models fetch`")
    return LandmarkNetwork()


def test_bare_open_hands_are_accepted_and_their_joints_found(network: LandmarkNetwork) -> None:
    renderer, accepted, errors = SceneRenderer(), [], []
    for number in range(SCENES):
        sample = sample_scene(number, (), 11, stratum=Stratum.BARE)
        shown = renderer.render(sample.scene, sample.earlier)
        for px, visible in zip(shown.joints_px, shown.visible, strict=True):
            if visible.mean() < 0.5:
                continue
            found = network.run(shown.image_bgr, region_from_landmarks(HandLandmarks(px, np.zeros(21), 1.0, 0.5)))
            accepted.append(found.presence >= 0.5)
            errors.append(np.linalg.norm(found.points_px - px, axis=1).mean() / np.ptp(px, axis=0).max())
    assert len(accepted) >= SCENES
    assert np.mean(accepted) >= 0.9
    assert np.median(errors) < 0.08
