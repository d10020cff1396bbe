"""The calibration of one hand's shape while the worker goes on: progress, and what the person should do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.shape_calibration import FRAMES_TO_FREEZE, ShapeEstimate
from hoi_perception.types import Scene, Side, TrackState

DEFAULT_FRAMES = FRAMES_TO_FREEZE
POLL_S = 0.1
"""Time from one question whether it is cancelled to the next."""


class CalibrationError(RuntimeError):
    """A calibration that came to no result; the text says why. The shape is then as it was before."""


@dataclass(frozen=True)
class ShapeResult:
    """A calibrated shape with the standard deviation of each coefficient. `note` tells if it could not be kept."""

    shape: Float64[NDArray[np.float64], "10"]
    sigma: Float64[NDArray[np.float64], "10"]
    frames_used: int
    note: str = ""


@dataclass(frozen=True)
class Progress:
    """Good frames so far, and what to do for more of them."""

    frames_used: int
    hint: str


class ShapeSession:
    """Written by the worker's thread after each frame, read by the one that waits for the result.

    `begun` becomes true when the pipeline has started to learn the shape: what it knew before is no progress.
    """

    def __init__(self, side: Side, frames: int) -> None:
        self.side, self.frames_wanted = side, frames
        self.failure = ""
        self.begun = False
        self.estimate: ShapeEstimate | None = None
        self._progress = Progress(0, "wait for the first image")
        self._changed = threading.Condition()

    def update(self, estimate: ShapeEstimate, scene: Scene) -> None:
        """After a frame with the estimate that it led to."""
        grew = estimate.frames > self._progress.frames_used
        with self._changed:
            self._progress = Progress(estimate.frames, hint_for(self.side, scene, grew))
            if estimate.frozen:
                self.estimate = estimate
            self._changed.notify_all()

    def explain(self, hint: str) -> None:
        """Tell why no frame comes."""
        with self._changed:
            self._progress = Progress(self._progress.frames_used, hint)
            self._changed.notify_all()

    def fail(self, why: str) -> None:
        """End without a result."""
        with self._changed:
            self.failure = why
            self._changed.notify_all()

    def collect(self, feedback: Callable[[int, int, str], None], cancelled: Callable[[], bool]) -> ShapeEstimate:
        """Wait for the finished estimate, telling each change of the progress; CalibrationError without one."""
        told: Progress | None = None
        while True:
            progress = self._progress
            if progress != told:
                feedback(progress.frames_used, self.frames_wanted, progress.hint)
                told = progress
            with self._changed:
                if self.estimate is not None:
                    return self.estimate
                if self.failure:
                    raise CalibrationError(self.failure)
                if self._progress == told:
                    self._changed.wait(POLL_S)
            if cancelled():
                raise CalibrationError(f"cancelled after {progress.frames_used} of {self.frames_wanted} good images")


def hint_for(side: Side, scene: Scene, grew: bool) -> str:
    """What the person in front of the camera should do."""
    hands = [hand for hand in scene.hands if hand.side is side]
    if not hands:
        return f"no {side.label} hand in view"
    if grew:
        return "go on: turn the open hand slowly"
    hand = hands[0]
    if hand.state is TrackState.PREDICTED:
        return f"the {side.label} hand is hidden: show it"
    if hand.state is TrackState.OCCLUDED:
        return f"bring the whole {side.label} hand into the picture"
    if hand.state is TrackState.INITIALISING:
        return f"hold the {side.label} hand still"
    return f"open the {side.label} hand and hold it still"


def result_of(estimate: ShapeEstimate, note: str = "") -> ShapeResult:
    """What a finished calibration came to."""
    sigma = np.sqrt(np.diag(np.linalg.inv(estimate.information)))
    return ShapeResult(estimate.shape, np.asarray(sigma, dtype=np.float64), estimate.frames, note)
