"""What the worker's thread and everybody else share, behind one lock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from hoi_perception.config import NodeConfig
from hoi_perception.pipeline import JUMP_BACK_S
from hoi_perception.ros.assembly import Assembly
from hoi_perception.ros.further_setup import further_names
from hoi_perception.ros.health import GOOD, LoadState, Reason, Trouble, WorkerStatus, hand_text
from hoi_perception.ros.inbox import Arrival, Inbox
from hoi_perception.ros.live_perception import LivePerception
from hoi_perception.ros.shape_session import ShapeSession
from hoi_perception.ros.statistics import FrameFigures, Percentiles
from hoi_perception.types import Scene

PLAUSIBLE_LATENCY_S = 60.0
"""Age of an image beyond which its stamp is of another clock."""
_NO_IMAGE = Reason(Trouble.NO_IMAGE, "no image yet")


@dataclass(frozen=True)
class Task:
    """What the worker's thread is to do between two images, under the name that a failure is told by."""

    name: str
    do: Callable[[LivePerception], None]


class WorkerState:
    """Whoever reads or writes a field holds `changed`, and no longer than that takes: never while models work, results
    are sent or lines are logged. Methods take the lock themselves.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.config = config
        self.inbox = Inbox(further_names(config))
        self.load, self.load_failure = LoadState.NOT_LOADED, ""
        self.active = self.busy = self.closing = False
        self.enabled = True
        self.tasks: deque[Task] = deque()
        self.session: ShapeSession | None = None
        self.publishers = 0
        self._figures = FrameFigures()
        self._outcome = _NO_IMAGE
        self._warnings: tuple[str, ...] = ()
        self._latest: Scene | None = None
        self._begun_s = 0.0

    def begin(self, now_s: float) -> None:
        """Forget what came before: images are waited for from now on."""
        with self.changed:
            self.inbox.clear()
            self._begun_s = now_s
            self._outcome, self._warnings = _NO_IMAGE, ()
            self.forget()

    def forget(self) -> None:
        """Figures start anew; counters go on."""
        with self.changed:
            self._figures.clear()
            self._latest = None

    def take(self, seconds: float) -> Arrival | None:
        """The newest image as soon as there is one; None after a while without, or where there are tasks only.

        The worker is busy with it then.
        """
        with self.changed:
            self.busy = False
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.closing or self.tasks or self.inbox.image is not None, seconds)
            if self.closing or not self.active or not self.enabled:
                return None
            arrival = self.inbox.take_image()
            self.busy = arrival is not None
            return arrival

    def add_task(self, task: Task) -> None:
        """To be done before the next image, or soon where none comes."""
        with self.changed:
            self.tasks.append(task)
            self.changed.notify_all()

    def take_task(self) -> Task | None:
        """What is to be done next; None where nothing is left."""
        with self.changed:
            return self.tasks.popleft() if self.tasks else None

    def begin_image(self, stamp_ns: int) -> None:
        """The image with this stamp is to be processed; one from before the latest starts the figures anew."""
        with self.changed:
            latest = self._latest
            if latest is not None and stamp_ns < latest.stamp_ns - JUMP_BACK_S * 1e9:
                self._figures.clear()
                self.inbox.count(restarts=1)

    def task_failed(self, text: str) -> None:
        """It is the reason to tell until the next image."""
        with self.changed:
            self._outcome = Reason(Trouble.PIPELINE, text)

    def failed(self, reason: Reason, work: Assembly) -> None:
        """An image came to nothing."""
        with self.changed:
            self.inbox.count(failed=1)
            self._outcome, self._warnings = reason, tuple(work.notes)

    def done(self, work: Assembly, scene: Scene, outcome: Reason, times: tuple[float, float, float]) -> None:
        """An image came to results; `times` are begin and end of the pipeline and the end of sending, s."""
        started_s, done_s, now_s = times
        latency_s = self._latency_s(work, now_s)
        with self.changed:
            self.inbox.count(processed=1)
            self._outcome, self._warnings, self._latest = outcome, tuple(work.notes), scene
            figures = self._figures
            figures.add_stages({"decode": work.decode_ms, **scene.stage_ms, "send": 1e3 * (now_s - done_s)})
            figures.processing.add(work.decode_ms + 1e3 * (done_s - started_s))
            figures.delay.add(1e3 * (now_s - work.arrival.arrived_s))
            figures.ends.add(now_s)
            if latency_s is not None:
                figures.latency.add(1e3 * latency_s)

    def _latency_s(self, work: Assembly, now_s: float) -> float | None:
        """From the image's stamp to now; None, and a note, where the stamp is of another clock."""
        arrival, age_s = work.arrival, work.arrival.age_s
        if -1e-3 <= age_s < PLAUSIBLE_LATENCY_S:
            return age_s + now_s - arrival.arrived_s
        when = f"{age_s:.0f} s in the past" if age_s > 0 else f"{-age_s:.3g} s in the future"
        work.notes.append(f"images are stamped {when}: set use_sim_time, or synchronise the clocks")
        return None

    def reason(self, now_s: float) -> Reason:
        """Why nothing is tracked at this moment."""
        with self.changed:
            match self.load:
                case LoadState.NOT_LOADED:
                    return Reason(Trouble.NOT_LOADED, "models are not loaded")
                case LoadState.LOADING:
                    return Reason(Trouble.LOADING, "models are loading")
                case LoadState.FAILED:
                    return Reason(Trouble.LOAD_FAILED, f"models failed to load: {self.load_failure}")
            if not self.active:
                return Reason(Trouble.NOT_ACTIVE, "the node is not active")
            if not self.enabled:
                return Reason(Trouble.DISABLED, "disabled by set_enabled")
            return self._reason_of_images(now_s)

    def _reason_of_images(self, now_s: float) -> Reason:
        latest_s = self.inbox.latest_s
        if latest_s is None:
            return Reason(Trouble.NO_IMAGE, f"no image yet, after {now_s - self._begun_s:.0f} s")
        if now_s - latest_s > self.config.silence_s:
            return Reason(Trouble.SILENT, f"the camera is silent: no image for {now_s - latest_s:.0f} s")
        if mixed := self.mixed:
            return Reason(Trouble.MIXED, mixed)
        if self.inbox.stream.stuck:
            text = "the camera sends one image again and again: start it anew, or let its driver stamp every image"
            return Reason(Trouble.STUCK, text)
        return self._outcome

    @property
    def mixed(self) -> str:
        """Why images of two cameras may come in turn, "" where they do not."""
        with self.changed:
            if mixed := self.inbox.stream.mixed:
                return f"{mixed}: two publishers? Give each camera its own topic"
            if self.publishers > 1:
                return f"the image topic has {self.publishers} publishers: give each camera its own topic"
            return ""

    @property
    def camera_frame(self) -> str:
        """Frame of the latest image that was processed, "" before the first."""
        with self.changed:
            return "" if self._latest is None else self._latest.frame_id

    def _late(self) -> tuple[str, ...]:
        """A warning where images are old when they come; other clocks are told of elsewhere."""
        age_s, late_s = self.inbox.stream.age_s, self.config.late_s
        if not late_s < age_s < PLAUSIBLE_LATENCY_S:
            return ()
        told = f"images are {age_s:.2f} s old when they come, more than late_s ({late_s:g} s)"
        return (f"{told}: send them smaller or compressed, or synchronise the clocks",)

    def status(self, now_s: float) -> WorkerStatus:
        """A snapshot."""
        with self.changed:
            reason, scene, figures = self.reason(now_s), self._latest, self._figures
            hands = scene.hands if scene is not None and reason.trouble in GOOD else ()
            return WorkerStatus(
                load=self.load,
                load_failure=self.load_failure,
                active=self.active,
                enabled=self.enabled,
                trouble=reason.trouble,
                reason=reason.text,
                warnings=(*self._warnings, *(self._late() if reason.trouble is not Trouble.SILENT else ())),
                counters=replace(self.inbox.counters),
                rate_hz=figures.rate_hz(now_s),
                stage_ms={name: Percentiles.of(ring) for name, ring in figures.stages.items()},
                latency_ms=Percentiles.of(figures.latency),
                delay_ms=Percentiles.of(figures.delay),
                processing_ms=Percentiles.of(figures.processing),
                hands=tuple(hand_text(hand) for hand in hands),
                camera_assumption=scene.camera.assumed if scene is not None else "",
            )
