"""Finding hands that are not tracked yet: proposers name regions, the landmark network verifies them.

Everything remembered between images is a `ProposalMemory`, passed in and out; effort is counted in evaluations of
the landmark network, so a run repeats exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from hoi_perception.config import DetectionConfig
from hoi_perception.hands.detection import PalmNetwork
from hoi_perception.hands.landmarks import Colours, region_from_landmarks
from hoi_perception.hands.plausibility import agree, is_plausible, same_hand, same_place
from hoi_perception.hands.scan import moved, scan_step, visible_scan_step
from hoi_perception.types import HandLandmarks, HandRegion
from hoi_perception.visible_area import VisibleArea

Image = UInt8[NDArray[np.uint8], "h w 3"]

_PROMISING = 0.2  # presence at which a look is repeated from its own landmarks: on hands that raises it
_SMOOTH_PRESENCE = 0.9  # presence demanded of a smoothed look, in which skin and boxes can reach 0.8
_COLOURED_PRESENCE = 0.65  # the same of a look in other colours, in which a bare hand is seen less well
_ACCEPTED_AGAIN = 0.5  # presence of a look without smoothing that is preferred to a smoothed one
_PLAIN_PRESENCE = 0.8  # presence of a look in the image's own colours that is preferred to one in others
_LOOKS_PER_REGION = 5  # evaluations from a proposed region to an accepted hand, at most
_LOOKS_TO_BEGIN = 3  # evaluations that have to be left for a further look: a hand seldom takes more
_FURTHER_PER_CALL = 3  # further looks of one call at most while a hand is followed
_AHEAD = 4  # further looks by which a place is ahead of the next one that the proposers name
_MEMORY_FRAMES = 10  # a region that no proposer names for so long is forgotten
_REST_FRAMES = 20  # calls for which a region rests after all its further looks have failed


@dataclass(frozen=True)
class Look:
    """One way to look at a proposed region: turned, `scale` times as large, in which colours, smoothed or not."""

    turn_deg: float = 0.0
    colours: Colours = Colours.PLAIN
    smooth: bool = False
    scale: float = 1.0

    def at(self, region: HandRegion) -> HandRegion:
        """The part of the image that is looked at."""
        angle = region.angle_rad + float(np.radians(self.turn_deg))
        return replace(region, angle_rad=angle, size_px=self.scale * region.size_px)


FIRST_LOOK = Look()
_TURNS_DEG = (0.0, 45.0, -45.0, 90.0, -90.0, 135.0, -135.0, 180.0)
FURTHER_LOOKS = (
    Look(colours=Colours.TINTED),
    *(
        Look(turn, colours, scale=scale)
        for turn in _TURNS_DEG
        for scale in (1.35, 1.0)
        for colours in (Colours.TINTED, Colours.PLAIN)
        if (turn, scale) != (0.0, 1.0)
    ),
    *(Look(turn, Colours.SWAPPED) for turn in _TURNS_DEG[:5]),
    *(Look(turn, smooth=True) for turn in _TURNS_DEG[:5]),
)
"""What follows a first look that failed: places of gloved hands are named well, their sizes and directions less so.

Smoothed looks come last: what they accept lies less well on the hand.
"""
_TINTED_LOOK, _SWAPPED_LOOK, _SMOOTH_LOOK = (
    Look(colours=Colours.TINTED),
    Look(colours=Colours.SWAPPED),
    Look(smooth=True),
)
SCAN_LOOKS = (
    (FIRST_LOOK, _TINTED_LOOK),
    (_TINTED_LOOK, FIRST_LOOK),
    (_SWAPPED_LOOK, _SMOOTH_LOOK),
    (_SMOOTH_LOOK, _SWAPPED_LOOK),
)
"""Looks of the scan, round by round, at every second region and at those between."""


@dataclass(frozen=True)
class FoundHand:
    """A verified hand. `colours` and `smooth` are how it was seen and how it should be followed."""

    landmarks: HandLandmarks
    colours: Colours = Colours.PLAIN
    smooth: bool = False

    @property
    def region(self) -> HandRegion:
        """Where to look for it in the next image."""
        return region_from_landmarks(self.landmarks)


@dataclass(frozen=True)
class Attempt:
    """A region that was proposed and not accepted: how many further looks were taken, when it was last and when first
    proposed."""

    region: HandRegion
    looks: int
    frame: int
    since: int


@dataclass(frozen=True)
class ProposalMemory:
    """State of the search: count of searched frames, position of the scan, regions tried lately."""

    frame: int = 0
    scan_position: int = 0
    attempts: tuple[Attempt, ...] = ()


class Proposer(Protocol):
    """Names regions that may hold a hand, best first."""

    def propose(self, image_bgr: Image) -> list[HandRegion]: ...


class LandmarkLook(Protocol):
    """The landmark network, or what stands in for it."""

    def run(
        self, image_bgr: Image, region: HandRegion, colours: Colours = Colours.PLAIN, smooth: bool = False
    ) -> HandLandmarks: ...


class PalmProposer:
    """Regions from the palm network at a low threshold."""

    def __init__(self, network: PalmNetwork, config: DetectionConfig) -> None:
        self._network = network
        self._config = config

    def propose(self, image_bgr: Image) -> list[HandRegion]:
        """Regions of the best palms."""
        palms = self._network.run(image_bgr, self._config.palm_threshold)
        return [palm.region for palm in palms[: self._config.max_proposals]]


class Verifier:
    """Turns proposed regions into hands."""

    def __init__(self, network: LandmarkLook, proposers: Sequence[Proposer], config: DetectionConfig) -> None:
        self._network = network
        self._proposers = proposers
        self._config = config

    def step(
        self,
        image_bgr: Image,
        tracked: Sequence[HandLandmarks],
        memory: ProposalMemory,
        *,
        wanted: int,
        budget: int,
        hints: Sequence[HandRegion] = (),
        visible: VisibleArea | None = None,
    ) -> tuple[list[FoundHand], ProposalMemory]:
        """At most `wanted` new hands in at most `budget` evaluations, and the state for the next call.

        `tracked` are this image's landmarks of the hands already followed. `hints` are regions from elsewhere (a lost
        hand's prediction, another detector); they come before the proposers' own. While a hand is followed, proposers
        run every `proposal_interval`-th call, the scan in the others; else both run every time. A place gets its first
        look when it is new and every second time it is named, and its further looks in turn, so that none of them is
        left out however many places there are. The search is confined to the `visible` part of the
        image, where that is known.
        """
        search = _Search(self._network, image_bgr, tracked, wanted, budget, visible)
        due = memory.frame % self._config.proposal_interval == 0
        regions = list(hints)
        if (due or not tracked) and not search.over:
            regions += self._propose(image_bgr, visible)
        attempts = _recall(_distinct(regions, search.occupied), memory)
        attempts = _first_looks(search, attempts, memory.frame, len(hints))
        position = memory.scan_position
        if not due or not tracked:
            waiting = any(memory.frame - a.frame <= 1 and a.looks < len(FURTHER_LOOKS) for a in attempts)
            position = self._scan(search, position, search.left // 2 if waiting else search.left)
        most = _FURTHER_PER_CALL if tracked else budget
        attempts = _further_looks(search, attempts, memory.frame, FURTHER_LOOKS, most)
        return search.found, ProposalMemory(memory.frame + 1, position, tuple(attempts))

    def _propose(self, image_bgr: Image, visible: VisibleArea | None) -> list[HandRegion]:
        """The proposers' regions; they see no more than the box of the visible part, and that the larger for it."""
        x0, y0, x1, y1 = visible.box_px if visible else (0, 0, image_bgr.shape[1], image_bgr.shape[0])
        part = image_bgr[y0:y1, x0:x1]
        regions = [region for proposer in self._proposers for region in proposer.propose(part)]
        return [moved(region, x0, y0) for region in regions] if visible else regions

    def _scan(self, search: _Search, position: int, most: int) -> int:
        """Looks at the next regions of the background scan, passing over those of known hands; the new position.

        It begins no look after `most` evaluations.
        """
        height, width = search.image_bgr.shape[:2]
        end = position + (self._config.scan_regions if search.occupied else self._config.scan_regions_idle)
        enough = search.left - most
        while position < end and search.left > enough and not search.over:
            visible = search.visible
            step = visible_scan_step(position, visible) if visible else scan_step(position, width, height)
            if step is None:
                end += 1
            elif not any(same_place(step.region, other) for other in search.occupied):
                looks = SCAN_LOOKS[step.round % len(SCAN_LOOKS)]
                search.look(step.region, looks[step.number % 2])
            position += 1
        return position


class _Search:
    """The looks of one step: what they may cost, what they found."""

    def __init__(
        self,
        network: LandmarkLook,
        image_bgr: Image,
        tracked: Sequence[HandLandmarks],
        wanted: int,
        budget: int,
        visible: VisibleArea | None,
    ) -> None:
        self.image_bgr = image_bgr
        self.visible = visible
        self.found: list[FoundHand] = []
        self.occupied = [region_from_landmarks(landmarks) for landmarks in tracked]
        self._network = network
        self._known = list(tracked)
        self._wanted = wanted
        self.left = budget

    @property
    def over(self) -> bool:
        """Whether everything wanted is found or the budget is spent."""
        return self.left <= 0 or len(self.found) >= self._wanted

    def look(self, region: HandRegion, look: Look) -> bool:
        """Whether this look at the region found a hand that was not known."""
        landmarks = self._verify(look.at(region), look)
        if landmarks is None or any(same_hand(landmarks, other) for other in self._known):
            return False
        hand = FoundHand(landmarks, look.colours, look.smooth)
        as_it_is = look.colours is Colours.PLAIN and not look.smooth
        self.found.append(hand if as_it_is else self._plainer(hand))
        self._known.append(landmarks)
        self.occupied.append(region_from_landmarks(landmarks))
        return True

    def _plainer(self, hand: FoundHand) -> FoundHand:
        """The hand without smoothing, and in its own colours, where it is seen so too: landmarks are better then."""
        if hand.smooth:
            hand = self._seen_otherwise(hand, FoundHand(hand.landmarks, hand.colours), _ACCEPTED_AGAIN)
        if hand.colours is not Colours.PLAIN:
            hand = self._seen_otherwise(hand, FoundHand(hand.landmarks, Colours.PLAIN, hand.smooth), _PLAIN_PRESENCE)
        return hand

    def _seen_otherwise(self, hand: FoundHand, otherwise: FoundHand, presence: float) -> FoundHand:
        """The hand as the other look sees it, where that agrees and is as sure as that; else as it is."""
        if self.left <= 0:
            return hand
        again = self._network.run(self.image_bgr, hand.region, otherwise.colours, otherwise.smooth)
        self.left -= 1
        good = again.presence >= presence and agree(hand.landmarks, again)
        return replace(otherwise, landmarks=again) if good else hand

    def _verify(self, region: HandRegion, look: Look) -> HandLandmarks | None:
        """Landmarks on which two looks in a row agree, each from the landmarks of the one before."""
        height, width = self.image_bgr.shape[:2]
        before: HandLandmarks | None = None
        for _ in range(_LOOKS_PER_REGION):
            if self.over:
                return None
            landmarks = self._network.run(self.image_bgr, region, look.colours, look.smooth)
            self.left -= 1
            if landmarks.presence < _PROMISING or not is_plausible(landmarks, width, height, self.visible):
                return None
            if landmarks.presence >= _demanded(look) and before is not None and agree(before, landmarks):
                return landmarks
            before, region = landmarks, region_from_landmarks(landmarks)
        return None


def _demanded(look: Look) -> float:
    """Presence that a look has to reach."""
    if look.smooth:
        return _SMOOTH_PRESENCE
    return 0.0 if look.colours is Colours.PLAIN else _COLOURED_PRESENCE


def _distinct(regions: Sequence[HandRegion], occupied: Sequence[HandRegion]) -> list[HandRegion]:
    """The regions that are neither those of known hands nor repeat an earlier one."""
    kept: list[HandRegion] = []
    for region in regions:
        if not any(same_place(region, other) for other in (*occupied, *kept)):
            kept.append(region)
    return kept


def _recall(regions: Sequence[HandRegion], memory: ProposalMemory) -> list[Attempt]:
    """Attempts at the regions, going on where an earlier attempt at the same place stopped; then older attempts."""
    older = [a for a in memory.attempts if memory.frame - a.frame <= _MEMORY_FRAMES]
    now = []
    for region in regions:
        match = next((a for a in older if same_place(a.region, region)), None)
        if match is not None:
            older.remove(match)
        known = match or Attempt(region, 0, memory.frame, memory.frame)
        now.append(replace(known, region=region, frame=memory.frame))
    return now + older


def _first_looks(search: _Search, attempts: Sequence[Attempt], frame: int, hints: int) -> list[Attempt]:
    """First looks at the places named in this image: at hints and new ones, at the others every second time."""
    kept = []
    for rank, attempt in enumerate(attempts):
        due = rank < hints or attempt.since == frame or (frame + rank) % 2 == 0
        if attempt.frame < frame or not due or not search.look(attempt.region, FIRST_LOOK):
            kept.append(attempt)
    return kept


def _further_looks(
    search: _Search, attempts: Sequence[Attempt], frame: int, looks: Sequence[Look], most: int
) -> list[Attempt]:
    """Takes the next further look at the place that had the fewest, those named first being ahead, `most` times in
    all; the places where no hand was found. After its last look a place rests for a while.
    """
    kept = [attempt for attempt in attempts if frame - attempt.frame > 1]
    waiting = [attempt for attempt in attempts if frame - attempt.frame <= 1]
    resting = [attempt for attempt in waiting if attempt.looks >= len(looks)]
    queue = [attempt for attempt in waiting if attempt.looks < len(looks)]
    rank = {attempt.region: k for k, attempt in enumerate(waiting)}
    while queue and most > 0 and search.left >= _LOOKS_TO_BEGIN and not search.over:
        attempt = min(queue, key=lambda a: a.looks + _AHEAD * rank[a.region])
        queue.remove(attempt)
        most -= 1
        if search.look(attempt.region, looks[attempt.looks]):
            continue
        later = replace(attempt, looks=attempt.looks + 1)
        (queue if later.looks < len(looks) else kept).append(later)
    rested = [replace(a, looks=(a.looks + 1) % (len(looks) + _REST_FRAMES)) for a in resting]
    return [*queue, *rested, *kept]
