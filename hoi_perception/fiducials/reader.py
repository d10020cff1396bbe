"""Poses of instruments by the markers that their descriptions declare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.fiducials.borders import corner_sigma_px, sharp_corners
from hoi_perception.fiducials.detection import MarkerFinder, SeenMarker
from hoi_perception.fiducials.square_pose import SquarePose, square_pose
from hoi_perception.instruments.description import MARKER_DICTIONARIES, Fiducial, NamedFrame
from hoi_perception.instruments.kinematics import (
    InstrumentState,
    JointTree,
    frame_jacobian,
    named_frames,
    pose_frames,
    pose_links,
)
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.transforms import skew
from hoi_perception.types import Camera, ToldPose

Array = NDArray[np.float64]
ASSUMED_SIGMA = 0.1
"""Standard deviation of a distance over it where the camera's focal length was only assumed."""


@dataclass(frozen=True, eq=False)
class Bearer:
    """An instrument that is looked for: number of its track, model, joint angles (rad) and their standard deviations.

    `Bearer.of` makes one whose angles nobody knows: anywhere within their limits.
    """

    track_id: int
    model: InstrumentModel
    tree: JointTree
    angles: Float64[Array, " j"]
    angle_sigmas: Float64[Array, " j"]

    @staticmethod
    def of(track_id: int, model: InstrumentModel, tree: JointTree) -> Bearer:
        """One of which nothing is known."""
        middle, span = 0.5 * (tree.lower + tree.upper), tree.upper - tree.lower
        return Bearer(track_id, model, tree, middle, span / np.sqrt(12.0))

    def following(self, angles: Float64[Array, " j"], sigmas: Float64[Array, " j"]) -> Bearer:
        """The same with angles that are known so well; never less sure than when nothing is known."""
        return Bearer(self.track_id, self.model, self.tree, angles, np.minimum(sigmas, self.angle_sigmas))

    @property
    def name(self) -> str:
        """Number and name, for notes."""
        return f"{self.track_id} ({self.model.name})"


@dataclass(frozen=True, eq=False)
class Marked:
    """Poses that markers tell, and a note for each marker that tells none."""

    poses: tuple[ToldPose, ...] = ()
    notes: tuple[str, ...] = ()


class FiducialReader:
    """Looks for markers where instruments have some; keeps nothing but the detectors."""

    def __init__(self) -> None:
        self._finder: tuple[frozenset[str], MarkerFinder] | None = None

    def read(self, image_bgr: UInt8[NDArray[np.uint8], "h w 3"], camera: Camera, bearers: Sequence[Bearer]) -> Marked:
        """What the markers of an image tell; it is looked at only if an instrument has one.

        A marker that several instruments have, or that is seen twice, does not tell which is which, and is left out.
        """
        owners: dict[tuple[str, int], list[tuple[Bearer, Fiducial]]] = defaultdict(list)
        for bearer in bearers:
            for fiducial in bearer.model.description.fiducials:
                owners[fiducial.drawn].append((bearer, fiducial))
        if not owners:
            return Marked()
        grey = np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        seen: dict[tuple[str, int], list[SeenMarker]] = defaultdict(list)
        for marker in self._with([f.dictionary for pairs in owners.values() for _, f in pairs]).found(grey):
            seen[Fiducial(marker.dictionary, marker.number, 0.0, "").drawn].append(marker)
        poses, notes = [], []
        for drawn, pairs in owners.items():
            bearer, fiducial = pairs[0]
            found = seen.get(drawn, [])
            if found and len(pairs) > 1:
                names = " and ".join(other.name for other, _ in pairs)
                notes.append(f"{fiducial.label} left out: the instruments {names} have the same one")
            elif len(found) > 1:
                notes.append(f"{fiducial.label} of instrument {bearer.name} left out: it is seen {len(found)} times")
            elif found:
                pose = marker_pose(grey, camera, found[0], fiducial.size)
                if pose is not None:
                    poses.append(told_by(bearer, fiducial, pose, camera))
        return Marked(tuple(poses), tuple(notes))

    def _with(self, dictionaries: Sequence[str]) -> MarkerFinder:
        """The finder of some dictionaries, of each family the largest."""
        largest: dict[str, str] = {}
        for name in sorted(dictionaries, key=lambda d: MARKER_DICTIONARIES[d]):
            largest[Fiducial(name, 0, 0.0, "").drawn[0]] = name
        wanted = frozenset(largest.values())
        if self._finder is None or self._finder[0] != wanted:
            self._finder = wanted, MarkerFinder(wanted)
        return self._finder[1]


def marker_pose(
    grey: UInt8[NDArray[np.uint8], "h w"], camera: Camera, marker: SeenMarker, size: float
) -> SquarePose | None:
    """The pose of a marker of that size (m); None where its borders are not clear enough."""
    rays = sharp_corners(grey, marker.corners_px, camera)
    if rays is None:
        return None
    return square_pose(rays, size, camera, corner_sigma_px(marker.corners_px, marker.cells))


def told_by(bearer: Bearer, fiducial: Fiducial, marker: SquarePose, camera: Camera) -> ToldPose:
    """The pose of an instrument's base link by one of its markers.

    Joints between both are where they were taken to be last, and add to the covariance what is not known of them.
    """
    frames = named_frames(bearer.model, (NamedFrame("marker", fiducial.link, fiducial.pose),))
    posed = pose_links(bearer.tree, InstrumentState(np.eye(3)[None], np.zeros((1, 3)), bearer.angles[None]))
    R_base, t_base = (values[0, 0] for values in pose_frames(posed, frames))
    R = marker.R @ R_base.T
    arm = R @ t_base
    A = np.eye(6)
    A[:3, 3:] = skew(arm)
    moved = frame_jacobian(bearer.tree, posed, frames)[0, 0, :, 6:]
    shift, turn = R @ moved[:3], R @ moved[3:]
    B = np.concatenate([np.cross(turn.T, arm).T - shift, -turn]) * bearer.angle_sigmas
    covariance = A @ marker.covariance @ A.T + B @ B.T
    if camera.assumed:
        covariance[:3, :3] += ASSUMED_SIGMA**2 * np.outer(marker.t, marker.t)
    return ToldPose(bearer.track_id, R, marker.t - arm, covariance, fiducial.label, in_image=True)
