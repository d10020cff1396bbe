"""What the skin shader knows of a hand: where it is red, where it creases, where the nails are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import FINGER_JOINTS, TIP_ROWS, joint_frames
from hoi_perception.hands.hand_model import ShapedHand
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.rendering import vertex_normals
from hoi_perception.types import Side

Array = NDArray[np.float64]
FAR_FROM_CREASES = 0.05
_FINGER_RADIUS = 0.016


@dataclass(frozen=True)
class SkinLayout:
    """Places on one hand, in the rest pose of a right hand whatever the side.

    `traits` per vertex: redness 0 to 1, distance to the nearest crease across a finger (m). A nail's frame has rows
    along, out of and across the nail; the first and last are divided by the half length and half width. Tendons run on
    the back of the hand from the wrist to the knuckles.
    """

    rest: Float64[Array, "778 3"]
    traits: Float32[NDArray[np.float32], "778 2"]
    nail_center: Float32[NDArray[np.float32], "5 3"]
    nail_frame: Float32[NDArray[np.float32], "5 3 3"]
    tendon_start: Float32[NDArray[np.float32], "4 3"]
    tendon_end: Float32[NDArray[np.float32], "4 3"]


@dataclass(frozen=True)
class Complexion:
    """Albedos (linear BGR, 0 to 1) of a person and the sleeve they wear, and the seed of the texture."""

    base: tuple[float, float, float]
    flush: tuple[float, float, float]
    nail: tuple[float, float, float]
    sleeve: tuple[float, float, float]
    seed: int


_TONES_BGR = (
    ((0.33, 0.44, 0.70), (0.25, 0.28, 0.60)),
    ((0.26, 0.37, 0.62), (0.19, 0.23, 0.52)),
    ((0.17, 0.27, 0.49), (0.12, 0.17, 0.40)),
    ((0.09, 0.15, 0.29), (0.08, 0.11, 0.25)),
)
_SLEEVES_BGR = ((0.42, 0.29, 0.13), (0.36, 0.34, 0.16), (0.55, 0.53, 0.52))


def complexion(seed: int) -> Complexion:
    """One of several skin tones and gowns, the same for the same seed; seed 0 is the fairest."""
    base, flush = _TONES_BGR[seed % len(_TONES_BGR)]
    pale = tuple(0.45 * b + 0.55 * f + 0.10 for b, f in zip(base, flush, strict=True))
    return Complexion(base, flush, (pale[0], pale[1], pale[2]), _SLEEVES_BGR[seed % len(_SLEEVES_BGR)], seed)


def right_handed(hand: ShapedHand, points: Float[Array, "n 3"]) -> Float64[Array, "n 3"]:
    """Points of the hand's rest frame in that of a right hand: a left hand's are mirrored."""
    return np.asarray(mirror_points(points), dtype=np.float64) if hand.model.side is Side.LEFT else points


def skin_layout(hand: ShapedHand) -> SkinLayout:
    """The layout of a shaped hand."""
    left = hand.model.side is Side.LEFT
    vertices = right_handed(hand, hand.vertices_rest)
    joints = right_handed(hand, hand.joints21_rest())
    faces = hand.model.faces[:, ::-1] if left else hand.model.faces
    normals = vertex_normals(vertices, faces).astype(np.float64)
    frames = joint_frames(joints)
    centers, nail_frames = zip(*(_nail(f, vertices, joints, frames) for f in FINGER_JOINTS), strict=True)
    starts, ends = _tendons(vertices, joints)
    traits = np.stack([_redness(vertices, normals, joints), _crease_distance(vertices, joints)], axis=-1)
    return SkinLayout(
        rest=vertices,
        traits=traits.astype(np.float32),
        nail_center=np.stack(centers).astype(np.float32),
        nail_frame=np.stack(nail_frames).astype(np.float32),
        tendon_start=starts.astype(np.float32),
        tendon_end=ends.astype(np.float32),
    )


def _redness(
    vertices: Float[Array, "n 3"], normals: Float[Array, "n 3"], joints: Float[Array, "21 3"]
) -> Float64[Array, " n"]:
    """Blood shows at fingertips, over the knuckles and on the palm's pads."""

    def near(points: Float[Array, "k 3"], reach: float) -> Float64[Array, " n"]:
        d = np.linalg.norm(vertices[:, None] - points, axis=-1).min(axis=1)
        return np.asarray(np.exp(-((d / reach) ** 2)))

    back = np.clip(normals[:, 1], 0.0, 1.0)
    palm = np.clip(-normals[:, 1], 0.0, 1.0)
    knuckles = np.maximum(near(joints[1:13:3], 0.014), near(joints[2:16:3], 0.011)) * back
    return np.clip(0.10 + 0.50 * near(joints[16:], 0.013) + 0.42 * knuckles + 0.22 * palm, 0.0, 0.9)


def _crease_distance(vertices: Float[Array, "n 3"], joints: Float[Array, "21 3"]) -> Float64[Array, " n"]:
    """Distance along the finger to its nearest hinge, for vertices of the finger there; large elsewhere."""
    nearest = np.full(len(vertices), FAR_FROM_CREASES)
    for finger, (first, middle, last) in FINGER_JOINTS.items():
        chain = joints[[first, middle, last, TIP_ROWS[finger]]]
        for k in (2,) if finger == "thumb" else (1, 2):
            bone = chain[k + 1] - chain[k - 1]
            bone = bone / np.linalg.norm(bone)
            offset = vertices - chain[k]
            along = offset @ bone
            off_axis = np.linalg.norm(offset - along[:, None] * bone, axis=1)
            nearest = np.where(off_axis < _FINGER_RADIUS, np.minimum(nearest, np.abs(along)), nearest)
    return nearest


def _tendons(
    vertices: Float[Array, "n 3"], joints: Float[Array, "21 3"]
) -> tuple[Float64[Array, "4 3"], Float64[Array, "4 3"]]:
    """Ends of the four extensor tendons on the surface: before the knuckles, and gathered toward the wrist."""
    knuckles = joints[[FINGER_JOINTS[finger][0] for finger in ("index", "middle", "ring", "pinky")]]
    roots = joints[0] + 0.30 * (knuckles - joints[0])

    def on_back(points: Float[Array, "4 3"]) -> Float64[Array, "4 3"]:
        near = np.hypot(*(vertices[:, None, k] - points[:, k] for k in (0, 2))) < 0.009
        heights = np.where(near, vertices[:, None, 1], -np.inf).max(axis=0)
        lifted = points.copy()
        lifted[:, 1] = np.where(np.isfinite(heights), heights, points[:, 1])
        return lifted

    return on_back(roots), on_back(knuckles)


def _nail(
    finger: str, vertices: Float[Array, "n 3"], joints: Float[Array, "21 3"], frames: Float[Array, "15 3 3"]
) -> tuple[Float64[Array, "3"], Float64[Array, "3 3"]]:
    """Center and frame of a finger's nail, on the surface of the back of its last segment."""
    last = FINGER_JOINTS[finger][2]
    side, out, bone = frames[last - 1].T
    tip = joints[TIP_ROWS[finger]]
    length = float((tip - joints[last]) @ bone)
    local = vertices - joints[last]
    along, across, height = local @ bone, local @ side, local @ out
    segment = (along > 0.45 * length) & (along < 1.2 * length) & (np.linalg.norm(local, axis=1) < 1.6 * length)
    segment &= (np.abs(across) < 0.75 * length) & (np.abs(height) < 0.75 * length)
    near_ridge = segment & (np.abs(along - 0.80 * length) < 0.22 * length)
    top = float(np.quantile(height[near_ridge], 0.95)) if near_ridge.any() else 0.3 * length
    width = float(np.quantile(np.abs(across[segment]), 0.9)) if segment.any() else 0.3 * length
    center = joints[last] + 0.80 * length * bone + top * out
    return center, np.stack([bone / (0.25 * length), out, side / (0.68 * width)])
