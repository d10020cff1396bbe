"""Measures objects of a data set, and hands with them, against the truth: records per frame and row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float64, Int
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.evaluation.bodies import Body
from hoi_perception.evaluation.body_figures import (
    grip_figures,
    model_point_figures,
    motion_figures,
    pose_figures,
    shape_figures,
    slip_figures,
)
from hoi_perception.evaluation.hand_errors import IN_PICTURE, share_inside
from hoi_perception.evaluation.published_bench import ObjectSettings, Thing
from hoi_perception.evaluation.records import GRIP, HAND, MOTION, TOOL, Figures, Record
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.metrics import hand as errors
from hoi_perception.metrics.grasp_frame import GraspFrame
from hoi_perception.metrics.interaction import PROXIMITY_M, ho_motion_mm2
from hoi_perception.metrics.nearest import NearestPoints
from hoi_perception.types import Camera, Side

Array = NDArray[np.float64]
HandKey = tuple[Side, int]
"""A true hand: its side, and its place among those of that side; it stays the same where another hand is gone."""
Pair = tuple[HandKey, str]
"""A true hand, and an object by its name."""


@dataclass(frozen=True, eq=False)
class HandSurface:
    """A hand in the camera frame, m; joints in OpenPose's order."""

    vertices: Float64[Array, "778 3"]
    faces: Int[NDArray[np.integer], "f 3"]
    joints: Float64[Array, "21 3"]


@dataclass(frozen=True, eq=False)
class Answer:
    """Where a row has the hands (by the true one's key) and the objects of a frame; the truth is one too."""

    hands: dict[HandKey, HandSurface]
    objects: dict[str, InstrumentState]


def in_picture(body: Body, state: InstrumentState, camera: Camera) -> bool:
    """Whether an object has to be found: most of its surface projects into the picture, hidden or not."""
    px = np.asarray(project(body.spread(state), camera), dtype=np.float64)
    return share_inside(px, camera) >= IN_PICTURE


class ObjectJudge:
    """Judges the frames of one sequence in their order, each for all rows."""

    def __init__(self, things: Mapping[str, Thing], settings: ObjectSettings) -> None:
        self._things, self._settings = things, settings
        self._before: tuple[Answer, dict[str, Answer]] | None = None

    def records(
        self,
        number: int,
        frame: int,
        truth: Answer,
        rows: Mapping[str, Answer],
        wanted: frozenset[str],
        *,
        follows: bool,
    ) -> dict[str, list[Record]]:
        """Records of each row for the `number`-th frame of a sequence. `wanted` objects have to be found; `follows`:
        the frame goes on from the one before."""
        held = [pair for pair in product(truth.hands, sorted(wanted)) if self._is_near(truth, pair)]
        judged = number % self._settings.every == 0
        grips = {pair: self._measured(truth, pair) for pair in held} if judged else {}
        subset = number % (2 * self._settings.every) == 0
        motions: dict[Pair, float] = {}
        if follows and self._before is not None:
            earlier = self._before[0]
            pairs = [p for p in held if p[0] in earlier.hands and p[1] in earlier.objects and self._is_near(earlier, p)]
            motions = {pair: self._motion(earlier, truth, pair) for pair in pairs}
        out = {}
        for name, answer in rows.items():
            records = [self._tool(frame, answer, truth, thing, judged) for thing in sorted(wanted)]
            for pair, true_grip in grips.items():
                records += self._grip(frame, answer, truth, pair, true_grip, subset)
            for pair, true_motion in motions.items():
                assert self._before is not None
                records += self._moved(frame, self._before[1][name], answer, pair, true_motion)
            out[name] = records
        self._before = truth, dict(rows)
        return out

    def forget(self) -> None:
        """The next frame does not go on from the one before."""
        self._before = None

    def _tool(self, frame: int, answer: Answer, truth: Answer, name: str, judged: bool) -> Record:
        body, state, right = self._things[name].body, answer.objects.get(name), truth.objects[name]
        if state is None:
            return Record(TOOL, frame, name, 0.0, False)
        figures = pose_figures(body, state, right)
        if judged:
            figures |= shape_figures(body, state, right) | model_point_figures(body, state, right)
        return Record(TOOL, frame, name, 0.0, True, figures)

    def _grip(
        self, frame: int, answer: Answer, truth: Answer, pair: Pair, true_grip: GraspFrame, subset: bool
    ) -> list[Record]:
        """Hand and object together, and the hand by itself."""
        hand, state = answer.hands.get(pair[0]), answer.objects.get(pair[1])
        own = {} if hand is None else _hand_figures(hand, truth.hands[pair[0]])
        figures: Figures = {}
        if hand is not None and state is not None:
            thing = self._things[pair[1]]
            measured = true_grip if answer is truth else self._measured(answer, pair)
            figures = grip_figures(measured, true_grip, exact=subset and self._settings.exact and thing.solid)
            if subset and self._settings.simulate:
                figures |= slip_figures(thing.body, hand, state)
        return [
            Record(HAND, frame, pair[1], 0.0, hand is not None, own),
            Record(GRIP, frame, pair[1], 0.0, bool(figures), figures),
        ]

    def _moved(self, frame: int, last: Answer, now: Answer, pair: Pair, true_motion: float) -> list[Record]:
        """How hand and object moved since the frame before, where both are found in both."""
        if any(pair[0] not in answer.hands or pair[1] not in answer.objects for answer in (last, now)):
            return []
        figures = motion_figures(self._motion(last, now, pair), true_motion)
        return [Record(MOTION, frame, pair[1], 0.0, True, figures)]

    def _measured(self, answer: Answer, pair: Pair) -> GraspFrame:
        return self._things[pair[1]].body.measured(answer.hands[pair[0]], answer.objects[pair[1]])

    def _motion(self, last: Answer, now: Answer, pair: Pair) -> float:
        body = self._things[pair[1]].body
        vertices = np.stack([answer.hands[pair[0]].vertices for answer in (last, now)])
        return ho_motion_mm2(vertices, np.stack([body.coarse(answer.objects[pair[1]]) for answer in (last, now)]))

    def _is_near(self, answer: Answer, pair: Pair) -> bool:
        """Whether some of the hand is within 10 mm of the object's surface."""
        vertices = answer.hands[pair[0]].vertices
        points = self._things[pair[1]].body.coarse(answer.objects[pair[1]])
        low, high = vertices.min(axis=0) - PROXIMITY_M, vertices.max(axis=0) + PROXIMITY_M
        around = points[((points >= low) & (points <= high)).all(axis=1)]
        return len(around) > 0 and bool(NearestPoints(around)(vertices)[0].min() <= PROXIMITY_M)


def _hand_figures(found: HandSurface, right: HandSurface) -> Figures:
    return {
        "mpjpe_mm": errors.mpjpe_mm(found.joints, right.joints),
        "pa_mpjpe_mm": errors.pa_mpjpe_mm(found.joints, right.joints),
        "mpjpe_xyz_mm": errors.mpjpe_xyz_mm(found.joints, right.joints),
    }
