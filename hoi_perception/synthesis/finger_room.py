"""How deep the fingers of a hand lie in each other, by spheres along their bones.

Coarse and quick, for steering; what counts as truth is checked on the mesh itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import rotations_from_angles
from hoi_perception.hands.joints import FINGER_JOINTS, TIP_ROWS
from hoi_perception.hands.skinning import chain_transforms
from hoi_perception.synthesis.hand_samples import SampledHand

Array = NDArray[np.float64]
_PER_BONE = 5


@dataclass(frozen=True, eq=False)
class FingerSpheres:
    """Spheres inscribed in the fingers at rest: bone that carries each, finger it belongs to, centre, radius (m)."""

    hand: SampledHand
    bones: Int64[NDArray[np.int64], " s"]
    fingers: Int64[NDArray[np.int64], " s"]
    centres: Float64[Array, "s 3"]
    radii: Float64[Array, " s"]

    @staticmethod
    def of(hand: SampledHand) -> FingerSpheres:
        """The spheres of a hand's shape."""
        bones, fingers, centres = [], [], []
        joints21 = hand.model.with_shape(hand.shape).joints21_rest()
        for row, (finger, joints) in enumerate(FINGER_JOINTS.items()):
            ends = [*joints[1:], TIP_ROWS[finger]]
            for bone, end in zip(joints, ends, strict=True):
                last = end >= 16
                shares = np.linspace(0.0, 0.55 if last else 1.0, _PER_BONE, endpoint=last)
                centres.append(joints21[bone] + shares[:, None] * (joints21[end] - joints21[bone]))
                bones += [bone] * _PER_BONE
                fingers += [row] * _PER_BONE
        middle = np.concatenate(centres)
        radii = np.linalg.norm(middle[:, None] - hand.vertices_rest[None], axis=2).min(axis=1)
        return FingerSpheres(hand, np.array(bones), np.array(fingers), middle, radii)

    def overlap(self, angles: Float64[Array, "b 15 3"], finger: str | None = None) -> Float64[Array, " b"]:
        """Deepest overlap (m, negative where all are apart) of a finger with the others; of any two where None."""
        centres = self._posed(angles)
        rows = list(FINGER_JOINTS)
        own = self.fingers == rows.index(finger) if finger else np.ones(len(self.fingers), dtype=bool)
        apart = np.linalg.norm(centres[:, own, None] - centres[:, None], axis=3)
        depth = self.radii[own][:, None] + self.radii - apart
        other = self.fingers[own][:, None] != self.fingers
        return np.asarray(np.where(other & self._free_of_palm(own), depth, -1.0).max(axis=(1, 2)))

    def _free_of_palm(self, own: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Pairs of which neither is on an innermost bone: those share the palm's flesh."""
        inner = np.isin(self.bones, [joints[0] for joints in FINGER_JOINTS.values()])
        return np.asarray(~(inner[own][:, None] & inner))

    def _posed(self, angles: Float64[Array, "b 15 3"]) -> Float64[Array, "b s 3"]:
        rotations = np.empty((len(angles), 16, 3, 3))
        rotations[:, 0] = np.eye(3)
        rotations[:, 1:] = rotations_from_angles(angles, self.hand.frames)
        transforms = chain_transforms(rotations, self.hand.joints_rest)[:, self.bones]
        local = self.centres - self.hand.joints_rest[self.bones]
        return np.asarray((transforms[..., :3, :3] @ local[..., None])[..., 0] + transforms[..., :3, 3])
