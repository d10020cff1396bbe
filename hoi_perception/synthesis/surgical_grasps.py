"""The grasps that surgeons are taught for each kind of instrument, beside those that its description names.

Scalpel: pencil (`pen`, `tripod`), palmar or table knife (`palmar`), fingertip or violin bow (`fingertip`). Ring
handles: thumb-ring tripod (`rings`); needle holders also `thenar`, with the thumb out of its ring. Forceps: pencil, and
from above with all finger tips (`fingertip`). Retractors: `fist` and `hook`. To pick up and to pass: `pinch`, and
`offer` by the working end. The names are those of textbooks of basic surgical technique; the angles are typical, fitted
to the open hand. All are starts that `gripping.take` closes and checks, so they need not be free of penetration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import grasp_angles, joint_frames, pose_from_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import FINGER_JOINTS
from hoi_perception.instruments.description import Grasp, InstrumentDescription, Pose
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.transforms import align_similarity, quaternion_wxyz_from_rotation
from hoi_perception.types import Side

Array = NDArray[np.float64]
Place = tuple[float, float, float]
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_PAD_M = 0.006
"""How far a finger's pad lies off its middle line."""

_KNIFE = ((30, 0, 18, 8), (62, 3, 74, 40), (66, 8, 76, 42), (68, 12, 70, 40), (34, 34, -36, 14, 12))
_TIPS = ((58, 2, 38, 22), (64, 4, 40, 24), (64, 7, 44, 26), (62, 10, 44, 26), (39, 31, -41, 9, 5))
_HOOK = ((38, 0, 84, 42), (40, 3, 86, 42), (42, 7, 86, 42), (44, 11, 82, 40), (20, 22, -26, 12, 14))
_THENAR = ((34, 2, 30, 14), (48, 3, 56, 28), (56, 8, 58, 30), (60, 12, 60, 32), (30, 22, -34, 8, 6))
"""Degrees: index, middle, ring and little finger (knuckle flexion, abduction, PIP, DIP), then the thumb (flexion,
abduction and twist of the saddle joint, MCP, IP), as in `hands.grasps`."""

_RINGS = ("needle_holder", "scissors", "haemostat", "tissue_forceps")
_INTENDED = {
    "palmar": ("index", "middle", "ring", "thumb"),
    "fingertip": ("index", "middle", "ring", "thumb"),
    "pinch": ("index", "middle", "thumb"),
    "offer": ("index", "middle", "thumb"),
    "thenar": ("index", "middle", "ring", "thumb"),
    "hook": ("index", "middle", "pinky", "ring"),
}
_SLENDER_MM = {
    "scalpel_10": 74.0,
    "scalpel_11": 74.0,
    "scalpel_15": 74.0,
    "adson_forceps": 58.0,
    "debakey_forceps": 96.0,
    "micro_tweezers": 60.0,
    "microsurgical_forceps": 60.0,
    "bone_curette": 88.0,
}
"""Where (x, mm) all finger tips take a slender instrument from above."""
_PASSED_MM = {
    "debakey_forceps": 172.0,
    "kelly_haemostat": 36.0,
    "mosquito_haemostat": 28.0,
    "mayo_hegar_needle_holder": 24.0,
    "mayo_scissors": 50.0,
    "metzenbaum_scissors": 50.0,
    "bone_curette": 152.0,
    "yankauer_suction": 225.0,
}
"""Where (x, mm) the working end is taken between finger tips to offer the handle; no knife is passed so."""


def intended(grasp: str) -> tuple[str, ...] | None:
    """The fingers that a grasp of this module is meant to hold by; None for those of the library itself."""
    return _INTENDED.get(grasp)


def with_surgical_grasps(model: InstrumentModel) -> InstrumentModel:
    """The instrument with the further grasps of its kind in its description."""
    description = model.description
    extra = tuple(grasp for grasp in _further(description) if grasp.name not in {g.name for g in description.grasps})
    return replace(model, description=replace(description, grasps=description.grasps + extra))


def _further(description: InstrumentDescription) -> list[Grasp]:
    jaw = {name: angle for grasp in description.grasps[:1] for name, angle in grasp.joint_positions}
    made: list[Grasp] = []
    kind = description.instrument_class
    if kind == "scalpel":
        made.append(
            _fitted(
                "palmar",
                _KNIFE,
                {
                    "index_pad": (99.0, 9.0, 1.0),
                    "index_1": (38.0, 27.0, 2.0),
                    "thumb_pad": (74.0, 0.0, -6.0),
                    "middle_pad": (66.0, -3.0, 6.0),
                    "ring_curl": (46.0, -2.0, 0.0),
                },
            )
        )
    if kind == "scalpel":
        made.append(_from_above("fingertip", _SLENDER_MM[description.name], jaw, across=False))
    if kind == "forceps":
        made.append(_from_above("fingertip", _SLENDER_MM[description.name], jaw, across=True))
    if description.name in _SLENDER_MM:
        made.append(_from_above("pinch", _SLENDER_MM[description.name], jaw, across=True))
    if description.name in _PASSED_MM:
        made.append(_from_above("offer", _PASSED_MM[description.name], jaw, across=True))
    if kind in _RINGS:
        shank = next(r.box.pose.xyz[0] for r in description.grasp_regions if r.name == "shank" and r.box is not None)
        made.append(_from_above("pinch", 600.0 * shank, jaw, across=True))
    if kind == "retractor":
        made.append(_hook())
    if kind == "needle_holder":
        made.append(_thenar(description, jaw))
    return made


def _from_above(name: str, x: float, jaw: Mapping[str, float], *, across: bool) -> Grasp:
    """Thumb on one side, the other tips on the other, the palm above.

    `across` holds by the sides at -y and +y with the palm at +z, else by those at -z and +z with the palm at +y.
    """

    def at(along: float, sign: float) -> Place:
        return (x + along, sign * 6.0, 4.0) if across else (x + along, 0.0, sign * 6.0)

    places = {
        "thumb_pad": at(2.0, -1.0),
        "index_pad": at(14.0, 1.0),
        "middle_pad": at(0.0, 1.0),
        "middle_1": (x - 2.0, 0.0, 58.0) if across else (x - 2.0, 58.0, 0.0),
    }
    if name == "fingertip":
        places["ring_pad"] = at(-13.0, 1.0)
    return _fitted(name, _TIPS, places, jaw)


def _hook() -> Grasp:
    """Four bent fingers round the bar, the blade that works away from the palm's heel."""
    curls = {"index_curl": 30.0, "middle_curl": 10.0, "ring_curl": -11.0, "pinky_curl": -31.0}
    places: dict[str, Place] = {name: (x, 0.0, 0.0) for name, x in curls.items()}
    return _fitted("hook", _HOOK, {**places, "middle_1": (12.0, 0.0, 27.0)})


def _thenar(description: InstrumentDescription, jaw: Mapping[str, float]) -> Grasp:
    """The ring finger in its ring, the other ring against the ball of the thumb, the index finger along the shank."""
    boxes = {region.name: region.box.pose.xyz for region in description.grasp_regions if region.box is not None}
    (tx, ty, _), (fx, fy, _), (sx, _, _) = (boxes[name] for name in ("thumb_ring", "finger_ring", "shank"))
    places = {
        "ring_pad": (1000.0 * fx, 1000.0 * fy, 0.0),
        "index_pad": (1000.0 * sx, -8.0, -9.0),
        "thenar": (1000.0 * tx, 1000.0 * ty + 14.0, -6.0),
        "thumb_pad": (1000.0 * sx - 8.0, 9.0, 2.0),
    }
    return _fitted("thenar", _THENAR, places, jaw)


def _fitted(
    name: str, row: tuple[tuple[int, ...], ...], places: Mapping[str, Place], jaw: Mapping[str, float] | None = None
) -> Grasp:
    """A grasp of the right hand whose points lie nearest to `places` (mm, base link)."""
    angles = _angles(row)
    points = _hand_points(angles.tobytes())
    on_instrument = 0.001 * np.array(list(places.values()))
    in_hand = np.array([points[key] for key in places])
    R = np.asarray(align_similarity(on_instrument, in_hand)[1], dtype=np.float64)
    t = in_hand.mean(axis=0) - R @ on_instrument.mean(axis=0)
    pose = Pose((float(t[0]), float(t[1]), float(t[2])), _roll_pitch_yaw(R))
    values = tuple(float(angle) for angle in angles.ravel())
    return Grasp(name, Side.RIGHT, pose, angles=values, joint_positions=tuple((jaw or {}).items()))


def _angles(row: tuple[tuple[int, ...], ...]) -> Float64[Array, "15 3"]:
    *fingers, thumb = row
    angles = np.zeros_like(grasp_angles()["flat"])
    for name, (flexion, abduction, pip, dip) in zip(_FINGERS[1:], fingers, strict=True):
        first = FINGER_JOINTS[name][0] - 1
        angles[first, :2] = flexion, abduction
        angles[first + 1, 0], angles[first + 2, 0] = pip, dip
    angles[12], angles[13:, 0] = thumb[:3], thumb[3:]
    return np.asarray(np.radians(angles), dtype=np.float64)


@lru_cache(maxsize=16)
def _hand_points(angles: bytes) -> dict[str, Float64[Array, "3"]]:
    """Places on the mean right hand in the wrist's frame (m): `<finger>_1`, `_pad`, `_curl`, and `thenar`."""
    shaped = HandModel.load().with_shape(np.zeros(10))
    pose = pose_from_angles(np.frombuffer(angles).reshape(15, 3), joint_frames(shaped.joints21_rest()))
    joints = np.asarray(shaped.with_pose(np.concatenate([np.zeros(3), pose]).reshape(16, 3)).joints21())
    joints = joints - joints[0]
    points: dict[str, Float64[Array, "3"]] = {}
    for k, finger in enumerate(_FINGERS):
        chain = joints[1 + 4 * k : 5 + 4 * k]
        last = (chain[3] - chain[2]) / np.linalg.norm(chain[3] - chain[2])
        inward = 0.5 * (chain[0] + chain[1]) - chain[2]
        inward = inward - last * (inward @ last)
        palmar = inward / max(float(np.linalg.norm(inward)), 1e-9)
        points[f"{finger}_1"], points[f"{finger}_curl"] = chain[0], chain.mean(axis=0)
        points[f"{finger}_pad"] = 0.45 * chain[2] + 0.55 * chain[3] + _PAD_M * palmar
    points["thenar"] = 0.5 * (joints[1] + joints[2]) + np.array([0.0, -0.018, 0.0])
    return points


def _roll_pitch_yaw(R: Float64[Array, "3 3"]) -> Place:
    w, x, y, z = quaternion_wxyz_from_rotation(R)
    roll = np.arctan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2.0 * (w * y - z * x), -1.0, 1.0))
    yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    return float(roll), float(pitch), float(yaw)
