"""Poses of instruments by other sources as they come: checked, and sorted by the instruments they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hoi_perception.instrument_tracking.anchoring import GATE, surprise
from hoi_perception.instruments.kinematics import InstrumentState, JointTree
from hoi_perception.types import ToldPose

SUREST_M, SUREST_RAD = 1e-4, 1e-3
"""Standard deviations that no source is taken to be below."""
_WIDEST = 1e12
"""Variance over the least one beyond which a source says nothing: it is taken for this."""
_OFF_ROTATION = 1e-3
SLACK_RAD = 0.01
"""How far beyond a joint's limit a stated angle may be."""


@dataclass(frozen=True, eq=False)
class Given:
    """Poses that can be used by the numbers of instruments, those seen in the image first; a note for each other."""

    of: Mapping[int, tuple[ToldPose, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def given_poses(poses: Sequence[ToldPose], trees: Mapping[int, JointTree]) -> Given:
    """What poses of a frame there are of each instrument that is looked for; `trees` are theirs.

    A pose that contradicts one that was seen in the image, or is surer, is left out.
    """
    of: dict[int, tuple[ToldPose, ...]] = {}
    notes = []
    for pose in sorted(poses, key=lambda p: (not p.in_image, _size(p))):
        number, where = pose.track_id, f"pose of instrument {pose.track_id} by {pose.source}"
        tree = trees.get(number)
        if tree is None:
            known = ", ".join(map(str, sorted(trees))) or "none"
            notes.append(f"{where} left out: no instrument has this number, there are {known}")
            continue
        wrong = _wrong(pose, tree)
        if wrong:
            notes.append(f"{where} left out: {wrong}")
            continue
        pose, before = _usable(pose, tree), of.get(number, ())
        other = next((p for p in before if p.source == pose.source or not _go_together(p, pose)), None)
        if other is not None:
            reason = "it is told twice" if other.source == pose.source else f"it contradicts that by {other.source}"
            notes.append(f"{where} left out: {reason}")
            continue
        of[number] = (*before, pose)
    return Given(of, tuple(notes))


def _wrong(pose: ToldPose, tree: JointTree) -> str:
    """Why a pose cannot be used; "" where it can."""
    R, t, C, angles = pose.R_camera_instrument, pose.t_camera_instrument, pose.covariance, pose.joint_positions
    if not all(np.isfinite(values).all() for values in (R, t, C, *(() if angles is None else (angles,)))):
        return "it is not finite"
    if np.abs(R @ R.T - np.eye(3)).max() > _OFF_ROTATION or np.linalg.det(R) < 0.0:
        return "its rotation is none"
    if t[2] <= 0.0:
        return f"it is {-t[2]:.3f} m behind the camera; it has to be in the camera's optical frame (z forward)"
    if np.abs(C - C.T).max() > 1e-6 * np.abs(C).max() or np.linalg.eigvalsh(C).min() < -1e-6 * np.abs(C).max():
        return "its covariance is none: give one that is symmetric and has no negative variance"
    if angles is None:
        return ""
    if len(angles) != tree.n_joints:
        return f"it has {len(angles)} joint angles, the instrument {tree.n_joints}"
    if (angles < tree.lower - SLACK_RAD).any() or (angles > tree.upper + SLACK_RAD).any():
        return "a joint angle is beyond its limits"
    return ""


def _usable(pose: ToldPose, tree: JointTree) -> ToldPose:
    """A pose with a covariance that is neither surer nor less sure than any can be, and angles within limits."""
    unit = np.repeat([SUREST_M, SUREST_RAD], 3)
    values, vectors = np.linalg.eigh(pose.covariance / np.outer(unit, unit))
    steps = unit[:, None] * vectors * np.sqrt(np.clip(values, 1.0, _WIDEST))
    angles = pose.joint_positions
    angles = None if angles is None else np.clip(angles, tree.lower, tree.upper)
    return replace(pose, covariance=steps @ steps.T, joint_positions=angles)


def _go_together(a: ToldPose, b: ToldPose) -> bool:
    state = InstrumentState(a.R_camera_instrument[None], a.t_camera_instrument[None], np.zeros((1, 0)))
    return surprise(b, state, a.covariance) <= GATE


def _size(pose: ToldPose) -> float:
    """How unsure a pose is, for an order; infinite for one that is not finite."""
    size = float(np.trace(pose.covariance[:3, :3]))
    return size if np.isfinite(size) else float("inf")
