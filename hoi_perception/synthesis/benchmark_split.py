"""The fixed split of the surgical benchmark: which sequences, persons and instruments belong to which part.

No instrument and no person of the test part occurs in another part; validation has persons of its own. The only
needle holder is for training: in the test part a fine haemostat drives the needle, as it does where no needle holder is
at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.synthesis.look import Optics
from hoi_perception.synthesis.surgery_tracks import OtherHand, Task
from hoi_perception.types import Side

Array = NDArray[np.float64]
Kind = TypeVar("Kind")
FRAMES = 150


class Split(Enum):
    """A part of the benchmark."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


SIZES = {Split.TRAIN: 240, Split.VALIDATION: 40, Split.TEST: 48}
"""Sequences of each part."""
PERSONS = {Split.TRAIN: 60, Split.VALIDATION: 12, Split.TEST: 16}
_SEEDS = {Split.TRAIN: 1, Split.VALIDATION: 2, Split.TEST: 3}

SEEN = (
    "scalpel_10",
    "scalpel_11",
    "adson_forceps",
    "micro_tweezers",
    "mayo_scissors",
    "iris_scissors",
    "mayo_hegar_needle_holder",
    "kelly_haemostat",
    "allis_clamp",
    "army_navy_retractor",
    "yankauer_suction",
    "syringe",
    "trocar",
)
"""Instruments of training and validation."""
UNSEEN = (
    "scalpel_15",
    "debakey_forceps",
    "metzenbaum_scissors",
    "mosquito_haemostat",
    "senn_retractor",
    "frazier_suction",
    "bone_curette",
)
"""Instruments of the test part."""

_TASKS = {
    Task.CUTTING: 4,
    Task.SUTURING: 4,
    Task.GRASPING: 4,
    Task.HOLDING: 3,
    Task.EXCHANGE: 3,
    Task.PASSING: 2,
}
"""Sequences of each task in twenty."""
_OTHERS = {OtherHand.ABSENT: 3, OtherHand.EMPTY: 8, OtherHand.TOOL: 9}
_OPTICS = {Optics.ROOM: 6, Optics.OVERHEAD: 6, Optics.EXOSCOPE: 5, Optics.ENDOSCOPE: 3}
"""Shares, in twenty, of what the other hand does and of the kinds of camera."""
_RIGHT_HANDED = 0.9

USED = {
    Task.CUTTING: ("scalpel_10", "scalpel_11", "scalpel_15"),
    Task.SUTURING: ("mayo_hegar_needle_holder", "mosquito_haemostat"),
    Task.GRASPING: (
        *("adson_forceps", "micro_tweezers", "kelly_haemostat", "allis_clamp", "mayo_scissors", "iris_scissors"),
        *("debakey_forceps", "metzenbaum_scissors", "mosquito_haemostat", "yankauer_suction", "frazier_suction"),
        "bone_curette",
    ),
    Task.HOLDING: SEEN + UNSEEN,
    Task.EXCHANGE: (
        *("scalpel_10", "scalpel_11", "adson_forceps", "micro_tweezers", "kelly_haemostat", "mayo_scissors"),
        *("scalpel_15", "debakey_forceps", "bone_curette", "mosquito_haemostat"),
    ),
    Task.PASSING: (
        *("kelly_haemostat", "mayo_hegar_needle_holder", "mayo_scissors", "yankauer_suction"),
        *("debakey_forceps", "metzenbaum_scissors", "mosquito_haemostat", "bone_curette"),
    ),
}
"""What each task is done with."""
SECOND = (
    *("adson_forceps", "micro_tweezers", "army_navy_retractor", "yankauer_suction"),
    *("debakey_forceps", "senn_retractor", "frazier_suction", "mosquito_haemostat"),
)
"""What the other hand holds."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sequence shows, before anything is tried: the person's hand shape and handedness, task, tools, camera."""

    split: Split
    index: int
    person: int
    shape: Float64[Array, "10"]
    dominant: Side
    task: Task
    other: OtherHand
    optics: Optics
    tools: tuple[str, ...]
    second: str


def instruments_of(split: Split) -> tuple[str, ...]:
    """Names of the instruments that a part may use."""
    return UNSEEN if split is Split.TEST else SEEN


def person_shape(split: Split, person: int) -> Float64[Array, "10"]:
    """Shape of a person's hands: standard normal, cut at two, times 0.8."""
    rng = np.random.default_rng([17, _SEEDS[split], person])
    return np.asarray(0.8 * np.clip(rng.standard_normal(10), -2.0, 2.0))


def plan(split: Split, index: int) -> Plan:
    """The plan of a sequence; IndexError where the part has no such index.

    Twenty sequences in a row hold the stated mix of tasks; tools take turns within a task.
    """
    if not 0 <= index < SIZES[split]:
        raise IndexError(f"{split.value} has sequences 0 to {SIZES[split] - 1}, not {index}")
    rng = np.random.default_rng([18, _SEEDS[split], index])
    order = [task for task, count in _TASKS.items() for _ in range(count)]
    place = (index * 7) % len(order)
    task = order[place]
    turn = index // len(order) * _TASKS[task] + order[:place].count(task)
    own = instruments_of(split)
    usable = [name for name in USED[task] if name in own]
    tools = tuple(usable[(turn + k) % len(usable)] for k in range(2 if task is Task.EXCHANGE else 1))
    second = [name for name in SECOND if name in own and name not in tools]
    return Plan(
        split,
        index,
        person := int(rng.integers(PERSONS[split])),
        person_shape(split, person),
        Side.RIGHT if rng.random() < _RIGHT_HANDED else Side.LEFT,
        task,
        _drawn(_OTHERS, rng),
        _drawn(_OPTICS, rng),
        tools,
        second[int(rng.integers(len(second)))],
    )


def seeds(split: Split, index: int, attempt: int) -> list[int]:
    """What an attempt at a sequence is drawn from."""
    return [19, _SEEDS[split], index, attempt]


def _drawn(shares: dict[Kind, int], rng: np.random.Generator) -> Kind:
    kinds = list(shares)
    weights = np.array(list(shares.values()), dtype=np.float64)
    return kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
