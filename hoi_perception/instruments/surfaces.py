"""Surfaces of instruments where a scene has them, for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.kinematics import InstrumentState, JointTree, joint_tree, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import joined
from hoi_perception.types import Instrument

Array = NDArray[np.float64]
Surface = tuple[Float64[Array, "n 3"], Int64[NDArray[np.int64], "m 3"]]


class Surfaces:
    """Meshes of the library's instruments, read at their first use; `folders` are searched before all others."""

    def __init__(self, folders: Sequence[str] = ()) -> None:
        self._folders = tuple(folders)
        self._known: dict[str, tuple[JointTree, list[Surface], NDArray[np.int64]]] = {}

    def of(self, instrument: Instrument) -> Surface:
        """Vertices (m, camera frame) and faces. Raises UnknownInstrumentError where the library has no such name."""
        tree, parts, faces = self._of_links(instrument.name)
        R, t = instrument.R_camera_instrument[None], instrument.t_camera_instrument[None]
        links = pose_links(tree, InstrumentState(R, t, instrument.joint_positions[None]))
        placed = [own @ links.R[0, k].T + links.t[0, k] for k, (own, _) in enumerate(parts)]
        return np.concatenate(placed), faces

    @cached_property
    def _library(self) -> Library:
        return Library.find(self._folders)

    def _of_links(self, name: str) -> tuple[JointTree, list[Surface], NDArray[np.int64]]:
        if name not in self._known:
            model = self._library.get(name)
            parts = [link.surface() for link in model.links]
            self._known[name] = joint_tree(model), parts, joined(parts)[1]
        return self._known[name]
