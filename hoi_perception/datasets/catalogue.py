"""The data sets by their names on the command line."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Protocol

from hoi_perception.datasets import arctic, dexycb, freihand, ho3d, hot3d, interhand, oakink, pov_surgery
from hoi_perception.datasets.errors import DatasetError
from hoi_perception.datasets.sample import DatasetInfo, Reader


class Opens(Protocol):
    """What makes a reader of a folder and a split ("": the usual one)."""

    def __call__(self, root: Path, split: str = "") -> Reader: ...


_READERS: dict[str, tuple[DatasetInfo, Opens]] = {
    info.name: (info, opens)
    for info, opens in (
        (pov_surgery.INFO, pov_surgery.PovSurgery),
        (ho3d.V2, partial(ho3d.Ho3d, ho3d.V2)),
        (ho3d.V3, partial(ho3d.Ho3d, ho3d.V3)),
        (dexycb.INFO, dexycb.DexYcb),
        (freihand.INFO, freihand.FreiHand),
        (interhand.INFO, interhand.InterHand),
        (arctic.INFO, arctic.Arctic),
        (oakink.INFO, oakink.OakInk),
        (hot3d.INFO, hot3d.Hot3d),
    )
}
NAMES = tuple(_READERS)


def info_of(name: str) -> DatasetInfo:
    """Facts of a data set; DatasetError for a name that is none."""
    if name not in _READERS:
        raise DatasetError(f"{name}: no data set of that name: give one of {', '.join(NAMES)}")
    return _READERS[name][0]


def open_dataset(name: str, root: Path, split: str = "") -> Reader:
    """A reader of one split; DatasetError says what to get where the data set is not there."""
    info_of(name)
    return _READERS[name][1](root, split)
