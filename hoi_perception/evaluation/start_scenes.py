"""Sequences in which an instrument has to be found: pictures, the hand with its errors, and masks with theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.evaluation.region_scenes import Body, drawn, filmed
from hoi_perception.evaluation.region_sequences import HandError, Stage
from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker, boundary_shift, moved_boundary, random_direction
from hoi_perception.synthesis.grasp_truth import GraspSequence
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import HandParameters

Array = NDArray[np.float64]
LANDMARK_SIGMA = 0.012
"""Standard deviation of landmarks that the tracker takes for granted, over the size of the hand in the picture."""
BOUNDARY_PX, BOUNDARY_LENGTH_PX = 2.0, 12.0
"""How far the borders of masks err (standard deviation), and over which length alike, px."""
TOLD_M, TOLD_RAD = 0.010, float(np.radians(10.0))
"""Errors of a pose that a user tells."""


class StartScene:
    """One sequence: everything by its seed. `empty` leaves the instrument out of the pictures."""

    def __init__(self, sequence: GraspSequence, cluttered: bool, seed: int, *, empty: bool = False) -> None:
        self.rng = np.random.default_rng([seed, 73])
        self.stage = Stage(sequence, cluttered, HandError(), np.random.default_rng([seed, 72]))
        self._maker = EvidenceMaker()
        self._mesh = InstrumentMesh.of(self.stage.model)
        self._empty = empty
        self._pictures: dict[int, UInt8[NDArray[np.uint8], "h w 3"]] = {}

    def __len__(self) -> int:
        return len(self.stage.frames)

    def picture(self, k: int) -> UInt8[NDArray[np.uint8], "h w 3"]:
        """What the camera sees; the same every time."""
        if k not in self._pictures:
            self._pictures[k] = self._drawn(k)
        return self._pictures[k]

    def _drawn(self, k: int) -> UInt8[NDArray[np.uint8], "h w 3"]:
        stage = self.stage
        body = stage.contour.placed(pose_links(stage.contour.tree, stage.state(k)))
        bodies = [Body(stage.vertices(k), stage.hand.faces, stage.skin)]
        if not self._empty:
            bodies.insert(0, Body(body, stage.contour.faces, stage.steel))
        return filmed(drawn(stage.background, bodies, stage.camera), stage.rng)

    def hand(self, k: int) -> HandView:
        """The hand as it is seen: as a whole it is off by `HandError`."""
        stage, truth = self.stage, self.stage.frames[k]
        vertices = stage.vertices(k)
        R, t = stage.misplaced(k, vertices.mean(axis=0))
        pose = truth.hand.pose.copy()
        pose[0] = axis_angle_from_rotation(R @ np.asarray(rotation_from_axis_angle(pose[0])))
        parameters = HandParameters(pose, truth.hand.shape, R @ truth.hand.wrist_camera + t)
        px = self._maker.landmarks(replace(truth, hand=parameters))
        sigma = LANDMARK_SIGMA * float(np.ptp(px, axis=0).max())
        points = np.asarray(undistort(px, truth.camera), dtype=np.float64)
        term = LandmarkTerm(0, points, np.full(len(px), truth.camera.focal_px / sigma))
        return HandView(truth.side, 1, parameters, term, px, vertices @ R.T + t)

    def mask(self, k: int) -> Bool[NDArray[np.bool_], "h w"]:
        """The visible pixels of the instrument, with errors of their border."""
        mask = self._maker.masks(self.stage.frames[k], self._mesh)[0]
        return with_border_error(mask, self.rng)

    def told(self, k: int) -> InstrumentState:
        """The pose as a user tells it: the middle off by `TOLD_M`, turned by `TOLD_RAD`."""
        truth = self.stage.state(k)
        pivot = truth.R[0] @ self.stage.contour.middle + truth.t[0]
        turn = np.asarray(rotation_from_axis_angle(TOLD_RAD * random_direction(self.rng)), dtype=np.float64)
        t = pivot + turn @ (truth.t[0] - pivot) + TOLD_M * random_direction(self.rng)
        return InstrumentState((turn @ truth.R[0])[None], t[None], truth.angles)


def with_border_error(mask: Bool[NDArray[np.bool_], "h w"], rng: np.random.Generator) -> Bool[NDArray[np.bool_], "h w"]:
    """The mask with a border that errs by `BOUNDARY_PX`."""
    return moved_boundary(mask, BOUNDARY_PX * boundary_shift(mask.shape, BOUNDARY_LENGTH_PX, rng))
