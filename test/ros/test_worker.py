"""The worker: newest image wins, it outlives everything, it says why it is not tracking."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from example_scenes import example_camera as assumed_camera
from worker_bench import (
    PERIOD,
    SECOND,
    WorkerBench,
    active_worker,
    compressed_message,
    example_camera,
    image_message,
    info_message,
    sum_of,
    wait_for,
)

from hoi_perception import settings
from hoi_perception.config import DetectionConfig, NodeConfig
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.ros.health import LoadState, Trouble
from hoi_perception.ros.worker import Result, Worker
from hoi_perception.types import Frame, Side, TrackState


@pytest.fixture
def bench() -> Iterator[WorkerBench]:
    with active_worker() as bench:
        yield bench


def test_an_image_becomes_a_result_with_its_own_stamp_frame_and_camera(bench: WorkerBench) -> None:
    stamp = bench.offer()
    bench.settle(1)
    (result,) = bench.results
    assert (result.scene.stamp_ns, result.frame.stamp_ns, result.frame.frame_id) == (stamp, stamp, "cam")
    np.testing.assert_allclose(result.frame.camera.K, example_camera().K)
    assert result.scene.camera.assumed == ""
    assert result.received_ns >= stamp
    status = bench.worker.status()
    assert (status.reason, status.trouble, status.hands) == ("", Trouble.NONE, ("left 1 tracked", "right 2 tracked"))
    assert {"decode", "send", "total"} == set(status.stage_ms)
    assert 0.0 <= status.latency_ms.p50 <= status.latency_ms.p95


def test_the_newest_image_wins_and_the_others_are_counted(bench: WorkerBench) -> None:
    bench.pipeline.gate.clear()
    first = bench.offer()
    assert bench.pipeline.entered.wait(10.0)
    stamps = [bench.offer(first + i * PERIOD) for i in range(1, 6)]
    bench.pipeline.gate.set()
    bench.settle(2)
    assert [r.scene.stamp_ns for r in bench.results] == [first, stamps[-1]]
    assert [r.dropped_frames for r in bench.results][-1] == 4
    counters = bench.worker.status().counters
    assert (counters.received, counters.processed, counters.dropped) == (6, 2, 4)


def test_nothing_is_processed_before_start_and_after_stop() -> None:
    with active_worker() as bench:
        bench.worker.stop()
        bench.offer()
        assert bench.reason == "the node is not active"
        bench.worker.start()
        assert bench.reason.startswith("no image yet")
        bench.process()
        assert len(bench.results) == 1
        assert bench.worker.status().counters.received == 1


def test_stop_returns_when_the_current_frame_is_done(bench: WorkerBench) -> None:
    bench.pipeline.gate.clear()
    bench.offer()
    assert bench.pipeline.entered.wait(10.0)
    stopping = threading.Thread(target=bench.worker.stop)
    stopping.start()
    stopping.join(0.05)
    assert stopping.is_alive()
    bench.pipeline.gate.set()
    stopping.join(10.0)
    assert len(bench.results) == 1


def test_close_ends_the_thread_and_may_come_again(bench: WorkerBench) -> None:
    bench.worker.close()
    bench.worker.close()
    assert "perception" not in [t.name for t in threading.enumerate() if t.is_alive()]
    assert bench.worker.status().load is LoadState.NOT_LOADED


def test_models_that_fail_to_load_are_told_and_may_be_loaded_again() -> None:
    found: list[str] = []
    bench = WorkerBench()

    def load(config: NodeConfig) -> object:
        if not found:
            raise OSError(2, "No such file or directory", "palm.tflite")
        return bench.pipeline

    worker = Worker(
        NodeConfig(), bench.results.append, load=load, log=lambda level, text: bench.lines.append((level, text))
    )
    assert worker.status().reason == "models are not loaded"
    worker.load()
    wait_for(lambda: worker.status().load is LoadState.FAILED)
    assert "palm.tflite" in worker.status().load_failure
    assert worker.status().reason.startswith("models failed to load: ")
    wait_for(lambda: bool(bench.lines))
    assert bench.lines[0][0] == "error"
    found.append("palm.tflite")
    worker.load()
    wait_for(lambda: worker.status().load is LoadState.READY)
    worker.close()


def test_loading_does_not_hold_the_caller_up() -> None:
    bench, gate = WorkerBench(), threading.Event()

    def load(config: NodeConfig) -> object:
        assert gate.wait(10.0)
        return bench.pipeline

    worker = Worker(NodeConfig(), bench.results.append, load=load)
    worker.load()
    assert worker.status().reason == "models are loading"
    worker.start()
    worker.offer_frame(Frame(np.zeros((48, 64, 3), dtype=np.uint8), assumed_camera(), 5))
    gate.set()
    wait_for(lambda: sum_of(worker) == 1)
    worker.close()


def test_an_exception_resets_tracking_and_the_next_frame_works(bench: WorkerBench) -> None:
    bench.pipeline.failures = [RuntimeError("singular matrix")]
    bench.process()
    assert bench.reason == "exception in the pipeline: RuntimeError: singular matrix"
    assert bench.pipeline.resets == 1
    assert bench.worker.status().trouble is Trouble.PIPELINE
    bench.process()
    assert bench.reason == ""
    counters = bench.worker.status().counters
    assert (counters.failed, counters.processed) == (1, 1)


def test_results_that_cannot_be_sent_are_told(bench: WorkerBench) -> None:
    def refuse(result: object) -> None:
        raise ValueError("no such topic")

    bench.deliver = refuse
    bench.process()
    assert bench.reason == "results could not be sent: ValueError: no such topic"
    bench.deliver = bench.results.append
    bench.process()
    assert bench.reason == ""


BAD_IMAGES = {
    "zero": ({"width": 0, "height": 0}, "image refused: image of 0x0 pixels is empty"),
    "encoding": ({"encoding": "rgb10"}, "image refused: image encoding 'rgb10' is not supported"),
    "bytes": ({"data": np.zeros(5, dtype=np.uint8)}, "image refused: image of 64x48 pixels in 'bgr8'"),
    "size": ({"width": 32, "height": 48}, "the image is 32x48, camera_info is for 64x48: use the calibration"),
}


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_a_bad_image_is_refused_with_a_reason_and_the_next_one_works(bench: WorkerBench, case: str) -> None:
    fields, text = BAD_IMAGES[case]
    bench.process(**fields)
    assert bench.reason.startswith(text)
    assert bench.pipeline.resets == 0
    bench.process()
    assert bench.reason == ""


def test_a_corrupt_jpeg_is_refused_and_the_next_one_works(bench: WorkerBench) -> None:
    good = cv2.imencode(".jpg", np.full((48, 64, 3), 90, dtype=np.uint8))[1].tobytes()
    bench.worker.offer_camera_info(info_message(bench.now()))
    for index, data in enumerate((b"\xff\xd8 not a picture", b"", good)):
        bench.worker.offer_image(compressed_message(bench.now(), data))
        bench.settle(index + 1)
        assert ("cannot be decoded" in bench.reason) is (data != good)
    assert bench.results[-1].frame.image_bgr.shape == (48, 64, 3)


def test_without_camera_info_nothing_is_processed(bench: WorkerBench) -> None:
    bench.process(info=False)
    assert bench.reason == "no camera_info: publish or remap it, or set camera_file or fov_deg"
    bench.process()
    assert bench.reason == ""


def test_a_camera_info_that_comes_a_little_after_its_image_counts(bench: WorkerBench) -> None:
    bench.worker.configure(replace(bench.config, max_wait_s=1.0))
    stamp = bench.offer(info=False)
    bench.worker.offer_camera_info(info_message(stamp))
    bench.settle(1)
    assert bench.reason == ""


def test_a_camera_info_that_cannot_be_used_is_refused(bench: WorkerBench) -> None:
    camera = example_camera()
    stamp = bench.now()
    bench.worker.offer_camera_info(info_message(stamp, camera=replace(camera, K=np.zeros((3, 3)))))
    bench.process(stamp, info=False)
    assert bench.reason.startswith("camera_info refused: camera matrix K is zero or singular")
    bench.process()
    assert bench.reason == ""


def test_a_camera_info_of_another_frame_is_refused(bench: WorkerBench) -> None:
    stamp = bench.now()
    bench.worker.offer_camera_info(info_message(stamp, frame_id="other"))
    bench.process(stamp, info=False)
    assert bench.reason.startswith("camera_info is of frame 'other', the image of 'cam': ")
    bench.process()
    assert bench.reason == ""


def test_a_zoom_counts_from_its_image_on(bench: WorkerBench) -> None:
    bench.worker.configure(replace(bench.config, max_wait_s=1.0))
    tele, stamp = example_camera(fov_deg=20.0), bench.now()
    bench.process(stamp, stamp + PERIOD)
    bench.worker.offer_image(image_message(stamp + 2 * PERIOD))
    wait_for(lambda: bench.worker._state.busy)
    threading.Timer(0.05, bench.worker.offer_camera_info, [info_message(stamp + 2 * PERIOD, camera=tele)]).start()
    bench.settle(3)
    focal = [r.frame.camera.focal_px for r in bench.results]
    assert focal == pytest.approx([example_camera().focal_px] * 2 + [tele.focal_px])


def test_a_camera_info_ahead_of_the_image_is_not_yet_valid(bench: WorkerBench) -> None:
    stamp = bench.now()
    bench.worker.offer_camera_info(info_message(stamp - PERIOD))
    bench.worker.offer_camera_info(info_message(stamp + PERIOD, camera=example_camera(fov_deg=20.0)))
    bench.process(stamp, info=False)
    assert bench.results[0].frame.camera.focal_px == pytest.approx(example_camera().focal_px)


def test_a_field_of_view_is_assumed_until_a_camera_info_comes() -> None:
    with active_worker(fov_deg=50.0) as bench:
        bench.process(info=False)
        assert bench.worker.status().camera_assumption == "horizontal field of view of 50 deg assumed"
        bench.process()
        assert bench.worker.status().camera_assumption == ""


def test_a_stamp_of_zero_becomes_the_time_of_arrival(bench: WorkerBench) -> None:
    before = bench.now()
    bench.process(0)
    assert before <= bench.results[0].scene.stamp_ns <= bench.now()
    assert bench.worker.status().warnings == ("image stamps are zero: times of arrival are used",)
    bench.process()
    assert bench.worker.status().warnings == ()


def test_a_jump_back_starts_the_figures_anew_and_is_counted(bench: WorkerBench) -> None:
    start = bench.now()
    bench.process(*(start + i * PERIOD for i in range(5)))
    bench.process(start)
    status = bench.worker.status()
    assert (status.counters.restarts, status.counters.processed) == (1, 6)
    assert status.trouble is Trouble.NONE
    assert bench.pipeline.resets == 0  # Perception sees the stamps itself


@pytest.mark.parametrize("case", ["frames", "clocks"])
def test_two_publishers_on_one_topic_are_told_until_one_is_gone(bench: WorkerBench, case: str) -> None:
    start = bench.now() - 2 * SECOND
    for i in range(8):
        other = i % 2
        shift = 10 * SECOND * other if case == "clocks" else 0
        name = "other" if other and case == "frames" else "cam"
        bench.process(start + i * PERIOD - shift, frame_id=name)
    assert bench.worker.status().trouble is Trouble.MIXED
    assert bench.reason.endswith("two publishers? Give each camera its own topic")
    assert states(bench.results[0]) == {TrackState.TRACKED}
    assert states(bench.results[-1]) == {TrackState.INITIALISING}
    bench.process(*(start + (20 + i) * PERIOD for i in range(25)))
    assert bench.reason == ""
    assert states(bench.results[-1]) == {TrackState.TRACKED}


def states(result: Result) -> set[TrackState]:
    return {hand.state for hand in result.scene.hands}


def test_no_hand_is_tracked_while_the_topic_has_two_publishers(bench: WorkerBench) -> None:
    """Stamps and frame ids need not tell: two cameras of one computer share both."""
    bench.worker.set_publishers(1)
    bench.process()
    bench.worker.set_publishers(2)
    bench.process()
    assert bench.worker.status().trouble is Trouble.MIXED
    assert bench.reason == "the image topic has 2 publishers: give each camera its own topic"
    bench.worker.set_publishers(1)
    bench.process()
    assert bench.reason == ""
    assert [states(r) for r in bench.results] == [
        {TrackState.TRACKED},
        {TrackState.INITIALISING},
        {TrackState.TRACKED},
    ]


def test_a_camera_that_stops_and_comes_back(bench: WorkerBench) -> None:
    bench.process()
    bench.clock_s += 7.0
    assert bench.reason == "the camera is silent: no image for 7 s"
    assert bench.worker.status().rate_hz == 0.0
    bench.process()
    assert bench.reason == ""


def test_late_images_are_counted_and_other_clocks_named(bench: WorkerBench) -> None:
    bench.process(bench.now() - SECOND)
    status = bench.worker.status()
    assert status.counters.late == 1
    assert 1000.0 < status.latency_ms.p50 < 2000.0
    (warning,) = status.warnings
    assert warning.startswith("images are 1.0") and "late_s (0.2 s): send them smaller" in warning
    assert status.level.name == "WARN"
    bench.process(*(bench.now() - 10**6 * i for i in (9, 6, 3)))
    assert bench.worker.status().warnings == ()
    bench.process(5 * SECOND)
    assert "set use_sim_time, or synchronise the clocks" in bench.worker.status().warnings[0]
    assert bench.worker.status().counters.failed == 0


def test_an_image_from_the_future_is_refused_with_the_remedy(bench: WorkerBench) -> None:
    bench.process(bench.now() + 3 * SECOND)
    status = bench.worker.status()
    assert (status.trouble, status.counters.failed, bench.results) == (Trouble.STAMPS, 1, [])
    assert status.reason.startswith("the image is stamped 3.0 s ahead of the node's clock: synchronise the clocks, or ")
    assert status.level.name == "ERROR"
    bench.process(bench.now() + SECOND // 2)
    assert bench.reason == ""
    assert "in the future" in bench.worker.status().warnings[0]


def test_a_camera_that_hangs_is_told_and_its_image_processed_once(bench: WorkerBench) -> None:
    stamp = bench.now()
    bench.process(stamp, stamp, stamp)
    assert bench.reason == "", "a message may be sent twice"
    bench.process(stamp)
    status = bench.worker.status()
    assert (status.trouble, status.level.name) == (Trouble.STUCK, "ERROR")
    assert status.reason.startswith("the camera sends one image again and again: ")
    counters = status.counters
    assert (counters.received, counters.processed, counters.repeated, counters.dropped) == (4, 1, 3, 0)
    assert len(bench.pipeline.seen) == 1
    bench.process()
    assert bench.reason == ""


def test_an_image_without_a_frame_id_is_told(bench: WorkerBench) -> None:
    bench.process(frame_id="")
    assert bench.results[0].frame.frame_id == "camera"
    text = "images bear no frame_id, 'camera' is used: set it in the camera's driver"
    assert bench.worker.status().warnings == (text,)
    assert bench.worker.status().level.name == "WARN"
    bench.process()
    assert bench.worker.status().warnings == ()


def test_no_hand_in_view_is_no_trouble(bench: WorkerBench) -> None:
    bench.pipeline.hands = ()
    bench.process()
    status = bench.worker.status()
    assert (status.reason, status.level.name) == ("no hand in view", "OK")


def test_disabled_and_enabled_again(bench: WorkerBench) -> None:
    bench.process()
    bench.worker.set_enabled(False)
    bench.offer()
    assert bench.reason == "disabled by set_enabled"
    bench.worker.set_enabled(True)
    bench.process()
    assert bench.reason == ""
    assert bench.pipeline.resets == 1
    assert len(bench.results) == 2


def test_disabling_returns_when_the_current_frame_is_done(bench: WorkerBench) -> None:
    bench.pipeline.gate.clear()
    bench.offer()
    assert bench.pipeline.entered.wait(10.0)
    delivered: list[int] = []

    def disable() -> None:
        bench.worker.set_enabled(False)
        delivered.append(len(bench.results))

    disabling = threading.Thread(target=disable)
    disabling.start()
    wait_for(lambda: not bench.worker.status().enabled)
    disabling.join(0.05)
    assert delivered == []
    bench.pipeline.gate.set()
    disabling.join(10.0)
    assert delivered == [1]
    assert bench.reason == "disabled by set_enabled"


def test_disabling_ends_a_wait_for_depth() -> None:
    with active_worker(use_depth=True, max_wait_s=1.0) as bench:
        bench.offer()
        wait_for(lambda: bench.worker._state.busy)
        bench.clock_s -= 1000.0  # the deadline is far away
        disabling = threading.Thread(target=bench.worker.set_enabled, args=(False,), daemon=True)
        disabling.start()
        disabling.join(10.0)
        assert not disabling.is_alive()


def test_settings_change_before_the_next_frame(bench: WorkerBench) -> None:
    tuned = replace(bench.config, detection=replace(DetectionConfig(), max_hands=1))
    bench.worker.configure(tuned)
    bench.process()
    assert bench.pipeline.configs == [tuned]
    with pytest.raises(
        ValueError,
        match=r"detection.threads, camera_file cannot change while .* `ros2 lifecycle set .*cleanup.*configure",
    ):
        bench.worker.configure(replace(tuned, camera_file="a", detection=replace(tuned.detection, threads=4)))
    with pytest.raises(ValueError, match=r"detection.max_hands is 9: give 1 to 8"):
        bench.worker.configure(replace(tuned, detection=replace(tuned.detection, max_hands=9)))


def test_reset_reaches_the_pipeline_though_no_frame_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoi_perception.ros.worker.IDLE_S", 60.0)
    with active_worker() as bench:
        bench.worker.reset()
        wait_for(lambda: bench.pipeline.resets == 1)
        bench.worker.stop()
        bench.worker.reset()
        wait_for(lambda: bench.pipeline.resets == 2)


def test_settings_change_in_several_threads_once_a_worker_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    settings._read_once.cache_clear()
    with active_worker() as bench:
        monkeypatch.setattr("hoi_perception.settings._descriptions", lambda *_: pytest.fail("read in several threads"))
        threads = [threading.Thread(target=bench.worker.configure, args=(bench.config,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: bench.pipeline.configs == [bench.config] * 8)


def test_what_one_task_meets_does_not_keep_the_next_from_being_done(bench: WorkerBench) -> None:
    bench.pipeline.gate.clear()
    bench.offer()
    assert bench.pipeline.entered.wait(10.0)
    bench.pipeline.refusals["retune"] = MemoryError("no room")
    bench.worker.configure(bench.config)
    bench.worker.reset()
    bench.pipeline.gate.set()
    wait_for(lambda: bench.pipeline.resets == 1)
    assert ("error", "change of settings failed: MemoryError: no room") in bench.lines
    assert bench.reason == "change of settings failed: MemoryError: no room"
    assert bench.worker.status().counters.failed == 0
    bench.process()
    assert bench.reason == ""


def test_a_reset_that_fails_after_an_exception_is_told_and_the_node_lives_on(bench: WorkerBench) -> None:
    bench.pipeline.failures = [RuntimeError("singular matrix")]
    bench.pipeline.refusals["reset"] = ValueError("no memory")
    bench.process()
    told = "exception in the pipeline: RuntimeError: singular matrix; and when it was reset: ValueError: no memory"
    assert bench.reason == told
    bench.process()
    assert bench.reason == ""


def test_a_camera_file_goes_before_camera_info(tmp_path) -> None:
    from hoi_perception.io.calibration_file import write_camera_file

    path = tmp_path / "camera.yaml"
    write_camera_file(path, example_camera(fov_deg=30.0), "test")
    with active_worker(camera_file=str(path)) as bench:
        bench.process()
        assert bench.results[0].frame.camera.focal_px == pytest.approx(example_camera(fov_deg=30.0).focal_px)
        bench.process(width=32, height=24)
        assert bench.reason.startswith(f"the image is 32x24, {path} is for 64x48: ")


def test_a_camera_file_that_is_none_fails_the_load(tmp_path) -> None:
    worker = Worker(
        NodeConfig(camera_file=str(tmp_path / "none.yaml")), lambda _: None, load=lambda _: WorkerBench().pipeline
    )
    worker.load()
    wait_for(lambda: worker.status().load is LoadState.FAILED)
    assert "none.yaml: no such calibration file" in worker.status().load_failure
    worker.close()


def test_a_reason_is_logged_once_however_often_it_holds(bench: WorkerBench) -> None:
    for _ in range(20):
        bench.process(encoding="rgb10")
    wait_for(lambda: any("rgb10" in text for _, text in bench.lines))
    assert len([text for _, text in bench.lines if "rgb10" in text]) == 1
    bench.process()
    wait_for(lambda: bench.lines[-1] == ("info", "images are processed"))


def test_alternating_reasons_do_not_flood_the_log(bench: WorkerBench) -> None:
    for _ in range(20):
        bench.process(encoding="rgb10")
        bench.process()
    assert len([text for _, text in bench.lines if "rgb10" in text]) == 1


def test_another_text_of_the_same_kind_is_logged_after_a_while(bench: WorkerBench) -> None:
    bench.process(encoding="rgb10")
    wait_for(lambda: any("rgb10" in text for _, text in bench.lines))
    bench.process(encoding="rgb12")
    assert not any("rgb12" in text for _, text in bench.lines), "too soon"
    bench.clock_s += 6.0
    bench.process(encoding="rgb12")
    wait_for(lambda: any("rgb12" in text for _, text in bench.lines))


def test_a_silence_is_logged_once_however_long(bench: WorkerBench) -> None:
    bench.process()
    for _ in range(4):
        bench.clock_s += 7.0
        bench.worker.reset()  # which has the worker look again
        wait_for(lambda: not bench.worker._state.tasks)
    wait_for(lambda: any("silent" in text for _, text in bench.lines))
    bench.process()
    wait_for(lambda: bench.lines[-1] == ("info", "images are processed"))
    assert len([text for _, text in bench.lines if "silent" in text]) == 1


def calibrate(bench: WorkerBench, frames: int, cancelled: threading.Event) -> tuple[threading.Thread, list, list]:
    told: list[tuple[int, int, str]] = []
    outcome: list[object] = []

    def work() -> None:
        try:
            feedback = lambda *progress: told.append(progress)  # noqa: E731
            outcome.append(bench.worker.calibrate_hand_shape(Side.RIGHT, frames, feedback, cancelled.is_set))
        except RuntimeError as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_for(lambda: bool(told))
    return thread, told, outcome


def test_a_shape_is_calibrated_on_as_many_frames_as_wanted(bench: WorkerBench) -> None:
    thread, told, outcome = calibrate(bench, 3, threading.Event())
    for _ in range(3):
        bench.process()
    thread.join(10.0)
    (result,) = outcome
    assert result.frames_used == 3
    np.testing.assert_allclose(result.shape, 0.375)
    np.testing.assert_allclose(result.sigma, 0.5)
    assert told[0] == (0, 3, "wait for the first image")
    assert bench.pipeline.shapes[Side.RIGHT].frozen


def test_a_calibration_says_what_to_do(bench: WorkerBench) -> None:
    cancelled = threading.Event()
    thread, told, outcome = calibrate(bench, 5, cancelled)
    bench.process()
    wait_for(lambda: told[-1] == (1, 5, "go on: turn the open hand slowly"))
    bench.pipeline.hands = bench.pipeline.hands[:1]
    bench.process()
    wait_for(lambda: told[-1] == (1, 5, "no right hand in view"))
    bench.process(encoding="rgb10")
    wait_for(lambda: "rgb10" in told[-1][2])
    cancelled.set()
    thread.join(10.0)
    assert str(outcome[0]) == "cancelled after 1 of 5 good images"


def test_a_cancelled_calibration_leaves_the_old_shape(bench: WorkerBench) -> None:
    old = ShapeEstimate(np.full(10, 0.7), frames=40)
    bench.pipeline.shapes[Side.RIGHT] = old
    cancelled = threading.Event()
    thread, _, _ = calibrate(bench, 5, cancelled)
    bench.process()
    assert bench.pipeline.shapes[Side.RIGHT].frames == 1
    cancelled.set()
    thread.join(10.0)
    bench.process()
    assert bench.pipeline.shapes[Side.RIGHT] is old


def test_a_calibration_that_cannot_begin_is_told(bench: WorkerBench) -> None:
    bench.pipeline.refusals["shape"] = RuntimeError("no shapes here")
    with pytest.raises(RuntimeError, match="it could not begin: RuntimeError: no shapes here"):
        bench.worker.calibrate_hand_shape(Side.RIGHT, 3, lambda *_: None, lambda: False)
    del bench.pipeline.refusals["shape"]
    thread, _, outcome = calibrate(bench, 1, threading.Event())
    bench.process()
    thread.join(10.0)
    assert outcome[0].frames_used == 1


def test_what_was_calibrated_before_is_no_result_of_a_new_calibration(bench: WorkerBench) -> None:
    """The frame that is being worked on when it begins still shows the old shape, frozen."""
    bench.pipeline.shapes[Side.RIGHT] = ShapeEstimate(np.full(10, 0.7), frames=40)
    bench.pipeline.gate.clear()
    bench.offer()
    assert bench.pipeline.entered.wait(10.0)
    thread, told, outcome = calibrate(bench, 2, threading.Event())
    bench.pipeline.gate.set()
    bench.settle(1)
    wait_for(lambda: not bench.worker._state.tasks)
    for _ in range(2):
        bench.process()
    thread.join(10.0)
    assert [progress[0] for progress in told if progress[0] > 2] == []
    assert outcome[0].frames_used == 2


def test_one_calibration_at_a_time_and_none_without_models(bench: WorkerBench) -> None:
    cancelled = threading.Event()
    thread, _, _ = calibrate(bench, 5, cancelled)
    with pytest.raises(RuntimeError, match="another calibration is under way"):
        bench.worker.calibrate_hand_shape(Side.LEFT, 5, lambda *_: None, lambda: False)
    bench.worker.close()
    thread.join(10.0)
    with pytest.raises(RuntimeError, match="models are not loaded"):
        bench.worker.calibrate_hand_shape(Side.LEFT, 5, lambda *_: None, lambda: False)


def test_a_calibrated_shape_is_kept_in_the_file(tmp_path) -> None:
    path = tmp_path / "shapes" / "hands.yaml"
    with active_worker(hand_shapes=str(path)) as bench:
        thread, _, outcome = calibrate(bench, 2, threading.Event())
        bench.process()
        bench.process()
        thread.join(10.0)
        assert outcome[0].note == ""
    assert "right:" in path.read_text()
