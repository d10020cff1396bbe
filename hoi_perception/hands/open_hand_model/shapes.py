"""Ten shape components, one standard deviation each: stretches of the bones and their flesh, and muscle."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS, PARENTS
from hoi_perception.hands.open_hand_model import flesh
from hoi_perception.hands.open_hand_model.masses import Hand
from hoi_perception.hands.open_hand_model.skinning import Weights
from hoi_perception.hands.open_hand_model.surface import PALM, Surface

Array = NDArray[np.float64]
Strain = Float[Array, "16 3"]

SHAPE_NAMES = (
    "size",
    "length",
    "breadth",
    "finger length",
    "thickness",
    "thumb length",
    "finger girth",
    "index against ring finger",
    "little finger length",
    "thenar and hypothenar muscle",
)

_BREADTH, _THICKNESS, _LENGTH = 0, 1, 2
_FOUR = ("index", "middle", "ring", "pinky")


def strains() -> Float[Array, "9 16 3"]:
    """Relative stretch of each bone's flesh in breadth, thickness and length, one standard deviation a component.

    Sizes, adults of both sexes together: hand length 6 % (ANSUR II 2012: men 193 SD 10, women 181 SD 10 mm), breadth at
    given length 4 % and thickness at given breadth 5 % (Greiner 1991). Digits at given hand length 4 to 5 %, less than
    the 8 to 12 % of single bones over all adults (Buryanov and Kotiuk 2010), which hold size and radiographic error.
    Ratio of index to ring finger 0.033 (Manning et al., Hum. Reprod. 13, 1998).
    """
    table = np.zeros((9, 16, 3))
    fingers = [joint for name in _FOUR for joint in FINGER_JOINTS[name]]
    table[0] = 0.060
    table[1, :, _LENGTH] = 0.025
    table[2, :, _BREADTH] = 0.040
    table[3, fingers, _LENGTH] = 0.040
    table[4, :, _THICKNESS] = 0.050
    table[5, list(FINGER_JOINTS["thumb"]), _LENGTH] = 0.045
    table[6, 1:, :_LENGTH] = 0.050
    table[7, list(FINGER_JOINTS["index"]), _LENGTH] = 0.0165
    table[7, list(FINGER_JOINTS["ring"]), _LENGTH] = -0.0165
    table[8, list(FINGER_JOINTS["pinky"]), _LENGTH] = 0.050
    return table


def bone_axes(frames: Float[Array, "15 3 3"]) -> Float[Array, "16 3 3"]:
    """Axes (breadth, thickness, length) of the palm and the 15 bones."""
    palm = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # columns z, y, −x
    return np.concatenate([palm.T[None], frames])


def shape_directions(
    surface: Surface, weights: Weights, joints: Float[Array, "16 3"], frames: Float[Array, "15 3 3"], hand: Hand
) -> tuple[Float[Array, "778 3 10"], Float[Array, "16 3 10"]]:
    """Displacement of vertices and joints by one standard deviation of each component, in the vertices' unit."""
    axes = bone_axes(frames)
    vertices, moved = [], []
    for strain in strains():
        stretch = axes @ (strain[:, :, None] * np.swapaxes(axes, 1, 2))
        shift = np.zeros((16, 3))
        for joint in range(1, 16):
            parent = int(PARENTS[joint])
            shift[joint] = shift[parent] + stretch[parent] @ (joints[joint] - joints[parent])
        arms = surface.vertices[:, None] - joints[None]
        per_bone = shift + np.einsum("jab,vjb->vja", stretch, arms)
        vertices.append(np.einsum("vj,vja->va", weights, per_bone))
        moved.append(shift)
    vertices.append(_muscle(surface, hand))
    moved.append(np.zeros((16, 3)))
    return np.stack(vertices, axis=-1), np.stack(moved, axis=-1)


def _muscle(surface: Surface, hand: Hand) -> Float[Array, "778 3"]:
    """Fuller thumb and little finger balls: 2 mm outward where they are highest."""
    points = surface.vertices
    out = flesh.normals(hand.distance, points)
    palmar = flesh.smoothstep(0.5 - 0.8 * out[:, 1])
    bulge = np.zeros(len(points))
    for centre, radius in ((np.array([-34.0, -24.0, 26.0]), 26.0), (np.array([-32.0, -20.0, -25.0]), 28.0)):
        bulge += np.exp(-0.5 * (np.linalg.norm(points - centre, axis=1) / (0.55 * radius)) ** 2)
    bulge[surface.digit != PALM] *= 0.3
    bulge[surface.wrist_ring] = 0.0
    return np.asarray(2.0 * (np.minimum(bulge, 1.0) * palmar)[:, None] * out)
