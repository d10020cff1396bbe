"""What is where in a synthetic scene, and what a picture of it comes with. Camera frame, metres."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.synthesis.look import SceneLook
from hoi_perception.types import Camera, Frame, HandParameters, Side
from hoi_perception.visible_area import VisibleDisc

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """A frame in the camera's: `R` turns its vectors into the camera's axes, `t` (m) is its origin."""

    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]

    def of(self, points: Float64[Array, "*b 3"]) -> Float64[Array, "*b 3"]:
        """Points of the frame in the camera's."""
        return np.asarray(points @ self.R.T + self.t, dtype=np.float64)


@dataclass(frozen=True)
class SceneHand:
    """A hand with its shape and pose, and where the elbow of its arm is."""

    side: Side
    parameters: HandParameters
    elbow_camera: Float64[Array, "3"]


@dataclass(frozen=True)
class SceneInstrument:
    """An instrument of the library: base link's pose, joint positions (rad) in the order of its model."""

    name: str
    pose: Pose
    joint_positions: Float64[Array, " j"] = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Scene:
    """A moment. The table's frame is right, ahead and up; its plane z = 0 is the ground."""

    camera: Camera
    table: Pose
    hands: tuple[SceneHand, ...]
    instruments: tuple[SceneInstrument, ...]
    look: SceneLook

    def with_look(self, look: SceneLook) -> Scene:
        """The same things seen otherwise."""
        return replace(self, look=look)


@dataclass(frozen=True)
class Rendered:
    """One picture with its truth, all of the camera's size.

    `depth_m` is along the optical axis, NaN where nothing is. `parts` holds values of `Part`; `instances` 0 for the
    ground, then hands (with their arms) and instruments counted from 1 in the scene's order. `joints_px` and
    `joints_camera` are the 21 points of each hand in OpenPose's order; `visible` says of each whether the hand's
    surface round that joint is seen in the picture.
    """

    image_bgr: UInt8[NDArray[np.uint8], "h w 3"]
    depth_m: Float32[NDArray[np.float32], "h w"]
    parts: UInt8[NDArray[np.uint8], "h w"]
    instances: UInt8[NDArray[np.uint8], "h w"]
    joints_camera: Float64[Array, "n 21 3"]
    joints_px: Float64[Array, "n 21 2"]
    visible: Bool[NDArray[np.bool_], "n 21"]
    scene: Scene

    def frame(self, stamp_ns: int = 0, *, with_depth: bool = False) -> Frame:
        """What a camera delivers of it: the picture, the visible disc of an endoscope, depth if asked for."""
        camera, disc = self.scene.camera, self.scene.look.sensor.disc
        center = (float(camera.K[0, 2]), float(camera.K[1, 2]))
        area = VisibleDisc(center, 0.5 * disc * camera.height, camera.width, camera.height) if disc > 0.0 else None
        return Frame(self.image_bgr, camera, stamp_ns, depth_m=self.depth_m if with_depth else None, visible=area)
