"""Depth as a sensor beside the camera measures it: noise, holes, pixels between two surfaces, one error of scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.evaluation.region_scenes import Body
from hoi_perception.rendering import rasterise
from hoi_perception.types import Camera

DepthImage = Float32[NDArray[np.float32], "h w"]


@dataclass(frozen=True)
class Sensor:
    """What is wrong with depth: noise (m, and per m² of depth squared), shares of pixels without any one by one and in
    patches of about `patch_px` on bodies, share of the pixels along borders that lie between two surfaces, and the
    standard deviation of the scale of all depths."""

    noise: float = 0.001
    noise_per_m2: float = 0.003
    holes: float = 0.1
    patches: float = 0.2
    patch_px: float = 6.0
    flying: float = 0.5
    scale: float = 0.003

    def measured(
        self,
        bodies: Sequence[Body],
        behind_m: float,
        camera: Camera,
        scale: float,
        rng: np.random.Generator,
    ) -> DepthImage:
        """Depth (m, NaN where there is none) of bodies before a plane at `behind_m`."""
        true = drawn_depth(bodies, behind_m, camera)
        depth = self._mixed(true, rng)
        shown = true < behind_m
        depth *= 1.0 + scale
        depth += (self.noise + self.noise_per_m2 * depth**2) * rng.standard_normal(depth.shape, dtype=np.float32)
        depth[rng.random(depth.shape, dtype=np.float32) < self.holes] = np.nan
        coarse = cv2.GaussianBlur(rng.standard_normal(depth.shape, dtype=np.float32), (0, 0), 0.4 * self.patch_px)
        depth[shown & (coarse < np.quantile(coarse[::4, ::4], self.patches))] = np.nan
        return depth

    def _mixed(self, depth: DepthImage, rng: np.random.Generator) -> DepthImage:
        """Some pixels beside a step in depth between both sides of it."""
        square = np.ones((3, 3), dtype=np.uint8)
        near, far = cv2.erode(depth, square), cv2.dilate(depth, square)
        flies = (far - near > 0.01) & (rng.random(depth.shape, dtype=np.float32) < self.flying)
        share = rng.random(depth.shape, dtype=np.float32)
        return np.where(flies, near + share * (far - near), depth).astype(np.float32)


def drawn_depth(bodies: Sequence[Body], behind_m: float, camera: Camera) -> DepthImage:
    """True depth of bodies before a plane that faces the camera."""
    depth = np.full((camera.height, camera.width), behind_m, dtype=np.float32)
    for body in bodies:
        raster = rasterise(body.vertices, body.faces, camera)
        depth = np.where(raster.mask & (raster.depth < depth), raster.depth, depth)
    return depth
