"""When a search has come to an end: one candidate stands out in enough frames, and nothing speaks for another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hoi_perception.instrument_tracking.outline_fit import taken
from hoi_perception.instrument_tracking.start_settings import StartSettings
from hoi_perception.instrument_tracking.starting import Search, values
from hoi_perception.instrument_tracking.weighing import Signs
from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.metrics.instrument import nearest_equivalent
from hoi_perception.transforms import axis_angle_from_rotation


@dataclass(frozen=True, eq=False)
class Accepted:
    """A pose that was found (batch of one), the track of the hand that holds it (`NO_HAND` for none), what speaks for
    it, by how much that is more than for the next one, how far its ends may be off (m), how much of what is seen of it
    the map fills, and the share of what the map shows that it leaves out."""

    state: InstrumentState
    hand: int
    value: float
    lead: float
    unsure: float
    filled: float
    missed: float


def accepted(
    search: Search, told: bool, settings: StartSettings, symmetries: Sequence[Symmetry] = ()
) -> Accepted | None:
    """The pose that a search came to; None while it goes on."""
    best = leader(search, told, settings, symmetries)
    test = settings.of_masks if told else settings.of_colours
    if best is None or best.lead < test.lead or best.unsure > test.unsure_m:
        return None
    return best if best.filled >= test.filled and best.missed <= test.missed else None


def leader(search: Search, told: bool, settings: StartSettings, symmetries: Sequence[Symmetry] = ()) -> Accepted | None:
    """The best candidate of those that were there in enough frames, whether or not it is to be believed.

    `symmetries` are those of the instrument's base link: poses that look the same do not contradict each other.
    """
    some = search.candidates
    if some is None or not (some.frames >= settings.frames).any():
        return None
    worth = values(some, settings.of_masks if told else settings.of_colours)
    best = int(np.where(some.frames >= settings.frames, worth, -np.inf).argmax())
    if not np.isfinite(some.state.t[best]).all():
        return None
    rivals = [worth[k] for k in range(len(some)) if _contradict(some.state, best, k, settings, symmetries)]
    lead = float(worth[best] - max(rivals, default=-np.inf))
    signs = Signs(*some.signs[best][:, None])
    filled = float(signs.inside[0] / max(signs.inside[0] + signs.lacking[0], 1e-6))
    state = taken(some.state, np.array([best]))
    hand, value, off = int(some.hands[best]), float(worth[best]), float(some.unsure[best])
    return Accepted(state, hand, value, lead, off, filled, float(signs.missed[0]))


def _contradict(
    state: InstrumentState, a: int, b: int, settings: StartSettings, symmetries: Sequence[Symmetry]
) -> bool:
    R, t = nearest_equivalent(state.R[a], state.R[b], state.t[b], symmetries)
    turn = float(np.linalg.norm(axis_angle_from_rotation(state.R[a] @ R.T)))
    return bool(np.linalg.norm(state.t[a] - t) > settings.other_m or turn > settings.other_rad)
