"""Camera setup: the pose of an instrument relative to the camera whose silhouette is an observed mask.

What is minimised is 1 - soft IoU + the Sinkhorn divergence between the normalised masks, which pulls even where they do
not overlap. Each pixel of the rendered mask is carried by the place of the surface that it shows, so that both have a
derivative along the pose. Steps are damped Gauss-Newton ones; several turns of the start are tried in a coarse view and
the best of them are finished in a fine one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.interaction.single_image.silhouette import (
    SOFT_PX,
    MeshPose,
    RigidMesh,
    Silhouette,
    View,
    image_jacobian,
    render,
    soft_iou,
)
from hoi_perception.interaction.single_image.sinkhorn import SinkhornTarget
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]
_NEAREST_M = 0.05
_BORDER_CURVATURE_PX = 4.0
"""Offset of an outline up to which 1 - IoU is taken as quadratic: what a step trusts, not what is minimised."""
_LONGER, _SHORTEST = 1.7, 0.1
"""Mass goes to the nearest place, not to where it belongs, so steps fall short: they grow while they succeed."""


def turned_starts(degrees: float = 30.0) -> tuple[tuple[float, float, float], ...]:
    """No turn, and one either way about each axis of the camera, as axis-angles (rad)."""
    turns = [np.zeros(3)] + [sign * np.radians(degrees) * axis for axis in np.eye(3) for sign in (1.0, -1.0)]
    return tuple((float(x), float(y), float(z)) for x, y, z in turns)


@dataclass(frozen=True)
class SetupSettings:
    """How the camera is set up. Lengths in the image count in roots of the observed mask's area."""

    turns: Sequence[tuple[float, float, float]] = field(default_factory=turned_starts)
    """Turns of the start about the camera's axes, axis-angle, rad."""
    coarse_px: int = 96
    fine_px: int = 320
    coarse_steps: int = 14
    fine_steps: int = 14
    finalists: int = 3
    """Poses that are finished: the one turned least from the start, and the best others."""
    alike: float = 0.03
    """Costs that differ by less tell nothing: of such poses the one turned least from the start is taken."""
    epsilon: float = 0.05
    """Entropy of the Sinkhorn distance, in areas of the mask."""
    iterations: int = 15
    cells: int = 24
    """Masks are compared on a grid with so many cells along the longer side of the view."""
    scale_free: bool = False
    """The size is unknown too. One mask does not tell size from depth: both then share what is missing."""


@dataclass(frozen=True)
class CameraSetup:
    """The pose found, with its 1 - soft IoU and Sinkhorn divergence in the fine view."""

    pose: MeshPose
    lack_of_overlap: float
    sinkhorn: float

    @property
    def cost(self) -> float:
        """What was minimised."""
        return self.lack_of_overlap + self.sinkhorn


def set_up_camera(
    mesh: RigidMesh,
    mask: Mask,
    camera: Camera,
    start: MeshPose,
    hidden: Mask | None = None,
    settings: SetupSettings | None = None,
) -> CameraSetup:
    """The pose, from a rough one, in which a mesh covers a mask.

    `mask` is the complete one; where only the visible part is known, `hidden` names the pixels where something may
    cover the mesh, which then count for nothing. The cost is infinite where no turn of the start shows anything of the
    mesh in the image. ValueError for an empty mask and for a start that is not finite or behind the camera.
    """
    own, pivot = settings or SetupSettings(), mesh.middle
    placed = start.place(mesh.vertices)
    if not np.isfinite(placed).all():
        raise ValueError("the start is not finite: give a pose of finite numbers")
    if placed[:, 2].min() < _NEAREST_M:
        raise ValueError("the start is behind the camera or too near: give a pose in front of it")
    starts = [_turned(start, turn, pivot) for turn in own.turns]
    coarse = _Problem(mesh, _view(mesh, mask, camera, start, own.coarse_px, hidden), own)
    found = sorted((coarse.descend(pose, own.coarse_steps) for pose in starts), key=lambda one: one.cost)
    nearest = min(found, key=lambda one: _angle(one.pose.R, start.R))
    finished = []
    for one in [nearest, *(other for other in found if other is not nearest)][: own.finalists]:
        fine = _Problem(mesh, _view(mesh, mask, camera, one.pose, own.fine_px, hidden), own)
        finished.append(fine.descend(one.pose, own.fine_steps))
    least = min(one.cost for one in finished)
    alike = [one for one in finished if one.cost <= least + own.alike]
    return min(alike, key=lambda one: _angle(one.pose.R, start.R))


def _angle(R: Float64[Array, "3 3"], other: Float64[Array, "3 3"]) -> float:
    return float(np.arccos(np.clip(0.5 * (np.trace(R @ other.T) - 1.0), -1.0, 1.0)))


def _turned(start: MeshPose, turn: Sequence[float], pivot: Float64[Array, "3"]) -> MeshPose:
    return start.moved(np.array([0.0, 0.0, 0.0, *turn, 0.0]), pivot)


def _view(mesh: RigidMesh, mask: Mask, camera: Camera, pose: MeshPose, longest: int, hidden: Mask | None) -> View:
    placed = pose.place(mesh.vertices)
    ahead = placed[placed[:, 2] > _NEAREST_M]
    return View.of(mask, camera, ahead[:, :2] / ahead[:, 2:], longest, hidden)


@dataclass(frozen=True)
class _Linearised:
    setup: CameraSetup
    gradient: Float64[Array, "7"]
    matrix: Float64[Array, "7 7"]


class _Problem:
    """The objective in one view."""

    def __init__(self, mesh: RigidMesh, view: View, settings: SetupSettings) -> None:
        self.mesh, self.view, self.settings, self.pivot = mesh, view, settings, mesh.middle
        observed = view.mask * view.known
        if observed.sum() <= 0.0:
            raise ValueError("all of the mask is hidden: give a mask of which something is seen")
        self.size = float(np.sqrt(observed.sum()))
        self.cell = max(view.camera.width, view.camera.height) / settings.cells
        places, weights, _ = self._cells(observed, np.zeros((*observed.shape, 3)))
        self.target = SinkhornTarget.of(places / self.size, weights, settings.epsilon, settings.iterations)

    def descend(self, pose: MeshPose, steps: int) -> CameraSetup:
        """A fixed number of trials from a pose."""
        best, short = self.linearise(pose), 1.0
        for _ in range(steps):
            if not np.isfinite(best.setup.cost):
                break
            firm = short * (best.matrix + 1e-3 * np.diag(best.matrix.diagonal()) + 1e-12 * np.eye(7))
            step = -np.linalg.solve(firm, best.gradient).astype(np.float64)
            trial = self.linearise(best.setup.pose.moved(step, self.pivot))
            better = trial.setup.cost < best.setup.cost
            best, short = (trial, max(short / _LONGER, _SHORTEST)) if better else (best, short * 4.0)
        return best.setup

    def linearise(self, pose: MeshPose) -> _Linearised:
        """Cost at a pose, its gradient along the pose's step and an approximate second derivative."""
        seen = None
        if pose.place(self.mesh.vertices)[:, 2].min() > _NEAREST_M:
            seen = render(self.mesh, pose, self.view)
        if seen is None or not (seen.inside & self.view.known).any():
            return _Linearised(CameraSetup(pose, 1.0, np.inf), np.zeros(7), np.eye(7))
        lack, g_overlap, H_overlap = self._overlap(seen, pose)
        sinkhorn, g_transport, H_transport = self._transport(seen, pose)
        gradient, matrix = g_overlap + g_transport, H_overlap + H_transport
        if not self.settings.scale_free:
            gradient[6], matrix[6, :], matrix[:, 6] = 0.0, 0.0, 0.0
            matrix[6, 6] = 1.0
        return _Linearised(CameraSetup(pose, lack, sinkhorn), gradient, matrix)

    def _overlap(self, seen: Silhouette, pose: MeshPose) -> tuple[float, Array, Array]:
        """1 - soft IoU: where the outline moves outward, pixels beside it are covered more."""
        iou, slope = soft_iou(seen.coverage, self.view)
        c = seen.coverage
        moves = (c * (1.0 - c) / SOFT_PX).ravel()
        near = np.flatnonzero(moves > 1e-3)
        J = image_jacobian(seen.border.reshape(-1, 3)[near], pose, self.pivot, self.view.camera.focal_px)
        out = np.einsum("nc,ncs->ns", seen.normals.reshape(-1, 2)[near], J)
        gradient = -(slope.ravel() * moves)[near] @ out
        area = float((c + self.view.mask - c * self.view.mask).sum())
        matrix = (out * moves[near, None]).T @ out / (area * _BORDER_CURVATURE_PX)
        return 1.0 - iou, np.asarray(gradient), np.asarray(matrix)

    def _transport(self, seen: Silhouette, pose: MeshPose) -> tuple[float, Array, Array]:
        inside = (seen.inside & self.view.known).astype(np.float64)
        places, weights, surface = self._cells(inside, seen.shown)
        found = self.target.divergence(places / self.size, weights)
        J = image_jacobian(surface, pose, self.pivot, self.view.camera.focal_px) / self.size
        share = np.sqrt(weights / weights.sum())[:, None, None] * J
        return found.value, np.einsum("nc,ncs->s", found.gradient, J), 2.0 * np.einsum("ncs,nct->st", share, share)

    def _cells(self, weight: Float64[Array, "h w"], surface: Float64[Array, "h w 3"]) -> tuple[Array, Array, Array]:
        """Of each cell of a grid that holds some of the weight: its middle (px), weight and mean surface place."""
        y, x = np.nonzero(weight > 0.0)
        w = weight[y, x]
        key = (y // self.cell).astype(np.int64) * 4096 + (x // self.cell).astype(np.int64)
        _, cell = np.unique(key, return_inverse=True)
        total = np.bincount(cell, w)
        columns = [x, y, *surface[y, x].T]
        means = np.column_stack([np.bincount(cell, w * column) / total for column in columns])
        return means[:, :2], np.asarray(total, dtype=np.float64), means[:, 2:]
