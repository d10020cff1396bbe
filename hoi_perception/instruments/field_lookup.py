"""Distances from points to a posed, articulated instrument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Float, Float32, Int32
from numpy.typing import NDArray

from hoi_perception.instruments.distance_field import DistanceField, FieldLimits
from hoi_perception.instruments.field_cache import cached_field
from hoi_perception.instruments.kinematics import JointTree, joint_tree
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.kernels import distance_lookup as kernels


@dataclass(frozen=True)
class InstrumentFields:
    """The joint tree of an instrument and the fields of its links, None for a link that is only a frame."""

    tree: JointTree
    fields: tuple[DistanceField | None, ...]

    @staticmethod
    def of(model: InstrumentModel, limits: FieldLimits | None = None, cache: Path | None = None) -> InstrumentFields:
        """Fields of the links' true shapes (visual meshes), from the cache or built."""
        surfaces = [link.surface() for link in model.links]
        fields = [cached_field(v, f, limits, cache) if len(f) else None for v, f in surfaces]
        return InstrumentFields(joint_tree(model), tuple(fields))

    @property
    def nbytes(self) -> int:
        """Memory of all fields."""
        return sum(field.nbytes for field in self.fields if field is not None)


@dataclass(frozen=True)
class Distances:
    """Of each point: signed distance to the nearest link (m, negative inside), its gradient, the link's index.

    The gradient is in the camera frame and points away from the instrument; its length is near 1.
    """

    distance: Float32[NDArray[np.float32], "b n"]
    gradient: Float32[NDArray[np.float32], "b n 3"]
    link: Int32[NDArray[np.int32], "b n"]


class FieldQuery:
    """Looks up `n_points` points for `n_poses` poses at a time, with everything allocated once.

    Outside the grid of a link the distance is that to the grid's box plus the value at the box's nearest point: never
    less than the true distance, and continuous.
    """

    def __init__(self, fields: InstrumentFields, n_points: int, n_poses: int = 1, device: str = "cpu") -> None:
        tree, self._device = fields.tree, wp.get_device(device)
        n_links, b = len(tree.parents) + 1, n_poses
        with wp.ScopedDevice(self._device):
            self._links = _device_links(tree)
            self._grids = device_grids([fields.fields])
            self._points = wp.zeros((b, n_points), dtype=wp.vec3)
            self._base = wp.zeros(b, dtype=wp.mat33), wp.zeros(b, dtype=wp.vec3)
            self._angles = wp.zeros((b, tree.n_joints), dtype=wp.float32)
            self._placed = wp.zeros((b, n_links), dtype=wp.mat33), wp.zeros((b, n_links), dtype=wp.vec3)
            self._distance = wp.zeros((b, n_points), dtype=wp.float32)
            self._gradient = wp.zeros((b, n_points), dtype=wp.vec3)
            self._link = wp.zeros((b, n_points), dtype=wp.int32)
            inputs = [self._links, *self._base, self._angles]
            self._place = wp.launch(kernels.place_links, dim=b, inputs=inputs, outputs=[*self._placed], record_cmd=True)
            outputs = [self._distance, self._gradient, self._link]
            strands = 1 if self._device.is_cpu else n_points
            inputs = [*self._grids, *self._placed, self._points, strands]
            self._look_up = wp.launch(
                kernels.look_up, dim=(b, strands), inputs=inputs, outputs=outputs, record_cmd=True
            )
        self._inputs = [_Input(a, self._device) for a in (self._points, *self._base, self._angles)]
        self._outputs = None
        if self._device.is_cpu:
            self._outputs = Distances(*(a.numpy() for a in outputs))

    def __call__(
        self,
        points: Float[NDArray[np.floating], "b n 3"],
        R: Float[NDArray[np.floating], "b 3 3"],
        t: Float[NDArray[np.floating], "b 3"],
        angles: Float[NDArray[np.floating], "b j"],
    ) -> Distances:
        """Distances of points (m, camera frame) to the instrument with its base link at `R`, `t` and joint angles.

        On a CPU the arrays of the answer are written over by the next call.
        """
        for target, values in zip(self._inputs, (points, R, t, angles), strict=True):
            target.fill(values)
        self._place.launch()
        self._look_up.launch()
        if self._outputs is not None:
            return self._outputs
        return Distances(self._distance.numpy(), self._gradient.numpy(), self._link.numpy())


class _Input:
    """A device array that is filled from NumPy: in place on a CPU."""

    def __init__(self, array: wp.array, device: wp.Device) -> None:
        self._array = array
        self._view = array.numpy() if device.is_cpu else np.zeros(array.numpy().shape, dtype=np.float32)
        self._on_cpu = bool(device.is_cpu)

    def fill(self, values: NDArray[np.floating]) -> None:
        if values.shape != self._view.shape:
            raise ValueError(f"an array has the shape {values.shape}, this query was made for {self._view.shape}")
        self._view[...] = values
        if not self._on_cpu:
            self._array.assign(self._view)


def _device_links(tree: JointTree) -> Any:
    links = kernels.Links()
    links.parents = wp.array(tree.parents.astype(np.int32), dtype=wp.int32)
    links.R = wp.array(tree.R_parent_child.astype(np.float32), dtype=wp.mat33)
    links.t = wp.array(tree.t_parent_child.astype(np.float32), dtype=wp.vec3)
    links.axes = wp.array(tree.axes.astype(np.float32), dtype=wp.vec3)
    links.multipliers = wp.array(tree.multipliers.astype(np.float32), dtype=wp.float32)
    links.offsets = wp.array(tree.offsets.astype(np.float32), dtype=wp.float32)
    return links


def device_grids(
    instruments: Sequence[tuple[DistanceField | None, ...]],
) -> tuple[wp.array, wp.array, wp.array, wp.array]:
    """Grids of all links of several instruments, with their nodes, blocks and bricks one after the other.

    A grid's `link` counts within its instrument. Raises ValueError where no link has a mesh.
    """
    grids, present = [], []
    node = block = brick = 0
    numbered = [(index, field) for fields in instruments for index, field in enumerate(fields)]
    for index, field in numbered:
        if field is None:
            continue
        grid = kernels.LinkGrid()
        grid.link, grid.per_metre, grid.size = index, 1.0 / field.spacing, wp.vec3(*map(float, field.size))
        grid.origin, grid.nodes = wp.vec3(*map(float, field.origin)), wp.vec3i(*field.nodes.shape)
        grid.first_node, grid.first_block, grid.first_brick = node, block, brick
        node, block, brick = node + field.nodes.size, block + field.blocks.size, brick + len(field.bricks)
        grid.rim = _rim(field)
        grids.append(grid)
        present.append(field)
    if not present:
        raise ValueError("no link of the instrument has a mesh")
    arrays = (
        np.concatenate([f.nodes.ravel() for f in present]).view(np.uint16),
        np.concatenate([f.blocks.ravel() for f in present]),
        np.concatenate([np.ascontiguousarray(f.bricks).ravel() for f in present]).view(np.uint16),
    )
    return wp.array(grids, dtype=kernels.LinkGrid), *(wp.array(a, dtype=wp.uint16) for a in arrays)


def _rim(field: DistanceField) -> float:
    """Least distance (m) on the box of a grid."""
    n = field.nodes
    sides = (n[0], n[-1], n[:, 0], n[:, -1], n[:, :, 0], n[:, :, -1])
    return 1e-3 * min(float(side.min()) for side in sides)
