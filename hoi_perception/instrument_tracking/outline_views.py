"""Outlines of an instrument as seen from many sides, so that many poses of it can be looked at together.

Reading the contour of one pose takes up to half a millisecond (`instruments.contour`). Hypotheses are many and rough:
for them the outline of the nearest stored view will do, which is placed by the pose itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.contour import ContourReader
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, JointTree, PosedLinks, pose_links
from hoi_perception.types import Camera

Array = NDArray[np.float64]
POINTS = 56
"""Places on each outline."""
APERTURES = (0.0, 0.5, 1.0)
"""Stored angles of joints, as shares of the way from the lower to the upper limit, all joints alike."""
MOST_JOINTS = 2
"""With more joints than these, outlines are those at rest alone."""
_PICTURE_PX, _AWAY = 480, 4.0


@dataclass(frozen=True, eq=False)
class OutlineViews:
    """Outlines of v views: places (m) and their outward normals in the frames of `links`.

    `middle` and `ends` of the whole are in the base link's frame (m), joints at zero. `directions` point from the
    middle to the eye (base link), `angles` are those of the joints (rad).
    """

    tree: JointTree
    middle: Float64[Array, "3"]
    ends: Float64[Array, "2 3"]
    directions: Float64[Array, "v 3"]
    angles: Float64[Array, "v j"]
    points: Float64[Array, "v p 3"]
    normals: Float64[Array, "v p 3"]
    links: Int64[NDArray[np.int64], "v p"]
    inward: Float64[Array, "v p"]
    """Half of how far the instrument goes on inward from a place, m."""

    @staticmethod
    def of(model: ContourModel, eyes: Float64[Array, "e 3"], points: int = POINTS) -> OutlineViews:
        """Of a model from unit directions to the eye (base link): takes up to half a millisecond for each view."""
        tree = model.tree
        found = []
        joints = _stored_angles(tree)
        still = InstrumentState(np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, tree.n_joints)))
        radius = float(np.linalg.norm(model.placed(pose_links(tree, still)) - model.middle, axis=1).max())
        focal = 0.45 * _AWAY * _PICTURE_PX
        centre = 0.5 * (_PICTURE_PX - 1.0)
        K = np.array([[focal, 0.0, centre], [0.0, focal, centre], [0.0, 0.0, 1.0]])
        reader = ContourReader(model, Camera(K, _PICTURE_PX, _PICTURE_PX), points, float(_PICTURE_PX))
        for eye in eyes:
            R = _looking_from(eye)
            t = np.array([0.0, 0.0, _AWAY * radius]) - R @ model.middle
            for own in joints:
                state = InstrumentState(R[None], t[None], own[None])
                found.append((eye, own, *_outline(reader, state)))
        eye, own, places, normals, links, inward = (np.stack(column) for column in zip(*found, strict=True))
        return OutlineViews(tree, model.middle, _ends(model), eye, own, places, normals, links, inward)

    def nearest(self, state: InstrumentState) -> Int64[NDArray[np.int64], " b"]:
        """The stored view that is most like each hypothesis: direction first, of those alike the joints' angles."""
        eye = np.einsum("bji,bj->bi", state.R, -(np.einsum("bij,j->bi", state.R, self.middle) + state.t))
        eye /= np.maximum(np.linalg.norm(eye, axis=1, keepdims=True), 1e-9)
        off = np.arccos(np.clip(eye @ self.directions.T, -1.0, 1.0))
        if self.angles.shape[1]:
            apart = np.abs(state.angles[:, None] - self.angles[None]).sum(axis=2)
            off = off + apart
        return np.asarray(off.argmin(axis=1))

    def placed(self, state: InstrumentState) -> PlacedOutlines:
        """The outlines of a batch of hypotheses where they are."""
        view, posed = self.nearest(state), pose_links(self.tree, state)
        links = self.links[view]
        rows = np.arange(len(view))[:, None]
        R = posed.R[rows, links]
        points = (R @ self.points[view][..., None])[..., 0] + posed.t[rows, links]
        normals = (R @ self.normals[view][..., None])[..., 0]
        return PlacedOutlines(links, points, normals, self.inward[view], posed)


@dataclass(frozen=True, eq=False)
class PlacedOutlines:
    """Outlines of b hypotheses in the camera frame: places (m), outward normals, the links they are fixed to."""

    links: Int64[NDArray[np.int64], "b p"]
    points: Float64[Array, "b p 3"]
    normals: Float64[Array, "b p 3"]
    inward: Float64[Array, "b p"]
    posed: PosedLinks


def _ends(model: ContourModel) -> Float64[Array, "2 3"]:
    """The ends of its greatest extent."""
    still = InstrumentState(np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, model.tree.n_joints)))
    along = (model.placed(pose_links(model.tree, still)) - model.middle) @ model.long_axis
    return model.middle + np.array([[along.min()], [along.max()]]) * model.long_axis


def _outline(
    reader: ContourReader, state: InstrumentState
) -> tuple[Float64[Array, "p 3"], Float64[Array, "p 3"], Int64[NDArray[np.int64], " p"], Float64[Array, " p"]]:
    """Places, normals, links and half widths of one view, exactly as many as a reader is to find."""
    found = reader.read(pose_links(reader.model.tree, state))
    if len(found) == 0:
        raise ValueError("an instrument without an outline cannot be looked for: check its meshes")
    chosen = np.linspace(0, len(found) - 1, reader.n_points).round().astype(np.int64)
    inward = 0.5 * found.inside_px[chosen].astype(np.float64) * found.points_camera[chosen, 2] / reader.camera.focal_px
    return found.points_link[chosen], found.normals_link[chosen], found.links[chosen], inward


def _stored_angles(tree: JointTree) -> list[Float64[Array, " j"]]:
    if not 0 < tree.n_joints <= MOST_JOINTS:
        return [np.clip(np.zeros(tree.n_joints), tree.lower, tree.upper)]
    return [tree.lower + share * (tree.upper - tree.lower) for share in APERTURES]


def directions(count: int) -> Float64[Array, "n 3"]:
    """Directions spread evenly along a spiral (Vogel 1979)."""
    k = np.arange(count) + 0.5
    z, turn = 1.0 - 2.0 * k / count, np.pi * (3.0 - np.sqrt(5.0)) * k
    r = np.sqrt(1.0 - z * z)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)


def _looking_from(eye: Float64[Array, "3"]) -> Float64[Array, "3 3"]:
    """Rotation of a body whose side towards `eye` (unit, its own frame) faces the camera."""
    z = -eye
    x = np.cross(z, np.eye(3)[np.abs(z).argmin()])
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])
