"""The worker behind every live door: messages in, results out, one thread that owns the models.

Callbacks only store what is newest; decoding, waiting for depth and mask, and perception happen in the worker's thread.
It outlives every bad message and every exception of the pipeline, and can always say in one line why it is not
tracking.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from hoi_perception.camera import CameraError
from hoi_perception.config import Config, NodeConfig
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.hands.shape_file import keep_shape, kept_shapes
from hoi_perception.pipeline import JUMP_BACK_S, FrameError, Perception
from hoi_perception.ros import conversions
from hoi_perception.ros.camera_feed import RefusedError, fixed_calibration
from hoi_perception.ros.companions import Companions
from hoi_perception.ros.conversions import MessageError
from hoi_perception.ros.framing import Assembly, Framing
from hoi_perception.ros.health import GOOD, LoadState, Reason, Trouble, WorkerStatus, hand_text
from hoi_perception.ros.inbox import Arrival, Inbox, arrival_of, stamped
from hoi_perception.ros.reasons import Log, ReasonLog
from hoi_perception.ros.shape_session import DEFAULT_FRAMES, CalibrationError, ShapeResult, ShapeSession, result_of
from hoi_perception.ros.statistics import FrameFigures, Percentiles
from hoi_perception.settings import check_settings, fixed_changes
from hoi_perception.types import Frame, Scene, Side

__all__ = ["CalibrationError", "LivePerception", "Result", "ShapeResult", "Worker", "WorkerStatus", "load_perception"]

Faces = Mapping[Side, Int[NDArray[Any], "f 3"]]
IDLE_S = 0.25
"""Time from one look for silence to the next while no image comes."""
PLAUSIBLE_LATENCY_S = 60.0
"""Age of an image beyond which its stamp is of another clock."""


@runtime_checkable
class LivePerception(Protocol):
    """What a worker needs of `Perception`."""

    faces: dict[Side, NDArray[np.int32]]

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame."""

    def reset(self) -> None:
        """Forget every track."""

    def retune(self, config: Config) -> None:
        """Other settings from the next frame on."""

    def shape(self, side: Side) -> ShapeEstimate | None:
        """The calibrated shape of a side's hands, or how far its calibration is."""

    def set_shape(self, side: Side, estimate: ShapeEstimate | None) -> None:
        """The shape that a side's hands have from now on; one that is not frozen goes on to be calibrated."""


@dataclass(frozen=True)
class Result:
    """One processed frame. `dropped_frames` were left out since the worker was made; `received_ns` is the arrival of
    the image by the node's clock."""

    frame: Frame
    scene: Scene
    dropped_frames: int
    received_ns: int
    faces: Faces


def load_perception(config: NodeConfig) -> LivePerception:
    """The pipeline with its networks, warmed up: the first frame is as fast as the others."""
    perception = Perception(config)
    perception.warm_up()
    return perception


class Worker:
    """Owns the models and the thread that uses them. Every method may be called from any thread.

    `deliver` is called in the worker's thread with each result; it must not call `stop` or `close` of the worker from
    another thread that it waits for. `log` gets one line when the reason for not tracking changes.
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
    ) -> None:
        self._config, self._deliver, self._load = config, deliver, load
        self._now_ns, self._log, self._monotonic_s = now_ns, log, monotonic_s
        # One lock for all below; it is never held while models work, results are sent or lines are logged.
        self._changed = threading.Condition()
        self._inbox, self._figures = Inbox(), FrameFigures()
        self._thread: threading.Thread | None = None
        self._load_state, self._load_failure = LoadState.NOT_LOADED, ""
        self._active = self._busy = self._closing = False
        self._enabled = True
        self._tasks: deque[Callable[[LivePerception], None]] = deque()
        self._outcome = Reason()
        self._notes: tuple[str, ...] = ()
        self._latest: Scene | None = None
        self._begun_s = 0.0
        self._session: ShapeSession | None = None
        self._reasons = ReasonLog(log)
        self._framing = Framing(self._inbox, self._changed, lambda: self._closing or not self._active, monotonic_s)

    # Life

    def load(self) -> None:
        """Load and warm up the models in the worker's own thread; returns at once. After a failure it tries again."""
        with self._changed:
            if self._closing or self._load_state in (LoadState.LOADING, LoadState.READY):
                return
            self._load_state, self._load_failure = LoadState.LOADING, ""
            self._thread = threading.Thread(target=self._run, name="perception", daemon=True)
            self._thread.start()

    def start(self) -> None:
        """Process frames from now on."""
        with self._changed:
            self._inbox.clear()
            self._figures.clear()
            self._active, self._begun_s = True, self._monotonic_s()
            self._outcome, self._notes = Reason(Trouble.NO_IMAGE, "no image yet"), ()
            self._latest = None
            self._changed.notify_all()

    def stop(self) -> None:
        """Process no more frames; returns when the current one is done."""
        with self._changed:
            self._active = False
            self._inbox.clear()
            self._changed.notify_all()
            if threading.current_thread() is not self._thread:
                self._changed.wait_for(lambda: not self._busy)

    def close(self) -> None:
        """End the thread and free the models; may be called again."""
        self.stop()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            session, thread = self._session, self._thread
        if session is not None:
            session.fail("the node is shut down")
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # Inputs

    def offer_image(self, message: Any) -> None:
        """A sensor_msgs Image or CompressedImage; the newest takes the place of one that still waits."""
        self._offer(message, *conversions.stamp_and_frame(message))

    def offer_frame(self, frame: Frame) -> None:
        """An image of a source that decodes itself, with its camera and all that belongs to it."""
        self._offer(frame, frame.stamp_ns, frame.frame_id)

    def offer_camera_info(self, message: Any) -> None:
        """A sensor_msgs/CameraInfo; it takes effect from its stamp on."""
        self._offer_beside(self._inbox.infos, message)

    def offer_depth(self, message: Any) -> None:
        """A depth image, raw or compressed."""
        self._offer_beside(self._inbox.depths, message)

    def offer_instrument_mask(self, message: Any) -> None:
        """A label image."""
        self._offer_beside(self._inbox.masks, message)

    def _offer(self, content: Any, stamp_ns: int, frame_id: str) -> None:
        now_ns, now_s = self._now_ns(), self._monotonic_s()
        with self._changed:
            if self._active and self._enabled:
                self._inbox.put_image(arrival_of(content, stamp_ns, frame_id, now_ns, now_s), self._config.late_s)
                self._changed.notify_all()

    def _offer_beside(self, companions: Companions, message: Any) -> None:
        one = stamped(message, conversions.stamp_and_frame, self._now_ns())
        with self._changed:
            companions.add(one)
            self._changed.notify_all()

    # Commands

    def configure(self, config: NodeConfig) -> None:
        """Other settings from the next frame on; ValueError where one of them is not allowed or needs a new load."""
        check_settings(config)
        with self._changed:
            if fixed := fixed_changes(self._config, config):
                raise ValueError(f"{', '.join(fixed)} cannot change while the node is configured: configure it again")
            self._config = config
            self._tasks.append(lambda perception: perception.retune(config))

    def reset(self) -> None:
        """Forget every track before the next frame; figures start anew, counters go on."""
        with self._changed:
            self._tasks.append(lambda perception: perception.reset())
            self._figures.clear()
            self._latest = None

    def set_enabled(self, enabled: bool) -> None:
        """Go on with images, or leave them out and forget every track."""
        with self._changed:
            if enabled and not self._enabled:
                self._begun_s, self._outcome = self._monotonic_s(), Reason(Trouble.NO_IMAGE, "no image yet")
            self._enabled = enabled
            if not enabled:
                self._inbox.clear()
        if not enabled:
            self.reset()

    def calibrate_hand_shape(
        self,
        side: Side,
        frames: int,
        feedback: Callable[[int, int, str], None],
        cancelled: Callable[[], bool],
    ) -> ShapeResult:
        """Learn the shape of one hand from that many good frames (0 for the default); blocks the caller.

        `feedback` gets the good frames so far, those wanted, and a hint. CalibrationError where it came to no result;
        the shape is then as it was before.
        """
        session = ShapeSession(side, frames or DEFAULT_FRAMES)
        before: list[ShapeEstimate | None] = []

        def begin(perception: LivePerception) -> None:
            before.append(perception.shape(side))
            perception.set_shape(side, ShapeEstimate(wanted=session.frames_wanted))

        self._join(session, begin)
        try:
            estimate = session.collect(feedback, cancelled)
        except BaseException:
            self._leave(lambda perception: perception.set_shape(side, before[0]))
            raise
        self._leave()
        return result_of(estimate, self._kept(side, estimate))

    def _join(self, session: ShapeSession, begin: Callable[[LivePerception], None]) -> None:
        """Report every frame to the session after `begin` was done; CalibrationError if that cannot be."""
        with self._changed:
            if self._load_state is not LoadState.READY or self._closing:
                raise CalibrationError(f"models are {self._load_state.value}: wait until they are ready")
            if self._session is not None:
                raise CalibrationError("another calibration is under way: wait for it or cancel it")
            self._session = session
            self._tasks.append(begin)

    def _leave(self, end: Callable[[LivePerception], None] | None = None) -> None:
        """Report no more; `end` is done before the next frame."""
        with self._changed:
            self._session = None
            if end is not None:
                self._tasks.append(end)

    def _kept(self, side: Side, estimate: ShapeEstimate) -> str:
        """Keep a shape in the file of `hand_shapes`; why that failed, "" where it did not."""
        config = self.config
        if not config.hand_shapes:
            return ""
        try:
            keep_shape(Path(config.hand_shapes), config, side, estimate)
        except (OSError, ValueError) as error:
            note = f"the shape is in use but could not be kept: {_one_line(error)}"
            self._log("error", note)
            return note
        return ""

    @property
    def config(self) -> NodeConfig:
        """The settings of the next frame."""
        with self._changed:
            return self._config

    # What it tells

    def status(self) -> WorkerStatus:
        """A snapshot."""
        now_s = self._monotonic_s()
        with self._changed:
            reason = self._reason(now_s)
            scene, figures = self._latest, self._figures
            seen = reason.trouble in (Trouble.NONE, Trouble.NO_HAND) and scene is not None
            return WorkerStatus(
                load=self._load_state,
                load_failure=self._load_failure,
                active=self._active,
                enabled=self._enabled,
                trouble=reason.trouble,
                reason=reason.text,
                warnings=self._notes,
                counters=self._inbox.counters,
                rate_hz=figures.rate_hz(now_s),
                stage_ms={name: Percentiles.of(ring) for name, ring in figures.stages.items()},
                latency_ms=Percentiles.of(figures.latency),
                delay_ms=Percentiles.of(figures.delay),
                processing_ms=Percentiles.of(figures.processing),
                hands=tuple(hand_text(hand) for hand in scene.hands) if scene is not None and seen else (),
                camera_assumption=scene.camera.assumed if scene is not None else "",
            )

    def _reason(self, now_s: float) -> Reason:
        """With the lock held."""
        match self._load_state:
            case LoadState.NOT_LOADED:
                return Reason(Trouble.NOT_LOADED, "models are not loaded")
            case LoadState.LOADING:
                return Reason(Trouble.LOADING, "models are loading")
            case LoadState.FAILED:
                return Reason(Trouble.LOAD_FAILED, f"models failed to load: {self._load_failure}")
        if not self._active:
            return Reason(Trouble.NOT_ACTIVE, "the node is not active")
        if not self._enabled:
            return Reason(Trouble.DISABLED, "disabled by set_enabled")
        latest_s = self._inbox.latest_s
        if latest_s is None:
            waited = now_s - self._begun_s
            return Reason(Trouble.NO_IMAGE, f"no image yet, after {waited:.0f} s")
        if now_s - latest_s > self._config.silence_s:
            return Reason(Trouble.SILENT, f"the camera is silent: no image for {now_s - latest_s:.0f} s")
        if mixed := self._inbox.stream.mixed:
            return Reason(Trouble.MIXED, f"{mixed}: two publishers? Give each camera its own topic")
        return self._outcome

    def _tell(self) -> None:
        now_s = self._monotonic_s()
        with self._changed:
            reason, session = self._reason(now_s), self._session
        if session is not None and reason.trouble not in GOOD:
            session.explain(reason.text)
        self._reasons.tell(reason, now_s)

    # The thread

    def _run(self) -> None:
        try:
            perception = self._loaded()
            while perception is not None and not self._closing:
                arrival = self._take()
                if arrival is not None:
                    self._work(perception, arrival)
                self._tell()
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _loaded(self) -> LivePerception | None:
        try:
            config = self.config
            fixed, shapes = fixed_calibration(config), kept_shapes(config)
            perception = self._load(config)
            for side, estimate in shapes.items():
                perception.set_shape(side, estimate)
        except Exception as error:  # noqa: BLE001  whatever it is, the node lives on and tells it
            text = _one_line(error) if isinstance(error, (OSError, ValueError)) else _named(error)
            with self._changed:
                self._load_state, self._load_failure = LoadState.FAILED, text
            self._tell()
            return None
        with self._changed:
            self._framing.fixed, self._load_state = fixed, LoadState.READY
        return perception

    def _take(self) -> Arrival | None:
        """The newest image as soon as there is one; None after a while without."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closing or self._inbox.image is not None, IDLE_S)
            if self._closing or not self._active or not self._enabled:
                return None
            arrival = self._inbox.take_image()
            self._busy = arrival is not None
            return arrival

    def _work(self, perception: LivePerception, arrival: Arrival) -> None:
        """One image from its arrival to its results sent; whatever happens, the next one is tried."""
        config = self.config
        work = Assembly(arrival, config, arrival.arrived_s + config.max_wait_s)
        if arrival.stamp_was_zero:
            work.notes.append("image stamps are zero: times of arrival are used")
        try:
            frame = self._framing.frame(work)
            started_s = self._monotonic_s()
            scene = self._processed(perception, frame)
        except RefusedError as error:
            self._failed(error.reason, work)
        except (MessageError, FrameError, CameraError) as error:
            self._failed(Reason(Trouble.IMAGE, f"image refused: {_one_line(error)}"), work)
        except Exception as error:  # noqa: BLE001  whatever it is, the node lives on and tells it
            perception.reset()
            self._failed(Reason(Trouble.PIPELINE, f"exception in the pipeline: {_named(error)}"), work)
        else:
            done_s = self._monotonic_s()
            outcome = self._sent(perception, work, frame, scene)
            self._done(work, scene, outcome, started_s, done_s)

    def _processed(self, perception: LivePerception, frame: Frame) -> Scene:
        with self._changed:
            tasks, self._tasks = self._tasks, deque()
            latest = self._latest
            if latest is not None and frame.stamp_ns < latest.stamp_ns - JUMP_BACK_S * 1e9:
                self._figures.clear()
                self._inbox.count(restarts=1)
        for task in tasks:
            task(perception)
        return perception.process(frame)

    def _sent(self, perception: LivePerception, work: Assembly, frame: Frame, scene: Scene) -> Reason:
        """Hand the result on; what is to be told of the frame."""
        scene = replace(scene, stage_ms={"decode": work.decode_ms, **scene.stage_ms})
        with self._changed:
            dropped, session = self._inbox.counters.dropped, self._session
        try:
            if session is not None and (estimate := perception.shape(session.side)) is not None:
                session.update(estimate, scene)
            self._deliver(Result(frame, scene, dropped, work.arrival.received_ns, perception.faces))
        except Exception as error:  # noqa: BLE001  whatever it is, the node lives on and tells it
            return Reason(Trouble.SENDING, f"results could not be sent: {_named(error)}")
        return Reason() if scene.hands else Reason(Trouble.NO_HAND, "no hand in view")

    def _failed(self, reason: Reason, work: Assembly) -> None:
        with self._changed:
            self._inbox.count(failed=1)
            self._outcome, self._notes = reason, tuple(work.notes)

    def _done(self, work: Assembly, scene: Scene, outcome: Reason, started_s: float, done_s: float) -> None:
        """Figures of a processed frame, which was worked on from `started_s` to `done_s`."""
        arrival, notes = work.arrival, work.notes
        now_s, latency_s = self._monotonic_s(), (self._now_ns() - arrival.stamp_ns) * 1e-9
        of_this_clock = 0.0 <= latency_s < PLAUSIBLE_LATENCY_S
        if not of_this_clock:
            when = f"{latency_s:.0f} s in the past" if latency_s > 0 else f"{-latency_s:.3g} s in the future"
            notes.append(f"images are stamped {when}: set use_sim_time, or synchronise the clocks")
        with self._changed:
            self._inbox.count(processed=1)
            self._outcome, self._notes, self._latest = outcome, tuple(notes), scene
            figures = self._figures
            figures.add_stages({"decode": work.decode_ms, **scene.stage_ms, "send": 1e3 * (now_s - done_s)})
            figures.processing.add(work.decode_ms + 1e3 * (done_s - started_s))
            figures.delay.add(1e3 * (now_s - arrival.arrived_s))
            figures.ends.add(now_s)
            if of_this_clock:
                figures.latency.add(1e3 * latency_s)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {_one_line(error)}" if str(error) else type(error).__name__
