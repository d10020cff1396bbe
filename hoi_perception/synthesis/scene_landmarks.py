"""The landmark network's 21 points of the hands of a scene, without error."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.hands.anatomy import angles_from_pose
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.mirroring import mirror_axis_angle, mirror_points
from hoi_perception.synthesis.scene import SceneHand
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, HandParameters, Side

Array = NDArray[np.float64]


class SceneLandmarks:
    """Landmarks of posed hands of either side."""

    def __init__(self, right_hand: HandModel | None = None) -> None:
        self._model = LandmarkModel.of(right_hand or HandModel.load(None, Side.RIGHT))

    def places(self, side: Side, hand: HandParameters) -> Float64[Array, "21 3"]:
        """The points in the camera frame, m."""
        pose, wrist = hand.pose, hand.wrist_camera
        if side is Side.LEFT:
            pose, wrist = np.asarray(mirror_axis_angle(pose)), np.asarray(mirror_points(wrist))
        skeleton = self._model.skeleton(hand.shape[None])
        angles = angles_from_pose(pose[1:].reshape(45), self._model.frames).reshape(1, 45)
        rotation = np.asarray(rotation_from_axis_angle(pose[:1]), dtype=np.float64)
        points = pose_skeleton(skeleton, HandState(wrist[None], rotation, angles)).landmarks[0]
        return np.asarray(mirror_points(points) if side is Side.LEFT else points, dtype=np.float64)

    def seen(self, hand: SceneHand, camera: Camera) -> tuple[Float64[Array, "21 2"], Float64[Array, "21"]]:
        """Pixels of the points, and their depths behind the wrist in the scale of its pixels."""
        points = self.places(hand.side, hand.parameters)
        px = np.asarray(project(points, camera), dtype=np.float64)
        return px, (points[:, 2] - points[0, 2]) * camera.focal_px / points[0, 2]
