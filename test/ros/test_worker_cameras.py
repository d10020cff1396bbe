"""Images of further cameras that belong to one of the first: matched by stamp, placed, or left out and told."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tf_messages import FakeTransforms, shift
from worker_bench import (
    PERIOD,
    SECOND,
    WorkerBench,
    active_worker,
    example_camera,
    image_message,
    info_message,
    wait_for,
)

from hoi_perception.camera import CameraError
from hoi_perception.ros.further_setup import fixed_rig, further_names
from hoi_perception.ros.parameters import from_flat
from hoi_perception.ros.tf import FrameTransform
from hoi_perception.settings import SettingsError

MS = SECOND // 1000
SMALL = example_camera(32, 24, 40.0)
BELOW = FrameTransform(np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.08, 0.5]))


def looking(**settings: Any) -> Any:
    """A worker with a further camera `eye` of 32 x 24 px, whose frame `eye_optical` TF knows."""
    tf = FakeTransforms(cam=BELOW)
    return active_worker(tf, **{"further_cameras": "eye", "max_wait_s": 0.01, "late_s": 60.0, **settings})


def partner(bench: WorkerBench, stamp: int, *, info: bool = True, name: str = "eye", **fields: Any) -> None:
    """An image of a further camera, all 200."""
    frame = {"frame_id": "eye_optical"} | {k: fields.pop(k) for k in ("frame_id",) if k in fields}
    if info:
        bench.worker.offer_further_info(name, info_message(stamp, camera=SMALL, **frame))
    image = np.full(24 * 32 * 3, 200, np.uint8)
    bench.worker.offer_further_image(name, image_message(stamp, width=32, height=24, **frame, data=image, **fields))


def test_the_image_of_the_same_time_goes_with_it_placed_by_tf() -> None:
    with looking() as bench:
        stamp = bench.now()
        for off in (-PERIOD, 3 * MS, PERIOD):
            partner(bench, stamp + off)
        bench.process(stamp)
        (view,) = bench.results[0].frame.further
        assert bench.worker.status().warnings == ()
    assert view.image_bgr.shape == (24, 32, 3) and (view.image_bgr == 200).all()
    assert view.placed.name == "eye"
    np.testing.assert_allclose(view.placed.camera.K, SMALL.K)
    np.testing.assert_array_equal(view.placed.seen(np.array([0.1, 0.2, 0.3])), [0.1, 0.08 - 0.2, 0.5 - 0.3])


def test_cameras_that_stay_the_same_are_known_again() -> None:
    """What is computed with a camera is kept for it by its identity."""
    with looking() as bench:
        start = bench.now()
        for number in range(3):
            if number == 2:
                bench.worker._framing._further._transforms.frames["cam"] = shift(0.0, 0.09, 0.0)
            partner(bench, start + number * PERIOD)
            bench.process(start + number * PERIOD)
        frames = [result.frame for result in bench.results]
    placed = [frame.further[0].placed for frame in frames]
    assert frames[0].camera is frames[1].camera is frames[2].camera
    assert placed[0] is placed[1] and placed[2].t_own_first[1] == 0.09


@pytest.mark.parametrize(("off", "taken"), [(9, True), (-9, True), (11, False), (-11, False)])
def test_images_belong_together_within_the_tolerance(off: int, taken: bool) -> None:
    with looking() as bench:
        stamp = bench.now()
        partner(bench, stamp + off * MS)
        bench.process(stamp)
        status = bench.worker.status()
    assert len(bench.results[0].frame.further) == taken
    assert status.counters.without_camera == (not taken)
    if not taken:
        (told,) = status.warnings
        assert told == (
            "camera 'eye': its nearest image is 11 ms off, more than sync_tolerance_s (0.01 s): trigger the cameras "
            "together and synchronise their clocks, or raise it; the image goes on without it"
        )


def test_an_image_that_comes_later_is_waited_for() -> None:
    with looking(max_wait_s=1.0) as bench:
        stamp = bench.now()
        timer = threading.Timer(0.05, partner, [bench, stamp])
        timer.start()
        bench.process(stamp)
    assert len(bench.results[0].frame.further) == 1


def test_a_camera_that_is_gone_delays_by_the_bound_only_and_comes_back() -> None:
    with looking(max_wait_s=0.02) as bench:
        start = bench.now()
        for number in range(6):
            if number in (0, 5):
                partner(bench, start + number * PERIOD)
            bench.process(start + number * PERIOD)
        assert [len(result.frame.further) for result in bench.results] == [1, 0, 0, 0, 0, 1]
        assert bench.worker.status().counters.without_camera == 4


def test_without_one_of_two_the_other_is_used() -> None:
    with looking(further_cameras="far, eye") as bench:
        stamp = bench.now()
        partner(bench, stamp)
        bench.process(stamp)
        (view,) = bench.results[0].frame.further
        (told,) = bench.worker.status().warnings
    assert view.placed.name == "eye"
    assert told.startswith("camera 'far': no image yet: publish or remap cameras/far/image; the image goes on without")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"info": False}, "no camera_info: publish or remap cameras/eye/camera_info, or set camera_file"),
        ({"encoding": "bgr12"}, "image encoding 'bgr12' is not supported"),
        ({"frame_id": "cam"}, "its images bear the frame 'cam', those of the first camera 'cam'"),
        ({"frame_id": "elsewhere"}, "TF does not say where 'cam' is in 'elsewhere'"),
    ],
    ids=["no camera_info", "encoding", "frame of the first", "unknown to TF"],
)
def test_what_is_wrong_with_one_is_told_and_the_image_goes_on(image: dict[str, Any], reason: str) -> None:
    with looking() as bench:
        if image.get("frame_id") == "elsewhere":
            bench.worker._framing._further._transforms.frames.clear()
        stamp = bench.now()
        partner(bench, stamp, **image)
        bench.process(stamp)
        (told,) = bench.worker.status().warnings
    assert bench.results[0].frame.further == ()
    assert told.startswith("camera 'eye': ") and reason in told and told.endswith("the image goes on without it")


@pytest.mark.parametrize(("t", "apart"), [((0.0, 0.0, 0.0), "0 m"), ((0.0, 80.0, 0.0), "80 m")])
def test_a_place_that_cannot_be_is_told(t: tuple[float, float, float], apart: str) -> None:
    with active_worker(FakeTransforms(cam=shift(*t)), further_cameras="eye") as bench:
        stamp = bench.now()
        partner(bench, stamp)
        bench.process(stamp)
        assert bench.results[0].frame.further == ()
        assert f"camera 'eye': it would stand {apart} from the first camera" in bench.worker.status().warnings[0]


def test_a_rectified_pair_needs_no_tf() -> None:
    """Fourth column of P: 50 px times -60 mm."""
    with active_worker(FakeTransforms(), further_cameras="eye", rectified=True, late_s=60.0) as bench:
        stamp = bench.now()
        info = info_message(stamp, camera=SMALL, frame_id="cam")
        info.p = np.array([50.0, 0.0, 16.0, -3.0, 0.0, 50.0, 12.0, 0.0, 0.0, 0.0, 1.0, 0.0])
        bench.worker.offer_further_info("eye", info)
        partner(bench, stamp, info=False, frame_id="cam")
        bench.process(stamp)
        (view,) = bench.results[0].frame.further
        assert bench.worker.status().warnings == ()
    np.testing.assert_allclose(view.placed.seen(np.zeros(3)), [-0.06, 0.0, 0.0])
    np.testing.assert_array_equal(view.placed.R_own_first, np.eye(3))
    assert view.placed.camera.K[0, 0] == 50.0


def rig_file(folder: Path) -> str:
    """Two cameras, the second one 31 mm below the first."""
    cameras = {}
    for name, camera, y in (("main", example_camera(), 0.0), ("eye", SMALL, 0.031)):
        pose = np.eye(4)
        pose[1, 3] = y
        cameras[name] = {
            "image_width": camera.width,
            "image_height": camera.height,
            "camera_matrix": camera.K.reshape(-1).tolist(),
            "T_common_camera": pose.tolist(),
        }
    path = folder / "pair.yaml"
    path.write_text(yaml.safe_dump({"cameras": cameras}, sort_keys=False))
    return str(path)


def test_a_calibration_file_needs_neither_camera_info_nor_tf(tmp_path: Path) -> None:
    with active_worker(further_cameras="eye", camera_file=rig_file(tmp_path), late_s=60.0) as bench:
        stamp = bench.now()
        partner(bench, stamp, info=False, frame_id="cam")
        bench.process(stamp, info=False)
        frame = bench.results[0].frame
        assert bench.worker.status().warnings == ()
        partner(bench, stamp + PERIOD, info=False)
        bench.offer(stamp + PERIOD, info=False, width=32, height=24, data=np.zeros(32 * 24 * 3, np.uint8))
        wait_for(lambda: "the image is 32x24" in bench.reason)
    np.testing.assert_allclose(frame.camera.K, example_camera().K)
    np.testing.assert_allclose(frame.further[0].placed.t_own_first, [0.0, -0.031, 0.0])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"further_cameras": "main"}, "further_cameras names 'main', but after 'main', which is that of the topic"),
        ({"rectified": True}, "is one of raw images: set rectified to false"),
    ],
)
def test_a_calibration_file_that_does_not_fit_is_told_when_models_load(
    tmp_path: Path, settings: dict[str, Any], reason: str
) -> None:
    given = {"further_cameras": "eye", "camera_file": rig_file(tmp_path), **settings}
    bench = WorkerBench(**given)
    bench.worker.load()
    wait_for(lambda: bench.worker.status().load.value == "failed")
    assert reason in bench.worker.status().load_failure
    with pytest.raises(CameraError, match=r"pair\.yaml: "):
        fixed_rig(bench.config)


def test_names_of_cameras() -> None:
    assert further_names(from_flat({"further_cameras": " left,right "})) == ("left", "right")
    with pytest.raises(SettingsError, match="'a b': use letters, digits and underscores"):
        from_flat({"further_cameras": "a b"})
    with pytest.raises(SettingsError, match="'left' comes twice"):
        from_flat({"further_cameras": "left,left"})
