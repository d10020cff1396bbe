"""One instrument followed from image to image by regions, held by whatever else knows where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.colour import Colours, Cover, Image, Provider
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.region_lines import (
    NOTHING_SEEN,
    Agreement,
    ContourLines,
    LineReader,
    agreement,
    contour_lines,
    count_colours,
)
from hoi_perception.interaction.bodies import Bodies, InstrumentBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.region_certainty import Certainty, certainty
from hoi_perception.interaction.rows import RowBlock
from hoi_perception.interaction.shared_edge import LineRows, with_shared_edge
from hoi_perception.interaction.solver import Solution, Term, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.region import REGION, RegionSettings, RegionTerm
from hoi_perception.types import Camera

Array = NDArray[np.float64]
_NO_POSTURE = AnglePrior(np.zeros(45), np.zeros((45, 45)), np.full(45, -np.inf), np.full(45, np.inf), 0.0)

LEAST_STEP_S = 1e-3
"""Time between two frames below which they tell no speed, s."""


@dataclass(frozen=True)
class TrackerSettings:
    """What tracking takes for granted; standard deviations per frame of what was predicted (m, rad)."""

    region: RegionSettings = REGION
    place_sigma: float = 0.03
    turn_sigma: float = 0.15
    joint_sigma: float = 0.03
    learning_rate: float = 0.1
    held: float = 0.05
    """Share of the anchors' information until the lines have settled: what errs in all frames alike would draw a thin
    instrument beyond the reach of its lines."""
    carried: float = 0.7
    """Share of the measured velocity in the velocity that the next frame is predicted with."""
    sure: float = 0.35
    """Agreement from which colours are learned."""
    lost: float = 0.2
    """Agreement below which a frame does not show the instrument where it was found. One in which it is hidden fails
    only where nothing else tells its pose."""
    worth: float = 0.35
    """Share of the lines' information that the covariance is made of: neighbours err alike."""
    edge_sigma_px: float = 0.1
    """How far in or out colours may place all edges alike, px: blur mixes colours that were never learned."""
    patience: int = 5
    """Frames in a row that may fail before a track is lost."""
    least_seen: float = 0.1
    """Share of the contour's surroundings that has to be visible for a frame to tell anything."""


@dataclass(frozen=True)
class Held:
    """A term that counts with a share of its information only in the rounds before `settled`."""

    term: Term
    settled: int
    share: float

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """Its rows, for the bodies where they are now."""
        rows = self.term.rows(geometry)
        if geometry.round >= self.settled:
            return rows
        return [replace(block, weight=np.sqrt(self.share) * block.weight) for block in rows]


@dataclass(frozen=True, eq=False)
class RegionTrack:
    """All that is remembered of one instrument between frames.

    `state` is a batch of one; `velocity` is along its tangent (m/s, rad/s). `failed` counts the frames in a row that
    did not show it where it was expected; `lost` is set once they are too many. `rows` are what the image said in the
    last round of the latest solve, for a solve of more than this instrument.
    """

    state: InstrumentState
    velocity: Float64[Array, " k"]
    stamp_ns: int
    colours: Colours
    certainty: Certainty
    agreement: Agreement
    failed: int = 0
    lost: bool = False
    rows: tuple[RowBlock, ...] = ()


@dataclass(frozen=True, eq=False)
class Refined:
    """A pose that agrees with an image: the solution, whose matrix knows of what all edges have in common, its lines,
    None where nothing is seen, and the rows that the image gave."""

    state: InstrumentState
    solution: Solution
    lines: ContourLines | None
    rows: tuple[RowBlock, ...] = ()
    evidence: Any = None
    """What the image says, as `kernels.region.Evidence`."""


def velocity_to(track: RegionTrack, state: InstrumentState, stamp_ns: int, carried: float) -> Float64[Array, " k"]:
    """That share of the velocity with which a track gets to a state; none where no time passed."""
    elapsed = (stamp_ns - track.stamp_ns) * 1e-9
    return (carried / elapsed if elapsed > LEAST_STEP_S else 0.0) * track.state.step_to(state)


class RegionTracker:
    """Follows one instrument; what is remembered is in `RegionTrack`, everything here is fixed."""

    def __init__(self, body: InstrumentBody, model: ContourModel, camera: Camera, settings: TrackerSettings) -> None:
        self.body, self.model, self.camera, self.settings = body, model, camera, settings
        self._engine = Engine(Bodies((), (body,)), (), 1, capacity=settings.region.n_lines + 64)
        self._reader = LineReader(settings.region.n_lines)

    def begin(self, image: Image, cover: Cover, state: InstrumentState, stamp_ns: int) -> RegionTrack | None:
        """A track of an instrument known to be at a pose; None where nothing of it is seen."""
        lines = contour_lines(self.model, pose_links(self.model.tree, state), self.camera, self.settings.region.n_lines)
        colours = count_colours(lines, Colours.none().evidence(image, cover)) if len(lines) else None
        if colours is None:
            return None
        k = 6 + self.body.n_joints
        found = agreement(lines, colours.evidence(image, cover))
        return RegionTrack(state, np.zeros(k), stamp_ns, colours, Certainty.none(k), found)

    def unseen(self, state: InstrumentState, stamp_ns: int) -> RegionTrack:
        """A track of an instrument of which nothing shows, nor any colour is known."""
        k = 6 + self.body.n_joints
        return RegionTrack(state, np.zeros(k), stamp_ns, Colours.none(), Certainty.none(k), NOTHING_SEEN)

    def predict(self, track: RegionTrack, stamp_ns: int) -> InstrumentState:
        """Where it should be at a time if it moves on evenly."""
        return track.state.plus(track.velocity[None] * (stamp_ns - track.stamp_ns) * 1e-9)

    def refine(
        self, provider: Provider, image: Image, cover: Cover, start: InstrumentState, anchors: Sequence[Term] = ()
    ) -> Refined:
        """The pose near a start that agrees best with the image and with the anchors."""
        evidence = provider.evidence(image, cover)
        term = RegionTerm(0, self.model, self.camera, evidence, self.settings.region, self._reader)
        expected = SceneState.of([], [start])
        weight = np.repeat(1.0 / self._sigmas()[None], 1, axis=0)
        priors = Priors(_NO_POSTURE, expected, weight)
        rounds = [1] * len(self.settings.region.levels)
        held = [Held(anchor, self.settings.region.settled, self.settings.held) for anchor in anchors]
        solution = solve(self._engine, [[term, *held]], priors, expected, rounds)
        equations = self._engine.normal_equations()
        worth, edge = self.settings.worth, self.settings.edge_sigma_px
        rows = LineRows.of(self._engine, "region")
        step, matrix = with_shared_edge(rows, equations.gradient[0], equations.matrix[0], edge, worth)
        state = solution.state.instrument(0, slice(0, self.body.n_joints)).plus(step[None])
        lines = None if term.lines is None else term.lines.moved(pose_links(self.model.tree, state), self.camera)
        return Refined(state, replace(solution, matrix=matrix[None]), lines, tuple(term.latest), evidence)

    def follow(
        self, track: RegionTrack, image: Image, cover: Cover, stamp_ns: int, anchors: Sequence[Term] = ()
    ) -> RegionTrack:
        """The track one frame later; `cover` says what hides it."""
        start = self.predict(track, stamp_ns)
        refined = self.refine(track.colours, image, cover, start, anchors)
        state, solution, lines = refined.state, refined.solution, refined.lines
        evidence = refined.evidence
        found = agreement(lines, evidence) if lines is not None else NOTHING_SEEN
        usable = bool(solution.finite[0]) and np.isfinite(solution.matrix[0]).all()
        tells = found.seen >= self.settings.least_seen
        good = usable and (found.both >= self.settings.lost if tells else len(anchors) > 0)
        failed = 0 if good else track.failed + 1
        carried = self.settings.carried if good else 0.0
        colours = track.colours
        if good and tells and found.both >= self.settings.sure:
            new = count_colours(lines, evidence) if lines is not None else None
            colours = colours if new is None else colours.blended(new, self.settings.learning_rate)
        information = solution.matrix[0] - np.diag(1.0 / self._sigmas() ** 2)
        return replace(
            track,
            state=state if usable else start,
            velocity=velocity_to(track, state if usable else start, stamp_ns, carried if usable else 0.0),
            stamp_ns=stamp_ns,
            colours=colours,
            certainty=certainty(self.model, state, information),
            agreement=found,
            failed=failed,
            lost=failed > self.settings.patience,
            rows=refined.rows if good and tells else (),
        )

    def _sigmas(self) -> Float64[Array, " k"]:
        s = self.settings
        return np.repeat([s.place_sigma, s.turn_sigma, s.joint_sigma], [3, 3, self.body.n_joints])
