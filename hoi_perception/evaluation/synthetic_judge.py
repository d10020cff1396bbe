"""Measures a row's answers for one clip against the truth: records per frame and hand, instrument and grip."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.evaluation.bodies import Bodies
from hoi_perception.evaluation.body_figures import (
    grip_figures,
    motion_figures,
    pose_figures,
    shape_figures,
    slip_figures,
)
from hoi_perception.evaluation.records import (
    EXTRA,
    GRIP,
    HAND,
    MOTION,
    NOTHING,
    PATH,
    TOOL,
    TWO_HANDS,
    Figures,
    Record,
)
from hoi_perception.evaluation.synthetic_clip import Clip, Grip
from hoi_perception.evaluation.synthetic_figures import hand_figures, two_hand_figures
from hoi_perception.evaluation.synthetic_follow import Estimate
from hoi_perception.evaluation.synthetic_paths import path_figures
from hoi_perception.evaluation.synthetic_rows import JUDGED_EVERY
from hoi_perception.evaluation.synthetic_truth import TrueFrame, true_frames
from hoi_perception.hands.hand_model import PosedHand
from hoi_perception.metrics.grasp_frame import GraspFrame
from hoi_perception.metrics.interaction import ho_motion_mm2
from hoi_perception.types import Side

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Answer:
    """A row's answer with its hands put to the true ones."""

    estimate: Estimate
    hands: dict[int, PosedHand]


class Judge:
    """Judges rows of one clip; `visible` are the shares of visible joints, per frame and hand.

    `exact` adds exact volumes, `simulate` the simulated slip, both on the frames of `subset`, which are judged ones.
    """

    def __init__(
        self,
        clip: Clip,
        visible: Sequence[Float64[Array, " n"]],
        bodies: Bodies,
        subset: Collection[int] = (),
        *,
        exact: bool = True,
        simulate: bool = False,
    ) -> None:
        self._names, self._bodies, self._subset = clip.instruments, bodies, frozenset(subset)
        self._exact, self._simulate = exact, simulate
        self.truth = true_frames(clip, visible, bodies)
        self._true_grips: dict[tuple[int, Grip], GraspFrame] = {}
        self._true_motions: dict[tuple[int, Grip], float] = {}

    def records(self, estimates: Sequence[Estimate | None]) -> list[Record]:
        """All records of a row; frames without an answer are left out."""
        answers = [
            None if given is None else _Answer(given, truth.matched(given.hands, self._bodies))
            for truth, given in zip(self.truth, estimates, strict=True)
        ]
        out: list[Record] = []
        last: _Answer | None = None
        for i, answer in enumerate(answers):
            if answer is not None:
                out += [*self._hands(i, answer), *self._tools(i, answer)]
                if i % JUDGED_EVERY == 0:
                    out += self._grips(i, answer)
                if last is not None:
                    out += self._motions(i, last, answer)
            last = answer
        clear = [None if answer is None else (answer.hands, answer.estimate.tools) for answer in answers]
        paths = path_figures(self.truth, clear, [self._bodies.body(name) for name in self._names])
        return out + [Record(PATH, 0, name, 0.0, True, figures) for name, figures in paths]

    def _hands(self, i: int, answer: _Answer) -> list[Record]:
        truth, found = self.truth[i], answer.hands
        holds = {grip.hand: self._names[grip.instrument] for grip in truth.grips}
        out = [Record(EXTRA, i, NOTHING, 0.0)] * (len(answer.estimate.hands) - len(found))
        for k, right in enumerate(truth.hands):
            if truth.wanted[k]:
                figures = hand_figures(found[k], right, truth.camera) if k in found else {}
                out.append(self._record(HAND, truth, i, k, holds.get(k, NOTHING), figures))
        if sorted(truth.sides) == [Side.LEFT, Side.RIGHT] and all(truth.wanted):
            both = [truth.sides.index(side) for side in (Side.LEFT, Side.RIGHT)]
            worse = both[int(np.argmin(truth.visible[both]))]
            figures = {}
            if len(found) == 2:
                figures = two_hand_figures([found[k] for k in both], [truth.hands[k] for k in both])
            out.append(self._record(TWO_HANDS, truth, i, worse, holds.get(worse, NOTHING), figures))
        return out

    def _tools(self, i: int, answer: _Answer) -> list[Record]:
        truth, out = self.truth[i], []
        for grip in truth.grips:
            body, figures = self._bodies.body(self._names[grip.instrument]), {}
            state, right = answer.estimate.tools.get(grip.instrument), truth.tools[grip.instrument]
            if state is not None:
                figures = pose_figures(body, state, right)
                if i % JUDGED_EVERY == 0:
                    figures |= shape_figures(body, state, right)
            out.append(self._record(TOOL, truth, i, grip.hand, body.model.name, figures))
        return out

    def _grips(self, i: int, answer: _Answer) -> list[Record]:
        truth, out = self.truth[i], []
        subset = i in self._subset
        for grip in (grip for grip in truth.grips if truth.wanted[grip.hand]):
            body, figures = self._bodies.body(self._names[grip.instrument]), {}
            hand, state = answer.hands.get(grip.hand), answer.estimate.tools.get(grip.instrument)
            if hand is not None and state is not None:
                exact = self._exact and subset
                figures = grip_figures(body.measured(hand, state), self._true_grip(i, grip), exact=exact)
                if self._simulate and subset:
                    figures |= slip_figures(body, hand, state)
            out.append(self._record(GRIP, truth, i, grip.hand, body.model.name, figures))
        return out

    def _motions(self, i: int, last: _Answer, now: _Answer) -> list[Record]:
        """How hand and instrument moved since the frame before, where both are found in both."""
        before, truth, out = self.truth[i - 1], self.truth[i], []
        for grip in truth.grips:
            hands = [answer.hands.get(grip.hand) for answer in (last, now)]
            tools = [answer.estimate.tools.get(grip.instrument) for answer in (last, now)]
            if grip not in before.grips or None in hands or None in tools:
                continue
            body = self._bodies.body(self._names[grip.instrument])
            points = np.stack([body.coarse(state) for state in tools if state is not None])
            own = ho_motion_mm2(np.stack([hand.vertices for hand in hands if hand is not None]), points)
            figures = motion_figures(own, self._true_motion(i, grip))
            out.append(self._record(MOTION, truth, i, grip.hand, body.model.name, figures))
        return out

    def _true_grip(self, i: int, grip: Grip) -> GraspFrame:
        if (i, grip) not in self._true_grips:
            body, truth = self._bodies.body(self._names[grip.instrument]), self.truth[i]
            self._true_grips[i, grip] = body.measured(truth.hands[grip.hand], truth.tools[grip.instrument])
        return self._true_grips[i, grip]

    def _true_motion(self, i: int, grip: Grip) -> float:
        if (i, grip) not in self._true_motions:
            body, pair = self._bodies.body(self._names[grip.instrument]), self.truth[i - 1 : i + 1]
            points = np.stack([body.coarse(truth.tools[grip.instrument]) for truth in pair])
            self._true_motions[i, grip] = ho_motion_mm2(np.stack([t.hands[grip.hand].vertices for t in pair]), points)
        return self._true_motions[i, grip]

    def _record(self, kind: str, truth: TrueFrame, i: int, hand: int, name: str, figures: Figures) -> Record:
        return Record(kind, i, name, round(1.0 - float(truth.visible[hand]), 4), bool(figures), figures)
