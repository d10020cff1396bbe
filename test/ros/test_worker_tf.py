"""What TF says of instruments goes with each image: the right pose of the right time, or none and one line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tf_messages import FakeTransforms, shift, tf_message
from worker_bench import PERIOD, SECOND, WorkerBench, active_worker

from hoi_perception.config import NodeConfig
from hoi_perception.ros.instrument_frames import InstrumentFrame, instrument_frames
from hoi_perception.ros.parameters import from_flat
from hoi_perception.ros.tf_buffer import TransformBuffer
from hoi_perception.ros.waiting import SELDOM, VAIN, Hope, Waiting
from hoi_perception.settings import SettingsError

MS = SECOND // 1000
WANTED = {4: "needle_holder", 7: "scissors", 9: "needle_holder"}


@pytest.fixture
def buffer() -> TransformBuffer:
    return TransformBuffer()


@pytest.fixture
def bench(buffer: TransformBuffer) -> Iterator[WorkerBench]:
    """A needle holder whose base link is `tool0_tip`."""
    with active_worker(buffer, instrument_frames="needle_holder=tool0_tip", max_wait_s=0.01, late_s=60.0) as bench:
        bench.pipeline.wanted = {4: "needle_holder"}
        yield bench


def moving(buffer: TransformBuffer, stamp: int, x: float) -> None:
    buffer.add(tf_message(stamp, "cam", "tool0_tip", (x, 0.0, 0.4), 90.0), static=False)


def test_the_pose_at_the_stamp_of_the_image_goes_with_it(bench: WorkerBench, buffer: TransformBuffer) -> None:
    stamp = bench.now()
    moving(buffer, stamp - 10 * MS, 0.1)
    moving(buffer, stamp + 30 * MS, 0.2)
    bench.process(stamp)
    (pose,) = bench.results[0].frame.poses
    assert (pose.track_id, pose.source, pose.joint_positions) == (4, "TF tool0_tip", None)
    np.testing.assert_allclose(pose.t_camera_instrument, [0.125, 0.0, 0.4], atol=1e-9)
    np.testing.assert_allclose(pose.R_camera_instrument, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(np.sqrt(np.diag(pose.covariance)), [0.003] * 3 + [np.radians(2.0)] * 3)
    assert np.count_nonzero(pose.covariance) == 6
    assert bench.worker.status().warnings == ()


def test_the_sigmas_are_those_of_the_settings() -> None:
    settings: dict[str, Any] = {"instrument_frame_sigma_mm": 0.5, "instrument_frame_sigma_deg": 10.0}
    tf = FakeTransforms(tip=shift(0.0, 0.0, 0.3))
    with active_worker(tf, instrument_frames="cube=tip", **settings) as bench:
        bench.pipeline.wanted = {1: "cube"}
        bench.process()
    covariance = bench.results[0].frame.poses[0].covariance
    np.testing.assert_allclose(np.diag(covariance), [0.25e-6] * 3 + [np.radians(10.0) ** 2] * 3)


def test_a_pose_that_is_old_is_no_pose_and_one_line_says_so(bench: WorkerBench, buffer: TransformBuffer) -> None:
    stamp = bench.now()
    moving(buffer, stamp - 250 * MS, 0.1)
    bench.process(stamp)
    status = bench.worker.status()
    assert bench.results[0].frame.poses == ()
    (told,) = status.warnings
    assert told == (
        "no pose of needle_holder from TF: the latest that TF says of 'tool0_tip' in 'cam' is 0.25 s older than the "
        "image: see to its publisher and its clock, or raise max_wait_s"
    )
    assert status.counters.without_pose == 1 and status.level.name == "WARN"


def test_a_frame_that_nobody_publishes_is_told_by_name(bench: WorkerBench) -> None:
    bench.process()
    (told,) = bench.worker.status().warnings
    assert told.startswith(
        "no pose of needle_holder from TF: TF does not say where 'tool0_tip' is in 'cam': start what"
    )
    assert len(bench.results) == 1


def test_a_pose_that_comes_after_its_image_is_waited_for() -> None:
    buffer = TransformBuffer()
    with active_worker(buffer, instrument_frames="needle_holder=tool0_tip", max_wait_s=1.0) as bench:
        bench.pipeline.wanted = {4: "needle_holder"}
        stamp = bench.now()
        moving(buffer, stamp - 10 * MS, 0.1)

        def late() -> None:
            moving(buffer, stamp + 10 * MS, 0.2)
            bench.worker.notice()

        timer = threading.Timer(0.05, late)
        timer.start()
        bench.process(stamp)
    assert bench.results[0].frame.poses[0].t_camera_instrument[0] == pytest.approx(0.15)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each time that an image may wait, whether it does."""
    seen: list[bool] = []
    until = Waiting.until

    def watched(waiting: Waiting, ready: Callable[[], bool], deadline_s: float) -> None:
        seen.append(deadline_s > 0.0)
        until(waiting, ready, deadline_s)

    monkeypatch.setattr(Waiting, "until", watched)
    return seen


def test_what_never_comes_is_not_waited_for_with_every_image(waits: list[bool]) -> None:
    tf = FakeTransforms()
    with active_worker(tf, instrument_frames="cube=tip", max_wait_s=0.001, fov_deg=60.0) as bench:
        bench.pipeline.wanted = {1: "cube"}
        start = bench.now()
        for number in range(SELDOM + 2):
            bench.process(start + number * PERIOD, info=False)
        assert [number for number, waited in enumerate(waits) if waited] == [*range(VAIN), SELDOM]
        tf.frames["tip"] = shift(0.0, 0.0, 0.5)
        bench.process(info=False)
        assert len(bench.results[-1].frame.poses) == 1, "as soon as it is there"


def test_what_goes_on_after_a_pause_is_waited_for_again(waits: list[bool]) -> None:
    buffer = TransformBuffer()
    with active_worker(buffer, instrument_frames="cube=tool0_tip", max_wait_s=0.001, fov_deg=60.0) as bench:
        bench.pipeline.wanted = {1: "cube"}
        start = bench.now()
        for number in range(10):
            if number in (0, 7):
                moving(buffer, start + number * PERIOD - 10 * MS, 0.1)
            bench.process(start + number * PERIOD, info=False)
    assert waits == [*[True] * VAIN, *[False] * 5, True, True]


def test_what_always_comes_too_late_is_not_waited_for() -> None:
    hope, waited = Hope(), []
    for number in range(2 * SELDOM):
        waited.append(hope.waits)
        hope.learn(False, number)
    assert [number for number, one in enumerate(waited) if one] == [*range(VAIN), SELDOM]


def test_one_that_is_not_looked_for_is_told() -> None:
    tf = FakeTransforms(tip=shift(0.0, 0.0, 0.3), other=shift(0.0, 0.1, 0.3))
    with active_worker(tf, instrument_frames="cube=tip, cube=other") as bench:
        bench.pipeline.wanted = {3: "cube"}
        bench.process()
        assert [(p.track_id, p.source) for p in bench.results[0].frame.poses] == [(3, "TF tip")]
        (told,) = bench.worker.status().warnings
        assert told.startswith("instrument_frames names cube number 2, which is not looked for: add it to track_instr")


def test_one_behind_the_camera_is_not_passed_on() -> None:
    with active_worker(FakeTransforms(tip=shift(0.0, 0.0, -0.2)), instrument_frames="cube=tip") as bench:
        bench.pipeline.wanted = {3: "cube"}
        bench.process()
        assert bench.results[0].frame.poses == ()
        assert "has 'tip' 0.2 m behind the camera 'cam'" in bench.worker.status().warnings[0]


def test_it_can_be_changed_while_the_node_runs(bench: WorkerBench, buffer: TransformBuffer) -> None:
    buffer.add(tf_message(0, "cam", "tool1_tip", (0.0, 0.0, 0.7)), static=True)
    bench.worker.configure(NodeConfig(instrument_frames="needle_holder=tool1_tip", max_wait_s=0.01))
    bench.process()
    assert bench.results[0].frame.poses[0].t_camera_instrument[2] == 0.7


def test_frames_of_instruments_by_name_and_number() -> None:
    frames = instrument_frames(NodeConfig(instrument_frames="needle_holder=a, scissors = b,needle_holder=c"))
    assert frames == (
        InstrumentFrame("needle_holder", 1, "a"),
        InstrumentFrame("scissors", 1, "b"),
        InstrumentFrame("needle_holder", 2, "c"),
    )
    assert [one.track_of(WANTED) for one in frames] == [4, 7, 9]
    assert InstrumentFrame("scissors", 2, "d").track_of(WANTED) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("needle_holder", "'needle_holder' is no NAME=FRAME: write needle_holder=tool0_tip"),
        ("=tip", "'=tip' is no NAME=FRAME"),
        ("a=", "'a=' is no NAME=FRAME"),
        ("a=b=c", "'a=b=c' is no NAME=FRAME"),
        ("a=/tip", "TF frames begin with no slash: write a=tip"),
        ("a=tip, b=tip", "'tip' stands for two instruments"),
        ("a=left_instrument_a", "'left_instrument_a' is what this node itself publishes"),
        ("a=left_instrument_a_2", "'left_instrument_a_2' is what this node itself publishes"),
    ],
)
def test_what_is_no_frame_of_an_instrument_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match="instrument_frames: ") as refused:
        from_flat({"instrument_frames": text, "frame_prefix": "left_"})
    assert reason in str(refused.value)


def test_frames_of_another_node_are_taken() -> None:
    assert from_flat({"instrument_frames": "a=instrument_a", "frame_prefix": "left_"}).instrument_frames
    assert from_flat({"instrument_frames": "a=instrument_a", "publish_tf": False}).instrument_frames
