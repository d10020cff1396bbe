"""How a hand usually holds an instrument, from points of the hand that lie at places of the instrument.

The poses are approximate: a rigid fit of a few joints and pads of the open hand, in a named grasp, to the places where
they belong. A solver that sees the hand refines them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import gesture_angles, grasp_angles, joint_frames, pose_from_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instruments.description import Grasp, Pose
from hoi_perception.types import Side

Array = NDArray[np.float64]

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def held(
    name: str,
    hand: str,
    places: Mapping[str, Sequence[float]],
    joint_positions: Mapping[str, float] | None = None,
) -> Grasp:
    """A grasp of the right hand, posed as a named grasp or gesture.

    `places` are where points of the hand lie in the base link's frame, mm.

    Points are `<finger>_<1 to 3>` (its joints from the palm), `<finger>_tip`, `<finger>_pad` (between last joint and
    tip, on the palm's side), `<finger>_curl` (within the bent finger) and `wrist`.
    """
    points = hand_points(hand)
    in_hand = np.array([points[key] for key in places])
    on_instrument = 0.001 * np.array([list(place) for place in places.values()])
    R, t = _rigid_fit(on_instrument, in_hand)
    pose = Pose(_rounded(t), _rounded(_roll_pitch_yaw(R)))
    joints = tuple((joint_positions or {}).items())
    if hand in grasp_angles():
        return Grasp(name, Side.RIGHT, pose, hand, joint_positions=joints)
    angles = tuple(round(float(angle), 4) for angle in _angles(hand).ravel())
    return Grasp(name, Side.RIGHT, pose, angles=angles, joint_positions=joints)


def _angles(hand: str) -> Float[Array, "15 3"]:
    return {**grasp_angles(), **gesture_angles()}[hand]


@cache
def hand_points(hand: str) -> dict[str, Float[Array, "3"]]:
    """Named points of the right open hand in a named grasp, metres in the wrist's frame."""
    shaped = HandModel.load().with_shape(np.zeros(10))
    frames = joint_frames(shaped.joints21_rest())
    pose = np.concatenate([np.zeros((1, 3)), pose_from_angles(_angles(hand), frames).reshape(15, 3)])
    joints = np.asarray(shaped.with_pose(pose).joints21(), dtype=np.float64)
    joints -= joints[0]
    points = {"wrist": joints[0]}
    for k, finger in enumerate(_FINGERS):
        chain = joints[1 + 4 * k : 5 + 4 * k]
        points |= {f"{finger}_{i + 1}": chain[i] for i in range(3)} | {f"{finger}_tip": chain[3]}
        points[f"{finger}_curl"] = chain.mean(axis=0)
        points[f"{finger}_pad"] = 0.45 * chain[2] + 0.55 * chain[3] + 0.006 * _palmar(chain)
    return points


def _palmar(chain: Float[Array, "4 3"]) -> Float[Array, "3"]:
    """Unit vector out of the pad of a bent finger: away from the arc of its joints, across its last bone."""
    last = chain[3] - chain[2]
    last /= np.linalg.norm(last)
    inward = 0.5 * (chain[0] + chain[1]) - chain[2]
    inward -= last * (inward @ last)
    return np.asarray(inward / max(float(np.linalg.norm(inward)), 1e-9))


def _rigid_fit(
    source: Float[Array, "n 3"], target: Float[Array, "n 3"]
) -> tuple[Float[Array, "3 3"], Float[Array, "3"]]:
    """Rotation and translation with least squares of R source + t - target (Kabsch)."""
    a, b = source.mean(axis=0), target.mean(axis=0)
    U, _, Vt = np.linalg.svd((target - b).T @ (source - a))
    sign = np.sign(np.linalg.det(U @ Vt))
    R = U @ np.diag([1.0, 1.0, sign]) @ Vt
    return R, b - R @ a


def _roll_pitch_yaw(R: Float[Array, "3 3"]) -> Float[Array, "3"]:
    pitch = np.arctan2(-R[2, 0], np.hypot(R[0, 0], R[1, 0]))
    return np.array([np.arctan2(R[2, 1], R[2, 2]), pitch, np.arctan2(R[1, 0], R[0, 0])])


def _rounded(values: Float[Array, "3"]) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 4) for v in values)
    return x, y, z
