"""A hand with what it holds from frame to frame: begun from both, then kept as one body that bends and slips slowly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.anchoring import term_of
from hoi_perception.instrument_tracking.hand_view import HandForms, HandView
from hoi_perception.instrument_tracking.settings import GripSettings
from hoi_perception.instrument_tracking.tracks import Grip
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.bodies import InstrumentBody
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.grasp import Descend, GraspFit, GraspSight, GraspSolver
from hoi_perception.interaction.rows import Points, RowBlock
from hoi_perception.interaction.solver import Term, solve
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import ToldPose

Array = NDArray[np.float64]
_NEAREST = 100
"""Vertices of a hand, those that cover the instrument most closely, that tell how far away it is."""


@dataclass(frozen=True)
class GivenRows:
    """Rows at an instrument that were chosen before, in a solve of nothing else: there it was body 0."""

    blocks: tuple[RowBlock, ...]

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """These, at the first instrument of a solve with hands."""
        body = len(geometry.bodies.hands)
        return [replace(block, p=Points.of_instrument(body, block.p.point, block.p.local)) for block in self.blocks]


class Grips:
    """Begins grips and follows them; `descend` minimises, as in `GraspSolver`."""

    def __init__(self, forms: HandForms, posture: AnglePrior, settings: GripSettings, descend: Descend = solve) -> None:
        self.forms, self.settings = forms, settings
        self._posture, self._descend = posture, descend

    def begin(
        self,
        body: InstrumentBody,
        state: InstrumentState,
        hand: HandView,
        seen: tuple[RowBlock, ...],
        told: Sequence[ToldPose] = (),
    ) -> Grip | None:
        """A hand that takes hold of an instrument; None where no grasp explains its landmarks.

        The size of a hand that one camera sees is only guessed, and its distance with it; that of the instrument is
        known. So the hand becomes as large as it has to be to reach the instrument.
        """
        own = self.settings.solve
        alone = self.forms.state(hand.side, hand.parameters)
        shape = self.forms.resized(hand.side, hand.parameters.shape, self._factor(body, state, hand))
        reached = self.forms.size(hand.side, shape) / self.forms.size(hand.side, hand.parameters.shape)
        solver = GraspSolver(self.forms.body(hand.side), body, shape, self._posture, own, self._descend)
        sight = GraspSight(self._trusted(hand.landmarks), None, state, terms=_terms(seen, told))
        fit = solver.start(sight, scaled(alone, reached))
        if self._off(solver, fit, hand) >= self.settings.most_off:
            return None
        place, posture = solver.in_hand(fit.state), fit.state.angles[0, 0]
        return Grip(hand.track_id, hand.side, shape, solver, fit, place, fit.touching, posture)

    def follow(self, grip: Grip, hand: HandView, seen: tuple[RowBlock, ...], told: Sequence[ToldPose] = ()) -> Grip:
        """The grip one frame later; `seen` are rows of images, `told` what other sources tell of the instrument.

        It starts from where it was going; where that does not explain the hand, from where the hand is by itself.
        """
        grip = _with_angles(grip, told)
        own, solver = self.settings, grip.solver
        factor = self.forms.size(grip.side, grip.shape) / self.forms.size(grip.side, hand.parameters.shape)
        alone = scaled(self.forms.state(hand.side, hand.parameters), factor)
        going = _nearer(_onwards(grip.fit, own.carried), alone, own.alone)
        terms = _terms(seen, told)
        fit = self._solved(grip, going, hand, terms)
        off = self._off(solver, fit, hand)
        if off >= own.most_off:
            again = self._solved(grip, alone, hand, terms)
            fit, off = min((fit, off), (again, self._off(solver, again, hand)), key=lambda one: one[1])
        grip = replace(grip, hand=hand.track_id, missed=0, explained=off < own.most_off)
        if not _usable(fit):
            return replace(grip, fit=self._start(grip, alone))
        rate = own.slip_seen if seen or told else own.slip_unseen
        angles = fit.state.angles[0, 0]
        return replace(
            grip,
            fit=replace(fit, before=grip.fit.state),
            place=_between(grip.place, solver.in_hand(fit.state), rate),
            touching=solver.slipped(grip.touching, fit, rate),
            posture=grip.posture + own.slip_posture * (angles - grip.posture),
        )

    def _solved(self, grip: Grip, wrist: HandState, hand: HandView, terms: tuple[Term, ...]) -> GraspFit:
        """The solve of a frame that starts at a wrist, in the posture of the grip."""
        sight = GraspSight(self._trusted(hand.landmarks), None, None, terms=terms)
        return grip.solver.follow(sight, self._start(grip, wrist))

    def _start(self, grip: Grip, wrist: HandState) -> GraspFit:
        """Hand and instrument at a wrist, in the posture of the grip, before anything is solved."""
        state = grip.solver.with_in_hand(replace(wrist, angles=grip.posture[None]), grip.place)
        return replace(grip.fit, state=state, touching=grip.touching, before=None)

    def _trusted(self, landmarks: LandmarkTerm) -> LandmarkTerm:
        return replace(landmarks, weight=landmarks.weight * self.settings.landmark_trust)

    def _off(self, solver: GraspSolver, fit: GraspFit, hand: HandView) -> float:
        """Median distance of the landmarks from where they are seen, over the hand's size; infinite for no solution."""
        use = hand.landmarks.weight > 0.0
        if not (_usable(fit) and use.any()):
            return float("inf")
        points = solver.landmarks(fit.state)[use]
        off = np.linalg.norm(points[:, :2] / points[:, 2:] - hand.landmarks.points[use], axis=1)
        size = float(np.ptp(hand.landmarks.points[use], axis=0).max())
        return float(np.median(off)) / max(size, 1e-9)

    def _factor(self, body: InstrumentBody, state: InstrumentState, hand: HandView) -> float:
        """How much larger than assumed a hand is, if it is as far away as the instrument where it covers it."""
        surface = body.placed_samples(state)
        rays, flesh = surface[:, :2] / surface[:, 2:], hand.vertices[:, :2] / hand.vertices[:, 2:]
        gap = np.linalg.norm(flesh[:, None] - rays[None], axis=-1)
        close = np.argsort(gap.min(axis=1), kind="stable")[:_NEAREST]
        ratio = float(np.median(surface[gap.argmin(axis=1)[close], 2] / hand.vertices[close, 2]))
        own = self.settings
        share = own.size_sigma**2 / (own.size_sigma**2 + own.reach_sigma**2)
        return float(np.exp(share * np.log(max(ratio, 1e-3))))


def scaled(state: HandState, factor: float) -> HandState:
    """A hand at `factor` times its distance along the ray to its wrist."""
    return replace(state, wrist=state.wrist * factor)


def _usable(fit: GraspFit) -> bool:
    return bool(fit.solution.finite.all()) and fit.in_front


def _terms(seen: tuple[RowBlock, ...], told: Sequence[ToldPose]) -> tuple[Term, ...]:
    rows: tuple[Term, ...] = (GivenRows(seen),) if seen else ()
    return (*rows, *map(term_of, told))


def _with_angles(grip: Grip, told: Sequence[ToldPose]) -> Grip:
    """A grip whose instrument has the angles of joints that a source tells, if one does."""
    known = next((pose.joint_positions for pose in told if pose.joint_positions is not None), None)
    return grip if known is None else replace(grip, place=replace(grip.place, angles=known[None]))


def _between(a: InstrumentState, b: InstrumentState, rate: float) -> InstrumentState:
    """The state so far along the way from one (batch of one) to another."""
    return a.plus(rate * a.step_to(b)[None])


def _onwards(fit: GraspFit, carried: float) -> HandState:
    """Where the hand of a fit is one frame later with that share of its velocity."""
    now = fit.state.hand(0)
    if fit.before is None:
        return now
    before = fit.before.hand(0)
    turn = carried * axis_angle_from_rotation(now.rotation[0] @ before.rotation[0].T)
    R = np.asarray(rotation_from_axis_angle(turn[None]), dtype=np.float64) @ now.rotation
    return replace(now, wrist=now.wrist + carried * (now.wrist - before.wrist), rotation=R)


def _nearer(a: HandState, b: HandState, rate: float) -> HandState:
    """A hand (batch of one) on its own ray, so far along the way to the distance of another one."""
    ratio = float(np.linalg.norm(b.wrist[0])) / max(float(np.linalg.norm(a.wrist[0])), 1e-9)
    return scaled(a, 1.0 + rate * (ratio - 1.0))
