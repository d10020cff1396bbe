"""Runs a row over a clip: instruments followed with the hands that hold them, or told roughly in each frame."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from hoi_perception.config import FittingConfig
from hoi_perception.evaluation import kernel_adam
from hoi_perception.evaluation.synthetic_rows import Hands, Row, Tools
from hoi_perception.evaluation.synthetic_sight import FRAME_NS, Sight
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.hand_view import HandForms
from hoi_perception.instrument_tracking.settings import GripSettings, ToolSettings
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.tracks import ToolTrack
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.solver import solve
from hoi_perception.types import HandParameters, Side


@dataclass(frozen=True)
class FoundHand:
    """A row's hand of one frame."""

    side: Side
    track: int
    parameters: HandParameters


@dataclass(frozen=True)
class Estimate:
    """A row's answer for one frame; instruments by their place in the scene."""

    hands: tuple[FoundHand, ...]
    tools: dict[int, InstrumentState] = field(default_factory=dict)


class Runner:
    """Runs rows; keeps models between clips, nothing that was seen."""

    def __init__(self) -> None:
        right = HandModel.load(None, Side.RIGHT)
        self._forms = HandForms(dict.fromkeys(Side, right))
        self._posture = AnglePrior.of(FittingConfig())
        self._library = Library.find()
        self._trackers: dict[str, InstrumentTracker] = {}

    def run(
        self,
        row: Row,
        sights: Sequence[Sight],
        rough: Sequence[tuple[InstrumentState, ...]],
        names: Sequence[str],
        subset: Collection[int],
    ) -> list[Estimate | None]:
        """An answer for each frame; None for those that a row of the `subset` leaves out. The truth is not run here."""
        assert row.hands is not Hands.TRUTH, "the truth is no estimate"
        if row.tools is Tools.ROUGH:
            return [Estimate(_found(sight), dict(enumerate(poses))) for sight, poses in zip(sights, rough, strict=True)]
        tracker = self._tracker(row)
        views = [View(s.image_bgr, sights[0].camera, FRAME_NS * i, s.hands) for i, s in enumerate(sights)]
        if row.tools is Tools.SINGLE:
            return [
                self._answer(tracker, sight, tracker.step(view, _begun(tracker, view, poses, names)))
                if i in subset
                else None
                for i, (sight, view, poses) in enumerate(zip(sights, views, rough, strict=True))
            ]
        tracks = _begun(tracker, views[0], rough[0], names)
        answers: list[Estimate | None] = []
        for sight, view in zip(sights, views, strict=True):
            tracks = tracker.step(view, tracks)
            answers.append(self._answer(tracker, sight, tracks))
        return answers

    def _tracker(self, row: Row) -> InstrumentTracker:
        if row.name not in self._trackers:
            settings = ToolSettings(GripSettings(row.settings))
            descend = kernel_adam.descend if row.adam else solve
            tracker = InstrumentTracker(self._library, self._forms, self._posture, settings, descend)
            self._trackers[row.name] = tracker
        return self._trackers[row.name]

    def _answer(self, tracker: InstrumentTracker, sight: Sight, tracks: Sequence[ToolTrack]) -> Estimate:
        """Hands and instruments of a frame; hands that hold something as they were solved with it."""
        grips = [t.grip for t in tracks if t.grip is not None and t.grip.missed == 0]
        solved = {grip.hand: tracker.held_hand(grip) for grip in grips}
        hands = tuple(replace(h, parameters=solved.get(h.track, h.parameters)) for h in _found(sight))
        return Estimate(hands, {t.track_id: t.state for t in tracks})


def _begun(
    tracker: InstrumentTracker, view: View, rough: Sequence[InstrumentState], names: Sequence[str]
) -> list[ToolTrack]:
    return [tracker.begin(view, k, name, pose) for k, (name, pose) in enumerate(zip(names, rough, strict=True))]


def _found(sight: Sight) -> tuple[FoundHand, ...]:
    return tuple(FoundHand(hand.side, hand.track_id, hand.parameters) for hand in sight.hands)
