"""Instruments of the library as they are followed: bodies, contours, and where these are in the image."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int32
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.interaction.bodies import InstrumentBody
from hoi_perception.rendering import rasterise
from hoi_perception.types import Camera

Array = NDArray[np.float64]


class Shapes:
    """Shapes of a library's instruments by name, each made at its first use.

    All methods raise UnknownInstrumentError where the library has none of that name.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._models: dict[str, InstrumentModel] = {}
        self._made: dict[str, tuple[InstrumentBody, ContourModel]] = {}

    def model(self, name: str) -> InstrumentModel:
        """An instrument of the library."""
        if name not in self._models:
            self._models[name] = self._library.get(name)
        return self._models[name]

    def body(self, name: str) -> InstrumentBody:
        """The same as the joint solve takes it."""
        return self._both(name)[0]

    def contour(self, name: str) -> ContourModel:
        """What its contour is computed from."""
        return self._both(name)[1]

    def symmetries(self, name: str) -> tuple[Symmetry, ...]:
        """Turns of the base link after which it looks the same."""
        model = self.model(name)
        return tuple(s for s in model.description.symmetries if s.link == model.links[0].name)

    def surface(
        self, name: str, state: InstrumentState
    ) -> tuple[Float64[Array, "n 3"], Int32[NDArray[np.int32], "m 3"]]:
        """Vertices in the camera frame (m), and faces."""
        body, contour = self._both(name)
        return contour.placed(pose_links(body.fields.tree, state)), contour.faces

    def pixels(self, name: str, state: InstrumentState, camera: Camera) -> Float64[Array, "n 2"]:
        """Where samples of the surface are in the image; none where they are not in front of the camera."""
        samples = self.body(name).placed_samples(state)
        px = np.asarray(project(samples[samples[:, 2] > 0.0], camera), dtype=np.float64)
        return px[np.isfinite(px).all(axis=1)]

    def off_px(self, name: str, a: InstrumentState, b: InstrumentState, camera: Camera) -> float:
        """Mean distance in the image between an instrument in two states; infinite where it cannot be seen in both."""
        pixels = [np.asarray(project(self.body(name).placed_samples(s), camera), dtype=np.float64) for s in (a, b)]
        off = np.linalg.norm(pixels[0] - pixels[1], axis=1)
        return float(off[np.isfinite(off)].mean()) if np.isfinite(off).any() else float("inf")

    def silhouette(self, name: str, state: InstrumentState, camera: Camera) -> Bool[NDArray[np.bool_], "h w"]:
        """Pixels that show it where nothing hides it."""
        return rasterise(*self.surface(name, state), camera).mask

    def mean_width(self, name: str, state: InstrumentState, camera: Camera) -> float:
        """Area of the silhouette over the diagonal of its box, px."""
        silhouette = self.silhouette(name, state, camera)
        rows, columns = np.flatnonzero(silhouette.any(axis=1)), np.flatnonzero(silhouette.any(axis=0))
        if len(rows) == 0:
            return 0.0
        return float(silhouette.sum() / np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1))

    def _both(self, name: str) -> tuple[InstrumentBody, ContourModel]:
        if name not in self._made:
            model = self.model(name)
            self._made[name] = InstrumentBody.of(model), ContourModel.of(model)
        return self._made[name]
