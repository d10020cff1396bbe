"""One instrument followed by regions in the images of one or more cameras, held by whatever else knows where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.colour import Colours, Cover, Image, Provider
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.region_lines import (
    NOTHING_COUNTED,
    NOTHING_SEEN,
    Agreement,
    Tally,
)
from hoi_perception.interaction.bodies import Bodies, InstrumentBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.region_certainty import Certainty, certainty
from hoi_perception.interaction.region_eye import Eye, Picture, Shown, evidence_of
from hoi_perception.interaction.rows import RowBlock
from hoi_perception.interaction.shared_edge import SharingRows, sharing_rows, with_shared_errors
from hoi_perception.interaction.solver import Solution, Term, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.instrument_depth import (
    DEPTH,
    DEPTH_TERM,
    DepthImage,
    DepthSettings,
    InstrumentDepthTerm,
)
from hoi_perception.interaction.terms.region import REGION, RegionSettings, RegionTerm
from hoi_perception.types import Camera, PlacedCamera

Array = NDArray[np.float64]
_NO_POSTURE = AnglePrior(np.zeros(45), np.zeros((45, 45)), np.full(45, -np.inf), np.full(45, np.inf), 0.0)

LEAST_STEP_S = 1e-3
"""Time between two frames below which they tell no speed, s."""


@dataclass(frozen=True)
class TrackerSettings:
    """What tracking takes for granted; standard deviations per frame of what was predicted (m, rad)."""

    region: RegionSettings = REGION
    place_sigma: float = 0.03
    depth_sigma: float = 0.03
    """The same along the optical axis."""
    turn_sigma: float = 0.15
    joint_sigma: float = 0.03
    joint_share: float = float("inf")
    """Share of a joint's range that the same is at most."""
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
    depth: DepthSettings = DEPTH
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
    did not show it where it was expected; `lost` is set once they are too many. `rows` are what images and depth said
    in the last round of the latest solve, for a solve of more than this instrument; `by_depth` is whether depth decided
    how far away it is. `further` are the colours in the images of further cameras by their names: each has its own
    white balance, and one that is not seen for a while keeps them.
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
    further: Mapping[str, Colours] = field(default_factory=dict)
    by_depth: bool = False


@dataclass(frozen=True, eq=False)
class Refined:
    """A pose that agrees with images: the solution, whose matrix knows of what all edges of an image have in common,
    what each camera shows, the rows that they gave, and whether measured depth says more than they of the distance."""

    state: InstrumentState
    solution: Solution
    shown: tuple[Shown, ...]
    rows: tuple[RowBlock, ...] = ()
    by_depth: bool = False


def _by_depth(groups: Sequence[SharingRows], matrix: Float64[Array, "k k"], state: InstrumentState) -> bool:
    """Whether without depths the variance of how far away an instrument is would be twice what it is with them."""
    told = [rows.information for rows in groups if rows.term == DEPTH_TERM]
    if not told or not np.isfinite(matrix).all():
        return False
    ray = np.zeros(len(matrix))
    ray[:3] = state.t[0] / max(float(np.linalg.norm(state.t[0])), 1e-9)
    without, with_ = (float(ray @ np.linalg.solve(m, ray)) for m in (matrix - sum(told), matrix))
    return without > 2.0 * with_


def velocity_to(track: RegionTrack, state: InstrumentState, stamp_ns: int, carried: float) -> Float64[Array, " k"]:
    """That share of the velocity with which a track gets to a state; none where no time passed."""
    elapsed = (stamp_ns - track.stamp_ns) * 1e-9
    return (carried / elapsed if elapsed > LEAST_STEP_S else 0.0) * track.state.step_to(state)


class RegionTracker:
    """Follows one instrument; what is remembered is in `RegionTrack`, everything here is fixed.

    All poses are in the frame of `camera`. Pictures of the `further` cameras are given in their order, or none of them;
    None stands for one that is missing.
    """

    def __init__(
        self,
        body: InstrumentBody,
        model: ContourModel,
        camera: Camera,
        settings: TrackerSettings,
        further: Sequence[PlacedCamera] = (),
    ) -> None:
        self.body, self.model, self.camera, self.settings = body, model, camera, settings
        self.further = tuple(further)
        region = settings.region
        self._eyes = [Eye(model, region, camera), *(Eye(model, region, p.camera, p) for p in self.further)]
        self._engine = Engine(Bodies((), (body,)), (), 1, capacity=region.n_lines * (len(self._eyes) + 2) + 64)

    def begin(
        self,
        image: Image,
        cover: Cover,
        state: InstrumentState,
        stamp_ns: int,
        further: Sequence[Picture | None] = (),
    ) -> RegionTrack | None:
        """A track of an instrument known to be at a pose; None where no camera sees anything of it."""
        shown = self._first_shown(state, image, cover, further)
        found = [one.colours for one in shown]
        if all(colours is None for colours in found):
            return None
        learned = evidence_of(found, image, cover, further)
        tallies = (Shown(one.lines, now).tally for one, now in zip(shown, learned, strict=True) if now is not None)
        track = replace(
            self.unseen(state, stamp_ns), colours=found[0] or Colours.none(), further=self._named(found[1:])
        )
        return replace(track, agreement=sum(tallies, NOTHING_COUNTED).agreement)

    def unseen(self, state: InstrumentState, stamp_ns: int) -> RegionTrack:
        """A track of an instrument of which nothing shows, nor any colour is known."""
        k = 6 + self.body.n_joints
        return RegionTrack(state, np.zeros(k), stamp_ns, Colours.none(), Certainty.none(k), NOTHING_SEEN)

    def predict(self, track: RegionTrack, stamp_ns: int) -> InstrumentState:
        """Where it should be at a time if it moves on evenly."""
        return track.state.plus(track.velocity[None] * (stamp_ns - track.stamp_ns) * 1e-9)

    def refine(
        self,
        provider: Provider,
        image: Image,
        cover: Cover,
        start: InstrumentState,
        anchors: Sequence[Term] = (),
        further: Sequence[Any] = (),
    ) -> Refined:
        """The pose near a start that agrees best with the image and with the anchors; `further` is what the images of
        further cameras say, as `kernels.region.Evidence`."""
        return self._refined([provider.evidence(image, cover), *further], start, anchors)

    def follow(
        self,
        track: RegionTrack,
        image: Image,
        cover: Cover,
        stamp_ns: int,
        anchors: Sequence[Term] = (),
        further: Sequence[Picture | None] = (),
        shown: Provider | None = None,
        least_said: float = 1.0,
        depth_m: DepthImage | None = None,
    ) -> RegionTrack:
        """The track one frame later; `cover` says what hides it, `shown` tells it from its surroundings in place of its
        colours, `least_said` is as in `Tally.agreed`. `depth_m` is registered to the image (NaN where there is none).
        """
        start = self.predict(track, stamp_ns)
        providers = (shown or track.colours, *(track.further.get(one.name) for one in self.further))
        refined = self._refined(evidence_of(providers, image, cover, further), start, anchors, depth_m)
        state, solution = refined.state, refined.solution
        tallies = [one.tally for one in refined.shown]
        found = sum(tallies, NOTHING_COUNTED).agreed(least_said)
        usable = bool(solution.finite[0]) and np.isfinite(solution.matrix[0]).all()
        tells = found.seen >= self.settings.least_seen
        good = usable and (found.both >= self.settings.lost if tells else len(anchors) > 0)
        failed = 0 if good else track.failed + 1
        carried = self.settings.carried if good else 0.0
        if good and tells and found.both >= self.settings.sure:
            track = self._learned(track, refined.shown, tallies)
            track = self._acquainted(track, state, image, cover, further)
        information = solution.matrix[0] - np.diag(1.0 / self._sigmas() ** 2)
        return replace(
            track,
            state=state if usable else start,
            velocity=velocity_to(track, state if usable else start, stamp_ns, carried if usable else 0.0),
            stamp_ns=stamp_ns,
            certainty=certainty(self.model, state, information),
            agreement=found,
            failed=failed,
            lost=failed > self.settings.patience,
            rows=refined.rows if good and tells else (),
            by_depth=refined.by_depth and good and tells,
        )

    def _refined(
        self,
        evidences: Sequence[Any],
        start: InstrumentState,
        anchors: Sequence[Term],
        depth_m: DepthImage | None = None,
    ) -> Refined:
        own = self.settings
        seeing = list(zip(self._eyes, evidences, strict=False))
        terms = [None if evidence is None else eye.term(evidence) for eye, evidence in seeing]
        present: list[RegionTerm | InstrumentDepthTerm] = [term for term in terms if term is not None]
        if depth_m is not None and terms[0] is not None:
            present.append(InstrumentDepthTerm(terms[0], depth_m, own.depth))
        expected = SceneState.of([], [start])
        priors = Priors(_NO_POSTURE, expected, 1.0 / self._sigmas()[None])
        rounds = [1] * len(own.region.levels)
        held = [Held(anchor, own.region.settled, own.held) for anchor in anchors]
        solution = solve(self._engine, [[*present, *held]], priors, expected, rounds)
        equations = self._engine.normal_equations()
        groups = sharing_rows(self._engine, own.edge_sigma_px, own.depth.shared, own.worth)
        step, matrix = with_shared_errors(groups, equations.gradient[0], equations.matrix[0])
        state = solution.state.instrument(0, slice(0, self.body.n_joints)).plus(step[None])
        shown = tuple(eye.after(term, state) for (eye, _), term in zip(seeing, terms, strict=True))
        rows = tuple(block for term in present for block in term.latest)
        return Refined(state, replace(solution, matrix=matrix[None]), shown, rows, _by_depth(groups, matrix, state))

    def _learned(self, track: RegionTrack, shown: Sequence[Shown], tallies: Sequence[Tally]) -> RegionTrack:
        """The track with the colours of the images that agree."""
        known = [track.colours, *(track.further.get(one.name) for one in self.further)]
        for k, (one, counted) in enumerate(zip(shown, tallies, strict=True)):
            new, old = one.colours if counted.agreement.both >= self.settings.sure else None, known[k]
            if new is not None and old is not None:
                known[k] = old.blended(new, self.settings.learning_rate)
        return replace(track, colours=known[0] or track.colours, further={**track.further, **self._named(known[1:])})

    def _acquainted(
        self,
        track: RegionTrack,
        state: InstrumentState,
        image: Image,
        cover: Cover,
        further: Sequence[Picture | None],
    ) -> RegionTrack:
        """The track with the colours of cameras that saw nothing of it before, counted where the others place it."""
        if all(one.name in track.further for one in self.further):
            return track
        first = [one.colours for one in self._first_shown(state, image, cover, further)[1:]]
        return replace(track, further={**self._named(first), **track.further})

    def _first_shown(
        self, state: InstrumentState, image: Image, cover: Cover, further: Sequence[Picture | None]
    ) -> list[Shown]:
        """What each camera shows of an instrument at a pose whose colours nobody knows."""
        evidences = evidence_of([Colours.none()] * len(self._eyes), image, cover, further)
        return [eye.shown(state, evidence) for eye, evidence in zip(self._eyes, evidences, strict=False)]

    def _named(self, colours: Sequence[Colours | None]) -> dict[str, Colours]:
        """Those that are known, by the names of the further cameras."""
        return {one.name: own for one, own in zip(self.further, colours, strict=False) if own is not None}

    def _sigmas(self) -> Float64[Array, " k"]:
        s = self.settings
        pose = np.repeat([s.place_sigma, s.depth_sigma, s.turn_sigma], [2, 1, 3])
        tree = self.model.tree
        return np.append(pose, np.minimum(s.joint_sigma, s.joint_share * (tree.upper - tree.lower)))
