"""Surfaces of instruments where a scene has them, for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int32
from numpy.typing import NDArray

from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.types import Instrument

Array = NDArray[np.float64]
Surface = tuple[Float64[Array, "n 3"], Int32[NDArray[np.int32], "m 3"]]


class Surfaces:
    """Meshes of the library's instruments, read at their first use; `folders` are searched before all others."""

    def __init__(self, folders: Sequence[str] = ()) -> None:
        self._folders = tuple(folders)
        self._known: dict[str, ContourModel] = {}

    def of(self, instrument: Instrument) -> Surface:
        """Vertices (m, camera frame) and faces. Raises UnknownInstrumentError where the library has no such name."""
        if instrument.name not in self._known:
            self._known[instrument.name] = ContourModel.of(self._library.get(instrument.name))
        model = self._known[instrument.name]
        R, t = instrument.R_camera_instrument[None], instrument.t_camera_instrument[None]
        links = pose_links(model.tree, InstrumentState(R, t, instrument.joint_positions[None]))
        return model.placed(links), model.faces

    @cached_property
    def _library(self) -> Library:
        return Library.find(self._folders)
