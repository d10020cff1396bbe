"""TF without ROS: places that can be told by hand, at the time that is asked for and at no other."""

from __future__ import annotations

import numpy as np
import pytest
from tf_messages import tf_message
from worker_bench import SECOND

from hoi_perception.ros.conversions import MessageError
from hoi_perception.ros.tf import FrameTransform, NoTransformError
from hoi_perception.ros.tf_buffer import TransformBuffer

T0 = 1_700_000_000 * SECOND
MS = SECOND // 1000


def robot() -> TransformBuffer:
    """A table with a camera 1 m above it that looks down, and a tool that moves along x by 1 m/s and turns by 90°/s."""
    buffer = TransformBuffer()
    buffer.add(tf_message(0, "table", "camera", (0.0, 0.0, 1.0), x=1.0, w=0.0), static=True)
    buffer.add(tf_message(T0, "table", "arm", (0.0, 0.5, 0.0)), static=False)
    buffer.add(tf_message(T0 + SECOND, "table", "arm", (1.0, 0.5, 0.0), 90.0), static=False)
    buffer.add(tf_message(0, "arm", "tip", (0.1, 0.0, 0.2)), static=True)
    return buffer


def applied(T: FrameTransform, point: tuple[float, float, float]) -> np.ndarray:
    return T.R_target_source @ np.array(point) + T.t_target_source


def test_a_chain_through_a_shared_parent_at_the_time_that_is_asked_for() -> None:
    found = robot().find("camera", "tip", T0)
    np.testing.assert_allclose(found.t_target_source, [0.1, -0.5, 0.8], atol=1e-12)
    np.testing.assert_allclose(found.R_target_source, np.diag([1.0, -1.0, -1.0]), atol=1e-12)
    later = robot().find("table", "tip", T0 + SECOND)
    np.testing.assert_allclose(later.t_target_source, [1.0, 0.6, 0.2], atol=1e-12)


def test_between_two_poses_place_and_turn_are_in_proportion() -> None:
    found = robot().find("table", "arm", T0 + SECOND // 3)
    third = np.radians(30.0)
    np.testing.assert_allclose(found.t_target_source, [1.0 / 3.0, 0.5, 0.0], atol=1e-9)
    np.testing.assert_allclose(found.R_target_source[:, 0], [np.cos(third), np.sin(third), 0.0], atol=1e-9)


def test_there_and_back_is_nothing() -> None:
    there, back = (robot().find(*pair, T0 + 123 * MS) for pair in (("camera", "tip"), ("tip", "camera")))
    np.testing.assert_allclose(applied(back, tuple(applied(there, (0.3, -0.2, 0.7)))), [0.3, -0.2, 0.7], atol=1e-12)
    np.testing.assert_allclose(robot().find("tip", "tip", T0).t_target_source, 0.0)


def test_no_pose_of_another_time() -> None:
    with pytest.raises(
        NoTransformError, match=r"latest that TF says of 'tip' in 'camera' is 0\.25 s older than the im"
    ):
        robot().find("camera", "tip", T0 + SECOND + 250 * MS)
    with pytest.raises(NoTransformError, match="the image is older than all that TF says of 'tip' in 'camera'"):
        robot().find("camera", "tip", T0 - 1)
    assert robot().find("arm", "tip", T0 + 60 * SECOND).t_target_source[2] == 0.2, "static ones are of every time"


def test_frames_that_nothing_connects() -> None:
    buffer = robot()
    for source in ("nowhere", "other"):
        buffer.add(tf_message(0, "moon", "other", (0.0, 0.0, 0.0)), static=True)
        with pytest.raises(NoTransformError, match=f"TF does not say where '{source}' is in 'camera': start what publ"):
            buffer.find("camera", source, T0)


def test_poses_in_any_order_and_once_more() -> None:
    buffer = TransformBuffer()
    for seconds in (3, 1, 2, 2):
        buffer.add(tf_message(T0 + seconds * SECOND, "a", "b", (10.0 * seconds, 0.0, 0.0)), static=False)
    assert buffer.find("a", "b", T0 + 3 * SECOND // 2).t_target_source[0] == pytest.approx(15.0)
    assert buffer.find("a", "b", T0 + 5 * SECOND // 2).t_target_source[0] == pytest.approx(25.0)


def test_ten_seconds_are_kept_and_a_time_that_jumps_back_starts_anew() -> None:
    buffer = TransformBuffer()
    for seconds in range(31):
        buffer.add(tf_message(T0 + seconds * SECOND, "a", "b", (float(seconds), 0.0, 0.0)), static=False)
    assert buffer.find("a", "b", T0 + 20 * SECOND).t_target_source[0] == 20.0
    with pytest.raises(NoTransformError, match="older than all"):
        buffer.find("a", "b", T0 + 19 * SECOND)
    buffer.add(tf_message(T0, "a", "b", (7.0, 0.0, 0.0)), static=False)
    assert buffer.find("a", "b", T0).t_target_source[0] == 7.0
    with pytest.raises(NoTransformError, match="is 30 s older than the image"):
        buffer.find("a", "b", T0 + 30 * SECOND)


def test_a_frame_may_get_another_parent_and_a_circle_is_no_way() -> None:
    buffer = robot()
    buffer.add(tf_message(0, "camera", "tip", (0.0, 0.0, 0.4)), static=True)
    np.testing.assert_allclose(buffer.find("camera", "tip", T0 + 99 * SECOND).t_target_source, [0.0, 0.0, 0.4])
    buffer.add(tf_message(0, "tip", "camera", (0.0, 0.0, 0.4)), static=True)
    with pytest.raises(NoTransformError, match="does not say"):
        buffer.find("table", "tip", T0)


def test_a_pose_that_is_none_is_refused() -> None:
    buffer = robot()
    with pytest.raises(MessageError, match=r"transform of 'arm' at .* is none: send finite numbers"):
        buffer.add(tf_message(T0 + 2 * SECOND, "table", "arm", (float("nan"), 0.0, 0.0)), static=False)
    with pytest.raises(NoTransformError, match="older than the image"):
        buffer.find("table", "arm", T0 + 2 * SECOND)
