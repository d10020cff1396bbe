"""Names of TF frames that stay with what they name.

`hand_left`, `hand_right` and `instrument_<name>`; only the second of a kind has a number (`hand_left_2`). A track keeps
its name while it lives, whoever comes and goes beside it. A name is free again when its track is gone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hoi_perception.hands.joints import TIP_NAMES
from hoi_perception.types import Scene, TrackState

INSTRUMENT = "instrument_"


@dataclass(frozen=True)
class FrameName:
    """The `number`th of a kind ("hand_left"), counted from 1."""

    kind: str
    number: int = 1

    def __str__(self) -> str:
        return self.kind if self.number == 1 else f"{self.kind}_{self.number}"


@dataclass(frozen=True)
class FrameNames:
    """Names by track id of everything in the latest scene: passed in with the next one."""

    hands: Mapping[int, FrameName] = field(default_factory=dict)
    instruments: Mapping[int, FrameName] = field(default_factory=dict)

    def hand(self, track_id: int) -> str:
        """Frame of a hand's wrist."""
        return str(self.hands[track_id])

    def instrument(self, track_id: int) -> str:
        """Frame of an instrument's base link."""
        return str(self.instruments[track_id])

    def instrument_label(self, track_id: int) -> str:
        """The same without `instrument_`, for the topics of one instrument."""
        return self.instrument(track_id).removeprefix(INSTRUMENT)

    def after(self, scene: Scene) -> FrameNames:
        """Names for a scene: known tracks keep theirs, new ones get the lowest free number of their kind.

        The scene is the whole one: what is left out of its messages for once keeps its name.
        """
        hands = {h.track_id: f"hand_{h.side.label}" for h in scene.hands if h.state is not TrackState.LOST}
        instruments = {
            i.track_id: instrument_frame(i.name) for i in scene.instruments if i.state is not TrackState.LOST
        }
        return FrameNames(_renamed(self.hands, hands), _renamed(self.instruments, instruments))


def hand_tip_frame(hand: str, finger: int) -> str:
    """Frame of a finger's tip: 0 for the thumb, 4 for the little finger."""
    return f"{hand}_{TIP_NAMES[finger]}_tip"


def instrument_frame(name: str) -> str:
    """Frame of the base link of an instrument of the library, the first of its kind."""
    return INSTRUMENT + _allowed(name)


def instrument_link_frame(instrument: str, link: str) -> str:
    """Frame of another link of an instrument, `instrument` being that of its base link."""
    return f"{instrument}_{_allowed(link)}"


def instrument_tip_frame(instrument: str, tip: str) -> str:
    """Frame of a named tip of an instrument."""
    return f"{instrument}_{_allowed(tip)}"


def _renamed(before: Mapping[int, FrameName], kinds: Mapping[int, str]) -> dict[int, FrameName]:
    """A name for each track; a track that changed its kind (a hand's side) counts as new."""
    names = {t: n for t, n in before.items() if kinds.get(t) == n.kind}
    taken = {str(name) for name in names.values()}
    for track_id in sorted(kinds.keys() - names.keys()):
        number = 1
        while str(name := FrameName(kinds[track_id], number)) in taken:
            number += 1
        names[track_id] = name
        taken.add(str(name))
    return names


def _allowed(name: str) -> str:
    """The name with only what ROS allows in topics."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)
