"""The action `~/calibrate_hand_shape`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle

from hoi_perception.ros.rclpy_messages import message_class
from hoi_perception.ros.worker import CalibrationError, ShapeResult, Worker
from hoi_perception.types import Side

ACTION = "hoi_perception/action/CalibrateHandShape"


class ShapeCalibrationServer:
    """One calibration at a time. It waits in a thread of its own, so that the executor goes on serving images."""

    def __init__(self, node: Any, worker: Callable[[], Worker | None]) -> None:
        self._worker, self._log = worker, node.get_logger()
        self._type = message_class(ACTION)
        self._busy = threading.Lock()
        self._stop = threading.Event()
        self._outcomes: dict[bytes, ShapeResult | str] = {}
        self._thread: threading.Thread | None = None
        self._server = ActionServer(
            node,
            self._type,
            "~/calibrate_hand_shape",
            execute_callback=self._finish,
            goal_callback=self._may_begin,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            handle_accepted_callback=self._begin,
        )

    def cancel(self) -> None:
        """End a calibration that is under way and wait for its end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._stop.clear()

    def destroy(self) -> None:
        """End it for good."""
        self.cancel()
        self._server.destroy()

    def _may_begin(self, goal: Any) -> GoalResponse:
        if self._worker() is None:
            self._log.warning("hand shape: the node is not configured")
        elif int(goal.side) not in set(Side):
            self._log.warning(f"hand shape: side {goal.side} is neither LEFT (0) nor RIGHT (1)")
        elif self._busy.acquire(blocking=False):
            return GoalResponse.ACCEPT
        else:
            self._log.warning("hand shape: a calibration is under way")
        return GoalResponse.REJECT

    def _begin(self, goal: ServerGoalHandle) -> None:
        self._thread = threading.Thread(target=self._calibrate, args=(goal,), name="hand_shape", daemon=True)
        self._thread.start()

    def _calibrate(self, goal: ServerGoalHandle) -> None:
        """Collects; the goal is carried to its end by the executor, in `_finish`."""
        outcome: ShapeResult | str = "the node was cleaned up"
        try:
            worker = self._worker()
            if worker is not None:
                request = goal.request
                outcome = worker.calibrate_hand_shape(
                    Side(int(request.side)), int(request.frames), self._feedback(goal), self._ended(goal)
                )
        except CalibrationError as error:
            outcome = str(error)
        finally:
            self._outcomes[_key(goal)] = outcome
            goal.execute()

    def _feedback(self, goal: ServerGoalHandle) -> Callable[[int, int, str], None]:
        def send(used: int, wanted: int, hint: str) -> None:
            goal.publish_feedback(self._type.Feedback(frames_used=used, frames_wanted=wanted, hint=hint))

        return send

    def _ended(self, goal: ServerGoalHandle) -> Callable[[], bool]:
        return lambda: bool(goal.is_cancel_requested) or self._stop.is_set()

    def _finish(self, goal: ServerGoalHandle) -> Any:
        outcome = self._outcomes.pop(_key(goal))
        self._busy.release()
        if isinstance(outcome, ShapeResult):
            goal.succeed()
            return self._type.Result(
                success=True,
                message=outcome.note,
                shape=outcome.shape.astype(np.float32),
                shape_sigma=outcome.sigma.astype(np.float32),
                frames_used=outcome.frames_used,
            )
        if goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        return self._type.Result(success=False, message=outcome)


def _key(goal: ServerGoalHandle) -> bytes:
    return bytes(goal.goal_id.uuid)
