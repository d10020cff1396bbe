"""The worker behind every live door: messages in, results out, one thread that owns the models.

Callbacks only store what is newest; decoding, waiting for depth and mask, and perception happen in the worker's thread.
It outlives every bad message and every exception of the pipeline, and can always say why it is not tracking.
"""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from jaxtyping import Int
from numpy.typing import NDArray

from hoi_perception.camera import CameraError
from hoi_perception.config import NodeConfig
from hoi_perception.pipeline import FrameError
from hoi_perception.ros import conversions
from hoi_perception.ros.assembly import Assembly
from hoi_perception.ros.camera_feed import RefusedError
from hoi_perception.ros.companions import Companions
from hoi_perception.ros.conversions import Fallback, MessageError
from hoi_perception.ros.framing import Framing
from hoi_perception.ros.health import GOOD, LoadState, Reason, Trouble, WorkerStatus
from hoi_perception.ros.inbox import Arrival, arrival_of, stamped
from hoi_perception.ros.live_perception import LivePerception, load_perception
from hoi_perception.ros.node_settings import check_node_settings
from hoi_perception.ros.reasons import Log, ReasonLog
from hoi_perception.ros.shape_calibrator import ShapeCalibrator
from hoi_perception.ros.shape_session import CalibrationError, ShapeResult
from hoi_perception.ros.tf import NoTransforms, Transforms
from hoi_perception.ros.worker_state import Task, WorkerState
from hoi_perception.settings import fixed_changes
from hoi_perception.types import Frame, Scene, Side, TrackState

__all__ = ["CalibrationError", "NoAnswerError", "Result", "ShapeResult", "Worker", "WorkerStatus", "load_perception"]

Faces = Mapping[Side, Int[NDArray[Any], "f 3"]]
Answer = TypeVar("Answer")
ANSWER_S = 10.0
"""Longest wait for an answer of the pipeline, s: an instrument that is new to a machine has its field made first."""
IDLE_S = 0.25
"""Time from one look for silence to the next while no image comes."""


class NoAnswerError(RuntimeError):
    """Nothing could be asked of the pipeline; the text says why and what to do."""


@dataclass(frozen=True)
class Result:
    """One processed frame.

    `dropped_frames` were left out since the worker was made; `received_ns` is when the image arrived, by the node's
    clock; `faces` are those of both sides' meshes.
    """

    frame: Frame
    scene: Scene
    dropped_frames: int
    received_ns: int
    faces: Faces


class Worker:
    """Owns the models and the thread that uses them. Every method may be called from any thread.

    `deliver` is called in the worker's thread with each result; it may not wait for a thread that calls `stop`, `close`
    or `set_enabled`. `log` gets one line when the reason for not tracking changes, at most every few seconds for each
    reason. `decode_other` is asked for image encodings that are not our own, `transforms` for TF; whoever hears TF
    calls `notice` when something new came. SettingsError for settings that are not allowed.
    """

    def __init__(
        self,
        config: NodeConfig,
        deliver: Callable[[Result], None],
        *,
        load: Callable[[NodeConfig], LivePerception] = load_perception,
        now_ns: Callable[[], int] = time.time_ns,
        log: Log = lambda _, __: None,
        monotonic_s: Callable[[], float] = time.monotonic,
        decode_other: Fallback | None = None,
        transforms: Transforms | None = None,
    ) -> None:
        self._deliver, self._load = deliver, load
        self._now_ns, self._monotonic_s = now_ns, monotonic_s
        self._log, self._reasons = log, ReasonLog(log)
        self._state = WorkerState(check_node_settings(config))  # which also reads them before there are threads
        heard, state = transforms or NoTransforms(), self._state
        self._framing = Framing(state.inbox, state.changed, self._may_not_wait, monotonic_s, heard, decode_other)
        self._thread: threading.Thread | None = None

    # Life

    def load(self) -> None:
        """Load and warm up the models in the worker's own thread; returns at once. After a failure it tries again."""
        state = self._state
        with state.changed:
            if not state.closing and state.load not in (LoadState.LOADING, LoadState.READY):
                state.load, state.load_failure = LoadState.LOADING, ""
                self._thread = threading.Thread(target=self._run, name="perception", daemon=True)
                self._thread.start()

    def start(self) -> None:
        """Process frames from now on."""
        with self._state.changed:
            self._state.active, self._state.publishers = True, 0
            self._state.begin(self._monotonic_s())

    def stop(self) -> None:
        """Process no more frames; returns when the current one is done."""
        state = self._state
        with state.changed:
            state.active = False
            state.inbox.clear()
            self._rest()

    def _rest(self) -> None:
        """With the lock held: wait until the current frame is done."""
        changed = self._state.changed
        changed.notify_all()
        if threading.current_thread() is not self._thread:
            changed.wait_for(lambda: not self._state.busy)

    def close(self) -> None:
        """End the thread and free the models; may be called again."""
        self.stop()
        state = self._state
        with state.changed:
            state.closing = True
            state.changed.notify_all()
            session, thread = state.session, self._thread
        if session is not None:
            session.fail("the node was cleaned up")
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # Inputs

    def offer_image(self, message: Any) -> None:
        """A sensor_msgs Image or CompressedImage; it takes the place of one that still waits."""
        self._offer(message, *conversions.stamp_and_frame(message))

    def offer_frame(self, frame: Frame) -> None:
        """An image of a source that decodes itself, with its camera and all that belongs to it."""
        self._offer(frame, frame.stamp_ns, frame.frame_id)

    def offer_camera_info(self, message: Any) -> None:
        """A sensor_msgs/CameraInfo; it takes effect from its stamp on."""
        self._offer_beside(self._state.inbox.infos, message)

    def offer_depth(self, message: Any) -> None:
        """A depth image, raw or compressed."""
        self._offer_beside(self._state.inbox.depths, message)

    def offer_instrument_mask(self, message: Any) -> None:
        """A label image."""
        self._offer_beside(self._state.inbox.masks, message)

    def offer_further_image(self, name: str, message: Any) -> None:
        """An image of one of the `further_cameras`."""
        self._offer_beside(self._state.inbox.cameras[name].images, message)

    def offer_further_info(self, name: str, message: Any) -> None:
        """The CameraInfo of one of the `further_cameras`."""
        self._offer_beside(self._state.inbox.cameras[name].infos, message)

    def notice(self) -> None:
        """TF has something new: an image may wait for it."""
        with self._state.changed:
            self._state.changed.notify_all()

    def set_publishers(self, count: int) -> None:
        """How many publishers the image topic has; asked about once a second by the door. Hands are not told as TRACKED
        while it has several."""
        with self._state.changed:
            self._state.publishers = count

    def _offer(self, content: Any, stamp_ns: int, frame_id: str) -> None:
        arrival = arrival_of(content, stamp_ns, frame_id, self._now_ns(), self._monotonic_s())
        state = self._state
        with state.changed:
            if state.active and state.enabled:
                state.inbox.put_image(arrival, state.config.late_s)
                state.changed.notify_all()

    def _offer_beside(self, companions: Companions, message: Any) -> None:
        one = stamped(message, conversions.stamp_and_frame, self._now_ns())
        with self._state.changed:
            companions.add(one)
            self._state.changed.notify_all()

    # Commands

    def configure(self, config: NodeConfig) -> None:
        """Other settings from the next frame on; ValueError where one of them is not allowed or needs a new load."""
        check_node_settings(config)
        state = self._state
        with state.changed:
            if fixed := fixed_changes(state.config, config):
                raise ValueError(
                    f"{', '.join(fixed)} cannot change while the node is configured: `ros2 lifecycle set NODE "
                    "deactivate` and `... cleanup` before, `... configure` and `... activate` after it"
                )
            state.config = config
            state.add_task(Task("change of settings", lambda perception: perception.retune(config)))

    def reset(self) -> None:
        """Forget every track before the next frame; figures start anew, counters go on."""
        with self._state.changed:
            self._state.add_task(Task("reset", lambda perception: perception.reset()))
            self._state.forget()

    def ask(self, name: str, question: Callable[[LivePerception], Answer], timeout_s: float = ANSWER_S) -> Answer:
        """The pipeline's answer, given between two images; what it raises is raised here.

        NoAnswerError where there is no pipeline, or none in time; what was asked may then still be done.
        """
        answer: concurrent.futures.Future[Answer] = concurrent.futures.Future()

        def put(perception: LivePerception) -> None:
            try:
                answer.set_result(question(perception))
            except Exception as error:  # noqa: BLE001  the one who asked gets it
                answer.set_exception(error)

        with self._state.changed:
            if self._state.load is not LoadState.READY:
                raise NoAnswerError(f"models are not loaded: {self._state.reason(self._monotonic_s()).text}")
            self._state.add_task(Task(name, put))
        try:
            return answer.result(timeout_s)
        except TimeoutError:
            raise NoAnswerError(
                f"{name}: no answer within {timeout_s:g} s: ask again when the node is less busy"
            ) from None

    @property
    def camera_frame(self) -> str:
        """Frame of the latest image that was processed, "" before the first."""
        return self._state.camera_frame

    def set_enabled(self, enabled: bool) -> None:
        """Go on with images; or leave them out and forget every track: returns when the current frame is done."""
        state = self._state
        with state.changed:
            if enabled is not state.enabled:
                state.enabled = enabled
                state.begin(self._monotonic_s())
            if not enabled:
                self.reset()
                self._rest()

    def status(self) -> WorkerStatus:
        """A snapshot of state, counters, times, and the reason for not tracking."""
        return self._state.status(self._monotonic_s())

    def calibrate_hand_shape(
        self, side: Side, frames: int, feedback: Callable[[int, int, str], None], cancelled: Callable[[], bool]
    ) -> ShapeResult:
        """Learn the shape of one hand from that many good frames (0 for the default); blocks the caller.

        `feedback` gets the good frames so far, those wanted, and a hint. The shape goes into the file of `hand_shapes`.
        CalibrationError where it came to no result; the shape is then as it was before.
        """
        return ShapeCalibrator(self._state, self._log).calibrate(side, frames, feedback, cancelled)

    # The thread

    def _run(self) -> None:
        state = self._state
        try:
            perception = self._loaded()
            while perception is not None and not state.closing:
                arrival = state.take(IDLE_S)
                self._do_tasks(perception)
                if arrival is not None:
                    self._work(perception, arrival)
                self._tell()
        finally:
            with state.changed:
                state.busy = False
                if state.load is LoadState.READY:
                    state.load = LoadState.NOT_LOADED
                state.changed.notify_all()

    def _loaded(self) -> LivePerception | None:
        state = self._state
        try:
            self._framing.load(state.config)
            perception = self._load(state.config)
        except Exception as error:  # noqa: BLE001  whatever it is, the node lives on and tells it
            text = _one_line(error) if isinstance(error, (OSError, ValueError)) else _named(error)
            with state.changed:
                state.load, state.load_failure = LoadState.FAILED, text
            self._tell()
            return None
        with state.changed:
            state.load = LoadState.READY
        return perception

    def _may_not_wait(self) -> bool:
        return self._state.closing or not (self._state.active and self._state.enabled)

    def _do_tasks(self, perception: LivePerception) -> None:
        """All that are asked for, whatever becomes of each."""
        while (task := self._state.take_task()) is not None:
            try:
                task.do(perception)
            except Exception as error:  # noqa: BLE001  whatever it is, the node lives on and tells it
                text = f"{task.name} failed: {_named(error)}"
                self._state.task_failed(text)
                self._log("error", text)

    def _work(self, perception: LivePerception, arrival: Arrival) -> None:
        """One image from its arrival to its results sent; whatever happens, the next one is tried."""
        state, config = self._state, self._state.config
        work = Assembly(arrival, config, arrival.arrived_s + config.max_wait_s)
        if arrival.stamp_was_zero:
            work.notes.append("image stamps are zero: times of arrival are used")
        try:
            frame = self._framing.frame(work, perception.wanted)
            started_s = self._monotonic_s()
            state.begin_image(frame.stamp_ns)
            scene = perception.process(frame)
        except RefusedError as error:
            state.failed(error.reason, work)
        except (MessageError, FrameError, CameraError) as error:
            state.failed(Reason(Trouble.IMAGE, f"image refused: {_one_line(error)}"), work)
        except Exception as error:  # noqa: BLE001  whatever it is, the node lives on and tells it
            state.failed(Reason(Trouble.PIPELINE, _recovered(perception, error)), work)
        else:
            done_s = self._monotonic_s()
            outcome = self._sent(perception, work, frame, scene)
            state.done(work, scene, outcome, (started_s, done_s, self._monotonic_s()))

    def _sent(self, perception: LivePerception, work: Assembly, frame: Frame, scene: Scene) -> Reason:
        """Hand the result on; what is to be told of the frame."""
        work.notes += scene.notes
        scene = replace(scene, stage_ms={"decode": work.decode_ms, **scene.stage_ms})
        with self._state.changed:
            dropped, session, mixed = self._state.inbox.counters.dropped, self._state.session, self._state.mixed
        if mixed:
            scene = replace(scene, hands=tuple(replace(h, state=TrackState.INITIALISING) for h in scene.hands))
        try:
            if session is not None and session.begun and (estimate := perception.shape(session.side)) is not None:
                session.update(estimate, scene)
            self._deliver(Result(frame, scene, dropped, work.arrival.received_ns, perception.faces))
        except Exception as error:  # noqa: BLE001  whatever it is, the node lives on and tells it
            return Reason(Trouble.SENDING, f"results could not be sent: {_named(error)}")
        return Reason() if scene.hands else Reason(Trouble.NO_HAND, "no hand in view")

    def _tell(self) -> None:
        now_s = self._monotonic_s()
        with self._state.changed:
            reason, session = self._state.reason(now_s), self._state.session
        if session is not None and reason.trouble not in GOOD:
            session.explain(reason.text)
        self._reasons.tell(reason, now_s)


def _recovered(perception: LivePerception, error: Exception) -> str:
    """What went wrong in the pipeline, which starts anew."""
    text = f"exception in the pipeline: {_named(error)}"
    try:
        perception.reset()
    except Exception as another:  # noqa: BLE001  whatever it is, the node lives on and tells it
        text += f"; and when it was reset: {_named(another)}"
    return text


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {_one_line(error)}" if str(error) else type(error).__name__
