"""The search for hands with a made-up landmark network whose hands are known, then on real hands."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.config import DetectionConfig
from hoi_perception.hands.detection import PalmNetwork
from hoi_perception.hands.landmarks import Colours, LandmarkNetwork, region_from_landmarks
from hoi_perception.hands.plausibility import agree, is_plausible, same_hand, same_place
from hoi_perception.hands.proposals import FURTHER_LOOKS, FoundHand, PalmProposer, ProposalMemory, Verifier
from hoi_perception.hands.scan import LARGE, TURNS_DEG, scan_regions, scan_step
from hoi_perception.types import HandLandmarks, HandRegion

Networks = tuple[PalmNetwork, LandmarkNetwork]
ReadFrame = Callable[[str, int], NDArray[np.uint8]]
IMAGE = np.zeros((720, 1280, 3), np.uint8)
CONFIG = DetectionConfig()


def hand_at(x: float, y: float, length: float = 100.0, presence: float = 0.9) -> HandLandmarks:
    """An upright open hand whose wrist is at x, y."""
    points = np.zeros((21, 2))
    points[1:5] = [[-0.2, -0.2], [-0.4, -0.4], [-0.5, -0.6], [-0.55, -0.8]]
    for finger, base in enumerate((-0.3, -0.1, 0.1, 0.3)):
        points[5 + 4 * finger : 9 + 4 * finger] = [[base, -1.0 - d] for d in (0.0, 0.4, 0.6, 0.8)]
    return HandLandmarks(length * points + [x, y], np.zeros(21), presence, 0.9)


@dataclass
class KnownHands:
    """Sees a hand where the region's middle is near its own region, if need be only in some colours or smoothed."""

    hands: list[HandLandmarks]
    needs: Colours = Colours.PLAIN
    needs_smoothing: bool = False
    looks: list[tuple[HandRegion, Colours, bool]] = field(default_factory=list)

    def run(
        self, image_bgr: NDArray[np.uint8], region: HandRegion, colours: Colours = Colours.PLAIN, smooth: bool = False
    ) -> HandLandmarks:
        self.looks.append((region, colours, smooth))
        for hand in self.hands:
            near = math.dist(region.center_px, region_from_landmarks(hand).center_px) < 0.3 * region.size_px
            if near and self.needs in (Colours.PLAIN, colours) and smooth >= self.needs_smoothing:
                return hand
        return replace(hand_at(*region.center_px), presence=0.01)


@dataclass
class FixedRegions:
    regions: list[HandRegion]
    calls: int = 0

    def propose(self, image_bgr: NDArray[np.uint8]) -> list[HandRegion]:
        self.calls += 1
        return self.regions


def make_verifier(network: KnownHands, regions: list[HandRegion], **settings: int) -> tuple[Verifier, FixedRegions]:
    proposer = FixedRegions(regions)
    config = replace(CONFIG, **settings)
    return Verifier(network, [proposer], config), proposer


LEFT, RIGHT = hand_at(300, 500), hand_at(900, 500)


def test_proposed_hands_are_found() -> None:
    verifier, _ = make_verifier(KnownHands([LEFT, RIGHT]), [region_from_landmarks(h) for h in (LEFT, RIGHT)])
    found, memory = verifier.step(IMAGE, [], ProposalMemory(), wanted=2, budget=8)
    assert [f.landmarks for f in found] == [LEFT, RIGHT]
    assert found[0].region == region_from_landmarks(LEFT)
    assert memory.attempts == ()


def test_no_more_hands_than_wanted_and_looks_than_budgeted() -> None:
    regions = [region_from_landmarks(h) for h in (LEFT, RIGHT)]
    found, _ = make_verifier(KnownHands([LEFT, RIGHT]), regions)[0].step(
        IMAGE, [], ProposalMemory(), wanted=1, budget=8
    )
    assert len(found) == 1
    network = KnownHands([])
    verifier, _ = make_verifier(network, regions)
    memory = ProposalMemory()
    for budget in (0, 1, 3, 8):
        network.looks.clear()
        found, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=budget)
        assert found == []
        assert len(network.looks) <= budget


def test_tracked_hand_is_not_found_again() -> None:
    network = KnownHands([LEFT])
    verifier, _ = make_verifier(network, [region_from_landmarks(LEFT)])
    memory = ProposalMemory()
    for _ in range(50):
        found, memory = verifier.step(IMAGE, [LEFT], memory, wanted=1, budget=7)
        assert found == []


def test_the_same_region_twice_is_looked_at_once() -> None:
    network = KnownHands([])
    region = region_from_landmarks(LEFT)
    verifier, _ = make_verifier(network, [region, replace(region, angle_rad=1.0)], scan_regions=0, scan_regions_idle=0)
    _, memory = verifier.step(IMAGE, [], ProposalMemory(), wanted=2, budget=1)
    assert len(memory.attempts) == 1


def test_further_looks_come_in_order_and_then_rest() -> None:
    network = KnownHands([])
    region = region_from_landmarks(LEFT)
    verifier, _ = make_verifier(network, [region], scan_regions=0, scan_regions_idle=0)
    memory = ProposalMemory()
    first = [(region, Colours.PLAIN, False)]
    further: list[tuple[HandRegion, Colours, bool]] = []
    while len(further) < len(FURTHER_LOOKS):
        network.looks.clear()
        _, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=8)
        assert len(network.looks) <= 8
        looks = network.looks[1:] if network.looks[:1] == first else network.looks
        assert looks
        further += looks
    assert further == [(look.at(region), look.colours, look.smooth) for look in FURTHER_LOOKS]
    for _ in range(10):
        network.looks.clear()
        _, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=8)
        assert network.looks in ([], first)


def test_every_place_gets_its_further_looks_in_turn() -> None:
    """With more places than one image has looks for, none of them is left out."""
    network = KnownHands([])
    places = [HandRegion((x, 300.0), 150.0, 0.0) for x in range(100, 1000, 150)]
    verifier, _ = make_verifier(network, places, scan_regions=0, scan_regions_idle=0)
    memory = ProposalMemory()
    for _ in range(60):
        network.looks.clear()
        _, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=8)
        assert len(network.looks) <= 8
    taken = {attempt.region.center_px[0]: attempt.looks for attempt in memory.attempts}
    assert len(taken) == len(places) and min(taken.values()) > 0
    assert [taken[place.center_px[0]] for place in places] == sorted(taken.values(), reverse=True)


@pytest.mark.parametrize(("turn_deg", "scale"), [(0.0, 1.3), (45.0, 1.0), (-90.0, 1.3), (135.0, 1.3), (180.0, 1.0)])
def test_a_hand_is_found_though_size_and_direction_are_named_wrong(turn_deg: float, scale: float) -> None:
    """The network sees it upright and in its own size alone."""
    true = region_from_landmarks(LEFT)

    class OneWay(KnownHands):
        def run(
            self,
            image_bgr: NDArray[np.uint8],
            region: HandRegion,
            colours: Colours = Colours.PLAIN,
            smooth: bool = False,
        ) -> HandLandmarks:
            seen = super().run(image_bgr, region, colours, smooth)
            off = (region.angle_rad - true.angle_rad + math.pi) % (2.0 * math.pi) - math.pi
            right = abs(off) < math.radians(23.0) and abs(math.log(region.size_px / true.size_px)) < math.log(1.2)
            return seen if right else replace(seen, presence=0.01)

    named = replace(true, angle_rad=true.angle_rad - math.radians(turn_deg), size_px=true.size_px / scale)
    verifier, _ = make_verifier(OneWay([LEFT]), [named], scan_regions=0, scan_regions_idle=0)
    memory = ProposalMemory()
    for _ in range(10):
        found, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=8)
        if found:
            break
    assert [f.landmarks for f in found] == [LEFT]


@pytest.mark.parametrize("needed", [Colours.SWAPPED, Colours.TINTED])
def test_hand_seen_in_other_colours_alone(needed: Colours) -> None:
    verifier, _ = make_verifier(
        KnownHands([LEFT], needs=needed), [region_from_landmarks(LEFT)], scan_regions=0, scan_regions_idle=0
    )
    memory, found = ProposalMemory(), list[FoundHand]()
    for _ in range(20):
        found, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=8)
        if found:
            break
    assert [f.colours for f in found] == [needed]


@pytest.mark.parametrize("needs_smoothing", [False, True])
def test_hand_seen_smoothed_is_followed_so_only_if_it_must(needs_smoothing: bool) -> None:
    hand = hand_at(640, 600, length=150.0)
    verifier, _ = make_verifier(KnownHands([hand], needs_smoothing=needs_smoothing), [region_from_landmarks(hand)])
    memory = ProposalMemory()
    found: list[FoundHand] = []
    while not found:
        found, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=8)
    assert [f.smooth for f in found] == [needs_smoothing]


def test_hints_come_first() -> None:
    verifier, _ = make_verifier(KnownHands([LEFT, RIGHT]), [region_from_landmarks(LEFT)])
    hint = region_from_landmarks(RIGHT)
    found, _ = verifier.step(IMAGE, [], ProposalMemory(), wanted=1, budget=2, hints=[hint])
    assert found[0].landmarks is RIGHT


def test_proposers_pause_while_a_hand_is_followed() -> None:
    verifier, proposer = make_verifier(KnownHands([]), [], proposal_interval=2)
    memory = ProposalMemory()
    for _ in range(6):
        _, memory = verifier.step(IMAGE, [LEFT], memory, wanted=1, budget=7)
    assert proposer.calls == 3
    for _ in range(6):
        _, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=8)
    assert proposer.calls == 9


def test_scan_finds_what_nothing_proposes() -> None:
    hand = hand_at(1000, 600, length=150.0)
    verifier, _ = make_verifier(KnownHands([hand]), [])
    memory = ProposalMemory()
    for _ in range(60):
        found, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=8)
        if found:
            break
    assert [f.landmarks for f in found] == [hand]


def test_search_repeats_exactly() -> None:
    def looks() -> list[tuple[HandRegion, Colours, bool]]:
        network = KnownHands([])
        verifier, _ = make_verifier(network, [region_from_landmarks(LEFT)])
        memory = ProposalMemory()
        for _ in range(20):
            _, memory = verifier.step(IMAGE, [], memory, wanted=2, budget=8)
        return network.looks

    assert looks() == looks()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 640), (480, 640), (1, 1)])
def test_scan_covers_the_image_in_all_turns(width: int, height: int) -> None:
    regions = scan_regions(width, height)
    assert len(set(regions)) == len(regions)
    assert len(regions) % len(TURNS_DEG) == 0
    large = scan_regions(width, height, LARGE)
    assert min(r.size_px for r in large) > max(r.size_px for r in regions)
    steps = [scan_step(position, width, height) for position in range(2 * len(regions) + 2)]
    assert [step.region for step in steps[1::2]] == [*regions, regions[0]]
    assert [step.region for step in steps[0::2]][: len(large)] == list(large)
    assert steps[-1].round == 1 and steps[1].round == 0 and steps[2 * len(large)].round == 1
    first_turn = regions[: len(regions) // len(TURNS_DEG)]
    for x, y in [(0, 0), (width, 0), (width / 2, height / 2), (width / 3, height)]:
        assert any(math.dist(r.center_px, (x, y)) < 0.35 * r.size_px for r in first_turn)


def test_scan_points_to_the_middle_first() -> None:
    for region in scan_regions(1280, 720)[:20]:
        dx, dy = 640 - region.center_px[0], 360 - region.center_px[1]
        if math.hypot(dx, dy) > 1:
            fingers = math.sin(region.angle_rad), -math.cos(region.angle_rad)
            assert np.dot(fingers, (dx, dy)) == pytest.approx(math.hypot(dx, dy))


def test_agreement_and_identity_of_hands() -> None:
    moved = hand_at(305, 500)
    assert agree(LEFT, moved)
    assert not agree(LEFT, replace(moved, presence=0.4))
    assert not agree(LEFT, hand_at(400, 500))
    assert same_hand(LEFT, hand_at(330, 500))
    assert same_hand(LEFT, replace(LEFT, points_px=LEFT.points_px[::-1].copy()))  # same box, other order
    assert not same_hand(LEFT, RIGHT)
    assert is_plausible(LEFT, 1280, 720)
    assert not is_plausible(hand_at(-40, 500), 1280, 720)


def test_same_place_of_regions() -> None:
    region = HandRegion((100.0, 100.0), 200.0, 0.0)
    assert same_place(region, HandRegion((150.0, 100.0), 220.0, 2.0))
    assert not same_place(region, HandRegion((170.0, 100.0), 200.0, 0.0))
    assert not same_place(region, HandRegion((100.0, 100.0), 400.0, 0.0))


@pytest.mark.parametrize(
    ("name", "index", "hands"),
    [("coffee.mp4", 0, 2), ("coffee.mp4", 200, 1), ("cups.mp4", 120, 2), ("cups.mp4", 190, 2)],
)
def test_hands_of_real_images(networks: Networks, read_frame: ReadFrame, name: str, index: int, hands: int) -> None:
    palm, network = networks
    verifier = Verifier(network, [PalmProposer(palm, CONFIG)], CONFIG)
    image = read_frame(name, index)
    found, memory = verifier.step(image, [], ProposalMemory(), wanted=2, budget=CONFIG.max_verifications)
    assert len(found) == hands
    assert all(f.landmarks.presence > 0.8 for f in found)
    tracked = [f.landmarks for f in found]
    for _ in range(4):
        again, memory = verifier.step(image, tracked, memory, wanted=1, budget=7)
        assert again == []
