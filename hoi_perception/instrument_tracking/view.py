"""One frame as instruments are followed in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instruments.colour import Image, Provider
from hoi_perception.types import Camera, FurtherView, ToldPose


@dataclass(frozen=True, eq=False)
class View:
    """One frame: image, camera, time, and the hands that were seen in it.

    `visible` are the pixels of the picture proper, all where it is None. `maps` tell instruments (by the numbers of
    their tracks) from surroundings in place of the colours that were learned of them. `further` are the images of other
    cameras; everything is told in the frame of `camera`. `poses` are what other sources tell of instruments, by their
    tracks, as `told_poses.Given` has them. `depth_m` is registered to the image (m, NaN where there is none).
    """

    image: Image
    camera: Camera
    stamp_ns: int
    hands: tuple[HandView, ...] = ()
    visible: Bool[NDArray[np.bool_], "h w"] | None = None
    further: tuple[FurtherView, ...] = ()
    maps: Mapping[int, Provider] = field(default_factory=dict)
    poses: Mapping[int, tuple[ToldPose, ...]] = field(default_factory=dict)
    depth_m: Float32[NDArray[np.float32], "h w"] | None = None
