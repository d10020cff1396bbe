"""Services with which instruments are looked for, taken off, and told where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleNode

from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.ros.live_perception import LivePerception
from hoi_perception.ros.rclpy_messages import message_class
from hoi_perception.ros.worker import NoAnswerError, Worker
from hoi_perception.transforms import rotation_from_quaternion_wxyz

_NOT_CONFIGURED = "the node is not configured: `ros2 lifecycle set` it to configure first"
_UNIT = 1e-2
"""How far the length of a quaternion may be from one."""


class InstrumentServices:
    """`~/add_instrument`, `~/remove_instrument` and `~/set_instrument_pose`; `worker` is None while there is none."""

    def __init__(self, node: LifecycleNode, worker: Callable[[], Worker | None]) -> None:
        self._worker = worker
        for name, kind, answer in (
            ("add_instrument", "AddInstrument", self._add),
            ("remove_instrument", "RemoveInstrument", self._remove),
            ("set_instrument_pose", "SetInstrumentPose", self._set_pose),
        ):
            node.create_service(message_class(f"hoi_perception/srv/{kind}"), f"~/{name}", answer)

    def _add(self, request: Any, response: Any) -> Any:
        def ask(perception: LivePerception) -> None:
            response.track_id = perception.add_instrument(request.name)

        return self._answered(f"adding {request.name!r}", ask, response)

    def _remove(self, request: Any, response: Any) -> Any:
        track = int(request.track_id)
        return self._answered(f"removing {track}", lambda perception: perception.remove_instrument(track), response)

    def _set_pose(self, request: Any, response: Any) -> Any:
        def ask(perception: LivePerception) -> None:
            p, q = request.pose.pose.pose.position, request.pose.pose.pose.orientation
            R = np.asarray(_rotation(np.array([q.w, q.x, q.y, q.z])), dtype=np.float64)
            positions = _positions(list(request.joint_names), list(request.joint_positions))
            perception.set_instrument_pose(int(request.track_id), R, np.array([p.x, p.y, p.z]), positions)

        worker, frame = self._worker(), request.pose.header.frame_id
        if worker is not None and frame and worker.camera_frame and frame != worker.camera_frame:
            response.success = False
            response.message = (
                f"the pose is in {frame!r}: state it in the camera's optical frame {worker.camera_frame!r}"
            )
            return response
        return self._answered(f"the pose of {request.track_id}", ask, response)

    def _answered(self, name: str, ask: Callable[[LivePerception], None], response: Any) -> Any:
        worker = self._worker()
        response.success, response.message = False, _NOT_CONFIGURED
        if worker is None:
            return response
        try:
            worker.ask(name, ask)
        except (InstrumentError, NoAnswerError) as error:
            response.message = " ".join(str(error).split())
        else:
            response.success, response.message = True, ""
        return response


def _rotation(wxyz: Any) -> Any:
    length = float(np.linalg.norm(wxyz))
    if not abs(length - 1.0) < _UNIT:
        raise InstrumentError(f"the orientation has length {length:.3f}, not 1: state a unit quaternion")
    return rotation_from_quaternion_wxyz(wxyz / length)


def _positions(names: list[str], values: list[float]) -> dict[str, float]:
    if len(names) != len(values):
        raise InstrumentError(f"{len(names)} joint names for {len(values)} positions: state as many of each")
    return dict(zip(names, map(float, values), strict=True))
