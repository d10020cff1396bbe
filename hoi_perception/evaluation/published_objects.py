"""Objects of one sequence of a data set: followed from a told pose on, and judged beside the start and the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hoi_perception.datasets.errors import FileProblem, ReadError
from hoi_perception.datasets.sample import DatasetInfo, ObjectTruth, Sample
from hoi_perception.evaluation.published_bench import ObjectBench, Thing
from hoi_perception.evaluation.published_follow import Followed, Following, States
from hoi_perception.evaluation.published_judge import Answer, HandKey, HandSurface, ObjectJudge, in_picture
from hoi_perception.evaluation.record_statistics import Tally, tallied
from hoi_perception.evaluation.records import Record
from hoi_perception.evaluation.rough_poses import ROUGH
from hoi_perception.types import Frame, Hand, Scene

TRUTH, START, OURS = "truth", "start", "ours"
TITLES = {
    TRUTH: "truth",
    START: f"start (object: {ROUGH} in each frame)",
    OURS: f"this package (object: {ROUGH} once)",
}
"""The rows in the tables' order."""


@dataclass(frozen=True)
class ObjectResult:
    """What the objects of one sequence gave.

    `tallies` by rows; `files` are hashes of the meshes' files; `left_out` says why objects could not be followed, by
    file; `tellings` counts the poses that were told; `without_hands` are frames with objects whose hands' surfaces are
    not known.
    """

    tallies: dict[str, tuple[Tally, ...]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    tellings: int = 0
    without_hands: int = 0


@dataclass(frozen=True, eq=False)
class SampleHands:
    """Hands of one frame: true ones (those that have to be found and whose surface is known), found ones by the key of
    the true one, and how a found one's surface is had."""

    true: Mapping[HandKey, HandSurface]
    found: Mapping[HandKey, Hand]
    surface: Callable[[Hand], HandSurface]


class SequenceObjects:
    """Follows and judges the objects of one sequence."""

    def __init__(self, bench: ObjectBench, sequence: str, info: DatasetInfo) -> None:
        self._bench, self._things = bench, dict[str, Thing]()
        self._following = Following(bench, sequence, info.rate_hz, stills=info.stills)
        self._judge = ObjectJudge(self._things, bench.settings)
        self._records: dict[str, list[Record]] = {row: [] for row in TITLES}
        self._files: dict[str, str] = {}
        self._left_out: dict[str, str] = {}
        self._without_hands = 0
        self.problems: list[FileProblem] = []

    def step(self, number: int, sample: Sample, frame: Frame, scene: Scene, hands: SampleHands) -> None:
        """One frame, the `number`-th of the sequence, with the hands that the pipeline found in it."""
        truth = self._known(sample)
        wanted = frozenset(n for n, state in truth.items() if in_picture(self._things[n].body, state, sample.camera))
        follows = not self._following.starts_anew(frame.stamp_ns)
        try:
            followed = self._following.step(frame, scene, self._things, truth, sorted(wanted))
            records = self._judged(number, sample, hands, truth, wanted, followed, follows=follows)
        except ValueError as error:
            reason = f"its objects could not be followed or measured ({error})"
            self.problems.append(FileProblem(sample.picture.name, reason, 0))
            self._judge.forget()
            return
        self._without_hands += bool(wanted) and not hands.true
        for row, new in records.items():
            self._records[row] += new

    def _judged(
        self,
        number: int,
        sample: Sample,
        hands: SampleHands,
        truth: States,
        wanted: frozenset[str],
        followed: Followed,
        *,
        follows: bool,
    ) -> dict[str, list[Record]]:
        """Records of the frame, row by row."""
        found = {key: hand for key, hand in hands.found.items() if key in hands.true}
        solved = {key: followed.hands.get(hand.track_id, hand) for key, hand in found.items()}
        true = Answer(dict(hands.true), truth)
        rows = {
            TRUTH: true,
            START: Answer({key: hands.surface(hand) for key, hand in found.items()}, followed.rough),
            OURS: Answer({key: hands.surface(hand) for key, hand in solved.items()}, followed.found),
        }
        return self._judge.records(number, sample.frame, true, rows, wanted, follows=follows)

    def result(self) -> ObjectResult:
        """What the sequence gave."""
        tallies = {row: tallied(records) for row, records in self._records.items()}
        return ObjectResult(tallies, self._files, self._left_out, self._following.tellings, self._without_hands)

    def _known(self, sample: Sample) -> States:
        """True poses of those objects that can be measured, each name once."""
        states: States = {}
        for one in sample.objects:
            if not one.grasped or one.name in states:
                continue
            thing = self._thing(one)
            if thing is not None:
                states[one.name] = thing.model.state(one)
        return states

    def _thing(self, one: ObjectTruth) -> Thing | None:
        if one.name in self._things:
            return self._things[one.name]
        self._files |= self._bench.prints(one)
        thing = self._bench.thing(one)
        if isinstance(thing, ReadError):
            self._left_out[thing.path] = thing.reason
            return None
        self._things[one.name] = thing
        return thing
