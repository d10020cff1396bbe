"""Runs a row over a clip: which hand holds which instrument, and the joint solver from frame to frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.synthetic_holders import holders_of
from hoi_perception.evaluation.synthetic_rows import SUBSET_EVERY, Hands, Row, Tools
from hoi_perception.evaluation.synthetic_sight import SeenHand, SeenTool, Sight
from hoi_perception.hands.anatomy import angles_from_pose
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.hands.mirroring import mirror_axis_angle, mirror_points
from hoi_perception.hands.right_form import fit_parameters
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.bodies import HandBody, InstrumentBody
from hoi_perception.interaction.grasp import GraspFit, GraspSettings, GraspSight, GraspSolver
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.interaction.solver import solve
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import HandParameters, Side

Array = NDArray[np.float64]
SAME_SHAPE = 0.2
"""Change of a shape's coefficients, which the pipeline calibrates as it goes on, from which a solver is made anew."""
PATIENCE = 8
"""Frames that a fit waits for a hand that is not seen, as long as the pipeline predicts a hand."""


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


@dataclass
class _Held:
    """An instrument in a hand: who solves it, and the fit so far."""

    track: int
    shape: Float64[Array, "10"]
    solver: GraspSolver
    fit: GraspFit | None = None
    missed: int = 0


class Runner:
    """Runs rows; keeps models between clips, nothing that was seen."""

    def __init__(self) -> None:
        right = HandModel.load(None, Side.RIGHT)
        self._points, self._frames = HandPoints.of(right), LandmarkModel.of(right).frames
        self._posture = AnglePrior.of(FittingConfig())
        self._library = Library.find()
        self._bodies: dict[str, InstrumentBody] = {}

    def run(
        self, row: Row, sights: Sequence[Sight], rough: Sequence[tuple[InstrumentState, ...]], names: Sequence[str]
    ) -> list[Estimate | None]:
        """An answer for each frame; None for frames that a row leaves out. The truth's row is not run here."""
        assert row.hands is not Hands.TRUTH, "the truth is no estimate"
        if row.tools is Tools.ROUGH:
            return [Estimate(_found(sight), dict(enumerate(poses))) for sight, poses in zip(sights, rough, strict=True)]
        descend = _adam() if row.adam else solve
        make = _Maker(self, row.settings, descend, tuple(names))
        if row.tools is Tools.SINGLE:
            return [
                _Clip(make, poses).step(sight) if i % SUBSET_EVERY == 0 else None
                for i, (sight, poses) in enumerate(zip(sights, rough, strict=True))
            ]
        clip = _Clip(make, rough[0])
        return [clip.step(sight) for sight in sights]

    def body(self, name: str) -> InstrumentBody:
        """An instrument for the solver."""
        if name not in self._bodies:
            self._bodies[name] = InstrumentBody.of(self._library.get(name))
        return self._bodies[name]

    def solver(self, hand: SeenHand, name: str, settings: GraspSettings, descend: Callable[..., object]) -> GraspSolver:
        """A solver for that hand, with its shape, and that instrument."""
        body = HandBody(hand.side, self._points)
        shape = hand.parameters.shape
        return GraspSolver(body, self.body(name), shape, self._posture, settings, descend)  # type: ignore[arg-type]

    def state(self, hand: SeenHand) -> HandState:
        """The hand as a right hand's state."""
        pose, wrist = hand.parameters.pose, hand.parameters.wrist_camera
        if hand.side is Side.LEFT:
            pose, wrist = np.asarray(mirror_axis_angle(pose)), np.asarray(mirror_points(wrist))
        angles = np.asarray(angles_from_pose(pose[1:].reshape(45), self._frames)).reshape(1, 45)
        return HandState(wrist[None], np.asarray(rotation_from_axis_angle(pose[:1]), dtype=np.float64), angles)

    def parameters(self, side: Side, shape: Float64[Array, "10"], fit: GraspFit) -> HandParameters:
        """The hand of a fit that was made with that shape."""
        state = HandState(fit.state.wrist[:, 0], fit.state.turn[:, 0], fit.state.angles[:, 0])
        return fit_parameters(self._frames, side, state, shape)


@dataclass(frozen=True)
class _Maker:
    """Solvers of one row."""

    runner: Runner
    settings: GraspSettings
    descend: Callable[..., object]
    names: tuple[str, ...]

    def held(self, hand: SeenHand, tool: int) -> _Held:
        solver = self.runner.solver(hand, self.names[tool], self.settings, self.descend)
        return _Held(hand.track, hand.parameters.shape, solver)


class _Clip:
    """What a row remembers of a clip: where each instrument is, and the fits of those that are held."""

    def __init__(self, make: _Maker, start: Sequence[InstrumentState]) -> None:
        self._make = make
        self._tools = list(start)
        self._held: dict[int, _Held] = {}

    def step(self, sight: Sight) -> Estimate:
        """The next frame. A hand that is not seen for a moment keeps its instrument's pose where it was."""
        hands = {hand.track: hand for hand in sight.hands}
        holders = holders_of(sight, {tool: held.track for tool, held in self._held.items()})
        solved: dict[int, HandParameters] = {}
        for tool, track in holders.items():
            fit = self._solve(tool, hands[track], sight.tools[tool])
            if fit is not None:
                held = self._held[tool]
                solved[track] = self._make.runner.parameters(hands[track].side, held.shape, fit)
                self._tools[tool] = fit.state.instrument(0, held.solver.bodies.joints(0))
        self._wait(holders, hands)
        found = tuple(replace(h, parameters=solved.get(h.track, h.parameters)) for h in _found(sight))
        return Estimate(found, dict(enumerate(self._tools)))

    def _wait(self, holders: dict[int, int], seen: dict[int, SeenHand]) -> None:
        """Fits without their hands wait a little; those whose hands are seen elsewhere are dropped."""
        for tool, held in list(self._held.items()):
            held.missed = 0 if tool in holders else held.missed + 1
            if tool not in holders and (held.track in seen or held.missed > PATIENCE):
                del self._held[tool]

    def _solve(self, tool: int, hand: SeenHand, seen: SeenTool) -> GraspFit | None:
        """The fit of this frame; None, and nothing kept, where it is no use."""
        held = self._held.get(tool)
        if held is None or held.track != hand.track:
            held = self._make.held(hand, tool)
        elif float(np.abs(held.shape - hand.parameters.shape).max()) > SAME_SHAPE:
            held = replace(self._make.held(hand, tool), fit=held.fit)
        if held.fit is None:
            sight = GraspSight(hand.landmarks, seen.contour, self._tools[tool], seen.distance)
            held.fit = held.solver.start(sight, self._make.runner.state(hand))
        else:
            held.fit = held.solver.follow(GraspSight(hand.landmarks, seen.contour, None), held.fit)
        if not (held.fit.solution.finite.all() and held.fit.in_front):
            self._held.pop(tool, None)
            return None
        self._held[tool] = held
        return held.fit


def _found(sight: Sight) -> tuple[FoundHand, ...]:
    return tuple(FoundHand(hand.side, hand.track, hand.parameters) for hand in sight.hands)


def _adam() -> Callable[..., object]:
    from hoi_perception.evaluation.adam import descend

    return descend
