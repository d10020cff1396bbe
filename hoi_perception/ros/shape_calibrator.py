"""Calibrating the shape of one hand while the worker goes on: by one caller at a time, who waits for the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.hands.shape_file import keep_shape
from hoi_perception.ros.health import LoadState
from hoi_perception.ros.live_perception import LivePerception
from hoi_perception.ros.reasons import Log
from hoi_perception.ros.shape_session import DEFAULT_FRAMES, CalibrationError, ShapeResult, ShapeSession, result_of
from hoi_perception.ros.worker_state import Task, WorkerState
from hoi_perception.types import Side


class ShapeCalibrator:
    """Gives the worker's thread its tasks, and keeps what comes out."""

    def __init__(self, state: WorkerState, log: Log) -> None:
        self._state, self._log = state, log

    def calibrate(
        self, side: Side, frames: int, feedback: Callable[[int, int, str], None], cancelled: Callable[[], bool]
    ) -> ShapeResult:
        """`Worker.calibrate_hand_shape`."""
        session = ShapeSession(side, frames or DEFAULT_FRAMES)
        before: list[ShapeEstimate | None] = []

        def begin(perception: LivePerception) -> None:
            try:
                before.append(perception.shape(side))
                perception.set_shape(side, ShapeEstimate(wanted=session.frames_wanted))
            except Exception as error:
                session.fail(f"it could not begin: {type(error).__name__}: {error}")
                raise
            session.begun = True

        def undo(perception: LivePerception) -> None:
            for shape in before:
                perception.set_shape(side, shape)

        self._join(session, Task("calibration", begin))
        try:
            estimate = session.collect(feedback, cancelled)
        except BaseException:
            self._leave(Task("end of the calibration", undo))
            raise
        self._leave()
        return result_of(estimate, self._kept(side, estimate))

    def _join(self, session: ShapeSession, begin: Task) -> None:
        """Report every frame to the session after `begin` was done; CalibrationError if that cannot be."""
        state = self._state
        with state.changed:
            if state.load is not LoadState.READY or state.closing:
                raise CalibrationError(f"models are {state.load.value}: wait until they are ready")
            if state.session is not None:
                raise CalibrationError("another calibration is under way: wait for it or cancel it")
            state.session = session
            state.add_task(begin)

    def _leave(self, end: Task | None = None) -> None:
        """Report no more; `end` is done before the next frame."""
        with self._state.changed:
            self._state.session = None
            if end is not None:
                self._state.add_task(end)

    def _kept(self, side: Side, estimate: ShapeEstimate) -> str:
        """Keep a shape in the file of `hand_shapes`; why that failed, "" where it did not."""
        config = self._state.config
        if not config.hand_shapes:
            return ""
        try:
            keep_shape(Path(config.hand_shapes), config, side, estimate)
        except (OSError, ValueError) as error:
            note = f"the shape is in use but could not be kept: {' '.join(str(error).split())}"
            self._log("error", note)
            return note
        return ""
