"""Rows whose instruments are named and nothing else: the package itself finds, follows, loses and finds them again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from jaxtyping import UInt16
from numpy.typing import NDArray

from hoi_perception.evaluation.records import PATH, Record
from hoi_perception.evaluation.rough_poses import rng_of
from hoi_perception.evaluation.start_scenes import with_border_error
from hoi_perception.evaluation.synthetic_clip import Clip
from hoi_perception.evaluation.synthetic_follow import Estimate, FoundHand
from hoi_perception.evaluation.synthetic_sight import Shown
from hoi_perception.evaluation.synthetic_truth import TrueFrame
from hoi_perception.instrument_tracking.wanted import Wanted
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.types import Frame, Hand, Instrument, TrackState

Labels = UInt16[NDArray[np.uint16], "h w"]
TOLD = (TrackState.TRACKED, TrackState.OCCLUDED)
"""States whose pose counts: one that is INITIALISING or PREDICTED is not stood by, one that is LOST is none."""
FIRST_TOLD = "first_told_frames"
"""Frames from the first one in which an instrument is held to the first of these in which it is told; NaN for never."""


class Answers(Protocol):
    """What a seeker tells of a frame."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments that are not LOST."""
        ...

    @property
    def hands(self) -> tuple[Hand, ...]:
        """The frame's hands, those that hold something as they were solved with it."""
        ...


class Seeker(Protocol):
    """What is evaluated: `hoi_perception.instrument_perception.InstrumentPerception`, or what does the same."""

    def step(self, frame: Frame, hands: Sequence[Hand], wanted: Sequence[Wanted]) -> tuple[tuple[Wanted, ...], Answers]:
        """What is remembered of the wanted instruments after a frame, and what is told of it."""
        ...


def found(
    seeker: Seeker, names: Sequence[str], shown: Sequence[Shown], masks: Iterable[Labels | None]
) -> list[Estimate]:
    """An answer for each frame; tracks are numbered by the instruments' places in the scene."""
    wanted: tuple[Wanted, ...] = tuple(Wanted(k, name) for k, name in enumerate(names))
    estimates = []
    for one, mask in zip(shown, masks, strict=False):
        wanted, told = seeker.step(replace(one.frame, instrument_mask=mask), one.hands, wanted)
        estimates.append(_estimate(one, told))
    return estimates


def _estimate(shown: Shown, told: Answers) -> Estimate:
    """Hands that the pipeline saw, as the seeker has them, and the instruments that it stands by."""
    solved = {hand.track_id: hand.parameters for hand in told.hands}
    hands = tuple(FoundHand(hand.side, hand.track_id, solved[hand.track_id]) for hand in shown.sight.hands)
    return Estimate(hands, {one.track_id: _state(one) for one in told.instruments if one.state in TOLD})


def _state(one: Instrument) -> InstrumentState:
    return InstrumentState(one.R_camera_instrument[None], one.t_camera_instrument[None], one.joint_positions[None])


def masks_of(clip: Clip, shown: Sequence[Shown]) -> Iterator[Labels]:
    """Each frame's visible pixels of the instruments, a label each, with borders that err as in `evaluate starts`; by
    the clip's name and nothing else."""
    rng = rng_of(f"{clip.name} masks")
    for one in shown:
        labels = np.zeros(one.labels.shape, dtype=np.uint16)
        for label in range(1, len(clip.instruments) + 1):
            labels[with_border_error(one.labels == label, rng)] = label
        yield labels


def first_told(truth: Sequence[TrueFrame], estimates: Sequence[Estimate | None], names: Sequence[str]) -> list[Record]:
    """How long each instrument that is ever held was waited for, and whether it was told at all while it was held."""
    out = []
    for k, name in enumerate(names):
        held = [i for i, frame in enumerate(truth) if any(grip.instrument == k for grip in frame.grips)]
        told = [i for i in held if (given := estimates[i]) is not None and k in given.tools]
        if held:
            waited = float(told[0] - held[0]) if told else math.nan
            out.append(Record(PATH, 0, name, 0.0, bool(told), {FIRST_TOLD: waited}))
    return out
