"""Depth and masks that belong to an image, found by stamp in a bounded wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from example_scenes import HEIGHT, WIDTH
from worker_bench import PERIOD, WorkerBench, active_worker, plane_message

DEPTH = np.full((HEIGHT, WIDTH), 0.5, dtype=np.float32)


@pytest.fixture
def bench() -> Iterator[WorkerBench]:
    with active_worker(use_depth=True, use_instrument_mask=True, max_wait_s=0.01) as bench:
        yield bench


@pytest.fixture
def patient() -> Iterator[WorkerBench]:
    with active_worker(use_depth=True, max_wait_s=1.0) as bench:
        yield bench


def test_depth_and_mask_of_the_same_stamp_go_with_the_image(bench: WorkerBench) -> None:
    stamp = bench.now()
    depth = DEPTH.copy()
    depth[3, 4] = np.nan
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[5, 6] = 7
    bench.worker.offer_depth(plane_message(depth, "32FC1", stamp))
    bench.worker.offer_instrument_mask(plane_message(mask, "mono8", stamp))
    bench.process(stamp)
    frame = bench.results[0].frame
    np.testing.assert_array_equal(frame.depth_m, depth)
    np.testing.assert_array_equal(frame.instrument_mask, mask)
    assert bench.worker.status().warnings == ()


def test_millimetres_become_metres(bench: WorkerBench) -> None:
    stamp = bench.now()
    millimetres = np.full((HEIGHT, WIDTH), 750, dtype=np.uint16)
    bench.worker.offer_depth(plane_message(millimetres, "16UC1", stamp))
    bench.process(stamp)
    np.testing.assert_allclose(bench.results[0].frame.depth_m, 0.75)


def test_depth_that_comes_after_its_image_is_waited_for(patient: WorkerBench) -> None:
    stamp = patient.offer()
    late = threading.Timer(0.05, patient.worker.offer_depth, [plane_message(DEPTH, "32FC1", stamp)])
    late.start()
    patient.settle(1)
    assert patient.results[0].frame.depth_m is not None
    assert patient.worker.status().counters.without_depth == 0


def test_what_does_not_come_in_time_is_counted_and_told(bench: WorkerBench) -> None:
    bench.process()
    frame, status = bench.results[0].frame, bench.worker.status()
    assert frame.depth_m is None
    assert frame.instrument_mask is None
    assert (status.counters.without_depth, status.counters.without_mask) == (1, 1)
    assert status.warnings[0] == "no depth came with the image within 0.01 s; the image goes on without it"
    assert status.level.name == "WARN"


@pytest.mark.parametrize(("offset", "taken"), [(0.4, True), (-0.4, True), (0.6, False), (-0.6, False)])
def test_the_nearest_within_half_a_frame_is_taken(bench: WorkerBench, offset: float, taken: bool) -> None:
    stamp = bench.now()
    bench.worker.offer_depth(plane_message(DEPTH, "32FC1", stamp + round(offset * PERIOD)))
    bench.process(stamp)
    assert (bench.results[0].frame.depth_m is not None) is taken


def test_of_several_the_nearest_is_taken(bench: WorkerBench) -> None:
    stamp = bench.now()
    for metres, offset in ((1.0, -0.3), (2.0, 0.1), (3.0, 0.4)):
        values = np.full((HEIGHT, WIDTH), metres, dtype=np.float32)
        bench.worker.offer_depth(plane_message(values, "32FC1", stamp + round(offset * PERIOD)))
    bench.process(stamp)
    assert bench.results[0].frame.depth_m[0, 0] == 2.0


def test_depth_of_another_size_or_encoding_is_told_and_the_image_goes_on(bench: WorkerBench) -> None:
    stamp = bench.now()
    bench.worker.offer_depth(plane_message(DEPTH[:24, :32], "32FC1", stamp))
    bench.process(stamp)
    text = "depth is 32x24, the image 64x48: register it to the image; the image goes on without it"
    assert bench.worker.status().warnings[0] == text
    bench.worker.offer_depth(plane_message(DEPTH, "64FC1", stamp + PERIOD))
    bench.process(stamp + PERIOD)
    assert bench.worker.status().warnings[0].startswith("depth refused: depth encoding '64FC1' is not supported")
    assert [r.frame.depth_m for r in bench.results] == [None, None]


def test_stopping_ends_a_wait(patient: WorkerBench) -> None:
    patient.worker.configure(patient.config)
    patient.offer()
    patient.worker.stop()
    assert len(patient.results) <= 1
