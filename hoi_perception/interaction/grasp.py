"""A hand that holds an instrument, solved in one frame and followed through the next ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.bodies import Bodies, HandBody, InstrumentBody
from hoi_perception.interaction.contact import Pair, contacts
from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.entries import Entries
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.hand_mesh import NearestOnHand
from hoi_perception.interaction.mask_distance import MaskDistance
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.solver import Solution, Term, solve
from hoi_perception.interaction.stages import ALIGN, FOLLOW, JOINT, Stage
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.contact import ContactTerm
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.interaction.terms.outlines import InstrumentOutlineTerm, hidden_by
from hoi_perception.interaction.terms.penetration import PenetrationTerm
from hoi_perception.interaction.terms.rigidity import RigidityTerm
from hoi_perception.interaction.terms.silhouettes import InstrumentSilhouetteTerm
from hoi_perception.interaction.visible_mask import VisibleMask
from hoi_perception.types import N_VERTICES, Contacts

Array = NDArray[np.float64]
TOUCHING_M = 0.0025
"""Distance below which a point of the hand touches the instrument, for rigidity."""

LEAST_TOUCHING = 10
"""Points that have to touch for rigidity to go on from them."""

Descend = Callable[[Engine, Sequence[Sequence[Term]], Priors, SceneState, Sequence[int]], Solution]
"""What `solver.solve` is: engine, terms of each problem, priors, start, steps of each round."""


@dataclass(frozen=True)
class PoseSigmas:
    """Standard deviations of a pose that is expected: place (m), rotation (rad), angles (rad)."""

    place: float
    rotation: float
    angles: float


@dataclass(frozen=True)
class GraspSettings:
    """What a solve takes for granted. Lengths in m, angles in rad, per frame for what moves."""

    instrument_start: PoseSigmas = PoseSigmas(0.006, float(np.radians(6.0)), float(np.radians(3.0)))
    """Error of a rough pose of the instrument, per axis."""
    outline_sigma_px: float = 6.0
    """Error of the mask's contour; neighbouring points err alike, so it is larger than that of a point."""
    hand_motion: PoseSigmas = PoseSigmas(0.006, 0.1, 0.04)
    """Error of a hand's prediction from the frame before."""
    instrument_motion: PoseSigmas = PoseSigmas(0.02, 0.3, 0.05)
    """Error of an instrument's prediction as one body with the hand; rigidity says more where they touch."""
    rigidity_sigma: float = 0.0004
    depth_offsets: tuple[float, ...] = (0.0, 0.02, -0.02, 0.04, -0.04)
    """Starts of the hand along the ray to it, m: its landmarks alone hardly tell how far it is."""
    aligned: tuple[int, ...] = (6, 4)
    """Starts that go on after each round of alignment but the last, best first."""
    finalists: int = 4
    """Starts that go on after alignment."""
    finishing: tuple[int, ...] = ()
    """Of these, how many go on after each round of the joint solve; all where it says nothing."""
    mismatch_area: float = 1.2e-5
    """Area on the plane z = 1 that shows the instrument and should not, or the other way round, and counts as much as
    one unit of cost when finalists are compared."""
    touching_zones: int = 5
    """Zones of the hand that a grasp is expected to bring to the instrument, when starts are compared."""
    touching_sigma: float = 0.002
    touching_scale: float = 0.01
    """A zone farther away than about this (m) counts as one that does not touch at all."""
    upsampled: bool = True
    """Contact on the finer points of the finger pads."""
    align: Stage | None = ALIGN
    joint: Stage = JOINT
    follow: Stage = FOLLOW


@dataclass(frozen=True)
class GraspSight:
    """What is seen in one frame: landmarks of the hand, contour of the instrument's mask, a rough pose of it.

    `mask` are distances to that mask and `visible` its pixels: a first frame is solved better with them, a follow-up
    does without. `terms` is whatever else was seen of hand 0 and instrument 0.
    """

    landmarks: LandmarkTerm
    contour: MaskContour | None
    instrument: InstrumentState | None
    mask: MaskDistance | None = None
    visible: VisibleMask | None = None
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Touching:
    """Points of a hand that touch, with their places (m) in the frames of an instrument's links."""

    points: Int64[NDArray[np.int64], " n"] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    links: Int64[NDArray[np.int64], " n"] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    places: Float64[Array, "n 3"] = field(default_factory=lambda: np.zeros((0, 3)))


@dataclass(frozen=True)
class GraspFit:
    """Hand and instrument of one frame (batch of 1), with what the next frame starts from.

    `in_front` is False where hand or instrument is behind the camera as a whole: no image can have said so.
    """

    state: SceneState
    solution: Solution
    touching: Touching
    entries: Entries
    before: SceneState | None = None
    in_front: bool = True
    nearest: tuple[Array, NearestOnHand] | None = None
    """How both lay to each other, and where the instrument's samples were on the hand: `Engine.found_before`."""


class GraspSolver:
    """Solves one hand with one instrument; `shape` is the hand's calibrated shape.

    `descend` minimises: another way than `solver.solve` can be put in its place to be compared.
    """

    def __init__(
        self,
        hand: HandBody,
        instrument: InstrumentBody,
        shape: Float64[Array, "10"],
        posture: AnglePrior,
        settings: GraspSettings | None = None,
        descend: Descend = solve,
    ) -> None:
        self.settings = settings or GraspSettings()
        self._descend = descend
        self.bodies = Bodies((hand,), (instrument,))
        self._posture = posture
        self._shape = shape
        self._unknown = Entries.none(self.bodies, 0, 0)
        self._engines: dict[int, Engine] = {}

    def start(self, sight: GraspSight, hands: HandState) -> GraspFit:
        """The first frame, from hands that fit the landmarks (a batch of alternatives) and the instrument's rough pose.

        Every alternative is tried at several depths. What explains the image best and touches is taken.
        """
        assert sight.instrument is not None, "the first frame needs a rough pose of the instrument"
        own = self.settings
        rough, reached = self._starts(hands, sight.instrument)
        weight = self._weights(None, own.instrument_start)
        if own.align is not None:
            held = weight.copy()
            held[:, 6:51] = 1.0 / own.align.hold_angles
            rough, aligned = self._narrowed(own.align, (*own.aligned, own.finalists), sight, held, rough, reached)
            reached = aligned.state
        _, solution = self._narrowed(own.joint, own.finishing, sight, weight, rough, reached)
        best = self._best(solution, sight.visible)
        return self._fit(_only(solution, np.array([best])), self._unknown, None)

    def _narrowed(
        self,
        stage: Stage,
        kept: tuple[int, ...],
        sight: GraspSight,
        weight: Float64[Array, "1 n"],
        rough: SceneState,
        reached: SceneState,
    ) -> tuple[SceneState, Solution]:
        """A stage from several starts, of which the best so many go on after each round, with what is expected of them.

        Rounds after which none is left out are run together.
        """
        after = [kept[min(i, len(kept) - 1)] if kept else len(reached.wrist) for i in range(len(stage.steps))]
        first = 0
        while True:
            count = len(reached.wrist)
            last = next((i + 1 for i in range(first, len(after)) if after[i] < count), len(after))
            run = stage.rounds(first, last)
            solution = self._run(self._engine(count), run, sight, Priors(self._posture, rough, weight), reached)
            if last < len(after) or after[-1] < count:
                best = np.argsort(self._lacks(solution), kind="stable")[: after[last - 1]]
                rough, solution = rough.take(best), _only(solution, best)
            if last == len(after):
                return rough, solution
            first, reached = last, solution.state

    def _starts(self, hands: HandState, instrument: InstrumentState) -> tuple[SceneState, SceneState]:
        """What is expected, and where each start begins: every hand at every depth."""
        offsets = np.array(self.settings.depth_offsets)
        hand = np.repeat(np.arange(len(hands.wrist)), len(offsets))
        one = np.zeros(len(hand), dtype=np.intp)
        tool = InstrumentState(instrument.R[one], instrument.t[one], instrument.angles[one])
        rough = SceneState.of([hands.take(hand)], [tool])
        ray = rough.wrist / np.linalg.norm(rough.wrist, axis=-1, keepdims=True)
        moved = rough.wrist + ray * np.tile(offsets, len(hands.wrist))[:, None, None]
        return rough, replace(rough, wrist=moved)

    def _best(self, solution: Solution, visible: VisibleMask | None) -> int:
        """The best solution: also of what it shows otherwise, which is looked at only where it can still decide."""
        lacks, engine = self._lacks(solution), self._engine(len(solution.cost))
        order = [int(b) for b in np.argsort(lacks, kind="stable")]
        best, least = order[0], np.inf
        if visible is None:
            return best
        for b in order:
            if not lacks[b] < least:
                break
            all_in_all = lacks[b] + self._mismatch(b, engine, visible) / self.settings.mismatch_area
            if all_in_all < least:
                best, least = b, all_in_all
        return best

    def _lacks(self, solution: Solution) -> Float64[Array, " b"]:
        """Cost of each solution and what it lacks of a grasp, infinite where none was found. Places them.

        Costs alone would favour hands that touch nothing, as nothing pulls at them.
        """
        own, engine = self.settings, self._engine(len(solution.cost))
        engine.place(solution.state, correct=True)
        distance = Snapshot(engine, 0).distances(0, 0)[0]
        zones = self.bodies.hands[0].points.zones[: distance.shape[1]]
        nearest = [distance[:, zones == zone].min(axis=1) for zone in np.unique(zones[zones >= 0])]
        gap2 = np.sort(np.maximum(nearest, 0.0), axis=0)[: own.touching_zones] ** 2
        missing = (gap2 / (1.0 + gap2 / own.touching_scale**2)).sum(axis=0) / own.touching_sigma**2
        return np.where(solution.finite, solution.cost + missing, np.inf)

    def _mismatch(self, b: int, engine: Engine, visible: VisibleMask) -> float:
        """How much of the picture shows the instrument where it should not, or the other way round, in problem `b`."""
        vertices, links, faces = self.bodies.instruments[0].surface
        R, t = engine.links(0)
        body = (R[b, links] @ vertices[..., None])[..., 0] + t[b, links]
        hand = engine.hand_points()[b, 0, :N_VERTICES]
        return visible.mismatch((hand, self.bodies.hands[0].faces), (body, faces))

    def follow(self, sight: GraspSight, last: GraspFit) -> GraspFit:
        """The next frame: hand and instrument go on as one body, at the speed they had."""
        own = self.settings
        expected = self._predicted(last)
        if last.nearest is not None:
            self._engine(1).found_before[0, 0, 0] = last.nearest
        weight = self._weights(own.hand_motion, own.instrument_motion)
        terms: list[Term] = []
        if len(last.touching.points):
            t = last.touching
            terms.append(RigidityTerm(0, 0, t.points, t.links, t.places, own.rigidity_sigma))
        priors = Priors(self._posture, expected, weight)
        solution = self._run(self._engine(1), own.follow, sight, priors, expected, last.entries, terms)
        return self._fit(solution, last.entries, last.state)

    def _run(
        self,
        engine: Engine,
        stage: Stage,
        sight: GraspSight,
        priors: Priors,
        start: SceneState,
        entries: Entries | None = None,
        more: Sequence[Term] = (),
    ) -> Solution:
        weight = np.broadcast_to(priors.weight, (engine.batch, self.bodies.n_columns))
        own = self.settings
        terms: list[Term] = [
            sight.landmarks,
            ContactTerm(0, 0, stage.contact_sigma, stage.contact_reach, upsampled=own.upsampled),
            PenetrationTerm(0, 0, stage.penetration_sigma, entries=entries or self._unknown),
            *sight.terms,
            *more,
        ]
        if sight.contour is not None:
            hidden = self._hidden(sight.contour, start)
            reach, aside = stage.outline_reach, stage.outline_aside
            terms.append(InstrumentOutlineTerm(0, sight.contour, hidden, own.outline_sigma_px, reach, aside))
        if sight.mask is not None and stage.silhouette_sigma > 0.0:
            reach = stage.outline_reach
            terms.append(InstrumentSilhouetteTerm(0, sight.mask, (0,), stage.silhouette_sigma, reach))
        return self._descend(engine, [terms] * engine.batch, replace(priors, weight=weight), start, stage.steps)

    def _hidden(self, contour: MaskContour, start: SceneState) -> Bool[NDArray[np.bool_], " n"]:
        """Contour points that the hand covers where it starts: landmarks hold it in its place in the image."""
        engine = self._engine(1)
        engine.place(start.take(np.zeros(1, dtype=np.intp)), correct=True)
        return hidden_by(contour, engine.hand_points()[0, 0, :N_VERTICES], self.bodies.hands[0].faces)

    def _weights(self, hand: PoseSigmas | None, instrument: PoseSigmas) -> Float64[Array, "1 n"]:
        parts = [np.zeros(51) if hand is None else _inverse(hand, 45)]
        parts.append(_inverse(instrument, self.bodies.instruments[0].n_joints))
        return np.concatenate(parts)[None]

    def _predicted(self, last: GraspFit) -> SceneState:
        now, before = last.state, last.before
        if before is None:
            return now
        turn = now.turn[:, 0] @ np.swapaxes(before.turn[:, 0], -1, -2)
        sign = self.bodies.hands[0].sign
        wrist = now.wrist + (now.wrist - before.wrist)
        hand = HandState(wrist[:, 0], turn @ now.turn[:, 0], now.angles[:, 0])
        mirror = np.diag([sign, 1.0, 1.0])
        R = mirror @ turn @ mirror
        pivot, moved = now.wrist[:, 0] @ mirror, wrist[:, 0] @ mirror
        base = moved + (R @ (now.base[:, 0] - pivot)[..., None])[..., 0]
        return SceneState.of([hand], [InstrumentState(R @ now.base_turn[:, 0], base, now.joints)])

    def _fit(self, solution: Solution, entries: Entries, before: SceneState | None) -> GraspFit:
        engine = self._engine(1)
        engine.place(solution.state, correct=True)
        geometry = Geometry(Snapshot(engine, 0), 0)
        in_front = all(float(x[:, 2].max()) > 0.0 for x in (geometry.hand_points(0), geometry.samples(0)[0]))
        touching, after = self._touching(geometry), entries.after(geometry)
        nearest = engine.found_before[0, 0, 0]
        return GraspFit(solution.state, solution, touching, after, before, in_front, nearest)

    def _touching(self, geometry: Geometry) -> Touching:
        distance, _, links = geometry.distances(0, 0, TOUCHING_M)
        zones = self.bodies.hands[0].points.zones[: len(distance)]
        points = np.flatnonzero((distance < TOUCHING_M) & (zones >= 0))
        R, t = geometry.links(0)
        link = links[points].astype(np.int64)
        off = geometry.hand_points(0)[points] - t[link]
        return Touching(points, link, np.einsum("nji,nj->ni", R[link], off))

    def slipped(self, before: Touching, fit: GraspFit, rate: float) -> Touching:
        """What touched before, its places moved by a share of the way to where the points are now; anew where too
        little touched."""
        if len(before.points) < LEAST_TOUCHING:
            return fit.touching
        engine = self._engine(1)
        engine.place(fit.state, correct=True)
        R, t = engine.links(0)
        off = engine.hand_points()[0, 0, before.points] - t[0, before.links]
        now = (np.swapaxes(R[0, before.links], 1, 2) @ off[..., None])[..., 0]
        return replace(before, places=before.places + rate * (now - before.places))

    def in_hand(self, state: SceneState) -> InstrumentState:
        """The instrument of a solution (batch of one) in the frame of the wrist, as that of a right hand."""
        mirror = self._mirror
        back = np.swapaxes(state.turn[:, 0], -1, -2)
        off = state.base[:, 0] @ mirror - state.wrist[:, 0]
        R = back @ mirror @ state.base_turn[:, 0] @ mirror
        return InstrumentState(R, (back @ off[..., None])[..., 0], state.joints)

    def with_in_hand(self, hand: HandState, held: InstrumentState) -> SceneState:
        """A hand (batch of one) with an instrument in the frame of its wrist, the inverse of `in_hand`."""
        mirror = self._mirror
        base = hand.wrist + (hand.rotation @ held.t[..., None])[..., 0]
        tool = InstrumentState(mirror @ hand.rotation @ held.R @ mirror, base @ mirror, held.angles)
        return SceneState.of([hand], [tool])

    @property
    def _mirror(self) -> Float64[Array, "3 3"]:
        return np.diag([self.bodies.hands[0].sign, 1.0, 1.0])

    def contacts(self, fit: GraspFit, covariance: Float64[Array, "n n"], pair: Pair) -> Contacts:
        """Where hand and instrument of a fit touch; `covariance` is that of the tangent, `pair` has the track ids."""
        return contacts(self._engine(1), fit.state, covariance, pair)

    def vertices(self, state: SceneState) -> Float64[Array, "778 3"]:
        """The hand's mesh in a solution (batch of one), m, camera frame, not mirrored."""
        return self._points(state)[:N_VERTICES]

    def landmarks(self, state: SceneState) -> Float64[Array, "21 3"]:
        """The hand's landmarks in a solution (batch of one), m, camera frame, not mirrored."""
        return self._points(state)[self.bodies.hands[0].points.first_landmark :]

    def _points(self, state: SceneState) -> Float64[Array, "p 3"]:
        engine = self._engine(1)
        engine.place(state, correct=True)
        return np.array(engine.hand_points()[0, 0])

    def _engine(self, batch: int) -> Engine:
        if batch not in self._engines:
            self._engines[batch] = Engine(self.bodies, [self._shape], batch)
        return self._engines[batch]


def _inverse(sigmas: PoseSigmas, angles: int) -> Float64[Array, " n"]:
    return 1.0 / np.concatenate([np.full(3, sigmas.place), np.full(3, sigmas.rotation), np.full(angles, sigmas.angles)])


def _only(solution: Solution, index: NDArray[np.intp]) -> Solution:
    """One hypothesis of a solution."""
    return Solution(
        solution.state.take(index),
        solution.cost[index],
        solution.matrix[index],
        solution.converged[index],
        solution.finite[index],
        solution.steps[index],
        tuple(solution.terms[i] for i in index),
    )
