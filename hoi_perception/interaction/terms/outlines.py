"""The outline of an instrument against the contour of its mask."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import warp as wp
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.launches import Launch
from hoi_perception.interaction.outline import Edges
from hoi_perception.interaction.outline_lookup import NEAREST_M
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.kernels import outline as kernels

Array = NDArray[np.float64]
HIDDEN_MARGIN_PX = 6.0
"""How far beside a hand's vertices the hand may still hide an instrument."""
_of_thread = threading.local()


@dataclass(frozen=True)
class InstrumentOutlineTerm:
    """Each point of the mask's contour pulls the place of the model's outline that reaches farthest out there.

    So mask that the model leaves uncovered draws the model to it, and model that stands out of the mask is drawn back.
    Where a hand may cover the instrument, the mask may end because the hand does: there the model may reach beyond the
    mask, but still has to cover it. Lengths in pixels; `reach` shrinks from round to round and with it the
    Geman-McClure scale.
    """

    instrument: int
    contour: MaskContour
    hidden: Bool[NDArray[np.bool_], " n"]
    """Contour points where a hand may cover the instrument, see `hidden_by`."""
    sigma_px: float = 4.0
    reach_px: tuple[float, ...] = (50.0, 20.0, 10.0)
    aside_px: tuple[float, ...] = (3.0,)
    """How far beside the normal a place may be, by round."""

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """One row for each contour point that finds a place on the outline."""
        contour, k = self.contour, self.instrument
        edges = geometry.bodies.instruments[k].edges
        rim, seen = geometry.outline(k)
        if len(rim) == 0 or len(contour.points) == 0:
            return []
        reach = self.reach_px[min(geometry.round, len(self.reach_px) - 1)]
        pixel = contour.pixel
        aside = self.aside_px[min(geometry.round, len(self.aside_px) - 1)]
        found = supports(contour, seen, aside * pixel, reach * pixel)
        body = len(geometry.bodies.hands) + k
        return [
            self._block(body, edges, rim, found, use, hinge, 0.5 * reach / self.sigma_px)
            for use, hinge in (
                (np.flatnonzero((found >= 0) & ~self.hidden), 0),
                (np.flatnonzero((found >= 0) & self.hidden), -1),
            )
            if len(use)
        ]

    def _block(
        self,
        body: int,
        edges: Edges,
        rim: NDArray[np.int64],
        found: NDArray[np.int32],
        use: NDArray[np.intp],
        hinge: int,
        robust: float,
    ) -> RowBlock:
        chosen = rim[found[use]]
        flat = np.zeros((len(use), 1))
        return RowBlock(
            "outline",
            Kind.IMAGE,
            Points.of_instrument(body, edges.links[chosen], edges.places[chosen]),
            np.full(len(use), 1.0 / (self.sigma_px * self.contour.pixel)),
            np.column_stack([self.contour.normals[use], flat]),
            np.column_stack([self.contour.points[use], flat]),
            robust=robust,
            hinge=hinge,
        )


def hidden_by(
    contour: MaskContour,
    vertices: Float64[Array, "778 3"],
    faces: NDArray[np.int32],
    margin_px: float = HIDDEN_MARGIN_PX,
) -> Bool[NDArray[np.bool_], " n"]:
    """Contour points that lie on a hand (vertices in the camera frame, m) in the image, or nearly so."""
    if len(contour.points) == 0 or vertices[:, 2].min() < NEAREST_M:
        return np.zeros(len(contour.points), dtype=bool)
    corners = vertices[:, :2] / vertices[:, 2:]
    return covered(contour.points, corners, faces, margin_px * contour.pixel)


def covered(
    points: Float64[Array, "n 2"], corners: Float64[Array, "v 2"], faces: NDArray[np.int32], margin: float
) -> Bool[NDArray[np.bool_], " n"]:
    """Whether points of the image lie within a projected mesh or within `margin` of one of its corners."""
    if len(points) == 0:
        return np.zeros(0, dtype=bool)
    n = len(points)
    before, scalars = (_device_faces(faces.tobytes(), len(faces)),), (n, len(corners), margin)
    return _launch("covered")(n, (points, corners), scalars, before, 1, (n, n, kernels.N_CELLS))[0] > 0


def supports(contour: MaskContour, outline: Float64[Array, "m 2"], aside: float, reach: float) -> NDArray[np.int32]:
    """Of each contour point: the place of an outline that reaches farthest out there, -1 for none within reach."""
    n, m = len(contour.points), len(outline)
    if n == 0:
        return np.zeros(0, dtype=np.int32)
    inputs = (contour.points, contour.normals, outline)
    return _launch("support")(n, inputs, (n, m, aside, reach), (), 1, (m, m, kernels.N_CELLS))[0]


def _launch(name: str) -> Launch:
    """The kernel of that name with buffers of this thread."""
    own = _of_thread.__dict__
    if name not in own:
        inputs = {
            "covered": (wp.vec2d, wp.vec2d),
            "support": (wp.vec2d, wp.vec2d, wp.vec2d),
        }[name]
        own[name] = Launch(getattr(kernels, name), inputs, (wp.int32,), work=(wp.int32, wp.int32, wp.int32))
    launch: Launch = own[name]
    return launch


@lru_cache(maxsize=8)
def _device_faces(content: bytes, n: int) -> wp.array:
    faces = np.frombuffer(content, dtype=np.int32).reshape(n, 3)
    return wp.array(faces, dtype=wp.int32, device="cpu")
