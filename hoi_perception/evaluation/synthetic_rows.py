"""The rows of the synthetic tables: what each one switches on. A row is a configuration of one runner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from hoi_perception.evaluation.rough_poses import ROUGH
from hoi_perception.instrument_tracking.settings import HELD
from hoi_perception.interaction.grasp import GraspSettings
from hoi_perception.interaction.stages import Stage

_NEVER_M = 1e3
"""A standard deviation that makes a term weigh nothing."""
JUDGED_EVERY = 10
"""Frames between two of which bodies are measured against each other."""
SUBSET_SHARE = (5, 12)
"""Of so many judged frames as the second says, one after the other through all clips, so many are in the fixed subset:
300 of the test split's 720."""


class Hands(Enum):
    """Where a row's hands come from: truth, the networks' landmarks, true landmarks with the true shape."""

    TRUTH = "truth"
    NETWORK = "network"
    ORACLE = "oracle"


class Tools(Enum):
    """Where a row's instruments come from: truth, a rough pose in each frame, followed from one in the first frame,
    found by the package itself without masks or with them, each frame solved by itself from its rough pose."""

    TRUTH = "truth"
    ROUGH = "rough"
    FOLLOWED = "followed"
    FOUND = "found"
    FOUND_BY_MASK = "found by mask"
    SINGLE = "single"


@dataclass(frozen=True)
class Row:
    """One row; `title` is what tables call it, `adam` minimises by Adam."""

    name: str
    title: str
    hands: Hands
    tools: Tools
    settings: GraspSettings = HELD
    adam: bool = False

    @property
    def subset(self) -> bool:
        """Whether the row answers on the fixed subset of frames only."""
        return self.tools is Tools.SINGLE

    @property
    def searches(self) -> bool:
        """Whether instruments are named to the row and nothing else is told of them."""
        return self.tools in (Tools.FOUND, Tools.FOUND_BY_MASK)


def subset_frames(clip: int, count: int) -> frozenset[int]:
    """Frames of the fixed subset in the clip with that place, if all clips have `count` frames: spread evenly."""
    own = range(0, count, JUDGED_EVERY)
    taken, of = SUBSET_SHARE
    return frozenset(frame for k, frame in enumerate(own, clip * len(own)) if k * taken % of < taken)


def _without_contact(stage: Stage) -> Stage:
    return replace(stage, contact_sigma=_NEVER_M, penetration_sigma=(_NEVER_M,))


_FULL = HELD
_ONE = replace(_FULL, depth_offsets=(0.0,), finalists=1)
_BY_FRAMES = replace(_FULL, rigidity_sigma=_NEVER_M)
_PLAIN = replace(_BY_FRAMES, upsampled=False)
_TRACKING = replace(
    _PLAIN,
    align=None if _PLAIN.align is None else _without_contact(_PLAIN.align),
    joint=_without_contact(_PLAIN.joint),
    follow=_without_contact(_PLAIN.follow),
    touching_sigma=_NEVER_M,
)
TRUTH, START, TRACKING, CONTACT, UPSAMPLING, TEMPORAL, ORACLE = (
    "truth",
    "start",
    "tracking",
    "contact",
    "upsampling",
    "temporal",
    "oracle",
)
FOUND, FOUND_BY_MASK = "found", "found_by_mask"
SINGLE, ADAM = "single_image", "single_image_adam"
ROWS = (
    Row(TRUTH, "truth", Hands.TRUTH, Tools.TRUTH),
    Row(START, f"start (instrument: {ROUGH} in each frame)", Hands.NETWORK, Tools.ROUGH),
    Row(TRACKING, f"+ tracking (instrument: {ROUGH} once)", Hands.NETWORK, Tools.FOLLOWED, _TRACKING),
    Row(CONTACT, "+ contact, no upsampling", Hands.NETWORK, Tools.FOLLOWED, _PLAIN),
    Row(UPSAMPLING, "+ upsampling", Hands.NETWORK, Tools.FOLLOWED, _BY_FRAMES),
    Row(TEMPORAL, "+ temporal: all of ours", Hands.NETWORK, Tools.FOLLOWED, _FULL),
    Row(FOUND, "found: all of ours, the instrument never told", Hands.NETWORK, Tools.FOUND),
    Row(FOUND_BY_MASK, "found by mask: the same, with masks that err by 2 px", Hands.NETWORK, Tools.FOUND_BY_MASK),
    Row(ORACLE, "all of ours, true landmarks and hand shape", Hands.ORACLE, Tools.FOLLOWED, _FULL),
)
SUBSET_ROWS = (
    Row(SINGLE, f"single images, ours (instrument: {ROUGH})", Hands.NETWORK, Tools.SINGLE, _FULL),
    Row(ADAM, f"single images, Adam (instrument: {ROUGH})", Hands.NETWORK, Tools.SINGLE, _ONE, adam=True),
)


def rows(*, adam: bool) -> tuple[Row, ...]:
    """All rows in the tables' order, that of Adam only where asked for."""
    return (*ROWS, *SUBSET_ROWS) if adam else (*ROWS, SUBSET_ROWS[0])
