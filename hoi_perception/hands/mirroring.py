"""The other hand of a hand file, and the sign error of the official left file.

Mirroring is in the plane x = 0 of the file's own frame: points (-x, y, z), axis-angle (x, -y, -z), faces wound the
other way. A mirrored file posed with mirrored parameters gives exactly the mirrored mesh.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.hands.mano_file import HandFile
from hoi_perception.types import Side

Array = NDArray[np.floating]
_POINT_SIGNS = np.array([-1.0, 1.0, 1.0])
_AXIS_ANGLE_SIGNS = np.array([1.0, -1.0, -1.0])
_SAME_HAND_M = 0.01
_MIDDLE_1 = 4


class LeftSign(Enum):
    """What to do about the sign of `shapedirs[:, 0, :]` in a left file.

    AUTO: corrected where it is found wrong. KEEP: used as it is, for data annotated with the uncorrected file. APPLY:
    negated whatever is found.
    """

    AUTO = "auto"
    KEEP = "keep"
    APPLY = "apply"


def mirror_points(points: Float[Array, "*b 3"]) -> Float[Array, "*b 3"]:
    """Points or translations of the other hand."""
    return np.asarray(points * _POINT_SIGNS)


def mirror_axis_angle(pose: Float[Array, "*b 3"]) -> Float[Array, "*b 3"]:
    """Axis-angle rotations of the other hand."""
    return np.asarray(pose * _AXIS_ANGLE_SIGNS)


def mirror_hand_file(file: HandFile) -> HandFile:
    """The other hand's file."""
    matrix_signs = np.outer(_POINT_SIGNS, _POINT_SIGNS).ravel()  # of the nine entries of M R M
    pose_signs = np.tile(_AXIS_ANGLE_SIGNS, file.hands_mean.size // 3)
    return replace(
        file,
        v_template=file.v_template * _POINT_SIGNS,
        shapedirs=file.shapedirs * _POINT_SIGNS[:, None],
        posedirs=file.posedirs * _POINT_SIGNS[:, None] * np.tile(matrix_signs, file.posedirs.shape[2] // 9),
        f=np.ascontiguousarray(file.f[:, [0, 2, 1]]),
        hands_components=file.hands_components * pose_signs,
        hands_mean=file.hands_mean * pose_signs,
    )


def side_of(file: HandFile) -> Side:
    """Which hand the file holds: a right hand's fingers point along -x of MANO's frame, a left hand's along +x."""
    joints = file.J_regressor @ file.v_template
    return Side.RIGHT if joints[0, 0] > joints[_MIDDLE_1, 0] else Side.LEFT


def left_sign_is_wrong(left: HandFile, right: HandFile | None) -> bool:
    """Whether `shapedirs[:, 0, :]` of a left file has the wrong sign.

    With the right file of the same model: whether the mirrored right directions fit better once negated in x. Without:
    whether the components that change the hand's size shrink it along x while they grow it along y and z.
    """
    if right is not None and _same_model(left, right):
        return bool((left.shapedirs[:, 0] * mirror_hand_file(right).shapedirs[:, 0]).sum() < 0)
    centred = left.v_template - left.v_template.mean(axis=0)
    growth = np.einsum("va,vak->ak", centred, left.shapedirs) / np.sum(centred**2, axis=0)[:, None]
    return bool((growth[0] * (growth[1] + growth[2])).sum() < 0)


def _same_model(left: HandFile, right: HandFile) -> bool:
    return bool(np.abs(mirror_points(right.v_template) - left.v_template).max() < _SAME_HAND_M)


def correct_left_sign(left: HandFile, right: HandFile | None, choice: LeftSign) -> tuple[HandFile, str]:
    """The left file with `choice` carried out, and a sentence for the user ("" when there is nothing to say)."""
    wrong = left_sign_is_wrong(left, right)
    comparable = right is not None and _same_model(left, right)
    compared = f"the mirrored {right.source}" if right is not None and comparable else "its own size components"
    found = f"{left.source}: shapedirs[:, 0, :] has the wrong sign, the known error of the left file, by {compared}"
    if choice is LeftSign.KEEP:
        return left, f"{found}; kept as asked" if wrong else ""
    if choice is LeftSign.AUTO and not wrong:
        return left, ""
    shapedirs = left.shapedirs.copy()
    shapedirs[:, 0] *= -1.0
    if choice is LeftSign.AUTO:
        text = f"{found}; corrected (left_sign=KEEP leaves it, for data annotated with the uncorrected file)"
    else:
        text = f"{left.source}: shapedirs[:, 0, :] negated as asked, although it {'was' if wrong else 'was not'} wrong"
    return replace(left, shapedirs=shapedirs), text
