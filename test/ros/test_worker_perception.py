"""The worker with the real pipeline on rendered hands, and its memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from worker_bench import MESSAGES, sum_of, wait_for

from hoi_perception.config import NodeConfig
from hoi_perception.hands.models import MODELS, model_directory
from hoi_perception.pipeline import Perception
from hoi_perception.ros import conversions
from hoi_perception.ros.worker import Result, Worker
from hoi_perception.synthesis.demo_clip import demo_frames
from hoi_perception.types import Frame, Side


@pytest.fixture(scope="module")
def clip() -> Sequence[Frame]:
    absent = [model.name for model in MODELS if not (model_directory() / model.name).is_file()]
    if absent:
        pytest.skip(f"{', '.join(absent)} not in {model_directory()}: run `hoi-perception models fetch`")
    return [frame for frame, _ in islice(demo_frames(90, width=640, height=360), 12)]


def test_the_worker_gives_what_the_pipeline_gives(clip: Sequence[Frame]) -> None:
    results: list[Result] = []
    worker = Worker(NodeConfig(), results.append)
    worker.load()
    wait_for(lambda: worker.status().load.value in ("ready", "failed"), 60.0)
    assert worker.status().load_failure == ""
    worker.start()
    for index, frame in enumerate(clip):
        stamp = frame.stamp_ns + 10**9
        worker.offer_camera_info(conversions.camera_info_message(frame.camera, stamp, "cam", MESSAGES))
        worker.offer_image(conversions.image_message(frame.image_bgr, stamp, "cam", MESSAGES))
        wait_for(lambda index=index: sum_of(worker) > index, 60.0)
    status = worker.status()
    worker.close()
    assert (status.reason, status.counters.processed, len(status.hands)) == ("", len(clip), 2)
    alone = Perception(NodeConfig())
    for frame, result in zip(clip, results, strict=True):
        want = alone.process(frame)
        assert [h.side for h in want.hands] == [h.side for h in result.scene.hands]
        for a, b in zip(want.hands, result.scene.hands, strict=True):
            np.testing.assert_allclose(a.joints_camera, b.joints_camera, atol=1e-9)


def test_a_hand_shape_is_calibrated_on_the_clip(clip: Sequence[Frame]) -> None:
    worker, done, outcome = Worker(NodeConfig(), lambda _: None), threading.Event(), []
    worker.load()
    wait_for(lambda: worker.status().load.value == "ready", 60.0)
    worker.start()

    def calibrate() -> None:
        outcome.append(worker.calibrate_hand_shape(Side.LEFT, 4, lambda *_: None, lambda: False))
        done.set()

    thread = threading.Thread(target=calibrate)
    thread.start()
    for index, frame in enumerate(clip):
        worker.offer_frame(frame)
        wait_for(lambda index=index: sum_of(worker) > index, 60.0)
        if done.is_set():
            break
    thread.join(10.0)
    worker.close()
    (result,) = outcome
    assert result.frames_used == 4
    assert np.abs(result.shape).max() > 0.0
    assert ((result.sigma > 0.0) & (result.sigma <= 1.0)).all()


def test_memory_does_not_grow_with_the_frames() -> None:
    """In a process of its own, without the checks of shapes, whose memories grow. Twenty thousand are for `bench/`."""
    here = Path(__file__).resolve().parent
    environment = os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    command = [sys.executable, here / "steady_memory.py", "300"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    halfway, end = map(int, done.stdout.split())
    assert halfway > 100_000
    assert end - halfway < 30_000
