"""Networks and recordings for the tests of this folder; tests without them are skipped with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.detection import PalmNetwork
from hoi_perception.hands.landmarks import LandmarkNetwork
from hoi_perception.hands.models import MODELS, model_directory

Image = NDArray[np.uint8]
ReadFrame = Callable[[str, int], Image]


@pytest.fixture(scope="session")
def networks() -> tuple[PalmNetwork, LandmarkNetwork]:
    """Both networks."""
    absent = [model.name for model in MODELS if not (model_directory() / model.name).is_file()]
    if absent:
        pytest.skip(f"{', '.join(absent)} not in {model_directory()}: run `hoi-perception models fetch`")
    return PalmNetwork(), LandmarkNetwork()


@pytest.fixture(scope="session")
def read_frame(real_data: Path) -> ReadFrame:
    """Reader of one frame of a recording: name, index."""

    def read(name: str, index: int) -> Image:
        video = cv2.VideoCapture(str(real_data / name))
        for _ in range(index):
            video.grab()
        good, image = video.read()
        assert good, f"{real_data / name} has no frame {index}"
        return np.asarray(image, np.uint8)

    return read
