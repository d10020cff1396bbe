"""The hand's skin as an implicit surface: a smooth union of anatomical masses, negative inside, in millimetres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Array = NDArray[np.float64]
Points = Float[Array, "n 3"]
Distances = Float[Array, "n"]
Field = Callable[[Points], Distances]


@dataclass(frozen=True)
class Tube:
    """A digit: cross-sections along a bent axis, of half-breadth, height to the back and depth to the pad.

    `axis` holds the joints and the tip; `frames` one frame (lateral, back, bone) for each bone; `stations` the places
    of the sections along the axis measured from its first point; `sections` (half-breadth, back, pad) at each station.
    The round end begins `cap` before the tip.
    """

    axis: Float[Array, "j 3"]
    frames: Float[Array, "b 3 3"]
    stations: Float[Array, "s"]
    sections: Float[Array, "s 3"]
    cap: float
    roundness: float = 2.3

    def length(self) -> float:
        """Length of the axis."""
        return float(np.linalg.norm(np.diff(self.axis, axis=0), axis=1).sum())

    def local(self, points: Points) -> Points:
        """Coordinates (lateral, back, along the axis) of points; bends are blended over the joints."""
        starts = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(self.axis, axis=0), axis=1))])
        per_bone = np.stack([(points - self.axis[b]) @ self.frames[b] for b in range(len(self.frames))])
        per_bone[:, :, 2] += starts[:-1, None]
        local = per_bone[0]
        for bone in range(1, len(self.frames)):
            share = smoothstep((per_bone[bone, :, 2] - starts[bone]) / 16.0 + 0.5)[:, None]
            local = (1.0 - share) * local + share * per_bone[bone]
        return np.asarray(local)

    def section(self, along: Distances) -> Float[Array, "n 3"]:
        """Half-breadth, back and pad at places along the axis."""
        return np.asarray(
            _interpolator(self.stations, self.sections)(np.clip(along, self.stations[0], self.stations[-1]))
        )

    def distance(self, points: Points) -> Distances:
        """Approximate signed distance, exact in sign."""
        local = self.local(points)
        end = self.length() - self.cap
        size = self.section(np.minimum(local[:, 2], end))
        height = np.where(local[:, 1] > 0.0, size[:, 1], size[:, 2])
        beyond = np.maximum(local[:, 2] - end, 0.0) / self.cap
        before = np.maximum(self.stations[0] - local[:, 2], 0.0) / size[:, 0]
        p = self.roundness
        parts = np.abs(local[:, 0] / size[:, 0]) ** p + np.abs(local[:, 1] / height) ** p
        ratio = (parts + beyond**p + before**p) ** (1.0 / p)
        return np.asarray((ratio - 1.0) * np.minimum(size[:, 0], height))


def capsule(a: Array, b: Array, radius_a: float, radius_b: float, flatten: float = 1.0) -> Field:
    """A rod with round ends whose radius changes from a to b; `flatten` below 1 makes it flatter along y."""
    squeeze = np.array([1.0, 1.0 / flatten, 1.0])

    def distance(points: Points) -> Distances:
        arm, axis = (points - a) * squeeze, (b - a) * squeeze
        share = np.clip(arm @ axis / (axis @ axis), 0.0, 1.0)
        radius = radius_a + share * (radius_b - radius_a)
        return np.asarray((np.linalg.norm(arm - share[:, None] * axis, axis=1) - radius) * min(flatten, 1.0))

    return distance


def ellipsoid(centre: Array, axes: Float[Array, "3 3"], radii: tuple[float, float, float]) -> Field:
    """An ellipsoid with the given unit axes (columns)."""
    size = np.array(radii)

    def distance(points: Points) -> Distances:
        local = (points - centre) @ axes
        ratio = np.linalg.norm(local / size, axis=1)
        slope = np.linalg.norm(local / size**2, axis=1)
        return np.asarray(ratio * (ratio - 1.0) / np.maximum(slope, 1e-9))

    return distance


def plate(corners: Float[Array, "3 3"], radius: float) -> Field:
    """A triangle thickened by a radius."""
    a, b, c = corners
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal)
    edges = [(a, b), (b, c), (c, a)]

    def distance(points: Points) -> Distances:
        inside = np.ones(len(points), dtype=bool)
        nearest = np.full(len(points), np.inf)
        for start, stop in edges:
            arm, axis = points - start, stop - start
            inside &= arm @ np.cross(normal, axis) >= 0.0
            share = np.clip(arm @ axis / (axis @ axis), 0.0, 1.0)
            nearest = np.minimum(nearest, np.linalg.norm(arm - share[:, None] * axis, axis=1))
        return np.asarray(np.where(inside, np.abs((points - a) @ normal), nearest) - radius)

    return distance


def smooth_union(a: Distances, b: Distances, blend: float) -> Distances:
    """Minimum of two distances rounded over `blend` (Quilez's quadratic polynomial)."""
    share = np.maximum(blend - np.abs(a - b), 0.0) / blend
    return np.asarray(np.minimum(a, b) - 0.25 * blend * share**2)


def normals(field: Field, points: Points, step: float = 0.05) -> Points:
    """Outward unit normals by central differences."""
    offsets = step * np.concatenate([np.eye(3), -np.eye(3)])
    values = field((points[None] + offsets[:, None]).reshape(-1, 3)).reshape(6, len(points))
    gradient = (values[:3] - values[3:]).T
    return np.asarray(gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-12))


def project(field: Field, points: Points, steps: int = 6) -> Points:
    """Points moved along the gradient onto the surface."""
    moved = points.copy()
    offsets = 0.05 * np.concatenate([np.eye(3), -np.eye(3)])
    for _ in range(steps):
        values = field((moved[None] + offsets[:, None]).reshape(-1, 3)).reshape(6, len(moved))
        gradient = (values[:3] - values[3:]).T / 0.1
        square = np.maximum((gradient**2).sum(axis=1), 0.05)
        step = np.clip(field(moved) / square, -4.0, 4.0)
        moved = moved - step[:, None] * gradient
    return moved


def cast(field: Field, origins: Points, directions: Points, reach: float = 60.0) -> Points:
    """First places where rays that start inside leave the surface."""
    places = np.linspace(0.0, reach, 121)
    samples = origins[None] + places[:, None, None] * directions[None]
    outside = field(samples.reshape(-1, 3)).reshape(len(places), -1) > 0.0
    first = np.maximum(outside.argmax(axis=0), 1)
    low, high = places[first - 1], places[first]
    for _ in range(30):
        middle = 0.5 * (low + high)
        out = field(origins + middle[:, None] * directions) > 0.0
        low, high = np.where(out, low, middle), np.where(out, middle, high)
    return np.asarray(origins + (0.5 * (low + high))[:, None] * directions)


def smoothstep(t: Array) -> Array:
    """Cubic step from 0 at t = 0 to 1 at t = 1."""
    t = np.clip(t, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _interpolator(places: Array, values: Array) -> Callable[[Array], Array]:
    from scipy.interpolate import PchipInterpolator

    return PchipInterpolator(places, values)  # type: ignore[no-any-return]
