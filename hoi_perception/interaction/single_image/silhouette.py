"""The silhouette of a rigid mesh as a mask with soft borders, compared with an observed one in a small pinhole view."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64, Int
from numpy.typing import NDArray

from hoi_perception.camera import distort, undistort
from hoi_perception.rendering import Raster, rasterise
from hoi_perception.transforms import rotation_from_axis_angle, skew
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]
Soft = Float64[Array, "h w"]
SOFT_PX = 0.7
"""Width of a soft border, px of the view: coverage is 1 / (1 + exp(-distance inside / width))."""


@dataclass(frozen=True, eq=False)
class RigidMesh:
    """Vertices (m, about any frame) and faces, counter-clockwise seen from outside."""

    vertices: Float64[Array, "n 3"]
    faces: Int[NDArray[np.integer], "m 3"]

    @property
    def middle(self) -> Float64[Array, "3"]:
        """Middle of the vertices' box: what poses turn about."""
        return np.asarray(0.5 * (self.vertices.min(axis=0) + self.vertices.max(axis=0)))


@dataclass(frozen=True)
class MeshPose:
    """A mesh in the camera frame: p = scale R x + t, m."""

    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]
    scale: float = 1.0

    def place(self, points: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
        """Points of the mesh in the camera frame."""
        return np.asarray(self.scale * points @ self.R.T + self.t)

    def moved(self, step: Float64[Array, "7"], pivot: Float64[Array, "3"]) -> MeshPose:
        """Shifted by `step[:3]` (m), turned about the camera's axes by `step[3:6]` (rad) and grown by the factor
        exp(`step[6]`), both about the mesh's point `pivot`."""
        anchor = self.scale * self.R @ pivot + self.t
        R = np.asarray(rotation_from_axis_angle(step[3:6])) @ self.R
        scale = self.scale * float(np.exp(step[6]))
        return MeshPose(R, anchor + step[:3] - scale * R @ pivot, scale)


@dataclass(frozen=True, eq=False)
class View:
    """A pinhole camera that looks at an observed mask (coverage 0 to 1), and which of its pixels tell something."""

    camera: Camera
    mask: Soft
    known: Mask

    @staticmethod
    def of(mask: Mask, camera: Camera, others: Float64[Array, "n 2"], longest: int, hidden: Mask | None = None) -> View:
        """A view `longest` pixels long of a mask and of `others` (places on the plane z = 1), with room about them.

        Nothing is known of `hidden` pixels. ValueError for a mask without pixels.
        """
        y, x = np.nonzero(mask)
        if len(x) == 0:
            raise ValueError("the mask is empty: give one that shows the instrument")
        corners = np.array([[a, b] for a in (x.min(), x.max()) for b in (y.min(), y.max())], dtype=np.float64)
        places = np.concatenate([undistort(corners, camera), others])
        low, high = places.min(axis=0), places.max(axis=0)
        low, high = low - 0.1 * (high - low).max(), high + 0.1 * (high - low).max()
        focal = longest / (high - low).max()
        width, height = (int(n) for n in np.ceil((high - low) * focal))
        K = np.array([[focal, 0.0, -low[0] * focal], [0.0, focal, -low[1] * focal], [0.0, 0.0, 1.0]])
        own = Camera(K, width, height)
        seen = _seen_through(own, mask, camera)
        unseen = _seen_through(own, np.zeros_like(mask) if hidden is None else hidden, camera, beyond=1.0)
        return View(own, seen, unseen < 0.5)


@dataclass(frozen=True, eq=False)
class Silhouette:
    """A rendered mesh: where it is and with what soft coverage, and places of the mesh (m, its own frame).

    `shown` are those seen in each pixel (zero where nothing is), `border` those on the outline next to each pixel, with
    the direction out of the silhouette there in `normals`.
    """

    inside: Mask
    coverage: Float64[Array, "h w"]
    shown: Float64[Array, "h w 3"]
    border: Float64[Array, "h w 3"]
    normals: Float64[Array, "h w 2"]


def render(mesh: RigidMesh, pose: MeshPose, view: View) -> Silhouette | None:
    """The silhouette of a mesh, None where nothing of it is in the view."""
    raster = rasterise(pose.place(mesh.vertices), mesh.faces, view.camera)
    inside = raster.mask
    if not inside.any():
        return None
    to_inside, inner = _nearest(inside)
    to_outside, outer = _nearest(~inside) if not inside.all() else (np.full(inside.shape, 1e3), inner)
    depth_px = np.where(inside, to_outside - 0.5, 0.5 - to_inside)
    border = np.where(inside, inner.ravel()[outer], inner)
    slope = -np.stack(np.gradient(cv2.GaussianBlur(depth_px, (0, 0), 1.0))[::-1], axis=-1)
    normals = slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-6)
    shown = _shown(mesh, raster)
    coverage = 1.0 / (1.0 + np.exp(-depth_px / SOFT_PX))
    return Silhouette(inside, coverage, shown, shown.reshape(-1, 3)[border], normals)


def soft_iou(coverage: Float64[Array, "h w"], view: View) -> tuple[float, Float64[Array, "h w"]]:
    """Soft intersection over union of a coverage with the view's mask, and its derivative with respect to it."""
    mask = view.mask * view.known
    own = coverage * view.known
    both = float((own * mask).sum())
    either = float((own + mask).sum()) - both
    return both / either, view.known * (mask * either - both * (1.0 - mask)) / either**2


def image_jacobian(
    points: Float64[Array, "n 3"], pose: MeshPose, pivot: Float64[Array, "3"], focal: float
) -> Float64[Array, "n 2 7"]:
    """Derivative of pixels of the mesh's points along a pose's step."""
    placed, anchor = pose.place(points), pose.place(pivot[None])
    arm = placed - anchor
    J = np.zeros((len(points), 3, 7))
    J[:, :, :3] = np.eye(3)
    J[:, :, 3:6] = -skew(arm)
    J[:, :, 6] = arm
    z = placed[:, 2, None, None]
    uv = placed[:, :2, None] / z
    return np.asarray(focal * (J[:, :2] - uv * J[:, 2:]) / z)


def _nearest(where: Mask) -> tuple[Float64[Array, "h w"], Int[NDArray[np.int64], "h w"]]:
    """Distance (px) of each pixel to the nearest one in `where`, and which one it is as a flat index."""
    away = np.asarray(~where, dtype=np.uint8)
    distance, labels = cv2.distanceTransformWithLabels(
        away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE, labelType=cv2.DIST_LABEL_PIXEL
    )
    found = np.flatnonzero(where)
    index = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    index[labels.ravel()[found]] = found
    return distance.astype(np.float64), index[labels]


def _shown(mesh: RigidMesh, raster: Raster) -> Float64[Array, "h w 3"]:
    """Places on the mesh, in its own frame, that are seen in pixels."""
    inside = raster.mask
    corners = mesh.vertices[mesh.faces[raster.face_id[inside]]]
    shown = np.zeros((*inside.shape, 3))
    shown[inside] = np.einsum("nk,nka->na", raster.barycentric[inside].astype(np.float64), corners)
    return shown


def _seen_through(own: Camera, mask: Mask, camera: Camera, beyond: float = 0.0) -> Float64[Array, "v u"]:
    """A mask as another camera at the same place sees it, 0 to 1; `beyond` the image's edge."""
    fine = int(np.clip(np.ceil(camera.focal_px / own.focal_px), 1, 4))
    x, y = np.meshgrid(*((np.arange(n * fine) + 0.5) / fine - 0.5 for n in (own.width, own.height)))
    places = np.stack([x - own.K[0, 2], y - own.K[1, 2]], axis=-1) / own.K[0, 0]
    px = (distort(places, camera) @ camera.K[:2, :2].T + camera.K[:2, 2]).astype(np.float32)
    flat = cv2.remap(
        mask.astype(np.float32),
        px[..., 0],
        px[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=beyond,
    )
    small = cv2.resize(flat, (own.width, own.height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float64)
