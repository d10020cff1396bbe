"""Which pixels of a label image show which instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Integer
from numpy.typing import NDArray

from hoi_perception.instruments.colour import ProbabilityMap

Mask = Bool[NDArray[np.bool_], "h w"]
SURE = 0.95
"""Probability that a pixel of a mask shows the instrument, and that one beside it does not."""
MOST_TOLD = 8
"""Labels that a note names at most."""


class Named(Protocol):
    """An instrument that is looked for."""

    @property
    def track_id(self) -> int:
        """Number of its track."""

    @property
    def name(self) -> str:
        """Name in the library."""


@dataclass(frozen=True, eq=False)
class Masks:
    """Pixels of instruments by their track numbers, and what is wrong with the label image, a line each."""

    of: Mapping[int, Mask] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def masks_of(
    labels: Integer[NDArray[np.integer], "_h _w"] | None,
    size: tuple[int, int],
    wanted: Sequence[Named],
    names: Sequence[str] = (),
) -> Masks:
    """The masks of a label image for an image of `size` (rows, columns); 0 is no instrument.

    Label k stands for the k-th of `names`; where several instruments have one name, its labels are theirs in turn.
    Without names it stands for the k-th instrument that is looked for, and if that is the only one every label is its.
    A label image of another size is no evidence, nor are labels that stand for nothing; both are noted.
    """
    if labels is None or not wanted:
        return Masks()
    if labels.shape != size:
        rows, columns = labels.shape[:2]
        text = f"instrument mask is {columns}x{rows}, the image {size[1]}x{size[0]}: register it to the image"
        return Masks(notes=(f"{text}; it is not used",))
    present = [int(label) for label in np.unique(labels) if label > 0]
    if not names and len(wanted) == 1:
        return Masks({wanted[0].track_id: labels > 0} if present else {})
    owners = _owners(wanted, names)
    masks = {owners[label]: labels == label for label in present if label in owners}
    strange = [label for label in present if label not in owners]
    return Masks(masks, (_strange(strange, wanted, names),) if strange else ())


def map_of(mask: Mask) -> ProbabilityMap:
    """A mask as region tracking takes it."""
    return ProbabilityMap(np.where(mask, SURE, 1.0 - SURE).astype(np.float32))


def _owners(wanted: Sequence[Named], names: Sequence[str]) -> dict[int, int]:
    """Track numbers by label."""
    if not names:
        return {k + 1: one.track_id for k, one in enumerate(wanted)}
    left = list(wanted)
    owners: dict[int, int] = {}
    for k, name in enumerate(names):
        one = next((w for w in left if w.name == name), None)
        if one is not None:
            left.remove(one)
            owners[k + 1] = one.track_id
    return owners


def _strange(labels: Sequence[int], wanted: Sequence[Named], names: Sequence[str]) -> str:
    told = ", ".join(map(str, labels[:MOST_TOLD])) + (", …" if len(labels) > MOST_TOLD else "")
    known = ", ".join(f"{k + 1} {name}" for k, name in enumerate(names or [w.name for w in wanted]))
    return (
        f"instrument mask has labels {told} that stand for no instrument that is looked for ({known}): set mask_labels "
        "to the names of labels 1, 2, …"
    )
