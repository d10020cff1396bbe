"""Points of a hand that residuals can take hold of: mesh vertices, finer points on the finger pads, landmarks.

All points are skinned alike: a rest place that moves with the shape, a correction by the pose, and the bones that carry
it. Finer points take rest place, correction and weights through the matrix of `FingertipUpsampling` before skinning.
That differs from upsampling the skinned vertices where a point follows two bones: by 0.02 mm on average, by less than
0.3 mm in the named grasps and 0.6 mm anywhere within the joints' limits (tested). Some weights are negative, as the
matrix's are: without them the weights of a point would not sum to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int8, Int32
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import rotations_from_angles
from hoi_perception.hands.contact_zones import PADS, contact_zones
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import LANDMARK_BONE
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.upsampling import FingertipUpsampling
from hoi_perception.types import N_LANDMARKS, N_VERTICES

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HandPoints:
    """Points of a right hand (or of a left one mirrored): vertices, then pad points, then landmarks.

    Point i follows `bones` and `weights` from `first[i]` to `first[i + 1]`; `zones` are those of
    `contact_zones.ContactZone`, NONE for landmarks.
    """

    rest: Float64[Array, "p 3"]
    shape_directions: Float64[Array, "p 3 10"]
    pose_matrix: Float32[NDArray[np.float32], "135 v3"]
    first: Int32[NDArray[np.int32], " p1"]
    bones: Int32[NDArray[np.int32], " k"]
    weights: Float64[Array, " k"]
    zones: Int8[NDArray[np.int8], " p"]
    faces: Int32[NDArray[np.int32], "f 3"]
    landmark_model: LandmarkModel

    @staticmethod
    def of(right_form: HandModel, *, upsampled: bool = True) -> HandPoints:
        """The points of a right hand, with the finer points of the pads or without them."""
        landmarks = LandmarkModel.of(right_form)
        zones = contact_zones(right_form).of_vertex
        fine, fine_zones = _pad_rows(right_form, zones) if upsampled else (np.zeros((0, N_VERTICES)), zones[:0])
        S = np.concatenate([np.eye(N_VERTICES), fine])
        directions = np.einsum("pv,vas->pas", fine, right_form.shape_directions)
        corrections = np.einsum("pv,vaf->paf", fine, right_form.pose_directions)
        skin = np.concatenate([S @ right_form.skin_weights, np.eye(16)[LANDMARK_BONE]])
        row, bone = np.nonzero(skin)
        counts = np.bincount(row, minlength=len(skin))
        return HandPoints(
            rest=np.concatenate([S @ right_form.template, landmarks.joints[LANDMARK_BONE] + landmarks.points]),
            shape_directions=np.concatenate(
                [
                    right_form.shape_directions,
                    directions,
                    landmarks.joint_directions[LANDMARK_BONE] + landmarks.point_directions,
                ]
            ),
            pose_matrix=np.ascontiguousarray(
                np.concatenate([right_form.pose_directions, corrections]).reshape(-1, 135).T, dtype=np.float32
            ),
            first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
            bones=bone.astype(np.int32),
            weights=skin[row, bone],
            zones=np.concatenate([zones, fine_zones, np.full(N_LANDMARKS, -1)]).astype(np.int8),
            faces=np.ascontiguousarray(right_form.faces, dtype=np.int32),
            landmark_model=landmarks,
        )

    def __len__(self) -> int:
        return len(self.rest)

    @property
    def n_surface(self) -> int:
        """Points on the surface: all but the landmarks."""
        return len(self.rest) - N_LANDMARKS

    @property
    def first_landmark(self) -> int:
        """Index of the first of the 21 landmarks."""
        return self.n_surface

    def shaped(self, shape: Float64[Array, "10"]) -> tuple[Float64[Array, "p 3"], Float64[Array, "16 3"]]:
        """Rest places of points and joints for a shape, without the pose's correction."""
        model = self.landmark_model
        return self.rest + self.shape_directions @ shape, model.joints + model.joint_directions @ shape

    def pose_correction(self, angles: Float64[Array, "45"]) -> Float64[Array, "v 3"]:
        """What a pose adds to the rest places of the surface points, m."""
        R = rotations_from_angles(angles.reshape(15, 3), self.landmark_model.frames)
        features = (R - np.eye(3)).reshape(135).astype(np.float32)
        return np.asarray((features @ self.pose_matrix).reshape(-1, 3), dtype=np.float64)


def _pad_rows(model: HandModel, zones: Int8[NDArray[np.int8], "778"]) -> tuple[Array, Int8[NDArray[np.int8], " n"]]:
    """Rows of the upsampling matrix for new points that lie on a pad by more than half of their weight, with zones."""
    upsampling = FingertipUpsampling.of(model)
    share = np.stack([zones == pad for pad in PADS], axis=1).astype(np.float64)
    rows, found = [], []
    for patch in upsampling.patches:
        inside = patch.matrix @ share[patch.sources]
        chosen = np.flatnonzero(inside.max(axis=1) > 0.5)
        full = np.zeros((len(chosen), N_VERTICES))
        full[:, patch.sources] = patch.matrix[chosen]
        rows.append(full)
        found.append(inside[chosen].argmax(axis=1))
    return np.concatenate(rows), np.concatenate(found).astype(np.int8)
